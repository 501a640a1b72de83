#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/agree.h"
#include "io/disk.h"
#include "io/hdf5_file.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

/* Rank 0. Where a contiguous array of doubles of this very shape lies in the file. */
static const char *locate(const struct file_rows *rows, int64_t *offset)
{
        hdf5_begin();
        hid_t file = H5(H5Fopen(rows->path, H5F_ACC_RDONLY, H5P_DEFAULT));
        hid_t set = H5(H5Dopen2(file, rows->name, H5P_DEFAULT));
        hid_t type = H5(H5Dget_type(set)), space = H5(H5Dget_space(set)), creation = H5(H5Dget_create_plist(set));
        hsize_t shape[2] = {0, 0};
        const char *why = NULL;
        if (hdf5_failure())
                why = reason("%s: %s: %s", rows->path, rows->name, hdf5_failure());
        else if (H5Tequal(type, H5T_IEEE_F64LE) <= 0 || H5Sget_simple_extent_ndims(space) != 2 ||
                 H5Sget_simple_extent_dims(space, shape, NULL) != 2 || (int64_t)shape[0] != rows->n_rows ||
                 (int64_t)shape[1] != rows->n_columns)
                why = reason("%s: %s is not an array of doubles of shape (%lld, %lld)", rows->path, rows->name,
                             (long long)rows->n_rows, (long long)rows->n_columns);
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
        const size_t row_bytes = (size_t)rows->n_columns * sizeof(double);
        int64_t step = hdf5_file_chunk_rows(row_bytes), last = rows->first + rows->count;
        if (rows->count < step)
                step = rows->count;
        double *buffer = allocate((size_t)step, row_bytes);
        const char *why = NULL;
        for (int64_t row = rows->first; !why && row < last; row += step) {
                int64_t count = last - row < step ? last - row : step, n = count * rows->n_columns, i = 0;
                if (!disk_read(fd, buffer, (size_t)count * row_bytes, offset + row * (int64_t)row_bytes)) {
                        why = reason_errno("read", rows->path);
                        break;
                }
                while (i < n && buffer[i] - buffer[i] == 0.0) /* infinities and NaN give NaN */
                        i++;
                if (i < n)
                        why = reason("%s: %s: row %lld is not finite", rows->path, rows->name,
                                     (long long)(row + i / rows->n_columns));
                else
                        rows->take(rows->owner, row, count, buffer);
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
