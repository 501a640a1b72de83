/* The parts of the spectral network (spectral.c): filters, which are of modes, and the rest, which is of cells.
 *
 *     u  --G_c-->  h_c  --W, b-->  z_m  --phi, a-->  y_m  --W'-->  t_c  --G_c, summed-->  F
 *
 * Names of the tangents along v: p_c of h_c, e_c of t_c. Channels are float, [row of 64 cells][c][64]; modes are those
 * of the mesh, double where they decide the field and float where only gradients need them. */
#ifndef SCULPTOR_NETWORK_SPECTRAL_H
#define SCULPTOR_NETWORK_SPECTRAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sculptor/mesh.h"

enum { SPECTRAL_ROW = 64, SPECTRAL_UNITS = 4 };
enum spectral_activation { SPECTRAL_SILU, SPECTRAL_TANH };

struct spectral_settings {
        int64_t channels, hidden, bins, embedding;
        double largest_scale; /* cells */
        int activation;
};

struct spectral {
        const struct spectral_settings *settings;
        const struct mesh *mesh;
        size_t n_channels, n_hidden, n_bins, n_features;
        size_t n_units;          /* n_hidden rounded up to a multiple of SPECTRAL_UNITS */
        size_t filters, weight, bias, amplitude, n_parameters; /* offsets in theta */
        float *theta;

        /* of the mesh */
        size_t n_modes;          /* of this rank, spare ones included */
        uint8_t *bin;            /* [n_modes]: a filter is (1 - fraction) G[bin] + fraction G[bin + 1] there */
        float *fraction;         /* [n_modes] */

        /* of theta and the noise level `sigma`; 0: of none yet */
        double sigma;
        double *feature;         /* [n_features] */
        double *node;            /* G at the nodes, [n_channels][n_bins] */
        float *gain;             /* G at modes, [n_channels][n_modes] */
        float *w;                /* W, [n_units][n_channels] */
        float *shift, *scale;    /* b and a, [n_units] */

        /* of the field that forward() had, and the tangent after it */
        double *u_modes;         /* [n_modes][2] */
        float *h, *t;            /* t is also work space, of backward() */
        float *t_modes;          /* [n_channels][n_modes][2]; NULL until the first gradient is asked for */
        double *v_modes;         /* these three NULL until the first tangent */
        float *p, *e;

        /* work space */
        double *g_modes, *h_modes; /* of adjoints */
        double *sum;               /* [n_modes][2] */
        double *cells;             /* [mesh->size] */
        float *s;                  /* channels, for backward_tangent(); NULL until then */
        float *product;            /* dL/dG at modes, [n_channels][n_modes]; NULL until the first gradient, as lanes */
        struct spectral_lanes *lanes;
};

/* ---- spectral_modes.c: collective over the domain ---- */

void spectral_place_nodes(struct spectral *spectral);   /* fills bin and fraction */
void spectral_fill_gain(struct spectral *spectral);     /* from node */
void spectral_analyse(struct spectral *spectral, const double *field, double *modes);
/* channels_c = G_c * field of these modes. */
void spectral_spread(struct spectral *spectral, const double *modes, float *channels);
/* out = sum_c G_c * channels_c, and the channels' modes into `kept` where that is not NULL. */
void spectral_collect(struct spectral *spectral, const float *channels, float *kept, double *out);
/* product_c += Re(conj(modes) times those of channels_c); out as above where not NULL. */
void spectral_multiply(struct spectral *spectral, const float *channels, const double *modes, double *out);
/* The same of channels' modes that were kept; sets the product. */
void spectral_multiply_kept(struct spectral *spectral, const float *kept, const double *modes);
/* Adds d/d filters of the product, which is dL/dG at modes but for their weight and 1/n_cells. */
void spectral_filter_gradient(const struct spectral *spectral, float *gradient);

/* ---- spectral_cells.c: local ---- */

void spectral_cells_forward(struct spectral *spectral);  /* h -> t */
void spectral_cells_tangent(struct spectral *spectral);  /* h, p -> e */
double spectral_cells_energy(struct spectral *spectral); /* sum over cells and m of a ln cosh z; collective */

/* ---- spectral_gradients.c: local ---- */

/* Sums over cells of what W, b and a are multiplied with. */
struct spectral_lanes *spectral_lanes_create(size_t n_units, size_t n_channels);
void spectral_lanes_free(struct spectral_lanes *lanes);

/* adjoints of t -> of h, in place, for L = sum_c t_c . adjoint_c; adds dL/d(W, b, a) to gradient. */
void spectral_gradients_backward(struct spectral *spectral, float *adjoint, float *gradient);
/* adjoints of t -> of h, of e -> of p, in place. */
void spectral_gradients_backward_tangent(struct spectral *spectral, float *of_t, float *of_e, float *gradient);

/* ---- spectral_level.c: local ---- */

void spectral_fill_level(struct spectral *spectral,
                         double sigma); /* all of theta and sigma but the gains, which are of a mesh */
double spectral_lipschitz(struct spectral *spectral, double sigma);

#endif
