/* Where a population starts. */
#ifndef SCULPTOR_INITIAL_H
#define SCULPTOR_INITIAL_H

#include <stdint.h>

#include "sculptor/params.h"
#include "sculptor/population.h"

/* What an initial distribution may ask for. It is handed functions rather than a score, since
 * population may include base only. */
struct initial_context {
        uint64_t seed;
        double sigma_first; /* of the first level, or of the prior of a reverse sampler */
        double target_scale,
                target_deviation; /* of the target noised to where the run begins: x = scale x_0 + deviation n */
        /* Exact draws from the target, one tile (RNG_TARGET); NULL where the score cannot. */
        void (*draw_target)(void *owner, uint64_t first_particle, double *x);
        void *owner;
        /* Rows of a user's data set, or one of its fields; NULL on success, else why. */
        const char *(*read_rows)(const char *path, const char *name, int64_t first, int64_t count, double *rows);
        const char *(*read_field)(void *owner, const char *path, const char *name, int64_t index, double *x);
};

struct initial_type {
        const char *name, *help;
        const struct param *params;
        size_t settings_size;
        void (*check)(const void *settings, const struct params_scope *scope);
        /* The number of coordinates it demands, 0 for any. */
        int64_t (*dimension)(const void *settings);
        /* How many particles it makes where `asked` are asked for; NULL: any. */
        int64_t (*particles)(const void *settings, int64_t n_dim, int64_t asked);
        bool of_fields; /* can draw fields too */
        bool from_file; /* its settings begin with a struct initial_file_settings, to be checked before the run */
        int64_t (*rows)(const void *settings, int64_t n_particles); /* of that file which it reads; NULL: n_particles */
        /* Local, collective over the domain for fields. Fills the population's x, spare lanes included; NULL or why
         * not. */
        const char *(*draw)(const void *settings, const struct initial_context *context, struct population *population);
};

bool initial_variant(size_t i, struct param_variant *variant);

/* The settings of `initial: {type: file}`. */
struct initial_file_settings { char *path; char *dataset; };
extern const struct initial_type initial_file;

#endif
