/* The mesh without its transforms. */
#ifndef SCULPTOR_FIELD_MESH_GEOMETRY_H
#define SCULPTOR_FIELD_MESH_GEOMETRY_H

#include "sculptor/mesh.h"

/* A rank's share of n things in runs of `each`. */
struct share { int64_t begin, n, each; };
struct share mesh_share(int64_t n, int rank, int size);

/* Fills all but the plans. */
void mesh_geometry(struct mesh *mesh, const struct mesh_settings *settings);

#endif
