#include "network/perceptron.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network/activation.h"
#include "network/gemm.h"
#include "network/spectral_norm.h"
#include "sculptor/memory.h"
#include "sculptor/rng.h"

enum { N = LANES };
#define SILU_SLOPE 1.0998393194 /* the largest of |silu'| */

struct layer {
        size_t n_in, n_out;
        size_t weight, bias;            /* offsets in theta */
        float *forward, *backward;      /* panels of W' and of W */
        float *b;                       /* padded */
        struct spectral_norm norm;      /* where it is bounded */
        /* panels [panel][LANES][16] */
        float *h, *dh;                  /* inputs, and their tangents */
        float *z, *dz;                  /* outputs */
        float *slope;                   /* phi' at z */
};

struct perceptron {
        struct perceptron_shape shape;
        struct layer layer[PERCEPTRON_MAX_LAYERS];
        float *adjoint[2], *tangent_adjoint[2]; /* of the widest layer */
        float *raw;                     /* a layer's gradient where its norm is bounded */
        float *theta;                   /* as set, where norms are bounded */
};

static size_t panel_floats(size_t n)
{
        return gemm_panels(n) * N * PANEL;
}

/* ---- tensors ---- */

static struct network_tensor tensor_of(size_t layer, const char *what, int rank, size_t out, size_t in, size_t offset)
{
        struct network_tensor tensor = {.rank = rank, .shape = {(int64_t)out, (int64_t)in}, .offset = offset,
                                        .size = out * in};
        snprintf(tensor.name, sizeof tensor.name, "layer_%zu.%s", layer, what);
        if (rank == 1)
                tensor.shape[1] = 0;
        return tensor;
}

size_t perceptron_tensors(const struct perceptron_shape *shape, struct network_tensor *tensor)
{
        size_t offset = 0;
        for (size_t l = 0; l < shape->n_layers && tensor; l++) {
                const size_t in = shape->size[l], out = shape->size[l + 1];
                tensor[2 * l] = tensor_of(l, "weight", 2, out, in, offset);
                tensor[2 * l + 1] = tensor_of(l, "bias", 1, out, 1, offset + out * in);
                offset += out * (in + 1);
        }
        return 2 * shape->n_layers;
}

static void fill_normal(uint64_t seed, size_t tensor, double deviation, size_t n, float *out)
{
        const struct rng_stream stream = {.seed = seed, .purpose = RNG_WEIGHTS, .step = (uint32_t)tensor};
        double *z = allocate(n, sizeof *z);
        rng_normal_row(&stream, 0, 0, (int64_t)n, z);
        for (size_t i = 0; i < n; i++)
                out[i] = (float)(deviation * z[i]);
        free(z);
}

void perceptron_initialise(const struct perceptron_shape *shape, uint64_t seed, double last_gain, float *theta)
{
        for (size_t l = 0; l < shape->n_layers; l++) {
                const size_t in = shape->size[l], out = shape->size[l + 1];
                const double gain = l == 0 ? 2 : l + 1 < shape->n_layers ? 1.07 : last_gain;
                const double deviation = gain / sqrt((double)in);
                fill_normal(seed, 2 * l, deviation, out * in, theta);
                fill_normal(seed, 2 * l + 1, l == 0 ? deviation : 0, out, theta + out * in);
                theta += out * (in + 1);
        }
}

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
                layer->forward = allocate(gemm_panels(out) * in * PANEL, sizeof(float));
                layer->backward = allocate(gemm_panels(in) * out * PANEL, sizeof(float));
                layer->b = allocate(gemm_panels(out) * PANEL, sizeof(float));
                float **inputs[] = {&layer->h, &layer->dh};
                float **outputs[] = {&layer->z, &layer->dz, &layer->slope};
                for (size_t i = 0; i < 2; i++)
                        *inputs[i] = allocate(panel_floats(in), sizeof(float));
                for (size_t i = 0; i < 3; i++)
                        *outputs[i] = allocate(panel_floats(out), sizeof(float));
                if (shape->spectral_norm > 0)
                        layer->norm = spectral_norm_create(out, in, shape->spectral_norm);
                widest = panel_floats(in) > widest ? panel_floats(in) : widest;
                widest = panel_floats(out) > widest ? panel_floats(out) : widest;
                largest = out * in > largest ? out * in : largest;
        }
        for (size_t i = 0; i < 2; i++) {
                net->adjoint[i] = allocate(widest, sizeof(float));
                net->tangent_adjoint[i] = allocate(widest, sizeof(float));
        }
        net->raw = allocate(largest, sizeof(float));
        net->theta = allocate(offset, sizeof(float));
        return net;
}

void perceptron_free(struct perceptron *net)
{
        for (size_t l = 0; l < net->shape.n_layers; l++) {
                struct layer *layer = &net->layer[l];
                float *owned[] = {layer->forward, layer->backward, layer->b,     layer->h, layer->dh,
                                  layer->z,       layer->dz,       layer->slope};
                for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
                        free(owned[i]);
                spectral_norm_release(&layer->norm);
        }
        for (size_t i = 0; i < 2; i++) {
                free(net->adjoint[i]);
                free(net->tangent_adjoint[i]);
        }
        free(net->raw);
        free(net->theta);
        free(net);
}

void perceptron_set(struct perceptron *net, const float *theta)
{
        for (size_t l = 0; l < net->shape.n_layers; l++) {
                struct layer *layer = &net->layer[l];
                const size_t n = layer->n_out * layer->n_in;
                const float *weight = theta + layer->weight;
                memcpy(layer->b, theta + layer->bias, layer->n_out * sizeof(float));
                if (net->shape.spectral_norm > 0) {
                        memcpy(net->theta + layer->weight, weight, n * sizeof(float));
                        const double share = spectral_norm_measure(&layer->norm, weight);
                        for (size_t i = 0; i < n; i++)
                                net->raw[i] = (float)(share * (double)weight[i]);
                        weight = net->raw;
                }
                gemm_pack_transposed(layer->n_out, layer->n_in, weight, layer->forward);
                gemm_pack(layer->n_out, layer->n_in, weight, layer->backward);
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

static void activate(enum perceptron_activation activation, size_t n, const float *restrict z, float *restrict h,
                     float *restrict slope)
{
        if (activation == PERCEPTRON_SILU)
                for (size_t i = 0; i < n; i++) {
                        const struct activated a = act_silu(z[i]);
                        h[i] = a.value;
                        slope[i] = a.slope;
                }
        else
                for (size_t i = 0; i < n; i++) {
                        const struct activated a = act_tanh(z[i]);
                        h[i] = a.value;
                        slope[i] = a.slope;
                }
}

const float *perceptron_forward(struct perceptron *net)
{
        const size_t last = net->shape.n_layers - 1;
        for (size_t l = 0; l <= last; l++) {
                struct layer *layer = &net->layer[l];
                gemm_forward(N, layer->n_in, layer->n_out, layer->h, layer->forward, layer->b, layer->z);
                if (l < last)
                        activate(net->shape.activation, panel_floats(layer->n_out), layer->z, net->layer[l + 1].h,
                                 layer->slope);
        }
        return net->layer[last].z;
}

const float *perceptron_tangent(struct perceptron *net)
{
        const size_t last = net->shape.n_layers - 1;
        for (size_t l = 0; l <= last; l++) {
                struct layer *layer = &net->layer[l];
                gemm_forward(N, layer->n_in, layer->n_out, layer->dh, layer->forward, NULL, layer->dz);
                for (size_t i = 0; l < last && i < panel_floats(layer->n_out); i++)
                        net->layer[l + 1].dh[i] = layer->slope[i] * layer->dz[i];
        }
        return net->layer[last].dz;
}

/* ---- backward ---- */

/* bias[o] += sum over lanes of d, in a fixed tree. */
static void add_bias_gradient(size_t n_out, const float *restrict d, float *restrict bias)
{
        for (size_t panel = 0; panel * PANEL < n_out; panel++) {
                float sum[N / 2][PANEL];
                const float *rows = d + panel * N * PANEL;
                for (size_t i = 0; i < N / 2; i++)
                        for (size_t j = 0; j < PANEL; j++)
                                sum[i][j] = rows[i * PANEL + j] + rows[(i + N / 2) * PANEL + j];
                for (size_t half = N / 4; half >= 1; half /= 2)
                        for (size_t i = 0; i < half; i++)
                                for (size_t j = 0; j < PANEL; j++)
                                        sum[i][j] += sum[i + half][j];
                for (size_t j = 0; j < PANEL && panel * PANEL + j < n_out; j++)
                        bias[panel * PANEL + j] += sum[0][j];
        }
}

/* What is d_l x' and, of the tangents, t_l dx', for the weight as it was set. */
static void add_weight_gradient(struct perceptron *net, struct layer *layer, const float *d, const float *t,
                                float *gradient)
{
        const bool bounded = net->shape.spectral_norm > 0;
        float *to = gradient + layer->weight;
        if (bounded) {
                memset(net->raw, 0, layer->n_out * layer->n_in * sizeof(float));
                to = net->raw;
        }
        if (d)
                gemm_gradient(N, layer->n_in, layer->n_out, layer->h, d, to);
        if (t)
                gemm_gradient(N, layer->n_in, layer->n_out, layer->dh, t, to);
        if (bounded)
                spectral_norm_gradient(&layer->norm, net->theta + layer->weight, net->raw, gradient + layer->weight);
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
                gemm_forward(N, layer->n_out, layer->n_in, d, layer->backward, NULL, below);
                for (size_t i = 0; l > 0 && i < panel_floats(layer->n_in); i++)
                        below[i] *= net->layer[l - 1].slope[i];
                d = below;
        }
        return d;
}

/* d <- phi' d + phi'' dz t,  t <- phi' t */
static void bend(enum perceptron_activation activation, size_t n, const struct layer *lower, float *restrict d,
                 float *restrict t)
{
        const float *restrict z = lower->z, *restrict dz = lower->dz, *restrict slope = lower->slope;
        if (activation == PERCEPTRON_SILU)
                for (size_t i = 0; i < n; i++)
                        d[i] = __builtin_fmaf(act_silu(z[i]).curvature * dz[i], t[i], slope[i] * d[i]);
        else
                for (size_t i = 0; i < n; i++)
                        d[i] = __builtin_fmaf(act_tanh(z[i]).curvature * dz[i], t[i], slope[i] * d[i]);
        for (size_t i = 0; i < n; i++)
                t[i] *= slope[i];
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
                const size_t n = panel_floats(layer->n_in);
                gemm_forward(N, layer->n_out, layer->n_in, t, layer->backward, NULL, t_below);
                if (d)
                        gemm_forward(N, layer->n_out, layer->n_in, d, layer->backward, NULL, below);
                else
                        memset(below, 0, n * sizeof *below);
                if (l > 0)
                        bend(net->shape.activation, n, &net->layer[l - 1], below, t_below);
                d = below;
                t = t_below;
        }
        return d;
}

double perceptron_lipschitz(struct perceptron *net)
{
        double bound = 1;
        for (size_t l = 0; l < net->shape.n_layers; l++) {
                const struct layer *layer = &net->layer[l];
                bound *= spectral_norm_bound(layer->n_out, layer->n_in, layer->backward);
                if (l + 1 < net->shape.n_layers)
                        bound *= net->shape.activation == PERCEPTRON_SILU ? SILU_SLOPE : 1;
        }
        return bound;
}
