/* Langevin dynamics preconditioned by the covariance C of a field's Gaussian part, the inverse of the mass matrix:
 *
 *     dX = C s dt + sqrt(2 C) dW,
 *
 * so that all modes of a Gaussian field relax at the same rate, whatever its power spectrum. A step is
 *
 *     x <- x + e C s(x) + sqrt(2 e) C^(1/2) z,   z white, e without dimension.
 *
 * fourier_ula takes it unadjusted: weak order 1; on N(0, c) per mode the variance is c/(1 - e/2), stable for
 * 0 < e < 2. One score evaluation and two filters a step.
 *
 * fourier_mala accepts it with probability min(1, p(x') q(x|x')/(p(x) q(x'|x))); with
 * u = z + sqrt(e/2) C^(1/2) (s(x) + s(x')) the logarithm of the ratio of the q is (|z|^2 - |u|^2)/2. Exact. One
 * evaluation of score and log density and three filters a step, one evaluation more at the start of a level.
 *
 * Modes with c = 0 are set to 0 at the start of a level and never move. Collective over the domain.
 * [Girolami & Calderhead 2011; Remy et al. 2022] */
#include <string.h>

#include "fourier.h"
#include "metropolis.h"

/* at = x + e C s + sqrt(2 e) C^(1/2) z; z becomes C^(1/2) z, drift C s. `at` may be x. */
static void propose(const struct stretch *stretch, const double *x, const double *s, double *z, double *drift,
                    double *at)
{
        const size_t n = stretch_size(stretch);
        const double e = stretch->step_size, noise = sqrt(2 * e);
        fourier_covariance(stretch, s, drift);
        fourier_root(stretch, z, z);
        for (size_t i = 0; i < n; i++)
                at[i] = fma(noise, z[i], fma(e, drift[i], x[i]));
}

static void advance_ula(const void *settings, const struct stretch *stretch)
{
        (void)settings;
        double *x = stretch->x, *s = stretch_work(stretch, 0), *z = stretch_work(stretch, 1);

        if (stretch->step_begin == 0)
                fourier_settle(stretch, x);
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                score_eval(stretch->level, x, s);
                stretch_normal(stretch, RNG_NOISE, step, 0, z);
                propose(stretch, x, s, z, s, x);
                if (stretch_broken(stretch, step))
                        return;
        }
        stretch_count(stretch, stretch->step_end - stretch->step_begin);
}

struct proposal { const double *z, *half; }; /* half = u - z */

/* (z^2 - u^2)/2 */
static void add_gain(void *owner, size_t begin, size_t end, double *restrict gain)
{
        const struct proposal *proposal = owner;
        const double *restrict z = proposal->z, *restrict half = proposal->half;
        for (size_t row = begin; row < end; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        gain[lane] = fma(-half[row + lane], fma(0.5, half[row + lane], z[row + lane]), gain[lane]);
}

static void advance_mala(const void *settings, const struct stretch *stretch)
{
        (void)settings;
        const size_t n = stretch_size(stretch);
        const double c = sqrt(stretch->step_size / 2);
        _Alignas(64) double log_here[LANES], log_there[LANES], gain[LANES];
        struct place here = {.x = stretch->x, .score = stretch_work(stretch, 0), .log_p = log_here};
        struct place there = {.x = stretch_work(stretch, 1), .score = stretch_work(stretch, 2), .log_p = log_there};
        double *z = stretch_work(stretch, 3), *half = stretch_work(stretch, 4);

        if (stretch->step_begin == 0)
                fourier_settle(stretch, here.x);
        metropolis_eval(stretch, &here);
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                memset(gain, 0, sizeof gain);
                stretch_normal(stretch, RNG_NOISE, step, 0, z);
                propose(stretch, here.x, here.score, z, half, there.x);
                metropolis_eval(stretch, &there);
                for (size_t i = 0; i < n; i++)
                        half[i] = c * (here.score[i] + there.score[i]);
                fourier_root(stretch, half, half);
                stretch_normal(stretch, RNG_NOISE, step, 0, z);
                stretch_sum(stretch, add_gain, &(struct proposal){z, half}, gain);
                metropolis_decide(stretch, step, gain, &here, &there);
                if (stretch_broken(stretch, step))
                        return;
        }
        stretch_count(stretch, stretch->step_end - stretch->step_begin + (stretch->step_begin == 0));
}

const struct scheme scheme_fourier_ula = {
        .name = "fourier_ula",
        .help = "fields: unadjusted Langevin preconditioned by the power spectrum, x + e C s + sqrt(2 e) C^(1/2) z",
        .langevin = true, .needs_filter = true, .n_work = 2, .advance = advance_ula,
};

const struct scheme scheme_fourier_mala = {
        .name = "fourier_mala",
        .help = "fields: MALA preconditioned by the power spectrum: exact, needs log p; best at 57.4% accepted",
        .needs_log_density = true, .langevin = true, .adapts = true, .needs_filter = true, .n_work = 5,
        .target_acceptance = 0.574, .advance = advance_mala,
};
