#include "io/weights_import.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/agree.h"
#include "io/weights_file.h"
#include "sculptor/memory.h"

/* ---- the text ---- */

struct import_settings {
        int64_t format, n_dim, steps;
        struct network_settings network;
        struct real_vector cells, box_size, mean, variance, wavenumber;
        double sigma_min, sigma_max, zero_variance;
        char *digest;
};

#define FIELD(member) offsetof(struct import_settings, member)

static const struct param import_rows[] = {
        {.key = "weights_format", .kind = PARAM_INTEGER, .offset = FIELD(format), .range = "[1, 1]",
         .help = "version of this layout"},
        {.key = "network", .kind = PARAM_TABLE, .offset = FIELD(network), .rows = network_rows,
         .help = "the architecture, as in an input of sculptor train"},
        {.key = "n_dim", .kind = PARAM_INTEGER, .offset = FIELD(n_dim), .fallback = "0", .range = "[0, 1048576]",
         .help = "coordinates of a particle; 0: fields"},
        {.key = "cells", .kind = PARAM_VECTOR, .offset = FIELD(cells), .fallback = "0", .range = "[0, 1048576]",
         .help = "of fields: cells along x, y[, z] of the mesh trained on"},
        {.key = "box_size", .kind = PARAM_VECTOR, .offset = FIELD(box_size), .fallback = "0", .range = "[0, inf)",
         .help = "of fields: lengths along x, y[, z] of the box trained on"},
        {.key = "sigma_min", .kind = PARAM_REAL, .offset = FIELD(sigma_min), .range = "(0, inf)",
         .help = "least noise level trained at"},
        {.key = "sigma_max", .kind = PARAM_REAL, .offset = FIELD(sigma_max), .range = "(0, inf)",
         .help = "largest noise level trained at"},
        {.key = "training_steps", .kind = PARAM_INTEGER, .offset = FIELD(steps), .fallback = "0",
         .range = "[0, 4503599627370496]", .help = "steps of training, 0 where unknown"},
        {.key = "mean", .kind = PARAM_VECTOR, .offset = FIELD(mean),
         .help = "of the data: n_dim numbers, of fields one"},
        {.key = "variance", .kind = PARAM_VECTOR, .offset = FIELD(variance), .range = "(0, inf)",
         .help = "of the data; of fields of modes at each wavenumber"},
        {.key = "wavenumber", .kind = PARAM_VECTOR, .offset = FIELD(wavenumber), .fallback = "0", .range = "[0, inf)",
         .help = "of fields: increasing"},
        {.key = "zero_variance", .kind = PARAM_REAL, .offset = FIELD(zero_variance), .fallback = "0",
         .range = "[0, inf)", .help = "of fields: of the mean mode"},
        {.key = "sha256", .kind = PARAM_TEXT, .offset = FIELD(digest),
         .help = "of the text above and the tensors, or unknown; the last line"},
        PARAM_END};

static bool left_out(const struct real_vector *vector)
{
        return vector->n == 1 && vector->value[0] == 0;
}

/* What rows cannot say. */
static const char *check_counts(const struct import_settings *set, const char *name)
{
        const bool fields = set->n_dim == 0;
        if (!fields && (!left_out(&set->cells) || !left_out(&set->box_size) || !left_out(&set->wavenumber)))
                return reason("%s: n_dim is of particles, but cells, box_size and wavenumber are of fields", name);
        if (fields && (set->cells.n < 2 || set->cells.n > 3 || set->box_size.n != set->cells.n))
                return reason("%s: give n_dim, or of fields 2 or 3 numbers for cells and for box_size", name);
        if (set->mean.n != (fields ? 1 : (size_t)set->n_dim))
                return reason("%s: mean: %zu numbers, where %" PRId64 " are wanted", name, set->mean.n,
                              fields ? 1 : set->n_dim);
        if (fields ? set->wavenumber.n != set->variance.n : set->variance.n != 1)
                return reason("%s: variance: %zu numbers, where %zu are wanted", name, set->variance.n,
                              fields ? set->wavenumber.n : 1);
        return NULL;
}

/* Gives what was read to weights. */
static void move(struct import_settings *set, struct weights *weights)
{
        const bool fields = set->n_dim == 0;
        weights->network = set->network;
        weights->n_dim = set->n_dim;
        weights->steps = set->steps;
        weights->sigma_min = set->sigma_min;
        weights->sigma_max = set->sigma_max;
        weights->normalisation = (struct normalisation){
                .n_mean = set->mean.n, .mean = set->mean.value, .n_variance = set->variance.n,
                .variance = set->variance.value, .wavenumber = fields ? set->wavenumber.value : NULL,
                .zero_variance = set->zero_variance};
        if (fields)
                weights->mesh = (struct mesh_settings){.cells = set->cells, .box_size = set->box_size,
                                                       .dimensions = (int64_t)set->cells.n};
        set->network = (struct network_settings){{NULL, NULL}};
        set->mean = set->variance = (struct real_vector){0, NULL};
        if (fields)
                set->cells = set->box_size = set->wavenumber = (struct real_vector){0, NULL};
}

/* *digest is the caller's to free. */
static const char *take_text(struct weights *weights, const char *name, const char *text, size_t length, char **digest)
{
        struct import_settings set = {.n_dim = 0};
        struct input *input = input_parse(name, text, length, NULL, 0);
        input_read(input, import_rows, &set);
        const char *why = input_problems(input) > 0 ? reason("%s", input_problem(input, 0)) : NULL;
        input_free(input);
        why = why ? why : check_counts(&set, name);
        if (!why) {
                move(&set, weights);
                *digest = set.digest;
                set.digest = NULL;
        }
        params_release(import_rows, &set);
        return why ? why : weights_fit_architecture(weights, name);
}

/* The text up to its last line, which must be the digest's. */
static const char *check_digest(const struct weights *weights, const char *name, const char *text, size_t length,
                                const char *digest)
{
        static const char key[] = "sha256:";
        size_t start = length > 0 ? length - 1 : 0;
        while (start > 0 && text[start - 1] != '\n')
                start--;
        if (length - start < sizeof key - 1 || memcmp(text + start, key, sizeof key - 1) != 0)
                return reason("%s: sha256 must be the last line", name);
        if (strcmp(digest, "unknown") == 0)
                return NULL;
        struct sha256 sha;
        char hex[65];
        sha256_begin(&sha);
        sha256_add(&sha, text, start);
        sha256_add(&sha, weights->theta, weights->n_parameters * sizeof *weights->theta);
        sha256_end(&sha, hex);
        return strcmp(hex, digest) == 0 ? NULL : reason("%s: sha256 is not that of this text and its tensors", name);
}

/* ---- the tensors ---- */

static const char *compare(const char *path, const struct import_array *array, const struct network_tensor *tensor)
{
        if (array->rank != tensor->rank)
                return reason("%s: %s has %d dimensions, where the architecture has %d", path, tensor->name,
                              array->rank, tensor->rank);
        for (int axis = 0; axis < tensor->rank; axis++)
                if (array->shape[axis] != tensor->shape[axis])
                        return reason("%s: %s has %" PRId64 " along axis %d, where the architecture has %" PRId64, path,
                                      tensor->name, array->shape[axis], axis, tensor->shape[axis]);
        return NULL;
}

/* Into value, or only a comparison of shapes where that is NULL. */
static const char *take_tensor(const struct import_source *source, const struct network_tensor *tensor, float *value)
{
        struct import_array array;
        int fd = -1;
        const char *why = source->find(source, tensor->name, &array, &fd);
        if (!why)
                why = compare(source->path, &array, tensor);
        if (!why && value && !import_read_values(fd, &array, tensor->size, value))
                why = reason_errno("read", source->path);
        if (source->close && fd >= 0)
                close(fd);
        return why;
}

static const char *take_tensors(const struct import_source *source, struct weights *weights)
{
        size_t n;
        struct network_tensor *tensor = weights_tensors(weights, &n);
        const char *why = NULL;
        for (size_t i = 0; i < n && !why; i++)
                why = take_tensor(source, &tensor[i], NULL);
        char name[IMPORT_NAME];
        if (!why && source->unexpected(source, tensor, n, name))
                why = reason("%s: %s is no tensor of this architecture", source->path, import_printable(name));
        if (!why)
                weights->theta = allocate(weights->n_parameters, sizeof *weights->theta);
        for (size_t i = 0; i < n && !why; i++)
                why = take_tensor(source, &tensor[i], weights->theta + tensor[i].offset);
        free(tensor);
        return why;
}

const char *weights_import(const struct import_source *source, const char *text_name, const char *text, size_t length,
                           struct weights **weights)
{
        struct weights *read = allocate(1, sizeof *read);
        char *digest = NULL;
        const char *why = take_text(read, text_name, text, length, &digest);
        if (!why)
                why = take_tensors(source, read);
        if (!why && (why = weights_check(read)))
                why = reason("%s: %s", source->path, why);
        if (!why)
                why = check_digest(read, text_name, text, length, digest);
        free(digest);
        if (why)
                weights_free(read);
        else
                *weights = read;
        return why;
}
