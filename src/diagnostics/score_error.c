#include "sculptor/score_error.h"
void score_error_normals(const struct rng_stream *stream, const struct mesh *mesh, int64_t n_dim,
                         uint64_t first_particle, double *z)
{
        if (!mesh) {
                rng_normal(stream, first_particle, n_dim, z);
                return;
        }
        for (size_t p = 0; p < mesh->n_planes_here; p++)
                rng_normal_row(stream, first_particle, (mesh->plane_begin + (int64_t)p) * (int64_t)mesh->plane_cells,
                               (int64_t)mesh->plane_cells, z + p * mesh->plane_stride);
}
