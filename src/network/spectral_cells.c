/* What a spectral network does in each cell: z = W h + b, t = W' (a phi(z)), and derivatives, in rows of 64 cells.
 *
 * Spare cells may get anything here: they are not read by transforms, and in sums over cells each term has a factor
 * that came from one, which leaves 0 there. Sums over cells keep 16 lanes: cell i adds to lane i mod 16; each 64 rows
 * the floats are added to doubles. So their order is a function of the mesh alone. */
#include <stdlib.h>
#include <string.h>

#include "network/activation.h"
#include "network/spectral.h"
#include "network/vector.h"
#include "sculptor/memory.h"

enum { ROW = 64, KEPT = 16, TOGETHER = 4, VECTORS = ROW / VECTOR_FLOATS, MOST_CHANNELS = 64, ROWS_A_FLUSH = 64 };

/* ---- rows: x of channels lies `stride` apart ---- */

/* z = bias + sum_c w[c] x_c, in the order of c. */
static inline void mix(size_t n, const float *restrict w, float bias, const float *restrict x, size_t stride,
                       float *restrict z)
{
        vector sum[VECTORS];
        for (int i = 0; i < VECTORS; i++)
                sum[i] = vector_all(bias);
        for (size_t c = 0; c < n; c++) {
                const vector by = vector_all(w[c]);
                for (int i = 0; i < VECTORS; i++)
                        sum[i] = vector_fma(by, vector_load(x + c * stride + i * VECTOR_FLOATS), sum[i]);
        }
        for (int i = 0; i < VECTORS; i++)
                vector_store(z + i * VECTOR_FLOATS, sum[i]);
}

/* t_c += sum over `count` of m of w[m][c] y[m], in the order of m. */
static inline void unmix(size_t n, size_t count, const float *restrict w, float y[TOGETHER][ROW],
                         float t[MOST_CHANNELS][ROW])
{
        for (size_t c = 0; c < n; c++) {
                vector sum[VECTORS];
                for (int i = 0; i < VECTORS; i++)
                        sum[i] = vector_load(t[c] + i * VECTOR_FLOATS);
                for (size_t m = 0; m < count; m++) {
                        const vector by = vector_all(w[m * n + c]);
                        for (int i = 0; i < VECTORS; i++)
                                sum[i] = vector_fma(by, vector_load(y[m] + i * VECTOR_FLOATS), sum[i]);
                }
                for (int i = 0; i < VECTORS; i++)
                        vector_store(t[c] + i * VECTOR_FLOATS, sum[i]);
        }
}

struct shape_of_phi { float value[ROW], slope[ROW], curvature[ROW]; };

static inline void activate(int activation, const float *restrict z, struct shape_of_phi *restrict phi)
{
        if (activation == SPECTRAL_SILU)
                for (int i = 0; i < ROW; i++) {
                        const struct activated at = act_silu(z[i]);
                        phi->value[i] = at.value;
                        phi->slope[i] = at.slope;
                }
        else
                for (int i = 0; i < ROW; i++) {
                        const struct activated at = act_tanh(z[i]);
                        phi->value[i] = at.value;
                        phi->slope[i] = at.slope;
                }
}

static inline void bend(int activation, const float *restrict z, struct shape_of_phi *restrict phi)
{
        if (activation == SPECTRAL_SILU)
                for (int i = 0; i < ROW; i++) {
                        const struct activated at = act_silu(z[i]);
                        phi->value[i] = at.value;
                        phi->slope[i] = at.slope;
                        phi->curvature[i] = at.curvature;
                }
        else
                for (int i = 0; i < ROW; i++) {
                        const struct activated at = act_tanh(z[i]);
                        phi->value[i] = at.value;
                        phi->slope[i] = at.slope;
                        phi->curvature[i] = at.curvature;
                }
}

static void store_row(const struct spectral *s, float t[MOST_CHANNELS][ROW], float *to)
{
        for (size_t c = 0; c < s->n_channels; c++)
                memcpy(to + c * s->mesh->size, t[c], sizeof t[c]);
}

static size_t group(const struct spectral *s, size_t m)
{
        return s->n_hidden - m < TOGETHER ? s->n_hidden - m : TOGETHER;
}

/* ---- forward, and along a tangent ---- */

void spectral_cells_forward(struct spectral *s)
{
        const size_t n = s->n_channels, size = s->mesh->size;
        const float *w = s->theta + s->weight;
        _Alignas(64) float t[MOST_CHANNELS][ROW], y[TOGETHER][ROW], z[ROW];
        struct shape_of_phi phi;
        for (size_t row = 0; row < size; row += ROW) {
                memset(t, 0, n * sizeof *t);
                for (size_t m = 0; m < s->n_hidden; m += TOGETHER) {
                        for (size_t j = 0; j < group(s, m); j++) {
                                mix(n, w + (m + j) * n, s->shift[m + j], s->h + row, size, z);
                                activate(s->settings->activation, z, &phi);
                                for (int i = 0; i < ROW; i++)
                                        y[j][i] = s->scale[m + j] * phi.value[i];
                        }
                        unmix(n, group(s, m), w + m * n, y, t);
                }
                store_row(s, t, s->t + row);
        }
}

/* e = W' (a phi'(z) W p) */
void spectral_cells_tangent(struct spectral *s)
{
        const size_t n = s->n_channels, size = s->mesh->size;
        const float *w = s->theta + s->weight;
        _Alignas(64) float t[MOST_CHANNELS][ROW], y[TOGETHER][ROW], z[ROW], dz[ROW];
        struct shape_of_phi phi;
        for (size_t row = 0; row < size; row += ROW) {
                memset(t, 0, n * sizeof *t);
                for (size_t m = 0; m < s->n_hidden; m += TOGETHER) {
                        for (size_t j = 0; j < group(s, m); j++) {
                                mix(n, w + (m + j) * n, s->shift[m + j], s->h + row, size, z);
                                mix(n, w + (m + j) * n, 0, s->p + row, size, dz);
                                activate(s->settings->activation, z, &phi);
                                for (int i = 0; i < ROW; i++)
                                        y[j][i] = s->scale[m + j] * phi.slope[i] * dz[i];
                        }
                        unmix(n, group(s, m), w + m * n, y, t);
                }
                store_row(s, t, s->e + row);
        }
}

/* ---- sums over cells ---- */

struct spectral_lanes {
        size_t n_hidden, n_sums;                /* of each m: W's channels, then b, then a */
        float *now;                             /* [n_hidden][n_sums][KEPT] */
        double *before;
};

struct spectral_lanes *spectral_lanes_create(size_t n_hidden, size_t n_channels)
{
        struct spectral_lanes *lanes = allocate(1, sizeof *lanes);
        *lanes = (struct spectral_lanes){.n_hidden = n_hidden, .n_sums = n_channels + 2};
        lanes->now = allocate(n_hidden * lanes->n_sums * KEPT, sizeof *lanes->now);
        lanes->before = allocate(n_hidden * lanes->n_sums * KEPT, sizeof *lanes->before);
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
        const size_t n = lanes->n_hidden * lanes->n_sums * KEPT;
        memset(lanes->now, 0, n * sizeof *lanes->now);
        memset(lanes->before, 0, n * sizeof *lanes->before);
}

static void flush(struct spectral_lanes *lanes)
{
        const size_t n = lanes->n_hidden * lanes->n_sums * KEPT;
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

/* kept[i mod 16] += sum over pairs of a b, in the order of i, and of the pairs where these are at one i. */
static inline void add_products(int pairs, const float *const a[], const float *const b[], float *restrict kept)
{
        for (int part = 0; part < KEPT; part += VECTOR_FLOATS) {
                vector sum = vector_load(kept + part);
                for (int i = part; i < ROW; i += KEPT)
                        for (int k = 0; k < pairs; k++)
                                sum = vector_fma(vector_load(a[k] + i), vector_load(b[k] + i), sum);
                vector_store(kept + part, sum);
        }
}

static inline void add_row(const float *restrict a, float *restrict kept)
{
        for (int i = 0; i < ROW; i += KEPT)
                for (int j = 0; j < KEPT; j++)
                        kept[j] += a[i + j];
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
void spectral_cells_backward(struct spectral *s, float *adjoint, float *gradient)
{
        const size_t n = s->n_channels, size = s->mesh->size, n_sums = s->lanes->n_sums;
        const float *w = s->theta + s->weight;
        _Alignas(64) float t[MOST_CHANNELS][ROW], r[TOGETHER][ROW], z[ROW], q[ROW], y[ROW];
        struct shape_of_phi phi;
        clear(s->lanes);
        for (size_t row = 0; row < size; row += ROW) {
                memset(t, 0, n * sizeof *t);
                for (size_t m = 0; m < s->n_hidden; m += TOGETHER) {
                        for (size_t j = 0; j < group(s, m); j++) {
                                float *kept = s->lanes->now + (m + j) * n_sums * KEPT;
                                mix(n, w + (m + j) * n, s->shift[m + j], s->h + row, size, z);
                                mix(n, w + (m + j) * n, 0, adjoint + row, size, q);
                                activate(s->settings->activation, z, &phi);
                                for (int i = 0; i < ROW; i++) {
                                        y[i] = s->scale[m + j] * phi.value[i];
                                        r[j][i] = s->scale[m + j] * phi.slope[i] * q[i];
                                }
                                for (size_t c = 0; c < n; c++)
                                        add_products(2, (const float *const[]){y, r[j]},
                                                     (const float *const[]){adjoint + c * size + row, s->h + c * size + row},
                                                     kept + c * KEPT);
                                add_row(r[j], kept + n * KEPT);
                                add_products(1, (const float *const[]){phi.value}, (const float *const[]){q},
                                             kept + (n + 1) * KEPT);
                        }
                        unmix(n, group(s, m), w + m * n, r, t);
                }
                store_row(s, t, adjoint + row);
                if (row / ROW % ROWS_A_FLUSH == ROWS_A_FLUSH - 1)
                        flush(s->lanes);
        }
        flush(s->lanes);
        add_totals(s, gradient);
}

/* L = sum_m a (phi(z) r + phi'(z) dz q), r = W of_t, q = W of_e, dz = W p. Of z: a (phi' r + phi'' dz q); of dz: a phi' q;
 * of a: phi r + phi' dz q; of W: a phi of_t + a phi' dz of_e + (of z) h + (of dz) p. */
void spectral_cells_backward_tangent(struct spectral *s, float *of_t, float *of_e, float *gradient)
{
        const size_t n = s->n_channels, size = s->mesh->size, n_sums = s->lanes->n_sums;
        const float *w = s->theta + s->weight;
        _Alignas(64) float t[MOST_CHANNELS][ROW], e[MOST_CHANNELS][ROW], of_z[TOGETHER][ROW], of_dz[TOGETHER][ROW];
        _Alignas(64) float z[ROW], dz[ROW], r[ROW], q[ROW], y[ROW], dy[ROW], of_a[ROW];
        struct shape_of_phi phi;
        clear(s->lanes);
        for (size_t row = 0; row < size; row += ROW) {
                memset(t, 0, n * sizeof *t);
                memset(e, 0, n * sizeof *e);
                for (size_t m = 0; m < s->n_hidden; m += TOGETHER) {
                        for (size_t j = 0; j < group(s, m); j++) {
                                const float a = s->scale[m + j], *of_m = w + (m + j) * n;
                                float *kept = s->lanes->now + (m + j) * n_sums * KEPT;
                                mix(n, of_m, s->shift[m + j], s->h + row, size, z);
                                mix(n, of_m, 0, s->p + row, size, dz);
                                mix(n, of_m, 0, of_t + row, size, r);
                                mix(n, of_m, 0, of_e + row, size, q);
                                bend(s->settings->activation, z, &phi);
                                for (int i = 0; i < ROW; i++) {
                                        y[i] = a * phi.value[i];
                                        dy[i] = a * phi.slope[i] * dz[i];
                                        of_a[i] = __builtin_fmaf(phi.value[i], r[i], phi.slope[i] * dz[i] * q[i]);
                                        of_z[j][i] = a * __builtin_fmaf(phi.slope[i], r[i], phi.curvature[i] * dz[i] * q[i]);
                                        of_dz[j][i] = a * phi.slope[i] * q[i];
                                }
                                for (size_t c = 0; c < n; c++) {
                                        const size_t at = c * size + row;
                                        add_products(4, (const float *const[]){y, dy, of_z[j], of_dz[j]},
                                                     (const float *const[]){of_t + at, of_e + at, s->h + at, s->p + at},
                                                     kept + c * KEPT);
                                }
                                add_row(of_z[j], kept + n * KEPT);
                                add_row(of_a, kept + (n + 1) * KEPT);
                        }
                        unmix(n, group(s, m), w + m * n, of_z, t);
                        unmix(n, group(s, m), w + m * n, of_dz, e);
                }
                store_row(s, t, of_t + row);
                store_row(s, e, of_e + row);
                if (row / ROW % ROWS_A_FLUSH == ROWS_A_FLUSH - 1)
                        flush(s->lanes);
        }
        flush(s->lanes);
        add_totals(s, gradient);
}

/* ---- energy ---- */

static void add_energy(void *owner, size_t begin, size_t end, double *sum)
{
        const struct spectral *s = owner;
        const size_t n = s->n_channels, stride = s->mesh->plane_stride;
        _Alignas(64) float z[ROW];
        for (size_t row = begin; row < end; row += ROW) {
                const size_t in_plane = row % stride, left = s->mesh->plane_cells - in_plane;
                for (size_t m = 0; m < s->n_hidden; m++) {
                        mix(n, s->theta + s->weight + m * n, s->shift[m], s->h + row, s->mesh->size, z);
                        for (size_t i = 0; i < ROW; i++) {
                                const double by = in_plane < s->mesh->plane_cells && i < left ? (double)s->scale[m] : 0;
                                sum[i] = __builtin_fma(by, act_ln_cosh((double)z[i]), sum[i]);
                        }
                }
        }
}

double spectral_cells_energy(struct spectral *s)
{
        return mesh_sum(s->mesh, add_energy, s);
}
