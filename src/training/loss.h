/* Losses of a tile of examples, and their gradients. Local. */
#ifndef SCULPTOR_TRAINING_LOSS_H
#define SCULPTOR_TRAINING_LOSS_H

#include "sculptor/denoiser.h"
#include "sculptor/rng.h"
#include "sculptor/score.h"
#include "training/settings.h"

/* What losses work with. */
struct loss {
        const struct training_settings *settings;
        struct denoiser *denoiser;
        struct network *network;
        struct score_level *clean;  /* of a target without noise: for blended */
        double n_values;            /* coordinates or cells of an example */
        double sigma[LANES];        /* of the tile at hand; of a field all alike, as all that is [LANES] */
        double c_in[LANES], c_out[LANES], weight[LANES];
        /* [tile_size]: */
        double *x_0, *noise, *y;    /* y = x_0 + sigma n */
        double *u, *gaussian, *f;   /* what the network sees, the Gaussian score, F */
        double *g, *h, *v, *work;
};

/* Sums over the lanes of a tile, a coordinate. */
struct loss_sums {
        double loss;
        double reference; /* of F = 0 */
        double weight;    /* what the denoising loss of F = 0 is in expectation */
};

/* Where the probe of a sliced loss is from. */
struct loss_place { struct rng_stream stream; int64_t block; };

void loss_create(struct loss *loss, const struct training_settings *settings, struct denoiser *denoiser);
void loss_release(struct loss *loss);

/* Of x_0, noise and sigma, which are there: all else before `f`. */
void loss_prepare(struct loss *loss);
/* Adds `share` times the gradient of the tile's sum to gradient[n_parameters]. */
struct loss_sums loss_gradient(struct loss *loss, const struct loss_place *place, double share, float *gradient);

struct loss_sums denoising_loss(struct loss *loss, double share, float *gradient);
struct loss_sums implicit_loss(struct loss *loss, const struct loss_place *place, double share, float *gradient);

/* Sum of a[i] b[i] of each lane over rows, of a field the sum of these over lanes in all; and the sum over lanes of
 * what particles have one of each, of a field one. */
void loss_dot(const struct loss *loss, const double *restrict a, const double *restrict b, double dot[LANES]);
double loss_sum(const struct loss *loss, const double value[LANES]);

#endif
