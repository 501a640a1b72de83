/* Register tiles of convolutions: up to VECTOR_ROWS rows of 16 floats, every one a chain of fused multiply-adds. Rows are
 * cells where fields are computed, taps and channels where gradients are. */
#ifndef SCULPTOR_NETWORK_CONV_TILE_H
#define SCULPTOR_NETWORK_CONV_TILE_H

#include <stddef.h>

#include "network/conv.h"
#include "network/vector.h"

enum { CONV_NV = CONV_CHUNK / VECTOR_FLOATS };
#define CONV_INLINE inline __attribute__((always_inline))

/* How many of `left` rows the next tile takes: about as many as those after it, as low ones are slow. */
static inline size_t conv_tile_rows(size_t left)
{
        const size_t tiles = (left + VECTOR_ROWS - 1) / VECTOR_ROWS;
        return (left + tiles - 1) / tiles;
}

/* acc[r] += sum_k a[k * a_step + r * a_row] b[k][16], r < rows: rows, a_step and a_row are constants after inlining. */
static CONV_INLINE void conv_accumulate(int rows, size_t n_k, const float *restrict a, size_t a_step, size_t a_row,
                                        const float *restrict b, vector acc[][CONV_NV])
{
#pragma GCC unroll 4 //k
        for (size_t k = 0; k < n_k; k++) {
                vector column[CONV_NV];
#pragma GCC unroll 4
                for (int v = 0; v < CONV_NV; v++)
                        column[v] = vector_load(b + k * CONV_CHUNK + v * VECTOR_FLOATS);
#pragma GCC unroll 16
                for (int r = 0; r < rows; r++) {
                        const vector factor = vector_all(a[k * a_step + (size_t)r * a_row]);
#pragma GCC unroll 4
                        for (int v = 0; v < CONV_NV; v++)
                                acc[r][v] = vector_fma(factor, column[v], acc[r][v]);
                }
        }
}

static CONV_INLINE void conv_tile_load(int rows, const float *from, vector acc[][CONV_NV])
{
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
                for (int v = 0; v < CONV_NV; v++)
                        acc[r][v] = vector_load(from + r * CONV_CHUNK + v * VECTOR_FLOATS);
}

static CONV_INLINE void conv_tile_store(int rows, vector acc[][CONV_NV], float *to)
{
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
                for (int v = 0; v < CONV_NV; v++)
                        vector_store(to + r * CONV_CHUNK + v * VECTOR_FLOATS, acc[r][v]);
}

/* Calls f(rows, ...) with rows a constant. */
#ifdef VECTOR_HIGH_TILES
#define CONV_HIGH_TILES(f, ...)                                                                                        \
        case 7:                                                                                                        \
                f(7, __VA_ARGS__);                                                                                     \
                break;                                                                                                 \
        case 8:                                                                                                        \
                f(8, __VA_ARGS__);                                                                                     \
                break;                                                                                                 \
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
                break;
#else
#define CONV_HIGH_TILES(f, ...)
#endif
#define CONV_WITH_ROWS(rows, f, ...)                                                                                   \
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
                CONV_HIGH_TILES(f, __VA_ARGS__)                                                                        \
        default:                                                                                                       \
                break;                                                                                                 \
        }

#endif
