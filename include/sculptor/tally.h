/* What a run has counted and where it stands: shared by samplers, which count, and checkpoints, which
 * keep it. All counts are whole numbers, so that sums over ranks are exact in any order. */
#ifndef SCULPTOR_TALLY_H
#define SCULPTOR_TALLY_H

#include <stdint.h>

/* Spare lanes of the last tile are never counted. */
struct tally {
        int64_t accepted, proposed; /* Metropolis decisions */
        int64_t evaluations;        /* score evaluations, one per particle */
        int64_t non_finite;         /* lanes whose score or log density was NaN in an accept test */
};

/* The step-size controller of adapting schemes: the same on every rank. */
struct controller {
        double log_factor;          /* step = exp(log_factor) * the settings' step */
        int64_t accepted, proposed; /* in the window under way, all ranks */
};

/* `level` levels are finished, and `step` steps of the next one. */
struct progress_mark {
        int64_t level, step;
        int64_t steps_done;         /* over all levels */
        struct tally tally;         /* of the level under way, all ranks */
        struct tally total;         /* of the finished levels, all ranks */
        struct controller controller;
        double wall_seconds;        /* so far, over all parts of the run; outside the payload */
        double level_seconds;       /* of the level under way; outside the payload */
};

#endif
