/* What single scores promise beyond what all owe: messages for bad settings, noise they cannot take,
 * constants and draws against independent computations. */
#include "score_fixture.h"

#include <gsl/gsl_sf_bessel.h>

/* The problems found in a text, or NULL. The caller frees. */
static char *problems_of(const char *text)
{
        struct selection settings = {0};
        struct input *input = input_parse("test", text, strlen(text), NULL, 0);
        input_read(input, score_fixture_params, &settings);

        char *all = NULL;
        for (size_t i = 0; i < input_problems(input); i++) {
                char *longer = format_text("%s%s\n", all ? all : "", input_problem(input, i));
                free(all);
                all = longer;
        }
        input_free(input);
        params_release(score_fixture_params, &settings);
        return all;
}

static void test_bad_settings_are_told_with_their_line_and_key(void **state)
{
        (void)state;
        static const struct {
                const char *text, *key, *reason;
        } wrong[] = {
                {"type: gaussian\nmean: 0\n", "sigma: ", "is needed, or covariance in its place"},
                {"type: gaussian\nmean: 0\nsigma: -1\n", "test:3: sigma: ", ""},
                {"type: gaussian\nmean: 0\nsigma: 1\ncovariance: [[1]]\n", "test:4: covariance: ", "beside sigma"},
                {"type: gaussian\nmean: [0, 0]\nsigma: [1, 1, 1]\n", "test:2: mean: ", "has 2 numbers, needs 1 or 3"},
                {"type: gaussian\nmean: [0, 0]\ndimension: 3\nsigma: 1\n",
                 "test:2: mean: ", "has 2 numbers, needs 1 or 3"},
                {"type: gaussian\nmean: [0, 0, 0]\nsigma: [1, 1]\n", "test:3: sigma: ", "has 2 numbers, needs 1 or 3"},
                {"type: gaussian\nmean: 0\ncovariance: [[1, 0, 0], [0, 1, 0]]\n",
                 "test:3: covariance: ", "is 2 by 3, not square"},
                {"type: gaussian\nmean: 0\ndimension: 3\ncovariance: [[1, 0], [0, 1]]\n",
                 "test:4: covariance: ", "is 2 by 2, needs 3 by 3"},
                {"type: gaussian\nmean: 0\ncovariance: [[1, 0.5], [0.4, 1]]\n",
                 "test:3: covariance: ", "is not symmetric"},
                {"type: gaussian\nmean: 0\ncovariance: [[1, 2], [2, 1]]\n",
                 "test:3: covariance: ", "pivot 2 of its Cholesky factor is -3"},
                {"type: gaussian\nmean: 0\ncovariance: [[1, 1], [1, 1]]\n",
                 "test:3: covariance: ", "pivot 2 of its Cholesky factor is 0"},
                {"type: banana\ndimension: 5\npairs: 3\n", "test:3: pairs: ", "3 pairs need dimension >= 6, not 5"},
                {"type: funnel\ndimension: 1\n", "test:2: dimension: ", ""},
                {"type: double_well\nbarrier: 0\n", "test:2: barrier: ", ""},
        };
        for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
                char *problems = problems_of(wrong[i].text);
                if (!problems || !strstr(problems, wrong[i].key) || !strstr(problems, wrong[i].reason))
                        fail_msg("wanted '%s...%s', got: %s", wrong[i].key, wrong[i].reason,
                                 problems ? problems : "nothing");
                free(problems);
        }
}

static void test_scores_without_a_noised_form_refuse_noise_and_say_why(void **state)
{
        (void)state;
        static const char *const texts[] = {"type: funnel\n", "type: banana\n", "type: double_well\n"};
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
                struct score_fixture fixture;
                score_fixture_open(&fixture, texts[i]);
                assert_null(fixture.type->undefined_at(fixture.score->model, 0));
                const char *why = fixture.type->undefined_at(fixture.score->model, 0.1);
                assert_non_null(why);
                assert_non_null(strstr(why, "no closed form when noised"));
                score_fixture_close(&fixture);
        }
}

static void test_a_gaussian_without_width_is_undefined_only_without_noise(void **state)
{
        (void)state;
        struct score_fixture fixture;
        score_fixture_open(&fixture, "type: gaussian\nmean: [1, 2]\nsigma: [1, 0]\n");
        assert_non_null(fixture.type->undefined_at(fixture.score->model, 0));
        assert_null(fixture.type->undefined_at(fixture.score->model, 1e-3));
        score_fixture_close(&fixture);
}

/* The dimension follows from whichever setting tells it. */
static void test_a_gaussian_takes_its_dimension_from_any_setting(void **state)
{
        (void)state;
        static const struct {
                const char *text;
                int64_t n_dim;
        } wanted[] = {
                {"type: gaussian\nmean: 0\nsigma: 1\n", 1},
                {"type: gaussian\nmean: [0, 1, 2]\nsigma: 1\n", 3},
                {"type: gaussian\nmean: 0\nsigma: [1, 2]\n", 2},
                {"type: gaussian\nmean: 0\ncovariance: [[2, 1], [1, 2]]\n", 2},
                {"type: gaussian\nmean: 0\nsigma: 1\ndimension: 64\n", 64},
        };
        for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
                struct score_fixture fixture;
                score_fixture_open(&fixture, wanted[i].text);
                assert_int_equal(fixture.n_dim, wanted[i].n_dim);
                score_fixture_close(&fixture);
        }
}

/* S s = -(x - m) solved to the backward error of a factorisation, n cond(S) 2^-53 relative, on the
 * Hilbert matrix of 6 rows, whose condition number is 1.5e7. */
static void test_an_ill_conditioned_covariance_is_inverted_to_its_condition(void **state)
{
        (void)state;
        enum { N = 6 };
        char text[1024], *end = text + sprintf(text, "type: gaussian\nmean: 0\ncovariance:\n");
        for (int i = 0; i < N; i++)
                for (int j = 0; j < N; j++)
                        end += sprintf(end, "%s%.17g%s", j == 0 ? "- [" : ", ", 1.0 / (i + j + 1),
                                       j == N - 1 ? "]\n" : "");

        struct score_fixture fixture;
        score_fixture_open(&fixture, text);
        struct score_level *level = score_level_create(fixture.score, 0);
        double *x = new_tile(N), *s = new_tile(N);
        draw_noised(fixture.score, 0, 0, x);
        score_eval(level, x, s);
        for (int lane = 0; lane < LANES; lane++) {
                double length = 0;
                for (int i = 0; i < N; i++)
                        length = fmax(length, fabs(s[i * LANES + lane]));
                for (int i = 0; i < N; i++) {
                        double product = x[i * LANES + lane];
                        for (int j = 0; j < N; j++)
                                product += s[j * LANES + lane] / (i + j + 1);
                        assert_true(fabs(product) <= N * 1.5e7 * 0x1p-53 * length);
                }
        }
        free(x);
        free(s);
        score_level_free(level);
        score_fixture_close(&fixture);
}

/* Fewer than one pair in 10^4 further apart, and not far beyond the furthest of 32768 pairs. */
static void test_the_diameter_of_a_gaussian_bounds_pairs_of_draws(void **state)
{
        (void)state;
        char *dense = write_dense_64();
        const char *texts[] = {"type: gaussian\nmean: 0\nsigma: 2\n", "type: gaussian\nmean: 0\nsigma: [1, 2, 3]\n",
                               dense};
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
                struct score_fixture fixture;
                score_fixture_open(&fixture, texts[i]);
                const double diameter = fixture.type->diameter(fixture.score->model);
                double *a = new_tile(fixture.n_dim), *b = new_tile(fixture.n_dim), furthest = 0;
                int beyond = 0;
                for (uint64_t t = 0; t < 512; t++) {
                        draw_noised(fixture.score, 0, 2 * t, a);
                        draw_noised(fixture.score, 0, 2 * t + 1, b);
                        for (int lane = 0; lane < LANES; lane++) {
                                double square = 0;
                                for (int64_t c = 0; c < fixture.n_dim; c++)
                                        square += pow(a[c * LANES + lane] - b[c * LANES + lane], 2);
                                beyond += sqrt(square) > diameter;
                                furthest = fmax(furthest, sqrt(square));
                        }
                }
                assert_true(beyond <= 3);
                assert_true(diameter < 2 * furthest);
                if (i == 0) /* sqrt(2 + 4 sqrt(t) + 4 t) standard deviations of 2, t = ln 10^4 */
                        assert_true(fabs(diameter / 2 - 7.1401) < 1e-4);
                free(a);
                free(b);
                score_fixture_close(&fixture);
        }
        free(dense);
}

/* ---- the double well ---- */

/* I(h) = (pi/2) e^(-h/2) (I_{-1/4} + I_{1/4}), I_{-n} = I_n + (2/pi) sin(n pi) K_n, at h/2; GSL's
 * Bessel functions are good to 1e-13. */
static double well_constant(double h)
{
        const double pi = 3.14159265358979323846, z = h / 2;
        const double k = exp(-2 * z) * gsl_sf_bessel_Knu_scaled(0.25, z);
        return 0.5 * pi * (2 * gsl_sf_bessel_Inu_scaled(0.25, z) + 2 / pi * sin(pi / 4) * k);
}

static void test_the_wells_constant_is_that_of_bessel_functions_at_any_barrier(void **state)
{
        (void)state;
        for (int power = -6; power <= 6; power++) {
                const double h = pow(10, power);
                char text[128];
                sprintf(text, "type: double_well\nbarrier: %g\nhalf_distance: 2\n", h);
                struct score_fixture fixture;
                score_fixture_open(&fixture, text);
                struct score_level *level = score_level_create(fixture.score, 0);
                double *x = new_tile(1), log_p[LANES];
                for (int lane = 0; lane < LANES; lane++)
                        x[lane] = 2;
                fixture.type->log_density(level->state, x, log_p);
                assert_true(fabs(log_p[0] + log(2 * well_constant(h))) < 1e-12);
                free(x);
                score_level_free(level);
                score_fixture_close(&fixture);
        }
}

static double well_density(double w, void *barrier)
{
        const double u = w * w - 1;
        return exp(-*(double *)barrier * u * u);
}

/* Each draw's |x|/a solves P(|w| < w) = u for the uniform it was made from (the stage after the
 * stream's), to the errors of GSL's quadrature; which well it lies in is one bit of another uniform. */
static void test_draws_from_the_wells_invert_their_distribution(void **state)
{
        (void)state;
        const struct rng_stream target = {.seed = 20, .purpose = RNG_TARGET};
        const struct rng_stream uniform = {.seed = 20, .purpose = RNG_TARGET, .stage = 1};
        gsl_integration_workspace *work = gsl_integration_workspace_alloc(1000);
        double *x = new_tile(1), *u = new_tile(2);
        for (int power = -4; power <= 5; power++) {
                double h = pow(10, power);
                char text[64];
                sprintf(text, "type: double_well\nbarrier: %g\n", h);
                struct score_fixture fixture;
                score_fixture_open(&fixture, text);
                fixture.type->draw(fixture.score->model, &target, LANES, x);
                rng_uniform(&uniform, LANES, 2, u);
                gsl_function density = {.function = well_density, .params = &h};
                const double low = h > 60 ? sqrt(1 - sqrt(60 / h)) : 0; /* e^-60 lies below */
                for (int lane = 0; lane < LANES; lane++) {
                        double below, error;
                        gsl_integration_qag(&density, low, fabs(x[lane]), 0, 1e-13, 1000, GSL_INTEG_GAUSS61, work,
                                            &below, &error);
                        assert_true(fabs(2 * below / well_constant(h) - u[lane]) < 1e-12);
                        assert_int_equal(x[lane] < 0, u[LANES + lane] < 0.5);
                }
                score_fixture_close(&fixture);
        }
        free(x);
        free(u);
        gsl_integration_workspace_free(work);
}

/* ---- many components ---- */

/* 2000 components against sums in long double: ln p to 1e-12, each score to 1e-12 of its size. */
static void test_two_thousand_components_agree_with_long_double(void **state)
{
        (void)state;
        enum { K = 2000 };
        char *text = allocate(K * 96 + 64, 1), *end = text + sprintf(text, "type: gaussian_mixture\ncomponents:\n");
        for (int k = 0; k < K; k++)
                end += sprintf(end, "- {weight: %d, mean: [%.6f, %.6f], sigma: %.3f}\n", 1 + k % 5, 9 * sin(2.1 * k),
                               9 * cos(3.7 * k), 0.05 + 0.1 * (k % 7));
        struct score_fixture fixture;
        score_fixture_open(&fixture, text);

        double *weight = allocate(K, sizeof(double)), *mean = allocate(2 * K, sizeof(double));
        double *variance = allocate(2 * K, sizeof(double)), *x = new_tile(2), *s = new_tile(2), log_p[LANES];
        fixture.type->components(fixture.score->model, weight, mean, variance);
        const double sigmas[] = {0, 0.1, 30};
        for (int l = 0; l < 3; l++) {
                struct score_level *level = score_level_create(fixture.score, sigmas[l]);
                draw_noised(fixture.score, sigmas[l], 0, x);
                score_eval(level, x, s);
                fixture.type->log_density(level->state, x, log_p);
                for (int lane = 0; lane < LANES; lane++) {
                        long double p = 0, gradient[2] = {0, 0}, size = 0;
                        for (int k = 0; k < K; k++) {
                                long double exponent = 0, determinant = 1, pull[2];
                                for (int i = 0; i < 2; i++) {
                                        const long double v = variance[2 * k + i] + (long double)sigmas[l] * sigmas[l];
                                        pull[i] = -((long double)x[i * LANES + lane] - mean[2 * k + i]) / v;
                                        exponent += 0.5L * pull[i] *
                                                    ((long double)x[i * LANES + lane] - mean[2 * k + i]);
                                        determinant *= v;
                                }
                                const long double part = weight[k] * expl(exponent) /
                                                         (2 * 3.14159265358979323846L * sqrtl(determinant));
                                p += part;
                                for (int i = 0; i < 2; i++) {
                                        gradient[i] += part * pull[i];
                                        size += part * fabsl(pull[i]);
                                }
                        }
                        assert_true(fabsl(log_p[lane] - logl(p)) < 1e-12L);
                        for (int i = 0; i < 2; i++)
                                assert_true(fabsl(s[i * LANES + lane] - gradient[i] / p) < 1e-12L * size / p);
                }
                score_level_free(level);
        }
        free(text);
        free(weight);
        free(mean);
        free(variance);
        free(x);
        free(s);
        score_fixture_close(&fixture);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bad_settings_are_told_with_their_line_and_key),
                cmocka_unit_test(test_scores_without_a_noised_form_refuse_noise_and_say_why),
                cmocka_unit_test(test_a_gaussian_without_width_is_undefined_only_without_noise),
                cmocka_unit_test(test_a_gaussian_takes_its_dimension_from_any_setting),
                cmocka_unit_test(test_an_ill_conditioned_covariance_is_inverted_to_its_condition),
                cmocka_unit_test(test_the_diameter_of_a_gaussian_bounds_pairs_of_draws),
                cmocka_unit_test(test_the_wells_constant_is_that_of_bessel_functions_at_any_barrier),
                cmocka_unit_test(test_draws_from_the_wells_invert_their_distribution),
                cmocka_unit_test(test_two_thousand_components_agree_with_long_double),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
