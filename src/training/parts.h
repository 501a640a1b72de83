/* What a training is made of. */
#ifndef SCULPTOR_TRAINING_PARTS_H
#define SCULPTOR_TRAINING_PARTS_H

#include "training/examples.h"
#include "training/gradient_tree.h"
#include "training/loss.h"
#include "training/settings.h"

struct training {
        const struct training_settings *settings;
        struct training_source source;
        uint64_t seed;
        struct training_state state;
        struct examples *examples;
        struct gradient_tree *tree;
        struct loss loss;
        float *gradient;
        char reason[160];
};

#endif
