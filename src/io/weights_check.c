/* Weights in memory, whichever file they came from: the architecture by its text, and every value in its range. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/agree.h"
#include "io/weights_file.h"
#include "sculptor/files.h"
#include "sculptor/memory.h"

enum { MOST_PARAMETERS = 1 << 28 };
#define MOST_CELLS 0x1p36

int weights_axes(const struct weights *weights)
{
        const struct mesh_settings *mesh = &weights->mesh;
        const size_t n = mesh->cells.n > mesh->box_size.n ? mesh->cells.n : mesh->box_size.n;
        return weights->n_dim > 0 ? 0 : mesh->dimensions > 0 ? (int)mesh->dimensions : (int)n;
}

struct network_tensor *weights_tensors(const struct weights *weights, size_t *n)
{
        const struct network_shape shape = {.n_dim = weights->n_dim, .n_axes = weights_axes(weights)};
        const struct selection *selected = &weights->network.type;
        const struct network_type *type = selected->type;
        *n = type->tensors(selected->settings, &shape, NULL);
        struct network_tensor *tensor = allocate(*n, sizeof *tensor);
        type->tensors(selected->settings, &shape, tensor);
        return tensor;
}

static const char *check_kind(const struct weights *weights, const char *name)
{
        const struct network_type *type = weights->network.type.type;
        if (weights->n_dim > 0 ? !type->particles : !type->fields)
                return reason("%s: a network %s of %s", name, type->name, weights->n_dim > 0 ? "particles" : "fields");
        const struct network_shape shape = {.n_dim = weights->n_dim, .n_axes = weights_axes(weights)};
        const char *why = weights->n_dim > 0 && type->unfit ? type->unfit(weights->network.type.settings, &shape)
                                                            : NULL;
        return why ? reason("%s: network %s %s", name, type->name, why) : NULL;
}

const char *weights_take_architecture(struct weights *weights, const char *name, const char *text)
{
        struct input *input = input_parse(name, text, strlen(text), NULL, 0);
        input_read(input, network_rows, &weights->network);
        const char *why = input_problems(input) > 0 ? reason("network, %s", input_problem(input, 0)) : NULL;
        input_free(input);
        if (!why)
                why = weights_fit_architecture(weights, name);
        if (!why)
                weights->theta = allocate(weights->n_parameters, sizeof *weights->theta);
        return why;
}

const char *weights_fit_architecture(struct weights *weights, const char *name)
{
        const char *why = check_kind(weights, name);
        if (why)
                return why;
        size_t n;
        struct network_tensor *tensor = weights_tensors(weights, &n);
        double parameters = 0;
        for (size_t i = 0; i < n; i++)
                parameters += (double)tensor[i].size;
        if (parameters > MOST_PARAMETERS)
                why = reason("%s: a network of %.3g weights; more than %d are not read", name, parameters,
                             MOST_PARAMETERS);
        free(tensor);
        weights->n_parameters = why ? 0 : (size_t)parameters;
        return why;
}

static const char *check_mesh(const struct weights *weights)
{
        const struct mesh_settings *mesh = &weights->mesh;
        double n_cells = 1;
        for (size_t axis = 0; axis < mesh->cells.n; axis++) {
                const double n = mesh->cells.value[axis];
                n_cells *= n;
                if (!(n >= 2 && n <= 1 << 20) || n != floor(n))
                        return reason("cells are %g along axis %zu, not a whole number from 2 to 1048576", n, axis);
        }
        if (n_cells > MOST_CELLS)
                return reason("cells are %.3g in all, more than 2^36, and no mesh to learn on", n_cells);
        for (size_t axis = 0; axis < mesh->box_size.n; axis++)
                if (!(mesh->box_size.value[axis] > 0))
                        return reason("box_size is %g along axis %zu, not above 0", mesh->box_size.value[axis], axis);
        return NULL;
}

static const char *check_normalisation(const struct normalisation *normalisation)
{
        for (size_t i = 0; i < normalisation->n_mean; i++)
                if (!isfinite(normalisation->mean[i]))
                        return reason("normalisation/mean[%zu] is not finite", i);
        for (size_t i = 0; i < normalisation->n_variance; i++) {
                if (!(normalisation->variance[i] > 0) || !isfinite(normalisation->variance[i]))
                        return reason("normalisation/variance[%zu] is %g, not above 0", i, normalisation->variance[i]);
                if (!normalisation->wavenumber)
                        continue;
                const double k = normalisation->wavenumber[i], before = i > 0 ? normalisation->wavenumber[i - 1] : 0;
                if (!(k > before) || !isfinite(k))
                        return reason("normalisation/wavenumber[%zu] is %g, not above the one before", i, k);
        }
        if (normalisation->wavenumber && !(normalisation->zero_variance > 0))
                return reason("normalisation's zero_variance is %g, not above 0", normalisation->zero_variance);
        return NULL;
}

const char *weights_check(struct weights *weights)
{
        if (!(weights->sigma_min > 0 && weights->sigma_max > weights->sigma_min && isfinite(weights->sigma_max)))
                return reason("sigma_min %g and sigma_max %g are not 0 < sigma_min < sigma_max", weights->sigma_min,
                              weights->sigma_max);
        const char *why = weights->n_dim > 0 ? NULL : check_mesh(weights);
        if (!why)
                why = check_normalisation(&weights->normalisation);
        for (size_t i = 0; i < weights->n_parameters && !why; i++)
                if (!isfinite(weights->theta[i]))
                        why = reason("weight %zu is not finite", i);
        if (why)
                return why;
        free(weights->digest);
        weights->digest = allocate(65, 1);
        struct sha256 sha;
        sha256_begin(&sha);
        sha256_add(&sha, weights->theta, weights->n_parameters * sizeof *weights->theta);
        sha256_end(&sha, weights->digest);
        return NULL;
}
