/* F: a perceptron of (u, sigma) with n_dim outputs, for particles. Its Jacobian is symmetric only as far as that was
 * learned; energy.c is its gradient sibling. */
#include <stdlib.h>

#include "network/particle_inputs.h"
#include "network/types.h"
#include "sculptor/memory.h"

struct mlp {
        const struct perceptron_settings *settings;
        size_t n_dim;
        struct perceptron *net;
        float *g, *h; /* panels of outputs' adjoints */
        size_t n_inputs;
};

static struct perceptron_shape shape_of(const void *settings, const struct network_shape *shape)
{
        return particle_inputs_shape(settings, shape->n_dim, (size_t)shape->n_dim);
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
        struct mlp *mlp = allocate(1, sizeof *mlp);
        *mlp = (struct mlp){.settings = settings, .n_dim = (size_t)shape->n_dim, .n_inputs = net.size[0]};
        mlp->net = perceptron_create(&net);
        mlp->g = allocate(mlp->n_dim * LANES, sizeof *mlp->g);
        mlp->h = allocate(mlp->n_dim * LANES, sizeof *mlp->h);
        return mlp;
}

static void free_model(void *model)
{
        struct mlp *mlp = model;
        perceptron_free(mlp->net);
        free(mlp->g);
        free(mlp->h);
        free(mlp);
}

static void set(void *model, const float *theta)
{
        perceptron_set(((struct mlp *)model)->net, theta);
}

static void forward(void *model, const double *sigma, const double *restrict u, double *restrict f)
{
        struct mlp *mlp = model;
        particle_inputs_fill(mlp->net, mlp->n_dim, (size_t)mlp->settings->embedding, sigma, u);
        particle_inputs_unpack(mlp->n_dim, mlp->n_dim, perceptron_forward(mlp->net), f);
}

static void backward(void *model, const double *restrict g, double *restrict du, float *restrict gradient)
{
        struct mlp *mlp = model;
        particle_inputs_pack(mlp->n_dim, mlp->n_dim, g, mlp->g);
        const float *inputs = perceptron_backward(mlp->net, mlp->g, gradient, du != NULL);
        if (du)
                particle_inputs_unpack(mlp->n_dim, mlp->n_inputs, inputs, du);
}

static void tangent(void *model, const double *restrict v, double *restrict fv)
{
        struct mlp *mlp = model;
        particle_inputs_pack(mlp->n_dim, mlp->n_inputs, v, perceptron_input_tangents(mlp->net));
        particle_inputs_unpack(mlp->n_dim, mlp->n_dim, perceptron_tangent(mlp->net), fv);
}

static void backward_tangent(void *model, const double *restrict g, const double *restrict h, float *restrict gradient)
{
        struct mlp *mlp = model;
        particle_inputs_pack(mlp->n_dim, mlp->n_dim, g, mlp->g);
        particle_inputs_pack(mlp->n_dim, mlp->n_dim, h, mlp->h);
        perceptron_backward_tangent(mlp->net, mlp->g, mlp->h, gradient, false);
}

static double lipschitz(void *model, double sigma)
{
        (void)sigma; /* its features enter by what is in effect a bias */
        struct mlp *mlp = model;
        return perceptron_lipschitz(mlp->net, mlp->n_dim);
}

const struct network_type network_mlp = {
        .name = "mlp", .help = "a perceptron of position and noise level, for particles of up to 64 coordinates",
        .params = perceptron_rows, .settings_size = sizeof(struct perceptron_settings), .particles = true,
        .tensors = tensors, .unfit = unfit, .initialise = initialise, .create = create, .free = free_model, .set = set,
        .forward = forward, .backward = backward, .tangent = tangent, .backward_tangent = backward_tangent,
        .lipschitz = lipschitz,
};
