/* F = dE/du, E a perceptron of (u, sigma) with one output: a field that is a gradient by construction, at the price of
 * going through the perceptron twice. [Salimans & Ho 2021]
 *
 * Its Jacobian H is symmetric: H v is the derivative along v of dE/du, which is d/du of the tangent of E along v; and
 * g . F is that tangent along g, so that (dF/dtheta)' g is d/dtheta of it. */
#include <stdlib.h>

#include "network/particle_inputs.h"
#include "network/types.h"
#include "sculptor/memory.h"

struct energy {
        const struct perceptron_settings *settings;
        size_t n_dim, n_inputs;
        struct perceptron *net;
        float *one;          /* dE/dE of all lanes */
        double value[LANES]; /* E */
};

static struct perceptron_shape shape_of(const void *settings, const struct network_shape *shape)
{
        return particle_inputs_shape(settings, shape->n_dim, 1);
}

static size_t tensors(const void *settings, const struct network_shape *shape, struct network_tensor *tensor)
{
        const struct perceptron_shape net = shape_of(settings, shape);
        return perceptron_tensors(&net, tensor);
}

static const char *unfit(const void *settings, const struct network_shape *shape)
{
        (void)settings;
        return particle_inputs_unfit(shape);
}

static void initialise(const void *settings, const struct network_shape *shape, uint64_t seed, float *theta)
{
        const struct perceptron_shape net = shape_of(settings, shape);
        perceptron_initialise(&net, seed, 0, theta);
}

static void *create(const void *settings, const struct network_shape *shape)
{
        const struct perceptron_shape net = shape_of(settings, shape);
        struct energy *energy = allocate(1, sizeof *energy);
        *energy = (struct energy){.settings = settings, .n_dim = (size_t)shape->n_dim, .n_inputs = net.size[0]};
        energy->net = perceptron_create(&net);
        double ones[LANES];
        for (size_t lane = 0; lane < LANES; lane++)
                ones[lane] = 1;
        energy->one = allocate(LANES, sizeof *energy->one);
        particle_inputs_pack(1, 1, ones, energy->one);
        return energy;
}

static void free_model(void *model)
{
        struct energy *energy = model;
        perceptron_free(energy->net);
        free(energy->one);
        free(energy);
}

static void set(void *model, const float *theta)
{
        perceptron_set(((struct energy *)model)->net, theta);
}

static void forward(void *model, const double *sigma, const double *restrict u, double *restrict f)
{
        struct energy *energy = model;
        particle_inputs_fill(energy->net, energy->n_dim, (size_t)energy->settings->embedding, sigma, u);
        particle_inputs_unpack(1, 1, perceptron_forward(energy->net), energy->value);
        particle_inputs_unpack(energy->n_dim, energy->n_inputs,
                               perceptron_backward(energy->net, energy->one, NULL, true), f);
}

static void along(struct energy *energy, const double *v)
{
        particle_inputs_pack(energy->n_dim, energy->n_inputs, v, perceptron_input_tangents(energy->net));
        perceptron_tangent(energy->net);
}

static void backward(void *model, const double *restrict g, double *restrict du, float *restrict gradient)
{
        struct energy *energy = model;
        along(energy, g);
        const float *inputs = perceptron_backward_tangent(energy->net, NULL, energy->one, gradient, du != NULL);
        if (du)
                particle_inputs_unpack(energy->n_dim, energy->n_inputs, inputs, du);
}

static void tangent(void *model, const double *restrict v, double *restrict fv)
{
        backward(model, v, fv, NULL);
}

static void energy_of(void *model, double *value)
{
        const struct energy *energy = model;
        for (size_t lane = 0; lane < LANES; lane++)
                value[lane] = energy->value[lane];
}

const struct network_type network_energy = {
        .name = "energy",
        .help = "the gradient of a perceptron with one output, for particles: conservative, with log p",
        .params = perceptron_rows, .settings_size = sizeof(struct perceptron_settings), .particles = true,
        .tensors = tensors, .unfit = unfit, .initialise = initialise, .create = create, .free = free_model, .set = set,
        .forward = forward, .backward = backward, .tangent = tangent, .energy = energy_of,
};
