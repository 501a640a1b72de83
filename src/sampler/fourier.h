/* Operators diagonal in Fourier space, for schemes that know a field's power spectrum: the variance c(k) of
 * each mode of the score's Gaussian part at the present level (score.h, filter()). */
#ifndef SCULPTOR_SAMPLER_FOURIER_H
#define SCULPTOR_SAMPLER_FOURIER_H

#include "schemes.h"

/* out = C x, C^(1/2) x and C^(-1/2) x, the last without modes of c = 0; out may be x. Collective over the domain. */
void fourier_covariance(const struct stretch *stretch, const double *x, double *out);
void fourier_root(const struct stretch *stretch, const double *x, double *out);
/* At the start of a level: modes without width (c = 0), which no step moves, are 0 in the target and become it. */
void fourier_settle(const struct stretch *stretch, double *x);
void fourier_inverse_root(const struct stretch *stretch, const double *x, double *out);

#endif
