/* Checkpoints: everything a run needs to go on, on any number of ranks, to the same bits.
 *
 * DIRECTORY/checkpoint_<steps done, 12 digits>.h5 with a manifest beside it (same name, .manifest)
 * holding the size and the digest of the file's bytes; the manifest is written last and checked before
 * the file is opened as HDF5. A name is never reused: a second file at the same step gets "_2". */
#ifndef SCULPTOR_CHECKPOINT_H
#define SCULPTOR_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "sculptor/population.h"
#include "sculptor/provenance.h"
#include "sculptor/series.h"
#include "sculptor/tally.h"

/* Collective. Writes and verifies a new generation, then removes all but the newest `keep` valid ones; what does
 * not verify goes only where `keep` newer ones do, and the file just written never. `wisdom` is the mesh's
 * plans (mesh_plan), or NULL: kept, but no part of the payload.
 * NULL on success, else why (same on every rank); older generations are untouched then. `path` (may be
 * NULL) gets the new file's path; the caller frees. */
const char *checkpoint_write(const char *directory, const struct population *population,
                             const struct progress_mark *mark, const struct series *series,
                             const struct provenance *provenance, const char *wisdom, int keep, char **path);

/* Collective. The newest checkpoint of a directory whose manifest and digest verify, or NULL where there
 * is none. Each one passed over is told by `complain` (on rank 0) with its reason. The caller frees. */
char *checkpoint_newest(const char *directory, void (*complain)(const char *line));

/* Collective. NULL where FILE verifies, else why. */
const char *checkpoint_verify(const char *path);

/* Collective. What a (verified) checkpoint says of itself, before a population exists for it. */
struct checkpoint_header {
        int64_t n_particles, n_dim;
        int64_t n_planes;              /* of a field; 0 for particles */
        bool with_velocity;
        size_t n_history;
        size_t n_memory;
        struct progress_mark mark;
        char *parameters;              /* params_echo of the run that wrote it */
        char *wisdom;                  /* as checkpoint_write() got it; NULL where it was */
};
const char *checkpoint_read_header(const char *path, struct checkpoint_header *header);
void checkpoint_header_release(struct checkpoint_header *header);

/* Collective. Fills the population's arrays, whatever ensemble x domain grid wrote the file, and appends the
 * finished levels' rows to the series (whose columns must be the file's). NULL on success, else why. */
const char *checkpoint_read(const char *path, struct population *population, struct series *series);

/* Predicted size of the file in bytes, of particles or of fields of n_dim cells, n_arrays of them: state, velocity,
 * history. */
int64_t checkpoint_size(int64_t n_particles, int64_t n_dim, size_t n_arrays);

#endif
