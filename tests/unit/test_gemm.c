/* Products of matrices are, bit by bit, chains of fmaf() in the order of their index, for any size. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel_bits.h"
#include "network/gemm.h"
#include "sculptor/memory.h"

/* Less than a tile, odd, a tile and a bit, more terms than are summed in one go, more rows than are cut at. */
static const struct size {
        size_t panels, in, out;
} sizes[] = {
        {1, 1, 1},    {1, 3, 2},    {4, 2, 128},  {4, 11, 37},  {2, 16, 7},  {3, 17, 13}, {4, 128, 3},
        {4, 128, 16}, {1, 255, 11}, {2, 257, 23}, {17, 40, 18}, {1, 600, 5}, {2, 9, 321},
};
enum { N_SIZES = sizeof sizes / sizeof *sizes };

struct matrices {
        struct size of;
        float *w, *bias, *x, *d; /* x and d: panels of `in` and `out` */
        float *packed, *y, *transposed, *gradient;
};

static float *fill(size_t n, uint64_t first)
{
        float *value = allocate(n, sizeof *value);
        for (size_t i = 0; i < n; i++)
                value[i] = (float)(2 * mixed_unit(first + i) - 1);
        return value;
}

static struct matrices open(struct size of)
{
        const size_t lanes = of.panels * PANEL;
        struct matrices m = {.of = of, .w = fill(of.in * of.out, 0), .bias = fill(of.out, 1000000),
                             .x = fill(of.in * lanes, 2000000), .d = fill(of.out * lanes, 3000000),
                             .gradient = fill(of.in * of.out, 4000000)};
        m.packed = allocate(of.in * of.out, sizeof(float));
        m.y = allocate((of.in > of.out ? of.in : of.out) * lanes, sizeof(float));
        m.transposed = allocate(gemm_panels(of.in) * PANEL * lanes, sizeof(float));
        return m;
}

static void close(struct matrices *m)
{
        float *owned[] = {m->w, m->bias, m->x, m->d, m->packed, m->y, m->transposed, m->gradient};
        for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
                free(owned[i]);
}

static void test_forward_is_a_chain_of_fmaf(void **state)
{
        (void)state;
        for (size_t s = 0; s < N_SIZES; s++)
                for (int with_bias = 0; with_bias < 2; with_bias++) {
                        struct matrices m = open(sizes[s]);
                        gemm_pack(m.of.out, m.of.in, m.w, m.packed);
                        gemm_forward(m.of.panels, m.of.in, m.of.out, m.packed, with_bias ? m.bias : NULL, m.x, m.y);
                        for (size_t o = 0; o < m.of.out; o++)
                                for (size_t i = 0; i < m.of.panels * PANEL; i++) {
                                        const size_t p = i / PANEL, j = i % PANEL;
                                        float sum = with_bias ? m.bias[o] : 0;
                                        for (size_t k = 0; k < m.of.in; k++)
                                                sum = fmaf(m.w[o * m.of.in + k], m.x[(p * m.of.in + k) * PANEL + j],
                                                           sum);
                                        assert_true(m.y[(p * m.of.out + o) * PANEL + j] == sum);
                                }
                        close(&m);
                }
}

static void test_the_transpose_is_a_chain_of_fmaf(void **state)
{
        (void)state;
        for (size_t s = 0; s < N_SIZES; s++) {
                struct matrices m = open(sizes[s]);
                gemm_pack_transposed(m.of.out, m.of.in, m.w, m.packed);
                gemm_forward(m.of.panels, m.of.out, m.of.in, m.packed, NULL, m.d, m.y);
                for (size_t k = 0; k < m.of.in; k++)
                        for (size_t i = 0; i < m.of.panels * PANEL; i++) {
                                const size_t p = i / PANEL, j = i % PANEL;
                                float sum = 0;
                                for (size_t o = 0; o < m.of.out; o++)
                                        sum = fmaf(m.w[o * m.of.in + k], m.d[(p * m.of.out + o) * PANEL + j], sum);
                                assert_true(m.y[(p * m.of.in + k) * PANEL + j] == sum);
                        }
                close(&m);
        }
}

static void test_the_gradient_is_a_chain_of_fmaf(void **state)
{
        (void)state;
        for (size_t s = 0; s < N_SIZES; s++) {
                struct matrices m = open(sizes[s]);
                float *before = fill(m.of.in * m.of.out, 4000000);
                gemm_transpose(m.of.panels, m.of.in, m.x, m.transposed);
                gemm_gradient(m.of.panels, m.of.in, m.of.out, m.transposed, m.d, m.gradient);
                for (size_t o = 0; o < m.of.out; o++)
                        for (size_t k = 0; k < m.of.in; k++) {
                                float sum = before[o * m.of.in + k];
                                for (size_t i = 0; i < m.of.panels * PANEL; i++) {
                                        const size_t p = i / PANEL, j = i % PANEL;
                                        sum = fmaf(m.d[(p * m.of.out + o) * PANEL + j],
                                                   m.x[(p * m.of.in + k) * PANEL + j], sum);
                                }
                                assert_true(m.gradient[o * m.of.in + k] == sum);
                        }
                free(before);
                close(&m);
        }
}

/* What is next to the results is not touched. */
static void test_nothing_else_is_written(void **state)
{
        (void)state;
        struct matrices m = open((struct size){2, 19, 7});
        float guarded[7 * 19 + 2 * PANEL];
        for (size_t i = 0; i < sizeof guarded / sizeof *guarded; i++)
                guarded[i] = -5;
        gemm_transpose(2, 19, m.x, m.transposed);
        gemm_gradient(2, 19, 7, m.transposed, m.d, guarded + PANEL);
        for (size_t i = 0; i < PANEL; i++)
                assert_true(guarded[i] == -5 && guarded[PANEL + 7 * 19 + i] == -5);
        for (size_t i = 0; i < 2 * PANEL; i++) /* the columns that fill up a panel are zeros */
                for (size_t k = 19; k < 2 * PANEL; k++)
                        assert_true(m.transposed[(2 * PANEL + i) * PANEL + k - PANEL] == 0);
        close(&m);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_forward_is_a_chain_of_fmaf),
                cmocka_unit_test(test_the_transpose_is_a_chain_of_fmaf),
                cmocka_unit_test(test_the_gradient_is_a_chain_of_fmaf),
                cmocka_unit_test(test_nothing_else_is_written),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
