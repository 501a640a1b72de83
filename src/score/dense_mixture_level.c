/* A mixture with dense covariances at one noise level. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "score/cholesky.h"
#include "score/dense_mixture.h"
#include "sculptor/memory.h"
#include "sculptor/vecmath.h"

struct dense_level {
        size_t n;
        int64_t n_dim;
        const double *mean;
        double *precision; /* (S_k + sigma^2)^-1, [n][n_dim][n_dim] */
        double *bias;      /* ln w_k - ln det(2 pi (S_k + sigma^2))/2 */
        double *pull;      /* scratch: P_k (x - m_k), [n_dim][LANES] */
        double *score;     /* scratch */
};

bool dense_mixture_invert(const struct dense_mixture *mixture, size_t k, double sigma, double *precision,
                          double *log_det)
{
        const int64_t d = mixture->n_dim;
        const size_t size = (size_t)(d * d);
        double *noised = allocate(size, sizeof *noised), *factor = allocate(size, sizeof *factor), pivot;
        memcpy(noised, mixture->covariance + k * size, size * sizeof *noised);
        for (int64_t i = 0; i < d; i++)
                noised[i * d + i] = fma(sigma, sigma, noised[i * d + i]);
        const bool regular = cholesky_factorise(d, noised, factor, &pivot) == d;
        if (regular && precision)
                *log_det = cholesky_invert(d, factor, precision);
        free(noised);
        free(factor);
        return regular;
}

void *dense_mixture_create_level(const void *model, double sigma)
{
        const struct dense_mixture *mixture = model;
        const size_t d = (size_t)mixture->n_dim;
        struct dense_level *level = allocate(1, sizeof *level);
        level->n = mixture->n;
        level->n_dim = mixture->n_dim;
        level->mean = mixture->mean;
        level->precision = allocate(level->n * d * d, sizeof(double));
        level->bias = allocate(level->n, sizeof(double));
        level->pull = allocate(d * LANES, sizeof(double));
        level->score = allocate(d * LANES, sizeof(double));
        for (size_t k = 0; k < level->n; k++) {
                double log_det = 0;
                dense_mixture_invert(mixture, k, sigma, level->precision + k * d * d, &log_det);
                level->bias[k] = mixture->log_weight[k] - 0.5 * fma((double)d, 1.8378770664093454836, log_det);
        }
        return level;
}

void dense_mixture_free_level(void *state)
{
        struct dense_level *level = state;
        free(level->precision);
        free(level->bias);
        free(level->pull);
        free(level->score);
        free(level);
}

/* pull = P_k (x - m_k), and l_k = ln w_k N(x; m_k, S_k + sigma^2). */
static void component(const struct dense_level *level, size_t k, const double *restrict x, double *restrict l)
{
        const int64_t d = level->n_dim;
        const double *p = level->precision + k * (size_t)(d * d), *m = level->mean + k * (size_t)d;
        double *restrict pull = level->pull;
        for (int lane = 0; lane < LANES; lane++)
                l[lane] = level->bias[k];
        for (int64_t i = 0; i < d; i++) {
                double sum[LANES] = {0};
                for (int64_t j = 0; j < d; j++)
                        for (int lane = 0; lane < LANES; lane++)
                                sum[lane] = fma(p[i * d + j], x[j * LANES + lane] - m[j], sum[lane]);
                for (int lane = 0; lane < LANES; lane++)
                        l[lane] = fma(-0.5 * (x[i * LANES + lane] - m[i]), sum[lane], l[lane]);
                memcpy(pull + i * LANES, sum, sizeof sum);
        }
}

/* The largest l_k, sum_k e^(l_k - max) and, where it is wanted, the score, all brought to each new maximum. */
static void sum_components(const struct dense_level *level, const double *restrict x, double *restrict max,
                           double *restrict sum, double *restrict score)
{
        const int64_t d = level->n_dim;
        for (int lane = 0; lane < LANES; lane++) {
                max[lane] = -1.7976931348623157e308;
                sum[lane] = 0;
        }
        if (score)
                memset(score, 0, (size_t)d * LANES * sizeof *score);
        for (size_t k = 0; k < level->n; k++) {
                double l[LANES], e[LANES], back[LANES];
                component(level, k, x, l);
                for (int lane = 0; lane < LANES; lane++) {
                        const double highest = max[lane] > l[lane] ? max[lane] : l[lane];
                        back[lane] = vm_exp_flushed(max[lane] - highest);
                        e[lane] = vm_exp_flushed(l[lane] - highest);
                        sum[lane] = fma(sum[lane], back[lane], e[lane]);
                        max[lane] = highest;
                }
                for (int64_t i = 0; i < d * LANES && score; i++)
                        score[i] = fma(score[i], back[i % LANES], -e[i % LANES] * level->pull[i]);
        }
        for (int64_t i = 0; i < d * LANES && score; i++)
                score[i] /= sum[i % LANES];
}

void dense_mixture_eval(const void *state, const double *restrict x, double *restrict score)
{
        double max[LANES], sum[LANES];
        sum_components(state, x, max, sum, score);
}

void dense_mixture_log_density(const void *state, const double *restrict x, double *restrict log_p)
{
        double max[LANES], sum[LANES];
        sum_components(state, x, max, sum, NULL);
        for (int lane = 0; lane < LANES; lane++)
                log_p[lane] = max[lane] + vm_log(sum[lane]);
}

void dense_mixture_responsibilities(const void *state, const double *restrict x, double *restrict r)
{
        const struct dense_level *level = state;
        double max[LANES], sum[LANES];
        sum_components(level, x, max, sum, NULL);
        for (size_t k = 0; k < level->n; k++) {
                component(level, k, x, r + k * LANES);
                for (int lane = 0; lane < LANES; lane++)
                        r[k * LANES + (size_t)lane] = vm_exp_flushed(r[k * LANES + (size_t)lane] - max[lane]) /
                                                      sum[lane];
        }
}

/* ds/dx = sum_k r_k [(g_k - s)(g_k - s)^T - P_k], g_k = -pull; `j` has all entries, or (diagonal) is their trace. */
static void add_spread(const struct dense_level *level, const double *restrict x, bool diagonal, double *restrict j)
{
        const int64_t d = level->n_dim;
        double max[LANES], sum[LANES];
        sum_components(level, x, max, sum, level->score);
        memset(j, 0, (size_t)(diagonal ? 1 : d * d) * LANES * sizeof *j);
        for (size_t k = 0; k < level->n; k++) {
                double r[LANES];
                component(level, k, x, r);
                for (int lane = 0; lane < LANES; lane++)
                        r[lane] = vm_exp_flushed(r[lane] - max[lane]) / sum[lane];
                for (int64_t i = 0; i < d * LANES; i++)
                        level->pull[i] = -level->pull[i] - level->score[i];
                for (int64_t row = 0; row < d; row++)
                        for (int64_t column = diagonal ? row : 0; column < (diagonal ? row + 1 : d); column++) {
                                const double p = level->precision[((int64_t)k * d + row) * d + column];
                                const double *a = level->pull + row * LANES, *b = level->pull + column * LANES;
                                double *entry = diagonal ? j : j + (row * d + column) * LANES;
                                for (int lane = 0; lane < LANES; lane++)
                                        entry[lane] = fma(r[lane], a[lane] * b[lane] - p, entry[lane]);
                        }
        }
}

void dense_mixture_divergence(const void *state, const double *restrict x, double *restrict div)
{
        add_spread(state, x, true, div);
}

void dense_mixture_jacobian(const void *state, const double *restrict x, double *restrict j)
{
        add_spread(state, x, false, j);
}
