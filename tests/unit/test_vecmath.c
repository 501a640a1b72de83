/* Errors of vecmath.h against the C library's long double functions, whose own error is 2^-10 ulp here;
 * edges; the same bits in vector loops and alone. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel_bits.h"

enum { N_POINTS = 400000 };

/* |value - wanted| in units of the last place of a double at `wanted`. */
static double ulps(double value, long double wanted)
{
        int exponent;
        if (isinf(value) && isinf((double)wanted) && signbit(value) == signbit((double)wanted))
                return 0;
        frexpl(wanted, &exponent);
        const int last = exponent - DBL_MANT_DIG < -1074 ? -1074 : exponent - DBL_MANT_DIG;
        return (double)(fabsl((long double)value - wanted) / ldexpl(1, last));
}

/* The i-th of N_POINTS arguments: even ones evenly spaced over [low, high], odd ones random. */
static double point(double low, double high, uint64_t i)
{
        const double t = i % 2 ? mixed_unit(i) : (double)i / (N_POINTS - 2);
        return low + t * (high - low);
}

static void expect_ulps(double (*function)(double), long double (*exact)(long double), double low, double high,
                        double limit)
{
        double worst = 0, at = 0;
        for (uint64_t i = 0; i < N_POINTS; i++) {
                const double x = point(low, high, i), error = ulps(function(x), exact(x));
                if (!(error <= worst)) {
                        worst = error;
                        at = x;
                }
        }
        print_message("[%g, %g]: at most %.3f ulp, at %.17g\n", low, high, worst, at);
        assert_true(worst <= limit);
}

static double exp_(double x)
{
        return vm_exp(x);
}

static double exp_flushed(double x)
{
        return vm_exp_flushed(x);
}

static double log_(double x)
{
        return vm_log(x);
}

static double log_positive(double x)
{
        return vm_log_positive(x);
}

static void test_exp_errs_by_less_than_1_2_ulp(void **state)
{
        (void)state;
        expect_ulps(exp_, expl, -1, 1, 1.2);
        expect_ulps(exp_, expl, -708.39, 709.78, 1.2);
        expect_ulps(exp_, expl, -745.2, -708.39, 2); /* subnormal: scaling rounds again */
        expect_ulps(exp_flushed, expl, -707.99, 709, 1.2);
        expect_ulps(exp_flushed, expl, -2, 0, 1.2);
}

static void test_exp_has_the_limits_of_the_mathematical_function(void **state)
{
        (void)state;
        assert_true(vm_exp(0) == 1);
        assert_true(vm_exp(-0.0) == 1);
        assert_true(vm_exp((double)INFINITY) == (double)INFINITY);
        assert_true(vm_exp(-(double)INFINITY) == 0);
        assert_true(vm_exp(709.782712893384) < (double)INFINITY);
        assert_true(vm_exp(709.782712893385) == (double)INFINITY);
        assert_true(vm_exp(DBL_MAX) == (double)INFINITY);
        assert_true(vm_exp(-745.13321910194110) == 0x1p-1074);
        assert_true(vm_exp(-745.13321910194122) == 0x1p-1074 || vm_exp(-745.13321910194122) == 0);
        assert_true(vm_exp(-745.2) == 0);
        assert_true(vm_exp(-DBL_MAX) == 0);
        assert_true(isnan(vm_exp((double)NAN)));

        assert_true(vm_exp_flushed(0) == 1);
        assert_true(vm_exp_flushed(-708) > 0);
        assert_true(vm_exp_flushed(-708.0000001) == 0);
        assert_true(vm_exp_flushed(-DBL_MAX) == 0);
        assert_true(vm_exp_flushed(-(double)INFINITY) == 0);
        assert_true(isnan(vm_exp_flushed((double)NAN)));
}

static void test_log_errs_by_less_than_1_ulp(void **state)
{
        (void)state;
        expect_ulps(log_, logl, 0.5, 2, 1);
        expect_ulps(log_, logl, 1 - 1e-6, 1 + 1e-6, 1);
        expect_ulps(log_, logl, 0, 1e6, 1);
        expect_ulps(log_positive, logl, 0x1p-65, 1, 1);
        expect_ulps(log_, logl, 0x1p-1074, 0x1p-1022, 1);

        double worst = 0; /* every exponent */
        for (uint64_t i = 0; i < N_POINTS; i++) {
                const double x = vm_double(mixed_bits(i) % UINT64_C(0x7ff0000000000000));
                worst = fmax(worst, ulps(vm_log(x), logl(x)));
        }
        assert_true(worst <= 1);
}

static void test_log_has_the_limits_of_the_mathematical_function(void **state)
{
        (void)state;
        assert_true(vm_log(1) == 0);
        assert_true(vm_log(0) == -(double)INFINITY);
        assert_true(vm_log(-0.0) == -(double)INFINITY);
        assert_true(vm_log((double)INFINITY) == (double)INFINITY);
        assert_true(isnan(vm_log(-1)));
        assert_true(isnan(vm_log(-0x1p-1074)));
        assert_true(isnan(vm_log(-(double)INFINITY)));
        assert_true(isnan(vm_log((double)NAN)));
        assert_true(ulps(vm_log(0x1p-1074), logl(0x1p-1074L)) <= 1);
        assert_true(ulps(vm_log(DBL_MAX), logl(DBL_MAX)) <= 1);
}

static void test_sin_and_cos_err_by_less_than_1_8_ulp(void **state)
{
        (void)state;
        const double reach[] = {1, 10, 1e5, 0x1p30};
        for (int i = 0; i < 4; i++) {
                expect_ulps(vm_sin, sinl, -reach[i], reach[i], 1.8);
                expect_ulps(vm_cos, cosl, -reach[i], reach[i], 1.8);
        }

        /* Next to multiples of pi/2, where most digits of the argument cancel. */
        double worst = 0;
        for (uint64_t i = 0; i < N_POINTS; i++) {
                const double x = (double)((long double)(mixed_bits(i) >> 35) * 0x1.921fb54442d18469898p0L);
                worst = fmax(worst, fmax(ulps(vm_sin(x), sinl(x)), ulps(vm_cos(x), cosl(x))));
        }
        assert_true(worst <= 1.8);

        assert_true(vm_sin(0) == 0);
        assert_true(vm_cos(0) == 1);
        assert_true(vm_sin(0x1p-1074) == 0x1p-1074);
        assert_true(isnan(vm_sin((double)INFINITY)) && isnan(vm_cos(-(double)INFINITY)));
        assert_true(isnan(vm_sin((double)NAN)) && isnan(vm_cos((double)NAN)));
}

/* sin and cos of 2 pi u in long double; what is left of u after quarters is exact. */
static void exact_turns(double u, long double *sine, long double *cosine)
{
        const double quarters = rint(4 * u);
        const long double angle = (long double)(u - quarters / 4) * 0x1.921fb54442d18469898p2L;
        const long double s = sinl(angle), c = cosl(angle);
        const int k = (int)quarters % 4;
        *sine = k == 0 ? s : k == 1 ? c : k == 2 ? -s : -c;
        *cosine = k == 0 ? c : k == 1 ? -s : k == 2 ? -c : s;
}

static void test_sincos_of_turns_errs_by_less_than_1_8_ulp(void **state)
{
        (void)state;
        double worst = 0;
        for (uint64_t i = 0; i < 3 * N_POINTS; i++) {
                double u = mixed_unit(i);
                if (i % 3 == 1) /* small */
                        u = ldexp(u, -(int)(i % 1000));
                if (i % 3 == 2) /* next to quarters and eighths */
                        u = fabs((double)(i % 8) / 8 + (u - 0.5) * 1e-6);
                long double sine, cosine;
                exact_turns(u, &sine, &cosine);
                const struct vm_sincos value = vm_sincos_turns(u);
                worst = fmax(worst, fmax(ulps(value.sin, sine), ulps(value.cos, cosine)));
        }
        print_message("turns: at most %.3f ulp\n", worst);
        assert_true(worst <= 1.8);

        const double quarter[4][2] = {{0, 1}, {1, 0}, {0, -1}, {-1, 0}};
        for (int k = 0; k < 4; k++) {
                const struct vm_sincos value = vm_sincos_turns(0.25 * k);
                assert_true(value.sin == quarter[k][0] && value.cos == quarter[k][1]);
        }
}

/* The argument comes through a volatile, so that the compiler cannot make vectors. */
static void test_a_number_alone_gives_the_bits_it_gives_in_a_vector(void **state)
{
        (void)state;
        for (uint64_t tile = 0; tile < 200; tile++) {
                double x[LANES], e[LANES], l[LANES], s[LANES], c[LANES], t[LANES];
                for (uint64_t lane = 0; lane < LANES; lane++)
                        x[lane] = mixed_unit(tile * LANES + lane);
                for (int lane = 0; lane < LANES; lane++) {
                        e[lane] = vm_exp(1500 * x[lane] - 770);
                        l[lane] = vm_log(x[lane]);
                        s[lane] = vm_sin(1e5 * x[lane]);
                        c[lane] = vm_cos(1e5 * x[lane]);
                        t[lane] = vm_sincos_turns(x[lane]).cos;
                }
                for (int lane = 0; lane < LANES; lane++) {
                        const volatile double alone = x[lane];
                        assert_true(vm_bits(vm_exp(1500 * alone - 770)) == vm_bits(e[lane]));
                        assert_true(vm_bits(vm_log(alone)) == vm_bits(l[lane]));
                        assert_true(vm_bits(vm_sin(1e5 * alone)) == vm_bits(s[lane]));
                        assert_true(vm_bits(vm_cos(1e5 * alone)) == vm_bits(c[lane]));
                        assert_true(vm_bits(vm_sincos_turns(alone).cos) == vm_bits(t[lane]));
                }
        }
}

static void test_bits_are_those_of_every_other_build(void **state)
{
        (void)state;
        assert_int_equal(bits_of_vecmath(), BITS_OF_VECMATH);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_exp_errs_by_less_than_1_2_ulp),
                cmocka_unit_test(test_exp_has_the_limits_of_the_mathematical_function),
                cmocka_unit_test(test_log_errs_by_less_than_1_ulp),
                cmocka_unit_test(test_log_has_the_limits_of_the_mathematical_function),
                cmocka_unit_test(test_sin_and_cos_err_by_less_than_1_8_ulp),
                cmocka_unit_test(test_sincos_of_turns_errs_by_less_than_1_8_ulp),
                cmocka_unit_test(test_a_number_alone_gives_the_bits_it_gives_in_a_vector),
                cmocka_unit_test(test_bits_are_those_of_every_other_build),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
