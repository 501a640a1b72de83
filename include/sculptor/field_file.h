/* Files of single fields: results on a mesh (wiener.h5), and a user's fields on ours (data, masks).
 *
 * A field is here as mesh.h lays it out: this rank's planes, each padded. */
#ifndef SCULPTOR_FIELD_FILE_H
#define SCULPTOR_FIELD_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "sculptor/mesh.h"
#include "sculptor/provenance.h"

struct field_output {
        const char *name, *unit, *help;
        const double *field; /* [mesh->size]; the same on every domain, of which the first writes */
        bool single;         /* stored as floats */
};

/* Collective. Data sets (z, y, x) or (y, x) with their scales, at most 32; BoxSize and Nmesh in the root. NULL on
 * success; else why, with path and errno, the same text on every rank; nothing is left behind then. */
const char *fields_write(const char *path, const struct mesh *mesh, const struct field_output *outputs, size_t n,
                         const struct provenance *provenance);

/* Local (one process may look, before MPI). NULL where a user's data set has the mesh's shape and real numbers,
 * integers or booleans, else why not: "mask in data.h5 has shape (64, 32), but the mesh is (64, 64)". Refuses what
 * dataset_inspect() refuses. */
const char *field_inspect(const char *path, const char *dataset, const struct mesh *mesh);

/* Collective. Reads this rank's planes into field[mesh->size]. Values that are not finite are an error
 * naming the cell. NULL, or why, the same on every rank. */
const char *field_read(const char *path, const char *dataset, const struct mesh *mesh, double *field);

/* The same, where values that are not finite are the caller's business. */
const char *field_read_any(const char *path, const char *dataset, const struct mesh *mesh, double *field);

/* Local. The same of an ensemble, (realization, [z,] y, x) or one field alone: how many, and this rank's planes of
 * one. */
const char *fields_inspect(const char *path, const char *dataset, const struct mesh *mesh, int64_t *n_fields);
const char *fields_read_one(const char *path, const char *dataset, const struct mesh *mesh, int64_t index,
                            double *field);

#endif
