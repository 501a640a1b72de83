/* A population with numbers for each of its particles, as a file of its own: /particle, /state and a data set a column
 * (of fields /realization and a state of shape (realization, [z,] y, x)). */
#ifndef SCULPTOR_PARTICLE_FILE_H
#define SCULPTOR_PARTICLE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "sculptor/population.h"
#include "sculptor/provenance.h"

struct mesh;

/* One of the two arrays: a number for each of this rank's particles, [population_count()]. */
struct particle_column {
        const char *name, *unit, *help;
        const double *value;
        const int64_t *count;
};

/* An attribute of the root. */
struct particle_constant { const char *name; double value; };

struct particle_file {
        const char *title;
        const struct population *population;
        const struct mesh *mesh;                  /* of fields; NULL for particles */
        const char *state, *state_help;           /* what the population's x is called in the file */
        const struct particle_column *column;
        size_t n_columns;
        const struct particle_constant *constant;
        size_t n_constants;
        const struct provenance *provenance;
};

/* Collective. NULL, or why with path and errno, the same on every rank; nothing is left behind then. */
const char *particle_file_write(const char *path, const struct particle_file *file);

#endif
