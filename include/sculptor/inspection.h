/* A score against the truth: how far a trained one is from an exact one at a noise level, and what that means.
 *
 * At y = x_0 + sigma n, x_0 drawn exactly from the target, with s the noised target's score:
 *
 *     eps = sigma^2 E|s_theta - s|^2 a coordinate,   relative = sqrt(E|s_theta - s|^2/E|s|^2),
 *     KL(p || p_theta) at sigma_min <= int n_dim eps d ln(sigma) + KL at sigma_max        [Song et al. 2021b, theorem 1].
 *
 * Where s has no closed form but the target has posterior_means(), two independent estimates A and B of E[x_0|y] take
 * its place: with D_theta = y + sigma^2 s_theta, E|D_theta - D|^2 = E (D_theta - A).(D_theta - B), unbiased. */
#ifndef SCULPTOR_INSPECTION_H
#define SCULPTOR_INSPECTION_H

#include <stdint.h>

#include "sculptor/score.h"

struct inspection {
        const struct score *score, *truth;
        uint64_t seed;
        int64_t examples;      /* particles, or fields */
        int64_t trajectories;  /* of each of two chains, where the truth is sampled */
};

struct inspection_level {
        double sigma;
        double eps, eps_error;   /* standard error, from the scatter between examples */
        double relative;
        double score_squared;    /* sigma^2 E|s|^2 a coordinate */
        double gaussian_eps;     /* of fields: eps of the best linear score, -(C + sigma^2)^-1 y, where the trained one has a
                                    Gaussian part; else NAN */
        double gaussian_relative;
        double acceptance;       /* of the chains; NAN where the truth is exact */
};

/* NULL, or why these cannot be compared at this sigma. Local. */
const char *inspection_unfit(const struct inspection *inspection, double sigma);
/* Collective; the same bits for any number of ranks. `level` keys the random numbers. */
struct inspection_level inspection_measure(const struct inspection *inspection, double sigma, uint32_t level);
/* The integral of n_dim eps over ln sigma by the trapezoidal rule over the levels, in any monotonic order. Local. */
double inspection_kl_bound(const struct inspection_level *levels, size_t n, int64_t n_dim);

#endif
