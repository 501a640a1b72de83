/* Weights files: a trained network with all that is needed to use it again (layout: docs/formats.md). */
#ifndef SCULPTOR_WEIGHTS_H
#define SCULPTOR_WEIGHTS_H

#include <stdint.h>

#include "sculptor/denoiser.h"
#include "sculptor/mesh.h"
#include "sculptor/network.h"

struct provenance;

struct weights {
        struct network_settings network; /* the architecture: type and its settings */
        int64_t n_dim;                   /* particles: coordinates; 0: fields */
        struct mesh_settings mesh;       /* fields: trained on; cells in the order x, y[, z] */
        struct normalisation normalisation;
        double sigma_min, sigma_max;     /* trained between */
        size_t n_parameters;
        float *theta;                    /* the tensors of network_type.tensors() */
        int64_t steps;                   /* of training; 0 where unknown (imported) */
        char *digest;                    /* SHA-256 of theta's bytes, hex; made by reading and writing */
};

/* Local (one process may look, before MPI). Every shape, type and value is checked before it is used, and what would
 * make HDF5 fetch other files or run plugins is refused (dataset_open.h). NULL, or why not, with the path. */
const char *weights_read(const char *path, struct weights **weights);
void weights_free(struct weights *weights);

/* Collective; the same weights on every rank. NULL or why; nothing is left behind then. */
const char *weights_write(const char *path, const struct weights *weights, const struct provenance *provenance);

#endif
