/* A laboratory of networks: one made of a few lines of text, with random weights, and its derivatives held against
 * differences. Include cmocka.h first.
 *
 * F is float32: L = g . F is known to about 1e-6 of sum |g F|, called `grain` here, so a central difference over h has
 * an error of grain/h from rounding and c h^2 from curvature. The difference over h/2 tells c: their disagreement, less
 * rounding, is 3/4 of c h^2. So what is asserted follows from what is measured, and only 1e-6 is assumed. */
#ifndef SCULPTOR_TESTS_NETWORK_LAB_H
#define SCULPTOR_TESTS_NETWORK_LAB_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab_input.h"
#include "sculptor/memory.h"
#include "sculptor/mesh.h"
#include "sculptor/network.h"
#include "sculptor/rng.h"

struct network_lab {
        struct network_settings settings;
        struct input *input;
        struct network *network;
        struct network_tensor *tensor;
        size_t n_tensors, n;         /* n: doubles of a tile */
        float *theta, *moved, *gradient;
        double sigma[LANES];
        double *u, *v, *g, *h, *f, *other; /* tiles */
};

/* N(0, 1), spare cells of fields 0. */
static inline void network_lab_fill(const struct network_lab *lab, uint32_t what, double *tile)
{
        const struct mesh *mesh = lab->network->shape.mesh;
        const struct rng_stream stream = {.seed = 7, .purpose = RNG_TEST, .step = what};
        rng_normal_row(&stream, 0, 0, (int64_t)lab->n, tile);
        for (size_t i = 0; mesh && i < lab->n; i++)
                if (i % mesh->plane_stride >= mesh->plane_cells)
                        tile[i] = 0;
}

static inline void network_lab_open(struct network_lab *lab, const char *text, const struct network_shape *shape)
{
        *lab = (struct network_lab){.n = 0};
        lab->input = lab_read(text, network_rows, &lab->settings);
        const struct network_type *type = lab->settings.type.type;
        const void *settings = lab->settings.type.settings;
        if (type->unfit)
                assert_null(type->unfit(settings, shape));
        lab->network = network_create(type, settings, shape);
        lab->n = lab->network->tile_size;
        lab->n_tensors = type->tensors(settings, shape, NULL);
        lab->tensor = allocate(lab->n_tensors, sizeof *lab->tensor);
        type->tensors(settings, shape, lab->tensor);
        float **weights[] = {&lab->theta, &lab->moved, &lab->gradient};
        for (size_t i = 0; i < sizeof weights / sizeof *weights; i++)
                *weights[i] = allocate(lab->network->n_parameters, sizeof(float));
        double **tiles[] = {&lab->u, &lab->v, &lab->g, &lab->h, &lab->f, &lab->other};
        for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) {
                *tiles[i] = allocate(lab->n, sizeof(double));
                network_lab_fill(lab, (uint32_t)i, *tiles[i]);
        }
        for (size_t lane = 0; lane < LANES; lane++)
                lab->sigma[lane] = 0.05 * pow(100, (double)(lane * 37 % LANES) / LANES);

        /* The type's own first weights, and what would be 0 in them a tenth. */
        type->initialise(settings, shape, 3, lab->theta);
        double *z = allocate(lab->network->n_parameters, sizeof *z);
        const struct rng_stream stream = {.seed = 8, .purpose = RNG_TEST};
        rng_normal_row(&stream, 0, 0, (int64_t)lab->network->n_parameters, z);
        for (size_t i = 0; i < lab->network->n_parameters; i++)
                lab->theta[i] += (float)(0.1 * z[i]);
        free(z);
        network_set(lab->network, lab->theta);
}

static inline void network_lab_close(struct network_lab *lab)
{
        network_free(lab->network);
        params_release(network_rows, &lab->settings);
        input_free(lab->input);
        free(lab->tensor);
        void *owned[] = {lab->theta, lab->moved, lab->gradient, lab->u, lab->v, lab->g, lab->h, lab->f, lab->other};
        for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
                free(owned[i]);
}

static inline double network_lab_dot(const struct network_lab *lab, const double *a, const double *b)
{
        double sum = 0;
        for (size_t i = 0; i < lab->n; i++)
                sum += a[i] * b[i];
        return sum;
}

/* What is differentiated: g . F, and where `tangents` also h . (dF/du v). *grain gets what rounding may make of it. */
static inline double network_lab_value(struct network_lab *lab, const double *u, bool tangents, double *grain)
{
        const struct network_type *type = lab->network->type;
        type->forward(lab->network->model, lab->sigma, u, lab->f);
        double value = network_lab_dot(lab, lab->g, lab->f), sum = 0;
        for (size_t i = 0; i < lab->n; i++)
                sum += pow(lab->g[i] * lab->f[i], 2);
        if (tangents) {
                type->tangent(lab->network->model, lab->v, lab->other);
                value += network_lab_dot(lab, lab->h, lab->other);
                for (size_t i = 0; i < lab->n; i++)
                        sum += pow(lab->h[i] * lab->other[i], 2);
        }
        *grain = 1e-6 * sqrt(sum) + 1e-7 * fabs(value); /* roundings of elements are independent */
        return value;
}

/* At theta + h direction (a tensor's), or at u + h v where there is none. */
static inline double network_lab_moved(struct network_lab *lab, const struct network_tensor *tensor,
                                       const double *direction, double h, bool tangents, double *grain)
{
        if (!tensor) {
                double *u = allocate(lab->n, sizeof *u);
                for (size_t i = 0; i < lab->n; i++)
                        u[i] = lab->u[i] + h * direction[i];
                const double value = network_lab_value(lab, u, tangents, grain);
                free(u);
                return value;
        }
        memcpy(lab->moved, lab->theta, lab->network->n_parameters * sizeof(float));
        for (size_t i = 0; i < tensor->size; i++)
                lab->moved[tensor->offset + i] += (float)(h * direction[i]);
        network_set(lab->network, lab->moved);
        const double value = network_lab_value(lab, lab->u, tangents, grain);
        network_set(lab->network, lab->theta);
        return value;
}

/* The derivative along a direction against central differences over h and h/2. */
static inline void network_lab_assert(struct network_lab *lab, const struct network_tensor *tensor,
                                      const double *direction, double derivative, bool tangents, double h)
{
        double found[2], error[2];
        for (int i = 0; i < 2; i++) {
                const double by = i == 0 ? h : h / 2;
                double grain[2];
                const double ahead = network_lab_moved(lab, tensor, direction, by, tangents, &grain[0]);
                const double behind = network_lab_moved(lab, tensor, direction, -by, tangents, &grain[1]);
                found[i] = (ahead - behind) / (2 * by);
                error[i] = fmax(grain[0], grain[1]) / by;
        }
        const double curvature = (fabs(found[0] - found[1]) + error[0] + error[1]) / 3;
        const double tolerance = 2 * curvature + 5 * error[1] + 1e-5 * fabs(derivative);
        if (!(fabs(found[1] - derivative) <= tolerance))
                print_error("%s%s: derivative %.9g, difference %.9g, tolerance %.3g\n", tensor ? tensor->name : "u",
                            tangents ? " of tangents" : "", derivative, found[1], tolerance);
        assert_true(fabs(found[1] - derivative) <= tolerance);
        assert_true(tolerance < 0.05 * fabs(derivative) + 0.02 * sqrt((double)lab->n)); /* or it could not fail */
}

/* Every tensor's gradient of g . F, and of g . F + h . (dF/du v) where `tangents`. */
static inline void network_lab_check_gradients(struct network_lab *lab, bool tangents)
{
        const struct network_type *type = lab->network->type;
        double grain;
        network_lab_value(lab, lab->u, tangents, &grain);
        memset(lab->gradient, 0, lab->network->n_parameters * sizeof(float));
        if (tangents)
                type->backward_tangent(lab->network->model, lab->g, lab->h, lab->gradient);
        else
                type->backward(lab->network->model, lab->g, NULL, lab->gradient);
        for (size_t t = 0; t < lab->n_tensors; t++) {
                const struct network_tensor *tensor = &lab->tensor[t];
                const struct rng_stream stream = {.seed = 9, .purpose = RNG_TEST, .step = (uint32_t)t};
                double *direction = allocate(tensor->size, sizeof *direction), derivative = 0;
                rng_normal_row(&stream, 0, 0, (int64_t)tensor->size, direction);
                for (size_t i = 0; i < tensor->size; i++) {
                        direction[i] /= sqrt((double)tensor->size);
                        derivative += direction[i] * (double)lab->gradient[tensor->offset + i];
                }
                network_lab_assert(lab, tensor, direction, derivative, tangents, 0.02);
                free(direction);
        }
}

/* du and the tangent against differences, and against each other: g . (J v) = v . (J' g). */
static inline void network_lab_check_inputs(struct network_lab *lab)
{
        const struct network_type *type = lab->network->type;
        double grain;
        network_lab_value(lab, lab->u, false, &grain);
        double *du = allocate(lab->n, sizeof *du), *fv = allocate(lab->n, sizeof *fv);
        type->tangent(lab->network->model, lab->v, fv);
        type->backward(lab->network->model, lab->g, du, NULL);
        const double forward = network_lab_dot(lab, lab->g, fv), backward = network_lab_dot(lab, lab->v, du);
        double scale = 0;
        for (size_t i = 0; i < lab->n; i++)
                scale += pow(lab->g[i] * fv[i], 2) + pow(lab->v[i] * du[i], 2);
        assert_true(fabs(forward - backward) <= 1e-5 * sqrt(scale));
        network_lab_assert(lab, NULL, lab->v, forward, false, 0.02);
        free(du);
        free(fv);
}

/* E moves by F . (u' - u). */
static inline void network_lab_check_energy(struct network_lab *lab)
{
        const struct network_type *type = lab->network->type;
        const bool field = lab->network->shape.mesh != NULL;
        const double h = field ? 0.02 : 0.05;
        double energy[3][LANES], *u = allocate(lab->n, sizeof *u), *f = allocate(lab->n, sizeof *f);
        type->forward(lab->network->model, lab->sigma, lab->u, f);
        for (int k = 0; k < 3; k++) { /* ahead, behind, half ahead to half behind in the third */
                for (size_t i = 0; i < lab->n; i++)
                        u[i] = lab->u[i] + (k == 0 ? h : k == 1 ? -h : 0) * lab->v[i];
                type->forward(lab->network->model, lab->sigma, u, lab->f);
                type->energy(lab->network->model, energy[k]);
        }
        double along[LANES] = {0}, size[LANES] = {0};
        for (size_t i = 0; i < lab->n; i++) {
                const size_t lane = field ? 0 : i % LANES;
                along[lane] += f[i] * lab->v[i];
                size[lane] += pow(lab->v[i], 2);
        }
        for (size_t lane = 0; lane < (field ? 1 : LANES); lane++) {
                const double difference = (energy[0][lane] - energy[1][lane]) / (2 * h);
                /* bending: (E+ - 2 E + E-)/h^2 is the second derivative; the third is of its size, as scales are 1 */
                const double bend = fabs(energy[0][lane] - 2 * energy[2][lane] + energy[1][lane]);
                assert_true(fabs(difference - along[lane]) <=
                            3 * bend + h * h * size[lane] + 2e-6 * (1 + fabs(energy[2][lane])) / h);
        }
        free(u);
        free(f);
}

#endif
