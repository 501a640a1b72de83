/* P = amplitude (k/pivot)^index for k_min <= k <= k_max, 0 elsewhere. */
#include <math.h>
#include <stdlib.h>

#include "field/spectra.h"
#include "sculptor/memory.h"
#include "sculptor/vecmath.h"

struct settings { double amplitude, index, pivot, k_min, k_max; };

static const struct param params[] = {
        {.key = "amplitude", .kind = PARAM_REAL, .offset = offsetof(struct settings, amplitude), .range = "[0, inf)",
         .unit = "length^axes", .help = "P at the pivot"},
        {.key = "index", .kind = PARAM_REAL, .offset = offsetof(struct settings, index), .range = "[-20, 20]",
         .help = "power n of P = amplitude (k/pivot)^n"},
        {.key = "pivot", .kind = PARAM_REAL, .offset = offsetof(struct settings, pivot), .fallback = "1",
         .range = "(0, inf)", .unit = "1/length", .help = "wavenumber at which P is the amplitude"},
        {.key = "k_min", .kind = PARAM_REAL, .offset = offsetof(struct settings, k_min), .fallback = "0",
         .range = "[0, inf)", .unit = "1/length", .help = "below this wavenumber P is 0"},
        {.key = "k_max", .kind = PARAM_REAL, .offset = offsetof(struct settings, k_max), .fallback = "none",
         .automatic = "none", .range = "(0, inf)", .unit = "1/length", .help = "above this wavenumber P is 0"},
        PARAM_END};

static void check(const void *configured, const struct params_scope *scope)
{
        const struct settings *settings = configured;
        if (settings->k_max <= settings->k_min) /* false for none */
                params_problem(scope, "k_max", "%g is not above k_min, %g", settings->k_max, settings->k_min);
}

static void *create(const void *configured, struct power_spectrum_fault *fault)
{
        (void)fault;
        struct settings *model = allocate(1, sizeof *model);
        *model = *(const struct settings *)configured;
        if (isnan(model->k_max))
                model->k_max = INFINITY;
        return model;
}

static double at(const void *configured, double k)
{
        const struct settings *model = configured;
        if (k < model->k_min || k > model->k_max)
                return 0;
        return model->amplitude * vm_exp(model->index * vm_log(k / model->pivot));
}

static void range(const void *configured, double *k_low, double *k_high)
{
        const struct settings *model = configured;
        *k_low = model->k_min;
        *k_high = model->k_max;
}

const struct power_spectrum_type power_spectrum_power_law = {
        .name = "power_law", .help = "a power of k between two cut-offs",
        .params = params, .settings_size = sizeof(struct settings), .check = check, .create = create, .free = free,
        .at = at, .range = range,
};
