/* Hamiltonian Monte Carlo, mass 1: fresh momenta p ~ N(0, I), L leapfrog steps of size h,
 *
 *     p <- p + (h/2) s(x);   x <- x + h p;   p <- p + (h/2) s(x),
 *
 * and the end point accepted with probability min(1, exp(H(x, p) - H(x', p'))), H = |p|^2/2 - log p(x).
 *
 * Exact: no bias at any h; refuses nearly all where h exceeds 2/omega_max. L is fixed: a trajectory of
 * a whole period of some mode does not move it, so choose h L below pi/omega_min. In high dimension
 * h ~ n_dim^(-1/4), best at 65.1% accepted [Beskos et al. 2013]. L score evaluations and one of log p a
 * step, one more of each at the start of a level. Local. [Duane et al. 1987; Neal 2011] */
#include <string.h>

#include "metropolis.h"

/* From here.x with momenta p to there, score and log density included. */
static void trajectory(const struct stretch *stretch, int64_t n_leapfrog, const struct place *here,
                       const struct place *there, double *p)
{
        const size_t n = stretch_size(stretch);
        const double h = stretch->step_size;

        memcpy(there->x, here->x, n * sizeof *there->x);
        add_scaled(n, h / 2, here->score, p);
        for (int64_t i = 1; i < n_leapfrog; i++) {
                add_scaled(n, h, p, there->x);
                score_eval(stretch->level, there->x, there->score);
                add_scaled(n, h, there->score, p);
        }
        add_scaled(n, h, p, there->x);
        metropolis_eval(stretch, there);
        add_scaled(n, h / 2, there->score, p);
}

static void advance(const void *configured, const struct stretch *stretch)
{
        const struct leapfrog_settings *settings = configured;
        _Alignas(64) double log_here[LANES], log_there[LANES], gain[LANES];
        struct place here = {.x = stretch->x, .score = stretch_work(stretch, 0), .log_p = log_here};
        struct place there = {.x = stretch_work(stretch, 1), .score = stretch_work(stretch, 2), .log_p = log_there};
        double *p = stretch_work(stretch, 3);

        metropolis_eval(stretch, &here);
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                memset(gain, 0, sizeof gain);
                stretch_normal(stretch, RNG_MOMENTUM, step, 0, p);
                metropolis_kinetic(stretch, 1, p, gain);
                trajectory(stretch, settings->leapfrog_steps, &here, &there, p);
                metropolis_kinetic(stretch, -1, p, gain);
                metropolis_decide(stretch, step, gain, &here, &there);
                if (stretch_broken(stretch, step))
                        return;
        }
        stretch_count(stretch, settings->leapfrog_steps * (stretch->step_end - stretch->step_begin) +
                                       (stretch->step_begin == 0));
}

const struct scheme scheme_hmc = {
        .name = "hmc",
        .help = "Hamiltonian Monte Carlo, fixed trajectories: exact, needs log p; best at 65.1% accepted",
        .params = metropolis_leapfrog_params, .settings_size = sizeof(struct leapfrog_settings),
        .needs_log_density = true, .langevin = true, .adapts = true, .step_power = 1, .n_work = 4,
        .target_acceptance = 0.651, .evaluations_per_step = metropolis_leapfrog_steps, .advance = advance,
};
