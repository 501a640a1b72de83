/* Noising by the exact transition kernel of a process, whatever its drift and diffusion between two points a and b of
 * its time, sigma_b > sigma_a [Song et al. 2021, eq. 29 with x_0 replaced by x_a]:
 *
 *     x_b = (alpha_b/alpha_a) x_a + alpha_b sqrt(sigma_b^2 - sigma_a^2) z,   z ~ N(0, I).
 *
 * So all points of a particle lie on one path: Cov(x_a, x_b) = (alpha_b/alpha_a) Var(x_a). No score evaluations.
 * Local. */
#include "diffusion.h"

static int64_t evaluations_per_step(const void *settings)
{
        (void)settings;
        return 0;
}

static void advance(const void *settings, const struct stretch *stretch)
{
        (void)settings;
        double *restrict x = stretch->x, *restrict z = stretch_work(stretch, 0);
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                const struct time_point *a = diffusion_from(stretch, step), *b = diffusion_to(stretch, step);
                const double gain = b->scale / a->scale;
                const double deviation = b->scale * sqrt((b->sigma - a->sigma) * (b->sigma + a->sigma));
                stretch_normal(stretch, RNG_FORWARD, step, 0, z);
                for (size_t i = 0; i < stretch->size; i++)
                        x[i] = fma(deviation, z[i], gain * x[i]);
                if (stretch_broken(stretch, step))
                        return;
        }
}

const struct scheme scheme_noising = {
        .name = "noising", .help = "exact steps from data to noise", .diffusion = true, .n_work = 1,
        .evaluations_per_step = evaluations_per_step, .advance = advance,
};
