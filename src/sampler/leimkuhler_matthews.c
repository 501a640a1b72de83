/* The Leimkuhler-Matthews scheme, unadjusted Langevin with averaged noise:
 *
 *     x <- x + e s(x) + sqrt(e/2) (R_n + R_{n+1}),   R_n ~ N(0, I).
 *
 * Weak order 2 for the stationary distribution at the price of order 1: it is the limit of infinite
 * friction of BAOAB, and on N(0, d) the variance is d exactly. One score evaluation a step. Local.
 *
 * R_n is keyed by its step, so a stretch starts by drawing again what the one before it ended with; R_0
 * of a level is new. [Leimkuhler & Matthews 2013; Leimkuhler, Matthews & Tretyakov 2014] */
#include "schemes.h"

static void advance(const void *settings, const struct stretch *stretch)
{
        (void)settings;
        const size_t n = stretch_size(stretch);
        const double e = stretch->step_size, noise = sqrt(e / 2);
        double *restrict x = stretch->x, *restrict s = stretch_work(stretch, 0);
        double *now = stretch_work(stretch, 1), *next = stretch_work(stretch, 2);

        stretch_normal(stretch, RNG_NOISE, stretch->step_begin, 0, now);
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                score_eval(stretch->level, x, s);
                stretch_normal(stretch, RNG_NOISE, step + 1, 0, next);
                for (size_t i = 0; i < n; i++)
                        x[i] = fma(noise, now[i] + next[i], fma(e, s[i], x[i]));
                double *last = now;
                now = next;
                next = last;
                if (stretch_broken(stretch, step))
                        return;
        }
        stretch_count(stretch, stretch->step_end - stretch->step_begin);
}

const struct scheme scheme_leimkuhler_matthews = {
        .name = "leimkuhler_matthews",
        .help = "Langevin with averaged noise, x + e s + sqrt(e/2) (R_n + R_n+1): one evaluation a step, bias O(e^2)",
        .langevin = true, .step_power = 2, .n_work = 3, .advance = advance,
};
