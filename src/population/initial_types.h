/* The initial distributions that have files of their own; the others are in initial.c. */
#ifndef SCULPTOR_POPULATION_INITIAL_TYPES_H
#define SCULPTOR_POPULATION_INITIAL_TYPES_H

#include "sculptor/initial.h"

extern const struct initial_type initial_grid;
extern const struct initial_type initial_interpolation;

/* A coordinate's own value, or the one given for all. */
static inline double initial_element(const struct real_vector *vector, int64_t coordinate)
{
        return vector->value[vector->n == 1 ? 0 : coordinate];
}

static inline int64_t initial_vector_dimension(const struct real_vector *vector)
{
        return vector->n > 1 ? (int64_t)vector->n : 0;
}

/* The rows `low` and `high` of a box. */
struct initial_box { struct real_vector low, high; };
void initial_box_check(const void *settings, const struct params_scope *scope); /* of settings that begin with it */
int64_t initial_box_dimension(const void *settings);

#endif
