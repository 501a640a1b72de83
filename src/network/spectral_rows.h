/* Rows of 64 cells, and four units m at a time: what a spectral network does in each cell is made of these. */
#ifndef SCULPTOR_NETWORK_SPECTRAL_ROWS_H
#define SCULPTOR_NETWORK_SPECTRAL_ROWS_H

#include "network/activation.h"
#include "network/spectral.h"
#include "network/vector.h"

enum { ROW = SPECTRAL_ROW, UNITS = SPECTRAL_UNITS, MOST_CHANNELS = 64 };
enum { VECTORS = ROW / VECTOR_FLOATS };

/* ---- rows: x of [n channels][64], of four units [4][64] ---- */

/* z_m = bias[m] + sum_c w[m][c] x_c, in the order of c. */
static inline void mix(size_t n, const float *restrict w, const float *bias, const float *restrict x,
                       float z[UNITS][ROW])
{
        for (size_t m = 0; m < UNITS; m++) {
                vector sum[VECTORS];
                for (int i = 0; i < VECTORS; i++)
                        sum[i] = vector_all(bias ? bias[m] : 0);
                for (size_t c = 0; c < n; c++) {
                        const vector by = vector_all(w[m * n + c]);
                        for (int i = 0; i < VECTORS; i++)
                                sum[i] = vector_fma(by, vector_load(x + c * ROW + i * VECTOR_FLOATS), sum[i]);
                }
                for (int i = 0; i < VECTORS; i++)
                        vector_store(z[m] + i * VECTOR_FLOATS, sum[i]);
        }
}

/* t_c += sum_m w[m][c] y_m, in the order of m. */
static inline void unmix(size_t n, const float *restrict w, float y[UNITS][ROW], float t[MOST_CHANNELS][ROW])
{
        for (size_t c = 0; c < n; c++) {
                vector sum[VECTORS];
                for (int i = 0; i < VECTORS; i++)
                        sum[i] = vector_load(t[c] + i * VECTOR_FLOATS);
                for (size_t m = 0; m < UNITS; m++) {
                        const vector by = vector_all(w[m * n + c]);
                        for (int i = 0; i < VECTORS; i++)
                                sum[i] = vector_fma(by, vector_load(y[m] + i * VECTOR_FLOATS), sum[i]);
                }
                for (int i = 0; i < VECTORS; i++)
                        vector_store(t[c] + i * VECTOR_FLOATS, sum[i]);
        }
}

/* phi, phi' and phi'' of four units; what a caller does not use the compiler leaves out. */
struct bends { float value[UNITS][ROW], slope[UNITS][ROW], curvature[UNITS][ROW]; };

#define EACH_CELL(activation)                                                                                          \
        for (int m = 0; m < UNITS; m++)                                                                                \
                for (int i = 0; i < ROW; i++) {                                                                        \
                        const struct activated at = activation(z[m][i]);                                               \
                        if (order >= 0)                                                                                \
                                phi->value[m][i] = at.value;                                                           \
                        if (order >= 1)                                                                                \
                                phi->slope[m][i] = at.slope;                                                           \
                        if (order >= 2)                                                                                \
                                phi->curvature[m][i] = at.curvature;                                                   \
                }

static inline void activate(int activation, int order, float z[UNITS][ROW], struct bends *restrict phi)
{
        if (activation == SPECTRAL_SILU)
                EACH_CELL(act_silu)
        else
                EACH_CELL(act_tanh)
}

#endif
