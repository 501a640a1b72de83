/* Exact draws against the exact moments, scores and weights of their target, for every registered type.
 *
 * Statistics are of fixed seeds and must stay within |z| < 5.85 (one in 2 10^8 each). */
#include "score_fixture.h"

#define Z_MAX 5.85

/* Sums of a few numbers and of their squares over particles. */
struct moments {
        size_t n;
        double count, *sum, *square; /* [n] */
};

static struct moments moments_open(int64_t n)
{
        return (struct moments){.n = (size_t)n, .sum = allocate((size_t)n, sizeof(double)),
                                .square = allocate((size_t)n, sizeof(double))};
}

static void moments_add(struct moments *moments, size_t i, double value)
{
        moments->sum[i] += value;
        moments->square[i] += value * value;
}

/* |z| of each mean against what it should be; `floor` is what rounding alone may leave of a number that
 * does not vary. */
static void moments_close(struct moments *moments, const struct score_level *level, const char *what,
                          const double *wanted, double floor)
{
        for (size_t i = 0; i < moments->n; i++) {
                const double mean = moments->sum[i] / moments->count;
                const double variance = fmax(0, moments->square[i] / moments->count - mean * mean);
                expect_near(level, what, mean, wanted ? wanted[i] : 0, Z_MAX * sqrt(variance / moments->count) + floor);
        }
        free(moments->sum);
        free(moments->square);
}

/* The clean target's mean and covariance: of a mixture's parts, or 0 and 1 in straightened coordinates. */
static void exact_moments(const struct score_case *example, const struct score *score, double *mean, double *covariance)
{
        const int64_t n = score->n_dim;
        if (example->straighten) {
                for (int64_t i = 0; i < n; i++)
                        covariance[i * n + i] = 1;
                return;
        }

        const size_t n_parts = score->type->n_modes ? score->type->n_modes(score->model) : 1;
        const size_t size = n_parts * (size_t)n;
        double *weight = allocate(n_parts, sizeof(double));
        double *centre = allocate(size, sizeof(double)), *variance = allocate(size, sizeof(double));
        score->type->components(score->model, weight, centre, variance);

        for (size_t k = 0; k < n_parts; k++)
                for (int64_t i = 0; i < n; i++)
                        mean[i] += weight[k] * centre[k * (size_t)n + (size_t)i];
        for (size_t k = 0; k < n_parts; k++) {
                const double *m = centre + k * (size_t)n, *v = variance + k * (size_t)n;
                for (int64_t i = 0; i < n; i++)
                        for (int64_t j = 0; j < n; j++) {
                                const double within = i == j ? v[i]
                                                             : sqrt(v[i] * v[j]) *
                                                                       pow(example->correlation, (double)llabs(i - j));
                                covariance[i * n + j] += weight[k] * (within + (m[i] - mean[i]) * (m[j] - mean[j]));
                        }
        }
        free(weight);
        free(centre);
        free(variance);
}

static void draws_have_moments(const struct score_case *example, const struct score_level *level)
{
        const struct score *score = level->score;
        const int64_t n = score->n_dim, n_tiles = 512;
        if (level->sigma != example->sigma[0]) /* draws do not know the level */
                return;

        double *mean = allocate((size_t)n, sizeof(double)), *covariance = allocate((size_t)(n * n), sizeof(double));
        double *x = new_tile(n), *row = allocate((size_t)n, sizeof(double)), *t = allocate((size_t)n, sizeof(double));
        exact_moments(example, score, mean, covariance);

        struct moments first = moments_open(n), second = moments_open(n * n);
        first.count = second.count = (double)(n_tiles * LANES);
        for (int64_t tile = 0; tile < n_tiles; tile++) {
                draw_noised(score, 0, (uint64_t)tile, x);
                for (int lane = 0; lane < LANES; lane++) {
                        for (int64_t i = 0; i < n; i++)
                                row[i] = t[i] = x[i * LANES + lane];
                        if (example->straighten)
                                example->straighten(n, row, t);
                        for (int64_t i = 0; i < n; i++) {
                                moments_add(&first, (size_t)i, t[i]);
                                for (int64_t j = 0; j < n; j++)
                                        moments_add(&second, (size_t)(i * n + j), (t[i] - mean[i]) * (t[j] - mean[j]));
                        }
                }
        }
        moments_close(&first, level, "the mean of draws", mean, 1e-13 * fabs(mean[0]));
        moments_close(&second, level, "the covariance of draws", covariance, 0);
        free(mean);
        free(covariance);
        free(x);
        free(row);
        free(t);
}

static void test_draws_have_the_exact_mean_and_covariance(void **state)
{
        (void)state;
        for_every_level(draws_have_moments);
}

/* E[s] = 0 and E[s s^T + J] = 0 under the noised density [Fisher], on draws noised to the level: ties
 * score and Jacobian at sigma to the draws. */
static void fisher_identities(const struct score_case *example, const struct score_level *level)
{
        (void)example;
        const int64_t n = level->score->n_dim, n_tiles = n > 16 ? 96 : 512;
        double *x = new_tile(n), *s = new_tile(n), *jacobian = new_tile(n * n);

        struct moments score = moments_open(n), information = moments_open(n * n);
        score.count = information.count = (double)(n_tiles * LANES);
        for (int64_t tile = 0; tile < n_tiles; tile++) {
                draw_noised(level->score, level->sigma, (uint64_t)tile, x);
                score_eval(level, x, s);
                level->score->type->jacobian(level->state, x, jacobian);
                for (int64_t i = 0; i < n; i++)
                        for (int lane = 0; lane < LANES; lane++) {
                                moments_add(&score, (size_t)i, s[i * LANES + lane]);
                                for (int64_t j = 0; j < n; j++)
                                        moments_add(&information, (size_t)(i * n + j),
                                                    fma(s[i * LANES + lane], s[j * LANES + lane],
                                                        jacobian[(i * n + j) * LANES + lane]));
                        }
        }
        moments_close(&score, level, "the mean score", NULL, 0);
        moments_close(&information, level, "E[s s^T + J]", NULL, 0);
        free(x);
        free(s);
        free(jacobian);
}

static void test_mean_score_vanishes_and_its_covariance_is_minus_the_mean_jacobian(void **state)
{
        (void)state;
        for_every_level(fisher_identities);
}

static void responsibilities_are_shares(const struct score_case *example, const struct score_level *level)
{
        (void)example;
        const struct score *score = level->score;
        const int64_t n = score->n_dim, n_tiles = 512;
        if (!score->type->responsibilities)
                return;

        const size_t n_modes = score->type->n_modes(score->model);
        double *weight = allocate(n_modes, sizeof(double)), *unused = allocate(2 * n_modes * (size_t)n, sizeof(double));
        double *x = new_tile(n), *r = new_tile((int64_t)n_modes);
        score->type->components(score->model, weight, unused, unused + n_modes * (size_t)n);

        struct moments share = moments_open((int64_t)n_modes);
        share.count = (double)(n_tiles * LANES);
        for (int64_t tile = 0; tile < n_tiles; tile++) {
                draw_noised(score, level->sigma, (uint64_t)tile, x);
                score->type->responsibilities(level->state, x, r);
                for (int lane = 0; lane < LANES; lane++) {
                        double total = 0;
                        for (size_t k = 0; k < n_modes; k++) {
                                total += r[k * LANES + (size_t)lane];
                                moments_add(&share, k, r[k * LANES + (size_t)lane]);
                        }
                        expect_near(level, "the sum of responsibilities", total, 1, (double)(n_modes + 32) * 0x1p-53);
                }
        }
        moments_close(&share, level, "the mean responsibility", weight, 1e-15);
        free(weight);
        free(unused);
        free(x);
        free(r);
}

static void test_responsibilities_sum_to_one_and_average_to_the_weights(void **state)
{
        (void)state;
        for_every_level(responsibilities_are_shares);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_draws_have_the_exact_mean_and_covariance),
                cmocka_unit_test(test_mean_score_vanishes_and_its_covariance_is_minus_the_mean_jacobian),
                cmocka_unit_test(test_responsibilities_sum_to_one_and_average_to_the_weights),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
