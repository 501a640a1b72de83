/* The noised score of a lognormal field, which has no closed form, from draws of x_0 given y = x_0 + sigma n
 * [Hamiltonian Monte Carlo: Duane et al. 1987; of lognormal fields: Jasche & Kitaura 2010]:
 *
 *     s(y) = (E[x_0|y] - y)/sigma^2,   1 + x = exp(g - xi_g(0)/2),   g = F^-1 sqrt(c_g) w,
 *     U(w) = |w|^2/2 + |y - x(g)|^2/(2 sigma^2),   mass of a mode  m = 1 + c_g <(1 + x)^2>/sigma^2,
 *     dw/dt = v,   dv/dt = -(1/m) [w + sqrt(c_g) F (1 + x)(x - y)/sigma^2],   leapfrog, v ~ N(0, 1/m).
 *
 * In w the prior has width 1 in every mode and the mass is the data's mean curvature, so that neither P(k) nor sigma limit
 * the step; peaks, where 1 + x is large, do. A chain starts at the field that made y: a draw from the posterior, so that
 * every state of the chain is one and nothing need be thrown away. Its first and second half, with a gap between
 * them, give two means that are independent given y but for what is left of the start: with D any function of y,
 *
 *     E (D - mean_1)(D - mean_2) = (D - E[x_0|y])^2:   no noise of the chain stays in it.
 *
 * The step is found on a field that is not among those measured. Two transforms a leapfrog step. Random numbers are
 * functions of (seed, field, level, trajectory). All but free() is collective over the domain. */
#ifndef SCULPTOR_LOGNORMAL_POSTERIOR_H
#define SCULPTOR_LOGNORMAL_POSTERIOR_H

#include <stdbool.h>
#include <stdint.h>

#include "sculptor/params.h"
#include "sculptor/score.h"

struct lognormal_posterior_settings {
        int64_t trajectories; /* of a chain, at least 8 */
        double length;        /* of a trajectory, in the time in which a mode turns by a radian */
        double acceptance;    /* the step is made to give this */
        double step;          /* NAN: found */
};
extern const struct param lognormal_posterior_params[];

bool lognormal_posterior_possible(const struct score *score);

struct lognormal_posterior;

/* Of a prepared lognormal_field that outlives it, at sigma > 0. */
struct lognormal_posterior *lognormal_posterior_create(const struct score *score,
                                                       const struct lognormal_posterior_settings *settings,
                                                       double sigma, uint64_t seed, uint32_t level);
void lognormal_posterior_free(struct lognormal_posterior *posterior);

/* Example `particle`: the field x_0 (to rounding the score's own draw of this seed and level), y, noised. Then the two
 * means given y; n > 0 fields of [mesh->size]. Returns the acceptance rate. */
void lognormal_posterior_example(struct lognormal_posterior *posterior, uint64_t particle, double *x_0, double *y);
double lognormal_posterior_means(struct lognormal_posterior *posterior, uint64_t particle, const double *y,
                                 double *mean_1, double *mean_2);

double lognormal_posterior_step(const struct lognormal_posterior *posterior); /* in use */

#endif
