/* Scores made of scores: guided by data, exactly and by reconstruction, mixed, tempered. Against log densities written
 * here afresh (the joint density of x and the data, by GSL), their differences, and each other where theory says so. */
#include "score_fixture.h"

#include <gsl/gsl_linalg.h>

#define Z_LIMIT 5.85
#define LN_2_PI 1.8378770664093454836

/* ---- priors and data ---- */

#define MIXTURE_3                                                                                                      \
        "{type: gaussian_mixture, components: [{weight: 1, mean: [1, 0, 2], sigma: [1, 2, 0.5]}, "                     \
        "{weight: 2, mean: [0, 0.5, -1], sigma: 0.8}]}"
#define DENSE_2 "{type: gaussian, mean: [0.5, -1], covariance: [[1, 0.6], [0.6, 2]]}"

struct example {
        const char *prior, *likelihood;
        int n_dim, n_data;
        double dense[4];     /* S of a single dense Gaussian, else 0 */
        double matrix[2][3], data[2], noise[2];
};
static const struct example examples[] = {
        {"{type: gaussian, mean: 0.5, sigma: 2}",
         "{observed: 0, data: 1.5, noise: 0.5}",
         1,
         1,
         {0},
         {{1}},
         {1.5},
         {0.5}},
        {DENSE_2, "{observed: [1], data: [0.3], noise: 0.2}", 2, 1, {1, 0.6, 0.6, 2}, {{0, 1}}, {0.3}, {0.2}},
        {DENSE_2,
         "{matrix: [[1, -1], [0.5, 2]], data: [0.3, 1], noise: [0.2, 0.7]}",
         2,
         2,
         {1, 0.6, 0.6, 2},
         {{1, -1}, {0.5, 2}},
         {0.3, 1},
         {0.2, 0.7}},
        {MIXTURE_3,
         "{matrix: [[1, 1, 0], [0, -1, 2]], data: [0.5, -0.5], noise: [0.5, 1]}",
         3,
         2,
         {0},
         {{1, 1, 0}, {0, -1, 2}},
         {0.5, -0.5},
         {0.5, 1}},
        {"{type: moons, sigma: 0.3}", "{observed: [1], data: [0.25], noise: 0.3}", 2, 1, {0}, {{0, 1}}, {0.25}, {0.3}},
};
enum { N_EXAMPLES = sizeof examples / sizeof *examples };
static const double sigmas[] = {0, 0.4, 3};
enum { N_SIGMAS = sizeof sigmas / sizeof *sigmas };

static char *guided_text(const struct example *example, const char *method)
{
        return format_text("type: guided\nprior: %s\nlikelihood: %s\n%s", example->prior, example->likelihood, method);
}

/* Points about the origin: one tile. */
static void some_points(int64_t n_dim, double spread, double *x)
{
        const struct rng_stream stream = {.seed = 3, .purpose = RNG_TEST};
        rng_normal(&stream, 0, n_dim, x);
        for (int64_t i = 0; i < n_dim * LANES; i++)
                x[i] *= spread;
}

/* ---- ln p(x_sigma, y), from the joint Gaussians of x and y ---- */

static double log_normal(size_t n, const double *covariance, const double *apart)
{
        gsl_matrix *c = gsl_matrix_alloc(n, n);
        gsl_vector *v = gsl_vector_alloc(n), *u = gsl_vector_alloc(n);
        memcpy(c->data, covariance, n * n * sizeof(double));
        memcpy(v->data, apart, n * sizeof(double));
        gsl_linalg_cholesky_decomp1(c);
        gsl_linalg_cholesky_solve(c, v, u);
        double square = 0, log_det = 0;
        for (size_t i = 0; i < n; i++) {
                square += v->data[i] * u->data[i];
                log_det += 2 * log(gsl_matrix_get(c, i, i));
        }
        gsl_matrix_free(c);
        gsl_vector_free(v);
        gsl_vector_free(u);
        return -0.5 * (square + log_det + (double)n * LN_2_PI);
}

struct prior { size_t n; double weight[64], mean[64 * 3], variance[64 * 3]; };

static void read_prior(const struct example *example, struct prior *prior)
{
        struct score_fixture fixture;
        char *text = copy_text(example->prior);
        score_fixture_open(&fixture, text);
        prior->n = fixture.type->n_modes ? fixture.type->n_modes(fixture.score->model) : 1;
        fixture.type->components(fixture.score->model, prior->weight, prior->mean, prior->variance);
        score_fixture_close(&fixture);
        free(text);
}

/* x NULL: ln p(y). */
static double log_joint(const struct example *example, const struct prior *prior, double sigma, const double *x)
{
        const int n = example->n_dim, m = example->n_data, skip = x ? 0 : n, size = n + m - skip;
        double logs[64], largest = -INFINITY, sum = 0;
        for (size_t k = 0; k < prior->n; k++) {
                double s[3][3] = {{0}}, joint[25] = {0}, apart[5] = {0};
                const double *mean = prior->mean + k * (size_t)n;
                for (int i = 0; i < n; i++)
                        for (int j = 0; j < n; j++)
                                s[i][j] = example->dense[0] > 0 ? example->dense[i * n + j]
                                          : i == j              ? prior->variance[k * (size_t)n + (size_t)i]
                                                                : 0;
                /* rows: x, then y; row(a) of the map from x_0 */
                for (int a = skip; a < n + m; a++) {
                        for (int b = skip; b < n + m; b++) {
                                double c = a == b ? (a < n ? sigma * sigma
                                                           : example->noise[a - n] * example->noise[a - n])
                                                  : 0;
                                for (int i = 0; i < n; i++)
                                        for (int j = 0; j < n; j++)
                                                c += (a < n ? a == i : example->matrix[a - n][i]) * s[i][j] *
                                                     (b < n ? b == j : example->matrix[b - n][j]);
                                joint[(a - skip) * size + b - skip] = c;
                        }
                        double seen = 0;
                        for (int i = 0; i < n && a >= n; i++)
                                seen += example->matrix[a - n][i] * mean[i];
                        apart[a - skip] = a < n ? x[a] - mean[a] : example->data[a - n] - seen;
                }
                logs[k] = log(prior->weight[k]) + log_normal((size_t)size, joint, apart);
                largest = fmax(largest, logs[k]);
        }
        for (size_t k = 0; k < prior->n; k++)
                sum += exp(logs[k] - largest);
        return largest + log(sum);
}

/* ---- derivatives: central differences, two steps of Richardson's extrapolation ----
 * Functions vary over lengths of 0.2 and more here: truncated at (h/4)^6 f^(7)/7!, below 1e-9 of the scores' size,
 * about 10; rounding 1e-14/h. */

typedef double function(void *owner, const double *x);

static double slope(function *f, void *owner, double *x, int i, double h)
{
        const double saved = x[i];
        double d[3];
        for (int r = 0; r < 3; r++) {
                x[i] = saved + ldexp(h, -r);
                const double above = f(owner, x);
                x[i] = saved - ldexp(h, -r);
                d[r] = (above - f(owner, x)) / (2 * ldexp(h, -r));
        }
        x[i] = saved;
        const double first = (4 * d[1] - d[0]) / 3, second = (4 * d[2] - d[1]) / 3;
        return (16 * second - first) / 15;
}

static const double STEP = 0.02, DIFFERENCE_ERROR = 1e-7;

/* ---- exact ---- */

struct joint { const struct example *example; const struct prior *prior; double sigma; };

static double joint_of(void *owner, const double *x)
{
        const struct joint *joint = owner;
        return log_joint(joint->example, joint->prior, joint->sigma, x);
}

static void exact_is_the_joint(const struct example *example, const struct score_level *level)
{
        struct prior prior;
        read_prior(example, &prior);
        const int n = example->n_dim;
        struct joint joint = {example, &prior, level->sigma};
        double *x = new_tile(n), *s = new_tile(n), log_p[LANES];
        some_points(n, 2, x);
        score_eval(level, x, s);
        score_log_density(level, x, log_p);
        const double evidence = log_joint(example, &prior, level->sigma, NULL);
        for (int lane = 0; lane < 8; lane++) {
                double at[3];
                for (int i = 0; i < n; i++)
                        at[i] = x[i * LANES + lane];
                const double wanted = joint_of(&joint, at) - evidence;
                expect_near(level, "log p(x|y)", log_p[lane], wanted, 1e-11 * (1 + fabs(wanted)));
                for (int i = 0; i < n; i++) {
                        const double d = slope(joint_of, &joint, at, i, STEP);
                        expect_near(level, "score given data", s[i * LANES + lane], d,
                                    DIFFERENCE_ERROR * (1 + fabs(d)));
                }
        }
        free(x);
        free(s);
}

typedef void guided_claim(const struct example *example, const struct score_level *level);

static void for_every_guided(const char *method, guided_claim *check)
{
        for (int e = 0; e < N_EXAMPLES; e++) {
                char *text = guided_text(&examples[e], method);
                struct score_fixture fixture;
                score_fixture_open(&fixture, text);
                for (int l = 0; l < N_SIGMAS; l++) {
                        struct score_level *level = score_level_create(fixture.score, sigmas[l]);
                        check(&examples[e], level);
                        score_level_free(level);
                }
                score_fixture_close(&fixture);
                free(text);
        }
}

static void test_exact_is_the_noised_posterior(void **state)
{
        (void)state;
        for_every_guided("", exact_is_the_joint);
}

struct component_of_score { const struct score_level *level; int component; };

static double component_of(void *owner, const double *x)
{
        const struct component_of_score *wanted = owner;
        const int64_t n = wanted->level->score->n_dim;
        double tile[3 * LANES] = {0}, s[3 * LANES];
        for (int64_t i = 0; i < n; i++)
                tile[i * LANES] = x[i];
        score_eval(wanted->level, tile, s);
        return s[wanted->component * LANES];
}

/* Of any score that has them. */
static void derivatives_agree(const struct example *example, const struct score_level *level)
{
        (void)example;
        const int n = (int)level->score->n_dim;
        double *x = new_tile(n), *j = new_tile(n * n), *v = new_tile(n), *turned = new_tile(n), div[LANES];
        some_points(n, 2, x);
        some_points(n, 1, v);
        score_jacobian_vector(level, x, v, turned);
        score_jacobian(level, x, j);
        score_divergence(level, x, div);
        for (int lane = 0; lane < 6; lane++) {
                double at[3], trace = 0;
                for (int i = 0; i < n; i++)
                        at[i] = x[i * LANES + lane];
                for (int row = 0; row < n; row++)
                        for (int column = 0; column < n; column++) {
                                struct component_of_score score = {level, row};
                                const double value = j[(row * n + column) * LANES + lane];
                                const double d = slope(component_of, &score, at, column, STEP);
                                expect_near(level, "ds/dx", value, d, DIFFERENCE_ERROR * (10 + fabs(d)));
                                trace += row == column ? value : 0;
                        }
                for (int row = 0; row < n; row++) {
                        double product = 0, size = 1;
                        for (int column = 0; column < n; column++) {
                                product += j[(row * n + column) * LANES + lane] * v[column * LANES + lane];
                                size += fabs(j[(row * n + column) * LANES + lane] * v[column * LANES + lane]);
                        }
                        expect_near(level, "(ds/dx) v", turned[row * LANES + lane], product, 1e-12 * size);
                }
                expect_near(level, "div s", div[lane], trace, 1e-12 * (10 + fabs(trace)));
        }
        free(x);
        free(j);
        free(v);
        free(turned);
}

static void test_exact_has_the_derivatives_of_its_score(void **state)
{
        (void)state;
        for_every_guided("", derivatives_agree);
}

/* Draws against the posterior's moments, sums over components; observed coordinates of one example have a width of
 * 1e-10. */
static void draws_have_the_moments(const char *text, double tiny)
{
        enum { TILES = 200 };
        struct score_fixture fixture;
        score_fixture_open(&fixture, text);
        const struct score *score = fixture.score;
        const size_t n = (size_t)score->n_dim, k = score->type->n_modes(score->model);
        double weight[64], mean[128], variance[128], *x = new_tile((int64_t)n), sum[2] = {0}, square[2] = {0};
        score->type->components(score->model, weight, mean, variance);
        if (tiny > 0)
                assert_true(fabs(variance[0] / (tiny * tiny) - 1) < 1e-6);
        for (uint64_t t = 0; t < TILES; t++) {
                draw_noised(score, 0, t, x);
                for (size_t i = 0; i < n * LANES; i++) {
                        sum[i / LANES] += x[i];
                        square[i / LANES] += x[i] * x[i];
                }
        }
        for (size_t i = 0; i < n; i++) {
                double m = 0, v = 0, fourth = 0;
                for (size_t c = 0; c < k; c++)
                        m += weight[c] * mean[c * n + i];
                for (size_t c = 0; c < k; c++) {
                        const double apart = mean[c * n + i] - m, own = variance[c * n + i];
                        v += weight[c] * (own + apart * apart);
                        fourth += weight[c] * (3 * own * own + 6 * own * apart * apart + apart * apart * apart * apart);
                }
                const double count = TILES * LANES, found = sum[i] / count;
                const double spread = square[i] / count - found * found;
                assert_true(fabs(found - m) < Z_LIMIT * sqrt(v / count) + 1e-14);
                if (v > 1e-12)
                        assert_true(fabs(spread - v) < Z_LIMIT * sqrt((fourth - v * v) / count));
        }
        free(x);
        score_fixture_close(&fixture);
}

static void test_exact_draws_have_the_posteriors_moments(void **state)
{
        (void)state;
        draws_have_the_moments(
                "{type: guided, prior: {type: moons}, likelihood: {observed: [1], data: [0.3], noise: 0.2}}", 0);
        draws_have_the_moments(
                "{type: guided, prior: " DENSE_2 ", likelihood: {matrix: [[1, 1]], data: [1], noise: 0.3}}", 0);
        draws_have_the_moments(
                "{type: guided, prior: " DENSE_2 ", likelihood: {observed: [0], data: [1], noise: 1e-10}}", 1e-10);
}

/* A prior without width in a coordinate, and data that cannot be told apart. */
static void test_what_has_no_density_is_told(void **state)
{
        (void)state;
        struct score_fixture fixture;
        score_fixture_open(&fixture, "{type: guided, prior: {type: gaussian, mean: [0, 0], sigma: [0, 1]}, "
                                     "likelihood: {observed: [1], data: [1], noise: 0.3}}");
        assert_string_equal(fixture.score->type->undefined_at(fixture.score->model, 0),
                            "a component of the posterior has no width to rounding");
        assert_null(fixture.score->type->undefined_at(fixture.score->model, 0.1));
        score_fixture_close(&fixture);
        const char *methods[] = {"exact", "pigdm"};
        for (int m = 0; m < 2; m++) {
                char *text = format_text("{type: guided, method: %s, prior: {type: gaussian, mean: [0, 0], sigma: 1}, "
                                         "likelihood: {matrix: [[1, 1], [1, 1]], data: [1, 2], noise: 1e-12}}",
                                         methods[m]);
                score_fixture_open(&fixture, text);
                const char *why = fixture.score->type->undefined_at(fixture.score->model, 1);
                assert_non_null(why);
                assert_non_null(strstr(why, "likelihood.noise is so small"));
                score_fixture_close(&fixture);
                free(text);
        }
}

/* ---- reconstruction guidance: s - s_prior is the gradient of ln N(y; A m_0(x), N + r^2 A A^T) ---- */

struct guess { const struct example *example; struct score_level *prior; double spread, scale; };

static double log_guess(void *owner, const double *x)
{
        const struct guess *guess = owner;
        const struct example *example = guess->example;
        const int n = example->n_dim, m = example->n_data;
        double tile[3 * LANES] = {0}, s[3 * LANES], covariance[4], apart[2];
        const double sigma = guess->prior->sigma;
        for (int i = 0; i < n; i++)
                tile[i * LANES] = x[i];
        score_eval(guess->prior, tile, s);
        for (int a = 0; a < m; a++) {
                apart[a] = example->data[a];
                for (int i = 0; i < n; i++)
                        apart[a] -= example->matrix[a][i] * (x[i] + sigma * sigma * s[i * LANES]);
                for (int b = 0; b < m; b++) {
                        covariance[a * m + b] = a == b ? example->noise[a] * example->noise[a] : 0;
                        for (int i = 0; i < n; i++)
                                covariance[a * m + b] += guess->spread * example->matrix[a][i] * example->matrix[b][i];
                }
        }
        return guess->scale * log_normal((size_t)m, covariance, apart);
}

static void check_guidance(const struct example *example, const struct score_level *level, double v, double scale)
{
        struct score_fixture prior;
        const int n = example->n_dim;
        const double variance = level->sigma * level->sigma;
        score_fixture_open(&prior, example->prior);
        struct guess guess = {.example = example, .scale = scale,
                              .prior = score_level_create(prior.score, level->sigma),
                              .spread = v > 0 ? variance * v / (variance + v) : 0};
        double *x = new_tile(n), *s = new_tile(n), *plain = new_tile(n);
        some_points(n, 2, x);
        score_eval(level, x, s);
        score_eval(guess.prior, x, plain);
        for (int lane = 0; lane < 8; lane++) {
                double at[3];
                for (int i = 0; i < n; i++)
                        at[i] = x[i * LANES + lane];
                for (int i = 0; i < n; i++) {
                        const double d = slope(log_guess, &guess, at, i, STEP);
                        expect_near(level, "guidance", s[i * LANES + lane] - plain[i * LANES + lane], d,
                                    DIFFERENCE_ERROR * (10 + fabs(d)));
                }
        }
        free(x);
        free(s);
        free(plain);
        score_level_free(guess.prior);
        score_fixture_close(&prior);
}

static void pigdm_is_a_gradient(const struct example *example, const struct score_level *level)
{
        check_guidance(example, level, 1.5, 1);
}

static void dps_is_a_gradient(const struct example *example, const struct score_level *level)
{
        check_guidance(example, level, 0, 0.7);
}

static void test_guidance_is_the_gradient_of_what_is_thought_of_the_data(void **state)
{
        (void)state;
        for_every_guided("method: pigdm\nprior_variance: 1.5\n", pigdm_is_a_gradient);
        for_every_guided("method: dps\nscale: 0.7\n", dps_is_a_gradient);
}

/* Scores of two texts at one sigma, the largest difference relative to the largest score. */
static double difference(const char *a, const char *b, double sigma)
{
        struct score_fixture fixture[2];
        double *x = NULL, *s[2], apart = 0, size = 0;
        for (int i = 0; i < 2; i++) {
                score_fixture_open(&fixture[i], i == 0 ? a : b);
                struct score_level *level = score_level_create(fixture[i].score, sigma);
                if (!x) {
                        x = new_tile(fixture[i].n_dim);
                        some_points(fixture[i].n_dim, 2, x);
                }
                s[i] = new_tile(fixture[i].n_dim);
                score_eval(level, x, s[i]);
                score_level_free(level);
        }
        for (int64_t i = 0; i < fixture[0].n_dim * LANES; i++) {
                apart = fmax(apart, fabs(s[0][i] - s[1][i]));
                size = fmax(size, fabs(s[0][i]));
        }
        for (int i = 0; i < 2; i++) {
                score_fixture_close(&fixture[i]);
                free(s[i]);
        }
        free(x);
        return apart / size;
}

#define ROUND "type: guided, prior: {type: gaussian, mean: [1, -1], sigma: 2}"
#define SEEN ", likelihood: {matrix: [[1, 0.5], [0, 1]], data: [0.3, 1], noise: [0.2, 0.7]}"

/* Of a prior N(m, v), x_0 given x has the covariance sigma^2 v/(v + sigma^2). A few roundings of matrices of condition
 * 200. */
static void test_pigdm_is_exact_for_a_round_prior_of_its_variance_and_for_no_other(void **state)
{
        (void)state;
        for (int l = 0; l < N_SIGMAS; l++)
                assert_true(difference("{" ROUND SEEN "}", "{" ROUND SEEN ", method: pigdm, prior_variance: 4}",
                                       sigmas[l]) < 1e-12);
        assert_true(difference("{" ROUND SEEN "}", "{" ROUND SEEN ", method: pigdm}", 3) > 0.05);
        assert_true(difference("{" ROUND SEEN "}", "{" ROUND SEEN ", method: dps}", 3) > 0.05);
}

static void test_all_methods_agree_without_noise(void **state)
{
        (void)state;
        char *exact = guided_text(&examples[3], ""), *pigdm = guided_text(&examples[3], "method: pigdm\n"),
             *dps = guided_text(&examples[3], "method: dps\n");
        assert_true(difference(exact, pigdm, 0) < 1e-12);
        assert_true(difference(exact, dps, 0) < 1e-12);
        free(exact);
        free(pigdm);
        free(dps);
}

/* Clean-only priors have posteriors at sigma 0. */
static void test_guidance_takes_any_prior_at_sigma_zero(void **state)
{
        (void)state;
        struct score_fixture fixture;
        score_fixture_open(&fixture, "{type: guided, method: dps, prior: {type: funnel, dimension: 2}, "
                                     "likelihood: {observed: [1], data: [1], noise: 0.5}}");
        assert_null(fixture.score->type->undefined_at(fixture.score->model, 0));
        assert_non_null(fixture.score->type->undefined_at(fixture.score->model, 1));
        score_fixture_close(&fixture);
}

/* ---- mixed and tempered ---- */

static const char *const combined[] = {
        "{type: mixed, weight: 1.5, conditional: {type: moons}, unconditional: {type: gaussian, mean: [0, 1], sigma: "
        "2}}",
        "{type: mixed, weight: -0.3, conditional: " MIXTURE_3
        ", unconditional: {type: gaussian, mean: 0, dimension: 3, "
        "sigma: 1}}",
        "{type: tempered, inverse_temperature: 2.5, target: " MIXTURE_3 "}",
        "{type: tempered, temperature: 4, target: {type: moons, sigma: 0.3}}",
};

static double log_p_of(void *owner, const double *x)
{
        const struct score_level *level = owner;
        double tile[3 * LANES] = {0}, log_p[LANES];
        for (int64_t i = 0; i < level->score->n_dim; i++)
                tile[i * LANES] = x[i];
        score_log_density(level, tile, log_p);
        return log_p[0];
}

static void test_combined_scores_are_gradients_of_their_log_densities(void **state)
{
        (void)state;
        for (size_t c = 0; c < sizeof combined / sizeof *combined; c++) {
                struct score_fixture fixture;
                score_fixture_open(&fixture, combined[c]);
                assert_true(fixture.type->log_density_unnormalised);
                struct score_level *level = score_level_create(fixture.score, 0.4);
                double *x = new_tile(fixture.n_dim), *s = new_tile(fixture.n_dim);
                some_points(fixture.n_dim, 2, x);
                score_eval(level, x, s);
                for (int lane = 0; lane < 8; lane++) {
                        double at[3];
                        for (int64_t i = 0; i < fixture.n_dim; i++)
                                at[i] = x[i * LANES + lane];
                        for (int i = 0; i < (int)fixture.n_dim; i++) {
                                const double d = slope(log_p_of, level, at, i, STEP);
                                expect_near(level, "score", s[i * LANES + lane], d, DIFFERENCE_ERROR * (10 + fabs(d)));
                        }
                }
                derivatives_agree(NULL, level);
                free(x);
                free(s);
                score_level_free(level);
                score_fixture_close(&fixture);
        }
}

/* Powers of Gaussians, N(m, v)^a ~ N(m, v/a): what the combinations are where both parts are Gaussian. */
static void test_combinations_of_gaussians_are_gaussians(void **state)
{
        (void)state;
        /* (1 + w)/v_c - w/v_u = 3/1 - 2/4 = 2.5 at sigma 0; m: (3 * 1 - 0.5 * (-1))/2.5 */
        assert_true(difference("{type: mixed, weight: 2, conditional: {type: gaussian, mean: 1, sigma: 1}, "
                               "unconditional: {type: gaussian, mean: -1, sigma: 2}}",
                               "{type: gaussian, mean: 1.4, sigma: 0.63245553203367587}", 0) < 1e-14);
        /* (d + sigma^2)/beta = (4 + 9)/2: not 4/2 + 9 */
        assert_true(difference("{type: tempered, inverse_temperature: 2, target: {type: gaussian, mean: 1, sigma: 2}}",
                               "{type: gaussian, mean: 1, sigma: 2.5495097567963922}", 3) > 0.1);
        assert_true(difference("{type: tempered, inverse_temperature: 2, target: {type: gaussian, mean: 1, sigma: 2}}",
                               "{type: gaussian, mean: 1, sigma: 1.4142135623730951}", 0) < 1e-14);
        const char *part = "{type: gaussian, mean: 1, sigma: 1}";
        assert_true(difference("{type: mixed, weight: 0, conditional: {type: gaussian, mean: 1, sigma: 1}, "
                               "unconditional: {type: gaussian, mean: -1, sigma: 2}}",
                               part, 2) == 0);
}

/* ---- every lane alike ---- */

/* A particle's bits in lane 0 of one tile and lane 37 beside others. */
static void lanes_are_apart(const char *text)
{
        struct score_fixture fixture;
        score_fixture_open(&fixture, text);
        struct score_level *level = score_level_create(fixture.score, 0.4);
        const int64_t n = fixture.n_dim;
        double *x = new_tile(n), *moved = new_tile(n), *s = new_tile(n), *t = new_tile(n);
        some_points(n, 3, x);
        some_points(n, 30, moved);
        for (int64_t i = 0; i < n; i++)
                moved[i * LANES + 37] = x[i * LANES];
        score_eval(level, x, s);
        score_eval(level, moved, t);
        for (int64_t i = 0; i < n; i++)
                assert_memory_equal(&s[i * LANES], &t[i * LANES + 37], sizeof(double));
        free(x);
        free(moved);
        free(s);
        free(t);
        score_level_free(level);
        score_fixture_close(&fixture);
}

static void test_a_particle_has_the_same_bits_in_any_lane(void **state)
{
        (void)state;
        static const char *const methods[] = {"", "method: pigdm\n", "method: dps\n"};
        for (int e = 0; e < N_EXAMPLES; e++)
                for (int m = 0; m < 3; m++) {
                        char *text = guided_text(&examples[e], methods[m]);
                        lanes_are_apart(text);
                        free(text);
                }
        for (size_t c = 0; c < sizeof combined / sizeof *combined; c++)
                lanes_are_apart(combined[c]);
}

/* ---- what cannot be ---- */

static void test_wrong_settings_are_told_in_a_line(void **state)
{
        (void)state;
        static const struct {
                const char *text, *problem;
        } cases[] = {
                {"type: guided\nprior: {type: moons}\n",
                 "test:1: likelihood: missing; give a table: the data y = A x + n, n ~ N(0, noise^2)"},
                {"type: guided\nprior: {type: moons}\nlikelihood: {matrix: [[1, 0], [0, 1], [1, 1]], data: [1, 2], "
                 "noise: 1}\n",
                 "test:3: likelihood.data: has 2 numbers, matrix has 3 rows"},
                {"type: guided\nprior: {type: moons}\nlikelihood: {observed: [0, 1], data: 1, noise: 1}\n",
                 "test:3: likelihood.data: has 1 number, observed has 2"},
                {"type: guided\nprior: {type: moons}\nlikelihood: {observed: [0, 1], data: [1, 2], noise: [1, 1, 1]}\n",
                 "test:3: likelihood.noise: has 3 numbers, needs 1 or 2"},
                {"type: guided\nprior: {type: moons}\nlikelihood: {observed: 2, data: 1, noise: 1}\n",
                 "test:3: likelihood.observed[0]: 2 is no coordinate: the prior has 2, counted from 0"},
                {"type: guided\nprior: {type: moons}\nlikelihood: {observed: 0.5, data: 1, noise: 1}\n",
                 "test:3: likelihood.observed[0]: 0.5 is no whole number, and coordinates are counted from 0"},
                {"type: guided\nprior: {type: moons}\nlikelihood: {observed: [1, 1], data: [1, 2], noise: 1}\n",
                 "test:3: likelihood.observed[1]: coordinate 1 stands here twice; give each one datum"},
                {"type: guided\nprior: {type: moons}\nlikelihood: {matrix: [[1, 0, 0]], data: 1, noise: 1}\n",
                 "test:3: likelihood.matrix: has 3 columns, but the prior has 2 coordinates"},
                {"type: guided\nprior: {type: moons}\nlikelihood: {data: 1, noise: 1}\n",
                 "test:3: likelihood.observed: is needed, or matrix in its place: what the data are of"},
                {"type: guided\nprior: {type: moons}\nlikelihood: {observed: 0, matrix: [[1, 0]], data: 1, noise: 1}\n",
                 "test:3: likelihood.matrix: cannot be given beside observed: one of the two"},
                {"type: guided\nprior: {type: moon}\nlikelihood: {observed: 0, data: 1, noise: 1}\n",
                 "test:2: prior.type: \"moon\" is unknown; did you mean moons?"},
                {"type: guided\nprior: {type: funnel}\nlikelihood: {observed: 0, data: 1, noise: 1}\n",
                 "test:1: method: exact is for Gaussians and their mixtures, and funnel is neither; use pigdm or dps"},
                {"type: guided\nscale: 2\nprior: {type: moons}\nlikelihood: {observed: 0, data: 1, noise: 1}\n",
                 "test:2: scale: is for pigdm and dps; exact needs none"},
                {"type: mixed\nweight: 1\nconditional: {type: moons}\nunconditional: {type: gaussian, mean: 0, sigma: "
                 "1}\n",
                 "test:4: unconditional: has 1 coordinate, but conditional has 2"},
                {"type: tempered\ntarget: {type: moons}\n",
                 "test:1: inverse_temperature: is needed, or temperature in its place"},
                {"type: tempered\ntarget: {type: moons}\ntemperature: 2\ninverse_temperature: 2\n",
                 "test:3: temperature: cannot be given beside inverse_temperature: one of the two"},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct selection settings = {NULL, NULL};
                struct input *input = input_parse("test", cases[i].text, strlen(cases[i].text), NULL, 0);
                input_read(input, score_fixture_params, &settings);
                assert_int_equal(input_problems(input), 1);
                assert_string_equal(input_problem(input, 0), cases[i].problem);
                input_free(input);
                params_release(score_fixture_params, &settings);
        }
}

static void test_composites_do_not_nest(void **state)
{
        (void)state;
        struct param_variant variant;
        size_t n = 0;
        for (; score_plain_variant(n, &variant); n++) {
                const struct score_type *type = variant.type;
                assert_true(!type->composite && !type->mesh);
        }
        assert_int_equal(n, 12);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_exact_is_the_noised_posterior),
                cmocka_unit_test(test_exact_has_the_derivatives_of_its_score),
                cmocka_unit_test(test_exact_draws_have_the_posteriors_moments),
                cmocka_unit_test(test_what_has_no_density_is_told),
                cmocka_unit_test(test_guidance_is_the_gradient_of_what_is_thought_of_the_data),
                cmocka_unit_test(test_pigdm_is_exact_for_a_round_prior_of_its_variance_and_for_no_other),
                cmocka_unit_test(test_all_methods_agree_without_noise),
                cmocka_unit_test(test_guidance_takes_any_prior_at_sigma_zero),
                cmocka_unit_test(test_combined_scores_are_gradients_of_their_log_densities),
                cmocka_unit_test(test_combinations_of_gaussians_are_gaussians),
                cmocka_unit_test(test_a_particle_has_the_same_bits_in_any_lane),
                cmocka_unit_test(test_wrong_settings_are_told_in_a_line),
                cmocka_unit_test(test_composites_do_not_nest),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
