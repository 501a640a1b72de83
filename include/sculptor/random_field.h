/* Gaussian random fields on a mesh. In the unitary view a mode of power P has variance d = P/V_cell, which is also
 * the variance of one of the n_cells independent real amplitudes of the field. */
#ifndef SCULPTOR_RANDOM_FIELD_H
#define SCULPTOR_RANDOM_FIELD_H

#include <stdbool.h>

#include "sculptor/mesh.h"
#include "sculptor/power_spectrum.h"
#include "sculptor/rng.h"

/* Local. d of each of this rank's modes, variance[mesh_modes_here()]: P(|k|)/V_cell; 0 at k = 0 and in spare
 * lines. NULL, or why not (P below 0 or not finite somewhere), valid until the next call. */
const char *random_field_variances(const struct mesh *mesh, const struct power_spectrum *spectrum, double *variance);

struct random_field_options {
        bool fixed_amplitude; /* |delta_k|^2 = P exactly, random phases [Angulo & Pontzen 2016] */
        bool paired;          /* odd realisations are the negatives of the even ones before them [the same] */
};

/* Collective over the domain. Realisation `particle`: modes drawn by wavevector, so that the large scales are the
 * same on every mesh of a box and on any number of ranks. `variance` as above. Self-conjugate modes are
 * real. stream: seed, purpose, level and stage. */
void random_field_draw(const struct mesh *mesh, const double *variance, const struct random_field_options *options,
                       const struct rng_stream *stream, uint64_t particle, double *field);

#endif
