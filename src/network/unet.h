/* The parts of the U-Net (unet.c has its equations): its layers as weights, its memory, and what its passes are made of.
 *
 * All activations are fields of conv.h. Level l has half the cells of level l - 1 along each axis and channels * 2^l
 * channels; what a pass carries from block to block of a level is its stream. */
#ifndef SCULPTOR_NETWORK_UNET_H
#define SCULPTOR_NETWORK_UNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "network/conv.h"
#include "sculptor/mesh.h"
#include "sculptor/network.h"

struct unet_settings { int64_t channels, levels, blocks, embedding; };

/* ---- weights (unet.c) ---- */

/* A layer of weights: a convolution, or linear, w[out][in] with bias[out]. */
struct unet_layer {
        char name[NETWORK_NAME];
        bool convolution, has_bias;
        size_t n_in, n_out;
        double gain;            /* first weights are N(0, gain^2/terms of a sum) */
        size_t weight, bias;    /* offsets in theta */
};

/* In the order of theta, which is that of a forward pass. layer may be NULL: only counts. */
size_t unet_layers(const struct unet_settings *settings, int n_axes, struct unet_layer *layer);
size_t unet_features(const struct unet_settings *settings); /* of sigma */

/* ---- memory (unet_model.c) ---- */

struct unet_level {
        struct conv_grid grid;
        size_t n;               /* channels */
        float *stream;          /* adjoints or tangents of the level's stream */
        float *inner;           /* those inside a block */
        float *pooled;          /* what comes from the level above, n/2 channels; kept by forward() */
        float *coarse;          /* of n/2 channels: on the way up, and adjoints of pooled */
};

struct unet_conv {
        struct conv_shape shape;
        struct unet_layer at;
        float *packed, *transposed;
        float *bias;            /* filled up with zeros; NULL: none */
};

/* a = act(scale h + shift) channel by channel, scale - 1 and shift linear in the embedding of sigma [Perez et al. 2018]. */
struct unet_film {
        struct unet_layer at;
        size_t n;
        bool linear;            /* act is the identity, else SiLU */
        float *scale, *shift;   /* [n], filled up with zeros */
        double *gradient;       /* [2 n]: sums so far, of scales and shifts */
        float *h, *a;
        float *slope;           /* act' at h; NULL where linear */
};

struct unet_block { struct unet_conv first, second; struct unet_film film; float *x, *y; }; /* of the stream, before and after */

struct unet {
        const struct unet_settings *settings;
        const struct mesh *mesh;
        size_t n_levels;        /* halvings */
        size_t n_blocks;        /* a level */
        struct unet_level *level;  /* [n_levels + 1] */
        struct unet_block *encoder; /* [n_levels + 1][n_blocks], the coarsest level's too */
        struct unet_block *decoder; /* [n_levels][n_blocks] */
        struct unet_conv *down, *up; /* [n_levels]: from level l to l + 1, and back */
        float **skip, **last;   /* [n_levels + 1]: the stream at the end of a level's encoder, and of all its blocks */
        struct unet_conv input, output;
        struct unet_film input_film, output_film;
        struct unet_layer embed;
        struct unet_film **film; /* [n_films]: all of them */
        struct unet_conv **conv; /* [n_convs] */
        size_t n_films, n_convs;
        void **owned;           /* [n_owned]: what is to be freed */
        size_t n_owned;
        size_t n_parameters;
        float *theta;
        double sigma;           /* of scales and shifts; 0: of none */
        double *feature, *embedding, *embedding_slope, *embedding_gradient;
        float *u, *v;           /* narrow fields: F's argument; work space */
        float *work;            /* of gradients of weights */
};

struct unet *unet_create(const struct unet_settings *settings, const struct network_shape *shape);
void unet_free(struct unet *unet);
void unet_set(struct unet *unet, const float *theta);

/* ---- films and the embedding (unet_film.c) ---- */

void unet_embed(struct unet *unet, double sigma);       /* scales and shifts of all films */
void unet_embed_backward(struct unet *unet, float *gradient); /* from the films' gradients, which become 0 */

void unet_film_forward(const struct unet_film *film, const struct conv_grid *grid); /* h -> a, slope */
void unet_film_tangent(const struct unet_film *film, const struct conv_grid *grid,
                       float *h); /* in place; its own transpose */
void unet_film_gradient(const struct unet_film *film, const struct conv_grid *grid,
                        const float *d); /* adds to its gradient, for the adjoints d before unet_film_tangent() */

/* ---- between levels (unet_levels.c) ---- */

/* coarse(x) = factor * sum of fine over the 2^n_axes cells in it */
void unet_gather(const struct conv_grid *fine, const struct conv_grid *coarse, size_t n, float factor,
                 const float *restrict from, float *restrict to);
/* to = base + factor * coarse at the cell that holds it; base may be `to` */
void unet_spread(const struct conv_grid *fine, const struct conv_grid *coarse, size_t n, float factor,
                 const float *restrict from, const float *base, float *to);
/* A mesh's field to a narrow one and back; spare cells become 0. */
void unet_pack(const struct mesh *mesh, const struct conv_grid *grid, const double *restrict field, float *restrict to);
void unet_unpack(const struct mesh *mesh, const struct conv_grid *grid, const float *restrict from,
                 double *restrict field);

/* ---- passes (unet_passes.c) ---- */

void unet_forward(struct unet *unet, const double *restrict u, double *restrict f);
void unet_tangent(struct unet *unet, const double *restrict v, double *restrict fv);
void unet_backward(struct unet *unet, const double *restrict g, double *restrict du, float *restrict gradient);

#endif
