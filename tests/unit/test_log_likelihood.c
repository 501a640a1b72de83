/* Log-likelihoods along the probability flow against the analytic log densities, and what random probes say of them. */
#include "field_fixture.h"
#include "score_fixture.h"
#include "sculptor/log_likelihood.h"
#include "sculptor/population.h"

/* With tolerances of 1e-9 a step, some hundred steps of errors that partly cancel stay far below 1e-6. */
static const struct log_likelihood_settings exact = {.trace = LOG_LIKELIHOOD_EXACT,
                                                 .prior = LOG_LIKELIHOOD_OWN,
                                                 .n_probes = 2,
                                                 .relative_tolerance = 1e-9,
                                                 .absolute_tolerance = 1e-9,
                                                 .sigma_min = 0,
                                                 .sigma_max = 40};
static const double LIMIT = 1e-6;

static const char mixture[] =
        "{type: gaussian_mixture, components: [{mean: [0, 0], sigma: 0.5},"
        "{mean: [4, 1], sigma: [0.7, 0.2]}, {mean: [-3, 2], sigma: 1}, {mean: [1, -5], sigma: 0.4},"
        "{mean: [-2, -2], sigma: 0.3, weight: 3}, {mean: [6, -4], sigma: 0.8},"
        "{mean: [0, 5], sigma: [0.2, 1.1]}, {mean: [-6, -1], sigma: 0.6, weight: 0.5}]}";
static const char dense[] = "{type: gaussian, mean: [1, -2, 0.5], covariance: [[2, 0.6, 0.1], [0.6, 1, -0.3], "
                            "[0.1, -0.3, 0.5]]}";
static const char diagonal[] = "{type: gaussian, mean: [1, -2, 0, 4], sigma: [0.1, 1, 2, 0.5]}";

/* Two tiles of data at noise sigma, of which the second has spare lanes. */
static struct population *draw_data(const struct score *score, double sigma)
{
        struct population *population = population_create(LANES + 20, score->n_dim, false, 0);
        for (size_t t = 0; t < population->n_tiles; t++)
                draw_noised(score, sigma, t, population_tile(population, t));
        population_pad(population);
        return population;
}

static double *copy_tile(const struct population *population, size_t t)
{
        double *copy = allocate(population->tile_size, sizeof *copy);
        memcpy(copy, population_tile(population, t), population->tile_size * sizeof *copy);
        return copy;
}

/* ---- exact traces ---- */

static void check_equals_log_density(const char *text, double sigma_min)
{
        struct score_fixture fixture;
        score_fixture_open(&fixture, text);
        struct log_likelihood_settings settings = exact;
        settings.sigma_min = sigma_min;
        struct population *population = draw_data(fixture.score, sigma_min);
        struct score_level *level = score_level_create(fixture.score, sigma_min);
        struct log_likelihood *likelihood = log_likelihood_create(&settings, fixture.score, 1);
        for (size_t t = 0; t < population->n_tiles; t++) {
                double wanted[LANES];
                score_log_density(level, population_tile(population, t), wanted);
                const struct log_likelihood_answer answer = log_likelihood_evaluate(likelihood, population, t);
                assert_false(answer.failed);
                for (int lane = 0; lane < population_lanes(population, t); lane++) {
                        expect_near(level, "log likelihood", answer.log_likelihood[lane], wanted[lane], LIMIT);
                        assert_true(answer.standard_error[lane] == 0);
                }
        }
        log_likelihood_free(likelihood);
        score_level_free(level);
        population_free(population);
        score_fixture_close(&fixture);
}

static void test_exact_traces_give_the_analytic_log_density(void **state)
{
        (void)state;
        const char *const texts[] = {diagonal, dense, mixture};
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                check_equals_log_density(texts[i], 0);
                check_equals_log_density(texts[i], 0.3);
        }
}

/* Where the type has no divergence its Jacobian's diagonal is summed. */
static void test_the_trace_may_come_from_the_jacobian(void **state)
{
        (void)state;
        struct score_fixture fixture;
        score_fixture_open(&fixture, mixture);
        struct score_type type = *fixture.type;
        type.divergence = NULL;
        const struct score score = {.type = &type, .n_dim = fixture.n_dim, .model = fixture.score->model};
        struct population *population = draw_data(fixture.score, 0);
        struct log_likelihood *likelihood = log_likelihood_create(&exact, &score, 1);
        struct score_level *level = score_level_create(&score, 0);
        double wanted[LANES];
        score_log_density(level, population_tile(population, 0), wanted);
        const struct log_likelihood_answer answer = log_likelihood_evaluate(likelihood, population, 0);
        for (int lane = 0; lane < LANES; lane++)
                expect_near(level, "log likelihood", answer.log_likelihood[lane], wanted[lane], LIMIT);
        score_level_free(level);
        log_likelihood_free(likelihood);
        population_free(population);
        score_fixture_close(&fixture);
}

/* x - m grows by sqrt((d + sigma_max^2)/d), and N(0, sigma_max^2) is wrong by as much as its logarithms differ. */
static void test_latents_and_the_bias_of_the_normal_prior_are_known(void **state)
{
        (void)state;
        static const double mean[] = {1, -2, 0, 4}, sigma[] = {0.1, 1, 2, 0.5};
        struct score_fixture fixture;
        score_fixture_open(&fixture, diagonal);
        struct log_likelihood_settings settings = exact;
        settings.prior = LOG_LIKELIHOOD_NORMAL;
        settings.sigma_max = 10;
        struct population *population = draw_data(fixture.score, 0);
        double *data = copy_tile(population, 0), wanted[LANES];
        struct score_level *level = score_level_create(fixture.score, 0);
        score_log_density(level, data, wanted);
        struct log_likelihood *likelihood = log_likelihood_create(&settings, fixture.score, 1);
        const struct log_likelihood_answer answer = log_likelihood_evaluate(likelihood, population, 0);
        const double *latent = population_tile(population, 0);
        for (int lane = 0; lane < LANES; lane++) {
                double bias = 0;
                for (int j = 0; j < 4; j++) {
                        const double d = sigma[j] * sigma[j], z = latent[j * LANES + lane], c = d + 100;
                        const double expected = mean[j] + (data[j * LANES + lane] - mean[j]) * sqrt(c / d);
                        expect_near(level, "latent", z, expected, 1e-7 * (1 + fabs(expected)));
                        bias += (z - mean[j]) * (z - mean[j]) / (2 * c) - z * z / 200 + log(c / 100) / 2;
                }
                expect_near(level, "log likelihood", answer.log_likelihood[lane], wanted[lane] + bias, LIMIT);
        }
        free(data);
        log_likelihood_free(likelihood);
        score_level_free(level);
        population_free(population);
        score_fixture_close(&fixture);
}

/* ---- fields ---- */

static const char field_text[] = "{type: gaussian_field, mesh: {cells: [12, 8], box_size: [12, 8]}, "
                                 "spectrum: {type: power_law, amplitude: 2, index: -1}}";

static void check_field(int trace, double *log_likelihood, double *standard_error)
{
        struct field_fixture fixture;
        char *why = field_fixture_open(&fixture, field_text, &(struct score_context){.seed = 3});
        if (why)
                fail_msg("%s", why);
        const struct mesh *mesh = fixture.mesh;
        const struct field_layout layout = {.n_planes = mesh->n_planes,
                                            .plane_begin = mesh->plane_begin,
                                            .n_planes_here = mesh->n_planes_here,
                                            .plane_cells = mesh->plane_cells,
                                            .plane_stride = mesh->plane_stride};
        struct population *population = population_create_fields(1, fixture.score->n_dim, &layout, false, 0);
        const struct rng_stream stream = {.seed = 5, .purpose = RNG_TARGET};
        double *x = population_tile(population, 0);
        fixture.type->draw(fixture.score->model, &stream, 0, x);
        for (size_t i = 0; i < mesh->plane_cells; i++)
                x[i] += 0.01; /* the mean has width sigma_min */
        struct log_likelihood_settings settings = exact;
        settings.trace = trace;
        settings.probes = LOG_LIKELIHOOD_GAUSSIAN;
        settings.n_probes = 32;
        settings.sigma_min = 0.2;
        if (trace == LOG_LIKELIHOOD_HUTCHINSON) /* far above rounding, far below the estimates' own errors */
                settings.relative_tolerance = settings.absolute_tolerance = 1e-6;
        struct score_level *level = score_level_create(fixture.score, settings.sigma_min);
        double wanted[LANES];
        score_log_density(level, x, wanted);
        struct log_likelihood *likelihood = log_likelihood_create(&settings, fixture.score, 1);
        const struct log_likelihood_answer answer = log_likelihood_evaluate(likelihood, population, 0);
        assert_false(answer.failed);
        assert_true(padding_is_zero(mesh, x));
        *log_likelihood = answer.log_likelihood[0] - wanted[0];
        *standard_error = answer.standard_error[0];
        log_likelihood_free(likelihood);
        score_level_free(level);
        population_free(population);
        field_fixture_close(&fixture);
}

static void test_a_fields_log_likelihood_is_the_sum_over_its_modes(void **state)
{
        (void)state;
        double off, standard_error;
        check_field(LOG_LIKELIHOOD_EXACT, &off, &standard_error);
        assert_true(fabs(off) < LIMIT && standard_error == 0);
        check_field(LOG_LIKELIHOOD_HUTCHINSON, &off, &standard_error);
        assert_true(standard_error > 0.1 && fabs(off) < 4 * standard_error);
}

/* ---- random probes ---- */

struct estimate { double off[LANES], standard_error[LANES]; };

static struct estimate estimate(const char *text, int probes, int64_t n_probes, uint64_t seed)
{
        struct score_fixture fixture;
        score_fixture_open(&fixture, text);
        struct log_likelihood_settings settings = exact;
        settings.trace = LOG_LIKELIHOOD_HUTCHINSON;
        settings.probes = probes;
        settings.n_probes = n_probes;
        settings.relative_tolerance = settings.absolute_tolerance = 1e-7;
        struct population *population = draw_data(fixture.score, 0);
        struct score_level *level = score_level_create(fixture.score, 0);
        double wanted[LANES];
        score_log_density(level, population_tile(population, 0), wanted);
        struct log_likelihood *likelihood = log_likelihood_create(&settings, fixture.score, seed);
        const struct log_likelihood_answer answer = log_likelihood_evaluate(likelihood, population, 0);
        struct estimate estimate;
        for (int lane = 0; lane < LANES; lane++) {
                estimate.off[lane] = answer.log_likelihood[lane] - wanted[lane];
                estimate.standard_error[lane] = answer.standard_error[lane];
        }
        log_likelihood_free(likelihood);
        score_level_free(level);
        population_free(population);
        score_fixture_close(&fixture);
        return estimate;
}

/* Within 4 of their own standard errors for some particles, 5.85 for all, and all 64 together without bias, since their
 * probes are independent. Of normal probes v' J v is as skewed as chi^2 of one degree of freedom, 2.8 at the most, and
 * the mean over 200 of them 0.2: beyond 4 standard errors lie some 2 of 10^4. */
static void check_estimates(int probes)
{
        const struct estimate found = estimate(mixture, probes, 200, 11);
        double sum = 0, variance = 0;
        for (int lane = 0; lane < LANES; lane++) {
                assert_true(fabs(found.off[lane]) < (lane < 16 ? 4 : 5.85) * found.standard_error[lane]);
                sum += found.off[lane];
                variance += found.standard_error[lane] * found.standard_error[lane];
        }
        assert_true(fabs(sum) < 4 * sqrt(variance));
        assert_true(sqrt(variance) / LANES > 1e-4); /* they are estimates indeed */
}

static void test_estimates_lie_within_their_standard_errors(void **state)
{
        (void)state;
        check_estimates(LOG_LIKELIHOOD_RADEMACHER);
        check_estimates(LOG_LIKELIHOOD_GAUSSIAN);
}

/* Of a diagonal Jacobian v' J v is the trace where v_i^2 = 1. For normal probes its variance is 2 tr J^2, of the
 * integral 2 sum g^2 with g_i = ln((d_i + sigma_max^2)/d_i)/2. */
static void test_standard_errors_are_those_of_the_probes(void **state)
{
        (void)state;
        const struct estimate signs = estimate(diagonal, LOG_LIKELIHOOD_RADEMACHER, 4, 12);
        for (int lane = 0; lane < LANES; lane++)
                assert_true(fabs(signs.off[lane]) < 1e-4 && signs.standard_error[lane] < 1e-4);

        enum { N_PROBES = 50 };
        const double sigma[] = {0.1, 1, 2, 0.5};
        double wanted = 0, mean = 0;
        for (int j = 0; j < 4; j++) {
                const double g = log(1 + 1600 / (sigma[j] * sigma[j])) / 2;
                wanted += 2 * g * g;
        }
        const struct estimate normal = estimate(diagonal, LOG_LIKELIHOOD_GAUSSIAN, N_PROBES, 13);
        for (int lane = 0; lane < LANES; lane++)
                mean += normal.standard_error[lane] * normal.standard_error[lane] * N_PROBES / LANES;
        /* 64 sample variances of 49 degrees of freedom; the kurtosis of sum g (v^2 - 1) is at most 15. */
        assert_true(fabs(mean / wanted - 1) < 5.85 * sqrt((2.0 / (N_PROBES - 1) + 12.0 / N_PROBES) / LANES));
}

/* Probe k is the same however many there are: from two and from three of them all three integrals follow, and with them
 * the standard error of the three. Steps differ, with tolerances of 1e-7. */
static void test_a_standard_error_is_the_scatter_over_the_root_of_the_number(void **state)
{
        (void)state;
        const struct estimate two = estimate(mixture, LOG_LIKELIHOOD_GAUSSIAN, 2, 16),
                              three = estimate(mixture, LOG_LIKELIHOOD_GAUSSIAN, 3, 16);
        for (int lane = 0; lane < LANES; lane++) {
                const double integral[] = {two.off[lane] - two.standard_error[lane],
                                           two.off[lane] + two.standard_error[lane],
                                           3 * three.off[lane] - 2 * two.off[lane]};
                double square = 0;
                for (int k = 0; k < 3; k++)
                        square += (integral[k] - three.off[lane]) * (integral[k] - three.off[lane]);
                assert_true(fabs(three.standard_error[lane] - sqrt(square / 6)) < 1e-4);
        }
}

static void test_probes_follow_from_the_seed(void **state)
{
        (void)state;
        const struct estimate one = estimate(mixture, LOG_LIKELIHOOD_RADEMACHER, 4, 14),
                              same = estimate(mixture, LOG_LIKELIHOOD_RADEMACHER, 4, 14),
                              other = estimate(mixture, LOG_LIKELIHOOD_RADEMACHER, 4, 15);
        assert_memory_equal(&one, &same, sizeof one);
        assert_true(one.off[0] != other.off[0]);
}

/* ---- counts and failures ---- */

struct counting { int64_t evaluations; double breaks_at; };

static void *counting_level(const void *model, double sigma)
{
        double *level = allocate(2, sizeof *level);
        struct counting *const *counting = model;
        level[0] = sigma;
        memcpy(&level[1], counting, sizeof *counting);
        return level;
}

/* N(0, 1) in one dimension, until it breaks. */
static void counting_eval(const void *state, const double *restrict x, double *restrict s)
{
        const double *level = state;
        struct counting *counting;
        memcpy(&counting, &level[1], sizeof counting);
        counting->evaluations++;
        for (int lane = 0; lane < LANES; lane++)
                s[lane] = level[0] > counting->breaks_at && x[lane] > 1e6 ? NAN : -x[lane] / (1 + level[0] * level[0]);
}

static void counting_divergence(const void *state, const double *restrict x, double *restrict div)
{
        const double *level = state;
        (void)x;
        for (int lane = 0; lane < LANES; lane++)
                div[lane] = -1 / (1 + level[0] * level[0]);
}

static const struct score_type counting_type = {.name = "counting", .create_level = counting_level, .free_level = free,
                                                .eval = counting_eval, .divergence = counting_divergence};

static void test_evaluations_are_counted_and_failures_named(void **state)
{
        (void)state;
        struct counting counting = {.breaks_at = 3}, *model = &counting;
        const struct score score = {.type = &counting_type, .n_dim = 1, .model = &model};
        struct log_likelihood_settings settings = exact;
        settings.prior = LOG_LIKELIHOOD_NORMAL;
        struct population *population = population_create(LANES + 20, 1, false, 0);
        struct log_likelihood *likelihood = log_likelihood_create(&settings, &score, 1);
        for (int lane = 0; lane < LANES; lane++)
                population_tile(population, 0)[lane] = population_tile(population, 1)[lane] = lane / 10.0;
        struct log_likelihood_answer answer = log_likelihood_evaluate(likelihood, population, 0);
        assert_false(answer.failed);
        assert_int_equal(answer.evaluations, counting.evaluations);
        assert_true(answer.evaluations > 50 && answer.evaluations % 6 == 1);

        population_tile(population, 1)[7] = 1e7; /* particle 71 has no score above sigma 3 */
        answer = log_likelihood_evaluate(likelihood, population, 1);
        assert_true(answer.failed && !answer.finite);
        assert_int_equal(answer.particle, LANES + 7);
        assert_true(answer.sigma <= 3 && answer.sigma > 2.999);
        log_likelihood_free(likelihood);
        population_free(population);
}

static void no_product(const void *level, const double *restrict x, const double *restrict v, double *restrict out)
{
        (void)level, (void)x, (void)v, (void)out;
}

#define GUIDED                                                                                                         \
        "{type: guided, prior: {type: gaussian, mean: 0, sigma: 1}, likelihood: {observed: 0, data: 1, noise: 0.5}, "

static void expect_refused(const char *text, const struct log_likelihood_settings *settings, const char *key,
                           const char *words)
{
        struct score_fixture fixture;
        score_fixture_open(&fixture, text);
        const char *at = "", *why = log_likelihood_unfit(settings, fixture.score, &at);
        assert_non_null(why);
        assert_string_equal(at, key);
        if (!strstr(why, words))
                fail_msg("\"%s\" does not say \"%s\"", why, words);
        score_fixture_close(&fixture);
}

static void test_what_cannot_be_answered_is_refused(void **state)
{
        (void)state;
        struct log_likelihood_settings settings = exact;
        settings.sigma_max = 0;
        expect_refused(mixture, &settings, "sigma_max", "above sigma_min");
        expect_refused("{type: funnel}", &exact, "sigma_max", "no closed form");
        expect_refused("{type: gaussian, mean: [0, 0], sigma: [1, 0]}", &exact, "sigma_min", "no density");
        expect_refused(field_text, &exact, "sigma_min", "sigma_min > 0");
        settings = exact;
        settings.trace = LOG_LIKELIHOOD_HUTCHINSON;
        const char *at;
        const struct score counting = {.type = &counting_type, .n_dim = 1};
        assert_non_null(strstr(log_likelihood_unfit(&settings, &counting, &at), "use exact"));
        assert_non_null(strstr(log_likelihood_unfit(&exact, &counting, &at), "use normal"));
        struct score_type blind = counting_type;
        blind.divergence = NULL;
        blind.jacobian_vector = no_product;
        const struct score no_trace = {.type = &blind, .n_dim = 1};
        assert_non_null(strstr(log_likelihood_unfit(&exact, &no_trace, &at), "use hutchinson"));
        for (int dps = 0; dps < 2; dps++) {
                const char *text = dps ? GUIDED "method: dps}" : GUIDED "method: pigdm}";
                expect_refused(text, &settings, "trace", "no derivatives");
                expect_refused(text, &exact, "trace", "no derivatives");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_exact_traces_give_the_analytic_log_density),
                cmocka_unit_test(test_the_trace_may_come_from_the_jacobian),
                cmocka_unit_test(test_latents_and_the_bias_of_the_normal_prior_are_known),
                cmocka_unit_test(test_a_fields_log_likelihood_is_the_sum_over_its_modes),
                cmocka_unit_test(test_estimates_lie_within_their_standard_errors),
                cmocka_unit_test(test_standard_errors_are_those_of_the_probes),
                cmocka_unit_test(test_a_standard_error_is_the_scatter_over_the_root_of_the_number),
                cmocka_unit_test(test_probes_follow_from_the_seed),
                cmocka_unit_test(test_evaluations_are_counted_and_failures_named),
                cmocka_unit_test(test_what_cannot_be_answered_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
