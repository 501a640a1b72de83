/* The mesh without its transforms. */
#ifndef SCULPTOR_FIELD_MESH_GEOMETRY_H
#define SCULPTOR_FIELD_MESH_GEOMETRY_H

#include "sculptor/mesh.h"

/* A rank's share of n things in runs of `each`. */
struct share { int64_t begin, n, each; };
struct share mesh_share(int64_t n, int rank, int size);

/* The wavenumber of index i on an axis of n cells: -n/2 < it <= n/2. */
static inline int32_t mesh_folded(int64_t i, int64_t n)
{
        return (int32_t)(2 * i > n ? i - n : i);
}

/* Fills all but the plans. */
void mesh_geometry(struct mesh *mesh, const struct mesh_settings *settings);

#endif
