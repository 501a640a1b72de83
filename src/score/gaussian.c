/* One Gaussian, diagonal or dense, exact at every noise level:
 *
 *     x_0 ~ N(m, S),   x = x_0 + sigma n ~ N(m, S + sigma^2 I),   P = (S + sigma^2 I)^-1,
 *     s(x) = -P (x - m),   div s = -tr P,   ds/dx = -P.
 *
 * A dense S costs one Cholesky factorisation a level and n_dim^2 fused multiply-adds an evaluation; with a noise for
 * each lane, one diagonalisation in all and twice as many. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "score/cholesky.h"
#include "score/gaussian.h"
#include "score/gaussian_settings.h"
#include "score/jacobi.h"
#include "score/types.h"
#include "sculptor/memory.h"
#include "sculptor/vecmath.h"

#define LN_2_PI 1.8378770664093454836

/* ---- the model ---- */

/* Matrices are kept as rows of `width` columns: all n_dim of them, or 1, the diagonal. Row i begins at
 * column first_column(i), so that one set of loops serves both. */
struct gaussian {
        int64_t n_dim, width;
        double *mean;       /* [n_dim] */
        double *covariance; /* S, [n_dim][width] */
        double *factor;     /* L of S = L L^T, [n_dim][width] */
        struct gaussian_spectrum **spectrum; /* of a dense S, made at the first eval_each() */
};

static int64_t first_column(int64_t width, int64_t i)
{
        return width == 1 ? i : 0;
}

static double matrix_entry(const double *matrix, int64_t width, int64_t i, int64_t j)
{
        const int64_t k = j - first_column(width, i);
        return 0 <= k && k < width ? matrix[i * width + k] : 0;
}

static void *create(const void *settings)
{
        const struct gaussian_settings *set = settings;
        struct gaussian *model = allocate(1, sizeof *model);
        const int64_t n = model->n_dim = gaussian_dimension(settings);
        model->width = set->covariance.n_rows > 0 ? n : 1;

        const size_t size = (size_t)(n * model->width);
        model->mean = allocate((size_t)n, sizeof(double));
        model->covariance = allocate(size, sizeof(double));
        model->factor = allocate(size, sizeof(double));
        model->spectrum = allocate(1, sizeof *model->spectrum);
        for (int64_t i = 0; i < n; i++)
                model->mean[i] = gaussian_entry(&set->mean, i);

        if (set->covariance.n_rows > 0) {
                double pivot;
                memcpy(model->covariance, set->covariance.value, size * sizeof(double));
                cholesky_factorise(n, model->covariance, model->factor, &pivot);
                return model;
        }
        for (int64_t i = 0; i < n; i++) {
                model->factor[i] = gaussian_entry(&set->sigma, i);
                model->covariance[i] = model->factor[i] * model->factor[i];
        }
        return model;
}

static void free_model(void *model)
{
        struct gaussian *gaussian = model;
        free(gaussian->mean);
        free(gaussian->covariance);
        free(gaussian->factor);
        gaussian_spectrum_free(*gaussian->spectrum);
        free(gaussian->spectrum);
        free(gaussian);
}

static const char *undefined_at(const void *model, double sigma)
{
        const struct gaussian *gaussian = model;
        for (int64_t i = 0; i < gaussian->n_dim; i++)
                if (!(matrix_entry(gaussian->covariance, gaussian->width, i, i) + sigma * sigma >= DBL_MIN))
                        return "a coordinate whose sigma is 0 has no density without noise";
        return NULL;
}

/* A length that fewer than one pair of draws in 10^4 exceeds [Laurent & Massart 2000, lemma 1]:
 *     |x - x'|^2 <= 2 tr S + 4 sqrt(t) |S|_F + 4 t lambda_max,   t = ln 10^4,
 * with lambda_max bounded by |S|_F and by the largest row sum of |S|. 7.1 standard deviations in one
 * dimension, sqrt(2 n_dim) of them and little more in many. */
static double diameter(const void *model)
{
        const struct gaussian *gaussian = model;
        const double t = 9.2103403719761827;

        double trace = 0, squares = 0, largest = 0;
        for (int64_t i = 0; i < gaussian->n_dim; i++) {
                const double *row = gaussian->covariance + i * gaussian->width;
                double sum = 0;
                for (int64_t k = 0; k < gaussian->width; k++) {
                        squares = fma(row[k], row[k], squares);
                        sum += fabs(row[k]);
                }
                trace += matrix_entry(gaussian->covariance, gaussian->width, i, i);
                largest = sum > largest ? sum : largest;
        }
        const double norm = sqrt(squares);
        return sqrt(2 * trace + 4 * sqrt(t) * norm + 4 * t * (norm < largest ? norm : largest));
}

static void components(const void *model, double *weight, double *mean, double *variance)
{
        const struct gaussian *gaussian = model;
        weight[0] = 1;
        for (int64_t i = 0; i < gaussian->n_dim; i++) {
                mean[i] = gaussian->mean[i];
                variance[i] = matrix_entry(gaussian->covariance, gaussian->width, i, i);
        }
}

void gaussian_covariance(const void *model, double *covariance)
{
        const struct gaussian *gaussian = model;
        for (int64_t i = 0; i < gaussian->n_dim; i++)
                for (int64_t j = 0; j < gaussian->n_dim; j++)
                        covariance[i * gaussian->n_dim + j] = matrix_entry(gaussian->covariance, gaussian->width, i, j);
}

/* x = m + L z, from the last row up, so that z may lie in x. */
static void draw(const void *model, const struct rng_stream *stream, uint64_t first_particle, double *restrict x)
{
        const struct gaussian *gaussian = model;

        rng_normal(stream, first_particle, gaussian->n_dim, x);
        for (int64_t i = gaussian->n_dim - 1; i >= 0; i--) {
                double sum[LANES];
                for (int lane = 0; lane < LANES; lane++)
                        sum[lane] = gaussian->mean[i];
                for (int64_t j = first_column(gaussian->width, i); j <= i; j++) {
                        const double factor = matrix_entry(gaussian->factor, gaussian->width, i, j);
                        for (int lane = 0; lane < LANES; lane++)
                                sum[lane] = fma(factor, x[j * LANES + lane], sum[lane]);
                }
                memcpy(x + i * LANES, sum, sizeof sum);
        }
}

/* ---- the level ---- */

struct gaussian_level {
        int64_t n_dim, width;
        const double *mean; /* the model's */
        double *precision;  /* P, [n_dim][width] */
        double log_norm;    /* -(n_dim ln 2 pi + ln det(S + sigma^2 I))/2 */
};

/* P = (S + sigma^2 I)^-1; returns ln det(S + sigma^2 I). */
static double noised_precision(const struct gaussian *model, double sigma, double *restrict precision)
{
        const int64_t n = model->n_dim, width = model->width;

        if (width == 1) {
                double log_det = 0;
                for (int64_t i = 0; i < n; i++) {
                        const double noised = fma(sigma, sigma, model->covariance[i]);
                        precision[i] = 1 / noised;
                        log_det += vm_log(noised);
                }
                return log_det;
        }

        double pivot;
        double *noised = allocate((size_t)(n * n), sizeof *noised);
        double *factor = allocate((size_t)(n * n), sizeof *factor);
        memcpy(noised, model->covariance, (size_t)(n * n) * sizeof *noised);
        for (int64_t i = 0; i < n; i++)
                noised[i * n + i] = fma(sigma, sigma, noised[i * n + i]);
        cholesky_factorise(n, noised, factor, &pivot); /* check() saw that of S succeed */
        const double log_det = cholesky_invert(n, factor, precision);
        free(noised);
        free(factor);
        return log_det;
}

static void *create_level(const void *model, double sigma)
{
        const struct gaussian *gaussian = model;
        struct gaussian_level *level = allocate(1, sizeof *level);
        level->n_dim = gaussian->n_dim;
        level->width = gaussian->width;
        level->mean = gaussian->mean;
        level->precision = allocate((size_t)(gaussian->n_dim * gaussian->width), sizeof(double));
        const double log_det = noised_precision(gaussian, sigma, level->precision);
        level->log_norm = -0.5 * fma(LN_2_PI, (double)gaussian->n_dim, log_det);
        return level;
}

static void free_level(void *level)
{
        struct gaussian_level *gaussian = level;
        free(gaussian->precision);
        free(gaussian);
}

/* s_i = -sum_j P_ij (x_j - m_j), j upwards; s[LANES]. */
static void score_row(const struct gaussian_level *level, int64_t i, const double *restrict x, double *restrict s)
{
        const double *row = level->precision + i * level->width;
        const double *mean = level->mean + first_column(level->width, i);
        const double *xj = x + first_column(level->width, i) * LANES;

        for (int lane = 0; lane < LANES; lane++)
                s[lane] = -row[0] * (xj[lane] - mean[0]);
        for (int64_t k = 1; k < level->width; k++) {
                xj += LANES;
                for (int lane = 0; lane < LANES; lane++)
                        s[lane] = fma(-row[k], xj[lane] - mean[k], s[lane]);
        }
}

static void eval(const void *level, const double *restrict x, double *restrict score)
{
        const struct gaussian_level *gaussian = level;
        for (int64_t i = 0; i < gaussian->n_dim; i++)
                score_row(gaussian, i, x, score + i * LANES);
}

/* ---- each lane at a noise of its own ---- */

/* Of a diagonal one the bits of eval() at each lane's level. */
static void eval_each(const void *model, const double *restrict sigma, const double *restrict x, double *restrict score)
{
        const struct gaussian *gaussian = model;
        if (gaussian->width > 1) {
                if (!*gaussian->spectrum)
                        *gaussian->spectrum = gaussian_spectrum_create(gaussian->n_dim, gaussian->covariance);
                gaussian_spectrum_score(*gaussian->spectrum, gaussian->mean, sigma, x, score);
                return;
        }
        for (int64_t i = 0; i < gaussian->n_dim; i++)
                for (int lane = 0; lane < LANES; lane++) {
                        const double precision = 1 / fma(sigma[lane], sigma[lane], gaussian->covariance[i]);
                        score[i * LANES + lane] = -precision * (x[i * LANES + lane] - gaussian->mean[i]);
                }
}

/* ln p = (x - m).s/2 + constant */
static void log_density(const void *level, const double *restrict x, double *restrict log_p)
{
        const struct gaussian_level *gaussian = level;
        double s[LANES];

        for (int lane = 0; lane < LANES; lane++)
                log_p[lane] = gaussian->log_norm;
        for (int64_t i = 0; i < gaussian->n_dim; i++) {
                score_row(gaussian, i, x, s);
                for (int lane = 0; lane < LANES; lane++)
                        log_p[lane] = fma(0.5 * (x[i * LANES + lane] - gaussian->mean[i]), s[lane], log_p[lane]);
        }
}

static void divergence(const void *level, const double *restrict x, double *restrict div)
{
        const struct gaussian_level *gaussian = level;
        double trace = 0;
        (void)x;
        for (int64_t i = 0; i < gaussian->n_dim; i++)
                trace += matrix_entry(gaussian->precision, gaussian->width, i, i);
        for (int lane = 0; lane < LANES; lane++)
                div[lane] = -trace;
}

static void jacobian(const void *level, const double *restrict x, double *restrict j)
{
        const struct gaussian_level *gaussian = level;
        const int64_t n = gaussian->n_dim;
        (void)x;
        for (int64_t row = 0; row < n; row++)
                for (int64_t column = 0; column < n; column++) {
                        const double p = matrix_entry(gaussian->precision, gaussian->width, row, column);
                        for (int lane = 0; lane < LANES; lane++)
                                j[(row * n + column) * LANES + lane] = -p;
                }
}

/* -P v, j upwards */
static void jacobian_vector(const void *level, const double *restrict x, const double *restrict v, double *restrict out)
{
        const struct gaussian_level *gaussian = level;
        (void)x;
        for (int64_t i = 0; i < gaussian->n_dim; i++) {
                const double *row = gaussian->precision + i * gaussian->width;
                const double *vj = v + first_column(gaussian->width, i) * LANES;
                double *restrict sum = out + i * LANES;
                for (int lane = 0; lane < LANES; lane++)
                        sum[lane] = -row[0] * vj[lane];
                for (int64_t k = 1; k < gaussian->width; k++)
                        for (int lane = 0; lane < LANES; lane++)
                                sum[lane] = fma(-row[k], vj[k * LANES + lane], sum[lane]);
        }
}

const struct score_type score_gaussian = {
        .name = "gaussian", .help = "one Gaussian, diagonal or dense, exact at every noise level",
        .params = gaussian_params, .settings_size = sizeof(struct gaussian_settings), .check = gaussian_check,
        .dimension = gaussian_dimension, .create = create, .free = free_model,
        .undefined_at = undefined_at, .diameter = diameter, .components = components,
        .create_level = create_level, .free_level = free_level,
        .eval = eval, .eval_each = eval_each, .log_density = log_density, .divergence = divergence,
        .jacobian = jacobian, .jacobian_vector = jacobian_vector, .draw = draw,
};
