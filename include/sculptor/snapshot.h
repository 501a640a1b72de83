/* A snapshot: the population at the end of one noise level, laid out as docs/formats.md says and
 * written so that it either appears whole under its name or not at all. */
#ifndef SCULPTOR_SNAPSHOT_H
#define SCULPTOR_SNAPSHOT_H

#include <stdint.h>

#include "sculptor/population.h"
#include "sculptor/provenance.h"

/* A number per particle beside the state. */
struct snapshot_column {
        const char *name, *unit, *help;
        /* value[LANES] for one tile. Local. */
        void (*evaluate)(void *owner, const double *x, double *value);
        void *owner;
};

struct snapshot {
        int64_t index;        /* 1 for the first level; 0 for the initial population */
        double sigma;
        double sigma_first;   /* sigma_max: time is ln(sigma_max/sigma), or the index where that does not increase */
        const struct population *population;
        const struct snapshot_column *columns;
        size_t n_columns;
        const struct provenance *provenance;
};

/* Collective. Writes DIRECTORY/snapshot_<index, 4 digits>.h5. NULL on success; else why, with path and
 * errno, the same text on every rank; nothing is left behind then. */
const char *snapshot_write(const char *directory, const struct snapshot *snapshot);

/* Predicted size of the file in bytes. */
int64_t snapshot_size(int64_t n_particles, int64_t n_dim, size_t n_columns);

#endif
