/* Errors of activation.h against the C library's long double functions; edges. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel_bits.h"
#include "network/activation.h"

enum { N_POINTS = 200000 };

/* Half evenly spaced, half random. */
static float point(double low, double high, uint64_t i)
{
        return (float)(low + (high - low) * (i % 2 ? mixed_unit(i) : (double)i / (N_POINTS - 2)));
}

static long double relative(long double value, long double wanted)
{
        return fabsl(value - wanted) / fabsl(wanted);
}

static void test_exp_errs_by_less_than_2_ulps(void **state)
{
        (void)state;
        long double worst = 0;
        for (uint64_t i = 0; i < N_POINTS; i++) {
                const float x = point(-87, 87, i), near = point(-1, 1, i);
                worst = fmaxl(worst, relative((long double)act_exp(x), expl((long double)x)));
                worst = fmaxl(worst, relative((long double)act_exp(near), expl((long double)near)));
        }
        print_message("exp: %.3Lg\n", worst);
        assert_true(worst < 1.1e-7L); /* an ulp is 6e-8 to 1.2e-7 of a float: less than 2 ulps */
}

struct errors { long double value, slope, curvature; };

/* The largest errors over sizes of x: of the value relative to max(1, |x|), as of slope and curvature. */
static struct errors measure(struct activated (*function)(float), void (*exact)(long double, long double *))
{
        struct errors worst = {0, 0, 0};
        for (uint64_t i = 0; i < N_POINTS; i++) {
                const float x = i % 3 ? point(-20, 20, i) : point(-300, 300, i);
                const struct activated found = function(x);
                const long double scale = fmaxl(1, fabsl((long double)x));
                long double wanted[3];
                exact((long double)x, wanted);
                worst.value = fmaxl(worst.value, fabsl((long double)found.value - wanted[0]) / scale);
                worst.slope = fmaxl(worst.slope, fabsl((long double)found.slope - wanted[1]) / scale);
                worst.curvature = fmaxl(worst.curvature, fabsl((long double)found.curvature - wanted[2]) / scale);
        }
        return worst;
}

static void exact_silu(long double x, long double *wanted)
{
        const long double s = 1 / (1 + expl(-x)), t = 1 / (1 + expl(x));
        wanted[0] = x * s;
        wanted[1] = s * (1 + x * t);
        wanted[2] = s * t * (2 + x * (t - s));
}

static void exact_tanh(long double x, long double *wanted)
{
        wanted[0] = tanhl(x);
        wanted[1] = 1 / (coshl(x) * coshl(x));
        wanted[2] = -2 * wanted[0] * wanted[1];
}

/* A few roundings, each 2^-24 = 6e-8 of what is of the size of max(1, |x|). */
static void test_silu_and_its_derivatives_err_by_a_few_roundings(void **state)
{
        (void)state;
        const struct errors worst = measure(act_silu, exact_silu);
        print_message("silu: %.3Lg %.3Lg %.3Lg\n", worst.value, worst.slope, worst.curvature);
        assert_true(worst.value < 2e-7L && worst.slope < 2e-7L && worst.curvature < 3e-7L);
}

static void test_tanh_and_its_derivatives_err_by_a_few_roundings(void **state)
{
        (void)state;
        const struct errors worst = measure(act_tanh, exact_tanh);
        print_message("tanh: %.3Lg %.3Lg %.3Lg\n", worst.value, worst.slope, worst.curvature);
        assert_true(worst.value < 2e-7L && worst.slope < 3e-7L && worst.curvature < 6e-7L);
}

static void test_limits_and_nan_pass(void **state)
{
        (void)state;
        assert_true(act_exp(0) == 1);
        assert_true(act_exp(-1e30F) > 0 && act_exp(1e30F) < INFINITY); /* clamped: no inf that makes a NaN later */
        assert_true(isnan(act_exp(NAN)));
        assert_true(act_silu(0).value == 0 && act_silu(0).slope == 0.5F);
        assert_true(act_silu(100).value == 100 && act_silu(100).slope == 1 && act_silu(100).curvature == 0);
        assert_true(fabsf(act_silu(-100).value) < 1e-35F && fabsf(act_silu(-100).slope) < 1e-35F);
        assert_true(act_tanh(0).value == 0 && act_tanh(0).slope == 1);
        assert_true(act_tanh(50).value == 1 && act_tanh(-50).value == -1 && act_tanh(50).slope == 0);
        assert_true(isnan(act_silu(NAN).value) && isnan(act_silu(NAN).slope));
        assert_true(isnan(act_tanh(NAN).value) && isnan(act_tanh(NAN).slope));
        assert_true(!isfinite(act_silu((float)INFINITY).value)); /* divergence must show */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_exp_errs_by_less_than_2_ulps),
                cmocka_unit_test(test_silu_and_its_derivatives_err_by_a_few_roundings),
                cmocka_unit_test(test_tanh_and_its_derivatives_err_by_a_few_roundings),
                cmocka_unit_test(test_limits_and_nan_pass),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
