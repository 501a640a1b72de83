/* The series file: one row per finished level, HDF5, a data set per quantity:
 *     h5py.File("series.h5")["mean"][:]        ->  (level, coordinate)
 * Rows live in memory (they are small), go to the file after each level by an atomic rewrite, and into
 * every checkpoint, so that a resumed run holds each level exactly once. */
#ifndef SCULPTOR_SERIES_H
#define SCULPTOR_SERIES_H

#include <stdbool.h>
#include <stddef.h>

#include "sculptor/provenance.h"

struct series_column {
        const char *name;
        int rank;           /* 0: a number per level; 1: shape[0]; 2: shape[0] x shape[1] */
        size_t shape[2];
        bool integer;       /* stored as int64 */
        const char *unit;   /* "1" where it has none */
        const char *help;   /* becomes the attribute long_name */
};

/* An array that does not change with the level (the exact target, for pictures), written beside them. */
struct series_constant {
        const char *name;
        int rank; /* 1 or 2 */
        size_t shape[2];
        const double *value; /* borrowed: must live as long as the series */
        const char *unit, *help;
};

struct series {
        const struct series_constant *constant; /* borrowed; may be NULL; not kept in checkpoints */
        size_t n_constants;
        size_t n_columns, width; /* width: doubles per row, all columns side by side */
        struct series_column *column;
        size_t n_rows, capacity;
        double *row;             /* [n_rows][width] */
};

struct series *series_create(const struct series_column *columns, size_t n_columns);
void series_free(struct series *series);
size_t series_offset(const struct series *series, const char *name); /* of a column in a row; fatal() if absent */
double *series_append(struct series *series);                        /* a new row, filled with NAN */

/* Collective; written by rank 0 to a temporary, fsync, rename. NULL on success, else why with path and
 * errno text, the same on every rank (owned by the callee, valid until the next call). */
const char *series_write(const struct series *series, const char *path, const struct provenance *provenance);

#endif
