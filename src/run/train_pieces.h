/* A training run as its own files see it. */
#ifndef SCULPTOR_RUN_TRAIN_PIECES_H
#define SCULPTOR_RUN_TRAIN_PIECES_H

#include "pieces.h"
#include "sculptor/training.h"
#include "sculptor/training_checkpoint.h"
#include "sculptor/weights.h"

struct train {
        struct run *run;                  /* options, input, directory, provenance, deadline, mesh, target */
        struct training_source source;
        struct network_shape shape;
        struct mesh *own_mesh;            /* of fields of a file; a target has its own */
        struct weights weights;           /* as delivered: theta is the first average's */
        struct denoiser *denoiser;
        struct training *training;
        struct series *series;
        struct training_validation validation; /* the newest; n_sigma 0: none yet */
        double sigma[TRAINING_MAX_SIGMAS];
        struct series_constant constant;

        int64_t steps;                    /* in all */
        int64_t steps_at_start;           /* of this job */
        double wall_before, last_shown, last_lasting;
        struct training_report report;    /* of the newest step */
        int64_t last_saved;               /* step of the newest checkpoint, -1: none */
};

/* train_observe.c. Collective. */
void train_series_create(struct train *train);
void train_checkpoint(struct train *train);
void train_write_weights(struct train *train);
size_t train_arrays(struct train *train, struct training_checkpoint *checkpoint); /* its arrays, for both ways */

#endif
