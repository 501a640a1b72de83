/* Matrix products in float32 whose bits do not depend on the processor, the batch or the place in it: every element is
 * one chain of fmaf() in the order of its index.
 *
 * What belongs to examples is in panels of 16 of them, x[panel][row][16]: row k is quantity k of 16 examples, side by
 * side in vectors. A weight is packed: tiles of a few rows, [tile][column][row of tile], so that a product reads both
 * straight on, a panel from the first-level cache and the weight from the second. */
#ifndef SCULPTOR_NETWORK_GEMM_H
#define SCULPTOR_NETWORK_GEMM_H

#include <stddef.h>

enum { PANEL = 16 };

static inline size_t gemm_panels(size_t n)
{
        return (n + PANEL - 1) / PANEL;
}

/* From w[n_rows][n_columns], row by row: w packed, and its transpose packed; n_rows * n_columns floats both. */
void gemm_pack(size_t n_rows, size_t n_columns, const float *restrict w, float *restrict packed);
void gemm_pack_transposed(size_t n_rows, size_t n_columns, const float *restrict w, float *restrict packed);

/* y[o] = bias[o] + sum_k w[o][k] x[k], k = 0, 1, ... n_k - 1, of the examples of each panel; w packed, n_o rows.
 * bias[n_o], or NULL: 0. */
void gemm_forward(size_t n_panels, size_t n_k, size_t n_o, const float *restrict w, const float *restrict bias,
                  const float *restrict x, float *restrict y);

/* For gemm_gradient(): x by examples, out[panel of k][example][16]; columns that fill up the last panel are 0. */
void gemm_transpose(size_t n_panels, size_t n_k, const float *restrict x, float *restrict out);

/* gradient[o][k] <- gradient[o][k] + d[o][0] x[k][0] + d[o][1] x[k][1] + ..., over all examples, added from the left;
 * x as gemm_transpose() gave it.
 * gradient[n_o][n_k] is row by row. */
void gemm_gradient(size_t n_panels, size_t n_k, size_t n_o, const float *restrict transposed_x, const float *restrict d,
                   float *restrict gradient);

#endif
