/* The spectral norm of a weight and a bound on it: W is used as W min(1, limit/|W|_2) [Miyato et al. 2018].
 *
 * |W|_2 is found by power iteration from a fixed start, a fixed number of times, so that it is a function of W alone. It
 * comes from below; spectral_norm_bound() is from above, for what is promised. */
#ifndef SCULPTOR_NETWORK_SPECTRAL_NORM_H
#define SCULPTOR_NETWORK_SPECTRAL_NORM_H

#include <stddef.h>

struct spectral_norm {
        size_t n_out, n_in;
        double limit, norm, share; /* share = min(1, limit/norm) */
        double *left, *right;      /* singular vectors */
};

struct spectral_norm spectral_norm_create(size_t n_out, size_t n_in, double limit);
void spectral_norm_release(struct spectral_norm *norm);
double spectral_norm_measure(struct spectral_norm *norm,
                             const float *weight); /* weight[n_out][n_in]; returns the share */
/* From the gradient of what was used to that of weight, added: share (g - <g, W>/|W| u v') where it is bounded. */
void spectral_norm_gradient(const struct spectral_norm *norm, const float *weight, const float *g, float *gradient);

/* At least |W|_2, at most 1.003 of it, of a matrix packed by gemm_pack(): the 2^(m+1)-th root of tr (W'W)^(2^m). */
double spectral_norm_bound(size_t n_out, size_t n_in, const float *packed);

#endif
