/* Hamiltonian Monte Carlo on fields with the mass matrix C^-1, C the covariance of the field's Gaussian part: a
 * trajectory of L leapfrog steps from velocity v = C^(1/2) z, energy H = -log p + v' C^-1 v/2,
 *
 *     v <- v + (h/2) C s(x);   L - 1 times:  x <- x + h v,  v <- v + h C s(x);   x <- x + h v;   v <- v + (h/2) C s(x),
 *
 * accepted with probability min(1, exp(H - H')). On a Gaussian field every mode turns by the same angle, so that its
 * power spectrum does not limit h: stable for h < 2, without dimension. Modes with c = 0 are set to 0 at
 * the start of a level and never move.
 *
 * Exact: no bias at any h. L score evaluations and filters and one of log p a step, one evaluation more at
 * the start of a level. Collective over the domain. [Duane et al. 1987; Jasche & Kitaura 2010 (mass matrix)] */
#include <string.h>

#include "fourier.h"
#include "metropolis.h"

/* v <- v + t C s */
static void kick(const struct stretch *stretch, double t, const double *s, double *work, double *v)
{
        fourier_covariance(stretch, s, work);
        add_scaled(stretch_size(stretch), t, work, v);
}

static void trajectory(const struct stretch *stretch, int64_t n_leapfrog, const struct place *here,
                       const struct place *there, double *work, double *v)
{
        const size_t n = stretch_size(stretch);
        const double h = stretch->step_size;

        memcpy(there->x, here->x, n * sizeof *there->x);
        kick(stretch, h / 2, here->score, work, v);
        for (int64_t i = 1; i < n_leapfrog; i++) {
                add_scaled(n, h, v, there->x);
                score_eval(stretch->level, there->x, there->score);
                kick(stretch, h, there->score, work, v);
        }
        add_scaled(n, h, v, there->x);
        metropolis_eval(stretch, there);
        kick(stretch, h / 2, there->score, work, v);
}

static void advance(const void *configured, const struct stretch *stretch)
{
        const struct leapfrog_settings *settings = configured;
        _Alignas(64) double log_here[LANES], log_there[LANES], gain[LANES];
        struct place here = {.x = stretch->x, .score = stretch_work(stretch, 0), .log_p = log_here};
        struct place there = {.x = stretch_work(stretch, 1), .score = stretch_work(stretch, 2), .log_p = log_there};
        double *v = stretch_work(stretch, 3), *work = stretch_work(stretch, 4);

        if (stretch->step_begin == 0)
                fourier_settle(stretch, here.x);
        metropolis_eval(stretch, &here);
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                memset(gain, 0, sizeof gain);
                stretch_normal(stretch, RNG_MOMENTUM, step, 0, v);
                fourier_root(stretch, v, v);
                fourier_inverse_root(stretch, v, work);
                metropolis_kinetic(stretch, 1, work, gain);
                trajectory(stretch, settings->leapfrog_steps, &here, &there, work, v);
                fourier_inverse_root(stretch, v, work);
                metropolis_kinetic(stretch, -1, work, gain);
                metropolis_decide(stretch, step, gain, &here, &there);
                if (stretch_broken(stretch, step))
                        return;
        }
        stretch_count(stretch, settings->leapfrog_steps * (stretch->step_end - stretch->step_begin) +
                                       (stretch->step_begin == 0));
}

const struct scheme scheme_fourier_hmc = {
        .name = "fourier_hmc",
        .help = "fields: HMC with the inverse power spectrum as mass: exact, needs log p; best at 65.1% accepted",
        .params = metropolis_leapfrog_params, .settings_size = sizeof(struct leapfrog_settings),
        .needs_log_density = true, .langevin = true, .adapts = true, .needs_filter = true, .n_work = 5,
        .target_acceptance = 0.651, .evaluations_per_step = metropolis_leapfrog_steps, .advance = advance,
};
