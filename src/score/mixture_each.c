/* The score of a Gaussian mixture, each lane at a noise of its own: mixture_eval.c with the lane's
 * V_k = v_k + sigma^2,
 *
 *     l_k = ln w_k - (n_dim ln 2 pi + sum_i ln V_ki)/2 - sum_i (x_i - m_ki)^2/(2 V_ki),
 *
 * operation for operation what a level does, so that a lane has the bits of mixture_eval() at the level of its sigma.
 * Where all components share one variance 1/V and ln V are made once a lane; else a component costs a lane a division
 * and a logarithm more than its exponential, and of diagonal ones each coordinate does. */
#include <string.h>

#include "score/mixture_level.h"
#include "sculptor/vecmath.h"

#define INLINE static inline __attribute__((always_inline))

enum { FEW = 3 }; /* as in mixture_eval.c */

struct each {
        const struct mixture *mixture;
        double noise[LANES];                  /* sigma^2 */
        double precision[LANES], norm[LANES]; /* of components of one variance: 1/V and (n ln 2 pi + sum ln V)/2 */
};

INLINE double own_sigma(const struct mixture *mixture, int64_t n_dim, size_t k, int64_t i)
{
        return mixture->sigma[(int64_t)k * n_dim + i];
}

INLINE double noised(double own, double noise)
{
        return __builtin_fma(own, own, noise);
}

/* (n ln 2 pi + n ln V)/2, added up as a level adds it. */
INLINE double norm_of(int64_t n_dim, double variance)
{
        const double log_variance = vm_log_positive(variance);
        double log_det = 0;
        for (int64_t i = 0; i < n_dim; i++)
                log_det += log_variance;
        return 0.5 * ((double)n_dim * MIXTURE_LN_2_PI + log_det);
}

/* ---- few coordinates: n_dim and shape are constants ---- */

INLINE void few_logits(const struct each *each, int64_t n_dim, enum mixture_shape shape, size_t first, size_t count,
                       const double *restrict x, double logit[restrict][LANES], double *restrict max)
{
        const struct mixture *mixture = each->mixture;
        for (size_t k = 0; k < count; k++) {
                const double log_weight = mixture->log_weight[first + k];
                double m[FEW] = {0}, own[FEW] = {0};
                for (int64_t i = 0; i < n_dim; i++) {
                        m[i] = mixture->mean[(int64_t)(first + k) * n_dim + i];
                        own[i] = own_sigma(mixture, n_dim, first + k, i);
                }
                /* a loop of its own: with the squares it would be too long to become vector code */
                double norm[LANES];
                for (int lane = 0; lane < LANES; lane++) {
                        double log_det = 0;
                        for (int64_t i = 0; i < n_dim && shape == MIXTURE_DIAGONAL; i++)
                                log_det += vm_log_positive(noised(own[i], each->noise[lane]));
                        norm[lane] = shape == MIXTURE_EQUAL       ? each->norm[lane]
                                     : shape == MIXTURE_ISOTROPIC ? norm_of(n_dim, noised(own[0], each->noise[lane]))
                                                                  : 0.5 * ((double)n_dim * MIXTURE_LN_2_PI + log_det);
                }
                for (int lane = 0; lane < LANES; lane++) {
                        const double p = -0.5 * (shape == MIXTURE_EQUAL ? each->precision[lane]
                                                                        : 1 / noised(own[0], each->noise[lane]));
                        double square = 0;
                        for (int64_t i = 0; i < n_dim; i++) {
                                const double apart = x[i * LANES + lane] - m[i];
                                const double scaled = shape == MIXTURE_DIAGONAL
                                                              ? -0.5 * (1 / noised(own[i], each->noise[lane])) * apart
                                                              : apart;
                                square = i == 0 ? scaled * apart : __builtin_fma(scaled, apart, square);
                        }
                        const double bias = log_weight - norm[lane];
                        const double l = shape == MIXTURE_DIAGONAL ? bias + square : __builtin_fma(p, square, bias);
                        logit[k][lane] = l;
                        max[lane] = l > max[lane] ? l : max[lane];
                }
        }
}

INLINE void few_accumulate(const struct each *each, int64_t n_dim, enum mixture_shape shape, size_t first, size_t count,
                           const double *restrict x, double logit[restrict][LANES], const double *restrict max,
                           double *restrict sum, double *restrict score)
{
        const struct mixture *mixture = each->mixture;
        for (size_t k = 0; k < count; k++) {
                double m[FEW] = {0}, own[FEW] = {0};
                for (int64_t i = 0; i < n_dim; i++) {
                        m[i] = mixture->mean[(int64_t)(first + k) * n_dim + i];
                        own[i] = own_sigma(mixture, n_dim, first + k, i);
                }
                for (int lane = 0; lane < LANES; lane++) {
                        const double e = vm_exp_flushed(logit[k][lane] - max[lane]);
                        const double weighed = shape == MIXTURE_ISOTROPIC ? e * (1 / noised(own[0], each->noise[lane]))
                                                                          : e;
                        sum[lane] += e;
                        for (int64_t i = 0; i < n_dim; i++) {
                                const double apart = m[i] - x[i * LANES + lane];
                                const double pull = shape == MIXTURE_DIAGONAL
                                                            ? 1 / noised(own[i], each->noise[lane]) * apart
                                                            : apart;
                                score[i * LANES + lane] = __builtin_fma(weighed, pull, score[i * LANES + lane]);
                        }
                }
        }
}

/* ---- many coordinates: the shape is a constant ---- */

INLINE void many_logits(const struct each *each, enum mixture_shape shape, size_t first, size_t count,
                        const double *restrict x, double logit[restrict][LANES], double *restrict max)
{
        const struct mixture *mixture = each->mixture;
        const int64_t n_dim = mixture->n_dim;
        for (size_t k = first; k < first + count; k++)
                for (int begin = 0; begin < LANES; begin += MIXTURE_WIDTH) {
                        double square[MIXTURE_WIDTH] = {0}, log_det[MIXTURE_WIDTH] = {0}, p[MIXTURE_WIDTH],
                               norm[MIXTURE_WIDTH];
                        for (int lane = 0; lane < MIXTURE_WIDTH; lane++) {
                                const double v = noised(own_sigma(mixture, n_dim, k, 0), each->noise[begin + lane]);
                                p[lane] = shape == MIXTURE_EQUAL ? each->precision[begin + lane] : 1 / v;
                        }
                        for (int64_t i = 0; i < n_dim; i++) {
                                const double m = mixture->mean[(int64_t)k * n_dim + i];
                                const double own = own_sigma(mixture, n_dim, k, i);
                                for (int lane = 0; lane < MIXTURE_WIDTH; lane++) {
                                        const double apart = x[i * LANES + begin + lane] - m;
                                        if (shape == MIXTURE_DIAGONAL) {
                                                const double v = noised(own, each->noise[begin + lane]);
                                                p[lane] = 1 / v;
                                                log_det[lane] += vm_log_positive(v);
                                        }
                                        square[lane] = __builtin_fma(p[lane] * apart, apart, square[lane]);
                                }
                        }
                        for (int lane = 0; lane < MIXTURE_WIDTH; lane++)
                                norm[lane] = shape == MIXTURE_EQUAL
                                                     ? each->norm[begin + lane]
                                                     : 0.5 * ((double)n_dim * MIXTURE_LN_2_PI + log_det[lane]);
                        if (shape == MIXTURE_ISOTROPIC)
                                for (int lane = 0; lane < MIXTURE_WIDTH; lane++)
                                        norm[lane] = norm_of(n_dim, noised(own_sigma(mixture, n_dim, k, 0),
                                                                           each->noise[begin + lane]));
                        for (int lane = 0; lane < MIXTURE_WIDTH; lane++) {
                                const double bias = mixture->log_weight[k] - norm[lane];
                                const double l = __builtin_fma(-0.5, square[lane], bias);
                                logit[k - first][begin + lane] = l;
                                max[begin + lane] = l > max[begin + lane] ? l : max[begin + lane];
                        }
                }
}

INLINE void many_accumulate(const struct each *each, enum mixture_shape shape, size_t first, size_t count,
                            const double *restrict x, double logit[restrict][LANES], const double *restrict max,
                            double *restrict sum, double *restrict score)
{
        const struct mixture *mixture = each->mixture;
        const int64_t n_dim = mixture->n_dim;
        double precision[MIXTURE_BLOCK][LANES]; /* of isotropic components */
        for (size_t k = 0; k < count; k++)
                for (int lane = 0; lane < LANES; lane++) {
                        logit[k][lane] = vm_exp_flushed(logit[k][lane] - max[lane]);
                        sum[lane] += logit[k][lane];
                        if (shape == MIXTURE_ISOTROPIC) {
                                const double own = own_sigma(mixture, n_dim, first + k, 0);
                                precision[k][lane] = 1 / noised(own, each->noise[lane]);
                        }
                }
        for (int64_t i = 0; i < n_dim; i++)
                for (int begin = 0; begin < LANES; begin += MIXTURE_WIDTH) {
                        const double *here = x + i * LANES + begin;
                        double s[MIXTURE_WIDTH];
                        memcpy(s, score + i * LANES + begin, sizeof s);
                        for (size_t k = 0; k < count; k++) {
                                const double own = own_sigma(mixture, n_dim, first + k, i);
                                const double m = mixture->mean[(int64_t)(first + k) * n_dim + i];
                                for (int lane = 0; lane < MIXTURE_WIDTH; lane++) {
                                        const double p = shape == MIXTURE_EQUAL ? each->precision[begin + lane]
                                                         : shape == MIXTURE_ISOTROPIC
                                                                 ? precision[k][begin + lane]
                                                                 : 1 / noised(own, each->noise[begin + lane]);
                                        s[lane] = __builtin_fma(logit[k][begin + lane], p * (m - here[lane]), s[lane]);
                                }
                        }
                        memcpy(score + i * LANES + begin, s, sizeof s);
                }
}

/* ---- the score ---- */

/* n_dim = 0: as many as the mixture has, more than FEW. */
INLINE void eval_blocks(const struct each *each, int64_t n_dim, enum mixture_shape shape, const double *restrict x,
                        double *restrict score)
{
        const bool few = n_dim > 0;
        const int64_t n_coordinates = few ? n_dim : each->mixture->n_dim;
        const size_t n = each->mixture->n;
        double logit[MIXTURE_BLOCK][LANES] __attribute__((aligned(64)));
        double max[LANES], before[LANES], sum[LANES] = {0};
        memset(score, 0, (size_t)n_coordinates * LANES * sizeof *score);
        for (int lane = 0; lane < LANES; lane++)
                max[lane] = MIXTURE_LOWEST;

        for (size_t first = 0; first < n; first += MIXTURE_BLOCK) {
                const size_t count = n - first < MIXTURE_BLOCK ? n - first : MIXTURE_BLOCK;
                memcpy(before, max, sizeof max);
                if (few)
                        few_logits(each, n_dim, shape, first, count, x, logit, max);
                else
                        many_logits(each, shape, first, count, x, logit, max);
                if (first > 0)
                        mixture_rescale(n_coordinates, before, max, sum, score);
                if (few)
                        few_accumulate(each, n_dim, shape, first, count, x, logit, max, sum, score);
                else
                        many_accumulate(each, shape, first, count, x, logit, max, sum, score);
        }

        for (int lane = 0; lane < LANES; lane++)
                sum[lane] = (few && shape == MIXTURE_EQUAL ? each->precision[lane] : 1) / sum[lane];
        for (int64_t i = 0; i < n_coordinates; i++)
                for (int lane = 0; lane < LANES; lane++)
                        score[i * LANES + lane] *= sum[lane];
}

INLINE void eval_shape(const struct each *each, enum mixture_shape shape, const double *restrict x,
                       double *restrict score)
{
        switch (each->mixture->n_dim) {
        case 1:
                eval_blocks(each, 1, shape, x, score);
                return;
        case 2:
                eval_blocks(each, 2, shape, x, score);
                return;
        case FEW:
                eval_blocks(each, FEW, shape, x, score);
                return;
        default:
                eval_blocks(each, 0, shape, x, score);
        }
}

void mixture_eval_each(const void *model, const double *restrict sigma, const double *restrict x,
                       double *restrict score)
{
        const struct mixture *mixture = model;
        struct each each = {.mixture = mixture};
        for (int lane = 0; lane < LANES; lane++) {
                const double noise = sigma[lane] * sigma[lane];
                const double variance = noised(mixture->sigma[0], noise);
                each.noise[lane] = noise;
                each.precision[lane] = 1 / variance;
                each.norm[lane] = norm_of(mixture->n_dim, variance);
        }
        switch (mixture->shape) {
        case MIXTURE_EQUAL:
                eval_shape(&each, MIXTURE_EQUAL, x, score);
                return;
        case MIXTURE_ISOTROPIC:
                eval_shape(&each, MIXTURE_ISOTROPIC, x, score);
                return;
        case MIXTURE_DIAGONAL:
                eval_shape(&each, MIXTURE_DIAGONAL, x, score);
        }
}
