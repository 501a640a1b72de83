/* A Gaussian mixture at one noise level, as its kernels (mixture_eval.c) and its densities and
 * derivatives (mixture_level.c) see it:
 *
 *     l_k = ln w_k + ln N(x; m_k, V_k),   V_k = v_k + sigma^2,    g_k = -(x - m_k)/V_k,
 *     r_k = exp(l_k - l_max)/sum,         s = sum_k r_k g_k,      ln p = l_max + ln sum,
 *     ds/dx = sum_k r_k [(g_k - s)(g_k - s)^T - 1/V_k],           its trace is the divergence.
 *
 * Exponents are at most 0 and one of them is 0, so nothing over- or underflows however far x lies from
 * all components (up to 10^150). Components come in blocks of 32, whose l_k stay in the first-level
 * cache, with a running maximum: memory does not grow with their number. */
#ifndef SCULPTOR_SCORE_MIXTURE_LEVEL_H
#define SCULPTOR_SCORE_MIXTURE_LEVEL_H

#include "score/mixture.h"

enum {
        MIXTURE_BLOCK = 32, /* components at a time */
        MIXTURE_WIDTH = 16, /* lanes whose sums stay in registers where coordinates are many */
};
#define MIXTURE_LN_2_PI 1.8378770664093454836
#define MIXTURE_LOWEST (-1.7976931348623157e308) /* the maximum of no components */

struct mixture_level {
        size_t n;
        int64_t n_dim;
        enum mixture_shape shape;
        const double *mean; /* [n][n_dim], the model's */
        double *precision;  /* 1/V: one, [n] or [n][n_dim], as the shape says */
        double *bias;       /* [n]: l_k at the mean */
};

static inline double mixture_mean(const struct mixture_level *level, int64_t n_dim, size_t k, int64_t i)
{
        return level->mean[(int64_t)k * n_dim + i];
}

static inline double mixture_precision(const struct mixture_level *level, enum mixture_shape shape, int64_t n_dim,
                                       size_t k, int64_t i)
{
        return shape == MIXTURE_DIAGONAL    ? level->precision[(int64_t)k * n_dim + i]
               : shape == MIXTURE_ISOTROPIC ? level->precision[k]
                                            : level->precision[0];
}

/* l_k of `count` components from `first` on, and the maximum so far. Any n_dim, any shape. */
void mixture_logits(const struct mixture_level *level, size_t first, size_t count, const double *restrict x,
                    double logit[restrict][LANES], double *restrict max);

/* What was summed with another maximum, brought to the new one. n_dim may be 0. */
void mixture_rescale(int64_t n_dim, const double *restrict before, const double *restrict max, double *restrict sum,
                     double *restrict score);

#endif
