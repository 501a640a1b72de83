/* The Metropolis-adjusted Langevin algorithm: unadjusted Langevin's step as a proposal,
 *
 *     x' = x + e s(x) + sqrt(2 e) z,
 *
 * accepted with probability min(1, p(x') q(x|x') / (p(x) q(x'|x))), q(x'|x) = N(x'; x + e s(x), 2 e I).
 * With u = z + sqrt(e/2) (s(x) + s(x')) the logarithm of the ratio of the q is (|z|^2 - |u|^2)/2.
 *
 * Exact: no bias at any e. In high dimension e ~ n_dim^(-1/3), best at 57.4% accepted [Roberts &
 * Rosenthal 1998]. One evaluation of score and log density a step, one more at the start of a level.
 * Local. [Besag 1994; Roberts & Tweedie 1996] */
#include <string.h>

#include "metropolis.h"

struct proposal {
        double half_noise; /* sqrt(e/2) */
        const double *z, *s_here, *s_there;
};

/* (z^2 - u^2)/2, as (z - u)(z + u)/2, which cancels less. */
static void add_gain(void *owner, size_t begin, size_t end, double *restrict gain)
{
        const struct proposal *proposal = owner;
        const double c = proposal->half_noise;
        const double *restrict z = proposal->z, *restrict here = proposal->s_here, *restrict there = proposal->s_there;
        for (size_t row = begin; row < end; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++) {
                        const double half = c * (here[row + lane] + there[row + lane]); /* u - z */
                        gain[lane] = fma(-half, fma(0.5, half, z[row + lane]), gain[lane]);
                }
}

static void advance(const void *settings, const struct stretch *stretch)
{
        (void)settings;
        const size_t n = stretch_size(stretch);
        const double e = stretch->step_size, noise = sqrt(2 * e), half_noise = sqrt(e / 2);
        _Alignas(64) double log_here[LANES], log_there[LANES], gain[LANES];
        struct place here = {.x = stretch->x, .score = stretch_work(stretch, 0), .log_p = log_here};
        struct place there = {.x = stretch_work(stretch, 1), .score = stretch_work(stretch, 2), .log_p = log_there};
        double *restrict z = stretch_work(stretch, 3);

        metropolis_eval(stretch, &here);
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                stretch_normal(stretch, RNG_NOISE, step, 0, z);
                for (size_t i = 0; i < n; i++)
                        there.x[i] = fma(noise, z[i], fma(e, here.score[i], here.x[i]));
                metropolis_eval(stretch, &there);
                memset(gain, 0, sizeof gain);
                stretch_sum(stretch, add_gain, &(struct proposal){half_noise, z, here.score, there.score}, gain);
                metropolis_decide(stretch, step, gain, &here, &there);
                if (stretch_broken(stretch, step))
                        return;
        }
        stretch_count(stretch, stretch->step_end - stretch->step_begin + (stretch->step_begin == 0));
}

const struct scheme scheme_mala = {
        .name = "mala", .help = "Metropolis-adjusted Langevin: exact, needs log p; best at 57.4% accepted",
        .needs_log_density = true, .langevin = true, .adapts = true, .step_power = 2, .n_work = 4,
        .target_acceptance = 0.574, .advance = advance,
};
