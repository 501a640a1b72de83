/* The digest of what a snapshot, checkpoint or weights file says about the run, for comparing runs: its arrays, then
 * its place in the run, whatever the file's layout, dates and machine. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/agree.h"
#include "io/checkpoint_file.h"
#include "io/hdf5_file.h"
#include "io/path.h"
#include "io/sealed_file.h"
#include "io/weights_file.h"
#include "sculptor/files.h"
#include "sculptor/memory.h"

enum { MAX_RANK = 6 }; /* of weights */

struct array {
        hid_t set, space;
        int rank;
        hsize_t shape[MAX_RANK];
        double *buffer; /* CHUNK_BYTES */
};

/* The block start .. start + count - 1 in row-major order: its values where they fit the buffer, else its parts
 * along the first axis it extends over. */
static void add_block(struct sha256 *sha, const struct array *array, const hsize_t *start, const hsize_t *count)
{
        const hsize_t most = CHUNK_BYTES / sizeof(double);
        int axis = 0;
        while (axis < array->rank - 1 && count[axis] == 1)
                axis++;
        hsize_t inner = 1; /* values for each step along the axis, or more than fit */
        for (int i = axis + 1; i < array->rank; i++)
                inner = inner > most / count[i] ? most + 1 : inner * count[i];
        const hsize_t step = inner > most ? 1 : most / inner;
        if (count[axis] > step) {
                hsize_t from[MAX_RANK], size[MAX_RANK];
                memcpy(from, start, sizeof from);
                memcpy(size, count, sizeof size);
                for (hsize_t done = 0; done < count[axis] && !hdf5_failure(); done += step) {
                        from[axis] = start[axis] + done;
                        size[axis] = count[axis] - done < step ? count[axis] - done : step;
                        add_block(sha, array, from, size);
                }
                return;
        }
        hid_t memory = H5(H5Screate_simple(array->rank, count, NULL));
        H5(H5Sselect_hyperslab(array->space, H5S_SELECT_SET, start, NULL, count, NULL));
        H5(H5Dread(array->set, H5T_NATIVE_DOUBLE, memory, array->space, H5P_DEFAULT, array->buffer));
        H5Sclose(memory);
        sha256_add(sha, array->buffer, (size_t)(count[axis] * inner) * sizeof(double));
}

/* An array's values as doubles in row-major order, in pieces; then its shape. */
static void add_array(struct sha256 *sha, hid_t file, const char *name, int least_rank, int most_rank)
{
        struct array array = {.set = H5(H5Dopen2(file, name, H5P_DEFAULT))};
        array.space = H5(H5Dget_space(array.set));
        hid_t type = H5(H5Dget_type(array.set)), creation = H5(H5Dget_create_plist(array.set));
        array.rank = H5Sget_simple_extent_ndims(array.space);
        if (array.rank < least_rank || array.rank > most_rank ||
            H5Sget_simple_extent_dims(array.space, array.shape, NULL) < 0 || H5Tget_class(type) != H5T_FLOAT)
                hdf5_checked(-1, "an array of another rank or type");
        if (H5Pget_layout(creation) == H5D_VIRTUAL || H5Pget_external_count(creation) != 0)
                hdf5_checked(-1, "an array kept in another file");
        bool empty = false;
        for (int i = 0; i < array.rank && i < MAX_RANK; i++)
                empty = empty || array.shape[i] == 0;
        if (!hdf5_failure() && !empty) {
                const hsize_t start[MAX_RANK] = {0};
                array.buffer = allocate(CHUNK_BYTES, 1);
                add_block(sha, &array, start, array.shape);
        }
        if (!hdf5_failure())
                sha256_add(sha, array.shape, (size_t)array.rank * sizeof *array.shape);
        free(array.buffer);
        H5Pclose(creation);
        H5Tclose(type);
        H5Sclose(array.space);
        H5Dclose(array.set);
}

static bool is_there(hid_t file, const char *name)
{
        return H5Lexists(file, name, H5P_DEFAULT) > 0;
}

static void add_checkpoint(struct sha256 *sha, hid_t file)
{
        add_array(sha, file, "state", 2, 2);
        if (is_there(file, "velocity"))
                add_array(sha, file, "velocity", 2, 2);
        for (size_t k = 0; k < POPULATION_MAX_HISTORY; k++)
                if (is_there(file, checkpoint_history_names[k]))
                        add_array(sha, file, checkpoint_history_names[k], 2, 2);
        if (is_there(file, "tile_memory"))
                add_array(sha, file, "tile_memory", 2, 2);
        struct progress_mark mark = {0};
        checkpoint_mark_get(file, &mark);
        for (size_t i = 0; i < checkpoint_n_mark_fields; i++)
                if (checkpoint_mark_fields[i].payload)
                        sha256_add(sha, (const char *)&mark + checkpoint_mark_fields[i].offset, 8); /* little-endian */
}

static void add_snapshot(struct sha256 *sha, hid_t file)
{
        if (is_there(file, "density"))
                add_array(sha, file, "density", 3, 4);
        else
                add_array(sha, file, "state", 2, 2);
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

/* H5Literate's, in the order of names: every array of a group. */
struct gathering { struct sha256 *sha; hid_t file; const char *group; };

static herr_t add_member(hid_t group, const char *name, const H5L_info_t *link, void *owner)
{
        const struct gathering *gathering = owner;
        (void)group, (void)link;
        char path[256];
        snprintf(path, sizeof path, "%s/%s", gathering->group, name);
        sha256_add(gathering->sha, name, strlen(name));
        add_array(gathering->sha, gathering->file, path, 1, MAX_RANK);
        return 0;
}

static void add_group(struct sha256 *sha, hid_t file, const char *name)
{
        struct gathering gathering = {sha, file, name};
        hid_t group = H5(H5Gopen2(file, name, H5P_DEFAULT));
        H5(H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, add_member, &gathering));
        H5Gclose(group);
}

/* Weights in any layout. */
static const char *add_weights(struct sha256 *sha, const char *path)
{
        struct weights *weights;
        const char *why = weights_read(path, &weights);
        if (why)
                return why;
        weights_add_payload(sha, weights);
        weights_free(weights);
        return NULL;
}

/* What a training's checkpoint goes on from, besides weights. */
static void add_training(struct sha256 *sha, hid_t file)
{
        add_group(sha, file, "training");
        hid_t group = H5(H5Gopen2(file, "training", H5P_DEFAULT));
        const int64_t step = hdf5_get_integer(group, "step");
        H5Gclose(group);
        sha256_add(sha, &step, sizeof step);
}

static bool is_folder_of_weights(const char *path)
{
        struct stat status;
        char *name = path_join(path, "weights.yaml");
        const bool found = stat(name, &status) == 0;
        free(name);
        return found;
}

static const char *add_file(struct sha256 *sha, const char *path)
{
        const char *why = sealed_file_bears(path) ? sealed_file_check(path) : NULL; /* before HDF5 sees it */
        if (why)
                return why;
        hdf5_begin();
        hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
        if (file < 0)
                return reason("%s is not an HDF5 file, or is damaged", path);
        const bool weights = H5Aexists(file, "weights_format") > 0;
        if (weights && is_there(file, "training"))
                add_training(sha, file);
        else if (is_there(file, "progress"))
                add_checkpoint(sha, file);
        else if ((is_there(file, "state") || is_there(file, "density")) && H5Aexists(file, "index") > 0)
                add_snapshot(sha, file);
        else if (!weights)
                why = reason("%s is no snapshot, checkpoint or weights file of ours", path);
        H5Fclose(file);
        if (!why && hdf5_failure())
                why = reason("%s: %s", path, hdf5_failure());
        return why || !weights ? why : add_weights(sha, path);
}

const char *payload_hash(const char *path, char hex[65])
{
        struct stat status;
        struct sha256 sha;
        hex[0] = '\0';
        if (stat(path, &status) != 0)
                return reason_errno("read", path);
        if (!S_ISREG(status.st_mode) && !is_folder_of_weights(path))
                return reason("cannot read %s: it is %s", path, S_ISDIR(status.st_mode) ? "a directory" : "not a file");
        sha256_begin(&sha);
        const char *why = weights_layout(path) == WEIGHTS_HDF5 ? add_file(&sha, path) : add_weights(&sha, path);
        if (!why)
                sha256_end(&sha, hex);
        return why;
}
