/* A mesh for tests/long/bits.c, which links without MPI and FFTW: the same blocks of modes, by direct sums in a fixed
 * order. So our own part of what fields go through is compared between builds, and FFTW's is not. */
#include <stdlib.h>
#include <string.h>

#include "field/mesh_geometry.h"
#include "sculptor/memory.h"
#include "sculptor/vecmath.h"

struct mesh *mesh_create(const struct mesh_settings *settings)
{
        struct mesh *mesh = allocate(1, sizeof *mesh);
        mesh_geometry(mesh, settings);
        return mesh;
}

void mesh_free(struct mesh *mesh)
{
        if (mesh)
                free(mesh->line_weight);
        free(mesh);
}

double *mesh_allocate(const struct mesh *mesh)
{
        return allocate(mesh->size, sizeof(double));
}

/* k x/(2 pi) of a mode at a cell, in [0, 1). */
static double turns(const struct mode *mode, int64_t plane, int64_t cell)
{
        const struct mesh *mesh = mode->mesh;
        const int64_t n_x = mesh->n[mesh->n_axes - 1];
        const int64_t place[MESH_MAX_AXES] = {plane, mesh->n_axes == 3 ? cell / n_x : cell % n_x, cell % n_x};
        double sum = 0;
        for (int i = 0; i < mesh->n_axes; i++) {
                const int64_t n = mesh->n[i], whole = ((int64_t)mode->n[i] * place[i] % n + n) % n;
                sum += (double)whole / (double)n;
        }
        while (sum >= 1)
                sum -= 1;
        return sum;
}

static double *forward(const struct mesh *mesh, const double *field)
{
        double *modes = allocate(2 * mesh_modes_here(mesh), sizeof *modes);
        for (int64_t block = 0; block < mesh->n_blocks; block++) {
                struct mode mode;
                for (mode_begin(mesh, block, &mode); mode_next(&mode);) {
                        double *value = modes + 2 * ((size_t)block * mesh->block_modes + mode.index);
                        for (int64_t p = 0; p < mesh->n_planes; p++)
                                for (size_t i = 0; i < mesh->plane_cells; i++) {
                                        const struct vm_sincos angle = vm_sincos_turns(turns(&mode, p, (int64_t)i));
                                        const double x = field[(size_t)p * mesh->plane_stride + i];
                                        value[0] += x * angle.cos;
                                        value[1] -= x * angle.sin;
                                }
                }
        }
        return modes;
}

static void back(const struct mesh *mesh, const double *modes, double *field)
{
        memset(field, 0, mesh->size * sizeof *field);
        for (int64_t block = 0; block < mesh->n_blocks; block++) {
                struct mode mode;
                for (mode_begin(mesh, block, &mode); mode_next(&mode);) {
                        const double *value = modes + 2 * ((size_t)block * mesh->block_modes + mode.index);
                        const double weight = mode.weight / (double)mesh->n_cells;
                        for (int64_t p = 0; p < mesh->n_planes; p++)
                                for (size_t i = 0; i < mesh->plane_cells; i++) {
                                        const struct vm_sincos angle = vm_sincos_turns(turns(&mode, p, (int64_t)i));
                                        field[(size_t)p * mesh->plane_stride + i] += weight * (value[0] * angle.cos -
                                                                                               value[1] * angle.sin);
                                }
                }
        }
}

static void visit_all(const struct mesh *mesh, double *modes, mesh_visit *visit, void *owner)
{
        for (size_t b = 0; b < mesh->n_blocks_here; b++) {
                const struct mesh_block block = {.mesh = mesh, .index = (int64_t)b, .first = b * mesh->block_modes,
                                                 .value = modes + 2 * b * mesh->block_modes};
                visit(owner, &block);
        }
}

void mesh_forward(const struct mesh *mesh, const double *field, mesh_visit *visit, void *owner)
{
        double *modes = forward(mesh, field);
        visit_all(mesh, modes, visit, owner);
        free(modes);
}

void mesh_inverse(const struct mesh *mesh, mesh_visit *fill, void *owner, double *field)
{
        double *modes = allocate(2 * mesh_modes_here(mesh), sizeof *modes);
        visit_all(mesh, modes, fill, owner);
        back(mesh, modes, field);
        free(modes);
}

void mesh_filter(const struct mesh *mesh, const double *in, double *out, mesh_visit *modify, void *owner)
{
        double *modes = forward(mesh, in);
        visit_all(mesh, modes, modify, owner);
        back(mesh, modes, out);
        free(modes);
}
