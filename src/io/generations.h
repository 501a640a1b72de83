/* The checkpoints of a directory, by name: checkpoint_<steps done, 12 digits>[_<n>].h5, the later the
 * higher. All functions are collective. */
#ifndef SCULPTOR_IO_GENERATIONS_H
#define SCULPTOR_IO_GENERATIONS_H

#include <stdint.h>

#include "io/manifest.h"

/* The path of a new generation: its name is above all there are at this step. The caller frees. NULL or why. */
const char *generations_next(const char *directory, int64_t steps_done, char **path);

/* Makes a checkpoint just written one of the generations: its digest, then its manifest, then the older ones beyond
 * `keep`
 * go. `manifest` says where the run stands. NULL or why; the file is removed then. */
const char *generations_finish(const char *directory, const char *path, const struct manifest *manifest, int keep);

/* Removes a checkpoint: its manifest first, so that what a kill leaves behind is never taken for whole. */
void generations_remove(const char *path);

/* After `newest` was verified: keeps it and the keep - 1 newest others that verify, and removes all that
 * are older than those. One that does not verify counts for nothing but is not removed before its time:
 * it may be the disk that fails to read it. */
void generations_prune(const char *directory, const char *newest, int keep);

#endif
