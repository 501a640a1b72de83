/* The digest of what a snapshot or checkpoint says about the run, for comparing runs: its arrays, then
 * its place in the run, whatever the file's layout, dates and machine. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/agree.h"
#include "io/checkpoint_file.h"
#include "io/hdf5_file.h"
#include "sculptor/files.h"
#include "sculptor/memory.h"

enum { MAX_COLUMNS = 1 << 27 }; /* a row of a GiB */

/* Rows of a two-dimensional array of doubles, in order, in pieces; then its shape. */
static void add_array(struct sha256 *sha, hid_t file, const char *name)
{
        hid_t set = H5(H5Dopen2(file, name, H5P_DEFAULT)), space = H5(H5Dget_space(set));
        hsize_t shape[2] = {0, 0};
        if (H5Sget_simple_extent_ndims(space) != 2 || H5Sget_simple_extent_dims(space, shape, NULL) != 2 ||
            shape[1] < 1 || shape[1] > MAX_COLUMNS)
                hdf5_checked(-1, "an array of another rank or size");
        hid_t creation = H5(H5Dget_create_plist(set));
        if (H5Pget_layout(creation) == H5D_VIRTUAL || H5Pget_external_count(creation) != 0)
                hdf5_checked(-1, "an array kept in another file");
        H5Pclose(creation);
        hsize_t row_bytes = shape[1] * sizeof(double), step = row_bytes < CHUNK_BYTES ? CHUNK_BYTES / (row_bytes ? row_bytes : 1) : 1;
        if (step > shape[0])
                step = shape[0];
        double *buffer = hdf5_failure() ? NULL : allocate((size_t)step, (size_t)row_bytes);
        for (hsize_t row = 0; row < shape[0] && !hdf5_failure(); row += step) {
                hsize_t start[2] = {row, 0}, count[2] = {shape[0] - row < step ? shape[0] - row : step, shape[1]};
                hid_t memory = H5(H5Screate_simple(2, count, NULL));
                H5(H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL));
                H5(H5Dread(set, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, buffer));
                H5Sclose(memory);
                sha256_add(sha, buffer, (size_t)(count[0] * row_bytes));
        }
        sha256_add(sha, shape, sizeof shape);
        free(buffer);
        H5Sclose(space);
        H5Dclose(set);
}

static void add_checkpoint(struct sha256 *sha, hid_t file)
{
        add_array(sha, file, "state");
        if (H5Lexists(file, "velocity", H5P_DEFAULT) > 0)
                add_array(sha, file, "velocity");
        if (H5Lexists(file, "tile_memory", H5P_DEFAULT) > 0)
                add_array(sha, file, "tile_memory");
        struct progress_mark mark = {0};
        checkpoint_mark_get(file, &mark);
        for (size_t i = 0; i < checkpoint_n_mark_fields; i++)
                if (checkpoint_mark_fields[i].payload)
                        sha256_add(sha, (const char *)&mark + checkpoint_mark_fields[i].offset, 8); /* little-endian */
}

static void add_snapshot(struct sha256 *sha, hid_t file)
{
        add_array(sha, file, "state");
        double sigma = 0.0;
        hid_t set = H5(H5Dopen2(file, "sigma", H5P_DEFAULT)), space = H5(H5Dget_space(set));
        if (H5Sget_simple_extent_npoints(space) == 1)
                H5(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &sigma));
        else
                hdf5_checked(-1, "sigma of another shape");
        H5Sclose(space);
        H5Dclose(set);
        int64_t index = hdf5_get_integer(file, "index");
        sha256_add(sha, &sigma, sizeof sigma);
        sha256_add(sha, &index, sizeof index);
}

const char *payload_hash(const char *path, char hex[65])
{
        struct stat status;
        hex[0] = '\0';
        if (stat(path, &status) != 0)
                return reason_errno("read", path);
        if (!S_ISREG(status.st_mode))
                return reason("cannot read %s: it is %s", path, S_ISDIR(status.st_mode) ? "a directory" : "not a file");
        hdf5_begin();
        hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
        if (file < 0)
                return reason("%s is not an HDF5 file, or is damaged", path);
        struct sha256 sha;
        sha256_begin(&sha);
        const char *why = NULL;
        if (H5Lexists(file, "progress", H5P_DEFAULT) > 0)
                add_checkpoint(&sha, file);
        else if (H5Lexists(file, "state", H5P_DEFAULT) > 0 && H5Aexists(file, "index") > 0)
                add_snapshot(&sha, file);
        else
                why = reason("%s is neither a snapshot nor a checkpoint of ours", path);
        H5Fclose(file);
        if (!why && hdf5_failure())
                why = reason("%s: %s", path, hdf5_failure());
        if (!why)
                sha256_end(&sha, hex);
        return why;
}
