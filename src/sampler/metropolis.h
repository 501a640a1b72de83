/* The Metropolis-Hastings decision MALA and HMC share. */
#ifndef SCULPTOR_SAMPLER_METROPOLIS_H
#define SCULPTOR_SAMPLER_METROPOLIS_H

#include "schemes.h"

/* A particle's place and what is known there: x and score [n_dim][LANES], log_p [LANES]. */
struct place { double *x, *score, *log_p; };

/* Evaluates score and log density at place->x. */
void metropolis_eval(const struct stretch *stretch, const struct place *place);

/* Of schemes whose proposal is a trajectory: its length, which is also their evaluations a step. */
struct leapfrog_settings { int64_t leapfrog_steps; };
extern const struct param metropolis_leapfrog_params[];
int64_t metropolis_leapfrog_steps(const void *settings);

/* gain[lane] <- gain[lane] + sign |p|^2/2 */
void metropolis_kinetic(const struct stretch *stretch, double sign, const double *p, double *gain);

/* Lane by lane moves `here` to `there` with probability min(1, exp(log p(there) - log p(here) + gain)),
 * the uniform number keyed by (level, step); counts the real lanes' decisions. A proposal of density 0
 * is refused. One whose ratio is no number, or whose density is infinite, means that the score or the
 * density broke down: it is counted as non_finite and the particle becomes NaN, to be found.
 * `there` is overwritten. */
void metropolis_decide(const struct stretch *stretch, int64_t step, const double *restrict gain,
                       const struct place *here, const struct place *there);

#endif
