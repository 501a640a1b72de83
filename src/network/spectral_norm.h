/* The spectral norm of a weight and a bound on it: W is used as W min(1, limit/|W|_2) [Miyato et al. 2018].
 *
 * With G the smaller of W W' and W'W, in double, |W|_2^2 is the largest eigenvalue of G. Power iteration from a fixed
 * start
 * gives v and lambda = v'Gv, which comes from below; then lambda (1 + e) with the smallest e = 2^-20, 2^-18, ... for
 * which
 * Cholesky's factorisation of lambda (1 + e) I - G exists is an upper bound, proven up to that factorisation's rounding
 * (Higham 2002, th. 10.3: below n^2 2^-50 relative, and added). So all is a function of W alone, and what is said to be
 * bounded is. Cost for n x n: n^3/2 for G, n^2 an iteration, n^3/6 a factorisation. Local. */
#ifndef SCULPTOR_NETWORK_SPECTRAL_NORM_H
#define SCULPTOR_NETWORK_SPECTRAL_NORM_H

#include <stddef.h>

struct spectral_norm {
        size_t n_out, n_in;
        double limit, norm, share; /* norm: an upper bound, where above the limit; share = min(1, limit/norm) */
        double *left, *right;      /* singular vectors */
};

struct spectral_norm spectral_norm_create(size_t n_out, size_t n_in, double limit);
void spectral_norm_release(struct spectral_norm *norm);
/* Of weight[n_out][n_in]; returns the share. share * weight, rounded to float, has a norm of at most the limit. */
double spectral_norm_measure(struct spectral_norm *norm, const float *weight);
/* From the gradient of what was used to that of weight, added: share (g - <g, W> u v'/|W|) where it is bounded. */
void spectral_norm_gradient(const struct spectral_norm *norm, const float *weight, const float *g, float *gradient);

/* At least |weight|_2, and where its largest singular values are apart at most 1 + 2^-20 of it. */
double spectral_norm_bound(size_t n_out, size_t n_in, const float *weight);

#endif
