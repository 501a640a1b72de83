/* Matrix products in float32 whose bits do not depend on the processor, the batch or the place in it: every element is
 * one chain of fmaf() in the order of its index.
 *
 * Matrices are kept in panels of 16 columns, A[panel][row][16], so that kernels read memory straight on; columns that
 * fill up the last panel are 0. panels(n) of them hold n columns. */
#ifndef SCULPTOR_NETWORK_GEMM_H
#define SCULPTOR_NETWORK_GEMM_H

#include <stddef.h>

enum { PANEL = 16 };

static inline size_t gemm_panels(size_t n)
{
        return (n + PANEL - 1) / PANEL;
}

/* y[o][i] = bias[o] + sum_k x[k][i] w[k][o], k = 0, 1, ... n_k - 1: rows i < n_rows, columns o < n_o. x has panels of k,
 * y panels of o, w[panel of o][n_k][16]. bias[panels(n_o) * 16], or NULL: 0. */
void gemm_forward(size_t n_rows, size_t n_k, size_t n_o, const float *restrict x, const float *restrict w,
                  const float *restrict bias, float *restrict y);

/* gradient[o][k] += sum_i d[i][o] x[i][k], i = 0, 1, ...: d has panels of o, x panels of k; gradient[n_o][n_k] is
 * row by row, without padding. */
void gemm_gradient(size_t n_rows, size_t n_k, size_t n_o, const float *restrict x, const float *restrict d,
                   float *restrict gradient);

/* From a matrix row by row, m[n_rows][n_columns]: panels of its columns, and panels of its transpose's. */
void gemm_pack(size_t n_rows, size_t n_columns, const float *restrict m, float *restrict panels);
void gemm_pack_transposed(size_t n_rows, size_t n_columns, const float *restrict m, float *restrict panels);

#endif
