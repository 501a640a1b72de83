/* A score against the truth: how far a trained one is from an exact one at a noise level, and what that means.
 *
 * At y = x_0 + sigma n, x_0 drawn exactly from the target, with s the noised target's score:
 *
 *     eps = sigma^2 E|s_theta - s|^2 a coordinate,   relative = sqrt(E|s_theta - s|^2/E|s|^2),
 *     KL(p || p_theta) at sigma_min <= int n_dim eps d ln(sigma) + KL at sigma_max   [Song et al. 2021b].
 *
 * Where s has no closed form but the target has posterior_means(), two independent estimates A and B of E[x_0|y] take
 * its place: with D_theta = y + sigma^2 s_theta, E|D_theta - D|^2 = E (D_theta - A).(D_theta - B), unbiased; so
 * are powers of D as those of A times B.
 *
 * How far s_theta is from a gradient is seen by probes u, v ~ N(0, 1) at y, J its Jacobian:
 *     E(v'Ju - u'Jv)^2 = |J - J'|_F^2,   E|Ju|^2 = |J|_F^2,   asymmetry = |J - J'|_F/|J|_F: 0 of a gradient. */
#ifndef SCULPTOR_INSPECTION_H
#define SCULPTOR_INSPECTION_H

#include <stddef.h>
#include <stdint.h>

#include "sculptor/score.h"

struct field_spectra; /* field_spectra.h */

struct inspection {
        const struct score *score, *truth;
        uint64_t seed;
        int64_t examples;      /* particles, or fields */
        int64_t trajectories;  /* of each of two chains, where the truth is sampled */
        int64_t probes;        /* pairs u, v an example; 0: none, as without inspection_has_jacobian() */
        struct field_spectra *spectra; /* of whole fields: their shells; NULL: no powers */
};

/* A number with its standard error, from the scatter between examples; of ratios to first order. */
struct inspection_number { double value, error; };

/* Shells of |k| of denoised fields, [n_shells] each: D_theta, D, both, and D_theta - D; |F x|^2/n_cells a mode. */
struct inspection_powers { double *denoised, *truth, *cross, *difference; };

struct inspection_level {
        double sigma;
        struct inspection_number eps, relative;
        double score_squared;    /* sigma^2 E|s|^2 a coordinate */
        struct inspection_number gaussian_eps, gaussian_relative; /* of fields: of the best linear score,
                                    -(C + sigma^2)^-1 y, where the trained one has a Gaussian part; else NAN */
        struct inspection_number asymmetry; /* NAN without probes */
        double acceptance;       /* of the chains; NAN where the truth is exact */
        double reference_noise;  /* |A - B|/2 over sqrt(A B), as scores: which the above are free of */
        double mean[2], deviation[2]; /* of y, of two coordinates; else NAN */
        struct inspection_powers powers; /* NULL without shells */
};

/* NULL, or why these cannot be compared at this sigma. Local. */
const char *inspection_unfit(const struct inspection *inspection, double sigma);
bool inspection_has_jacobian(const struct score *score); /* local */

/* The first tile, for pictures: what was drawn, noised, and what the scores make of it, D_theta and D. Tiles of
 * particles or fields, of this domain, filled where it holds the first one: on rank 0. */
struct inspection_example { double *clean, *noisy, *denoised, *truth; };

/* Collective; the same bits for any number of ranks. `level` keys the random numbers. example may be NULL. */
struct inspection_level inspection_measure(const struct inspection *inspection, double sigma, uint32_t level,
                                           const struct inspection_example *example);
void inspection_level_release(struct inspection_level *level);

/* The integral of n_dim eps over ln sigma by the trapezoidal rule over the levels with sigma > 0, in any monotonic
 * order, in nat; 0 of fewer than two. Local. */
struct inspection_number inspection_kl_bound(const struct inspection_level *levels, size_t n, int64_t n_dim);

#endif
