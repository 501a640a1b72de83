/* E[x_0 | y] of a lognormal field, y = x_0 + sigma n: the noised score has no closed form, s = (E[x_0|y] -
 * y)/sigma^2, and the mean is sampled, by Hamiltonian Monte Carlo of g [Duane et al. 1987; Neal 2011],
 *
 *     H = g' C_g^-1 g/2 + |y - x(g)|^2/(2 sigma^2) + v' K^-1 v/2,   K = C_g/(1 + kappa C_g),   kappa = <(1 +
 * x)^2>/sigma^2,
 *
 * with velocities v of covariance K: of the inverse of the Hessian with its data term averaged over cells. A chain
 * begins at the x_0 that made y, which is an exact draw from the posterior: it needs no time to settle, only to
 * forget. Collective over the domain; about 1.5 transforms there and back a leapfrog step. */
#ifndef SCULPTOR_SCORE_LOGNORMAL_POSTERIOR_H
#define SCULPTOR_SCORE_LOGNORMAL_POSTERIOR_H

#include "score/field_prior.h"

struct lognormal_posterior {
        const struct field_prior *normal; /* of g */
        double half_variance;             /* 1 + x = exp(g - half_variance) */
};

/* As posterior_means() of score.h. */
void lognormal_posterior_means(const struct lognormal_posterior *posterior, const struct posterior_sampling *sampling,
                               const double *x_0, const double *y, double *const mean[2], double *acceptance);

#endif
