/* One HDF5 file, many ranks: written so that it appears whole under its name or not at all.
 *
 * HDF5 only lays the file out. Rank 0 lets it write the metadata (and the small arrays) to a file in
 * memory in which the large arrays are holes; the ranks then copy that layout to .NAME.part and put each
 * its own rows at the large arrays' offsets. So every byte goes to disk through one checked call with an
 * errno, no rank waits inside a library for one that failed, HDF5 never meets a full disk (after which
 * it cannot close its file), and reading needs no MPI-IO either: contiguous little-endian rows at an offset. */
#ifndef SCULPTOR_IO_HDF5_FILE_H
#define SCULPTOR_IO_HDF5_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "io/hdf5_tools.h"

enum { CHUNK_BYTES = 4 << 20 }; /* the most that is copied at a time, or one row */

static inline int64_t hdf5_file_chunk_rows(size_t row_bytes)
{
        return row_bytes < CHUNK_BYTES ? (int64_t)(CHUNK_BYTES / row_bytes) : 1;
}

/* A large array, its rows split over the ranks in their order. */
struct file_array {
        const char *name;     /* made by describe() with hdf5_create_array(): contiguous, n_rows * row_bytes */
        int64_t n_rows;
        size_t row_bytes;
        int64_t first, count; /* this rank's rows */
        /* Local. Rows first .. first + count - 1 as they go to the file. */
        void (*fill)(const void *owner, int64_t first, int64_t count, void *rows);
        const void *owner;
};

struct file_plan {
        const char *path;
        void (*describe)(hid_t file, const void *owner); /* rank 0: everything but the large arrays' values */
        const void *owner;
        const struct file_array *array;
        size_t n_arrays;
};

/* Collective. NULL, or why with path and errno, the same on every rank (valid until the next agree()). */
const char *hdf5_file_write(const struct file_plan *plan);

/* Collective. Rows first .. first + count - 1 (this rank's) of a contiguous array of doubles of shape
 * (n_rows, n_columns), handed to take() in pieces. Values that are not finite are refused. As file_write. */
struct file_rows {
        const char *path, *name;
        int64_t n_rows, n_columns, first, count;
        void (*take)(void *owner, int64_t first, int64_t count, const double *rows);
        void *owner;
};
const char *hdf5_file_read_rows(const struct file_rows *rows);

#endif
