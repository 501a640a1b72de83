/* Data sets of users: files we did not write and do not trust. Whatever would make HDF5 fetch other
 * files, run plugins, follow pointers or convert without bound is refused before a value is read. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "io/agree.h"
#include "io/hdf5_tools.h"
#include "sculptor/files.h"

enum { MAX_NAMES = 8, MAX_TYPE_BYTES = 16 };
static const hsize_t max_chunk_bytes = (hsize_t)256 << 20; /* HDF5 holds a whole chunk in memory */

/* ---- opening ---- */

static herr_t refuse_external(const char *parent_file, const char *parent_group, const char *child_file,
                              const char *child_name, unsigned *flags, hid_t access, void *data)
{
        (void)parent_file, (void)parent_group, (void)child_file, (void)child_name, (void)access;
        *flags = H5F_ACC_RDONLY;
        *(bool *)data = true;
        return -1;
}

static const char *open_file(const char *path, hid_t *file)
{
        struct stat status;
        *file = -1;
        if (stat(path, &status) != 0)
                return reason_errno("read", path);
        if (!S_ISREG(status.st_mode)) /* opening a pipe would wait for its writer */
                return reason("cannot read %s: it is %s", path, S_ISDIR(status.st_mode) ? "a directory" : "not a file");
        hdf5_begin();
        H5PLset_loading_state(0); /* no code from HDF5_PLUGIN_PATH */
        if (H5Fis_hdf5(path) <= 0)
                return reason("%s is not an HDF5 file", path);
        *file = H5(H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT));
        return *file < 0 ? reason("cannot open %s: %s", path, hdf5_failure()) : NULL;
}

struct names {
        char text[512];
        int n;
};

static herr_t add_name(hid_t group, const char *name, const H5L_info_t *link, void *data)
{
        struct names *names = data;
        H5O_info_t object;
        if (link->type != H5L_TYPE_HARD || H5Oget_info_by_name1(group, name, &object, H5P_DEFAULT) < 0 ||
            object.type != H5O_TYPE_DATASET)
                return 0;
        size_t used = strlen(names->text);
        if (++names->n <= MAX_NAMES)
                snprintf(names->text + used, sizeof names->text - used, "%s%s", used ? ", " : "", name);
        return names->n > MAX_NAMES; /* enough seen */
}

static const char *no_such_set(hid_t file, const char *path, const char *name, bool external)
{
        if (external)
                return reason("%s: %s is a link to another file, which is not followed", path, name);
        struct names names = {.n = 0};
        hsize_t next = 0;
        H5Literate(file, H5_INDEX_NAME, H5_ITER_INC, &next, add_name, &names);
        if (names.n == 0)
                return reason("%s has no data set \"%s\", and none at its root", path, name);
        return reason("%s has no data set \"%s\"; it has: %s%s", path, name, names.text,
                      names.n > MAX_NAMES ? ", ..." : "");
}

static const char *open_set(hid_t file, const char *path, const char *name, hid_t *set)
{
        bool external = false;
        hid_t access = H5(H5Pcreate(H5P_DATASET_ACCESS));
        H5(H5Pset_elink_cb(access, refuse_external, &external));
        hid_t object = H5Oopen(file, name, access);
        bool other = object >= 0 && H5Iget_type(object) != H5I_DATASET;
        if (object >= 0)
                H5Oclose(object);
        *set = object >= 0 && !other ? H5Dopen2(file, name, access) : -1;
        H5Pclose(access);
        if (other)
                return reason("%s: %s is a %s, not a data set", path, name, "group or type");
        return *set < 0 ? no_such_set(file, path, name, external) : NULL;
}

/* ---- what is acceptable ---- */

static const char *check_type(hid_t set, const char *path, const char *name)
{
        hid_t type = H5(H5Dget_type(set));
        H5T_class_t class = H5Tget_class(type);
        size_t size = H5Tget_size(type);
        H5Tclose(type);
        if (class != H5T_FLOAT && class != H5T_INTEGER)
                return reason("%s: %s does not hold real numbers", path, name);
        if (size < 1 || size > MAX_TYPE_BYTES)
                return reason("%s: %s holds numbers of %zu bytes each", path, name, size);
        return NULL;
}

static const char *check_filters(hid_t creation, const char *path, const char *name)
{
        static const H5Z_filter_t built_in[] = {H5Z_FILTER_DEFLATE, H5Z_FILTER_SHUFFLE, H5Z_FILTER_FLETCHER32,
                                                H5Z_FILTER_SZIP,    H5Z_FILTER_NBIT,    H5Z_FILTER_SCALEOFFSET};
        int n = H5Pget_nfilters(creation);
        for (int i = 0; i < n; i++) {
                unsigned flags, config;
                size_t n_values = 0;
                H5Z_filter_t filter = H5Pget_filter2(creation, (unsigned)i, &flags, &n_values, NULL, 0, NULL, &config);
                bool known = false;
                for (size_t k = 0; k < sizeof built_in / sizeof *built_in; k++)
                        known = known || (filter == built_in[k] && H5Zfilter_avail(filter) > 0);
                if (!known)
                        return reason("%s: %s is compressed by filter %d, which is not known here", path, name,
                                      (int)filter);
        }
        return n < 0 ? reason("%s: %s has unreadable filters", path, name) : NULL;
}

static const char *check_chunks(hid_t creation, hid_t set, const char *path, const char *name)
{
        hsize_t chunk[2] = {1, 1}, bytes;
        hid_t type = H5(H5Dget_type(set));
        hsize_t size = H5Tget_size(type);
        H5Tclose(type);
        if (H5Pget_chunk(creation, 2, chunk) < 1 || __builtin_mul_overflow(chunk[0], chunk[1], &bytes) ||
            __builtin_mul_overflow(bytes, size, &bytes) || bytes > max_chunk_bytes)
                return reason("%s: %s is stored in chunks of more than %d MiB", path, name,
                              (int)(max_chunk_bytes >> 20));
        return NULL;
}

static const char *check_storage(hid_t set, const char *path, const char *name)
{
        hid_t creation = H5(H5Dget_create_plist(set));
        const char *why = NULL;
        H5D_layout_t layout = H5Pget_layout(creation);
        if (layout == H5D_VIRTUAL)
                why = reason("%s: %s is a virtual data set, which may point to other files", path, name);
        else if (layout != H5D_CHUNKED && layout != H5D_CONTIGUOUS && layout != H5D_COMPACT)
                why = reason("%s: %s is stored in a way not known here", path, name);
        else if (H5Pget_external_count(creation) != 0)
                why = reason("%s: %s keeps its values in another file", path, name);
        else if (layout == H5D_CHUNKED)
                why = check_chunks(creation, set, path, name);
        if (!why)
                why = check_filters(creation, path, name);
        H5Pclose(creation);
        return why;
}

static const char *check_shape(hid_t set, const char *path, const char *name, struct dataset_shape *shape)
{
        hid_t space = H5(H5Dget_space(set));
        int rank = H5Sget_simple_extent_ndims(space);
        bool simple = H5Sget_simple_extent_type(space) == H5S_SIMPLE && (rank == 1 || rank == 2);
        hsize_t n[2] = {0, 1}, bytes;
        if (simple)
                H5(H5Sget_simple_extent_dims(space, n, NULL));
        H5Sclose(space);
        if (!simple)
                return reason("%s: %s has %d dimensions; (rows) or (rows, columns) is wanted", path, name, rank);
        if (n[0] == 0 || n[1] == 0)
                return reason("%s: %s is empty", path, name);
        if (__builtin_mul_overflow(n[0], n[1], &bytes) || __builtin_mul_overflow(bytes, sizeof(double), &bytes) ||
            bytes > INT64_MAX)
                return reason("%s: %s claims an impossible size", path, name);
        *shape = (struct dataset_shape){(int64_t)n[0], (int64_t)n[1]};
        return NULL;
}

/* Bytes that are not there read as zeros or worse: the file must at least hold what it claims. */
static const char *check_presence(hid_t set, const char *path, const char *name, const struct dataset_shape *shape)
{
        hid_t creation = H5(H5Dget_create_plist(set)), type = H5(H5Dget_type(set));
        H5D_layout_t layout = H5Pget_layout(creation);
        hsize_t stored = H5Dget_storage_size(set), size = H5Tget_size(type), claimed;
        H5Tclose(type);
        H5Pclose(creation);
        struct stat file = {0};
        bool known = stat(path, &file) == 0;
        if (stored == 0 && layout != H5D_COMPACT)
                return reason("%s: %s was never written", path, name);
        if (layout == H5D_CONTIGUOUS &&
            (!known || __builtin_mul_overflow((hsize_t)shape->n_rows * (hsize_t)shape->n_columns, size, &claimed) ||
             stored < claimed || stored > (hsize_t)file.st_size || H5Dget_offset(set) > (hsize_t)file.st_size - stored))
                return reason("%s: %s claims more values than the file holds", path, name);
        return NULL;
}

static const char *open_checked(const char *path, const char *name, hid_t *file, hid_t *set,
                                struct dataset_shape *shape)
{
        *set = -1;
        *shape = (struct dataset_shape){0};
        const char *why = open_file(path, file);
        if (!why)
                why = open_set(*file, path, name, set);
        if (!why)
                why = check_type(*set, path, name);
        if (!why)
                why = check_shape(*set, path, name, shape);
        if (!why)
                why = check_storage(*set, path, name);
        if (!why)
                why = check_presence(*set, path, name, shape);
        if (!why && hdf5_failure())
                why = reason("%s: %s: %s", path, name, hdf5_failure());
        return why;
}

static void close_both(hid_t file, hid_t set)
{
        if (set >= 0)
                H5Dclose(set);
        if (file >= 0)
                H5Fclose(file);
}

const char *dataset_inspect(const char *path, const char *name, struct dataset_shape *shape)
{
        hid_t file, set;
        const char *why = open_checked(path, name, &file, &set, shape);
        close_both(file, set);
        return why;
}

/* ---- reading ---- */

static const char *read_rows(hid_t set, const char *path, const char *name, hsize_t first, hsize_t count,
                             hsize_t n_columns, double *rows)
{
        hid_t space = H5(H5Dget_space(set));
        hsize_t start[2] = {first, 0}, size[2] = {count, n_columns};
        hid_t memory = H5(H5Screate_simple(H5Sget_simple_extent_ndims(space), size, NULL));
        H5(H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL));
        H5(H5Dread(set, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, rows));
        H5Sclose(memory);
        H5Sclose(space);
        if (hdf5_failure())
                return reason("%s: %s: %s", path, name, hdf5_failure());
        for (hsize_t i = 0; i < count * n_columns; i++)
                if (!isfinite(rows[i]))
                        return reason("%s: %s: row %llu, column %llu is not finite", path, name,
                                      (unsigned long long)(first + i / n_columns), (unsigned long long)(i % n_columns));
        return NULL;
}

const char *dataset_read_rows(const char *path, const char *name, int64_t first, int64_t count, double *rows)
{
        hid_t file, set;
        struct dataset_shape shape;
        const char *why = open_checked(path, name, &file, &set, &shape);
        if (!why && (first < 0 || count < 0 || first > shape.n_rows || count > shape.n_rows - first))
                why = reason("%s: %s has %lld rows; %lld from row %lld on are wanted", path, name,
                             (long long)shape.n_rows, (long long)count, (long long)first);
        if (!why && count > 0)
                why = read_rows(set, path, name, (hsize_t)first, (hsize_t)count, (hsize_t)shape.n_columns, rows);
        close_both(file, set);
        return why;
}
