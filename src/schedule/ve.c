/* The variance-exploding process [Song et al. 2021, eq. 9 and 30]: noise grows geometrically, the scale stays 1.
 *
 *     dx = g dW,   sigma(t) = sigma_min (sigma_max/sigma_min)^t,   f = 0,   g^2 = 2 sigma^2 ln(sigma_max/sigma_min).
 *
 * t = 0 has noise sigma_min; less noise has negative times. */
#include "functions.h"
#include "processes.h"

struct settings { double sigma_min, sigma_max; };

static const struct param params[] = {
        {.key = "sigma_min", .kind = PARAM_REAL, .offset = offsetof(struct settings, sigma_min), .range = "(0, inf)",
         .unit = "x", .help = "noise at t = 0"},
        {.key = "sigma_max", .kind = PARAM_REAL, .offset = offsetof(struct settings, sigma_max), .range = "(0, inf)",
         .unit = "x", .help = "noise at t = 1"},
        PARAM_END};

static void check(const void *configured, const struct params_scope *scope)
{
        const struct settings *settings = configured;
        if (!(settings->sigma_min < settings->sigma_max))
                params_problem(scope, "sigma_min", "%g is not below sigma_max, %g; noise grows with time",
                               settings->sigma_min, settings->sigma_max);
}

static double log_ratio(const struct settings *settings)
{
        return vm_log(settings->sigma_max) - vm_log(settings->sigma_min);
}

static double one(const void *settings)
{
        (void)settings;
        return 1;
}

static double unscaled(const void *settings, double t)
{
        (void)settings;
        (void)t;
        return 1;
}

static double no_drift(const void *settings, double t)
{
        (void)settings;
        (void)t;
        return 0;
}

static double sigma(const void *configured, double t)
{
        const struct settings *settings = configured;
        return t == 1 ? settings->sigma_max : settings->sigma_min * vm_exp(t * log_ratio(settings));
}

static double time_of(const void *configured, double at_sigma)
{
        const struct settings *settings = configured;
        if (at_sigma == settings->sigma_max)
                return 1;
        return (vm_log(at_sigma) - vm_log(settings->sigma_min)) / log_ratio(settings);
}

static double diffusion_squared(const void *settings, double t)
{
        const double s = sigma(settings, t);
        return 2 * s * s * log_ratio(settings);
}

static double sigma_max(const void *settings)
{
        return ((const struct settings *)settings)->sigma_max;
}

const struct process_type process_ve = {
        .name = "ve", .help = "noise grows geometrically from sigma_min to sigma_max; the data keep their scale",
        .kind = PROCESS_EXPLODING, .params = params, .settings_size = sizeof(struct settings), .check = check,
        .t_max = one, .scale = unscaled, .sigma = sigma, .time = time_of, .drift = no_drift,
        .diffusion_squared = diffusion_squared, .sigma_max = sigma_max,
};
