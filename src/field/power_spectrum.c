/* The registry of power spectra, and what they share: smoothing and messages. */
#include "sculptor/power_spectrum.h"

#include <math.h>
#include <stdlib.h>

#include "field/spectra.h"
#include "sculptor/memory.h"
#include "sculptor/vecmath.h"

static const struct power_spectrum_type *const registry[] = {
        &power_spectrum_white,         &power_spectrum_power_law, &power_spectrum_table,
        &power_spectrum_eisenstein_hu, &power_spectrum_bbks,
};

struct power_spectrum {
        const struct power_spectrum_type *type;
        void *model;
        double smoothing;
};

static bool variant(size_t i, struct param_variant *found)
{
        if (i >= sizeof registry / sizeof *registry)
                return false;
        const struct power_spectrum_type *type = registry[i];
        *found = (struct param_variant){.name = type->name, .help = type->help, .rows = type->params,
                                        .settings_size = type->settings_size, .check = type->check, .type = type};
        return true;
}

const struct param power_spectrum_params[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = offsetof(struct power_spectrum_settings, type),
         .variant = variant, .help = "the power spectrum P(k)"},
        {.key = "smoothing", .kind = PARAM_REAL, .offset = offsetof(struct power_spectrum_settings, smoothing),
         .fallback = "0", .range = "[0, inf)", .unit = "length",
         .help = "width R of a Gaussian the field is smoothed with: P(k) exp(-k^2 R^2)"},
        PARAM_END};

static struct power_spectrum *create(const struct power_spectrum_settings *settings, struct power_spectrum_fault *fault)
{
        const struct power_spectrum_type *type = settings->type.type;
        void *model = type->create(settings->type.settings, fault);
        if (!model)
                return NULL;
        struct power_spectrum *spectrum = allocate(1, sizeof *spectrum);
        *spectrum = (struct power_spectrum){type, model, settings->smoothing};
        return spectrum;
}

void power_spectrum_check(const void *settings, const struct params_scope *scope)
{
        struct power_spectrum_fault fault = {"", NULL};
        struct power_spectrum *spectrum = create(settings, &fault);
        if (!spectrum)
                params_problem(scope, fault.key, "%s", fault.why);
        power_spectrum_free(spectrum);
}

struct power_spectrum *power_spectrum_create(const struct power_spectrum_settings *settings, const char **why)
{
        struct power_spectrum_fault fault = {"", NULL};
        struct power_spectrum *spectrum = create(settings, &fault);
        *why = fault.why;
        return spectrum;
}

void power_spectrum_free(struct power_spectrum *spectrum)
{
        if (!spectrum)
                return;
        spectrum->type->free(spectrum->model);
        free(spectrum);
}

static double power_at(const void *configured, double k)
{
        const struct power_spectrum *spectrum = configured;
        const double power = spectrum->type->at(spectrum->model, k), kr = k * spectrum->smoothing;
        return spectrum->smoothing > 0 ? power * vm_exp(-kr * kr) : power;
}

double power_spectrum_at(const struct power_spectrum *spectrum, double k)
{
        return power_at(spectrum, k);
}

const char *power_spectrum_covers(const struct power_spectrum *spectrum, double k_low, double k_high)
{
        return spectrum->type->covers ? spectrum->type->covers(spectrum->model, k_low, k_high) : NULL;
}

double power_spectrum_variance(const struct power_spectrum *spectrum, double radius)
{
        struct variance_integrand integrand = {.power = power_at, .model = spectrum, .k_high = INFINITY};
        if (spectrum->type->range)
                spectrum->type->range(spectrum->model, &integrand.k_low, &integrand.k_high);
        return variance_in_spheres(&integrand, radius);
}
