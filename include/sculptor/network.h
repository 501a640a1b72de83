/* Networks: the part F of a denoiser that is learned (denoiser.h has the rest).
 *
 * A network_type is what an input names; a network is a configured one with its weights. Weights are one array of
 * floats, theta[n_parameters], the tensors of the type side by side, row by row, without padding: what optimisers,
 * files and checkpoints see. Arithmetic inside is float32; sums run in an order fixed by the architecture, each
 * multiply-add is one fmaf(), so that the bits depend neither on the batch, nor on ranks, nor on the width of vectors.
 *
 * F(u; sigma) is evaluated on one tile (population.h): of particles u is [n_dim][LANES] and every lane has its own
 * sigma;
 * of fields it is one field [plane][plane_stride] (mesh.h), spare cells 0, with sigma[0]. Spare cells of results are 0.
 * The forward() of one network keeps what the functions after it need; there is one such memory in a network. */
#ifndef SCULPTOR_NETWORK_H
#define SCULPTOR_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sculptor/params.h"
#include "sculptor/population.h"

struct mesh;

/* What a network is a function of. */
struct network_shape {
        int64_t n_dim;           /* coordinates of a particle; 0: fields */
        int n_axes;              /* of fields: 2 or 3; 0: particles */
        const struct mesh *mesh; /* of fields: planned (mesh.h) where a network is created; may be NULL before */
};

enum { NETWORK_MAX_RANK = 6, NETWORK_NAME = 48 };

/* A run of theta, as an array of a file. */
struct network_tensor {
        char name[NETWORK_NAME]; /* "hidden_1.weight" */
        int rank;
        int64_t shape[NETWORK_MAX_RANK];
        size_t offset, size;     /* floats from theta on; the product of the shape */
};

struct network_type {
        const char *name, *help;
        const struct param *params;
        size_t settings_size;
        void (*check)(const void *settings, const struct params_scope *scope); /* or NULL */
        bool particles, fields;  /* what it can be a function of */
        bool whole_fields;       /* a field must not be split over ranks */

        /* The tensors in the order of theta, from the settings and the shape's numbers alone. tensor may be NULL: only
         * counts. Every offset is the sum of the sizes before. */
        size_t (*tensors)(const void *settings, const struct network_shape *shape, struct network_tensor *tensor);
        /* NULL, or why this shape cannot be: "a mesh of 30 cells cannot be halved 2 times"; mesh is there, of fields.
         * */
        const char *(*unfit)(const void *settings, const struct network_shape *shape);
        /* First weights: a function of the seed alone (RNG_WEIGHTS, the tensor's index its step). */
        void (*initialise)(const void *settings, const struct network_shape *shape, uint64_t seed, float *theta);

        void *(*create)(const void *settings, const struct network_shape *shape); /* settings outlive it */
        void (*free)(void *model);
        void (*set)(void *model, const float *theta); /* takes these weights, [n_parameters] */

        /* F at u. Collective over the domain, of fields. */
        void (*forward)(void *model, const double *sigma, const double *restrict u, double *restrict f);
        /* After forward(), for g = dL/dF: du = (dF/du)' g where du is not NULL; (dF/dtheta)' g is ADDED to
         * gradient[n_parameters] where that is not NULL (then the domain must be one rank). */
        void (*backward)(void *model, const double *restrict g, double *restrict du, float *restrict gradient);
        /* After forward(): fv = (dF/du) v, and keeps what backward_tangent() needs. */
        void (*tangent)(void *model, const double *restrict v, double *restrict fv);
        /* After forward() and tangent(): adds d/dtheta of  g . F + h . (dF/du v)  to gradient. NULL: cannot, and losses
         * that need it (implicit, sliced) are refused. */
        void (*backward_tangent)(void *model, const double *restrict g, const double *restrict h,
                                 float *restrict gradient);
        /* After forward(): E[LANES] with F = dE/du, where this network is a gradient. NULL: never one; and
         * has_energy(settings), where not NULL, tells whether these settings have it. */
        void (*energy)(void *model, double *energy);
        bool (*has_energy)(const void *settings);
        /* An upper bound of |F(u) - F(u')|/|u - u'| over all u, u' at this sigma; NULL: none is known. */
        double (*lipschitz)(void *model, double sigma);
};

struct network {
        const struct network_type *type;
        const void *settings; /* borrowed */
        struct network_shape shape;
        size_t n_parameters;
        size_t tile_size;     /* doubles of u and F: n_dim * LANES, or mesh->size */
        void *model;
};

bool network_variant(size_t i, struct param_variant *variant); /* the registry, for `network: {type: ...}` */
extern const struct param network_rows[]; /* the table `network:`, whose settings are a struct network_settings */
struct network_settings { struct selection type; };

size_t network_parameters(const struct network_type *type, const void *settings, const struct network_shape *shape);

/* Local; of fields collective over the domain. Weights are unset until network_set(). */
struct network *network_create(const struct network_type *type, const void *settings,
                               const struct network_shape *shape);
void network_free(struct network *network);
void network_set(struct network *network, const float *theta);

#endif
