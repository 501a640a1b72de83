#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/agree.h"
#include "io/disk.h"
#include "io/hdf5_file.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

bool hdf5_file_next(const struct population_slab *slab, size_t row_bytes, struct file_chunk *chunk)
{
        const int64_t most = row_bytes < CHUNK_BYTES ? (int64_t)(CHUNK_BYTES / row_bytes) : 1;
        int64_t run_begin = slab->first + chunk->run * slab->stride;
        int64_t next = chunk->count > 0 ? chunk->first + chunk->count : run_begin;
        if (next == run_begin + slab->count) {
                chunk->run++;
                next = run_begin = slab->first + chunk->run * slab->stride;
        }
        if (chunk->run >= slab->n_runs || slab->count == 0)
                return false;
        const int64_t left = run_begin + slab->count - next;
        chunk->first = next;
        chunk->count = left < most ? left : most;
        return true;
}

struct population_slab file_slab_particles(const struct population *population, bool write)
{
        const bool shared = population_is_field(population) && parallel_domain_rank() != 0;
        return (struct population_slab){.n_rows = population->n_global,
                                        .row_values = 1,
                                        .first = population_first(population),
                                        .count = population_count(population),
                                        .n_runs = !(write && shared)};
}

struct population_slab file_slab_tiles(const struct population *population, size_t n, bool write)
{
        struct population_slab slab = file_slab_particles(population, write);
        slab.n_rows = population->n_tiles_global;
        slab.row_values = n;
        slab.first = population->tile_begin;
        slab.count = (int64_t)population->n_tiles;
        return slab;
}

void file_fill_particles(const void *particles, int64_t first, int64_t count, void *rows)
{
        const struct file_particles *of = particles;
        population_to_rows(of->population, of->array, first, count, rows);
}

void file_take_particles(void *particles, int64_t first, int64_t count, const double *rows)
{
        const struct file_particles *of = particles;
        population_from_rows(of->population, of->array, first, count, rows);
}

void file_fill_ids(const void *owner, int64_t first, int64_t count, void *rows)
{
        (void)owner;
        uint64_t *id = rows;
        for (int64_t i = 0; i < count; i++)
                id[i] = (uint64_t)(first + i);
}

/* Rank 0. Where a contiguous array of doubles of this very shape lies in the file. */
static const char *locate(const struct file_rows *rows, int64_t *offset)
{
        hdf5_begin();
        hid_t file = H5(H5Fopen(rows->path, H5F_ACC_RDONLY, H5P_DEFAULT));
        hid_t set = H5(H5Dopen2(file, rows->name, H5P_DEFAULT));
        hid_t type = H5(H5Dget_type(set)), space = H5(H5Dget_space(set)), creation = H5(H5Dget_create_plist(set));
        hsize_t shape[2] = {0, 0};
        const int64_t n_rows = rows->slab.n_rows * (int64_t)rows->slab.row_values / rows->n_columns;
        const char *why = NULL;
        if (hdf5_failure())
                why = reason("%s: %s: %s", rows->path, rows->name, hdf5_failure());
        else if (H5Tequal(type, H5T_IEEE_F64LE) <= 0 || H5Sget_simple_extent_ndims(space) != 2 ||
                 H5Sget_simple_extent_dims(space, shape, NULL) != 2 || (int64_t)shape[0] != n_rows ||
                 (int64_t)shape[1] != rows->n_columns)
                why = reason("%s: %s is not an array of doubles of shape (%lld, %lld)", rows->path, rows->name,
                             (long long)n_rows, (long long)rows->n_columns);
        else if (H5Pget_layout(creation) != H5D_CONTIGUOUS || H5Pget_external_count(creation) != 0 ||
                 H5Dget_offset(set) == HADDR_UNDEF)
                why = reason("%s: %s is not stored in one piece", rows->path, rows->name);
        else
                *offset = (int64_t)H5Dget_offset(set);
        H5Pclose(creation);
        H5Sclose(space);
        H5Tclose(type);
        H5Dclose(set);
        H5Fclose(file);
        return why;
}

/* Local. */
static const char *take_rows(const struct file_rows *rows, int fd, int64_t offset)
{
        const size_t row_bytes = rows->slab.row_values * sizeof(double);
        double *buffer = NULL;
        size_t room = 0;
        const char *why = NULL;
        for (struct file_chunk chunk = {0}; !why && hdf5_file_next(&rows->slab, row_bytes, &chunk);) {
                size_t n = (size_t)chunk.count * rows->slab.row_values, i = 0;
                if (n > room) { /* the first is the largest */
                        free(buffer);
                        buffer = allocate(n, sizeof *buffer);
                        room = n;
                }
                if (!disk_read(fd, buffer, n * sizeof *buffer, offset + chunk.first * (int64_t)row_bytes)) {
                        why = reason_errno("read", rows->path);
                        break;
                }
                while (i < n && buffer[i] - buffer[i] == 0.0) /* infinities and NaN give NaN */
                        i++;
                if (i < n)
                        why = reason("%s: %s: row %lld is not finite", rows->path, rows->name,
                                     (long long)((chunk.first * (int64_t)rows->slab.row_values + (int64_t)i) /
                                                 rows->n_columns));
                else
                        rows->take(rows->owner, chunk.first, chunk.count, buffer);
        }
        free(buffer);
        return why;
}

const char *hdf5_file_read_rows(const struct file_rows *rows)
{
        int64_t offset = 0;
        const char *why = agree(parallel_rank() == 0 ? locate(rows, &offset) : NULL);
        if (why)
                return why;
        parallel_broadcast(&offset, sizeof offset, 0);
        int fd = open(rows->path, O_RDONLY | O_CLOEXEC);
        why = fd < 0 ? reason_errno("open", rows->path) : take_rows(rows, fd, offset);
        if (fd >= 0)
                close(fd);
        return agree(why);
}
