/* The posterior of a Gaussian mixture given linear-Gaussian data is one too, with dense covariances: of component k
 *
 *     K = A S A^T + N,  G = S A^T K^-1,   m' = m + G (y - A m),   w' ~ w N(y; A m, K),
 *     S' = (I - G A) S (I - G A)^T + G N G^T   (Joseph's form: semidefinite however small N is),
 *
 * and, since data tell of x_0 alone, p(x_sigma | y) is this mixture noised: exact at every sigma. At a noise level it
 * is N(x; 0, S + sigma^2) N(y; A m_0(x), A C_0 A^T + N) of a Gaussian prior, C_0 = S - S (S + sigma^2)^-1 S. Local.
 * [Kalman 1960; Bucy & Joseph 1968] */
#include <math.h>
#include <stdlib.h>

#include "score/dense_mixture.h"
#include "score/gaussian.h"
#include "score/guided.h"
#include "score/types.h"
#include "sculptor/memory.h"
#include "sculptor/vecmath.h"

size_t guided_exact_components(const struct score *prior)
{
        const struct score_type *type = prior->type;
        if (!type->components)
                return 0;
        return type->n_modes ? type->n_modes(prior->model) : 1;
}

/* out[n][m] = a[n][l] b[l][m], `b` transposed where it is [m][l]. */
static void multiply(int64_t n, int64_t l, int64_t m, const double *restrict a, const double *restrict b,
                     bool transposed, double *restrict out)
{
        for (int64_t i = 0; i < n; i++)
                for (int64_t j = 0; j < m; j++) {
                        double sum = 0;
                        for (int64_t k = 0; k < l; k++)
                                sum = fma(a[i * l + k], transposed ? b[j * l + k] : b[k * m + j], sum);
                        out[i * m + j] = sum;
                }
}

struct component {
        double *s, *mean;          /* in: the prior's; out: the posterior's */
        double *precision;         /* K^-1 */
        double *cross, *gain;      /* S A^T and G, [n_dim][n_data] */
        double *rest, *weighed;    /* y - A m, K^-1 (y - A m) */
        double *keep, *kept;       /* I - G A, [n_dim][n_dim], and its product with S */
};

static struct component allocate_component(int64_t n, int64_t m)
{
        const size_t nn = (size_t)(n * n), nm = (size_t)(n * m);
        return (struct component){.s = allocate(nn, 8), .mean = allocate((size_t)n, 8),
                                  .precision = allocate((size_t)(m * m), 8), .cross = allocate(nm, 8),
                                  .gain = allocate(nm, 8), .rest = allocate((size_t)m, 8),
                                  .weighed = allocate((size_t)m, 8), .keep = allocate(nn, 8), .kept = allocate(nn, 8)};
}

static void release_component(const struct component *c)
{
        double *const all[] = {c->s, c->mean, c->precision, c->cross, c->gain, c->rest, c->weighed, c->keep, c->kept};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
                free(all[i]);
}

/* S <- (I - G A) S (I - G A)^T + G N G^T */
static void narrow(const struct likelihood *likelihood, struct component *c)
{
        const int64_t n = likelihood->n_dim, m = likelihood->n_data;
        multiply(n, m, n, c->gain, likelihood->matrix, false, c->keep);
        for (int64_t i = 0; i < n; i++)
                for (int64_t j = 0; j < n; j++)
                        c->keep[i * n + j] = (i == j ? 1 : 0) - c->keep[i * n + j];
        multiply(n, n, n, c->keep, c->s, false, c->kept);
        multiply(n, n, n, c->kept, c->keep, true, c->s);
        for (int64_t i = 0; i < n; i++)
                for (int64_t j = 0; j <= i; j++) {
                        double sum = 0.5 * (c->s[i * n + j] + c->s[j * n + i]);
                        for (int64_t d = 0; d < m; d++)
                                sum = fma(c->gain[i * m + d] * likelihood->variance[d], c->gain[j * m + d], sum);
                        c->s[i * n + j] = c->s[j * n + i] = sum;
                }
}

/* Prior to posterior; *log_evidence is ln N(y; A m, K) but for its 2 pi. False where K is singular. */
static bool condition(const struct likelihood *likelihood, struct component *c, double *log_evidence)
{
        const int64_t n = likelihood->n_dim, m = likelihood->n_data;
        double log_det, square = 0;
        if (!likelihood_precision(likelihood, c->s, 0, c->precision, &log_det))
                return false;
        multiply(n, n, m, c->s, likelihood->matrix, true, c->cross);
        multiply(n, m, m, c->cross, c->precision, false, c->gain);
        for (int64_t d = 0; d < m; d++) {
                c->rest[d] = likelihood->data[d];
                for (int64_t i = 0; i < n; i++)
                        c->rest[d] = fma(-likelihood->matrix[d * n + i], c->mean[i], c->rest[d]);
        }
        multiply(m, m, 1, c->precision, c->rest, false, c->weighed);
        for (int64_t d = 0; d < m; d++)
                square = fma(c->rest[d], c->weighed[d], square);
        for (int64_t i = 0; i < n; i++)
                for (int64_t d = 0; d < m; d++)
                        c->mean[i] = fma(c->gain[i * m + d], c->rest[d], c->mean[i]);
        narrow(likelihood, c);
        *log_evidence = -0.5 * (square + log_det);
        return true;
}

static void *posterior(const struct score *prior, const struct likelihood *likelihood)
{
        const size_t count = guided_exact_components(prior);
        const int64_t n = prior->n_dim;
        const size_t d = (size_t)n;
        struct dense_mixture *mixture = dense_mixture_allocate(count, n);
        struct component c = allocate_component(n, likelihood->n_data);
        double *weight = allocate(count, sizeof *weight), *variance = allocate(count * d, sizeof *variance);
        prior->type->components(prior->model, weight, mixture->mean, variance);

        for (size_t k = 0; k < count; k++) {
                double log_evidence = 0;
                for (size_t i = 0; i < d; i++) {
                        c.mean[i] = mixture->mean[k * d + i];
                        for (size_t j = 0; j < d; j++)
                                c.s[i * d + j] = i == j ? variance[k * d + i] : 0;
                }
                if (prior->type == &score_gaussian)
                        gaussian_covariance(prior->model, c.s);
                if (!condition(likelihood, &c, &log_evidence))
                        mixture->wrong = LIKELIHOOD_SINGULAR;
                mixture->log_weight[k] = vm_log(weight[k]) + log_evidence;
                for (size_t i = 0; i < d; i++)
                        mixture->mean[k * d + i] = c.mean[i];
                for (size_t i = 0; i < d * d; i++)
                        mixture->covariance[k * d * d + i] = c.s[i];
        }
        release_component(&c);
        free(weight);
        free(variance);
        return dense_mixture_finish(mixture);
}

static void *create(const void *settings)
{
        const struct guided_settings *set = settings;
        struct score *prior = nested_create(&set->prior);
        struct likelihood likelihood;
        likelihood_create(&likelihood, &set->likelihood, prior->n_dim);
        void *model = posterior(prior, &likelihood);
        likelihood_release(&likelihood);
        score_free(prior);
        return model;
}

const struct score_type guided_exact = {
        .name = "guided", .help = "the exact posterior of a mixture of Gaussians", .composite = true,
        .dimension = guided_dimension, .create = create, DENSE_MIXTURE_FUNCTIONS,
};
