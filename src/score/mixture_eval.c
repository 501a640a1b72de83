/* The score of a Gaussian mixture: the hot kernel. Equations: mixture_level.h.
 *
 * Up to three coordinates, the number of coordinates and the shape are constants of a function each
 * (nine of them), so that one vector loop over the 64 lanes holds all of a component's arithmetic. */
#include <stdlib.h>
#include <string.h>

#include "score/mixture_level.h"
#include "sculptor/vecmath.h"

#define INLINE static inline __attribute__((always_inline))

enum { FEW = 3 }; /* coordinates a lane can keep in registers */

/* ---- few coordinates: everything of a lane stays in registers; n_dim and shape are constants ---- */

/* l_k of `count` components from `first` on, and the maximum so far. */
INLINE void few_logits(const struct mixture_level *level, int64_t n_dim, enum mixture_shape shape, size_t first,
                       size_t count, const double *restrict x, double logit[restrict][LANES], double *restrict max)
{
        for (size_t k = 0; k < count; k++) {
                const double bias = level->bias[first + k];
                double p[FEW] = {0}, m[FEW] = {0};
                for (int64_t i = 0; i < n_dim; i++) {
                        p[i] = -0.5 * mixture_precision(level, shape, n_dim, first + k, i);
                        m[i] = mixture_mean(level, n_dim, first + k, i);
                }
                for (int lane = 0; lane < LANES; lane++) {
                        double square = 0;
                        for (int64_t i = 0; i < n_dim; i++) {
                                const double apart = x[i * LANES + lane] - m[i];
                                const double scaled = shape == MIXTURE_DIAGONAL ? p[i] * apart : apart;
                                square = i == 0 ? scaled * apart : __builtin_fma(scaled, apart, square);
                        }
                        const double l = shape == MIXTURE_DIAGONAL ? bias + square : __builtin_fma(p[0], square, bias);
                        logit[k][lane] = l;
                        max[lane] = l > max[lane] ? l : max[lane];
                }
        }
}

/* sum += e_k, score += e_k g_k with e_k = exp(l_k - max); where all precisions are one, without it. */
INLINE void few_accumulate(const struct mixture_level *level, int64_t n_dim, enum mixture_shape shape, size_t first,
                           size_t count, const double *restrict x, double logit[restrict][LANES],
                           const double *restrict max, double *restrict sum, double *restrict score)
{
        for (size_t k = 0; k < count; k++) {
                double p[FEW] = {0}, m[FEW] = {0};
                for (int64_t i = 0; i < n_dim; i++) {
                        p[i] = mixture_precision(level, shape, n_dim, first + k, i);
                        m[i] = mixture_mean(level, n_dim, first + k, i);
                }
                for (int lane = 0; lane < LANES; lane++) {
                        const double e = vm_exp_flushed(logit[k][lane] - max[lane]);
                        const double weighed = shape == MIXTURE_ISOTROPIC ? e * p[0] : e;
                        sum[lane] += e;
                        for (int64_t i = 0; i < n_dim; i++) {
                                const double apart = m[i] - x[i * LANES + lane];
                                const double pull = shape == MIXTURE_DIAGONAL ? p[i] * apart : apart;
                                score[i * LANES + lane] = __builtin_fma(weighed, pull, score[i * LANES + lane]);
                        }
                }
        }
}

/* ---- many coordinates ---- */

/* The l_k become e_k. */
static void many_accumulate(const struct mixture_level *level, size_t first, size_t count, const double *restrict x,
                            double logit[restrict][LANES], const double *restrict max, double *restrict sum,
                            double *restrict score)
{
        for (size_t k = 0; k < count; k++)
                for (int lane = 0; lane < LANES; lane++) {
                        logit[k][lane] = vm_exp_flushed(logit[k][lane] - max[lane]);
                        sum[lane] += logit[k][lane];
                }
        for (int64_t i = 0; i < level->n_dim; i++)
                for (int begin = 0; begin < LANES; begin += MIXTURE_WIDTH) {
                        const double *here = x + i * LANES + begin;
                        double s[MIXTURE_WIDTH];
                        memcpy(s, score + i * LANES + begin, sizeof s);
                        for (size_t k = 0; k < count; k++) {
                                const double p = mixture_precision(level, level->shape, level->n_dim, first + k, i);
                                const double m = mixture_mean(level, level->n_dim, first + k, i);
                                for (int lane = 0; lane < MIXTURE_WIDTH; lane++)
                                        s[lane] = __builtin_fma(logit[k][begin + lane], p * (m - here[lane]), s[lane]);
                        }
                        memcpy(score + i * LANES + begin, s, sizeof s);
                }
}

/* ---- the score ---- */

/* n_dim = 0: as many as the level has, more than FEW. */
INLINE void eval_blocks(const struct mixture_level *level, int64_t n_dim, enum mixture_shape shape,
                        const double *restrict x, double *restrict score)
{
        const bool few = n_dim > 0;
        const int64_t n_coordinates = few ? n_dim : level->n_dim;
        double logit[MIXTURE_BLOCK][LANES] __attribute__((aligned(64)));
        double max[LANES], before[LANES], sum[LANES] = {0};
        memset(score, 0, (size_t)n_coordinates * LANES * sizeof *score);
        for (int lane = 0; lane < LANES; lane++)
                max[lane] = MIXTURE_LOWEST;

        for (size_t first = 0; first < level->n; first += MIXTURE_BLOCK) {
                const size_t count = level->n - first < MIXTURE_BLOCK ? level->n - first : MIXTURE_BLOCK;
                memcpy(before, max, sizeof max);
                if (few)
                        few_logits(level, n_dim, shape, first, count, x, logit, max);
                else
                        mixture_logits(level, first, count, x, logit, max);
                if (first > 0)
                        mixture_rescale(n_coordinates, before, max, sum, score);
                if (few)
                        few_accumulate(level, n_dim, shape, first, count, x, logit, max, sum, score);
                else
                        many_accumulate(level, first, count, x, logit, max, sum, score);
        }

        const double common = few && shape == MIXTURE_EQUAL ? level->precision[0] : 1;
        for (int lane = 0; lane < LANES; lane++)
                sum[lane] = common / sum[lane];
        for (int64_t i = 0; i < n_coordinates; i++)
                for (int lane = 0; lane < LANES; lane++)
                        score[i * LANES + lane] *= sum[lane];
}

INLINE void eval_shape(const struct mixture_level *level, enum mixture_shape shape, const double *restrict x,
                       double *restrict score)
{
        switch (level->n_dim) {
        case 1:
                eval_blocks(level, 1, shape, x, score);
                return;
        case 2:
                eval_blocks(level, 2, shape, x, score);
                return;
        case FEW:
                eval_blocks(level, FEW, shape, x, score);
                return;
        default:
                eval_blocks(level, 0, shape, x, score);
        }
}

void mixture_eval(const void *state, const double *restrict x, double *restrict score)
{
        const struct mixture_level *level = state;
        switch (level->shape) {
        case MIXTURE_EQUAL:
                eval_shape(level, MIXTURE_EQUAL, x, score);
                return;
        case MIXTURE_ISOTROPIC:
                eval_shape(level, MIXTURE_ISOTROPIC, x, score);
                return;
        case MIXTURE_DIAGONAL:
                eval_shape(level, MIXTURE_DIAGONAL, x, score);
        }
}
