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
extern const struct levels_type levels_time;

/* The settings of rules between two ends, and their rows. */
struct levels_range {
        double sigma_max, sigma_min;
        int64_t count;
        bool to_zero;
};
#define LEVELS_MOST "4094" /* RNG_MAX_LEVELS - 2: each level has random numbers of its own */
/* Time steps may be more than levels; run/configure.c refuses too many of the latter. */
#define LEVELS_COUNT_RANGE "[2, 1000000]"
#define LEVELS_TO_ZERO_HELP "append one more level, 0: the data itself"

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
                {.key = "count",                                                                                       \
                 .kind = PARAM_INTEGER,                                                                                \
                 .offset = offsetof(struct levels_range, count),                                                       \
                 .range = LEVELS_COUNT_RANGE,                                                                          \
                 .help = "number of levels, both ends included"},                                                      \
        {                                                                                                              \
                .key = "to_zero", .kind = PARAM_FLAG, .offset = offsetof(struct levels_range, to_zero),                \
                .fallback = "false", .help = LEVELS_TO_ZERO_HELP                                                       \
        }

/* A levels_type's check for settings that are, or begin with, a range. */
void levels_range_check(const void *range, const struct params_scope *scope);

/* Room for n levels; step_size is NAN. */
void levels_allocate(struct levels *levels, size_t n);

/* NULL where every level lies below the one before, else why not: doubles may run out between levels. */
const char *levels_strictly_fall(const struct levels *levels);

/* The same of a rule's levels, which then end with a 0 where that is asked for. */
const char *levels_end(struct levels *levels, bool to_zero);

/* sigma_i = sigma_max (sigma_min/sigma_max)^(i/(n - 1)), the ends exact. */
void levels_fill_geometric(struct levels *levels, double sigma_max, double sigma_min);

#endif
