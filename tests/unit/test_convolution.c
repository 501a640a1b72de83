/* Convolutions are, bit by bit, the chains of fmaf() that conv.h says, for any size of box and numbers of channels. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel_bits.h"
#include "network/conv.h"
#include "sculptor/memory.h"

/* Widths of less than a tile, of several and a bit; channels alone, of a part of a chunk, of one and of more. */
static const struct size {
        int n_axes;
        size_t n[3];
        struct conv_shape of;
} sizes[] = {
        {2, {1, 4, 4}, {1, 16}},   {2, {1, 5, 7}, {16, 1}},    {2, {1, 4, 13}, {3, 5}}, {2, {1, 6, 64}, {16, 16}},
        {2, {1, 9, 11}, {17, 33}}, {2, {1, 3, 150}, {16, 20}}, {2, {1, 1, 1}, {2, 2}},  {2, {1, 16, 8}, {40, 1}},
        {3, {4, 4, 4}, {16, 16}},  {3, {3, 5, 9}, {5, 18}},    {3, {2, 4, 6}, {1, 7}},  {3, {5, 3, 4}, {20, 1}},
};
enum { N_SIZES = sizeof sizes / sizeof *sizes };

struct fields {
        struct size size;
        struct conv_grid grid;
        size_t taps, n_w;
        float *w, *bias, *in, *d, *base, *packed, *out, *work, *gradient;
};

static float *fill(size_t n, uint64_t first)
{
        float *value = allocate(n, sizeof *value);
        for (size_t i = 0; i < n; i++)
                value[i] = (float)(2 * mixed_unit(first + i) - 1);
        return value;
}

/* Channel c of cell (z, y, x), counted round the box. */
static size_t at(const struct fields *f, size_t n, size_t c, size_t z, size_t y, size_t x)
{
        const struct conv_grid *grid = &f->grid;
        const size_t cell = conv_row(grid, z % grid->planes, y % grid->rows) + x % grid->width, lanes = conv_lanes(n);
        return (c / lanes * conv_cells(grid) + cell) * lanes + c % lanes;
}

/* Random where there are cells and channels, 0 where channels fill up, and rubbish in the halo until it is filled. */
static float *field(const struct fields *f, size_t n, uint64_t first)
{
        const size_t size = conv_size(&f->grid, n);
        float *value = allocate(size, sizeof *value), *random = fill(size, first);
        for (size_t i = 0; i < size; i++)
                value[i] = -7;
        for (size_t c = 0; c < conv_chunks(n) * conv_lanes(n); c++)
                for (size_t z = 0; z < f->grid.planes; z++)
                        for (size_t y = 0; y < f->grid.rows; y++)
                                for (size_t x = 0; x < f->grid.width; x++) {
                                        const size_t i = at(f, n, c, z, y, x);
                                        value[i] = c < n ? random[i] : 0;
                                }
        free(random);
        return value;
}

static struct fields open(struct size size)
{
        struct fields f = {.size = size, .grid = conv_grid(size.n_axes, size.n[0], size.n[1], size.n[2])};
        f.taps = conv_taps(&f.grid);
        f.n_w = size.of.n_in * size.of.n_out * f.taps;
        f.w = fill(f.n_w, 0);
        f.bias = fill(conv_chunks(size.of.n_out) * CONV_CHUNK, 1000000);
        for (size_t i = size.of.n_out; i < conv_chunks(size.of.n_out) * CONV_CHUNK; i++)
                f.bias[i] = 0;
        f.in = field(&f, size.of.n_in, 2000000);
        f.d = field(&f, size.of.n_out, 3000000);
        f.base = field(&f, size.of.n_out, 4000000);
        f.out = field(&f, size.of.n_in > size.of.n_out ? size.of.n_in : size.of.n_out, 5000000);
        f.packed = allocate(conv_packed_size(size.of, f.taps), sizeof(float));
        f.work = fill(CONV_CHUNK * CONV_CHUNK * f.taps, 6000000);
        f.gradient = fill(f.n_w, 7000000);
        conv_halo(&f.grid, size.of.n_in, f.in);
        conv_halo(&f.grid, size.of.n_out, f.d);
        return f;
}

static void close(struct fields *f)
{
        float *owned[] = {f->w, f->bias, f->in, f->d, f->base, f->packed, f->out, f->work, f->gradient};
        for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
                free(owned[i]);
}

/* w of the convolution or of its transpose, which has the numbers of channels and the taps the other way. */
static float weight(const struct fields *f, bool transposed, size_t o, size_t i, size_t tap)
{
        return transposed ? f->w[(i * f->size.of.n_in + o) * f->taps + f->taps - 1 - tap]
                          : f->w[(o * f->size.of.n_in + i) * f->taps + tap];
}

/* Neighbour `tap` of cell (z, y, x). */
static size_t neighbour(const struct fields *f, size_t n, size_t c, size_t tap, size_t z, size_t y, size_t x)
{
        const struct conv_grid *grid = &f->grid;
        return at(f, n, c, z + grid->planes + tap / 9 - grid->depth / 2, y + grid->rows + tap / 3 % 3 - 1,
                  x + grid->width + tap % 3 - 1);
}

static float expected(const struct fields *f, bool transposed, struct conv_shape of, const float *in, size_t o,
                      size_t z, size_t y, size_t x, float start)
{
        const size_t lanes = conv_lanes(of.n_in);
        float sum[CONV_CHUNK] = {0}, one = start;
        for (size_t chunk = 0; chunk < of.n_in; chunk += lanes)
                for (size_t tap = 0; tap < f->taps; tap++)
                        for (size_t i = 0; i < lanes && chunk + i < of.n_in; i++) {
                                const float w = weight(f, transposed, o, chunk + i, tap);
                                const float u = in[neighbour(f, of.n_in, chunk + i, tap, z, y, x)];
                                float *chain = of.n_out == 1 ? &sum[i] : &one;
                                *chain = fmaf(u, w, *chain);
                        }
        if (of.n_out > 1)
                return one;
        for (int half = CONV_CHUNK / 2; half > 0; half /= 2)
                for (int i = 0; i < half; i++)
                        sum[i] += sum[i + half];
        return sum[0] + start;
}

static void check_apply(struct fields *f, bool transposed, const float *bias, const float *base)
{
        const struct conv_shape shape = f->size.of;
        const struct conv_shape of = transposed ? (struct conv_shape){shape.n_out, shape.n_in} : shape;
        const float *in = transposed ? f->d : f->in;
        (transposed ? conv_pack_transposed : conv_pack)(shape, f->taps, f->w, f->packed);
        conv_apply(&f->grid, of, f->packed, bias, in, base, f->out);
        for (size_t o = 0; o < conv_chunks(of.n_out) * conv_lanes(of.n_out); o++)
                for (size_t z = 0; z < f->grid.planes; z++)
                        for (size_t y = 0; y < f->grid.rows; y++)
                                for (size_t x = 0; x < f->grid.width; x++) {
                                        const size_t i = at(f, of.n_out, o, z, y, x);
                                        const float start = (base ? base[i] : 0) + (bias ? bias[o] : 0);
                                        const float value = o < of.n_out
                                                                    ? expected(f, transposed, of, in, o, z, y, x, start)
                                                                    : 0;
                                        assert_true(f->out[i] == value);
                                }
}

static void test_application_is_a_chain_of_fmaf(void **state)
{
        (void)state;
        for (size_t s = 0; s < N_SIZES; s++) {
                struct fields f = open(sizes[s]);
                check_apply(&f, false, NULL, NULL);
                check_apply(&f, false, f.bias, NULL);
                if (f.size.of.n_out > 1)
                        check_apply(&f, false, f.bias, f.base);
                close(&f);
        }
}

static void test_the_transpose_is_a_chain_of_fmaf(void **state)
{
        (void)state;
        for (size_t s = 0; s < N_SIZES; s++) {
                struct fields f = open(sizes[s]);
                check_apply(&f, true, NULL, NULL);
                close(&f);
        }
}

/* out may be base: nothing is read there after it was written. The halo of out is not touched. */
static void test_results_may_be_added_in_place(void **state)
{
        (void)state;
        struct fields f = open(sizes[4]);
        const size_t n = conv_size(&f.grid, f.size.of.n_out);
        float *apart = field(&f, f.size.of.n_out, 5000000);
        conv_pack(f.size.of, f.taps, f.w, f.packed);
        conv_apply(&f.grid, f.size.of, f.packed, f.bias, f.in, f.base, apart);
        conv_apply(&f.grid, f.size.of, f.packed, f.bias, f.in, f.base, f.base);
        size_t halo = 0;
        for (size_t i = 0; i < n; i++) {
                assert_true(apart[i] == f.base[i]);
                halo += apart[i] == -7;
        }
        assert_true(halo ==
                    conv_chunks(f.size.of.n_out) * CONV_CHUNK * (conv_cells(&f.grid) - f.grid.rows * f.grid.width));
        free(apart);
        close(&f);
}

static void test_the_gradient_is_a_chain_of_fmaf(void **state)
{
        (void)state;
        for (size_t s = 0; s < N_SIZES; s++) {
                struct fields f = open(sizes[s]);
                const struct conv_shape of = f.size.of;
                float *before = fill(f.n_w, 7000000);
                conv_gradient(&f.grid, of, f.in, f.d, f.work, f.gradient);
                for (size_t k = 0; k < f.n_w; k++) {
                        const size_t tap = k % f.taps, i = k / f.taps % of.n_in, o = k / f.taps / of.n_in;
                        float sum = 0;
                        for (size_t z = 0; z < f.grid.planes; z++)
                                for (size_t y = 0; y < f.grid.rows; y++)
                                        for (size_t x = 0; x < f.grid.width; x++) {
                                                const bool swapped = of.n_out == 1;
                                                const size_t here = swapped ? f.taps - 1 - tap : tap;
                                                const float u =
                                                        swapped ? f.in[at(&f, of.n_in, i, z, y, x)]
                                                                : f.in[neighbour(&f, of.n_in, i, here, z, y, x)];
                                                const float d = swapped ? f.d[neighbour(&f, 1, 0, here, z, y, x)]
                                                                        : f.d[at(&f, of.n_out, o, z, y, x)];
                                                sum = fmaf(u, d, sum);
                                        }
                        assert_true(f.gradient[k] == before[k] + sum);
                }
                free(before);
                close(&f);
        }
}

static void test_the_gradient_of_bias_sums_rows(void **state)
{
        (void)state;
        for (size_t s = 0; s < N_SIZES; s++) {
                struct fields f = open(sizes[s]);
                const size_t n = f.size.of.n_out;
                conv_bias_gradient(&f.grid, n, f.d, f.bias);
                float *before = fill(n, 1000000);
                for (size_t o = 0; o < n; o++) {
                        float sum = 0;
                        for (size_t z = 0; z < f.grid.planes; z++)
                                for (size_t y = 0; y < f.grid.rows; y++) {
                                        float row = 0;
                                        for (size_t x = 0; x < f.grid.width; x++)
                                                row += f.d[at(&f, n, o, z, y, x)];
                                        sum += row;
                                }
                        assert_true(f.bias[o] == before[o] + sum);
                }
                free(before);
                close(&f);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_application_is_a_chain_of_fmaf),
                cmocka_unit_test(test_the_transpose_is_a_chain_of_fmaf),
                cmocka_unit_test(test_results_may_be_added_in_place),
                cmocka_unit_test(test_the_gradient_is_a_chain_of_fmaf),
                cmocka_unit_test(test_the_gradient_of_bias_sums_rows),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
