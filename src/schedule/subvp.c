/* The sub-VP process, whose variance stays below that of VP [Song et al. 2021, eq. 29-31]:
 *
 *     dx = -beta/2 x dt + sqrt(beta (1 - e^-2B)) dW,   B = int_0^t beta,   alpha = e^(-B/2),
 *     alpha sigma = 1 - e^-B,   so   sigma = 2 sinh(B/2). */
#include "processes.h"
#include "rates.h"

static double sigma(const void *settings, double t)
{
        const double e = schedule_expm1(0.5 * rates_integral(settings, t));
        return e + e / (e + 1);
}

static double time_of(const void *settings, double at_sigma)
{
        return rates_time(settings, 2 * schedule_asinh(0.5 * at_sigma));
}

static double diffusion_squared(const void *settings, double t)
{
        return -rates_beta(settings, t) * schedule_expm1(-2 * rates_integral(settings, t));
}

static double sigma_max(const void *settings)
{
        return sigma(settings, rates_t_max(settings));
}

const struct process_type process_subvp = {
        .name = "subvp", .help = "as vp with less noise on the way: for likelihoods",
        .kind = PROCESS_OTHER, .params = rates_params, .settings_size = sizeof(struct rate_settings),
        .unit_prior = true,
        .t_max = rates_t_max, .scale = rates_scale, .sigma = sigma, .time = time_of, .drift = rates_drift,
        .diffusion_squared = diffusion_squared, .sigma_max = sigma_max,
};
