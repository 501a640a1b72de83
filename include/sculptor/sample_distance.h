/* How far samples are from exact draws. Local. */
#ifndef SCULPTOR_SAMPLE_DISTANCE_H
#define SCULPTOR_SAMPLE_DISTANCE_H

#include <stdint.h>

/* Of n points a[n][n_dim] and as many b: the root of the mean over 64 random directions, keyed by seed, of the squared
 * Wasserstein-2 distances of their projections [Bonneel et al. 2015]. */
double sample_distance_sliced(const double *a, const double *b, int64_t n, int64_t n_dim, uint64_t seed);

/* Of n numbers, `stride` apart, with standard errors: that of the variance from the fourth moment. */
struct sample_moments { double mean, mean_error, variance, variance_error; };
struct sample_moments sample_distance_moments(const double *value, int64_t n, int64_t stride);

#endif
