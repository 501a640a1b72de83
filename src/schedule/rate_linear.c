/* The linear rate [Song et al. 2021, eq. 32; the continuous form of Ho et al. 2020]:
 *
 *     beta(t) = beta_min + t (beta_max - beta_min),   B(t) = beta_min t + (beta_max - beta_min) t^2/2. */
#include "rates.h"

struct settings { double beta_min, beta_max; };

static const struct param params[] = {
        {.key = "beta_min", .kind = PARAM_REAL, .offset = offsetof(struct settings, beta_min), .fallback = "0.1",
         .range = "[0, inf)", .help = "rate at t = 0"},
        {.key = "beta_max", .kind = PARAM_REAL, .offset = offsetof(struct settings, beta_max), .fallback = "20",
         .range = "(0, 1000]", .help = "rate at t = 1; e^(-(beta_min + beta_max)/2) is what is left of the data's "
                                       "variance"},
        PARAM_END};

static void check(const void *configured, const struct params_scope *scope)
{
        const struct settings *settings = configured;
        if (settings->beta_min > settings->beta_max)
                params_problem(scope, "beta_min", "%g is above beta_max, %g; the rate grows with the noise",
                               settings->beta_min, settings->beta_max);
}

static double beta(const void *configured, double t)
{
        const struct settings *settings = configured;
        return fma(t, settings->beta_max - settings->beta_min, settings->beta_min);
}

static double integral(const void *configured, double t)
{
        const struct settings *settings = configured;
        return t * fma(0.5 * t, settings->beta_max - settings->beta_min, settings->beta_min);
}

/* The root without cancellation; beta_min may be 0, or equal to beta_max. */
static double time_of(const void *configured, double b)
{
        const struct settings *settings = configured;
        const double slope = settings->beta_max - settings->beta_min;
        const double root = sqrt(fma(2 * slope, b, settings->beta_min * settings->beta_min));
        return b > 0 ? 2 * b / (settings->beta_min + root) : 0;
}

const struct noise_rate rate_linear = {
        .name = "linear", .help = "from beta_min to beta_max",
        .params = params, .settings_size = sizeof(struct settings), .check = check, .beta = beta,
        .integral = integral, .time = time_of,
};
