/* How far samples are from exact draws. Local but for shell_power, which is collective over the domain. */
#ifndef SCULPTOR_SAMPLE_DISTANCE_H
#define SCULPTOR_SAMPLE_DISTANCE_H

#include <stdint.h>

struct mesh;

/* Of n points a[n][n_dim] and as many b: the root of the mean over 64 random directions, keyed by seed, of the squared
 * Wasserstein-2 distances of their projections [Bonneel et al. 2015]. */
double sample_distance_sliced(const double *a, const double *b, int64_t n, int64_t n_dim, uint64_t seed);

/* Of n numbers, `stride` apart, with standard errors: that of the variance from the fourth moment. */
struct sample_moments { double mean, mean_error, variance, variance_error; };
struct sample_moments sample_distance_moments(const double *value, int64_t n, int64_t stride);

/* Wasserstein-1 distance of the distributions of n numbers and as many others. */
double sample_distance_cells(const double *a, const double *b, int64_t n);

/* Of one field's cells: about their own mean. */
double sample_distance_field_variance(const double *cells, int64_t n);
double sample_distance_field_skewness(const double *cells, int64_t n);
double sample_distance_field_tail(const double *cells, int64_t n); /* the share above the mean by two deviations */

/* Mean of |F x|^2/n_cells over modes with low <= |k| < high; cells[n_cells], x fastest, whole on this rank. */
double sample_distance_shell_power(const struct mesh *mesh, const double *cells, double low, double high);

#endif
