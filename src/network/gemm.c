/* Register tiles of up to VECTOR_ROWS rows by one panel of 16 columns: a step of the inner loop loads a row of the
 * panel
 * and multiplies it with an element of each row of the tile. Longer sums are cut, and the register tile kept in the
 * result meanwhile, so that the panel's part stays in the first-level cache; many rows are cut, so that theirs stay in
 * the second. Neither changes a bit. [Goto & van de Geijn 2008] */
#include "network/gemm.h"

#include <string.h>

#include "network/vector.h"

enum { NV = PANEL / VECTOR_FLOATS, CUT_SUM = 256, CUT_ROWS = 24 * VECTOR_ROWS };

/* How many of `left` rows the next tile takes: the last two tiles share what is left, as low ones are slow. */
static size_t tile_rows(size_t left)
{
        if (left == VECTOR_ROWS || left >= 2 * VECTOR_ROWS)
                return VECTOR_ROWS;
        return left < VECTOR_ROWS ? left : (left + 1) / 2;
}

/* ---- packing ---- */

/* Row i, column k of the matrix is m[i * row + k * column]. One cut of the columns after the other, so that what a
 * product
 * reads in turn also lies side by side: pages are few. */
static void pack(size_t n_rows, size_t n_columns, const float *restrict m, size_t row, size_t column,
                 float *restrict packed)
{
        for (size_t first = 0; first < n_columns; first += CUT_SUM) {
                const size_t last = n_columns - first < CUT_SUM ? n_columns : first + CUT_SUM;
                for (size_t i = 0, rows; i < n_rows; i += rows) {
                        rows = tile_rows(n_rows - i);
                        for (size_t k = first; k < last; k++)
                                for (size_t r = 0; r < rows; r++)
                                        *packed++ = m[(i + r) * row + k * column];
                }
        }
}

void gemm_pack(size_t n_rows, size_t n_columns, const float *restrict w, float *restrict packed)
{
        pack(n_rows, n_columns, w, n_columns, 1, packed);
}

void gemm_pack_transposed(size_t n_rows, size_t n_columns, const float *restrict w, float *restrict packed)
{
        pack(n_columns, n_rows, w, 1, n_columns, packed);
}

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* ---- the inner loop ---- */

/* acc[r] += sum_k a[k * a_step + r * a_row] b[k][16], r < rows: rows, a_step and a_row are constants after inlining. */
static ALWAYS_INLINE void accumulate(int rows, size_t n_k, const float *restrict a, size_t a_step, size_t a_row,
                                     const float *restrict b, vector acc[][NV])
{
        for (size_t k = 0; k < n_k; k++) {
                vector column[NV];
#pragma GCC unroll 4
                for (int v = 0; v < NV; v++)
                        column[v] = vector_load(b + k * PANEL + v * VECTOR_FLOATS);
#pragma GCC unroll 16
                for (int r = 0; r < rows; r++) {
                        const vector factor = vector_all(a[k * a_step + (size_t)r * a_row]);
#pragma GCC unroll 4
                        for (int v = 0; v < NV; v++)
                                acc[r][v] = vector_fma(factor, column[v], acc[r][v]);
                }
        }
}

/* Calls f(rows, ...) with rows a constant. */
#ifdef VECTOR_HIGH_TILES
#define HIGH_TILES(f, ...)                                                                                             \
        case 9:                                                                                                        \
                f(9, __VA_ARGS__);                                                                                     \
                break;                                                                                                 \
        case 10:                                                                                                       \
                f(10, __VA_ARGS__);                                                                                    \
                break;                                                                                                 \
        case 11:                                                                                                       \
                f(11, __VA_ARGS__);                                                                                    \
                break;                                                                                                 \
        case 12:                                                                                                       \
                f(12, __VA_ARGS__);                                                                                    \
                break;                                                                                                 \
        case 7:                                                                                                        \
                f(7, __VA_ARGS__);                                                                                     \
                break;                                                                                                 \
        case 8:                                                                                                        \
                f(8, __VA_ARGS__);                                                                                     \
                break;
#else
#define HIGH_TILES(f, ...)
#endif
#define WITH_CONSTANT_ROWS(rows, f, ...)                                                                               \
        switch (rows) {                                                                                                \
        case 1:                                                                                                        \
                f(1, __VA_ARGS__);                                                                                     \
                break;                                                                                                 \
        case 2:                                                                                                        \
                f(2, __VA_ARGS__);                                                                                     \
                break;                                                                                                 \
        case 3:                                                                                                        \
                f(3, __VA_ARGS__);                                                                                     \
                break;                                                                                                 \
        case 4:                                                                                                        \
                f(4, __VA_ARGS__);                                                                                     \
                break;                                                                                                 \
        case 5:                                                                                                        \
                f(5, __VA_ARGS__);                                                                                     \
                break;                                                                                                 \
        case 6:                                                                                                        \
                f(6, __VA_ARGS__);                                                                                     \
                break;                                                                                                 \
                HIGH_TILES(f, __VA_ARGS__)                                                                             \
        default:                                                                                                       \
                break;                                                                                                 \
        }

/* ---- forward ---- */

/* Rows of y of one panel, `n_k` terms of their sums; they begin from bias, from 0 or, `further`, from what y holds. */
static ALWAYS_INLINE void forward_tile(int rows, size_t n_k, const float *restrict w, const float *restrict x,
                                       const float *restrict bias, int further, float *restrict y)
{
        vector acc[VECTOR_ROWS][NV];
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
                for (int v = 0; v < NV; v++)
                        acc[r][v] = further ? vector_load(y + r * PANEL + v * VECTOR_FLOATS)
                                            : vector_all(bias ? bias[r] : 0);
        accumulate(rows, n_k, w, (size_t)rows, 1, x, acc);
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
                for (int v = 0; v < NV; v++)
                        vector_store(y + r * PANEL + v * VECTOR_FLOATS, acc[r][v]);
}

/* Rows first .. last - 1 of n_o, of one panel; w is of this cut of the sum. */
static void forward_rows(size_t first, size_t last, size_t n, size_t n_o, const float *restrict w,
                         const float *restrict bias, const float *restrict x, int further, float *restrict y)
{
        for (size_t i = first, rows; i < last; i += rows) {
                rows = tile_rows(n_o - i);
                const float *b = bias ? bias + i : NULL;
                WITH_CONSTANT_ROWS(rows, forward_tile, n, w + i * n, x, b, further, y + i * PANEL)
        }
}

void gemm_forward(size_t n_panels, size_t n_k, size_t n_o, const float *restrict w, const float *restrict bias,
                  const float *restrict x, float *restrict y)
{
        for (size_t k = 0; k == 0 || k < n_k; k += CUT_SUM) {
                const size_t n = n_k - k < CUT_SUM ? n_k - k : CUT_SUM;
                for (size_t first = 0, last; first < n_o; first = last) {
                        last = n_o - first < CUT_ROWS + 2 * VECTOR_ROWS ? n_o : first + CUT_ROWS;
                        for (size_t p = 0; p < n_panels; p++)
                                forward_rows(first, last, n, n_o, w + k * n_o, bias, x + (p * n_k + k) * PANEL, k > 0,
                                             y + p * n_o * PANEL);
                }
        }
}

/* ---- gradient ---- */

void gemm_transpose(size_t n_panels, size_t n_k, const float *restrict x, float *restrict out)
{
        const size_t n_examples = n_panels * PANEL;
        for (size_t p = 0; p < n_panels; p++)
                for (size_t k = 0; k < n_k; k += PANEL) {
                        const float *block = x + (p * n_k + k) * PANEL;
                        float *to = out + (k * n_examples) + p * PANEL * PANEL;
                        if (n_k - k >= PANEL)
                                vector_transpose_16(block, to);
                        else
                                for (size_t i = 0; i < PANEL; i++)
                                        for (size_t j = 0; j < PANEL; j++)
                                                to[i * PANEL + j] = k + j < n_k ? block[j * PANEL + i] : 0;
                }
}

/* Rows of the gradient, columns of one panel of k. d is of the tile's first row; rows of `gradient` are `stride`
 * apart. */
static ALWAYS_INLINE void gradient_tile(int rows, size_t n_panels, size_t n_o, size_t stride, const float *restrict x,
                                        const float *restrict d, float *restrict gradient)
{
        vector acc[VECTOR_ROWS][NV];
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
                for (int v = 0; v < NV; v++)
                        acc[r][v] = vector_load(gradient + (size_t)r * stride + v * VECTOR_FLOATS);
        for (size_t p = 0; p < n_panels; p++)
                accumulate(rows, PANEL, d + p * n_o * PANEL, 1, PANEL, x + p * PANEL * PANEL, acc);
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
                for (int v = 0; v < NV; v++)
                        vector_store(gradient + (size_t)r * stride + v * VECTOR_FLOATS, acc[r][v]);
}

/* Where the last panel of k is not full: through a tile that is. */
static void gradient_edge(size_t rows, size_t n_panels, size_t n_k, size_t n_o, size_t n, const float *restrict x,
                          const float *restrict d, float *restrict gradient)
{
        float full[VECTOR_ROWS * PANEL] = {0};
        for (size_t r = 0; r < rows; r++)
                memcpy(full + r * PANEL, gradient + r * n_k, n * sizeof *full);
        WITH_CONSTANT_ROWS(rows, gradient_tile, n_panels, n_o, PANEL, x, d, full)
        for (size_t r = 0; r < rows; r++)
                memcpy(gradient + r * n_k, full + r * PANEL, n * sizeof *full);
}

void gemm_gradient(size_t n_panels, size_t n_k, size_t n_o, const float *restrict transposed_x, const float *restrict d,
                   float *restrict gradient)
{
        for (size_t first = 0; first < n_panels; first += CUT_SUM / PANEL) {
                const size_t panels = n_panels - first < CUT_SUM / PANEL ? n_panels - first : CUT_SUM / PANEL;
                const float *of_first = d + first * n_o * PANEL;
                for (size_t k = 0; k < n_k; k += PANEL) {
                        const float *x = transposed_x + (k * n_panels + first * PANEL) * PANEL;
                        for (size_t i = 0, rows; i < n_o; i += rows) {
                                rows = tile_rows(n_o - i);
                                const float *of_rows = of_first + i * PANEL;
                                float *out = gradient + i * n_k + k;
                                if (n_k - k < PANEL)
                                        gradient_edge(rows, panels, n_k, n_o, n_k - k, x, of_rows, out);
                                else
                                        WITH_CONSTANT_ROWS(rows, gradient_tile, panels, n_o, n_k, x, of_rows, out)
                        }
                }
        }
}
