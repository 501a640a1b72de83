#include "sculptor/random_field.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "field/mesh_geometry.h"
#include "sculptor/memory.h"

enum { BATCH = 64 }; /* modes drawn together: a multiple of every block's width */

/* ---- variances ---- */

/* On a cubic box |k|^2 = k_f^2 m, m a whole number: P is evaluated once for each. */
struct table {
        double *power; /* NAN: not evaluated yet */
        size_t n;
};

static bool is_cubic(const struct mesh *mesh)
{
        for (int i = 1; i < mesh->n_axes; i++)
                if (mesh->length[i] != mesh->length[0])
                        return false;
        return true;
}

static struct table table_create(const struct mesh *mesh)
{
        struct table table = {.n = 1};
        for (int i = 0; i < mesh->n_axes; i++)
                table.n += (size_t)(mesh->n[i] / 2) * (size_t)(mesh->n[i] / 2);
        enum { MOST = 1 << 24 };
        if (!is_cubic(mesh) || table.n > MOST)
                return (struct table){.n = 0};
        table.power = allocate(table.n, sizeof *table.power);
        for (size_t i = 0; i < table.n; i++)
                table.power[i] = NAN;
        return table;
}

static double power_of(const struct mode *mode, const struct power_spectrum *spectrum, struct table *table)
{
        if (table->n == 0)
                return power_spectrum_at(spectrum, sqrt(mode->k_squared));
        int64_t m = 0;
        for (int i = 0; i < mode->mesh->n_axes; i++)
                m += (int64_t)mode->n[i] * mode->n[i];
        if (isnan(table->power[m])) {
                const double fundamental = 2 * 3.14159265358979323846 / mode->mesh->length[0];
                table->power[m] = power_spectrum_at(spectrum, fundamental * sqrt((double)m));
        }
        return table->power[m];
}

const char *random_field_variances(const struct mesh *mesh, const struct power_spectrum *spectrum, double *variance)
{
        static char why[200];
        struct table table = table_create(mesh);
        *why = '\0';
        memset(variance, 0, mesh_modes_here(mesh) * sizeof *variance);
        for (size_t b = 0; b < mesh->n_blocks_here && !*why; b++) {
                struct mode mode;
                for (mode_begin(mesh, mesh->block_begin + (int64_t)b, &mode); mode_next(&mode);) {
                        const double power = mode.zero ? 0 : power_of(&mode, spectrum, &table);
                        if (!(power >= 0 && power < INFINITY)) {
                                snprintf(why, sizeof why, "P is %g at k = %g; a variance is 0 or more, and finite",
                                         power, sqrt(mode.k_squared));
                                break;
                        }
                        variance[b * mesh->block_modes + mode.index] = power / mesh->cell_volume;
                }
        }
        free(table.power);
        return *why ? why : NULL;
}

/* ---- draws ---- */

struct drawing {
        const double *variance;
        struct rng_stream stream;
        uint64_t particle;
        double sign;
        bool fixed_amplitude;
};

/* What the lines of a block have in common: the x and y part of a wavevector's key. */
struct lines {
        uint64_t key[BATCH];
        int32_t n_x[BATCH], n_y[BATCH];
        bool alone[BATCH]; /* whether modes and their conjugates are both kept */
        bool any_alone;
};

struct batch {
        _Alignas(64) uint64_t low[BATCH], high[BATCH];
        _Alignas(64) double re[BATCH], im[BATCH];
        _Alignas(64) double re_scale[BATCH], im_scale[BATCH]; /* of sqrt(n_cells d) */
};

static uint64_t key_bits(int32_t n_x, int32_t n_y, int32_t n_z)
{
        uint64_t low, high;
        rng_mode_key(n_x, n_y, n_z, &low, &high);
        return low | high << 32;
}

static void make_lines(const struct mesh_block *block, struct lines *lines)
{
        const struct mesh *mesh = block->mesh;
        const int64_t half = mesh->n[mesh->n_axes - 1] / 2 + 1;
        lines->any_alone = false;
        for (size_t j = 0; j < mesh->width; j++) {
                const int64_t line = block->index * (int64_t)mesh->width + (int64_t)j;
                const bool spare = line >= mesh->n_lines;
                lines->n_x[j] = (int32_t)(line % half);
                lines->n_y[j] = mesh->n_axes == 3 && !spare ? mesh_folded(line / half, mesh->n[1]) : 0;
                lines->key[j] = key_bits(lines->n_x[j], lines->n_y[j], 0);
                lines->alone[j] = mesh->line_weight[line] == 1;
                lines->any_alone |= lines->alone[j];
        }
}

/* 1 where -n is n on this axis. */
static bool own_conjugate(int64_t n, int64_t n_cells)
{
        return n == 0 || 2 * n == n_cells;
}

/* A mode whose conjugate is kept too is drawn at the one of the two that is larger along the first axis, or, being
 * equal there, along the second. The first axis is z, or y in two dimensions. */
static void key_alone(const struct mesh *mesh, const struct lines *lines, size_t j, int32_t n_0, double scale,
                      struct batch *batch, size_t i)
{
        const int32_t n_y = lines->n_y[j];
        const bool own_0 = own_conjugate(n_0, mesh->n[0]), own_y = mesh->n_axes == 2 || own_conjugate(n_y, mesh->n[1]);
        const bool real = own_0 && own_y, drawn_here = own_0 ? own_y || n_y > 0 : n_0 > 0;
        const int32_t key_0 = drawn_here || own_0 ? n_0 : -n_0, key_y = drawn_here || own_y ? n_y : -n_y;
        const uint64_t key = mesh->n_axes == 3 ? key_bits(lines->n_x[j], key_y, key_0)
                                               : key_bits(lines->n_x[j], key_0, 0);
        batch->low[i] = key & UINT64_C(0xffffffff);
        batch->high[i] = key >> 32;
        if (real)
                batch->re_scale[i] = scale;
        batch->im_scale[i] = real ? 0 : drawn_here ? batch->im_scale[i] : -batch->im_scale[i];
}

/* Whole rows of lines from plane `first` on. F = sqrt(n_cells d) (z_0 + i z_1)/sqrt 2, or, where the mode is real,
 * sqrt(n_cells d) z_0. */
static void make_keys(const struct mesh *mesh, const struct lines *lines, size_t first, double sign,
                      struct batch *batch)
{
        const size_t width = mesh->width;
        const int axis_shift = mesh->n_axes == 3 ? 42 : 21;
        const uint64_t mask = (UINT64_C(1) << 21) - 1;
        const double scale = sign * 0.70710678118654752440;
        for (size_t row = 0; row < BATCH / width; row++) {
                const int32_t n_0 = mesh_folded((int64_t)(first + row) % mesh->n_planes, mesh->n[0]);
                const uint64_t first_axis = ((uint64_t)(uint32_t)n_0 & mask) << axis_shift;
                for (size_t j = 0; j < width; j++) {
                        const size_t i = row * width + j;
                        const uint64_t key = lines->key[j] | first_axis;
                        batch->low[i] = key & UINT64_C(0xffffffff);
                        batch->high[i] = key >> 32;
                        batch->re_scale[i] = batch->im_scale[i] = scale;
                }
                for (size_t j = 0; lines->any_alone && j < width; j++)
                        if (lines->alone[j])
                                key_alone(mesh, lines, j, n_0, sign, batch, row * width + j);
        }
}

/* |F|^2 = n_cells d, whatever was drawn. */
static void fix_amplitudes(struct batch *batch)
{
        for (size_t i = 0; i < BATCH; i++) {
                const double re = batch->re_scale[i] * batch->re[i], im = batch->im_scale[i] * batch->im[i];
                const double norm = sqrt(fma(re, re, im * im));
                batch->re_scale[i] /= norm;
                batch->im_scale[i] /= norm;
        }
}

static void fill_block(void *owner, const struct mesh_block *block)
{
        const struct drawing *drawing = owner;
        const struct mesh *mesh = block->mesh;
        const double *variance = drawing->variance + block->first, n_cells = (double)mesh->n_cells;
        struct lines lines;
        struct batch batch;
        make_lines(block, &lines);
        for (size_t first = 0; first < mesh->block_modes; first += BATCH) {
                const size_t left = mesh->block_modes - first, n = left < BATCH ? left : BATCH;
                const double *restrict d = variance + first;
                double *restrict value = block->value + 2 * first;
                make_keys(mesh, &lines, first / mesh->width, drawing->sign, &batch);
                rng_normal_modes(&drawing->stream, drawing->particle, batch.low, batch.high, batch.re, batch.im);
                if (drawing->fixed_amplitude)
                        fix_amplitudes(&batch);
                for (size_t i = 0; i < n; i++) {
                        const double amplitude = sqrt(n_cells * d[i]);
                        value[2 * i] = amplitude * (batch.re_scale[i] * batch.re[i]);
                        value[2 * i + 1] = amplitude * (batch.im_scale[i] * batch.im[i]);
                }
        }
}

void random_field_draw(const struct mesh *mesh, const double *variance, const struct random_field_options *options,
                       const struct rng_stream *stream, uint64_t particle, double *field)
{
        const bool second = options->paired && particle % 2 == 1;
        struct drawing drawing = {.variance = variance, .stream = *stream, .particle = second ? particle - 1 : particle,
                                  .sign = second ? -1 : 1, .fixed_amplitude = options->fixed_amplitude};
        mesh_inverse(mesh, fill_block, &drawing, field);
}
