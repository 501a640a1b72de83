/* Reconstruction guidance: p(x_0 | x) is taken for N(m_0(x), r^2), m_0 = x + sigma^2 s(x) Tweedie's mean, so that
 *
 *     s(x; y) = s(x) + scale grad_x ln N(y; A m_0(x), N + r^2 A A^T)
 *             = s(x) + scale (I + sigma^2 J) A^T (N + r^2 A A^T)^-1 (y - A m_0),
 *
 * J the (symmetric) Jacobian of s, r^2 = 0 (dps) or sigma^2 v/(v + sigma^2) (pigdm). Exact only where the covariance of
 * x_0 given x is r^2, of a prior N(m, v) for pigdm, at sigma = 0 for all. One evaluation of the prior and one product
 * with its Jacobian. Local. [Ho et al. 2022; Chung et al. 2023; Song et al. 2023] */
#include <math.h>
#include <stdlib.h>

#include "score/guided.h"
#include "sculptor/memory.h"

struct guided {
        const struct guided_settings *settings;
        struct score *prior;
        struct likelihood likelihood;
};

static void *create(const void *settings)
{
        struct guided *guided = allocate(1, sizeof *guided);
        guided->settings = settings;
        guided->prior = nested_create(&guided->settings->prior);
        likelihood_create(&guided->likelihood, &guided->settings->likelihood, guided->prior->n_dim);
        return guided;
}

static void free_model(void *model)
{
        struct guided *guided = model;
        score_free(guided->prior);
        likelihood_release(&guided->likelihood);
        free(guided);
}

/* r^2 */
static double spread(const struct guided *guided, double sigma)
{
        const double v = guided->settings->prior_variance;
        return guided->settings->method == GUIDED_PIGDM ? sigma * sigma * v / fma(sigma, sigma, v) : 0;
}

static const char *undefined_at(const void *model, double sigma)
{
        const struct guided *guided = model;
        const size_t m = (size_t)guided->likelihood.n_data;
        const char *why = nested_undefined_at(guided->prior, sigma);
        if (why)
                return why;
        double *precision = allocate(m * m, sizeof *precision);
        const bool regular = likelihood_precision(&guided->likelihood, NULL, spread(guided, sigma), precision, NULL);
        free(precision);
        return regular ? NULL : LIKELIHOOD_SINGULAR;
}

static double diameter(const void *model)
{
        return nested_diameter(((const struct guided *)model)->prior);
}

/* ---- the level ---- */

struct guided_level {
        const struct guided *guided;
        double variance;           /* sigma^2 */
        struct score_level *prior;
        double *precision;         /* scale (N + r^2 A A^T)^-1 */
        double *denoised, *pull;   /* m_0 and A^T precision (y - A m_0), [n_dim][LANES] */
        double *rest;              /* y - A m_0, [n_data][LANES] */
};

static void *create_level(const void *model, double sigma)
{
        struct guided_level *level = allocate(1, sizeof *level);
        const struct guided *guided = level->guided = model;
        const size_t n = (size_t)guided->likelihood.n_dim, m = (size_t)guided->likelihood.n_data;
        level->variance = sigma * sigma;
        level->prior = score_level_create(guided->prior, sigma);
        level->precision = allocate(m * m, sizeof(double));
        likelihood_precision(&guided->likelihood, NULL, spread(guided, sigma), level->precision, NULL);
        for (size_t i = 0; i < m * m; i++)
                level->precision[i] *= guided->settings->scale;
        level->denoised = allocate(n * LANES, sizeof(double));
        level->pull = allocate(n * LANES, sizeof(double));
        level->rest = allocate(m * LANES, sizeof(double));
        return level;
}

static void free_level(void *state)
{
        struct guided_level *level = state;
        score_level_free(level->prior);
        free(level->precision);
        free(level->denoised);
        free(level->pull);
        free(level->rest);
        free(level);
}

/* out += a in, of one row */
static void add_row(double a, const double *restrict in, double *restrict out)
{
        for (int lane = 0; lane < LANES; lane++)
                out[lane] = fma(a, in[lane], out[lane]);
}

/* pull = A^T precision (y - A m_0) */
static void pull_of_data(const struct guided_level *level)
{
        const struct likelihood *likelihood = &level->guided->likelihood;
        const int64_t n = likelihood->n_dim, m = likelihood->n_data;
        for (int64_t d = 0; d < m; d++) {
                double *rest = level->rest + d * LANES;
                for (int lane = 0; lane < LANES; lane++)
                        rest[lane] = likelihood->data[d];
                for (int64_t i = 0; i < n; i++)
                        if (likelihood->matrix[d * n + i] != 0)
                                add_row(-likelihood->matrix[d * n + i], level->denoised + i * LANES, rest);
        }
        for (int64_t i = 0; i < n * LANES; i++)
                level->pull[i] = 0;
        for (int64_t d = 0; d < m; d++) {
                double weighed[LANES] = {0};
                for (int64_t e = 0; e < m; e++)
                        add_row(level->precision[d * m + e], level->rest + e * LANES, weighed);
                for (int64_t i = 0; i < n; i++)
                        if (likelihood->matrix[d * n + i] != 0)
                                add_row(likelihood->matrix[d * n + i], weighed, level->pull + i * LANES);
        }
}

static void eval(const void *state, const double *restrict x, double *restrict score)
{
        const struct guided_level *level = state;
        const int64_t n = level->guided->likelihood.n_dim;
        score_eval(level->prior, x, score);
        for (int64_t i = 0; i < n * LANES; i++)
                level->denoised[i] = fma(level->variance, score[i], x[i]);
        pull_of_data(level);
        for (int64_t i = 0; i < n * LANES; i++)
                score[i] += level->pull[i];
        if (level->variance == 0)
                return;
        score_jacobian_vector(level->prior, x, level->pull, level->denoised);
        for (int64_t i = 0; i < n * LANES; i++)
                score[i] = fma(level->variance, level->denoised[i], score[i]);
}

const struct score_type guided_reconstruction = {
        .name = "guided", .help = "reconstruction guidance", .composite = true,
        .dimension = guided_dimension, .create = create, .free = free_model,
        .undefined_at = undefined_at, .diameter = diameter,
        .create_level = create_level, .free_level = free_level, .eval = eval,
};
