/* The bispectrum by transforms [Scoccimarro 2000]. With I_a(x) the field that is left of f where only the modes of
 * shell a are kept,
 *
 *     sum_x I_a I_b I_c = n_cells^-2 sum F_p F_q F_r over p in a, q in b, r in c with p + q + r = 0,
 *     B(a, b, c) = <delta_p delta_q delta_r>/V, delta_k = V_cell F_k,
 *
 * and the number of triangles from the same sum for F = 1. Equilateral (s, s, s) and squeezed (s, s, 1). For each
 * field one transform forward and one back a shell. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "field/estimators.h"
#include "sculptor/memory.h"

/* ---- one shell ---- */

struct shell_fill {
        const struct estimators *estimators;
        const double *modes; /* NULL: all are 1 */
        size_t shell;
};

static void fill_shell(void *owner, const struct mesh_block *block)
{
        const struct shell_fill *fill = owner;
        const struct mesh *mesh = block->mesh;
        const double *modes = fill->modes ? fill->modes + 2 * block->first : NULL;
        const size_t first_line = (size_t)block->index * mesh->width;
        size_t i = 0; /* of the real part in the block; it is filled with 0 */
        for (size_t plane = 0; plane < (size_t)mesh->n_planes; plane++)
                for (size_t line = first_line; line < first_line + mesh->width; line++, i += 2)
                        if (estimators_shell(fill->estimators, plane, line) == fill->shell) {
                                block->value[i] = modes ? modes[i] : 1;
                                block->value[i + 1] = modes ? modes[i + 1] : 0;
                        }
}

static void keep_modes(void *owner, const struct mesh_block *block)
{
        memcpy((double *)owner + 2 * block->first, block->value, 2 * block->mesh->block_modes * sizeof *block->value);
}

/* ---- sums over triangles ---- */

struct triple { const double *low, *shell; };

static void add_equilateral(void *owner, size_t begin, size_t end, double *sum)
{
        const double *shell = ((const struct triple *)owner)->shell;
        for (size_t row = begin; row < end; row += 64)
                for (size_t i = 0; i < 64; i++)
                        sum[i] += shell[row + i] * shell[row + i] * shell[row + i];
}

static void add_squeezed(void *owner, size_t begin, size_t end, double *sum)
{
        const double *shell = ((const struct triple *)owner)->shell, *low = ((const struct triple *)owner)->low;
        for (size_t row = begin; row < end; row += 64)
                for (size_t i = 0; i < 64; i++)
                        sum[i] += shell[row + i] * shell[row + i] * low[row + i];
}

/* sum[2 n_bispectrum] of F_p F_q F_r; modes NULL: all are 1. */
static void sum_triangles(const struct estimators *estimators, const struct bispectrum_memory *memory,
                          const double *modes, double *sum)
{
        const struct mesh *mesh = estimators->mesh;
        const double n_cells = (double)mesh->n_cells;
        struct triple triple = {memory->low, memory->shell};
        struct shell_fill fill = {.estimators = estimators, .modes = modes};
        for (size_t b = 0; b < estimators->n_bispectrum; b++) {
                fill.shell = b + 1;
                mesh_inverse(mesh, fill_shell, &fill, memory->shell);
                if (b == 0)
                        memcpy(memory->low, memory->shell, mesh->size * sizeof *memory->low);
                sum[b] = n_cells * n_cells * mesh_sum(mesh, add_equilateral, &triple);
                sum[estimators->n_bispectrum + b] = n_cells * n_cells * mesh_sum(mesh, add_squeezed, &triple);
        }
}

struct bispectrum_memory bispectrum_begin(struct estimators *estimators)
{
        const struct mesh *mesh = estimators->mesh;
        const struct bispectrum_memory memory = {
                .modes = allocate(2 * mesh_modes_here(mesh), sizeof *memory.modes),
                .low = mesh_allocate(mesh),
                .shell = mesh_allocate(mesh),
        };
        if (!estimators->triangles) {
                estimators->triangles = allocate(2 * estimators->n_bispectrum, sizeof *estimators->triangles);
                sum_triangles(estimators, &memory, NULL, estimators->triangles);
                for (size_t b = 0; b < 2 * estimators->n_bispectrum; b++)
                        estimators->triangles[b] = nearbyint(estimators->triangles[b]); /* whole but for rounding */
        }
        return memory;
}

void bispectrum_end(struct bispectrum_memory *memory)
{
        free(memory->modes);
        free(memory->low);
        free(memory->shell);
}

void bispectrum_measure(const struct estimators *estimators, const struct bispectrum_memory *memory,
                        const double *field, double *bispectrum)
{
        const struct mesh *mesh = estimators->mesh;
        const double volume = mesh->cell_volume, scale = volume * volume / (double)mesh->n_cells; /* V_cell^3/V */
        mesh_forward(mesh, field, keep_modes, memory->modes);
        sum_triangles(estimators, memory, memory->modes, bispectrum);
        for (size_t b = 0; b < 2 * estimators->n_bispectrum; b++)
                bispectrum[b] *= estimators->triangles[b] > 0 ? scale / estimators->triangles[b] : NAN;
}
