/* A Gaussian mixture at one noise level: its constants, log density, responsibilities and derivatives.
 * None of these is hot, so that they share one general evaluation for any number of coordinates. */
#include <stdlib.h>
#include <string.h>

#include "score/mixture_level.h"
#include "sculptor/memory.h"
#include "sculptor/vecmath.h"

void *mixture_create_level(const void *model, double sigma)
{
        const struct mixture *mixture = model;
        const int64_t n_dim = mixture->n_dim;
        struct mixture_level *level = allocate(1, sizeof *level);
        level->n = mixture->n;
        level->n_dim = n_dim;
        level->shape = mixture->shape;
        level->mean = mixture->mean;
        level->precision = allocate(mixture->n * (size_t)n_dim, sizeof(double));
        level->bias = allocate(mixture->n, sizeof(double));

        for (size_t k = 0; k < mixture->n; k++) {
                double log_det = 0;
                for (int64_t i = 0; i < n_dim; i++) {
                        const double own = mixture->sigma[k * (size_t)n_dim + (size_t)i];
                        const double variance = __builtin_fma(own, own, sigma * sigma);
                        const size_t at = mixture->shape == MIXTURE_DIAGONAL    ? k * (size_t)n_dim + (size_t)i
                                          : mixture->shape == MIXTURE_ISOTROPIC ? k
                                                                                : 0;
                        level->precision[at] = 1 / variance;
                        log_det += vm_log(variance);
                }
                level->bias[k] = mixture->log_weight[k] - 0.5 * ((double)n_dim * MIXTURE_LN_2_PI + log_det);
        }
        return level;
}

void mixture_free_level(void *state)
{
        struct mixture_level *level = state;
        free(level->precision);
        free(level->bias);
        free(level);
}

void mixture_logits(const struct mixture_level *level, size_t first, size_t count, const double *restrict x,
                    double logit[restrict][LANES], double *restrict max)
{
        for (size_t k = 0; k < count; k++)
                for (int begin = 0; begin < LANES; begin += MIXTURE_WIDTH) {
                        double square[MIXTURE_WIDTH] = {0};
                        for (int64_t i = 0; i < level->n_dim; i++) {
                                const double p = mixture_precision(level, level->shape, level->n_dim, first + k, i);
                                const double m = mixture_mean(level, level->n_dim, first + k, i);
                                for (int lane = 0; lane < MIXTURE_WIDTH; lane++) {
                                        const double apart = x[i * LANES + begin + lane] - m;
                                        square[lane] = __builtin_fma(p * apart, apart, square[lane]);
                                }
                        }
                        for (int lane = 0; lane < MIXTURE_WIDTH; lane++) {
                                const double l = __builtin_fma(-0.5, square[lane], level->bias[first + k]);
                                logit[k][begin + lane] = l;
                                max[begin + lane] = l > max[begin + lane] ? l : max[begin + lane];
                        }
                }
}

void mixture_rescale(int64_t n_dim, const double *restrict before, const double *restrict max, double *restrict sum,
                     double *restrict score)
{
        double factor[LANES];
        for (int lane = 0; lane < LANES; lane++) {
                factor[lane] = vm_exp_flushed(before[lane] - max[lane]);
                sum[lane] *= factor[lane];
        }
        for (int64_t i = 0; i < n_dim; i++)
                for (int lane = 0; lane < LANES; lane++)
                        score[i * LANES + lane] *= factor[lane];
}

/* The largest l_k, and sum_k exp(l_k - max). */
static void sum_components(const struct mixture_level *level, const double *restrict x, double *restrict max,
                           double *restrict sum)
{
        double logit[MIXTURE_BLOCK][LANES] __attribute__((aligned(64)));
        double before[LANES];
        for (int lane = 0; lane < LANES; lane++) {
                max[lane] = MIXTURE_LOWEST;
                sum[lane] = 0;
        }

        for (size_t first = 0; first < level->n; first += MIXTURE_BLOCK) {
                const size_t count = level->n - first < MIXTURE_BLOCK ? level->n - first : MIXTURE_BLOCK;
                memcpy(before, max, sizeof before);
                mixture_logits(level, first, count, x, logit, max);
                mixture_rescale(0, before, max, sum, NULL);
                for (size_t k = 0; k < count; k++)
                        for (int lane = 0; lane < LANES; lane++)
                                sum[lane] += vm_exp_flushed(logit[k][lane] - max[lane]);
        }
}

void mixture_log_density(const void *state, const double *restrict x, double *restrict log_p)
{
        double max[LANES], sum[LANES];
        sum_components(state, x, max, sum);
        for (int lane = 0; lane < LANES; lane++)
                log_p[lane] = max[lane] + vm_log(sum[lane]);
}

/* r_k of `count` components, given the maximum and the sum over all. */
static void responsibilities(const struct mixture_level *level, size_t first, size_t count, const double *restrict x,
                             const double *restrict max, const double *restrict sum, double r[restrict][LANES])
{
        double unused[LANES];
        memcpy(unused, max, sizeof unused);
        mixture_logits(level, first, count, x, r, unused);
        for (size_t k = 0; k < count; k++)
                for (int lane = 0; lane < LANES; lane++)
                        r[k][lane] = vm_exp_flushed(r[k][lane] - max[lane]) / sum[lane];
}

void mixture_responsibilities(const void *state, const double *restrict x, double *restrict r)
{
        const struct mixture_level *level = state;
        double max[LANES], sum[LANES];
        sum_components(level, x, max, sum);
        responsibilities(level, 0, level->n, x, max, sum, (double(*)[LANES])r);
}

/* The spread of the components' scores: sum_k r_k [c_i c_j - delta_ij/V_ki] with c = g_k - s, handed out
 * component by component. */
struct spread {
        const struct mixture_level *level;
        const double *x;
        double *score; /* s[n_dim][LANES] */
        double max[LANES], sum[LANES];
};

static void spread_begin(struct spread *spread, const struct mixture_level *level, const double *restrict x)
{
        spread->level = level;
        spread->x = x;
        spread->score = allocate((size_t)level->n_dim * LANES, sizeof(double));
        mixture_eval(level, x, spread->score);
        sum_components(level, x, spread->max, spread->sum);
}

/* c_i of component k, c[LANES]; returns 1/V_ki. */
static double spread_centred(const struct spread *spread, size_t k, int64_t i, double *restrict c)
{
        const struct mixture_level *level = spread->level;
        const double p = mixture_precision(level, level->shape, level->n_dim, k, i);
        const double m = mixture_mean(level, level->n_dim, k, i);
        for (int lane = 0; lane < LANES; lane++)
                c[lane] = __builtin_fma(p, m - spread->x[i * LANES + lane], -spread->score[i * LANES + lane]);
        return p;
}

void mixture_divergence(const void *state, const double *restrict x, double *restrict div)
{
        const struct mixture_level *level = state;
        double r[1][LANES], c[LANES];
        struct spread spread;
        spread_begin(&spread, level, x);
        memset(div, 0, LANES * sizeof *div);

        for (size_t k = 0; k < level->n; k++) {
                responsibilities(level, k, 1, x, spread.max, spread.sum, r);
                for (int64_t i = 0; i < level->n_dim; i++) {
                        const double p = spread_centred(&spread, k, i, c);
                        for (int lane = 0; lane < LANES; lane++)
                                div[lane] = __builtin_fma(r[0][lane], __builtin_fma(c[lane], c[lane], -p), div[lane]);
                }
        }
        free(spread.score);
}

void mixture_jacobian(const void *state, const double *restrict x, double *restrict j)
{
        const struct mixture_level *level = state;
        const int64_t n = level->n_dim;
        double r[1][LANES], c_row[LANES], c_column[LANES];
        struct spread spread;
        spread_begin(&spread, level, x);
        memset(j, 0, (size_t)(n * n) * LANES * sizeof *j);

        for (size_t k = 0; k < level->n; k++) {
                responsibilities(level, k, 1, x, spread.max, spread.sum, r);
                for (int64_t row = 0; row < n; row++) {
                        const double p = spread_centred(&spread, k, row, c_row);
                        for (int64_t column = 0; column <= row; column++) {
                                const double own = column == row ? p : 0;
                                double *restrict entry = j + (row * n + column) * LANES;
                                spread_centred(&spread, k, column, c_column);
                                for (int lane = 0; lane < LANES; lane++)
                                        entry[lane] = __builtin_fma(r[0][lane], c_row[lane] * c_column[lane] - own,
                                                                    entry[lane]);
                        }
                }
        }
        for (int64_t row = 0; row < n; row++)
                for (int64_t column = row + 1; column < n; column++)
                        memcpy(j + (row * n + column) * LANES, j + (column * n + row) * LANES, LANES * sizeof *j);
        free(spread.score);
}

/* sum_k r_k [c (c.v) - V_k^-1 v] */
void mixture_jacobian_vector(const void *state, const double *restrict x, const double *restrict v,
                             double *restrict out)
{
        const struct mixture_level *level = state;
        double r[1][LANES], c[LANES], along[LANES];
        struct spread spread;
        spread_begin(&spread, level, x);
        memset(out, 0, (size_t)level->n_dim * LANES * sizeof *out);

        for (size_t k = 0; k < level->n; k++) {
                responsibilities(level, k, 1, x, spread.max, spread.sum, r);
                memset(along, 0, sizeof along);
                for (int64_t i = 0; i < level->n_dim; i++) {
                        spread_centred(&spread, k, i, c);
                        for (int lane = 0; lane < LANES; lane++)
                                along[lane] = __builtin_fma(c[lane], v[i * LANES + lane], along[lane]);
                }
                for (int64_t i = 0; i < level->n_dim; i++) {
                        const double p = spread_centred(&spread, k, i, c);
                        for (int lane = 0; lane < LANES; lane++) {
                                const size_t at = (size_t)i * LANES + (size_t)lane;
                                out[at] = __builtin_fma(r[0][lane], c[lane] * along[lane] - p * v[at], out[at]);
                        }
                }
        }
        free(spread.score);
}
