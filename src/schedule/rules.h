/* The rules there are for choosing noise levels. A new one is a new file, a line here and a line in
 * levels.c. What they compute decides bits of the state: exp and log come from vecmath.h. */
#ifndef SCULPTOR_SCHEDULE_RULES_H
#define SCULPTOR_SCHEDULE_RULES_H

#include <math.h>

#include "sculptor/levels.h"

extern const struct levels_type levels_geometric;
extern const struct levels_type levels_linear;
extern const struct levels_type levels_karras;
extern const struct levels_type levels_explicit;
extern const struct levels_type levels_constant;
extern const struct levels_type levels_ncsnv2;

/* The settings of rules between two ends, and their rows. */
struct levels_range {
        double sigma_max, sigma_min;
        int64_t count;
};
#define LEVELS_MOST "4094" /* RNG_MAX_LEVELS - 2: each level has random numbers of its own */

/* To be the first member of a rule's settings; `least` is the range of sigma_min. */
#define LEVELS_RANGE_ROWS(least)                                                                                       \
        {.key = "sigma_max",                                                                                           \
         .kind = PARAM_REAL,                                                                                           \
         .offset = offsetof(struct levels_range, sigma_max),                                                           \
         .range = "(0, inf)",                                                                                          \
         .unit = "x",                                                                                                  \
         .help = "first, noisiest level"},                                                                             \
                {.key = "sigma_min",                                                                                   \
                 .kind = PARAM_REAL,                                                                                   \
                 .offset = offsetof(struct levels_range, sigma_min),                                                   \
                 .range = least,                                                                                       \
                 .unit = "x",                                                                                          \
                 .help = "last level"},                                                                                \
        {                                                                                                              \
                .key = "count", .kind = PARAM_INTEGER, .offset = offsetof(struct levels_range, count),                 \
                .range = "[2, " LEVELS_MOST "]", .help = "number of levels, both ends included"                        \
        }

/* A levels_type's check for settings that are, or begin with, a range. */
void levels_range_check(const void *range, const struct params_scope *scope);

/* Room for n levels; step_size is NAN. */
void levels_allocate(struct levels *levels, size_t n);

/* NULL where every level lies below the one before, else why not: doubles may run out between levels. */
const char *levels_strictly_fall(const struct levels *levels);

/* sigma_i = sigma_max (sigma_min/sigma_max)^(i/(n - 1)), the ends exact. */
void levels_fill_geometric(struct levels *levels, double sigma_max, double sigma_min);

#endif
