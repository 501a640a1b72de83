/* A checkpoint's manifest: a few lines of text beside the file that hold the digest of its bytes, and of
 * themselves. Checked before the file is opened as HDF5, whose parser is not proof against damage.
 *
 *     sculptor checkpoint manifest 1
 *     file checkpoint_000000001000.h5
 *     size 960512
 *     digest sha256 of the sha256 of each 4 MiB
 *     <64 hex digits>
 *     level 3
 *     step 0
 *     steps_done 1000
 *     this manifest up to here, sha256
 *     <64 hex digits>
 *
 * A digest tells damage, not an attacker, who would write a manifest as well. */
#ifndef SCULPTOR_IO_MANIFEST_H
#define SCULPTOR_IO_MANIFEST_H

#include <stdint.h>

struct manifest {
        int64_t size;
        char digest[65];
        int64_t level, step, steps_done;
};

/* Local. PATH.h5 -> PATH.manifest; the caller frees. */
char *manifest_path(const char *path);

/* Collective. The digest of a file's bytes: blocks of 4 MiB, shared over the ranks, so that it is read at
 * all ranks' speed. Fills size and digest. NULL or why. */
const char *manifest_digest(const char *path, struct manifest *manifest);

/* Collective. Writes PATH's manifest. NULL or why. */
const char *manifest_write(const char *path, const struct manifest *manifest);

/* Collective. Reads PATH's manifest and holds PATH's size against it. NULL or why. */
const char *manifest_read(const char *path, struct manifest *manifest);

#endif
