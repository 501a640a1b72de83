/* Learning a score: stochastic gradient descent on a denoiser's network (denoiser.h), the same bits on any number of
 * ranks.
 *
 * A batch is split in blocks: a tile of 64 particles, or one field. The gradient of a block is a function of (weights,
 * step, block) alone; blocks are owned by ranks in equal contiguous runs and their gradients are added in a fixed
 * binary tree over the blocks' indices. All ranks hold the same weights. Every random number is keyed by (seed,
 * purpose, example in the batch, step). Fields are whole on a rank (a domain of one).
 *
 * Losses, per coordinate and averaged over the batch, at y = x_0 + sigma n; F is the network, T what it should be:
 *     denoising   w |F - T|^2, T = (x_0 - D_G(y))/c_out, D_G the Gaussian part [Vincent 2011; Karras et al. 2022]
 *     blended     the same, x_0 replaced by y + sigma^2 (a (x_0 - y)/sigma^2 + (1 - a) grad log p(x_0)), a =
 *                 sigma^2/(d + sigma^2) of each mode [De Bortoli et al. 2024, target score matching]
 *     implicit    w' sigma^2 (|s|^2 + 2 tr ds/dy), the trace exact [Hyvarinen 2005]
 *     sliced      the same with v' (ds/dy) v of one random v of signs in place of the trace [Song et al. 2019]
 * weighting: edm (w = 1) or likelihood (w = c_out^2/sigma^2 and sigma log-uniform: the KL bound's [Song et al. 2021b]);
 * w' = w sigma^2/c_out^2, so that all four have one gradient, in expectation. */
#ifndef SCULPTOR_TRAINING_H
#define SCULPTOR_TRAINING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sculptor/denoiser.h"
#include "sculptor/params.h"
#include "sculptor/score.h"

enum { TRAINING_MAX_EMA = 4, TRAINING_MAX_SIGMAS = 16 };

struct training_settings; /* rows: training_params; fields in training/settings.h */
extern const struct param training_params[];
extern const size_t training_settings_size;
void training_check(const void *settings, const struct params_scope *scope);

/* Where examples come from: drawn from a target afresh at every step, or rows of a data set. */
struct training_source {
        const struct score *target;  /* draws, and grad log p(x_0) and exact scores where it has them; or NULL */
        int64_t n_rows;              /* of a data set: a row is a particle or a field; 0: drawn from target */
        int64_t n_validation;        /* the last so many rows are held out */
        int64_t buffer_rows;         /* rows held in memory at a time: an epoch goes through runs of so many in random
                                        order, and through each in random order */
        /* Local, only for rows of this rank's choosing: rows[count][n_dim or n_cells] from `first` on, x fastest. NULL
         * or why. */
        const char *(*read)(void *owner, int64_t first, int64_t count, double *rows);
        void *owner;
};

/* All that a continuation needs. The arrays are the training's own: a checkpoint is read into them. */
struct training_state {
        int64_t step;              /* steps taken */
        size_t n_parameters;
        float *theta;              /* weights under way */
        float *moment_1, *moment_2; /* Adam's */
        size_t n_ema;              /* >= 1 */
        float *ema[TRAINING_MAX_EMA]; /* averages of theta; the first is what is delivered */
        double smoothed_loss;      /* for the progress line; NAN before the first step */
        double smoothed_reference; /* the same of the Gaussian part alone (F = 0) at the same examples */
};

/* Of one step; the same on every rank. */
struct training_report {
        double loss;               /* of the batch */
        double gradient_norm;      /* before clipping */
        double learning_rate;
        bool diverged;             /* loss or gradient not finite, or loss far above that without a network: nothing was
                                      updated, and the step was not taken */
        char reason[160];          /* where diverged: one clause that says what and at which step */
};

/* Of the held-out part, with the first EMA weights. */
struct training_validation {
        size_t n_sigma;
        double sigma[TRAINING_MAX_SIGMAS];
        double loss[TRAINING_MAX_SIGMAS]; /* |F - T|^2 a coordinate (denoising, EDM weighting) at this sigma */
        double eps[TRAINING_MAX_SIGMAS];      /* sigma^2 E|s_theta - s|^2 a coordinate where the target's noised score
                                                 is exact; else NAN */
        double relative[TRAINING_MAX_SIGMAS]; /* sqrt(E|s_theta - s|^2/E|s|^2), or NAN */
        double asymmetry
                [TRAINING_MAX_SIGMAS]; /* |J - J'|_F/|J|_F of the score's Jacobian, by random probes: 0 where it is
                                                  a gradient [Salimans & Ho 2021] */
        double mean_loss;          /* over these sigma; NAN where no rows are held out */
};

struct training;

/* The mean and variances (of fields the power of modes in shells of |k|) of the source's first examples: as many as
 * `examples`. Collective; the same bits for any number of ranks. NULL or why. */
const char *training_normalise(const struct training_source *source, const struct network_shape *shape, uint64_t seed,
                               int64_t examples, struct normalisation *normalisation);

/* NULL, or why these cannot go together, and the key of an input at fault. The mesh of fields need not be planned.
 * Local. */
const char *training_refuses(const struct training_settings *settings, const struct network_type *type,
                             const struct network_shape *shape, const struct training_source *source, const char **key);

/* NULL, or why these cannot go together ("sliced needs ... which unet has not"); then nothing is made. Borrows all
 * but copies the source. *training begins at step 0 with the network's first weights. */
const char *training_create(const struct training_settings *settings, struct denoiser *denoiser,
                            const struct training_source *source, uint64_t seed, struct training **training);
void training_free(struct training *training);
struct training_state *training_state(struct training *training);
int64_t training_n_steps(const struct training_settings *settings);
int64_t training_batch(const struct training_settings *settings); /* examples a step */
int64_t training_normalise_examples(const struct training_settings *settings, const struct network_shape *shape);
int64_t training_validate_every(const struct training_settings *settings); /* steps; 0: never */
/* The noise levels of validation into sigma; returns how many. */
size_t training_sigmas(const struct training_settings *settings, double sigma[TRAINING_MAX_SIGMAS]);
size_t training_n_ema(const struct training_settings *settings);
void training_sigma_range(const struct training_settings *settings, double *sigma_min, double *sigma_max);

/* Collective. One step: gradient, clipping, Adam, averages. NULL, or why data could not be read. */
const char *training_step(struct training *training, struct training_report *report);
/* Collective. Whether the weights as they are now may be kept: their loss at the next step's examples, without a step.
 * Costs about as much as one. As training_step(), but that only loss, gradient_norm, diverged and reason are there. */
const char *training_judge(struct training *training, struct training_report *report);
/* Collective. */
const char *training_validate(struct training *training, struct training_validation *validation);

/* The gradient of a step's loss at given weights, without updating: for tests and studies. Collective. */
const char *training_gradient(struct training *training, const float *theta, int64_t step, double *loss,
                              float *gradient);

#endif
