/* One HDF5 file, many ranks: written so that it appears whole under its name or not at all.
 *
 * HDF5 only lays the file out. Rank 0 lets it write the metadata (and the small arrays) to a file in
 * memory in which the large arrays are holes; the ranks then copy that layout to .NAME.part and put each
 * its own rows at the large arrays' offsets. So every byte goes to disk through one checked call with an
 * errno, no rank waits inside a library for one that failed, HDF5 never meets a full disk (after which
 * it cannot close its file), and reading needs no MPI-IO either: contiguous little-endian rows at an offset. */
#ifndef SCULPTOR_IO_HDF5_FILE_H
#define SCULPTOR_IO_HDF5_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/hdf5_tools.h"
#include "sculptor/population.h"

enum { CHUNK_BYTES = 4 << 20 }; /* the most that is copied at a time, or one row */

/* Rows first .. first + count - 1, all of one run of this rank's. Begun with {0}; the next, false at the end. */
struct file_chunk { int64_t run, first, count; };
bool hdf5_file_next(const struct population_slab *slab, size_t row_bytes, struct file_chunk *chunk);

/* A large array, its rows split over the ranks. A row need not be one of the array's shape: a plane of a
 * field is a part of it. Rows that several ranks could write are in one rank's slab. */
struct file_array {
        const char *name;     /* made by describe() with hdf5_create_array(): contiguous, n_rows * row_values */
        struct population_slab slab;
        size_t value_bytes;
        /* Local. Rows first .. first + count - 1, all of one run, as they go to the file. */
        void (*fill)(const void *owner, int64_t first, int64_t count, void *rows);
        const void *owner;
};

static inline size_t hdf5_file_row_bytes(const struct file_array *array)
{
        return array->slab.row_values * array->value_bytes;
}

/* Slabs of arrays with a number for each particle and with a row of n for each tile. What ranks of a domain share
 * is in all their slabs, or where it is written only in domain rank 0's. */
struct population_slab file_slab_particles(const struct population *population, bool write);
struct population_slab file_slab_tiles(const struct population *population, size_t n, bool write);

/* What fills and takes rows of a population's arrays: x, or another of its shape. */
struct file_particles { const struct population *population; double *array; };
void file_fill_particles(const void *particles, int64_t first, int64_t count, void *rows);
void file_take_particles(void *particles, int64_t first, int64_t count, const double *rows);
void file_fill_ids(const void *owner, int64_t first, int64_t count, void *rows); /* u8: an id is its row */

struct file_plan {
        const char *path;
        void (*describe)(hid_t file, const void *owner); /* rank 0: everything but the large arrays' values */
        const void *owner;
        const struct file_array *array;
        size_t n_arrays;
};

/* Collective. NULL, or why with path and errno, the same on every rank (valid until the next agree()). */
const char *hdf5_file_write(const struct file_plan *plan);

/* Collective. This rank's rows of a contiguous array of doubles of shape (slab.n_rows * slab.row_values / n_columns,
 * n_columns), handed to take() in pieces. Values that are not finite are refused. As file_write. */
struct file_rows {
        const char *path, *name;
        int64_t n_columns;
        struct population_slab slab;
        void (*take)(void *owner, int64_t first, int64_t count, const double *rows);
        void *owner;
};
const char *hdf5_file_read_rows(const struct file_rows *rows);

#endif
