/* Power spectra in closed form and by fits: published numbers, limits, normalisation. Tables: test_spectrum_table.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gsl/gsl_integration.h>

#include "field/eisenstein_hu.h"
#include "spectrum_lab.h"

static const double PI = 3.14159265358979323846;

/* ---- simple ones ---- */

static void test_white_and_power_law_are_as_written(void **state)
{
        (void)state;
        struct power_spectrum *white = spectrum_of("{type: white, amplitude: 3}");
        struct power_spectrum *law = spectrum_of("{type: power_law, amplitude: 5, index: -2.5, pivot: 0.1}");
        for (double k = 1e-4; k < 1e3; k *= 3) {
                assert_true(power_spectrum_at(white, k) == 3);
                /* an exponent of up to 23 magnifies half an ulp of the logarithm by as much */
                assert_close(power_spectrum_at(law, k), 5 * pow(k / 0.1, -2.5), 1e-14);
        }
        assert_true(power_spectrum_at(law, 0.1) == 5);
        assert_null(power_spectrum_covers(law, 1e-9, 1e9));
        power_spectrum_free(white);
        power_spectrum_free(law);
        power_spectrum_free(NULL);
}

static void test_power_law_is_zero_beyond_its_cut_offs(void **state)
{
        (void)state;
        struct power_spectrum *law = spectrum_of("{type: power_law, amplitude: 5, index: 0, k_min: 0.5, k_max: 2}");
        const double k[] = {0.1, 0.4999, 0.5, 2, 2.0001}, power[] = {0, 0, 5, 5, 0};
        for (size_t i = 0; i < 5; i++)
                assert_true(power_spectrum_at(law, k[i]) == power[i]);
        power_spectrum_free(law);
}

static void test_smoothing_multiplies_by_a_gaussian(void **state)
{
        (void)state;
        struct power_spectrum *sharp = spectrum_of("{type: bbks, " COSMOLOGY "}");
        struct power_spectrum *smooth = spectrum_of("{type: bbks, " COSMOLOGY ", smoothing: 2.5}");
        for (double k = 1e-3; k < 5; k *= 2) /* an exponent of up to 156 */
                assert_close(power_spectrum_at(smooth, k), power_spectrum_at(sharp, k) * exp(-k * k * 6.25), 1e-13);
        power_spectrum_free(sharp);
        power_spectrum_free(smooth);
}

/* ---- published spectra ---- */

/* The file's normalisation is good to 4e-8, its growth to 6e-10. */
static void test_eisenstein_hu_without_wiggles_is_the_published_reference(void **state)
{
        (void)state;
        size_t n;
        double *row = read_numbers("tests/data/eh98_nowiggle_pk.txt", 7, &n);
        assert_int_equal(n, 41);
        for (int z = 0; z <= 5; z++) {
                char text[300];
                snprintf(text, sizeof text, "{type: eisenstein_hu, wiggles: no, redshift: %d, " COSMOLOGY "}", z);
                struct power_spectrum *spectrum = spectrum_of(text);
                for (size_t i = 0; i < n; i++)
                        assert_close(power_spectrum_at(spectrum, row[7 * i]), row[7 * i + 1 + (size_t)z], 1e-7);
                power_spectrum_free(spectrum);
        }
        free(row);
}

/* Six digits, 5e-6, and a normalisation that is good to 1e-6. */
static void test_eisenstein_hu_with_wiggles_is_the_published_reference(void **state)
{
        (void)state;
        size_t n;
        double *row = read_numbers("tests/data/eh98_wiggles_pk.txt", 2, &n);
        assert_int_equal(n, 41);
        struct power_spectrum *spectrum = spectrum_of("{type: eisenstein_hu, " COSMOLOGY "}");
        for (size_t i = 0; i < n; i++)
                assert_close(power_spectrum_at(spectrum, pow(10, -3 + 0.1 * (double)i)), row[2 * i + 1], 6e-6);
        power_spectrum_free(spectrum);
        free(row);
}

static struct eisenstein_hu_fit fit_of(double omega_m, double omega_b, double h)
{
        return eisenstein_hu_fit(&(struct cosmology_settings){.omega_m = omega_m, .omega_b = omega_b, .h = h,
                                                              .t_cmb = 2.7255});
}

/* Against the paper's equations in 30 digits, written independently. Some 20 roundings of logarithms and powers,
 * and sin(x)/x at x up to 1000, where half an ulp of x is 1e-13. */
static void test_transfer_function_is_its_formula_in_thirty_digits(void **state)
{
        (void)state;
        static const double expected[][2] = {{0.001, 0.99225330270061736864}, {0.01, 0.77988389571847782836},
                                             {0.05, 0.26770589022139338869},  {0.1, 0.12862767174124656119},
                                             {0.2, 0.054107237364875814547},  {1, 0.0045878690484603774538},
                                             {10, 0.000087767695530558321639}};
        struct eisenstein_hu_fit fit = fit_of(0.3, 0.05, 0.7);
        for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
                assert_close(eisenstein_hu_transfer(&fit, expected[i][0]), expected[i][1], 1e-13);
        assert_close(fit.sound_horizon, 147.9129588393282, 1e-14);
        assert_close(fit.k_silk, 0.09568861126415868, 1e-14);
}

/* Equation 26 is a fit to equation 6 for Omega_b h^2 >= 0.0125 and 0.025 <= Omega_m h^2 <= 0.5, good to a few percent:
 * an error in either shows unless it is as small. */
static void test_the_simple_sound_horizon_is_within_3_percent_of_the_full_one(void **state)
{
        (void)state;
        for (double m = 0.025; m <= 0.5; m *= 1.15)
                for (double b = 0.0125; b < m; b *= 1.3) {
                        struct eisenstein_hu_fit fit = fit_of(m, b, 1);
                        assert_close(fit.sound_horizon_simple, fit.sound_horizon, 0.03);
                }
}

/* ---- limits ---- */

static void test_transfer_functions_are_one_on_large_scales(void **state)
{
        (void)state;
        struct eisenstein_hu_fit fit = fit_of(0.3, 0.05, 0.7);
        double before = 1;
        for (double k = 1e-3; k > 1e-9; k /= 10) { /* 1 - T falls like k^2 ln(1/k) */
                const double missing = 1 - eisenstein_hu_transfer(&fit, k);
                const double smooth = 1 - eisenstein_hu_smooth_transfer(&fit, k);
                assert_true(missing < 0.03 * before && smooth < 0.03 * before);
                assert_true(fabs(missing - smooth) < 0.01);
                before = fmax(fmax(missing, smooth), 1e-15);
        }
}

static void test_wiggles_vanish_with_the_baryons(void **state)
{
        (void)state;
        struct eisenstein_hu_fit none = fit_of(0.3, 0, 0.7), few = fit_of(0.3, 1e-7, 0.7),
                                 some = fit_of(0.3, 0.05, 0.7);
        for (double k = 1e-4; k < 100; k *= 1.1) {
                /* what changes is of order Omega_b/Omega_m = 3e-7 times logarithms */
                assert_close(eisenstein_hu_transfer(&few, k), eisenstein_hu_transfer(&none, k), 1e-5);
                assert_close(eisenstein_hu_smooth_transfer(&few, k), eisenstein_hu_smooth_transfer(&none, k), 1e-5);
                /* two fits of one function, the paper's equations 19 and 29: within 10% */
                assert_close(eisenstein_hu_transfer(&none, k), eisenstein_hu_smooth_transfer(&none, k), 0.1);
        }
        int crossings = 0;
        double before = 0;
        for (double k = 0.02; k < 0.3; k += 0.001) { /* about the smooth shape, every 2 pi/s = 0.06 h/Mpc */
                const double wiggle = eisenstein_hu_transfer(&some, k) / eisenstein_hu_smooth_transfer(&some, k) - 1;
                crossings += wiggle * before < 0;
                before = wiggle;
        }
        assert_in_range(crossings, 6, 11);
}

static double bbks(double q)
{
        return log1p(2.34 * q) / (2.34 * q) *
               pow(1 + 3.89 * q + pow(16.1 * q, 2) + pow(5.46 * q, 3) + pow(6.71 * q, 4), -0.25);
}

static void test_bbks_has_its_formula_and_its_two_limits(void **state)
{
        (void)state;
        struct power_spectrum *spectrum = spectrum_of("{type: bbks, " COSMOLOGY "}");
        const double gamma = 0.3 * 0.7 * exp(-0.05 * (1 + sqrt(1.4) / 0.3)), theta = 2.725 / 2.7;
        const double q_of_k = theta * theta / gamma;
        const double primordial = power_spectrum_at(spectrum, 1e-6) / pow(1e-6, 0.96) / pow(bbks(1e-6 * q_of_k), 2);
        for (double k = 1e-6; k < 1e4; k *= 2) {
                const double transfer = sqrt(power_spectrum_at(spectrum, k) / primordial / pow(k, 0.96));
                assert_close(transfer, bbks(k * q_of_k), 1e-13);
                if (k * q_of_k < 1e-4) /* 1 - (2.34/2 + 3.89/4) q + O(q^2) */
                        assert_close(transfer, 1 - 2.1425 * k * q_of_k, 1e-6);
                if (k * q_of_k > 100) { /* ln(2.34 q)/(2.34 q 6.71 q), to 1/(4 6.71) (5.46/6.71)^3/q and 1/(q ln q) */
                        const double q = k * q_of_k;
                        assert_close(transfer, log(2.34 * q) / (2.34 * 6.71 * q * q), 0.1 / q);
                }
        }
        power_spectrum_free(spectrum);
}

/* ---- normalisation ---- */

struct integrand { const struct power_spectrum *spectrum; double radius; };

static double variance_slope(double log_k, void *parameters)
{
        const struct integrand *integrand = parameters;
        const double k = exp(log_k), y = k * integrand->radius;
        const double w = y < 1e-2 ? 1 - y * y / 10 : 3 * (sin(y) - y * cos(y)) / (y * y * y);
        return k * k * k * power_spectrum_at(integrand->spectrum, k) * w * w / (2 * PI * PI);
}

/* Adaptive, in ln k, between zeros of the window and not beyond y = 800 pi, which leaves out about 1e-12. */
static double variance_by_gsl(const struct power_spectrum *spectrum, double radius)
{
        struct integrand integrand = {spectrum, radius};
        gsl_function function = {.function = variance_slope, .params = &integrand};
        gsl_integration_workspace *workspace = gsl_integration_workspace_alloc(2000);
        double sum = 0, part, error;
        gsl_integration_qag(&function, log(1e-7), log(PI / radius), 0, 1e-11, 2000, GSL_INTEG_GAUSS61, workspace, &part,
                            &error);
        sum += part;
        for (int i = 1; i < 800; i++) {
                gsl_integration_qag(&function, log(i * PI / radius), log((i + 1) * PI / radius), 1e-14 * sum, 1e-9,
                                    2000, GSL_INTEG_GAUSS61, workspace, &part, &error);
                sum += part;
        }
        gsl_integration_workspace_free(workspace);
        return sum;
}

static void test_sigma8_is_reproduced_by_another_quadrature(void **state)
{
        (void)state;
        const char *texts[] = {"{type: eisenstein_hu, " COSMOLOGY "}",
                               "{type: eisenstein_hu, wiggles: false, " COSMOLOGY "}", "{type: bbks, " COSMOLOGY "}"};
        for (size_t i = 0; i < 3; i++) {
                struct power_spectrum *spectrum = spectrum_of(texts[i]);
                assert_close(sqrt(variance_by_gsl(spectrum, 8)), 0.8, 1e-9);
                assert_close(sqrt(power_spectrum_variance(spectrum, 8)), 0.8, 1e-12);
                assert_close(power_spectrum_variance(spectrum, 3), variance_by_gsl(spectrum, 3), 1e-9);
                power_spectrum_free(spectrum);
        }
}

/* int y^2 W^2 dy = 3 pi/2, int W^2 dy = 3 pi/5; for b far below 1, int_a^b y^2 W^2 dy is
 * (b^3 - a^3)/3 - (b^5 - a^5)/25. */
static void test_variances_of_power_laws_are_their_closed_forms(void **state)
{
        (void)state;
        struct power_spectrum *white = spectrum_of("{type: white, amplitude: 7}");
        struct power_spectrum *red = spectrum_of("{type: power_law, amplitude: 7, index: -2}");
        struct power_spectrum *low = spectrum_of(
                "{type: power_law, amplitude: 7, index: 0, k_min: 0.0005, k_max: 0.001}");
        struct power_spectrum *blue = spectrum_of("{type: power_law, amplitude: 7, index: 1}");
        for (double radius = 0.5; radius < 20; radius *= 3) {
                const double volume = 4 * PI / 3 * radius * radius * radius;
                assert_close(power_spectrum_variance(white, radius), 7 / volume, 1e-9);
                assert_close(power_spectrum_variance(red, radius), 7 * 0.3 / (PI * radius), 1e-9);
                const double a = 0.0005 * radius, b = 0.001 * radius;
                const double sharp = (pow(b, 3) - pow(a, 3)) / 3 - (pow(b, 5) - pow(a, 5)) / 25;
                assert_close(power_spectrum_variance(low, radius), 7 * sharp / (2 * PI * PI * pow(radius, 3)), 1e-9);
                assert_true(isnan(power_spectrum_variance(blue, radius))); /* diverges like a logarithm */
        }
        power_spectrum_free(white);
        power_spectrum_free(red);
        power_spectrum_free(low);
        power_spectrum_free(blue);
}

static void test_power_grows_with_the_growth_factor(void **state)
{
        (void)state;
        struct power_spectrum *now = spectrum_of("{type: bbks, " COSMOLOGY "}");
        struct power_spectrum *then = spectrum_of("{type: bbks, redshift: 2, " COSMOLOGY "}");
        struct cosmology_settings flat = {.omega_m = 0.3, .omega_lambda = NAN, .w0 = -1};
        const double growth = cosmology_growth(&flat, 2);
        for (double k = 1e-3; k < 10; k *= 3)
                assert_close(power_spectrum_at(then, k), growth * growth * power_spectrum_at(now, k), 1e-15);
        power_spectrum_free(now);
        power_spectrum_free(then);
}

/* ---- refusals ---- */

static void test_wrong_spectra_are_refused_with_their_key(void **state)
{
        (void)state;
        expect_problems("spectrum: {type: power_law, amplitude: 1, index: -2, k_min: 2, k_max: 1}\n",
                        "toy.yaml:1: spectrum.k_max: 1 is not above k_min, 2");
        expect_problems("spectrum: {type: white, amplitude: -1}\n",
                        "toy.yaml:1: spectrum.amplitude: -1 is not in [0, inf)");
        expect_problems("spectrum: {type: white, smoothing: -1}\n",
                        "toy.yaml:1: spectrum.smoothing: -1 is not in [0, inf)");
        expect_problems(
                "spectrum:\n  type: eisenstein_hu\n  cosmology:\n    Omega_m: 0.3\n    Omega_b: 0.4\n    h: 0.7\n"
                "    n_s: 1\n    sigma8: 0.8\n",
                "toy.yaml:5: spectrum.cosmology.Omega_b: 0.4 is not below Omega_m, 0.3, which includes it");
        expect_problems(
                "spectrum: {type: eisenstein_hu, wiggles: false, cosmology: {Omega_m: 0.02, Omega_b: 0.0199, h: 0.7, "
                "n_s: 1, sigma8: 0.8}}\n",
                "toy.yaml:1: spectrum.cosmology: Omega_m h^2 and Omega_b/Omega_m lie outside what Eisenstein & "
                "Hu's smooth fit can describe");
        expect_problems(
                "spectrum: {type: bbks, cosmology: {Omega_m: 0.3, Omega_b: 0.05, h: 1e-200, n_s: 1, sigma8: 0.8}}\n",
                "toy.yaml:1: spectrum.cosmology: this spectrum has no variance in spheres of 8 Mpc/h to be "
                "normalised to sigma8");
}

/* Ours, and so the same on every machine and at every optimisation level. */
static void test_transfer_functions_have_the_same_bits_everywhere(void **state)
{
        (void)state;
        struct eisenstein_hu_fit fit = fit_of(0.3, 0.05, 0.7);
        assert_true(eisenstein_hu_transfer(&fit, 0.1) == 0x1.076df1dbea0a5p-3);
        assert_true(eisenstein_hu_smooth_transfer(&fit, 0.1) == 0x1.0cb2b4a7d17e1p-3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_white_and_power_law_are_as_written),
                cmocka_unit_test(test_power_law_is_zero_beyond_its_cut_offs),
                cmocka_unit_test(test_smoothing_multiplies_by_a_gaussian),
                cmocka_unit_test(test_eisenstein_hu_without_wiggles_is_the_published_reference),
                cmocka_unit_test(test_eisenstein_hu_with_wiggles_is_the_published_reference),
                cmocka_unit_test(test_transfer_function_is_its_formula_in_thirty_digits),
                cmocka_unit_test(test_the_simple_sound_horizon_is_within_3_percent_of_the_full_one),
                cmocka_unit_test(test_transfer_functions_are_one_on_large_scales),
                cmocka_unit_test(test_wiggles_vanish_with_the_baryons),
                cmocka_unit_test(test_bbks_has_its_formula_and_its_two_limits),
                cmocka_unit_test(test_sigma8_is_reproduced_by_another_quadrature),
                cmocka_unit_test(test_variances_of_power_laws_are_their_closed_forms),
                cmocka_unit_test(test_power_grows_with_the_growth_factor),
                cmocka_unit_test(test_wrong_spectra_are_refused_with_their_key),
                cmocka_unit_test(test_transfer_functions_have_the_same_bits_everywhere),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
