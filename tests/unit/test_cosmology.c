/* The growth of perturbations: closed forms, published numbers, and what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gsl/gsl_sf_hyperg.h>

#include "sculptor/cosmology.h"

static struct cosmology_settings universe(double omega_m, double omega_lambda, double w0, double wa)
{
        return (struct cosmology_settings){.omega_m = omega_m, .omega_lambda = omega_lambda, .w0 = w0, .wa = wa};
}

static void assert_close(double a, double b, double tolerance)
{
        if (!(fabs(a - b) <= tolerance * fabs(b)))
                print_error("%.17g is not %.17g\n", a, b);
        assert_true(fabs(a - b) <= tolerance * fabs(b));
}

static const double redshifts[] = {0, 0.01, 0.3, 1, 3, 10, 100, 1100};
enum { N_REDSHIFTS = sizeof redshifts / sizeof *redshifts };

/* ---- closed forms ---- */

/* a 2F1(-1/(3w), (w - 1)/(2w); 1 - 5/(6w); -x), x = rho_DE/rho_m [Silveira & Waga 1994], by Pfaff's transformation,
 * which brings the argument into GSL's range. */
static double hypergeometric_growth(double omega_m, double w, double a)
{
        const double x = (1 - omega_m) / omega_m * pow(a, -3 * w);
        const double p = -1 / (3 * w), q = (w - 1) / (2 * w), c = 1 - 5 / (6 * w);
        return a * pow(1 + x, -q) * gsl_sf_hyperg_2F1(c - p, q, c, x / (1 + x));
}

/* Heath's integral is a sum of 640 terms; GSL promises 2F1 to about 1e-14 here. */
static void test_growth_with_a_cosmological_constant_is_its_hypergeometric_function(void **state)
{
        (void)state;
        const double omega_m[] = {0.1, 0.3, 0.9};
        for (size_t i = 0; i < 3; i++)
                for (size_t j = 0; j < N_REDSHIFTS; j++) {
                        struct cosmology_settings flat = universe(omega_m[i], NAN, -1, 0);
                        const double exact = hypergeometric_growth(omega_m[i], -1, 1 / (1 + redshifts[j])) /
                                             hypergeometric_growth(omega_m[i], -1, 1);
                        assert_close(cosmology_growth(&flat, redshifts[j]), exact, 1e-12);
                }
}

/* Integrated to order 8 in steps of 0.02, from where the decaying mode is 1e-6: 1e-13 of it is left at z = 1100. */
static void test_growth_with_constant_w_is_its_hypergeometric_function(void **state)
{
        (void)state;
        const double w[] = {-0.2, -0.8, -1.5, -3};
        for (size_t i = 0; i < 4; i++)
                for (size_t j = 0; j < N_REDSHIFTS; j++) {
                        struct cosmology_settings flat = universe(0.3, NAN, w[i], 0);
                        const double exact = hypergeometric_growth(0.3, w[i], 1 / (1 + redshifts[j])) /
                                             hypergeometric_growth(0.3, w[i], 1);
                        assert_close(cosmology_growth(&flat, redshifts[j]), exact, 1e-11);
                }
}

static void test_growth_in_a_universe_of_matter_alone_is_a(void **state)
{
        (void)state;
        struct cosmology_settings flat = universe(1, NAN, -1, 0), by_equation = universe(1, 0, -0.5, 0.1);
        for (size_t j = 0; j < N_REDSHIFTS; j++) {
                assert_close(cosmology_growth(&flat, redshifts[j]), 1 / (1 + redshifts[j]), 1e-13);
                assert_close(cosmology_growth(&by_equation, redshifts[j]), 1 / (1 + redshifts[j]), 1e-13);
        }
}

/* 1 + 3/y + 3 sqrt(1 + y)/y^(3/2) ln(sqrt(1 + y) - sqrt(y)), y = Omega_k/Omega_m a, and its continuation to y < 0
 * [Peebles 1980, equation 11.16]. Its terms cancel where y is small: there its series (2/5) y 2F1(1, 2; 7/2; -y). */
static double curved_growth(double omega_m, double a)
{
        const double y = (1 / omega_m - 1) * a, x = -y;
        if (fabs(y) < 0.5) {
                double term = 1, sum = 0;
                for (int n = 0; n < 60; n++) {
                        sum += term;
                        term *= -y * (n + 2) / (n + 3.5);
                }
                return 0.4 * y * sum;
        }
        if (y > 0)
                return 1 + 3 / y + 3 * sqrt(1 + y) / (y * sqrt(y)) * log(sqrt(1 + y) - sqrt(y));
        return 1 - 3 / x + 3 * sqrt(1 - x) / (x * sqrt(x)) * asin(sqrt(x));
}

static void test_growth_in_curved_matter_is_its_closed_form(void **state)
{
        (void)state;
        const double omega_m[] = {0.05, 0.3, 2.5};
        for (size_t i = 0; i < 3; i++)
                for (size_t j = 0; j < N_REDSHIFTS; j++) {
                        struct cosmology_settings curved = universe(omega_m[i], 0, -1, 0);
                        const double exact = curved_growth(omega_m[i], 1 / (1 + redshifts[j]));
                        assert_close(cosmology_growth(&curved, redshifts[j]), exact / curved_growth(omega_m[i], 1),
                                     1e-13);
                }
}

/* ---- both ways to compute it ---- */

static void test_the_equation_of_growth_agrees_with_heaths_integral(void **state)
{
        (void)state;
        const double omegas[][2] = {{0.3, 0.7}, {0.3, 0.5}, {0.3, 0.9}, {0.3, -0.2}, {1.2, 0.1}};
        for (size_t i = 0; i < 5; i++)
                for (size_t j = 0; j < N_REDSHIFTS; j++) {
                        struct cosmology_settings heath = universe(omegas[i][0], omegas[i][1], -1, 0), equation = heath;
                        equation.wa = 1e-14; /* as good as none, and no cosmological constant */
                        assert_close(cosmology_growth(&equation, redshifts[j]), cosmology_growth(&heath, redshifts[j]),
                                     1e-11);
                }
}

/* w = -1/3 dilutes as curvature does. */
static void test_dark_energy_of_minus_one_third_grows_like_curvature(void **state)
{
        (void)state;
        struct cosmology_settings fluid = universe(0.3, 0.7, -1.0 / 3, 0), open = universe(0.3, 0, -1, 0);
        for (size_t j = 0; j < N_REDSHIFTS; j++) {
                assert_close(cosmology_growth(&fluid, redshifts[j]), cosmology_growth(&open, redshifts[j]), 1e-11);
                assert_close(cosmology_expansion(&fluid, redshifts[j]), cosmology_expansion(&open, redshifts[j]),
                             1e-14);
        }
}

/* ---- published ---- */

/* Whose cosmological constant differs from Heath's integral by 5e-10. */
static void test_growth_of_w0_wa_and_curved_universes_is_the_published(void **state)
{
        (void)state;
        struct cosmology_settings models[] = {universe(0.3, 0.7, -1, 0), universe(0.3, 0.7, -0.9, 0),
                                              universe(0.3, 0.7, -0.9, 0.1), universe(0.3, 0.65, -0.9, 0.1),
                                              universe(0.3, 0.75, -0.9, 0.1)};
        FILE *file = fopen("tests/data/growth_w0wa.txt", "r");
        assert_non_null(file);
        char line[400];
        double first[6], row[6];
        size_t n = 0;
        while (fgets(line, sizeof line, file)) {
                if (line[0] == '#')
                        continue;
                char *at = line;
                for (size_t i = 0; i < 6; i++)
                        row[i] = strtod(at, &at);
                if (n++ == 0)
                        memcpy(first, row, sizeof row);
                for (size_t i = 0; i < 5; i++)
                        assert_close(cosmology_growth(&models[i], row[0]) / cosmology_growth(&models[i], first[0]),
                                     row[i + 1] / first[i + 1], 1e-9);
        }
        fclose(file);
        assert_int_equal(n, 10);
}

static void test_growth_is_one_today_and_falls_into_the_past(void **state)
{
        (void)state;
        const struct cosmology_settings models[] = {universe(0.3, NAN, -1, 0), universe(0.3, 0.5, -0.8, 0.3)};
        for (size_t i = 0; i < 2; i++) {
                assert_true(cosmology_growth(&models[i], 0) == 1);
                for (size_t j = 1; j < N_REDSHIFTS; j++)
                        assert_true(cosmology_growth(&models[i], redshifts[j]) <
                                    cosmology_growth(&models[i], redshifts[j - 1]));
        }
}

static void test_expansion_is_friedmanns(void **state)
{
        (void)state;
        struct cosmology_settings settings = universe(0.3, 0.6, -0.9, 0.2);
        for (size_t j = 0; j < N_REDSHIFTS; j++) {
                const double s = 1 + redshifts[j], w_0 = -0.9, w_a = 0.2;
                const double dark = 0.6 * pow(s, 3 * (1 + w_0 + w_a)) * exp(-3 * w_a * (1 - 1 / s));
                assert_close(cosmology_expansion(&settings, redshifts[j]), sqrt(0.3 * s * s * s + 0.1 * s * s + dark),
                             1e-14);
        }
}

/* ---- refusals ---- */

static void problems_of(const struct param *rows, void (*check)(const void *, const struct params_scope *),
                        const char *text, const char *expected)
{
        const struct param table[] = {
                {.key = "cosmology", .kind = PARAM_TABLE, .rows = rows, .check = check, .help = "the universe"},
                PARAM_END};
        struct cosmology_settings settings;
        struct input *input = input_parse("toy.yaml", text, strlen(text), NULL, 0);
        input_read(input, table, &settings);
        char found[1000] = "";
        for (size_t i = 0; i < input_problems(input); i++) {
                size_t n = strlen(found);
                snprintf(found + n, sizeof found - n, "%s%s", i > 0 ? "\n" : "", input_problem(input, i));
        }
        input_free(input);
        params_release(table, &settings);
        assert_string_equal(found, expected);
}

static void test_impossible_universes_are_refused_with_their_key(void **state)
{
        (void)state;
        const struct {
                const char *settings, *problems;
        } cases[] = {
                {"Omega_m: 0.3, Omega_b: 0.05, h: 0.7, n_s: 0.96, sigma8: 0.8", ""},
                {"Omega_m: 0.3, Omega_b: 0, h: 0.7, n_s: 0.96, sigma8: 0.8, Omega_lambda: 0", ""},
                {"Omega_m: 0.3, Omega_b: 0.3, h: 0.7, n_s: 0.96, sigma8: 0.8",
                 "toy.yaml:2: cosmology.Omega_b: 0.3 is not below Omega_m, 0.3, which includes it"},
                {"Omega_m: 0.3, Omega_b: 0.05, h: 0, n_s: 0.96, sigma8: 0.8",
                 "toy.yaml:2: cosmology.h: 0 is not in (0, 2]"},
                {"Omega_m: 0.3, Omega_b: 0.05, h: 67.7, n_s: 0.96, sigma8: 0.8",
                 "toy.yaml:2: cosmology.h: 67.7 is not in (0, 2]"},
                {"Omega_m: 0.3, Omega_b: 0.05, h: 0.7, n_s: 0.96, sigma8: 0.8, w0: -0.5, wa: 0.5",
                 "toy.yaml:2: cosmology.wa: w0 + wa = 0 is above -0.05: dark energy would weigh as much as matter at "
                 "early times"},
                {"Omega_m: 0.1, Omega_b: 0.05, h: 0.7, n_s: 0.96, sigma8: 0.8, Omega_lambda: 3",
                 "toy.yaml:2: cosmology.Omega_lambda: H^2 is negative at a = 0.048: a universe without a Big Bang"},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                char text[400];
                snprintf(text, sizeof text, "# a universe\ncosmology: {%s}\n", cases[i].settings);
                problems_of(cosmology_params, cosmology_check, text, cases[i].problems);
        }
        problems_of(cosmology_growth_params, cosmology_growth_check, "cosmology: {}\n", "");
        problems_of(
                cosmology_growth_params, cosmology_growth_check, "cosmology: {Omega_m: 0.3, w0: 0}\n",
                "toy.yaml:1: cosmology.w0: w0 + wa = 0 is above -0.05: dark energy would weigh as much as matter at "
                "early times");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_growth_with_a_cosmological_constant_is_its_hypergeometric_function),
                cmocka_unit_test(test_growth_with_constant_w_is_its_hypergeometric_function),
                cmocka_unit_test(test_growth_in_a_universe_of_matter_alone_is_a),
                cmocka_unit_test(test_growth_in_curved_matter_is_its_closed_form),
                cmocka_unit_test(test_the_equation_of_growth_agrees_with_heaths_integral),
                cmocka_unit_test(test_dark_energy_of_minus_one_third_grows_like_curvature),
                cmocka_unit_test(test_growth_of_w0_wa_and_curved_universes_is_the_published),
                cmocka_unit_test(test_growth_is_one_today_and_falls_into_the_past),
                cmocka_unit_test(test_expansion_is_friedmanns),
                cmocka_unit_test(test_impossible_universes_are_refused_with_their_key),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
