/* Which of the three layouts a path has, by its content. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/agree.h"
#include "io/disk.h"
#include "io/weights_file.h"
#include "io/weights_import.h"
#include "sculptor/memory.h"

/* A header's length in 8 bytes, of which a sane one needs 4, then a brace: HDF5 begins with \211HDF. */
static bool begins_as_safetensors(const char *path)
{
        unsigned char start[9] = "";
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not make us wait */
        const bool read = fd >= 0 && disk_read(fd, start, sizeof start, 0);
        if (fd >= 0)
                close(fd);
        return read && start[8] == '{' && memcmp(start + 4, "\0\0\0\0", 4) == 0;
}

enum weights_layout weights_layout(const char *path)
{
        struct stat status;
        if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
                return WEIGHTS_NPY;
        return begins_as_safetensors(path) ? WEIGHTS_SAFETENSORS : WEIGHTS_HDF5;
}

const char *weights_read(const char *path, struct weights **weights)
{
        switch (weights_layout(path)) {
        case WEIGHTS_NPY:
                return weights_read_npy(path, weights);
        case WEIGHTS_SAFETENSORS:
                return weights_read_safetensors(path, weights);
        default:
                return weights_read_hdf5(path, weights);
        }
}

/* ---- the digest of what was read, whatever layout it had ---- */

static void add_tensor(struct sha256 *sha, const struct network_tensor *tensor, const float *theta)
{
        sha256_add(sha, tensor->name, strlen(tensor->name));
        for (size_t i = 0; i < tensor->size; i++) {
                const double value = (double)theta[tensor->offset + i];
                sha256_add(sha, &value, sizeof value);
        }
        sha256_add(sha, tensor->shape, (size_t)tensor->rank * sizeof *tensor->shape);
}

static void add_vector(struct sha256 *sha, const char *name, size_t n, const double *value)
{
        const int64_t shape[1] = {(int64_t)n};
        sha256_add(sha, name, strlen(name));
        sha256_add(sha, value, n * sizeof *value);
        sha256_add(sha, shape, sizeof shape);
}

static int by_name(const void *a, const void *b)
{
        return strcmp(((const struct network_tensor *)a)->name, ((const struct network_tensor *)b)->name);
}

void weights_add_payload(struct sha256 *sha, const struct weights *weights)
{
        size_t n;
        struct network_tensor *tensor = weights_tensors(weights, &n);
        qsort(tensor, n, sizeof *tensor, by_name);
        for (size_t i = 0; i < n; i++)
                add_tensor(sha, &tensor[i], weights->theta);
        free(tensor);
        add_vector(sha, "mean", weights->normalisation.n_mean, weights->normalisation.mean);
        add_vector(sha, "variance", weights->normalisation.n_variance, weights->normalisation.variance);
        if (weights->normalisation.wavenumber)
                add_vector(sha, "wavenumber", weights->normalisation.n_variance, weights->normalisation.wavenumber);
        const double numbers[] = {weights->normalisation.zero_variance, weights->sigma_min, weights->sigma_max,
                                  (double)weights->n_dim};
        add_vector(sha, "numbers", sizeof numbers / sizeof *numbers, numbers);
        if (weights->n_dim == 0) {
                add_vector(sha, "cells", weights->mesh.cells.n, weights->mesh.cells.value);
                add_vector(sha, "box_size", weights->mesh.box_size.n, weights->mesh.box_size.value);
        }
        char *architecture = params_echo(network_rows, &weights->network, true);
        sha256_add(sha, architecture, strlen(architecture));
        free(architecture);
}
