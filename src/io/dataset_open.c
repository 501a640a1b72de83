#include "io/dataset_open.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "io/agree.h"

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

/* As h5py and others write booleans. */
static bool is_boolean(hid_t type)
{
        return H5Tget_class(type) == H5T_ENUM && H5Tget_size(type) == 1 && H5Tget_nmembers(type) == 2;
}

static const char *check_type(const struct dataset *dataset)
{
        hid_t type = H5(H5Dget_type(dataset->set));
        H5T_class_t class = H5Tget_class(type);
        size_t size = H5Tget_size(type);
        bool boolean = is_boolean(type);
        H5Tclose(type);
        if (class != H5T_FLOAT && class != H5T_INTEGER && !boolean)
                return reason("%s: %s does not hold real numbers", dataset->path, dataset->name);
        if (size < 1 || size > MAX_TYPE_BYTES)
                return reason("%s: %s holds numbers of %zu bytes each", dataset->path, dataset->name, size);
        return NULL;
}

static const char *find_shape(struct dataset *dataset)
{
        hid_t space = H5(H5Dget_space(dataset->set));
        H5S_class_t class = H5Sget_simple_extent_type(space);
        dataset->rank = H5Sget_simple_extent_ndims(space);
        bool fits = (class == H5S_SIMPLE || class == H5S_SCALAR) && dataset->rank <= DATASET_MAX_RANK;
        if (fits && class == H5S_SIMPLE)
                H5(H5Sget_simple_extent_dims(space, dataset->shape, NULL));
        H5Sclose(space);
        return fits ? NULL : reason("%s: %s has %d dimensions", dataset->path, dataset->name, dataset->rank);
}

const char *dataset_open(const char *path, const char *name, struct dataset *dataset)
{
        *dataset = (struct dataset){.path = path, .name = name, .set = -1};
        const char *why = open_file(path, &dataset->file);
        if (!why)
                why = open_set(dataset->file, path, name, &dataset->set);
        if (!why)
                why = check_type(dataset);
        if (!why)
                why = find_shape(dataset);
        return why;
}

void dataset_close(struct dataset *dataset)
{
        if (dataset->set >= 0)
                H5Dclose(dataset->set);
        if (dataset->file >= 0)
                H5Fclose(dataset->file);
}

/* ---- its values ---- */

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
        hsize_t chunk[H5S_MAX_RANK] = {1};
        hid_t type = H5(H5Dget_type(set));
        hsize_t bytes = H5Tget_size(type);
        H5Tclose(type);
        int rank = H5Pget_chunk(creation, H5S_MAX_RANK, chunk);
        bool small = rank > 0;
        for (int i = 0; i < rank; i++)
                small = small && !__builtin_mul_overflow(bytes, chunk[i], &bytes);
        if (!small || bytes > max_chunk_bytes)
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

static const char *check_size(const struct dataset *dataset, hsize_t *n_values)
{
        hsize_t bytes;
        bool empty = false, possible = true;
        *n_values = 1;
        for (int i = 0; i < dataset->rank; i++) {
                empty = empty || dataset->shape[i] == 0;
                possible = possible && !__builtin_mul_overflow(*n_values, dataset->shape[i], n_values);
        }
        if (empty)
                return reason("%s: %s is empty", dataset->path, dataset->name);
        if (!possible || __builtin_mul_overflow(*n_values, sizeof(double), &bytes) || bytes > INT64_MAX)
                return reason("%s: %s claims an impossible size", dataset->path, dataset->name);
        return NULL;
}

/* Bytes that are not there read as zeros or worse: the file must at least hold what it claims. */
static const char *check_presence(const struct dataset *dataset, hsize_t n_values)
{
        const char *path = dataset->path, *name = dataset->name;
        hid_t set = dataset->set, creation = H5(H5Dget_create_plist(set)), type = H5(H5Dget_type(set));
        H5D_layout_t layout = H5Pget_layout(creation);
        hsize_t stored = H5Dget_storage_size(set), size = H5Tget_size(type), claimed;
        H5Tclose(type);
        H5Pclose(creation);
        struct stat file = {0};
        bool known = stat(path, &file) == 0;
        if (stored == 0 && layout != H5D_COMPACT)
                return reason("%s: %s was never written", path, name);
        if (layout == H5D_CONTIGUOUS &&
            (!known || __builtin_mul_overflow(n_values, size, &claimed) || stored < claimed ||
             stored > (hsize_t)file.st_size || H5Dget_offset(set) > (hsize_t)file.st_size - stored))
                return reason("%s: %s claims more values than the file holds", path, name);
        return NULL;
}

const char *dataset_check_values(const struct dataset *dataset)
{
        hsize_t n_values;
        const char *why = check_size(dataset, &n_values);
        if (!why)
                why = check_storage(dataset->set, dataset->path, dataset->name);
        if (!why)
                why = check_presence(dataset, n_values);
        if (!why && hdf5_failure())
                why = reason("%s: %s: %s", dataset->path, dataset->name, hdf5_failure());
        return why;
}
