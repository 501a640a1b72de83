/* What a checkpoint's HDF5 file holds: shared by its writer, its readers and the payload's hash.
 *
 *     /state [N][d], /velocity, /history_1, /history_2 [N][d], /tile_memory [tiles][n_memory]   doubles, contiguous
 *     /series/<column> (level, ...)                                     doubles
 *     /progress                                                         attributes: where the run stands
 *     /                                                                 attributes: provenance; of fields
 *                                                                       n_planes, and wisdom where there is any */
#ifndef SCULPTOR_IO_CHECKPOINT_FILE_H
#define SCULPTOR_IO_CHECKPOINT_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "io/hdf5_file.h"
#include "io/hdf5_tools.h"
#include "sculptor/population.h"
#include "sculptor/tally.h"

/* A number of the progress mark: an attribute of /progress. */
struct mark_field {
        const char *name;
        size_t offset;
        bool real;    /* double, else int64_t */
        bool payload; /* decides how the run goes on, so it is hashed; wall times are not */
};
extern const struct mark_field checkpoint_mark_fields[];
extern const size_t checkpoint_n_mark_fields;
extern const char *const checkpoint_history_names[POPULATION_MAX_HISTORY];

/* The arrays of a population's shape that it has, x first, in the file's order. Returns how many. */
enum { CHECKPOINT_MOST_ARRAYS = 2 + POPULATION_MAX_HISTORY };
struct checkpoint_array { const char *name; struct file_particles particles; };
size_t checkpoint_arrays(const struct population *population, struct checkpoint_array array[CHECKPOINT_MOST_ARRAYS]);

/* Local. The mark of an open file; failures are hdf5_failure()'s. */
void checkpoint_mark_get(hid_t file, struct progress_mark *mark);

#endif
