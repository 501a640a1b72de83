/* What networks of particles have in common: their sigma features, and tiles to panels and back.
 *
 *     inputs: u[n_dim], c, cos(pi q c), sin(pi q c), q = 1 .. embedding;   c = ln(sigma)/4  [Karras et al. 2022,
 * table 1] */
#ifndef SCULPTOR_NETWORK_PARTICLE_INPUTS_H
#define SCULPTOR_NETWORK_PARTICLE_INPUTS_H

#include <stddef.h>

#include "network/perceptron.h"

struct perceptron_settings {
        int64_t width, layers, embedding;
        int activation;
        double spectral_norm;
};
#define PERCEPTRON_ROW(member) offsetof(struct perceptron_settings, member)
extern const struct param perceptron_rows[];

struct perceptron_shape particle_inputs_shape(const struct perceptron_settings *settings, int64_t n_dim,
                                              size_t n_outputs);
const char *particle_inputs_unfit(const struct network_shape *shape);

/* Fills the perceptron's inputs with u and the features of sigma[LANES]. */
void particle_inputs_fill(struct perceptron *perceptron, size_t n_dim, size_t embedding, const double *sigma,
                          const double *u);
/* v[n_dim][LANES] to the first rows of panels of n_rows, and back; other rows 0. */
void particle_inputs_pack(size_t n_dim, size_t n_rows, const double *v, float *panels);
void particle_inputs_unpack(size_t n_dim, size_t n_rows, const float *panels, double *v);

#endif
