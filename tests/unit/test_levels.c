/* The rules for noise levels: closed forms, refusals, and the published numbers of NCSNv2. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab_input.h"
#include "sculptor/levels.h"
#include "sculptor/rng.h"

struct settings { struct selection type; };

static const struct param rows[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = 0, .variant = levels_variant, .fallback = "constant",
         .help = "rule"},
        PARAM_END};

static const struct levels_context TOY = {.n_dim = 2, .diameter = 14, .steps_per_level = 100};

static const char *build(const char *text, const struct levels_context *context, struct levels *levels)
{
        struct settings settings;
        struct input *input = input_parse("levels", text, strlen(text), NULL, 0);
        input_read(input, rows, &settings);
        for (size_t i = 0; i < input_problems(input); i++)
                print_error("%s\n", input_problem(input, i));
        assert_int_equal(input_problems(input), 0);
        const struct levels_type *type = settings.type.type;
        *levels = (struct levels){.n = 0};
        const char *why = type->build(settings.type.settings, context, levels);
        input_free(input);
        params_release(rows, &settings);
        return why;
}

static struct levels built(const char *text)
{
        struct levels levels;
        assert_null(build(text, &TOY, &levels));
        return levels;
}

static void assert_close(double a, double b, double tolerance)
{
        if (!(fabs(a - b) <= tolerance * fabs(b)))
                print_error("%.17g is not %.17g\n", a, b);
        assert_true(fabs(a - b) <= tolerance * fabs(b));
}

static const struct process_type *first_process(void) /* edm: without end */
{
        struct param_variant variant;
        assert_true(process_variant(0, &variant));
        return variant.type;
}

/* ---- closed forms: to 1e-14, since exponents up to 7 ln 20 magnify an ulp by as much ---- */

static void test_geometric_levels_have_a_constant_ratio_and_exact_ends(void **state)
{
        (void)state;
        struct levels levels = built("{type: geometric, sigma_max: 20, sigma_min: 1, count: 10}");
        assert_int_equal(levels.n, 10);
        assert_true(levels.sigma[0] == 20 && levels.sigma[9] == 1);
        for (size_t i = 0; i < 10; i++)
                assert_close(levels.sigma[i], 20 * pow(1.0 / 20, (double)i / 9), 1e-14);
        assert_true(isnan(levels.step_size));
        levels_release(&levels);
}

static void test_linear_levels_have_a_constant_distance_and_may_end_at_zero(void **state)
{
        (void)state;
        struct levels levels = built("{type: linear, sigma_max: 3, sigma_min: 0, count: 7}");
        assert_int_equal(levels.n, 7);
        for (size_t i = 0; i < 7; i++)
                assert_close(levels.sigma[i], 3 - 0.5 * (double)i, 1e-15);
        levels_release(&levels);
}

static void test_karras_levels_are_edms_grid(void **state)
{
        (void)state;
        struct levels levels = built("{type: karras, sigma_max: 80, sigma_min: 0.002, count: 18}");
        assert_int_equal(levels.n, 18);
        assert_true(levels.sigma[0] == 80 && levels.sigma[17] == 0.002);
        for (size_t i = 0; i < 18; i++) {
                double a = pow(80, 1.0 / 7), b = pow(0.002, 1.0 / 7);
                assert_close(levels.sigma[i], pow(a + (double)i / 17 * (b - a), 7), 1e-13);
        }
        levels_release(&levels);
        levels = built("{type: karras, sigma_max: 5, sigma_min: 1, count: 5, rho: 1}");
        for (size_t i = 0; i < 5; i++)
                assert_close(levels.sigma[i], 5 - (double)i, 1e-14);
        levels_release(&levels);
}

static void test_explicit_and_constant_levels_are_as_written(void **state)
{
        (void)state;
        struct levels levels = built("{type: explicit, values: [10, 3, 0]}");
        const double written[] = {10, 3, 0};
        assert_int_equal(levels.n, 3);
        assert_memory_equal(levels.sigma, written, sizeof written);
        levels_release(&levels);

        levels = built("{type: constant, sigma: 0.5, count: 4}");
        assert_int_equal(levels.n, 4);
        for (size_t i = 0; i < 4; i++)
                assert_true(levels.sigma[i] == 0.5);
        levels_release(&levels);

        levels = built("{}"); /* plain chains where nothing is said */
        assert_true(levels.n == 1 && levels.sigma[0] == 0);
        levels_release(&levels);
}

/* ---- refusals ---- */

static void assert_refused(const char *text, const char *key, const char *reason)
{
        struct settings settings;
        lab_assert_refused(text, rows, &settings, key, reason);
}

static void test_levels_that_do_not_fall_are_refused_with_their_key(void **state)
{
        (void)state;
        assert_refused("{type: geometric, sigma_max: 1, sigma_min: 20, count: 10}", "sigma_min", "not below sigma_max");
        assert_refused("{type: linear, sigma_max: 1, sigma_min: 1, count: 10}", "sigma_min", "not below sigma_max");
        assert_refused("{type: karras, sigma_max: 1, sigma_min: 2, count: 10}", "sigma_min", "not below sigma_max");
        assert_refused("{type: geometric, sigma_max: 1, sigma_min: 0, count: 10}", "sigma_min", "0");
        assert_refused("{type: geometric, sigma_max: 2, sigma_min: 1, count: 1}", "count", "1");
        assert_refused("{type: geometric, sigma_max: 2, sigma_min: 1, count: 1000001}", "count", "1000001");
        assert_refused("{type: explicit, values: [10, 3, 3, 1]}", "values", "level 3, 3, is not below the one before");
        assert_refused("{type: explicit, values: [3, 10]}", "values", "level 2, 10, is not below the one before");
        assert_refused("{type: explicit, values: []}", "values", "empty");
        assert_refused("{type: constant, sigma: -1}", "sigma", "-1");
        assert_refused("{type: ncsnv2, sigma_min: 3, diameter: 2}", "sigma_min", "not below the diameter");
}

static void test_levels_nearer_than_doubles_are_refused(void **state)
{
        (void)state;
        const char *texts[] = {"{type: geometric, sigma_max: 1.0000000000001, sigma_min: 1, count: 4000}",
                               "{type: linear, sigma_max: 1.0000000000001, sigma_min: 1, count: 4000}",
                               "{type: karras, sigma_max: 1.0000000000001, sigma_min: 1, count: 4000}"};
        for (size_t i = 0; i < 3; i++) {
                struct levels levels;
                assert_non_null(build(texts[i], &TOY, &levels));
                levels_release(&levels);
        }
}

static void test_chains_have_no_more_levels_than_random_numbers(void **state)
{
        (void)state;
        assert_int_equal(RNG_MAX_LEVELS - 2, 4094); /* what the ranges say */
        assert_refused("{type: constant, sigma: 1, count: 4095}", "count", "4095");
}

/* Time steps may be more than levels. */
static void test_rules_give_as_many_points_as_time_steps_may_have(void **state)
{
        (void)state;
        struct levels levels = built("{type: geometric, sigma_max: 1e3, sigma_min: 1e-3, count: 1000000}");
        assert_int_equal(levels.n, 1000000);
        levels_release(&levels);
        char *text = malloc(65536), *end = text + sprintf(text, "{type: explicit, values: [");
        for (int i = 5000; i > 0; i--)
                end += sprintf(end, "%d, ", i);
        sprintf(end, "0]}");
        levels = built(text);
        assert_int_equal(levels.n, 5001);
        levels_release(&levels);
        free(text);
}

static void test_a_zero_is_appended_where_asked_for(void **state)
{
        (void)state;
        const char *texts[] = {"{type: geometric, sigma_max: 3, sigma_min: 1, count: 5%s}",
                               "{type: linear, sigma_max: 3, sigma_min: 1, count: 5%s}",
                               "{type: karras, sigma_max: 3, sigma_min: 1, count: 5%s}",
                               "{type: time, t_max: 3, t_min: 1, count: 5%s}"};
        const struct process process = {.type = first_process()};
        struct levels_context context = TOY;
        context.process = &process;
        for (size_t i = 0; i < 4; i++) {
                char plain[128], longer[128];
                snprintf(plain, sizeof plain, texts[i], "");
                snprintf(longer, sizeof longer, texts[i], ", to_zero: true");
                struct levels a, b;
                assert_null(build(plain, &context, &a));
                assert_null(build(longer, &context, &b));
                assert_true(a.n == 5 && b.n == 6 && b.sigma[5] == 0);
                assert_memory_equal(a.sigma, b.sigma, 5 * sizeof *a.sigma);
                levels_release(&a);
                levels_release(&b);
        }
        assert_refused("{type: linear, sigma_max: 3, sigma_min: 0, count: 5, to_zero: true}", "to_zero", "0 already");
}

/* ---- in a process's time ---- */

/* sigma(t) = 1 - e^-t, up to t = 2. */
static double last_time(const void *settings)
{
        (void)settings;
        return 2;
}

static double rising(const void *settings, double t)
{
        (void)settings;
        return 1 - exp(-t);
}

static void test_levels_in_time_are_equally_far_in_a_root_of_it(void **state)
{
        (void)state;
        const struct process_type type = {.name = "rising", .t_max = last_time, .sigma = rising};
        const struct process process = {.type = &type};
        struct levels_context context = TOY;
        context.process = &process;
        struct levels levels;
        assert_null(build("{type: time, count: 9, t_min: 0.5}", &context, &levels));
        assert_int_equal(levels.n, 9);
        assert_true(levels.sigma[0] == rising(NULL, 2) && levels.sigma[8] == rising(NULL, 0.5));
        for (size_t i = 0; i < 9; i++)
                assert_close(levels.sigma[i], 1 - exp(-(2 - 1.5 * (double)i / 8)), 1e-14);
        levels_release(&levels);
        assert_null(build("{type: time, count: 9, t_max: 1.5, power: 3}", &context, &levels));
        for (size_t i = 0; i < 9; i++) {
                const double a = cbrt(1.5), b = cbrt(1e-3); /* 1 - e^-t magnifies no error of t */
                assert_close(levels.sigma[i], -expm1(-pow(a + (double)i / 8 * (b - a), 3)), 1e-12);
        }
        levels_release(&levels);
}

static void test_levels_in_time_say_what_they_lack(void **state)
{
        (void)state;
        const struct process_type type = {.name = "rising", .t_max = last_time, .sigma = rising};
        const struct process process = {.type = &type}, endless = {.type = first_process()};
        struct levels_context context = TOY;
        struct levels levels;
        const char *why = build("{type: time, count: 9}", &context, &levels);
        assert_true(why && strstr(why, "needs a process"));
        context.process = &endless;
        why = build("{type: time, count: 9}", &context, &levels);
        assert_true(why && strstr(why, "give t_max"));
        context.process = &process;
        why = build("{type: time, count: 9, t_max: 2.5}", &context, &levels);
        assert_true(why && strstr(why, "t_max is beyond"));
        why = build("{type: time, count: 9, t_min: 2}", &context, &levels);
        assert_true(why && strstr(why, "t_min"));
        assert_refused("{type: time, count: 9, t_max: 1, t_min: 1}", "t_min", "not below t_max");
        assert_refused("{type: time, count: 1}", "count", "1");
}

/* ---- NCSNv2 ---- */

static double phi(double x)
{
        return 0.5 * erfc(-x / sqrt(2));
}

static double overlap_of(double gamma, double n_dim)
{
        double centre = sqrt(2 * n_dim) * (gamma - 1);
        return phi(centre + 3 * gamma) - phi(centre - 3 * gamma);
}

/* Variance left after T steps, in units of the level's, u = e/sigma_L^2. */
static double variance_left(double u, double gamma, double steps)
{
        double r = 2 * u / (1 - (1 - u) * (1 - u));
        return pow(1 - u, 2 * steps) * (gamma * gamma - r) + r;
}

/* The authors' table and configuration files: D, sigma_1, L, T and the step, sigma_L = 0.01. */
static const struct {
        const char *name;
        int64_t n_dim;
        double sigma_1;
        size_t n;
        int64_t steps;
        double step;
} published[] = {
        {"CIFAR-10 32^2", 3072, 50, 232, 5, 6.2e-6},
        {"CelebA 64^2", 12288, 90, 500, 5, 3.3e-6},
        {"LSUN tower 128^2", 49152, 190, 1086, 3, 1.8e-6},
        {"FFHQ 256^2", 196608, 348, 2311, 3, 0.9e-6},
};
enum { N_PUBLISHED = sizeof published / sizeof *published };

/* Their L follow from one overlap, 0.5664, "about 0.5"; their steps have two digits. */
static void test_ncsnv2_gives_the_published_levels_and_steps(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_PUBLISHED; i++) {
                char text[128];
                snprintf(text, sizeof text, "{type: ncsnv2, sigma_min: 0.01, diameter: %g, overlap: 0.5664}",
                         published[i].sigma_1);
                struct levels_context context = {.n_dim = published[i].n_dim, .steps_per_level = published[i].steps};
                struct levels levels;
                assert_null(build(text, &context, &levels));
                assert_int_equal(levels.n, published[i].n);
                const double unit = 1e-7;
                assert_true(round(levels.step_size / unit) == round(published[i].step / unit));
                levels_release(&levels);
        }
}

static void test_ncsnv2_takes_the_fewest_levels_of_its_overlap_and_the_best_step(void **state)
{
        (void)state;
        const int64_t dims[] = {5, 64, 3072, 1000000}, steps[] = {1, 3, 5, 100};
        for (size_t i = 0; i < 4; i++)
                for (size_t k = 0; k < 4; k++) {
                        struct levels_context context = {.n_dim = dims[i], .diameter = 10, .steps_per_level = steps[k]};
                        struct levels levels;
                        assert_null(build("{type: ncsnv2, sigma_min: 0.1}", &context, &levels));
                        assert_true(levels.sigma[0] == 10 && levels.sigma[levels.n - 1] == 0.1);
                        double n_ratios = (double)levels.n - 1, gamma = pow(100, 1 / n_ratios);
                        assert_true(overlap_of(gamma, (double)dims[i]) >= 0.5 - 1e-9);
                        if (levels.n > 2)
                                assert_true(overlap_of(pow(100, 1 / (n_ratios - 1)), (double)dims[i]) < 0.5);
                        double u = levels.step_size / 0.01, best = variance_left(u, gamma, (double)steps[k]);
                        for (double other = 1e-4; other < 1.99; other += 1e-3)
                                assert_true(variance_left(other, gamma, (double)steps[k]) >= best * (1 - 1e-14));
                        levels_release(&levels);
                }
}

static void test_ncsnv2_says_what_it_cannot_know(void **state)
{
        (void)state;
        struct levels levels;
        struct levels_context context = {.n_dim = 3072, .diameter = 0, .steps_per_level = 5};
        const char *why = build("{type: ncsnv2, sigma_min: 0.01}", &context, &levels);
        assert_true(why && strstr(why, "diameter"));
        context.diameter = 0.005;
        why = build("{type: ncsnv2, sigma_min: 0.01}", &context, &levels);
        assert_true(why && strstr(why, "sigma_min"));
        why = build("{type: ncsnv2, sigma_min: 0.01}", &TOY, &levels);
        assert_true(why && strstr(why, "geometric"));
        context = (struct levels_context){.n_dim = 1000000, .diameter = 1e6, .steps_per_level = 5};
        why = build("{type: ncsnv2, sigma_min: 0.01}", &context, &levels);
        assert_true(why && strstr(why, "4094"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_geometric_levels_have_a_constant_ratio_and_exact_ends),
                cmocka_unit_test(test_linear_levels_have_a_constant_distance_and_may_end_at_zero),
                cmocka_unit_test(test_karras_levels_are_edms_grid),
                cmocka_unit_test(test_explicit_and_constant_levels_are_as_written),
                cmocka_unit_test(test_levels_that_do_not_fall_are_refused_with_their_key),
                cmocka_unit_test(test_levels_nearer_than_doubles_are_refused),
                cmocka_unit_test(test_chains_have_no_more_levels_than_random_numbers),
                cmocka_unit_test(test_rules_give_as_many_points_as_time_steps_may_have),
                cmocka_unit_test(test_a_zero_is_appended_where_asked_for),
                cmocka_unit_test(test_levels_in_time_are_equally_far_in_a_root_of_it),
                cmocka_unit_test(test_levels_in_time_say_what_they_lack),
                cmocka_unit_test(test_ncsnv2_gives_the_published_levels_and_steps),
                cmocka_unit_test(test_ncsnv2_takes_the_fewest_levels_of_its_overlap_and_the_best_step),
                cmocka_unit_test(test_ncsnv2_says_what_it_cannot_know),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
