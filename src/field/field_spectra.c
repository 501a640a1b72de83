#include "sculptor/field_spectra.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "field/bins.h"
#include "sculptor/memory.h"

#define TWO_PI 6.283185307179586476925286766559

struct field_spectra {
        const struct mesh *mesh;
        struct bins bins;
        double *mode[FIELD_SPECTRA_MOST]; /* [mesh_modes_here()][re, im] */
};

struct field_spectra *field_spectra_create(const struct mesh *mesh)
{
        struct field_spectra *spectra = allocate(1, sizeof *spectra);
        double unit[MESH_MAX_AXES] = {0}, held = INFINITY;
        for (int axis = 0; axis < mesh->n_axes; axis++) {
                const int64_t half = mesh->n[axis] / 2;
                unit[axis] = TWO_PI / mesh->length[axis];
                held = fmin(held, unit[axis] * (double)half);
        }
        const double width = mesh_smallest_wavenumber(mesh), last = floor(held / width * (1 + 1e-9));
        spectra->mesh = mesh;
        spectra->bins = bins_create(mesh, unit, width, last > 1 ? (size_t)last : 1);
        for (size_t i = 0; i < FIELD_SPECTRA_MOST; i++)
                spectra->mode[i] = allocate(2 * mesh_modes_here(mesh) + 1, sizeof(double));
        return spectra;
}

void field_spectra_free(struct field_spectra *spectra)
{
        if (!spectra)
                return;
        bins_release(&spectra->bins);
        for (size_t i = 0; i < FIELD_SPECTRA_MOST; i++)
                free(spectra->mode[i]);
        free(spectra);
}

size_t field_spectra_shells(const struct field_spectra *spectra)
{
        return spectra->bins.last;
}

const double *field_spectra_wavenumber(const struct field_spectra *spectra)
{
        return spectra->bins.mean + 1; /* bin 0 is k = 0 */
}

const double *field_spectra_modes(const struct field_spectra *spectra)
{
        return spectra->bins.count + 1;
}

static void keep_block(void *owner, const struct mesh_block *block)
{
        memcpy((double *)owner + 2 * block->first, block->value, 2 * block->mesh->block_modes * sizeof(double));
}

static size_t shell_of(const struct bins *bins, const struct mode *mode)
{
        double square[MESH_MAX_AXES] = {0};
        for (int axis = 0; axis < mode->mesh->n_axes; axis++) {
                const int64_t n = mode->n[axis];
                square[axis] = bins->square[axis][n < 0 ? n + mode->mesh->n[axis] : n];
        }
        return bins_of(bins, square[0] + (square[1] + square[2]));
}

static void add_products(const struct field_spectra *spectra, const struct mode *mode, size_t at, size_t n,
                         double *power)
{
        const size_t n_shells = spectra->bins.last, shell = shell_of(&spectra->bins, mode);
        if (shell == 0 || shell > n_shells)
                return;
        double *sum = power + shell - 1;
        for (size_t a = 0; a < n; a++)
                for (size_t b = a; b < n; b++, sum += n_shells) {
                        const double *of_a = spectra->mode[a] + 2 * at, *of_b = spectra->mode[b] + 2 * at;
                        *sum = fma(mode->weight, fma(of_a[0], of_b[0], of_a[1] * of_b[1]), *sum);
                }
}

void field_spectra_measure(struct field_spectra *spectra, const double *const *fields, size_t n, double *power)
{
        const struct mesh *mesh = spectra->mesh;
        const size_t n_shells = spectra->bins.last, n_products = n * (n + 1) / 2;
        for (size_t i = 0; i < n; i++)
                mesh_forward(mesh, fields[i], keep_block, spectra->mode[i]);
        memset(power, 0, n_products * n_shells * sizeof *power);
        for (size_t b = 0; b < mesh->n_blocks_here; b++) {
                struct mode mode;
                for (mode_begin(mesh, mesh->block_begin + (int64_t)b, &mode); mode_next(&mode);)
                        add_products(spectra, &mode, b * mesh->block_modes + mode.index, n, power);
        }
        for (size_t i = 0; i < n_products * n_shells; i++)
                power[i] /= spectra->bins.count[1 + i % n_shells] * (double)mesh->n_cells;
}
