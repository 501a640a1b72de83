/* Gradients of what a spectral network does in each cell: sums over cells. Each term of one has a factor that came
 * from a transform, which leaves spare cells 0. They keep 16 lanes: cell i adds to lane i mod 16; each 64 rows the
 * floats are added to doubles. So their order is a function of the mesh alone. */
#include <stdlib.h>
#include <string.h>

#include "network/spectral_rows.h"
#include "sculptor/memory.h"

enum { KEPT = 16, ROWS_A_FLUSH = 64 };

/* ---- sums over cells ---- */

struct spectral_lanes {
        size_t n_units, n_sums; /* of each m: W's channels, then b, then a */
        float *now;                             /* [n_hidden][n_sums][KEPT] */
        double *before;
};

struct spectral_lanes *spectral_lanes_create(size_t n_units, size_t n_channels)
{
        struct spectral_lanes *lanes = allocate(1, sizeof *lanes);
        *lanes = (struct spectral_lanes){.n_units = n_units, .n_sums = n_channels + 2};
        lanes->now = allocate(n_units * lanes->n_sums * KEPT, sizeof *lanes->now);
        lanes->before = allocate(n_units * lanes->n_sums * KEPT, sizeof *lanes->before);
        return lanes;
}

void spectral_lanes_free(struct spectral_lanes *lanes)
{
        if (!lanes)
                return;
        free(lanes->now);
        free(lanes->before);
        free(lanes);
}

static void clear(struct spectral_lanes *lanes)
{
        const size_t n = lanes->n_units * lanes->n_sums * KEPT;
        memset(lanes->now, 0, n * sizeof *lanes->now);
        memset(lanes->before, 0, n * sizeof *lanes->before);
}

static void flush(struct spectral_lanes *lanes)
{
        const size_t n = lanes->n_units * lanes->n_sums * KEPT;
        for (size_t i = 0; i < n; i++) {
                lanes->before[i] += (double)lanes->now[i];
                lanes->now[i] = 0;
        }
}

static double total(const struct spectral_lanes *lanes, size_t m, size_t which)
{
        double sum[KEPT];
        memcpy(sum, lanes->before + (m * lanes->n_sums + which) * KEPT, sizeof sum);
        for (int half = KEPT / 2; half > 0; half /= 2)
                for (int i = 0; i < half; i++)
                        sum[i] += sum[i + half];
        return sum[0];
}

/* A factor of four units and one of channels. */
struct factors { float (*of_unit)[ROW]; const float *of_channel; };

/* sums[m][c][i mod 16] += sum over pairs of (of m)_i (of c)_i, pair by pair in the order of i, for `together`
 * channels. */
static inline void add_channels(size_t together, size_t n_pairs, const struct factors *pair, float *restrict sums,
                                size_t stride)
{
        for (int part = 0; part < KEPT; part += VECTOR_FLOATS) {
                vector sum[UNITS][2];
                for (size_t m = 0; m < UNITS; m++)
                        for (size_t c = 0; c < together; c++)
                                sum[m][c] = vector_load(sums + m * stride + c * KEPT + part);
                for (size_t k = 0; k < n_pairs; k++)
                        for (int i = part; i < ROW; i += KEPT)
                                for (size_t m = 0; m < UNITS; m++) {
                                        const vector by = vector_load(pair[k].of_unit[m] + i);
                                        for (size_t c = 0; c < together; c++)
                                                sum[m][c] = vector_fma(
                                                        by, vector_load(pair[k].of_channel + c * ROW + i), sum[m][c]);
                                }
                for (size_t m = 0; m < UNITS; m++)
                        for (size_t c = 0; c < together; c++)
                                vector_store(sums + m * stride + c * KEPT + part, sum[m][c]);
        }
}

static inline void add_products(size_t n, size_t n_pairs, const struct factors *pair, float *restrict sums,
                                size_t stride)
{
        for (size_t c = 0; c < n; c += 2) {
                struct factors at[4];
                for (size_t k = 0; k < n_pairs; k++)
                        at[k] = (struct factors){pair[k].of_unit, pair[k].of_channel + c * ROW};
                if (c + 1 < n)
                        add_channels(2, n_pairs, at, sums + c * KEPT, stride);
                else
                        add_channels(1, n_pairs, at, sums + c * KEPT, stride);
        }
}

static inline void add_units(float a[UNITS][ROW], float *restrict sums, size_t stride)
{
        for (size_t m = 0; m < UNITS; m++)
                for (int i = 0; i < ROW; i += KEPT)
                        for (int j = 0; j < KEPT; j++)
                                sums[m * stride + (size_t)j] += a[m][i + j];
}

static void add_totals(const struct spectral *s, float *gradient)
{
        const struct spectral_lanes *lanes = s->lanes;
        for (size_t m = 0; m < s->n_hidden; m++) {
                const double shift = total(lanes, m, s->n_channels), scale = total(lanes, m, s->n_channels + 1);
                for (size_t c = 0; c < s->n_channels; c++)
                        gradient[s->weight + m * s->n_channels + c] += (float)total(lanes, m, c);
                for (size_t f = 0; f < s->n_features; f++) {
                        gradient[s->bias + m * s->n_features + f] += (float)(shift * s->feature[f]);
                        gradient[s->amplitude + m * s->n_features + f] += (float)(scale * s->feature[f]);
                }
        }
}

/* ---- backward ---- */

/* q = W adjoint; of z: r = a phi' q; of W: a phi adjoint + r h; of b: r; of a: phi q; of h: W' r. */
void spectral_gradients_backward(struct spectral *s, float *adjoint, float *gradient)
{
        const size_t n = s->n_channels, stride = s->lanes->n_sums * KEPT;
        _Alignas(64) float t[MOST_CHANNELS][ROW], r[UNITS][ROW], z[UNITS][ROW], q[UNITS][ROW], y[UNITS][ROW];
        struct bends phi;
        clear(s->lanes);
        for (size_t row = 0; row < s->mesh->size; row += ROW) {
                const float *h = s->h + row * n;
                memset(t, 0, n * sizeof *t);
                for (size_t m = 0; m < s->n_units; m += UNITS) {
                        const float *w = s->w + m * n, *a = s->scale + m;
                        float *sums = s->lanes->now + m * stride;
                        mix(n, w, s->shift + m, h, z);
                        mix(n, w, NULL, adjoint + row * n, q);
                        activate(s->settings->activation, 1, z, &phi);
                        for (int j = 0; j < UNITS; j++)
                                for (int i = 0; i < ROW; i++) {
                                        y[j][i] = a[j] * phi.value[j][i];
                                        r[j][i] = a[j] * phi.slope[j][i] * q[j][i];
                                        q[j][i] *= phi.value[j][i];
                                }
                        add_products(n, 2, (struct factors[]){{y, adjoint + row * n}, {r, h}}, sums, stride);
                        add_units(r, sums + n * KEPT, stride);
                        add_units(q, sums + (n + 1) * KEPT, stride);
                        unmix(n, w, r, t);
                }
                memcpy(adjoint + row * n, t, n * sizeof *t);
                if (row / ROW % ROWS_A_FLUSH == ROWS_A_FLUSH - 1)
                        flush(s->lanes);
        }
        flush(s->lanes);
        add_totals(s, gradient);
}

/* L = sum_m a (phi(z) r + phi'(z) dz q), r = W of_t, q = W of_e, dz = W p. Of z: a (phi' r + phi'' dz q); of dz: a
 * phi' q; of a: phi r + phi' dz q; of W: a phi of_t + a phi' dz of_e + (of z) h + (of dz) p. */
void spectral_gradients_backward_tangent(struct spectral *s, float *of_t, float *of_e, float *gradient)
{
        const size_t n = s->n_channels, stride = s->lanes->n_sums * KEPT;
        _Alignas(64) float t[MOST_CHANNELS][ROW], e[MOST_CHANNELS][ROW], of_z[UNITS][ROW], of_dz[UNITS][ROW];
        _Alignas(64) float z[UNITS][ROW], dz[UNITS][ROW], r[UNITS][ROW], q[UNITS][ROW], y[UNITS][ROW], dy[UNITS][ROW];
        struct bends phi;
        clear(s->lanes);
        for (size_t row = 0; row < s->mesh->size; row += ROW) {
                float *row_t = of_t + row * n, *row_e = of_e + row * n;
                const float *h = s->h + row * n, *p = s->p + row * n;
                memset(t, 0, n * sizeof *t);
                memset(e, 0, n * sizeof *e);
                for (size_t m = 0; m < s->n_units; m += UNITS) {
                        const float *w = s->w + m * n, *a = s->scale + m;
                        float *sums = s->lanes->now + m * stride;
                        mix(n, w, s->shift + m, h, z);
                        mix(n, w, NULL, p, dz);
                        mix(n, w, NULL, row_t, r);
                        mix(n, w, NULL, row_e, q);
                        activate(s->settings->activation, 2, z, &phi);
                        for (int j = 0; j < UNITS; j++)
                                for (int i = 0; i < ROW; i++) {
                                        const float value = phi.value[j][i], slope = phi.slope[j][i];
                                        const float bend = phi.curvature[j][i] * dz[j][i] * q[j][i];
                                        const float ahead = slope * dz[j][i];
                                        of_z[j][i] = a[j] * __builtin_fmaf(slope, r[j][i], bend);
                                        of_dz[j][i] = a[j] * slope * q[j][i];
                                        y[j][i] = a[j] * value;
                                        dy[j][i] = a[j] * ahead;
                                        q[j][i] = __builtin_fmaf(value, r[j][i], ahead * q[j][i]); /* of a */
                                }
                        const struct factors pair[] = {{y, row_t}, {dy, row_e}, {of_z, h}, {of_dz, p}};
                        add_products(n, 4, pair, sums, stride);
                        add_units(of_z, sums + n * KEPT, stride);
                        add_units(q, sums + (n + 1) * KEPT, stride);
                        unmix(n, w, of_z, t);
                        unmix(n, w, of_dz, e);
                }
                memcpy(row_t, t, n * sizeof *t);
                memcpy(row_e, e, n * sizeof *e);
                if (row / ROW % ROWS_A_FLUSH == ROWS_A_FLUSH - 1)
                        flush(s->lanes);
        }
        flush(s->lanes);
        add_totals(s, gradient);
}
