/* The run directory: what is in it, who may write in it; digests; data sets of users. */
#ifndef SCULPTOR_FILES_H
#define SCULPTOR_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Collective. Makes the directory (and its parents). NULL or why. */
const char *directory_make(const char *path);

/* Collective. Takes the directory for this job by an fcntl lock on DIRECTORY/.lock, which the system
 * releases when the process ends, however it ends. NULL, or why not ("... is in use by process 1234 on
 * host"). The lock stays until directory_unlock() or exit. */
const char *directory_lock(const char *path);
void directory_unlock(void);

/* Collective. For --fresh: moves snapshots, checkpoints, manifests, series, echo and log of an earlier
 * run into DIRECTORY/previous_0001 (the next free number). *moved_to is NULL where there was nothing;
 * the caller frees. NULL or why. */
const char *directory_set_aside(const char *path, char **moved_to);

/* Collective. Text, or bytes, written whole by rank 0: temporary, fsync, rename, fsync of the directory. */
const char *text_write_atomic(const char *path, const char *text);
const char *bytes_write_atomic(const char *path, const void *bytes, size_t n);

const char *hdf5_library(void); /* "hdf5@1.10.8" */

/* SHA-256 [FIPS 180-4]. */
struct sha256 { uint32_t h[8]; uint64_t n_bytes; unsigned char block[64]; };
void sha256_begin(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const void *bytes, size_t n);
void sha256_end(struct sha256 *sha, char hex[65]);
/* Of files over 1 GiB the length and the first and last 64 MiB: as fast for any size. Else as file_digest(). */
const char *file_digest_ends(const char *path, char hex[65]);
const char *file_digest(const char *path, char hex[65]); /* local; of the whole file. NULL or why */

/* Local. The SHA-256 of a snapshot's or checkpoint's payload: its arrays in a fixed order and its place
 * in the run; not provenance, dates or wall times. NULL or why. */
const char *payload_hash(const char *path, char hex[65]);

/* A user's data set of shape (rows, columns), or (rows) taken as one column; any HDF5 real type. */
enum { DATASET_SHAPE_AXES = 8 };
struct dataset_shape {
        int64_t n_rows, n_columns;
        int rank;
        int64_t size[DATASET_SHAPE_AXES]; /* of each of its axes */
};

/* Local (one process may look, before MPI). Refuses external storage, external links, virtual data
 * sets, other ranks and types, unknown filters, with the reason. */
const char *dataset_inspect(const char *path, const char *name, struct dataset_shape *shape);

/* Local. Rows first .. first + count - 1 as doubles, rows[count][n_columns]. Non-finite values are an
 * error naming the row. */
const char *dataset_read_rows(const char *path, const char *name, int64_t first, int64_t count, double *rows);

/* The same of data sets of any rank: a row is all that has one index along the first axis. */
const char *dataset_inspect_flat(const char *path, const char *name, struct dataset_shape *shape);
const char *dataset_read_flat(const char *path, const char *name, int64_t first, int64_t count, double *rows);

#endif
