/* What other scores ask of a model of score_gaussian, and its parts. */
#ifndef SCULPTOR_SCORE_GAUSSIAN_H
#define SCULPTOR_SCORE_GAUSSIAN_H

#include <stdint.h>

void gaussian_covariance(const void *model, double *covariance); /* S, [n_dim][n_dim] */

/* S = Q diag(value) Q^T, for scores at a noise of its own for each lane. */
struct gaussian_spectrum;
struct gaussian_spectrum *gaussian_spectrum_create(int64_t n_dim, const double *covariance);
void gaussian_spectrum_free(struct gaussian_spectrum *spectrum);

/* s = -Q (diag(value) + sigma^2)^-1 Q^T (x - mean): 2 n_dim^2 fused multiply-adds. */
void gaussian_spectrum_score(const struct gaussian_spectrum *spectrum, const double *mean, const double *sigma,
                             const double *x, double *score);

#endif
