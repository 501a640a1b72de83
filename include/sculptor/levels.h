/* Noise levels sigma_1 > ... > sigma_L, from noise to data. */
#ifndef SCULPTOR_LEVELS_H
#define SCULPTOR_LEVELS_H

#include <stddef.h>
#include <stdint.h>

#include "sculptor/params.h"
#include "sculptor/process.h"

/* What a rule may ask of the rest of the input. */
struct levels_context {
        int64_t n_dim;
        double diameter;         /* of the target, <= 0 where unknown */
        int64_t steps_per_level;
        const struct process *process; /* NULL where there is none */
};

struct levels {
        size_t n;
        double *sigma;    /* [n], noise first */
        double step_size; /* chosen by the rule for the last level, or NAN */
};

struct levels_type {
        const char *name, *help;
        const struct param *params;
        size_t settings_size;
        void (*check)(const void *settings, const struct params_scope *scope);
        /* Fills levels (its arrays are allocated); on failure returns why, else NULL. */
        const char *(*build)(const void *settings, const struct levels_context *context, struct levels *levels);
};

bool levels_variant(size_t i, struct param_variant *variant);
void levels_release(struct levels *levels);

#endif
