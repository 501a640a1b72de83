/* The registry of noise rates, and what the processes made of them share. Local. */
#include "rates.h"

static const struct noise_rate *const registry[] = {&rate_linear, &rate_cosine};

static bool rate_variant(size_t i, struct param_variant *variant)
{
        if (i >= sizeof registry / sizeof *registry)
                return false;
        const struct noise_rate *rate = registry[i];
        *variant = (struct param_variant){.name = rate->name, .help = rate->help, .rows = rate->params,
                                          .settings_size = rate->settings_size, .check = rate->check, .type = rate};
        return true;
}

const struct param rates_params[] = {
        {.key = "beta", .kind = PARAM_SELECT, .offset = offsetof(struct rate_settings, rate), .variant = rate_variant,
         .fallback = "linear", .help = "the rate at which noise is added"},
        PARAM_END};

static const struct selection *selected(const void *settings)
{
        return &((const struct rate_settings *)settings)->rate;
}

double rates_beta(const void *settings, double t)
{
        const struct selection *rate = selected(settings);
        return ((const struct noise_rate *)rate->type)->beta(rate->settings, t);
}

double rates_integral(const void *settings, double t)
{
        const struct selection *rate = selected(settings);
        return ((const struct noise_rate *)rate->type)->integral(rate->settings, t);
}

double rates_time(const void *settings, double integral)
{
        const struct selection *rate = selected(settings);
        return ((const struct noise_rate *)rate->type)->time(rate->settings, integral);
}

double rates_t_max(const void *settings)
{
        (void)settings;
        return 1;
}

double rates_scale(const void *settings, double t)
{
        return vm_exp(-0.5 * rates_integral(settings, t));
}

double rates_drift(const void *settings, double t)
{
        return -0.5 * rates_beta(settings, t);
}
