/* Unadjusted Langevin, the Euler-Maruyama scheme of dX = s dt + sqrt(2) dW:
 *
 *     x <- x + e s(x) + sqrt(2 e) z,   z ~ N(0, I).
 *
 * Weak order 1: stationary bias O(e); on N(0, d) the variance is d/(1 - e/(2d)), stable for 0 < e < 2d.
 * One score evaluation a step. Local. [Roberts & Tweedie 1996] */
#include "schemes.h"

static void advance(const void *settings, const struct stretch *stretch)
{
        (void)settings;
        const double e = stretch->step_size, noise = sqrt(2 * e);
        double *x = stretch->x, *s = stretch_work(stretch, 0);
        double *z = stretch->layout ? NULL : stretch_work(stretch, 1);

        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                score_eval(stretch->level, x, s);
                stretch_langevin(stretch, step, e, noise, s, z, x);
                if (stretch_broken(stretch, step))
                        return;
        }
        stretch_count(stretch, stretch->step_end - stretch->step_begin);
}

const struct scheme scheme_ula = {
        .name = "ula", .help = "unadjusted Langevin, x + e s + sqrt(2 e) z: one evaluation a step, bias O(e)",
        .langevin = true, .step_power = 2, .n_work = 2, .n_work_field = 1, .advance = advance,
};
