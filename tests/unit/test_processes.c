/* The noising processes against closed forms in long double, their own differential equations and published steps. */
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
#include "sculptor/process.h"

#define EPS 0x1p-53 /* half a unit in the last place, relative */
#define PI 3.14159265358979323846264338327950288L

struct settings { struct selection type; };

static const struct param rows[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = 0, .variant = process_variant, .fallback = "edm", .help = "x"},
        PARAM_END};

static void assert_near(double a, long double b, double tolerance)
{
        if (!(fabsl((long double)a - b) <= (long double)tolerance * fabsl(b)))
                print_error("%.17g is not %.17Lg: %.3Lg of it, not %.3g\n", a, b, fabsl(((long double)a - b) / b),
                            tolerance);
        assert_true(fabsl((long double)a - b) <= (long double)tolerance * fabsl(b));
}

/* ---- independent closed forms ---- */

static long double integral_linear(long double t)
{
        return 0.1L * t + 0.5L * (20.0L - 0.1L) * t * t;
}

static long double abar_cosine(long double t)
{
        const long double s = 0.008, first = cosl(s / (1 + s) * PI / 2), now = cosl((t + s) / (1 + s) * PI / 2);
        return now * now / (first * first);
}

/* -ln abar without its cancellation at small t: ln of a ratio near 1 by log1p(cos^2 - cos^2) by sin(a+b) sin(a-b). */
static long double integral_cosine(long double t)
{
        const long double s = 0.008, a = (t + s) / (1 + s) * PI / 2, b = s / (1 + s) * PI / 2, c = cosl(b);
        if (t <= 0.999L)
                return -log1pl(-sinl(a + b) * sinl(t / (1 + s) * PI / 2) / (c * c));
        return -logl(abar_cosine(0.999L)) - (t - 0.999L) * 1000 * logl(1 - (long double)0.999);
}

struct exact { long double scale, sigma, drift, diffusion_squared; };

static struct exact exact_vp(long double b, long double beta)
{
        return (struct exact){expl(-b / 2), sqrtl(expm1l(b)), -beta / 2, beta};
}

static struct exact exact_subvp(long double b, long double beta)
{
        return (struct exact){expl(-b / 2), 2 * sinhl(b / 2), -beta / 2, -beta * expm1l(-2 * b)};
}

static long double beta_linear(long double t)
{
        return 0.1L + t * (20.0L - 0.1L);
}

static long double beta_cosine(long double t)
{
        const long double s = 0.008;
        return t <= 0.999L ? PI / (1 + s) * tanl((t + s) / (1 + s) * PI / 2) : -1000 * logl(1 - (long double)0.999);
}

static struct exact vp_linear(long double t)
{
        return exact_vp(integral_linear(t), beta_linear(t));
}
static struct exact vp_cosine(long double t)
{
        return exact_vp(integral_cosine(t), beta_cosine(t));
}
static struct exact subvp_linear(long double t)
{
        return exact_subvp(integral_linear(t), beta_linear(t));
}
static struct exact subvp_cosine(long double t)
{
        return exact_subvp(integral_cosine(t), beta_cosine(t));
}

static struct exact edm(long double t)
{
        return (struct exact){1, t, 0, 2 * t};
}

static struct exact ve(long double t)
{
        const long double low = 0.01, high = 50, sigma = low * powl(high / low, t);
        return (struct exact){1, sigma, 0, 2 * sigma * sigma * logl(high / low)};
}

static const struct {
        const char *text;
        struct exact (*exact)(long double t);
        bool unit_prior;
        double t_max, sigma_max;
} cases[] = {
        {"{type: edm}", edm, false, INFINITY, INFINITY},
        {"{type: ve, sigma_min: 0.01, sigma_max: 50}", ve, false, 1, 50},
        {"{type: vp}", vp_linear, true, 1, 0},
        {"{type: vp, beta: cosine}", vp_cosine, true, 1, 0},
        {"{type: subvp}", subvp_linear, true, 1, 0},
        {"{type: subvp, beta: cosine}", subvp_cosine, true, 1, 0},
};
enum { N_CASES = sizeof cases / sizeof *cases };

struct opened { struct settings settings; struct process process; };

static struct opened open_process(const char *text)
{
        struct opened opened;
        struct input *input = lab_read(text, rows, &opened.settings);
        input_free(input);
        opened.process = (struct process){opened.settings.type.type, opened.settings.type.settings};
        return opened;
}

static void close_process(struct opened *opened)
{
        params_release(rows, &opened->settings);
}

static double sigma_at(const struct process *process, double t)
{
        return process->type->sigma(process->settings, t);
}

/* Times from near 0 to t_max; none where a rate jumps. */
enum { N_TIMES = 400 };

static double time_number(int i)
{
        if (i < 100)
                return 1e-9 * pow(10, 7.0 * i / 100);
        return 0.01 + 0.99 * (i - 99) / 300.0;
}

/* ---- the functions ---- */

/* How much the rounding of B, t and 1 - t (a few EPS each) moves sigma or the scale: |dB| <= 4 B EPS, and by t's part
 * near t = 1, where cos theta falls to 0, beta (1 - t) EPS < 2 EPS. */
static double error_of(long double scale)
{
        return (12 + 8 * (double)fabsl(logl(scale))) * EPS;
}

static void test_scale_sigma_drift_and_diffusion_have_their_closed_forms(void **state)
{
        (void)state;
        for (size_t c = 0; c < N_CASES; c++) {
                struct opened opened = open_process(cases[c].text);
                const struct process *process = &opened.process;
                for (int i = 0; i < N_TIMES; i++) {
                        const double t = time_number(i);
                        const struct exact exact = cases[c].exact(t);
                        const double tolerance = error_of(exact.scale);
                        const struct time_point point = process_at_time(process, t);
                        assert_near(point.scale, exact.scale, tolerance);
                        /* ve: t ln(sigma_max/sigma_min) < 8.6 is rounded before its exponential */
                        assert_near(point.sigma, exact.sigma, tolerance + 20 * EPS);
                        assert_near(process->type->drift(process->settings, t), exact.drift, 16 * EPS);
                        assert_near(process->type->diffusion_squared(process->settings, t), exact.diffusion_squared,
                                    2 * tolerance + 40 * EPS);
                        assert_near(process_standard_deviation(&point), exact.scale * exact.sigma,
                                    2 * tolerance + 20 * EPS);
                        assert_true(fabs(process_log_snr(&point) + 2 * (double)logl(exact.sigma)) <=
                                    2 * tolerance + 60 * EPS + 8 * EPS * fabs((double)logl(exact.sigma)));
                }
                close_process(&opened);
        }
}

/* d alpha/dt = f alpha and d(alpha^2 sigma^2)/dt = 2 f alpha^2 sigma^2 + g^2, by central differences. With step
 * h = 1e-4 of the distance r to the nearest singular or joining point, what is left is h^2/6 times a third derivative,
 * at most some 100/r^3 of the function: 2e-7 of the slope's scale 1/r; rounding adds 100 EPS/1e-4 = 1e-10. */
static void test_the_moments_follow_their_differential_equations(void **state)
{
        (void)state;
        for (size_t c = 0; c < N_CASES; c++) {
                struct opened opened = open_process(cases[c].text);
                const struct process *process = &opened.process;
                for (int i = 0; i < N_TIMES; i++) {
                        const double t = time_number(i), r = fmin(t, fabs(0.999 - t)), h = 1e-4 * fmin(r, 1 - t);
                        if (!(h > 0))
                                continue;
                        const struct time_point a = process_at_time(process, t - h),
                                                b = process_at_time(process, t + h);
                        const struct time_point point = process_at_time(process, t);
                        const double f = process->type->drift(process->settings, t);
                        const double g_2 = process->type->diffusion_squared(process->settings, t);
                        const double scale_slope = (b.scale - a.scale) / (2 * h);
                        assert_true(fabs(scale_slope - f * point.scale) <= 2e-7 * point.scale / r);
                        const double v = pow(process_standard_deviation(&point), 2);
                        const double v_a = pow(process_standard_deviation(&a), 2);
                        const double v_b = pow(process_standard_deviation(&b), 2);
                        assert_true(fabs((v_b - v_a) / (2 * h) - (2 * f * v + g_2)) <= 2e-7 * (v / r + g_2));
                }
                close_process(&opened);
        }
}

/* time() is sigma()'s inverse. The rounding of t alone moves sigma by t sigma'/sigma EPS, where sigma' =
 * g^2/(2 sigma alpha^2); B's rounding, within time() and again within sigma(), by B sigma-derivatives of as much. */
static void test_times_of_sigmas_are_exact_inverses(void **state)
{
        (void)state;
        for (size_t c = 0; c < N_CASES; c++) {
                struct opened opened = open_process(cases[c].text);
                const struct process *process = &opened.process;
                const double largest = process->type->sigma_max(process->settings), last = fmin(largest, 1e6);
                for (int i = 0; i <= 1000; i++) {
                        const double sigma = i == 1000 ? last : 1e-6 * pow(last / 1e-6, i / 1000.0);
                        const struct time_point point = process_at_sigma(process, sigma);
                        assert_true(point.sigma == sigma);
                        assert_true(isfinite(point.time));
                        const double g_2 = process->type->diffusion_squared(process->settings, point.time);
                        const double condition = fabs(point.time) * g_2 / pow(2 * sigma * point.scale, 2) * 2;
                        assert_near(sigma_at(process, point.time), sigma,
                                    (24 + 4 * condition + 8 * fabs(log(point.scale))) * EPS);
                }
                if (isfinite(largest))
                        assert_true(fabs(process->type->time(process->settings, largest) - 1) < 32 * EPS);
                close_process(&opened);
        }
}

static void test_sigma_grows_strictly_from_no_noise_to_its_last(void **state)
{
        (void)state;
        for (size_t c = 0; c < N_CASES; c++) {
                struct opened opened = open_process(cases[c].text);
                const struct process *process = &opened.process;
                assert_true(process->type->t_max(process->settings) == cases[c].t_max);
                double before = 0;
                for (int i = 1; i <= 100000; i++) {
                        const double sigma = sigma_at(process, i / 100000.0);
                        assert_true(sigma > before);
                        before = sigma;
                }
                if (cases[c].t_max == 1)
                        assert_true(process->type->sigma_max(process->settings) == before);
                if (cases[c].sigma_max > 0)
                        assert_true(process->type->sigma_max(process->settings) == cases[c].sigma_max);
                const struct time_point clean = process_at_sigma(process, 0);
                assert_true(clean.sigma == 0 && clean.scale == 1 && clean.time == 0);
                assert_true(isinf(process_log_snr(&clean)) && process_log_snr(&clean) > 0);

                const struct time_point first = process_at_time(process, 1);
                assert_true(process_prior_deviation(process, &first) ==
                            (cases[c].unit_prior ? 1 : process_standard_deviation(&first)));
                /* where it is 1 by decree it is nearly so in truth: vp alpha^2 sigma^2 = 1 - abar, abar < 5e-5 */
                if (cases[c].unit_prior)
                        assert_true(fabs(process_standard_deviation(&first) - 1) < 5e-5);
                close_process(&opened);
        }
}

/* Published steps are chosen by it. alpha^2 (1 + sigma^2) = e^-B (1 + (e^B - 1)) for vp, to a few roundings. */
static void test_the_kind_of_a_process_is_that_of_its_moments(void **state)
{
        (void)state;
        for (size_t c = 0; c < N_CASES; c++) {
                struct opened opened = open_process(cases[c].text);
                bool explodes = true, preserves = true;
                for (double t = 0.05; t < 1; t += 0.05) {
                        const struct time_point at = process_at_time(&opened.process, t);
                        explodes = explodes && at.scale == 1;
                        preserves = preserves && fabs(at.scale * at.scale * fma(at.sigma, at.sigma, 1) - 1) < 1e-12;
                }
                const enum process_kind kind = opened.process.type->kind;
                assert_true((kind == PROCESS_EXPLODING) == explodes);
                assert_true((kind == PROCESS_PRESERVING) == preserves);
                close_process(&opened);
        }
}

/* ---- the published steps of the cosine ---- */

/* abar_i as the product of (1 - min(beta_i, clip)) in long double; returns how many steps were clipped. Of 1 - beta_i =
 * abar_i/abar_(i - 1) each quotient adds 2^-64, and its cosines are good to 2^-63/(1 - t). */
static int published(int steps, long double clip, long double *abar)
{
        int clipped = 0;
        abar[0] = 1;
        for (int i = 1; i <= steps; i++) {
                long double beta = 1 - abar_cosine((long double)i / steps) / abar_cosine((long double)(i - 1) / steps);
                clipped += beta > clip;
                abar[i] = abar[i - 1] * (1 - (beta > clip ? clip : beta));
        }
        return clipped;
}

static void test_the_cosine_has_the_published_clipped_products_at_every_step(void **state)
{
        (void)state;
        static const struct {
                int steps;
                double clip;
                int clipped;
        } of[] = {{1000, 0.999, 1}, {4000, 0.999, 1}, {50, 0.7, 2}, {10, 0.5, 3}, {10, 0.01, 10}, {1, 0.999, 1}};
        for (size_t k = 0; k < sizeof of / sizeof *of; k++) {
                char text[128];
                snprintf(text, sizeof text, "{type: vp, beta: cosine, discrete_steps: %d, clip: %g}", of[k].steps,
                         of[k].clip);
                struct opened opened = open_process(text);
                long double *abar = calloc((size_t)of[k].steps + 1, sizeof *abar);
                const int clipped = published(of[k].steps, of[k].clip, abar);
                if (of[k].clipped != clipped)
                        print_error("%s: %d clipped\n", text, clipped);
                assert_int_equal(clipped, of[k].clipped);
                for (int i = 1; i <= of[k].steps; i++) {
                        const struct time_point point = process_at_time(&opened.process, (double)i / of[k].steps);
                        /* i/T is rounded, which 1/(1 - t) magnifies; B < 40 takes 4 B EPS */
                        const double near_end = of[k].steps / (double)(of[k].steps - i + 1);
                        const double tolerance = (200 + 4 * near_end) * EPS;
                        assert_near(point.scale * point.scale, abar[i], tolerance);
                        assert_near(point.sigma * point.sigma, (1 - abar[i]) / abar[i],
                                    tolerance + EPS / (1 - (double)abar[i]));
                }
                free(abar);
                close_process(&opened);
        }
        /* T = 1000: abar_999 = (sin(eps)/cos(theta_0))^2, eps = pi/(2 1008), and abar_1000 a thousandth of it */
        struct opened opened = open_process("{type: vp, beta: cosine}");
        const double scale = process_at_time(&opened.process, 1).scale;
        const double eps = (double)PI / 2 / 1008, first = (double)PI / 2 * 8 / 1008;
        assert_near(scale * scale, 1e-3 * pow(sin(eps) / cos(first), 2), 400 * EPS);
        close_process(&opened);
}

/* Halfway through a clipped step ln abar is the mean of its ends'. 0.999 is rounded by EPS, of 1 - t 1000 EPS,
 * and 0.9995 too, where the rate of ln alpha is 1000 ln(1000)/2. */
static void test_a_clipped_step_has_a_constant_rate(void **state)
{
        (void)state;
        struct opened opened = open_process("{type: vp, beta: cosine}");
        const struct process *process = &opened.process;
        const double a = process_at_time(process, 0.999).scale, b = process_at_time(process, 1).scale;
        assert_near(process_at_time(process, 0.9995).scale, sqrtl((long double)a * b), (64 + 1000 + 3454) * EPS);
        assert_near(process->type->diffusion_squared(process->settings, 0.9995), 1000 * logl(1000), 1e-13);
        close_process(&opened);
}

/* ---- refusals ---- */

static void assert_refused(const char *text, const char *key, const char *reason)
{
        struct settings settings;
        lab_assert_refused(text, rows, &settings, key, reason);
}

static void test_processes_that_add_no_noise_are_refused_with_their_key(void **state)
{
        (void)state;
        assert_refused("{type: ve, sigma_min: 1, sigma_max: 1}", "sigma_min", "not below sigma_max");
        assert_refused("{type: ve, sigma_min: 0, sigma_max: 1}", "sigma_min", "0");
        assert_refused("{type: vp, beta_min: -0.1}", "beta_min", "-0.1");
        assert_refused("{type: vp, beta_min: 21}", "beta_min", "above beta_max");
        assert_refused("{type: subvp, beta_max: -3}", "beta_max", "-3");
        assert_refused("{type: vp, beta: cosine, clip: 1}", "clip", "1");
        assert_refused("{type: vp, beta: sine}", "beta", "cosine");
        assert_refused("{type: vp, beta: cosine, beta_min: 1}", "beta_min", "beta_min");
}

/* What decides the steps of reverse_diffusion and ancestral. */
static void test_kinds_say_what_scale_and_sigma_obey(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_CASES; i++) {
                struct opened opened = open_process(cases[i].text);
                bool unscaled = true, preserving = true;
                for (double t = 0.1; t < 0.95; t += 0.1) {
                        const struct time_point at = process_at_time(&opened.process, t);
                        const double total = at.scale * at.scale * (1 + at.sigma * at.sigma);
                        unscaled &= at.scale == 1;
                        preserving &= fabs(total - 1) < 100 * EPS;
                }
                assert_false(unscaled && preserving);
                assert_int_equal(opened.process.type->kind, unscaled     ? PROCESS_EXPLODING
                                                            : preserving ? PROCESS_PRESERVING
                                                                         : PROCESS_OTHER);
                close_process(&opened);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_scale_sigma_drift_and_diffusion_have_their_closed_forms),
                cmocka_unit_test(test_the_moments_follow_their_differential_equations),
                cmocka_unit_test(test_times_of_sigmas_are_exact_inverses),
                cmocka_unit_test(test_sigma_grows_strictly_from_no_noise_to_its_last),
                cmocka_unit_test(test_the_kind_of_a_process_is_that_of_its_moments),
                cmocka_unit_test(test_the_cosine_has_the_published_clipped_products_at_every_step),
                cmocka_unit_test(test_a_clipped_step_has_a_constant_rate),
                cmocka_unit_test(test_kinds_say_what_scale_and_sigma_obey),
                cmocka_unit_test(test_processes_that_add_no_noise_are_refused_with_their_key),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
