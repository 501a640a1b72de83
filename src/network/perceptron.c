#include "network/perceptron.h"

#include <stdlib.h>
#include <string.h>

#include "network/activation.h"
#include "network/gemm.h"
#include "network/spectral_norm.h"
#include "sculptor/memory.h"

enum { N = LANES, N_PANELS = LANES / PANEL };
#define SILU_SLOPE 1.0998393194 /* the largest of |silu'| */

struct layer {
        size_t n_in, n_out;
        size_t weight, bias;       /* offsets in theta */
        float *forward, *backward; /* W and W' packed */
        struct spectral_norm norm; /* where it is bounded */
        /* panels */
        float *h, *dh;             /* inputs, and their tangents */
        float *z, *dz;             /* outputs, and their tangents; z is overwritten by the gate (activation.h) */
};

struct perceptron {
        struct perceptron_shape shape;
        struct layer layer[PERCEPTRON_MAX_LAYERS];
        float *adjoint[2], *tangent_adjoint[2]; /* of the widest layer */
        float *transposed;                      /* a layer's inputs by examples */
        float *matrix;                          /* a layer's weight or gradient where its norm is bounded */
        float *theta;                           /* as set */
};

/* ---- the life of one ---- */

struct perceptron *perceptron_create(const struct perceptron_shape *shape)
{
        struct perceptron *net = allocate(1, sizeof *net);
        net->shape = *shape;
        size_t offset = 0, widest = 0, largest = 0;
        for (size_t l = 0; l < shape->n_layers; l++) {
                struct layer *layer = &net->layer[l];
                const size_t in = shape->size[l], out = shape->size[l + 1];
                *layer = (struct layer){.n_in = in, .n_out = out, .weight = offset, .bias = offset + out * in};
                offset += out * (in + 1);
                layer->forward = allocate(out * in, sizeof(float));
                layer->backward = allocate(out * in, sizeof(float));
                layer->h = allocate(in * N, sizeof(float));
                layer->dh = allocate(in * N, sizeof(float));
                layer->z = allocate(out * N, sizeof(float));
                layer->dz = allocate(out * N, sizeof(float));
                if (shape->spectral_norm > 0)
                        layer->norm = spectral_norm_create(out, in, shape->spectral_norm);
                widest = in > widest ? in : widest;
                widest = out > widest ? out : widest;
                largest = out * in > largest ? out * in : largest;
        }
        for (size_t i = 0; i < 2; i++) {
                net->adjoint[i] = allocate(widest * N, sizeof(float));
                net->tangent_adjoint[i] = allocate(widest * N, sizeof(float));
        }
        net->transposed = allocate(gemm_panels(widest) * PANEL * N, sizeof(float));
        net->matrix = allocate(largest, sizeof(float));
        net->theta = allocate(offset, sizeof(float));
        return net;
}

void perceptron_free(struct perceptron *net)
{
        for (size_t l = 0; l < net->shape.n_layers; l++) {
                struct layer *layer = &net->layer[l];
                float *owned[] = {layer->forward, layer->backward, layer->h, layer->dh, layer->z, layer->dz};
                for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
                        free(owned[i]);
                spectral_norm_release(&layer->norm);
        }
        for (size_t i = 0; i < 2; i++) {
                free(net->adjoint[i]);
                free(net->tangent_adjoint[i]);
        }
        free(net->transposed);
        free(net->matrix);
        free(net->theta);
        free(net);
}

/* The weight of a layer as it is used; may lie in net->matrix. */
static const float *weight_used(struct perceptron *net, const struct layer *layer)
{
        const float *weight = net->theta + layer->weight;
        if (!(net->shape.spectral_norm > 0))
                return weight;
        for (size_t i = 0; i < layer->n_out * layer->n_in; i++)
                net->matrix[i] = (float)(layer->norm.share * (double)weight[i]);
        return net->matrix;
}

void perceptron_set(struct perceptron *net, const float *theta)
{
        const struct layer *last = &net->layer[net->shape.n_layers - 1];
        memcpy(net->theta, theta, (last->bias + last->n_out) * sizeof *theta);
        for (size_t l = 0; l < net->shape.n_layers; l++) {
                struct layer *layer = &net->layer[l];
                if (net->shape.spectral_norm > 0)
                        spectral_norm_measure(&layer->norm, net->theta + layer->weight);
                const float *weight = weight_used(net, layer);
                gemm_pack(layer->n_out, layer->n_in, weight, layer->forward);
                gemm_pack_transposed(layer->n_out, layer->n_in, weight, layer->backward);
        }
}

float *perceptron_inputs(struct perceptron *net)
{
        return net->layer[0].h;
}

float *perceptron_input_tangents(struct perceptron *net)
{
        return net->layer[0].dh;
}

/* ---- forward ---- */

/* h = phi(z), z <- the gate */
static void activate(enum perceptron_activation activation, size_t n, float *restrict z, float *restrict h)
{
        if (activation == PERCEPTRON_SILU)
                for (size_t i = 0; i < n; i++) {
                        const struct act_gated a = act_silu_gated(z[i]);
                        h[i] = a.value;
                        z[i] = a.gate;
                }
        else
                for (size_t i = 0; i < n; i++)
                        h[i] = act_tanh_gated(z[i]).value;
}

const float *perceptron_forward(struct perceptron *net)
{
        const size_t last = net->shape.n_layers - 1;
        for (size_t l = 0; l <= last; l++) {
                struct layer *layer = &net->layer[l];
                gemm_forward(N_PANELS, layer->n_in, layer->n_out, layer->forward, net->theta + layer->bias, layer->h,
                             layer->z);
                if (l < last)
                        activate(net->shape.activation, layer->n_out * N, layer->z, net->layer[l + 1].h);
        }
        return net->layer[last].z;
}

/* d <- phi' d, of the activation whose gate and value are given */
static void bend(enum perceptron_activation activation, size_t n, const float *restrict gate, const float *restrict h,
                 float *restrict d)
{
        if (activation == PERCEPTRON_SILU)
                for (size_t i = 0; i < n; i++)
                        d[i] *= act_silu_slope(h[i], gate[i]);
        else
                for (size_t i = 0; i < n; i++)
                        d[i] *= act_tanh_slope(h[i]);
}

const float *perceptron_tangent(struct perceptron *net)
{
        const size_t last = net->shape.n_layers - 1;
        for (size_t l = 0; l <= last; l++) {
                struct layer *layer = &net->layer[l];
                gemm_forward(N_PANELS, layer->n_in, layer->n_out, layer->forward, NULL, layer->dh, layer->dz);
                if (l == last)
                        break;
                memcpy(net->layer[l + 1].dh, layer->dz, layer->n_out * N * sizeof(float));
                bend(net->shape.activation, layer->n_out * N, layer->z, net->layer[l + 1].h, net->layer[l + 1].dh);
        }
        return net->layer[last].dz;
}

/* ---- backward ---- */

/* bias[o] += sum over lanes of d, in a fixed tree. */
static void add_bias_gradient(size_t n_out, const float *restrict d, float *restrict bias)
{
        for (size_t o = 0; o < n_out; o++) {
                float sum[PANEL];
                for (size_t j = 0; j < PANEL; j++)
                        sum[j] = (d[o * PANEL + j] + d[(n_out + o) * PANEL + j]) +
                                 (d[(2 * n_out + o) * PANEL + j] + d[(3 * n_out + o) * PANEL + j]);
                for (size_t half = PANEL / 2; half >= 1; half /= 2)
                        for (size_t j = 0; j < half; j++)
                                sum[j] += sum[j + half];
                bias[o] += sum[0];
        }
}

/* What is d_l x' and, of the tangents, t_l dx', for the weight as it was set. d or t may be NULL: 0. */
static void add_weight_gradient(struct perceptron *net, struct layer *layer, const float *d, const float *t,
                                float *gradient)
{
        const bool bounded = net->shape.spectral_norm > 0;
        float *to = gradient + layer->weight;
        if (bounded) {
                memset(net->matrix, 0, layer->n_out * layer->n_in * sizeof(float));
                to = net->matrix;
        }
        const float *adjoint[] = {d, t}, *input[] = {layer->h, layer->dh};
        for (size_t i = 0; i < 2; i++)
                if (adjoint[i]) {
                        gemm_transpose(N_PANELS, layer->n_in, input[i], net->transposed);
                        gemm_gradient(N_PANELS, layer->n_in, layer->n_out, net->transposed, adjoint[i], to);
                }
        if (bounded)
                spectral_norm_gradient(&layer->norm, net->theta + layer->weight, net->matrix, gradient + layer->weight);
}

const float *perceptron_backward(struct perceptron *net, const float *g, float *gradient, bool want_inputs)
{
        const float *d = g;
        for (size_t l = net->shape.n_layers; l-- > 0;) {
                struct layer *layer = &net->layer[l];
                if (gradient) {
                        add_weight_gradient(net, layer, d, NULL, gradient);
                        add_bias_gradient(layer->n_out, d, gradient + layer->bias);
                }
                if (l == 0 && !want_inputs)
                        return NULL;
                float *below = net->adjoint[l % 2];
                gemm_forward(N_PANELS, layer->n_out, layer->n_in, layer->backward, NULL, d, below);
                if (l > 0)
                        bend(net->shape.activation, layer->n_in * N, net->layer[l - 1].z, layer->h, below);
                d = below;
        }
        return d;
}

/* d <- phi' d + phi'' dz t,  t <- phi' t, of the activation whose gate, value and argument's tangent are given */
static void bend_both(enum perceptron_activation activation, size_t n, const float *restrict gate,
                      const float *restrict h, const float *restrict dz, float *restrict d, float *restrict t)
{
        if (activation == PERCEPTRON_SILU)
                for (size_t i = 0; i < n; i++) {
                        const float slope = act_silu_slope(h[i], gate[i]);
                        d[i] = __builtin_fmaf(act_silu_curvature(h[i], gate[i]) * dz[i], t[i], slope * d[i]);
                        t[i] *= slope;
                }
        else
                for (size_t i = 0; i < n; i++) {
                        const float slope = act_tanh_slope(h[i]);
                        d[i] = __builtin_fmaf(act_tanh_curvature(h[i]) * dz[i], t[i], slope * d[i]);
                        t[i] *= slope;
                }
}

/* Adjoints of z: d; of its tangent: t. Below, with h = phi(z) and dh = phi'(z) dz:
 * t <- phi' (W't),  d <- phi' (W'd) + phi'' dz (W't). */
const float *perceptron_backward_tangent(struct perceptron *net, const float *g, const float *h, float *gradient,
                                         bool want_inputs)
{
        const float *d = g, *t = h;
        for (size_t l = net->shape.n_layers; l-- > 0;) {
                struct layer *layer = &net->layer[l];
                if (gradient) {
                        add_weight_gradient(net, layer, d, t, gradient);
                        if (d)
                                add_bias_gradient(layer->n_out, d, gradient + layer->bias);
                }
                if (l == 0 && !want_inputs)
                        return NULL;
                float *below = net->adjoint[l % 2], *t_below = net->tangent_adjoint[l % 2];
                const size_t n = layer->n_in * N;
                gemm_forward(N_PANELS, layer->n_out, layer->n_in, layer->backward, NULL, t, t_below);
                if (d)
                        gemm_forward(N_PANELS, layer->n_out, layer->n_in, layer->backward, NULL, d, below);
                else
                        memset(below, 0, n * sizeof *below);
                if (l > 0)
                        bend_both(net->shape.activation, n, net->layer[l - 1].z, layer->h, net->layer[l - 1].dz, below,
                                  t_below);
                d = below;
                t = t_below;
        }
        return d;
}

double perceptron_lipschitz(struct perceptron *net, size_t n_inputs)
{
        double bound = 1;
        for (size_t l = 0; l < net->shape.n_layers; l++) {
                const struct layer *layer = &net->layer[l];
                const size_t n_in = l == 0 ? n_inputs : layer->n_in;
                const float *weight = weight_used(net, layer);
                float *columns = allocate(layer->n_out * n_in, sizeof *columns);
                for (size_t o = 0; o < layer->n_out; o++)
                        memcpy(columns + o * n_in, weight + o * layer->n_in, n_in * sizeof *columns);
                bound *= spectral_norm_bound(layer->n_out, n_in, columns);
                free(columns);
                if (l + 1 < net->shape.n_layers && net->shape.activation == PERCEPTRON_SILU)
                        bound *= SILU_SLOPE;
        }
        return bound;
}
