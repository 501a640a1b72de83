/* A multilayer perceptron over 64 examples, forward and backward and their tangents: what networks of particles are
 * made of. Example i is lane i; what belongs to lanes is in panels (gemm.h).
 *
 *     h_0 = inputs,  z_l = W_l h_l + b_l,  h_l+1 = phi(z_l),  output z_last
 *
 * theta holds weight [out][in] and bias [out] of each layer in turn. */
#ifndef SCULPTOR_NETWORK_PERCEPTRON_H
#define SCULPTOR_NETWORK_PERCEPTRON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sculptor/network.h"

enum perceptron_activation { PERCEPTRON_SILU, PERCEPTRON_TANH };
enum { PERCEPTRON_MAX_LAYERS = 17 }; /* linear maps */

struct perceptron_shape {
        size_t n_layers;                          /* linear maps: hidden layers + 1 */
        size_t size[PERCEPTRON_MAX_LAYERS + 1];   /* inputs, width, ..., outputs */
        enum perceptron_activation activation;
        double spectral_norm;                     /* the most a W_l may stretch; 0: anything */
};

struct perceptron;

struct perceptron *perceptron_create(const struct perceptron_shape *shape);
void perceptron_free(struct perceptron *perceptron);
/* The tensors "layer_0.weight", "layer_0.bias", ...; NULL: only counts. */
size_t perceptron_tensors(const struct perceptron_shape *shape, struct network_tensor *tensor);
/* N(0, gain^2/fan_in): 2 for the first layer and its bias, 1.07 for the others, last_gain for the last. */
void perceptron_initialise(const struct perceptron_shape *shape, uint64_t seed, double last_gain, float *theta);
void perceptron_set(struct perceptron *perceptron, const float *theta);

/* The inputs' panels, [LANES/16][inputs][16], to be filled before forward(), and their tangents before tangent(). */
float *perceptron_inputs(struct perceptron *perceptron);
float *perceptron_input_tangents(struct perceptron *perceptron);

/* Results are panels of outputs, of inputs for backward; they live until the next call. */
const float *perceptron_forward(struct perceptron *perceptron);
const float *perceptron_tangent(struct perceptron *perceptron);
/* g: panels of dL/d output. Adds to gradient (or NULL); returns dL/d inputs where asked, else NULL. */
const float *perceptron_backward(struct perceptron *perceptron, const float *g, float *gradient, bool want_inputs);
/* Of g . output + h . tangent of the output; after tangent(). g may be NULL: 0. */
const float *perceptron_backward_tangent(struct perceptron *perceptron, const float *g, const float *h, float *gradient,
                                         bool want_inputs);

/* Product over layers of upper bounds of |W_l|_2 and of the activation's largest slope: how much outputs may move as
 * the
 * first n_inputs inputs do. */
double perceptron_lipschitz(struct perceptron *perceptron, size_t n_inputs);

#endif
