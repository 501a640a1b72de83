/* Norms of weights: from above, tight, and after bounding not above the bound, however close singular values are. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel_bits.h"
#include "network/spectral_norm.h"
#include "sculptor/memory.h"

/* Householder's reflection of a random vector, applied to the columns (length n, `stride` apart) of w[..]. */
static void reflect(size_t n, size_t n_columns, size_t stride, size_t next, uint64_t seed, double *w)
{
        double *v = allocate(n, sizeof *v), square = 0;
        for (size_t i = 0; i < n; i++) {
                v[i] = mixed_unit(seed + i) - 0.5;
                square += v[i] * v[i];
        }
        for (size_t c = 0; c < n_columns; c++) {
                double along = 0;
                for (size_t i = 0; i < n; i++)
                        along += v[i] * w[c * next + i * stride];
                for (size_t i = 0; i < n; i++)
                        w[c * next + i * stride] -= 2 * along / square * v[i];
        }
        free(v);
}

/* With the singular values singular[min(n_out, n_in)], but for 2^-24 of each element. */
static float *matrix(size_t n_out, size_t n_in, const double *singular)
{
        double *w = allocate(n_out * n_in, sizeof *w);
        for (size_t i = 0; i < n_out && i < n_in; i++)
                w[i * n_in + i] = singular[i];
        reflect(n_out, n_in, n_in, 1, 11, w);
        reflect(n_in, n_out, 1, n_in, 5000, w);
        float *rounded = allocate(n_out * n_in, sizeof *rounded);
        for (size_t i = 0; i < n_out * n_in; i++)
                rounded[i] = (float)w[i];
        free(w);
        return rounded;
}

enum { LARGEST = 64 };
static const size_t shapes[][2] = {{1, 1}, {1, 9}, {9, 1}, {17, 40}, {40, 17}, {64, 64}};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

/* How the singular values fall from 1.5: at once, hardly, not at all, from a pair on. */
static void fill_singular(int kind, double *singular)
{
        for (size_t i = 0; i < LARGEST; i++)
                singular[i] = 1.5 * (kind == 0   ? pow(0.7, (double)i)
                                     : kind == 1 ? 1 - 1e-3 * (double)i
                                     : kind == 2 ? 1
                                                 : (i < 2 ? 1 : 0.5));
}

static void test_the_bound_is_above_the_norm_and_near(void **state)
{
        (void)state;
        for (size_t s = 0; s < N_SHAPES; s++)
                for (int kind = 0; kind < 4; kind++) {
                        double singular[LARGEST];
                        fill_singular(kind, singular);
                        float *w = matrix(shapes[s][0], shapes[s][1], singular);
                        const double bound = spectral_norm_bound(shapes[s][0], shapes[s][1], w);
                        const double rounding = 0x1p-24 * 8; /* |W|_F <= 8 |W|, as min(shape) <= 64 */
                        /* kind 1: after 128 iterations what is within 1/128 of the largest still counts; then 4 e */
                        assert_true(bound >= 1.5 * (1 - rounding));
                        assert_true(bound <= 1.5 * (1 + rounding) * (kind == 1 ? 1.01 : 1 + 0x1p-19));
                        free(w);
                }
}

static void test_a_bounded_weight_is_not_above_its_limit(void **state)
{
        (void)state;
        for (size_t s = 0; s < N_SHAPES; s++)
                for (int kind = 0; kind < 4; kind++) {
                        double singular[LARGEST];
                        fill_singular(kind, singular);
                        const size_t n_out = shapes[s][0], n_in = shapes[s][1];
                        float *w = matrix(n_out, n_in, singular);
                        struct spectral_norm norm = spectral_norm_create(n_out, n_in, 0.4);
                        const double share = spectral_norm_measure(&norm, w), rounding = 0x1p-24 * 8;
                        assert_true(share * 1.5 <= 0.4 * (1 + rounding));
                        assert_true(share * 1.5 >= 0.4 * (1 - 2 * rounding) / (kind == 1 ? 1.01 : 1 + 0x1p-19));

                        /* one that is below is left alone: all but the largest's rounding is room enough */
                        norm.limit = 1.5 * (1 + 2 * rounding);
                        assert_true(spectral_norm_measure(&norm, w) == 1);
                        spectral_norm_release(&norm);
                        free(w);
                }
}

static void test_random_weights_are_bounded_too(void **state)
{
        (void)state;
        const size_t n = 96;
        float *w = allocate(n * n, sizeof *w), *used = allocate(n * n, sizeof *used);
        for (size_t i = 0; i < n * n; i++)
                w[i] = (float)(mixed_unit(i) - 0.5);
        struct spectral_norm norm = spectral_norm_create(n, n, 1);
        const double share = spectral_norm_measure(&norm, w);
        for (size_t i = 0; i < n * n; i++)
                used[i] = (float)(share * (double)w[i]);
        /* what bounds `used` is itself above its norm, by as little as what bounded w */
        const double bound = spectral_norm_bound(n, n, used);
        assert_true(bound <= 1 + 0x1p-19 && bound > 0.999 && share < 1);
        spectral_norm_release(&norm);
        free(w);
        free(used);
}

static void test_zero_and_broken_weights_end(void **state)
{
        (void)state;
        float w[6] = {0};
        struct spectral_norm norm = spectral_norm_create(2, 3, 0.1);
        assert_true(spectral_norm_measure(&norm, w) == 1);
        assert_true(spectral_norm_bound(2, 3, w) == 0);
        w[4] = NAN;
        assert_true(!(spectral_norm_measure(&norm, w) <= 1)); /* not a number: what is scaled by it shows it */
        assert_true(!isfinite(spectral_norm_bound(2, 3, w)));
        w[4] = INFINITY;
        assert_true(!(spectral_norm_measure(&norm, w) > 0));
        w[4] = 1e30F;
        assert_true(fabs(spectral_norm_measure(&norm, w) - 1e-31) < 1e-36);
        spectral_norm_release(&norm);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_bound_is_above_the_norm_and_near),
                cmocka_unit_test(test_a_bounded_weight_is_not_above_its_limit),
                cmocka_unit_test(test_random_weights_are_bounded_too),
                cmocka_unit_test(test_zero_and_broken_weights_end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
