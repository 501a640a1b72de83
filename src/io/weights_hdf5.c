/* Reading weights files in HDF5, sealed (sealed_file.h). An attribute or array of the wrong kind is a reason, not a
 * failure of HDF5. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/agree.h"
#include "io/dataset_open.h"
#include "io/sealed_file.h"
#include "io/weights_file.h"
#include "io/weights_import.h"
#include "sculptor/memory.h"

enum { LONGEST_TEXT = 1 << 20, MOST_NUMBERS = 1 << 20 };

struct reading { const char *path; hid_t file; struct weights *weights; };

/* One number, or a few: attributes of the root. */
static const char *get_reals(const struct reading *reading, const char *name, size_t least, size_t most, double *value,
                             size_t *n)
{
        if (H5Aexists(reading->file, name) <= 0)
                return reason("%s: attribute %s is not there", reading->path, name);
        hid_t attribute = H5(H5Aopen(reading->file, name, H5P_DEFAULT)), type = H5(H5Aget_type(attribute));
        hid_t space = H5(H5Aget_space(attribute));
        const hssize_t points = H5Sget_simple_extent_npoints(space);
        const H5T_class_t class = H5Tget_class(type);
        const char *why = NULL;
        if ((class != H5T_FLOAT && class != H5T_INTEGER) || points < (hssize_t)least || points > (hssize_t)most)
                why = reason("%s: attribute %s is not %zu to %zu numbers", reading->path, name, least, most);
        else
                H5(H5Aread(attribute, H5T_NATIVE_DOUBLE, value));
        H5Sclose(space);
        H5Tclose(type);
        H5Aclose(attribute);
        *n = why ? 0 : (size_t)points;
        for (size_t i = 0; i < *n && !why; i++)
                if (!isfinite(value[i]))
                        why = reason("%s: attribute %s is not finite", reading->path, name);
        return why ? why : hdf5_failure() ? reason("%s: %s: %s", reading->path, name, hdf5_failure()) : NULL;
}

static const char *get_count(const struct reading *reading, const char *name, int64_t most, int64_t *value)
{
        double real = 0;
        size_t n;
        const char *why = get_reals(reading, name, 1, 1, &real, &n);
        if (!why && (real < 0 || real > (double)most || real != floor(real)))
                why = reason("%s: attribute %s is %g, not a whole number from 0 to %" PRId64, reading->path, name, real,
                             most);
        *value = why ? 0 : (int64_t)real;
        return why;
}

static const char *get_text(const struct reading *reading, const char *name, char **text)
{
        if (H5Aexists(reading->file, name) <= 0)
                return reason("%s: attribute %s is not there", reading->path, name);
        *text = hdf5_get_text(reading->file, name, LONGEST_TEXT);
        return *text ? NULL
                     : reason("%s: attribute %s is no text of at most %d bytes", reading->path, name, LONGEST_TEXT);
}

/* An array of this rank and shape; shape[0] = 0: any length up to MOST_NUMBERS, returned in it. */
static const char *get_array(const struct reading *reading, const char *name, int rank, int64_t *shape, hid_t type,
                             size_t value_bytes, void **values)
{
        struct dataset set;
        *values = NULL;
        const char *why = dataset_open(reading->path, name, &set);
        if (!why && set.rank != rank)
                why = reason("%s: %s has %d dimensions, not %d", reading->path, name, set.rank, rank);
        if (!why && shape[0] == 0) {
                if (set.shape[0] < 1 || set.shape[0] > MOST_NUMBERS)
                        why = reason("%s: %s has %llu numbers; 1 to %d are wanted", reading->path, name,
                                     (unsigned long long)set.shape[0], MOST_NUMBERS);
                else
                        shape[0] = (int64_t)set.shape[0];
        }
        size_t n = 1;
        for (int axis = 0; axis < rank && !why; axis++) {
                if (set.shape[axis] != (hsize_t)shape[axis])
                        why = reason("%s: %s has %llu along axis %d, where the architecture has %" PRId64,
                                     reading->path, name, (unsigned long long)set.shape[axis], axis, shape[axis]);
                n *= (size_t)shape[axis];
        }
        if (!why)
                why = dataset_check_values(&set);
        if (!why) {
                *values = allocate(n, value_bytes);
                H5(H5Dread(set.set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, *values));
                why = hdf5_failure() ? reason("%s: %s: %s", reading->path, name, hdf5_failure()) : NULL;
        }
        dataset_close(&set);
        return why;
}

static const char *get_vector(const struct reading *reading, const char *name, size_t wanted, double **value, size_t *n)
{
        int64_t shape[1] = {(int64_t)wanted};
        void *values;
        const char *why = get_array(reading, name, 1, shape, H5T_NATIVE_DOUBLE, sizeof(double), &values);
        *value = values;
        *n = (size_t)shape[0];
        return why;
}

static const char *get_normalisation(const struct reading *reading)
{
        struct normalisation *normalisation = &reading->weights->normalisation;
        const size_t n_dim = (size_t)reading->weights->n_dim;
        size_t n_wavenumbers = 0;
        const char *why = get_vector(reading, "normalisation/mean", n_dim > 0 ? n_dim : 1, &normalisation->mean,
                                     &normalisation->n_mean);
        if (!why)
                why = get_vector(reading, "normalisation/variance", n_dim > 0 ? 1 : 0, &normalisation->variance,
                                 &normalisation->n_variance);
        if (why || n_dim > 0)
                return why;
        why = get_vector(reading, "normalisation/wavenumber", normalisation->n_variance, &normalisation->wavenumber,
                         &n_wavenumbers);
        hid_t group = H5(H5Gopen2(reading->file, "normalisation", H5P_DEFAULT));
        if (!why && H5Aexists(group, "zero_variance") <= 0)
                why = reason("%s: attribute zero_variance of normalisation is not there", reading->path);
        if (!why) {
                const struct reading in_group = {reading->path, group, reading->weights};
                size_t n;
                why = get_reals(&in_group, "zero_variance", 1, 1, &normalisation->zero_variance, &n);
        }
        H5Gclose(group);
        return why;
}

static const char *get_mesh(const struct reading *reading)
{
        struct mesh_settings *mesh = &reading->weights->mesh;
        mesh->cells.value = allocate(MESH_MAX_AXES, sizeof(double));
        mesh->box_size.value = allocate(MESH_MAX_AXES, sizeof(double));
        const char *why = get_reals(reading, "cells", 2, 3, mesh->cells.value, &mesh->cells.n);
        if (!why)
                why = get_reals(reading, "box_size", mesh->cells.n, mesh->cells.n, mesh->box_size.value,
                                &mesh->box_size.n);
        mesh->dimensions = (int64_t)mesh->cells.n;
        return why;
}

/* H5Literate's: a tensor the architecture does not have. */
struct names { const struct network_tensor *tensor; size_t n; char unexpected[256]; };

static herr_t look_at_name(hid_t group, const char *name, const H5L_info_t *info, void *owner)
{
        struct names *names = owner;
        (void)group, (void)info;
        for (size_t i = 0; i < names->n; i++)
                if (strcmp(names->tensor[i].name, name) == 0)
                        return 0;
        snprintf(names->unexpected, sizeof names->unexpected, "%s", name);
        import_printable(names->unexpected);
        return 1;
}

static const char *get_tensors(const struct reading *reading)
{
        struct weights *weights = reading->weights;
        size_t n;
        struct network_tensor *tensor = weights_tensors(weights, &n);
        const char *why = NULL;
        for (size_t i = 0; i < n && !why; i++) {
                char name[NETWORK_NAME + 16];
                void *values;
                snprintf(name, sizeof name, "tensors/%s", tensor[i].name);
                why = get_array(reading, name, tensor[i].rank, tensor[i].shape, H5T_NATIVE_FLOAT, sizeof(float),
                                &values);
                if (!why)
                        memcpy(weights->theta + tensor[i].offset, values, tensor[i].size * sizeof(float));
                free(values);
        }
        struct names names = {tensor, n, ""};
        hid_t group = why ? -1 : H5(H5Gopen2(reading->file, "tensors", H5P_DEFAULT));
        if (!why && H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, look_at_name, &names) != 0)
                why = reason("%s: tensors/%s is no tensor of this architecture", reading->path, names.unexpected);
        if (group >= 0)
                H5Gclose(group);
        free(tensor);
        return why;
}

static const char *read_all(const struct reading *reading)
{
        struct weights *weights = reading->weights;
        int64_t format = 0;
        size_t n;
        char *text = NULL, *digest = NULL;
        const char *why = get_count(reading, "weights_format", 1000, &format);
        if (!why && format != WEIGHTS_FORMAT)
                why = reason("%s: weights of format %" PRId64 "; this program reads %d", reading->path, format,
                             WEIGHTS_FORMAT);
        why = why ? why : get_count(reading, "n_dim", 1 << 20, &weights->n_dim);
        if (!why && weights->n_dim == 0)
                why = get_mesh(reading);
        why = why ? why : get_reals(reading, "sigma_min", 1, 1, &weights->sigma_min, &n);
        why = why ? why : get_reals(reading, "sigma_max", 1, 1, &weights->sigma_max, &n);
        why = why ? why : get_count(reading, "training_steps", INT64_C(1) << 52, &weights->steps);
        why = why ? why : get_text(reading, "network", &text);
        why = why ? why : get_text(reading, "weights_sha256", &digest);
        why = why ? why : weights_take_architecture(weights, reading->path, text);
        why = why ? why : get_tensors(reading);
        why = why ? why : get_normalisation(reading);
        if (!why && (why = weights_check(weights)))
                why = reason("%s: %s", reading->path, why);
        if (!why && (!digest || strcmp(digest, weights->digest) != 0))
                why = reason("%s: weights_sha256 is not that of its tensors", reading->path);
        free(text);
        free(digest);
        return why;
}

const char *weights_read_hdf5(const char *path, struct weights **weights)
{
        *weights = NULL;
        const char *why = sealed_file_check(path);
        if (why)
                return why;
        hdf5_begin();
        H5PLset_loading_state(0); /* no code from HDF5_PLUGIN_PATH */
        hid_t file = H5(H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT));
        if (file < 0)
                return reason("cannot open %s: %s", path, hdf5_failure());
        const struct reading reading = {path, file, allocate(1, sizeof(struct weights))};
        why = read_all(&reading);
        H5Fclose(file);
        if (why)
                weights_free(reading.weights);
        else
                *weights = reading.weights;
        return why;
}
