/* What the table `training:` says. */
#ifndef SCULPTOR_TRAINING_SETTINGS_H
#define SCULPTOR_TRAINING_SETTINGS_H

#include "sculptor/params.h"
#include "sculptor/training.h"

enum training_loss { LOSS_DENOISING, LOSS_BLENDED, LOSS_IMPLICIT, LOSS_SLICED };
enum training_weighting { WEIGHTING_EDM, WEIGHTING_LIKELIHOOD };
enum training_decay { DECAY_COSINE, DECAY_CONSTANT };

struct validation_settings {
        int64_t every, examples;
        struct real_vector sigmas; /* empty: five over the range, evenly in ln sigma */
};

struct training_settings {
        int loss, weighting, decay;
        int64_t batch, steps, warm_up;
        double learning_rate, decay_floor;
        double beta_1, beta_2, epsilon;
        double clip;             /* NAN: none */
        double divergence_factor;
        struct selection sigma;  /* sigma_sampling.h */
        struct table_list ema;   /* of struct selection, ema.h */
        int64_t normalise_examples;
        struct validation_settings validation;
};

#endif
