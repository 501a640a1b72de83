/* A snapshot: the population at the end of one noise level, laid out as docs/formats.md says and
 * written so that it either appears whole under its name or not at all. */
#ifndef SCULPTOR_SNAPSHOT_H
#define SCULPTOR_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "sculptor/population.h"
#include "sculptor/provenance.h"

struct mesh;

/* A number per particle or field beside the state. */
struct snapshot_column {
        const char *name, *unit, *help;
        /* value[LANES] for one tile, or for a field its number in value[0]. Local, for a field collective over
         * the domain: called for each column and each field in turn, before anything is written. */
        void (*evaluate)(void *owner, const double *x, double *value);
        void *owner;
};

struct snapshot {
        int64_t index;        /* 1 for the first level; 0 for the initial population */
        double sigma;
        double sigma_first;   /* sigma_max: time is ln(sigma_max/sigma), or the index where that does not increase */
        const char *process;  /* of noising, whose variable the state is; NULL where there is none */
        double scale, time;   /* with it: of this moment; state = scale (x_0 + sigma n) */
        const struct population *population;
        const struct mesh *mesh; /* of fields; NULL for particles */
        bool single;             /* fields are stored as floats */
        const struct snapshot_column *columns;
        size_t n_columns;
        const struct provenance *provenance;
};

/* Collective. Writes DIRECTORY/snapshot_<index, 4 digits>.h5. NULL on success; else why, with path and
 * errno, the same text on every rank; nothing is left behind then. */
const char *snapshot_write(const char *directory, const struct snapshot *snapshot);

/* Predicted size of the file in bytes: of particles, and of fields. Local. */
int64_t snapshot_size(int64_t n_particles, int64_t n_dim, size_t n_columns);
int64_t snapshot_fields_size(const struct mesh *mesh, int64_t n_fields, size_t n_columns, bool single);

#endif
