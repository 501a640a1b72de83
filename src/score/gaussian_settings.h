/* The rows of `score: {type: gaussian}`. */
#ifndef SCULPTOR_SCORE_GAUSSIAN_SETTINGS_H
#define SCULPTOR_SCORE_GAUSSIAN_SETTINGS_H

#include <stdint.h>

#include "sculptor/params.h"

struct gaussian_settings {
        int64_t dimension; /* -1: as the other settings say */
        struct real_vector mean, sigma;
        struct real_matrix covariance;
};

extern const struct param gaussian_params[];
int64_t gaussian_dimension(const void *settings);
void gaussian_check(const void *settings, const struct params_scope *scope);

/* Coordinate i's own value, or the one given for all. */
static inline double gaussian_entry(const struct real_vector *vector, int64_t i)
{
        return vector->value[vector->n == 1 ? 0 : i];
}

#endif
