/* EDM [Karras et al. 2022]: time is the noise itself, t = sigma, and the scale stays 1:
 *
 *     dx = sqrt(2 t) dW,   alpha = 1,   sigma = t,   f = 0,   g^2 = 2 t. */
#include "processes.h"

static double forever(const void *settings)
{
        (void)settings;
        return INFINITY;
}

static double one(const void *settings, double t)
{
        (void)settings;
        (void)t;
        return 1;
}

static double zero(const void *settings, double t)
{
        (void)settings;
        (void)t;
        return 0;
}

static double same(const void *settings, double t)
{
        (void)settings;
        return t;
}

static double twice(const void *settings, double t)
{
        (void)settings;
        return 2 * t;
}

const struct process_type process_edm = {
        .name = "edm", .help = "time is the noise: x = x_0 + sigma n, t = sigma",
        .kind = PROCESS_EXPLODING, .t_max = forever, .scale = one, .sigma = same, .time = same, .drift = zero,
        .diffusion_squared = twice,
        .sigma_max = forever,
};
