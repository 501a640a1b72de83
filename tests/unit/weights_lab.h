/* Weights of small networks, and writers of the layouts that are only read. Include cmocka.h first. */
#ifndef SCULPTOR_TESTS_WEIGHTS_LAB_H
#define SCULPTOR_TESTS_WEIGHTS_LAB_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/weights_file.h"
#include "lab_input.h"
#include "sculptor/memory.h"
#include "sculptor/provenance.h"
#include "sculptor/rng.h"

static char weights_lab_place[] = "/tmp/sculptor-test-weights-XXXXXX";

static inline char *weights_lab_in(const char *name)
{
        static char path[4][256]; /* a few at a time */
        static int next;
        next = (next + 1) % 4;
        snprintf(path[next], sizeof path[next], "%s/%s", weights_lab_place, name);
        return path[next];
}

static inline int weights_lab_begin(void **state)
{
        (void)state;
        return mkdtemp(weights_lab_place) ? 0 : -1;
}

static inline int weights_lab_end(void **state)
{
        (void)state;
        char command[320];
        snprintf(command, sizeof command, "rm -rf '%s'", weights_lab_place);
        return system(command);
}

static inline struct real_vector weights_lab_vector(size_t n, const double *value)
{
        struct real_vector vector = {n, allocate(n, sizeof *value)};
        memcpy(vector.value, value, n * sizeof *value);
        return vector;
}

/* Of particles in 2 dimensions, or of fields on a mesh of 8 x 6 cells. */
static inline struct weights *weights_lab_make(bool fields)
{
        static const double mean[] = {0.5, -1e-300}, variance[] = {0.3, 1e10 / 3, 5e-5}, wavenumber[] = {0.1, 0.2, 0.7},
                            cells[] = {8, 6}, box_size[] = {4, 3.5};
        struct weights *weights = allocate(1, sizeof *weights);
        struct input *input = lab_read(fields ? "{type: spectral, channels: 2, hidden: 3, bins: 4, embedding: 1}"
                                              : "{type: mlp, width: 3, layers: 2, embedding: 1, activation: tanh}",
                                       network_rows, &weights->network);
        input_free(input);
        weights->n_dim = fields ? 0 : 2;
        if (fields)
                weights->mesh = (struct mesh_settings){.cells = weights_lab_vector(2, cells), .dimensions = 2,
                                                       .box_size = weights_lab_vector(2, box_size)};
        const size_t n_variance = fields ? 3 : 1, n_mean = fields ? 1 : 2;
        weights->normalisation = (struct normalisation){
                .n_mean = n_mean, .mean = weights_lab_vector(n_mean, mean).value, .n_variance = n_variance,
                .variance = weights_lab_vector(n_variance, variance).value,
                .wavenumber = fields ? weights_lab_vector(3, wavenumber).value : NULL,
                .zero_variance = fields ? 0.25 : 0};
        weights->sigma_min = 0.01;
        weights->sigma_max = 10.0 / 3;
        weights->steps = 1234567890123;
        assert_null(weights_fit_architecture(weights, "lab"));
        weights->theta = allocate(weights->n_parameters, sizeof(float));
        const struct rng_stream stream = {.seed = 5, .purpose = RNG_TEST};
        double *z = allocate(weights->n_parameters, sizeof *z);
        rng_normal_row(&stream, 0, 0, (int64_t)weights->n_parameters, z);
        for (size_t i = 0; i < weights->n_parameters; i++)
                weights->theta[i] = (float)z[i];
        free(z);
        assert_null(weights_check(weights));
        return weights;
}

static inline bool weights_lab_same_vector(size_t n, const double *a, size_t m, const double *b)
{
        return (!a && !b) || (a && b && n == m && memcmp(a, b, n * sizeof *a) == 0);
}

static inline bool weights_lab_same(const struct weights *a, const struct weights *b)
{
        char *here = params_echo(network_rows, &a->network, true),
             *there = params_echo(network_rows, &b->network, true);
        const struct normalisation *m = &a->normalisation, *n = &b->normalisation;
        const struct mesh_settings *p = &a->mesh, *q = &b->mesh;
        const bool same = strcmp(here, there) == 0 && a->n_dim == b->n_dim && a->sigma_min == b->sigma_min &&
                          a->sigma_max == b->sigma_max && a->steps == b->steps && a->n_parameters == b->n_parameters &&
                          memcmp(a->theta, b->theta, a->n_parameters * sizeof *a->theta) == 0 &&
                          strcmp(a->digest, b->digest) == 0 &&
                          weights_lab_same_vector(m->n_mean, m->mean, n->n_mean, n->mean) &&
                          weights_lab_same_vector(m->n_variance, m->variance, n->n_variance, n->variance) &&
                          weights_lab_same_vector(m->n_variance, m->wavenumber, n->n_variance, n->wavenumber) &&
                          m->zero_variance == n->zero_variance && p->dimensions == q->dimensions &&
                          weights_lab_same_vector(p->cells.n, p->cells.value, q->cells.n, q->cells.value) &&
                          weights_lab_same_vector(p->box_size.n, p->box_size.value, q->box_size.n, q->box_size.value);
        free(here);
        free(there);
        return same;
}

static const struct provenance weights_lab_provenance = {
        .version = "0", .commit = "none", .dependencies = "", .machine = "lab", .input_text = "seed: 1\n",
        .overrides = "", .parameters = "seed: 1\n", .seed = 1};

/* ---- files ---- */

struct weights_lab_bytes { unsigned char *bytes; size_t n; };

static inline struct weights_lab_bytes weights_lab_load(const char *path)
{
        FILE *file = fopen(path, "rb");
        struct stat status;
        assert_non_null(file);
        assert_int_equal(fstat(fileno(file), &status), 0);
        struct weights_lab_bytes all = {allocate((size_t)status.st_size + 1, 1), (size_t)status.st_size};
        assert_int_equal(fread(all.bytes, 1, all.n, file), all.n);
        fclose(file);
        return all;
}

static inline void weights_lab_store(const char *path, const void *bytes, size_t n)
{
        unlink(path); /* file systems flush one that is cut and written anew */
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
        assert_true(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
        close(fd);
}

static inline void weights_lab_vector_line(FILE *out, const char *key, size_t n, const double *value)
{
        fprintf(out, "%s: [", key);
        for (size_t i = 0; i < n; i++)
                fprintf(out, "%s%.17g", i ? ", " : "", value[i]);
        fprintf(out, "]\n");
}

/* The text of weights_import.h; the caller frees. */
static inline char *weights_lab_text(const struct weights *weights)
{
        char *text, *network = params_echo(network_rows, &weights->network, true), hex[65];
        size_t n;
        FILE *out = open_memstream(&text, &n);
        const struct normalisation *normalisation = &weights->normalisation;
        fprintf(out, "weights_format: 1\nnetwork:\n");
        for (char *line = strtok(network, "\n"); line; line = strtok(NULL, "\n"))
                fprintf(out, "  %s\n", line);
        if (weights->n_dim > 0) {
                fprintf(out, "n_dim: %lld\n", (long long)weights->n_dim);
        } else {
                weights_lab_vector_line(out, "cells", weights->mesh.cells.n, weights->mesh.cells.value);
                weights_lab_vector_line(out, "box_size", weights->mesh.box_size.n, weights->mesh.box_size.value);
                weights_lab_vector_line(out, "wavenumber", normalisation->n_variance, normalisation->wavenumber);
                fprintf(out, "zero_variance: %.17g\n", normalisation->zero_variance);
        }
        weights_lab_vector_line(out, "mean", normalisation->n_mean, normalisation->mean);
        weights_lab_vector_line(out, "variance", normalisation->n_variance, normalisation->variance);
        fprintf(out, "sigma_min: %.17g\nsigma_max: %.17g\ntraining_steps: %lld\n", weights->sigma_min,
                weights->sigma_max, (long long)weights->steps);
        fflush(out);
        struct sha256 sha;
        sha256_begin(&sha);
        sha256_add(&sha, text, n);
        sha256_add(&sha, weights->theta, weights->n_parameters * sizeof(float));
        sha256_end(&sha, hex);
        fprintf(out, "sha256: %s\n", hex);
        fclose(out);
        free(network);
        char *copy = copy_text(text);
        free(text);
        return copy;
}

static inline void weights_lab_shape(FILE *out, const struct network_tensor *tensor)
{
        for (int axis = 0; axis < tensor->rank; axis++)
                fprintf(out, "%s%lld", axis ? ", " : "", (long long)tensor->shape[axis]);
}

/* The whole file; the caller frees. Tensors lie in the reverse of the header's order. */
static inline struct weights_lab_bytes weights_lab_safetensors(const struct weights *weights, const char *text)
{
        char *file;
        size_t size, n;
        struct network_tensor *tensor = weights_tensors(weights, &n);
        FILE *out = open_memstream(&file, &size);
        fwrite("\0\0\0\0\0\0\0\0", 1, 8, out);
        fprintf(out, "{\"__metadata__\": {\"format\": \"pt\", \"sculptor\": \"");
        for (const char *c = text; *c; c++)
                fprintf(out, *c == '\n' ? "\\n" : "%c", *c);
        fprintf(out, "\"}");
        const size_t all = weights->n_parameters * sizeof(float);
        for (size_t i = 0; i < n; i++) {
                fprintf(out, ", \"%s\": {\"dtype\": \"F32\", \"shape\": [", tensor[i].name);
                weights_lab_shape(out, &tensor[i]);
                const size_t end = all - tensor[i].offset * sizeof(float);
                fprintf(out, "], \"data_offsets\": [%zu, %zu]}", end - tensor[i].size * sizeof(float), end);
        }
        fprintf(out, "}   ");
        fflush(out);
        const uint64_t header = size - 8;
        for (size_t i = n; i-- > 0;)
                fwrite(weights->theta + tensor[i].offset, sizeof(float), tensor[i].size, out);
        fclose(out);
        memcpy(file, &header, sizeof header);
        free(tensor);
        return (struct weights_lab_bytes){(unsigned char *)file, size};
}

/* A folder. */
static inline void weights_lab_put_npy(const char *folder, const struct weights *weights, const char *text)
{
        size_t n, size;
        struct network_tensor *tensor = weights_tensors(weights, &n);
        mkdir(folder, 0700);
        for (size_t i = 0; i < n; i++) {
                char *file, *path = format_text("%s/%s.npy", folder, tensor[i].name);
                FILE *out = open_memstream(&file, &size);
                fwrite("\x93NUMPY\1\0v\0", 1, 10, out);
                fprintf(out, "{'descr': '<f4', 'fortran_order': False, 'shape': (");
                weights_lab_shape(out, &tensor[i]);
                fprintf(out, tensor[i].rank == 1 ? ",), }" : "), }");
                fflush(out);
                fprintf(out, "%*s\n", (int)(127 - size), "");
                fwrite(weights->theta + tensor[i].offset, sizeof(float), tensor[i].size, out);
                fclose(out);
                weights_lab_store(path, file, size);
                free(file);
                free(path);
        }
        char *path = format_text("%s/weights.yaml", folder);
        weights_lab_store(path, text, strlen(text));
        free(path);
        free(tensor);
}

#endif
