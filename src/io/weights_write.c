/* Writing weights files: HDF5, sealed (sealed_file.h). */
#include <stdlib.h>

#include "io/provenance.h"
#include "io/sealed_file.h"
#include "io/weights_file.h"

static void put_tensors(hid_t file, const struct weights *weights)
{
        hid_t group = H5(H5Gcreate2(file, "tensors", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        size_t n;
        struct network_tensor *tensor = weights_tensors(weights, &n);
        for (size_t i = 0; i < n; i++) {
                hsize_t shape[NETWORK_MAX_RANK];
                for (int axis = 0; axis < tensor[i].rank; axis++)
                        shape[axis] = (hsize_t)tensor[i].shape[axis];
                hdf5_put_array(group, tensor[i].name, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, tensor[i].rank, shape,
                               weights->theta + tensor[i].offset);
        }
        free(tensor);
        H5Gclose(group);
}

static void put_numbers(hid_t group, const char *name, size_t n, const double *value)
{
        const hsize_t shape[1] = {n};
        hdf5_put_array(group, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 1, shape, value);
}

static void put_normalisation(hid_t file, const struct normalisation *normalisation)
{
        hid_t group = H5(H5Gcreate2(file, "normalisation", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        put_numbers(group, "mean", normalisation->n_mean, normalisation->mean);
        put_numbers(group, "variance", normalisation->n_variance, normalisation->variance);
        if (normalisation->wavenumber)
                put_numbers(group, "wavenumber", normalisation->n_variance, normalisation->wavenumber);
        hdf5_put_real(group, "zero_variance", normalisation->zero_variance);
        H5Gclose(group);
}

void weights_describe(hid_t file, const struct weights *weights)
{
        char *architecture = params_echo(network_rows, &weights->network, true);
        hdf5_put_integer(file, "weights_format", WEIGHTS_FORMAT);
        hdf5_put_text(file, "network", architecture);
        free(architecture);
        hdf5_put_integer(file, "n_dim", weights->n_dim);
        if (weights->n_dim == 0) {
                const int n_axes = weights_axes(weights);
                double cells[MESH_MAX_AXES], box_size[MESH_MAX_AXES];
                for (int axis = 0; axis < n_axes; axis++) {
                        cells[axis] = weights->mesh.cells.value[weights->mesh.cells.n == 1 ? 0 : axis];
                        box_size[axis] = weights->mesh.box_size.value[weights->mesh.box_size.n == 1 ? 0 : axis];
                }
                hdf5_put_reals(file, "cells", cells, (size_t)n_axes);
                hdf5_put_reals(file, "box_size", box_size, (size_t)n_axes);
        }
        hdf5_put_real(file, "sigma_min", weights->sigma_min);
        hdf5_put_real(file, "sigma_max", weights->sigma_max);
        hdf5_put_integer(file, "training_steps", weights->steps);
        hdf5_put_text(file, "weights_sha256", weights->digest ? weights->digest : "");
        put_tensors(file, weights);
        put_normalisation(file, &weights->normalisation);
}

struct contents { const struct weights *weights; const struct provenance *provenance; };

static void describe(hid_t file, const void *owner)
{
        const struct contents *contents = owner;
        provenance_put(file, "Sculptor: weights of a trained score", contents->provenance);
        weights_describe(file, contents->weights);
}

const char *weights_write(const char *path, const struct weights *weights, const struct provenance *provenance)
{
        const struct contents contents = {weights, provenance};
        return sealed_file_write(path, describe, &contents);
}
