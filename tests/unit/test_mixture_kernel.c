/* What is special to the mixture kernel: its paths (few and many coordinates; equal, isotropic, diagonal),
 * blocks of components with a running maximum, the far field, point masses, stack, bits. That the score
 * is the gradient of the density and so on is tested for all scores together. */
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel_bits.h"
#include "sculptor/memory.h"

enum { MOST_DIM = 7 };

/* ---- the definition, in long double ---- */

struct reference {
        long double log_p, score[MOST_DIM];
        long double exponent, steepest; /* the largest |l_k| and |g_k| among components that matter */
};

static struct reference evaluate(const struct mixture *mixture, double sigma, const double *x, int lane)
{
        const size_t n_dim = (size_t)mixture->n_dim;
        long double *l = malloc(mixture->n * sizeof *l), max = -INFINITY, sum = 0;
        for (size_t k = 0; k < mixture->n; k++) {
                l[k] = logl(mixture->weight[k]);
                for (size_t i = 0; i < n_dim; i++) {
                        const long double own = mixture->sigma[k * n_dim + i],
                                          v = own * own + (long double)sigma * sigma;
                        const long double apart = (long double)x[i * LANES + (size_t)lane] -
                                                  mixture->mean[k * n_dim + i];
                        l[k] -= 0.5L * (apart * apart / v + logl(2 * 3.14159265358979323846264L * v));
                }
                max = fmaxl(max, l[k]);
        }

        struct reference reference = {0};
        for (size_t k = 0; k < mixture->n; k++) {
                const long double e = expl(l[k] - max);
                sum += e;
                if (e > 1e-20L)
                        reference.exponent = fmaxl(reference.exponent, fabsl(l[k]));
                for (size_t i = 0; i < n_dim; i++) {
                        const long double own = mixture->sigma[k * n_dim + i],
                                          v = own * own + (long double)sigma * sigma;
                        const long double pull = (mixture->mean[k * n_dim + i] -
                                                  (long double)x[i * LANES + (size_t)lane]) /
                                                 v;
                        reference.score[i] += e * pull;
                        if (e > 1e-20L)
                                reference.steepest = fmaxl(reference.steepest, fabsl(pull));
                }
        }
        for (size_t i = 0; i < n_dim; i++)
                reference.score[i] /= sum;
        reference.log_p = max + logl(sum);
        free(l);
        return reference;
}

/* An exponent l carries about (n_dim + 8) roundings of its size, which e^l turns into a relative error
 * of as much in each r_k; sums over K components add K more. */
static long double relative_error(const struct mixture *mixture, const struct reference *reference)
{
        return (((long double)mixture->n_dim + 8) * (1 + reference->exponent) + (long double)mixture->n) * 0x1p-53L;
}

static void scatter(double *x, int64_t n_dim, double reach, uint64_t salt)
{
        for (uint64_t i = 0; i < (uint64_t)n_dim * LANES; i++)
                x[i] = reach * (2 * mixed_unit(i + 10000 * salt) - 1);
}

static void expect_reference(const struct mixture *mixture, double sigma, const double *x)
{
        void *level = mixture_create_level(mixture, sigma);
        double score[MOST_DIM * LANES], log_p[LANES];
        mixture_eval(level, x, score);
        mixture_log_density(level, x, log_p);
        for (int lane = 0; lane < LANES; lane++) {
                const struct reference wanted = evaluate(mixture, sigma, x, lane);
                const long double error = relative_error(mixture, &wanted);
                assert_true(fabsl(log_p[lane] - wanted.log_p) <= error);
                for (int64_t i = 0; i < mixture->n_dim; i++)
                        assert_true(fabsl(score[i * LANES + lane] - wanted.score[i]) <= error * wanted.steepest);
        }
        mixture_free_level(level);
}

static void test_every_path_gives_the_score_of_the_definition(void **state)
{
        (void)state;
        const size_t sizes[] = {1, 2, 31, 32, 33, 64, 100};
        for (int64_t n_dim = 1; n_dim <= MOST_DIM; n_dim++)
                for (int shape = MIXTURE_EQUAL; shape <= MIXTURE_DIAGONAL; shape++)
                        for (int s = 0; s < 7; s++) {
                                struct mixture *mixture = scattered_mixture(sizes[s], n_dim, (enum mixture_shape)shape);
                                double x[MOST_DIM * LANES];
                                scatter(x, n_dim, 6, (uint64_t)s);
                                expect_reference(mixture, 0, x);
                                expect_reference(mixture, 1.5, x);
                                mixture_free(mixture);
                        }
}

static void test_the_shape_is_the_least_general_one(void **state)
{
        (void)state;
        for (int64_t n_dim = 2; n_dim <= MOST_DIM; n_dim++)
                for (int shape = MIXTURE_EQUAL; shape <= MIXTURE_DIAGONAL; shape++) {
                        struct mixture *mixture = scattered_mixture(9, n_dim, (enum mixture_shape)shape);
                        assert_int_equal(mixture->shape, shape);
                        mixture_free(mixture);
                }
}

/* Components in a line, sharp, seen from 30 sigma: the maximum moves with every block where they come
 * nearer one by one, and is found at once where they go away. */
static void test_the_running_maximum_does_not_depend_on_the_order_of_components(void **state)
{
        (void)state;
        enum { N = 200 };
        for (int64_t n_dim = 1; n_dim <= 4; n_dim += 3)
                for (int backwards = 0; backwards < 2; backwards++) {
                        struct mixture *mixture = mixture_allocate(N, n_dim);
                        for (size_t k = 0; k < N; k++)
                                for (size_t i = 0; i < (size_t)n_dim; i++) {
                                        mixture->mean[k * (size_t)n_dim + i] = 0.5 *
                                                                               (double)(backwards ? N - 1 - k : k);
                                        mixture->sigma[k * (size_t)n_dim + i] = 0.1;
                                }
                        mixture_create(mixture);
                        double x[4 * LANES];
                        scatter(x, n_dim, 103, 1);
                        expect_reference(mixture, 0, x);
                        mixture_free(mixture);
                }
}

/* Far away the nearest component (in units of its sigma) is all there is; at 10^6 the exponents' last
 * places are 10^-4, at 10^150 they are infinite but for scale, and the score still is -(x - m)/V. */
static void test_the_far_field_is_finite_and_points_home(void **state)
{
        (void)state;
        const double reach[] = {1e3, 1e6, 1e12, 1e30, 1e100, 1e150};
        for (int64_t n_dim = 1; n_dim <= 4; n_dim++)
                for (int r = 0; r < 6; r++) {
                        struct mixture *mixture = scattered_mixture(40, n_dim, MIXTURE_EQUAL);
                        void *level = mixture_create_level(mixture, 0);
                        const double variance = mixture->sigma[0] * mixture->sigma[0];
                        double x[4 * LANES], score[4 * LANES], log_p[LANES];
                        scatter(x, n_dim, reach[r], 2);
                        mixture_eval(level, x, score);
                        mixture_log_density(level, x, log_p);
                        const double rounding = ((double)mixture->n + 6) * 0x1p-53; /* two sums, six operations */
                        for (int64_t i = 0; i < n_dim * LANES; i++) /* |m_k| <= 4 */
                                assert_true(fabs(score[i] * variance + x[i]) <= 4 + rounding * fabs(x[i]));
                        for (int lane = 0; lane < LANES; lane++)
                                assert_true(log_p[lane] < 0 && log_p[lane] > -(double)INFINITY);
                        mixture_free_level(level);
                        mixture_free(mixture);
                }
}

static void test_point_masses_are_defined_at_every_noise_level_above_0(void **state)
{
        (void)state;
        struct mixture *mixture = mixture_allocate(3, 2);
        mixture->mean[0] = 1;
        mixture->mean[3] = -1;
        mixture->sigma[4] = mixture->sigma[5] = 0.5;
        mixture_create(mixture);
        assert_non_null(mixture_undefined_at(mixture, 0));
        assert_non_null(mixture_undefined_at(mixture, 1e-200)); /* its square is 0 */
        assert_null(mixture_undefined_at(mixture, 1e-100));

        double x[2 * LANES];
        scatter(x, 2, 2, 3);
        expect_reference(mixture, 0.01, x);
        expect_reference(mixture, 10, x);

        const struct rng_stream stream = {.seed = 1, .purpose = RNG_TARGET};
        mixture_draw(mixture, &stream, 0, x);
        int at_points = 0;
        for (int lane = 0; lane < LANES; lane++)
                at_points += (x[lane] == 1 && x[LANES + lane] == 0) || (x[lane] == 0 && x[LANES + lane] == -1);
        assert_true(at_points > 25 && at_points < 60); /* 64 x 2/3 = 43, standard deviation 3.8 */
        mixture_free(mixture);
}

/* Weights that sum to 1 up to rounding stay what the user wrote. */
static void test_weights_are_scaled_to_sum_1(void **state)
{
        (void)state;
        const double given[2][2] = {{0.8, 0.2}, {4, 1}};
        for (int i = 0; i < 2; i++) {
                struct mixture *mixture = mixture_allocate(2, 1);
                memcpy(mixture->weight, given[i], sizeof given[i]);
                mixture->sigma[0] = mixture->sigma[1] = 1;
                mixture_create(mixture);
                assert_true(mixture->weight[0] == 0.8 && mixture->weight[1] == 0.2);
                mixture_free(mixture);
        }
}

static void test_a_lane_that_is_no_number_does_not_touch_the_others(void **state)
{
        (void)state;
        for (int64_t n_dim = 1; n_dim <= 4; n_dim++) {
                struct mixture *mixture = scattered_mixture(40, n_dim, MIXTURE_ISOTROPIC);
                void *level = mixture_create_level(mixture, 0);
                double x[4 * LANES], clean[4 * LANES], score[4 * LANES];
                scatter(x, n_dim, 5, 4);
                mixture_eval(level, x, clean);
                x[17] = (double)NAN;
                x[40] = (double)INFINITY;
                mixture_eval(level, x, score);
                for (int64_t i = 0; i < n_dim * LANES; i++) {
                        const int64_t lane = i % LANES;
                        if (lane == 17 || lane == 40)
                                assert_true(isnan(score[i]));
                        else
                                assert_true(score[i] == clean[i]);
                }
                mixture_free_level(level);
                mixture_free(mixture);
        }
}

static void *evaluate_many(void *level)
{
        double x[2 * LANES], score[2 * LANES], other[LANES];
        scatter(x, 2, 5, 5);
        mixture_eval(level, x, score);
        mixture_log_density(level, x, other);
        mixture_divergence(level, x, other);
        return NULL;
}

static void test_ten_thousand_components_need_no_more_stack_than_one(void **state)
{
        (void)state;
        struct mixture *mixture = scattered_mixture(10000, 2, MIXTURE_DIAGONAL);
        void *level = mixture_create_level(mixture, 0);
        pthread_attr_t attributes;
        pthread_t thread;
        pthread_attr_init(&attributes);
        assert_int_equal(pthread_attr_setstacksize(&attributes, 256 * 1024), 0); /* overrun: a segmentation fault */
        assert_int_equal(pthread_create(&thread, &attributes, evaluate_many, level), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        pthread_attr_destroy(&attributes);
        mixture_free_level(level);
        mixture_free(mixture);
}

static void test_bits_are_those_of_every_other_build(void **state)
{
        (void)state;
        assert_int_equal(bits_of_mixture(), BITS_OF_MIXTURE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_path_gives_the_score_of_the_definition),
                cmocka_unit_test(test_the_shape_is_the_least_general_one),
                cmocka_unit_test(test_the_running_maximum_does_not_depend_on_the_order_of_components),
                cmocka_unit_test(test_the_far_field_is_finite_and_points_home),
                cmocka_unit_test(test_point_masses_are_defined_at_every_noise_level_above_0),
                cmocka_unit_test(test_weights_are_scaled_to_sum_1),
                cmocka_unit_test(test_a_lane_that_is_no_number_does_not_touch_the_others),
                cmocka_unit_test(test_ten_thousand_components_need_no_more_stack_than_one),
                cmocka_unit_test(test_bits_are_those_of_every_other_build),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
