/* Planned meshes for networks of fields. */
#ifndef SCULPTOR_TESTS_SPECTRAL_FIXTURE_H
#define SCULPTOR_TESTS_SPECTRAL_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "sculptor/mesh.h"

/* cells and box along x, y[, z] */
static inline struct mesh *spectral_mesh(int n_axes, const double *cells, const double *box)
{
        double n[3], length[3];
        memcpy(n, cells, (size_t)n_axes * sizeof *n);
        memcpy(length, box, (size_t)n_axes * sizeof *length);
        struct mesh *mesh = mesh_create(&(struct mesh_settings){.cells = {.n = (size_t)n_axes, .value = n},
                                                                .dimensions = n_axes,
                                                                .box_size = {.n = (size_t)n_axes, .value = length}});
        free(mesh_plan(mesh, MESH_ESTIMATE, NULL, false));
        return mesh;
}

/* Of a mesh that is whole here: where cell number `cell` lies. */
static inline size_t spectral_cell(const struct mesh *mesh, int64_t cell)
{
        const size_t i = (size_t)cell;
        return i / mesh->plane_cells * mesh->plane_stride + i % mesh->plane_cells;
}

#endif
