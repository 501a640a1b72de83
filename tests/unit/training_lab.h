/* A laboratory of training: a target, a network and a table `training:` made of text, and a network with two weights
 * whose losses are quadratic in them. Include cmocka.h first. */
#ifndef SCULPTOR_TESTS_TRAINING_LAB_H
#define SCULPTOR_TESTS_TRAINING_LAB_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab_input.h"
#include "sculptor/memory.h"
#include "sculptor/mesh.h"
#include "sculptor/score.h"
#include "training/settings.h"

/* ---- F_i = a u_i + b u_i u_j, j the coordinate or cell after i ---- */

struct two_weights { size_t n, step; double a, b; double *u, *v; };

static inline size_t two_weights_next(const struct two_weights *model, size_t i)
{
        return (i + model->step) % model->n;
}

static inline size_t two_weights_tensors(const void *settings, const struct network_shape *shape,
                                         struct network_tensor *tensor)
{
        (void)settings, (void)shape;
        if (tensor)
                *tensor = (struct network_tensor){.name = "weights", .rank = 1, .shape = {2}, .size = 2};
        return 1;
}

static inline void two_weights_initialise(const void *settings, const struct network_shape *shape, uint64_t seed,
                                          float *theta)
{
        (void)settings, (void)shape, (void)seed;
        theta[0] = theta[1] = 0;
}

static inline void *two_weights_create(const void *settings, const struct network_shape *shape)
{
        (void)settings;
        struct two_weights *model = allocate(1, sizeof *model);
        model->n = shape->mesh ? shape->mesh->size : (size_t)shape->n_dim * LANES;
        model->step = shape->mesh ? 1 : LANES;
        model->u = allocate(model->n, sizeof *model->u);
        model->v = allocate(model->n, sizeof *model->v);
        return model;
}

static inline void two_weights_free(void *configured)
{
        struct two_weights *model = configured;
        free(model->u);
        free(model->v);
        free(model);
}

static inline void two_weights_set(void *configured, const float *theta)
{
        struct two_weights *model = configured;
        model->a = theta[0];
        model->b = theta[1];
}

static inline void two_weights_forward(void *configured, const double *sigma, const double *restrict u,
                                       double *restrict f)
{
        struct two_weights *model = configured;
        (void)sigma;
        for (size_t i = 0; i < model->n; i++) {
                model->u[i] = u[i];
                f[i] = model->a * u[i] + model->b * u[i] * u[two_weights_next(model, i)];
        }
}

static inline void two_weights_backward(void *configured, const double *restrict g, double *restrict du,
                                        float *restrict gradient)
{
        struct two_weights *model = configured;
        double a = 0, b = 0;
        for (size_t i = 0; i < model->n; i++) {
                a += g[i] * model->u[i];
                b += g[i] * model->u[i] * model->u[two_weights_next(model, i)];
        }
        if (du) {
                for (size_t i = 0; i < model->n; i++)
                        du[i] = g[i] * (model->a + model->b * model->u[two_weights_next(model, i)]);
                for (size_t i = 0; i < model->n; i++)
                        du[two_weights_next(model, i)] += g[i] * model->b * model->u[i];
        }
        if (gradient) {
                gradient[0] += (float)a;
                gradient[1] += (float)b;
        }
}

static inline void two_weights_tangent(void *configured, const double *restrict v, double *restrict fv)
{
        struct two_weights *model = configured;
        for (size_t i = 0; i < model->n; i++) {
                const size_t next = two_weights_next(model, i);
                model->v[i] = v[i];
                fv[i] = model->a * v[i] + model->b * (v[i] * model->u[next] + model->u[i] * v[next]);
        }
}

static inline void two_weights_backward_tangent(void *configured, const double *restrict g, const double *restrict h,
                                                float *restrict gradient)
{
        struct two_weights *model = configured;
        two_weights_backward(model, g, NULL, gradient);
        double a = 0, b = 0;
        for (size_t i = 0; i < model->n; i++) {
                const size_t next = two_weights_next(model, i);
                a += h[i] * model->v[i];
                b += h[i] * (model->v[i] * model->u[next] + model->u[i] * model->v[next]);
        }
        gradient[0] += (float)a;
        gradient[1] += (float)b;
}

static const struct network_type two_weights = {
        .name = "two_weights", .help = "a u_i + b u_i u_j", .particles = true, .fields = true,
                .tensors = two_weights_tensors,
        .initialise = two_weights_initialise, .create = two_weights_create, .free = two_weights_free,
        .set = two_weights_set, .forward = two_weights_forward, .backward = two_weights_backward,
        .tangent = two_weights_tangent, .backward_tangent = two_weights_backward_tangent,
};

/* ---- the laboratory ---- */

struct training_lab {
        struct selection target_settings;
        struct network_settings network_settings;
        struct training_settings settings;
        struct input *input[3];
        struct score *target;
        struct network_shape shape;
        struct training_source source;
        struct normalisation normalisation;
        struct denoiser *denoiser;
        struct training *training;
        const char *why; /* of training_create() */
        double centre;   /* of the data set's rows */
};

static const struct param training_lab_target[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = 0, .variant = score_variant, .help = "the target"},
        PARAM_END,
};

/* A data set of its own making: coordinates sin(row + 2 c + 1) + centre. */
static inline const char *training_lab_rows(void *owner, int64_t first, int64_t count, double *rows)
{
        const struct training_lab *lab = owner;
        const int64_t n = lab->shape.mesh ? lab->shape.mesh->n_cells : lab->shape.n_dim;
        for (int64_t row = 0; row < count; row++)
                for (int64_t c = 0; c < n; c++)
                        rows[row * n + c] = sin((double)(first + row + 2 * c + 1)) + lab->centre;
        return NULL;
}

static inline void training_lab_target_open(struct training_lab *lab, const char *target)
{
        lab->input[0] = lab_read(target, training_lab_target, &lab->target_settings);
        const struct score_type *type = lab->target_settings.type;
        lab->target = score_create(type, lab->target_settings.settings);
        lab->shape.n_dim = lab->target->n_dim;
        if (!type->mesh)
                return;
        const struct score_context context = {.seed = 1};
        struct mesh *mesh = type->mesh(lab->target->model);
        assert_null(type->load(lab->target->model, &context));
        free(mesh_plan(mesh, MESH_ESTIMATE, NULL, false));
        assert_null(type->prepare(lab->target->model));
        lab->shape = (struct network_shape){.n_axes = mesh->n_axes, .mesh = mesh};
}

/* Network NULL: the two weights. n_rows 0: drawn from the target. lab->why tells what training_create() refused. */
static inline void training_lab_open(struct training_lab *lab, const char *training, const char *target,
                                     const char *network, int64_t n_rows)
{
        *lab = (struct training_lab){.centre = 0.5};
        training_lab_target_open(lab, target);
        lab->input[1] = lab_read(training, training_params, &lab->settings);
        const struct network_type *type = &two_weights;
        if (network) {
                lab->input[2] = lab_read(network, network_rows, &lab->network_settings);
                type = lab->network_settings.type.type;
        }
        lab->source = (struct training_source){.target = n_rows > 0 ? NULL : lab->target, .n_rows = n_rows,
                                               .n_validation = n_rows / 10, .buffer_rows = 50,
                                               .read = training_lab_rows, .owner = lab};
        assert_null(training_normalise(&lab->source, &lab->shape, 3, lab->shape.mesh ? 64 : 4096, &lab->normalisation));
        struct network *made = network_create(type, lab->network_settings.type.settings, &lab->shape);
        lab->denoiser = denoiser_create(made, &lab->normalisation);
        lab->why = training_create(&lab->settings, lab->denoiser, &lab->source, 5, &lab->training);
}

static inline void training_lab_close(struct training_lab *lab)
{
        training_free(lab->training);
        denoiser_free(lab->denoiser);
        normalisation_release(&lab->normalisation);
        score_free(lab->target);
        params_release(training_lab_target, &lab->target_settings);
        params_release(training_params, &lab->settings);
        if (lab->network_settings.type.type)
                params_release(network_rows, &lab->network_settings);
        for (int i = 0; i < 3; i++)
                if (lab->input[i])
                        input_free(lab->input[i]);
}

#endif
