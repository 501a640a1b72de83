/* The variance-preserving process [Song et al. 2021, eq. 11; Ho et al. 2020 in discrete steps]:
 *
 *     dx = -beta/2 x dt + sqrt(beta) dW,   abar = e^-B,  B = int_0^t beta,
 *     alpha = sqrt(abar),   sigma = sqrt((1 - abar)/abar) = sqrt(e^B - 1),   f = -beta/2,   g^2 = beta. */
#include "processes.h"
#include "rates.h"

static double sigma(const void *settings, double t)
{
        return sqrt(schedule_expm1(rates_integral(settings, t)));
}

static double time_of(const void *settings, double at_sigma)
{
        return rates_time(settings, schedule_log1p(at_sigma * at_sigma));
}

static double sigma_max(const void *settings)
{
        return sigma(settings, rates_t_max(settings));
}

const struct process_type process_vp = {
        .name = "vp", .help = "the data shrink as noise comes, so that unit variance stays one",
        .kind = PROCESS_PRESERVING, .params = rates_params, .settings_size = sizeof(struct rate_settings),
        .unit_prior = true,
        .t_max = rates_t_max, .scale = rates_scale, .sigma = sigma, .time = time_of, .drift = rates_drift,
        .diffusion_squared = rates_beta, .sigma_max = sigma_max,
};
