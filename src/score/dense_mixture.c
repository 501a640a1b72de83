#include "score/dense_mixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "score/cholesky.h"
#include "sculptor/memory.h"
#include "sculptor/vecmath.h"

/* ---- the model ---- */

struct dense_mixture *dense_mixture_allocate(size_t n, int64_t n_dim)
{
        struct dense_mixture *mixture = allocate(1, sizeof *mixture);
        const size_t d = (size_t)n_dim;
        mixture->n = n;
        mixture->n_dim = n_dim;
        mixture->log_weight = allocate(n, sizeof(double));
        mixture->mean = allocate(n * d, sizeof(double));
        mixture->covariance = allocate(n * d * d, sizeof(double));
        return mixture;
}

void *dense_mixture_finish(struct dense_mixture *mixture)
{
        double largest = mixture->log_weight[0], sum = 0;
        for (size_t k = 1; k < mixture->n; k++)
                largest = fmax(largest, mixture->log_weight[k]);
        for (size_t k = 0; k < mixture->n; k++)
                sum += vm_exp(mixture->log_weight[k] - largest);
        const double norm = largest + vm_log(sum);
        for (size_t k = 0; k < mixture->n; k++)
                mixture->log_weight[k] -= norm;
        return mixture;
}

void dense_mixture_free(void *model)
{
        struct dense_mixture *mixture = model;
        free(mixture->log_weight);
        free(mixture->mean);
        free(mixture->covariance);
        free(mixture);
}

size_t dense_mixture_n_modes(const void *model)
{
        return ((const struct dense_mixture *)model)->n;
}

void dense_mixture_components(const void *model, double *weight, double *mean, double *variance)
{
        const struct dense_mixture *mixture = model;
        const size_t d = (size_t)mixture->n_dim;
        for (size_t k = 0; k < mixture->n; k++) {
                weight[k] = vm_exp(mixture->log_weight[k]);
                for (size_t i = 0; i < d; i++) {
                        mean[k * d + i] = mixture->mean[k * d + i];
                        variance[k * d + i] = mixture->covariance[(k * d + i) * d + i];
                }
        }
}

/* The largest distance of means, or what few pairs of draws of a single Gaussian exceed. */
double dense_mixture_diameter(const void *model)
{
        const struct dense_mixture *mixture = model;
        const size_t d = (size_t)mixture->n_dim;
        double largest = 0, trace = 0;
        for (size_t i = 0; i < d; i++)
                trace += mixture->covariance[i * d + i];
        for (size_t a = 0; a < mixture->n; a++)
                for (size_t b = 0; b < a; b++) {
                        double square = 0;
                        for (size_t i = 0; i < d; i++) {
                                const double apart = mixture->mean[a * d + i] - mixture->mean[b * d + i];
                                square = fma(apart, apart, square);
                        }
                        largest = fmax(largest, square);
                }
        return mixture->n > 1 ? sqrt(largest) : sqrt(50 * trace); /* 7.1 sigma in one dimension, as score_gaussian */
}

/* L of S = L L^T, columns without width 0. */
static void factorise_semidefinite(int64_t n, const double *restrict s, double *restrict l)
{
        memset(l, 0, (size_t)(n * n) * sizeof *l);
        for (int64_t j = 0; j < n; j++)
                for (int64_t i = j; i < n; i++) {
                        double sum = s[i * n + j];
                        for (int64_t k = 0; k < j; k++)
                                sum = fma(-l[i * n + k], l[j * n + k], sum);
                        if (i == j)
                                l[j * n + j] = sum > (double)n * 0x1p-53 * s[j * n + j] ? sqrt(sum) : 0;
                        else
                                l[i * n + j] = l[j * n + j] > 0 ? sum / l[j * n + j] : 0;
                }
}

static size_t choose(const struct dense_mixture *mixture, double u)
{
        size_t k = 0;
        double sum = 0;
        for (; k + 1 < mixture->n; k++) {
                sum += vm_exp(mixture->log_weight[k]);
                if (u < sum)
                        break;
        }
        return k;
}

/* x = m_k + L_k z, k by the first uniform number, as score_gaussian_mixture. */
void dense_mixture_draw(const void *model, const struct rng_stream *stream, uint64_t first_particle, double *restrict x)
{
        const struct dense_mixture *mixture = model;
        const int64_t d = mixture->n_dim;
        struct rng_stream choice = *stream, place = *stream;
        choice.stage = 0;
        place.stage = 1;
        double u[LANES];
        size_t chosen[LANES];
        double *z = allocate((size_t)d * LANES, sizeof *z), *factor = allocate((size_t)(d * d), sizeof *factor);
        rng_uniform(&choice, first_particle, 1, u);
        rng_normal(&place, first_particle, d, z);
        for (int lane = 0; lane < LANES; lane++)
                chosen[lane] = choose(mixture, u[lane]);
        for (int first = 0; first < LANES; first++) {
                bool done = false;
                for (int before = 0; before < first; before++)
                        done = done || chosen[before] == chosen[first];
                const size_t k = chosen[first];
                if (done)
                        continue;
                factorise_semidefinite(d, mixture->covariance + k * (size_t)(d * d), factor);
                for (int lane = first; lane < LANES; lane++)
                        for (int64_t i = 0; i < d && chosen[lane] == k; i++) {
                                double sum = mixture->mean[(int64_t)k * d + i];
                                for (int64_t j = 0; j <= i; j++)
                                        sum = fma(factor[i * d + j], z[j * LANES + lane], sum);
                                x[i * LANES + lane] = sum;
                        }
        }
        free(z);
        free(factor);
}

/* ---- the level ---- */

struct dense_level {
        size_t n;
        int64_t n_dim;
        const double *mean;
        double *precision; /* (S_k + sigma^2)^-1, [n][n_dim][n_dim] */
        double *bias;      /* ln w_k - ln det(2 pi (S_k + sigma^2))/2 */
        double *pull;      /* scratch: P_k (x - m_k), [n_dim][LANES] */
        double *score;     /* scratch */
};

/* precision may be NULL: only whether there is one. */
static bool invert(const struct dense_mixture *mixture, size_t k, double sigma, double *precision, double *log_det)
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

const char *dense_mixture_undefined_at(const void *model, double sigma)
{
        const struct dense_mixture *mixture = model;
        if (mixture->wrong)
                return mixture->wrong;
        for (size_t k = 0; k < mixture->n; k++)
                if (!invert(mixture, k, sigma, NULL, NULL))
                        return "a component of the posterior has no width to rounding; end the levels above 0";
        return NULL;
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
                invert(mixture, k, sigma, level->precision + k * d * d, &log_det);
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
        if (score)
                memset(score, 0, (size_t)d * LANES * sizeof *score);
        for (size_t k = 0; k < level->n; k++) {
                double l[LANES], e[LANES], back[LANES];
                component(level, k, x, l);
                for (int lane = 0; lane < LANES; lane++) {
                        const double highest = k > 0 && max[lane] > l[lane] ? max[lane] : l[lane];
                        back[lane] = k > 0 ? vm_exp_flushed(max[lane] - highest) : 0;
                        e[lane] = vm_exp_flushed(l[lane] - highest);
                        sum[lane] = k > 0 ? fma(sum[lane], back[lane], e[lane]) : e[lane];
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
                        r[k * LANES + (size_t)lane] = vm_exp_flushed(r[k * LANES + (size_t)lane] - max[lane]) / sum[lane];
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
