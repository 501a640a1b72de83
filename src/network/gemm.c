/* Register tiles of VECTOR_ROWS rows by one panel of 16 columns: each step of the inner loop loads the panel's row once
 * and multiplies it with an element of each tile row. [Goto & van de Geijn 2008] */
#include "network/gemm.h"

#include <string.h>

#include "network/vector.h"

enum { NV = PANEL / VECTOR_FLOATS };

/* Adds sum_k a[k * a_step + r * a_row] b[k][16] to acc[r], r < rows: rows is a constant after inlining. */
static inline __attribute__((always_inline)) void accumulate(int rows, size_t n_k, const float *restrict a,
                                                             size_t a_step, size_t a_row, const float *restrict b,
                                                             vector acc[][NV])
{
        for (size_t k = 0; k < n_k; k++) {
                vector column[NV];
                for (int v = 0; v < NV; v++)
                        column[v] = vector_load(b + k * PANEL + (size_t)(v * VECTOR_FLOATS));
#pragma GCC unroll 8
                for (int r = 0; r < rows; r++) {
                        const vector factor = vector_all(a[k * a_step + (size_t)r * a_row]);
#pragma GCC unroll 4
                        for (int v = 0; v < NV; v++)
                                acc[r][v] = vector_fma(factor, column[v], acc[r][v]);
                }
        }
}

/* Rows of y, all of one panel of o. x's panels are n_rows * 16 apart. */
static inline __attribute__((always_inline)) void forward_rows(int rows, size_t n_rows, size_t n_k,
                                                               const float *restrict x, const float *restrict w,
                                                               const float *restrict bias, float *restrict y)
{
        vector acc[VECTOR_ROWS][NV];
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
                for (int v = 0; v < NV; v++)
                        acc[r][v] = bias ? vector_load(bias + v * VECTOR_FLOATS) : vector_all(0);
        for (size_t k = 0; k < n_k; k += PANEL) {
                const size_t n = n_k - k < PANEL ? n_k - k : PANEL;
                accumulate(rows, n, x + k * n_rows, 1, PANEL, w + k * PANEL, acc);
        }
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
                for (int v = 0; v < NV; v++)
                        vector_store(y + r * PANEL + v * VECTOR_FLOATS, acc[r][v]);
}

void gemm_forward(size_t n_rows, size_t n_k, size_t n_o, const float *restrict x, const float *restrict w,
                  const float *restrict bias, float *restrict y)
{
        for (size_t panel = 0; panel < gemm_panels(n_o); panel++) {
                const float *of_panel = w + panel * n_k * PANEL, *b = bias ? bias + panel * PANEL : NULL;
                float *out = y + panel * n_rows * PANEL;
                size_t i = 0;
                for (; i + VECTOR_ROWS <= n_rows; i += VECTOR_ROWS)
                        forward_rows(VECTOR_ROWS, n_rows, n_k, x + i * PANEL, of_panel, b, out + i * PANEL);
                for (; i + 4 <= n_rows; i += 4)
                        forward_rows(4, n_rows, n_k, x + i * PANEL, of_panel, b, out + i * PANEL);
                for (; i < n_rows; i++)
                        forward_rows(1, n_rows, n_k, x + i * PANEL, of_panel, b, out + i * PANEL);
        }
}

/* Rows o .. o + rows - 1 of the gradient, columns of one panel, n of them real. */
static inline __attribute__((always_inline)) void gradient_rows(int rows, size_t n_rows, size_t n_k, size_t n,
                                                                const float *restrict x, const float *restrict d,
                                                                float *restrict gradient)
{
        vector acc[VECTOR_ROWS][NV];
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
                for (int v = 0; v < NV; v++)
                        acc[r][v] = vector_all(0);
        accumulate(rows, n_rows, d, PANEL, 1, x, acc);
        for (int r = 0; r < rows; r++) {
                float *row = gradient + (size_t)r * n_k;
                if (n == PANEL) {
#pragma GCC unroll 4
                        for (int v = 0; v < NV; v++)
                                vector_store(row + v * VECTOR_FLOATS,
                                             vector_add(vector_load(row + v * VECTOR_FLOATS), acc[r][v]));
                } else {
                        float sum[PANEL];
                        for (int v = 0; v < NV; v++)
                                vector_store(sum + v * VECTOR_FLOATS, acc[r][v]);
                        for (size_t k = 0; k < n; k++)
                                row[k] += sum[k];
                }
        }
}

void gemm_gradient(size_t n_rows, size_t n_k, size_t n_o, const float *restrict x, const float *restrict d,
                   float *restrict gradient)
{
        for (size_t k = 0; k < n_k; k += PANEL) {
                const size_t n = n_k - k < PANEL ? n_k - k : PANEL;
                const float *columns = x + k * n_rows;
                for (size_t first = 0; first < n_o; first += PANEL) {
                        const float *of_panel = d + first * n_rows;
                        const size_t here = n_o - first < PANEL ? n_o - first : PANEL;
                        float *out = gradient + first * n_k + k;
                        size_t o = 0;
                        for (; o + VECTOR_ROWS <= here; o += VECTOR_ROWS)
                                gradient_rows(VECTOR_ROWS, n_rows, n_k, n, columns, of_panel + o, out + o * n_k);
                        for (; o + 4 <= here; o += 4)
                                gradient_rows(4, n_rows, n_k, n, columns, of_panel + o, out + o * n_k);
                        for (; o < here; o++)
                                gradient_rows(1, n_rows, n_k, n, columns, of_panel + o, out + o * n_k);
                }
        }
}

void gemm_pack(size_t n_rows, size_t n_columns, const float *restrict m, float *restrict panels)
{
        memset(panels, 0, gemm_panels(n_columns) * n_rows * PANEL * sizeof *panels);
        for (size_t row = 0; row < n_rows; row++)
                for (size_t column = 0; column < n_columns; column++)
                        panels[(column / PANEL * n_rows + row) * PANEL + column % PANEL] = m[row * n_columns + column];
}

void gemm_pack_transposed(size_t n_rows, size_t n_columns, const float *restrict m, float *restrict panels)
{
        memset(panels, 0, gemm_panels(n_rows) * n_columns * PANEL * sizeof *panels);
        for (size_t row = 0; row < n_rows; row++)
                for (size_t column = 0; column < n_columns; column++)
                        panels[(row / PANEL * n_columns + column) * PANEL + row % PANEL] = m[row * n_columns + column];
}
