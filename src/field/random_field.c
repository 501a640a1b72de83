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

struct batch {
        _Alignas(64) uint64_t low[BATCH], high[BATCH];
        _Alignas(64) double re[BATCH], im[BATCH];
        double im_sign[BATCH]; /* -1 where the conjugate mode was drawn, 0 where the mode is real */
};

/* A mode whose conjugate is in the kept half too is drawn at the larger of the two, by (n_y, n_z). */
static void key_of(const struct mesh *mesh, const int32_t n[MESH_MAX_AXES], struct batch *batch, size_t i)
{
        const int x = mesh->n_axes - 1;
        int32_t key[MESH_MAX_AXES] = {0};
        int order = 0; /* of n against its conjugate */
        for (int axis = 0; axis < x; axis++) {
                const int32_t conjugate = 2 * (int64_t)n[axis] == mesh->n[axis] ? n[axis] : -n[axis];
                if (order == 0 && n[axis] != conjugate)
                        order = n[axis] > conjugate ? 1 : -1;
        }
        for (int axis = 0; axis < x; axis++)
                key[axis] = order >= 0 || 2 * (int64_t)n[axis] == mesh->n[axis] ? n[axis] : -n[axis];
        batch->im_sign[i] = order;
        if (mesh->n_axes == 3)
                rng_mode_key(n[2], key[1], key[0], &batch->low[i], &batch->high[i]);
        else
                rng_mode_key(n[1], key[0], 0, &batch->low[i], &batch->high[i]);
}

static void make_keys(const struct mesh_block *block, size_t first, struct batch *batch)
{
        const struct mesh *mesh = block->mesh;
        const int x = mesh->n_axes - 1;
        const int64_t half = mesh->n[x] / 2 + 1;
        for (size_t i = 0; i < BATCH; i++) {
                const size_t index = first + i;
                const int64_t line = block->index * (int64_t)mesh->width + (int64_t)(index % mesh->width);
                int32_t n[MESH_MAX_AXES];
                n[0] = mesh_folded((int64_t)(index / mesh->width) % mesh->n_planes, mesh->n[0]);
                if (x == 2)
                        n[1] = mesh_folded(line / half % mesh->n[1], mesh->n[1]);
                n[x] = (int32_t)(line % half);
                if (mesh->line_weight[line] == 1) {
                        key_of(mesh, n, batch, i);
                } else {
                        batch->im_sign[i] = 1;
                        if (x == 2)
                                rng_mode_key(n[2], n[1], n[0], &batch->low[i], &batch->high[i]);
                        else
                                rng_mode_key(n[1], n[0], 0, &batch->low[i], &batch->high[i]);
                }
        }
}

/* F = sqrt(n_cells d) (z_0 + i z_1)/sqrt 2, or sqrt(n_cells d) z_0 where the mode is real. */
static void fill_block(void *owner, const struct mesh_block *block)
{
        const struct drawing *drawing = owner;
        const struct mesh *mesh = block->mesh;
        const double *variance = drawing->variance + block->first, n_cells = (double)mesh->n_cells;
        struct batch batch;
        for (size_t first = 0; first < mesh->block_modes; first += BATCH) {
                const size_t left = mesh->block_modes - first, n = left < BATCH ? left : BATCH;
                make_keys(block, first, &batch);
                rng_normal_modes(&drawing->stream, drawing->particle, batch.low, batch.high, batch.re, batch.im);
                for (size_t i = 0; i < n; i++) {
                        const double real = batch.im_sign[i] == 0;
                        double amplitude = drawing->sign * sqrt(n_cells * variance[first + i]);
                        double re = batch.re[i], im = batch.im_sign[i] * batch.im[i];
                        if (drawing->fixed_amplitude)
                                amplitude /= sqrt(re * re + im * im);
                        else
                                amplitude *= real ? 1 : 0.70710678118654752440;
                        block->value[2 * (first + i)] = amplitude * re;
                        block->value[2 * (first + i) + 1] = amplitude * im;
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
