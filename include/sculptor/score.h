/* A score field s(x) = grad log p(x), here of a target noised to level sigma: x = x_0 + sigma n.
 *
 * A score_type is what the input file names; a score is a configured one; a score_level is it at one
 * sigma, with everything that depends on sigma but not on x computed once. All arrays of particles are
 * tiles, [coordinate][LANES], 64-byte aligned; every lane is evaluated, spare lanes too.
 *
 * Of a random field a tile is one field (population.h): x and score are its cells, [plane][plane_stride], what a
 * particle has one of is written to all LANES, and evaluation is collective over the domain (parallel.h). */
#ifndef SCULPTOR_SCORE_H
#define SCULPTOR_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sculptor/params.h"
#include "sculptor/population.h"
#include "sculptor/rng.h"

struct mesh;

/* What load() may ask of the run, since scores do not read files. NULL on success, else why. */
struct score_context {
        uint64_t seed;
        bool look_only; /* `sculptor check`: validate, but read and allocate nothing large */
        const char *(*inspect_field)(const char *path, const char *name, const struct mesh *mesh);
        const char *(*read_field)(const char *path, const char *name, const struct mesh *mesh, double *field);
        /* The same, NaN and infinities let through; NULL: read_field. */
        const char *(*read_any)(const char *path, const char *name, const struct mesh *mesh, double *field);
        const char **key; /* what is at fault where load() fails, a key of the score's table; NULL: nobody asks */
};

/* What load() reads from here on comes from this key of the input. */
static inline void score_reads(const struct score_context *context, const char *key)
{
        if (context->key)
                *context->key = key;
}

/* out = F^-1 gain(c) F x, c the variance of each mode of the Gaussian part; parameter is handed on. */
struct score_filter { double (*gain)(double c, const double *parameter); const double *parameter; };

enum { SCORE_MAX_PRODUCTS = 8 };
struct score_product { const char *name, *unit, *help; const double *field; };

struct score_type {
        const char *name, *help;
        const struct param *params;
        size_t settings_size;
        void (*check)(const void *settings, const struct params_scope *scope); /* or NULL */

        /* The model: what follows from the settings alone. */
        int64_t (*dimension)(const void *settings);
        void *(*create)(const void *settings); /* settings have passed check() and outlive the model */
        void (*free)(void *model);

        /* Fields; all NULL for particles. mesh() is there after create(); then load() reads and checks what the
         * settings name, and, the mesh planned, prepare() makes what evaluation needs. Both collective; NULL or why. */
        struct mesh *(*mesh)(const void *model);
        const char *(*load)(void *model, const struct score_context *context);
        const char *(*prepare)(void *model);
        /* Fields worth a file (data, mask, exact mean, ...) after prepare(), n of them returned; NULL: none. The one
         * named "truth", if any, is what samples are correlated with. */
        size_t (*products)(const void *model, struct score_product product[SCORE_MAX_PRODUCTS]);
        /* NULL, or why white noise must not be added at this sigma: a mode has no width there. */
        const char *(*singular_at)(const void *model, double sigma);

        /* NULL where the score is defined at this sigma, else why not ("a component with sigma 0 ..."). */
        const char *(*undefined_at)(const void *model, double sigma);
        double (*diameter)(const void *model); /* largest distance between its parts (NCSNv2's sigma_1);
                                                  NULL or <= 0: unknown */
        size_t (*n_modes)(const void *model);  /* components; NULL: not a mixture */

        /* The clean target as a Gaussian mixture, for exact marginals in pictures: weight[K],
         * mean[K][n_dim], variance[K][n_dim] (diagonals), K = n_modes, or 1 where n_modes is NULL.
         * NULL where the target is no mixture. */
        void (*components)(const void *model, double *weight, double *mean, double *variance);

        /* The level. */
        void *(*create_level)(const void *model, double sigma);
        void (*free_level)(void *level);

        /* Local, one tile. Absent functions are NULL and mean "cannot". */
        void (*eval)(const void *level, const double *restrict x, double *restrict score);
        void (*log_density)(const void *level, const double *restrict x, double *restrict log_p); /* [LANES] */
        void (*eval_both)(const void *level, const double *restrict x, double *restrict score,
                          double *restrict log_p); /* where it costs less than the two; NULL: both are called */
        void (*divergence)(const void *level, const double *restrict x, double *restrict div);   /* [LANES] */
        void (*jacobian)(const void *level, const double *restrict x,
                         double *restrict j); /* ds_i/dx_j at [i][j][LANES] */
        void (*responsibilities)(const void *level, const double *restrict x,
                                 double *restrict r); /* [n_modes][LANES] */

        /* Fields with a Gaussian part N(0, C), C diagonal in Fourier space. A mode without width has c = 0.
         * remainder = s + C^-1 x, NULL: 0. mode_variance writes c of this rank's modes (mesh.h); the Jacobian of the
         * Gaussian part has eigenvalues -1/c. power is <|F x|^2>/n_cells of the (noised) target, exact. */
        void (*filter)(const void *level, const struct score_filter *filter, const double *x, double *out);
        void (*remainder)(const void *level, const double *x, double *remainder);
        void (*mode_variance)(const void *level, double *c);
        void (*power)(const void *level, double *power); /* [mesh_modes_here()]; NULL: not known */

        /* Exact draws from the clean target for 64 particles, or of one field; stream.purpose is RNG_TARGET. */
        void (*draw)(const void *model, const struct rng_stream *stream, uint64_t first_particle, double *restrict x);

        bool tempered;                 /* above sigma 0 it is a path to the target, not the noised target */
        double work_fields;            /* of fields: the memory its own arrays take, in fields */
        bool log_density_unnormalised; /* log_density lacks its constant */
};

struct score {
        const struct score_type *type;
        int64_t n_dim;
        void *model;
};

struct score_level {
        const struct score *score;
        double sigma;
        void *state;
};

bool score_variant(size_t i, struct param_variant *variant); /* the registry, for `score: {type: ...}` */

struct score *score_create(const struct score_type *type, const void *settings);
void score_free(struct score *score);
struct score_level *score_level_create(const struct score *score, double sigma);
void score_level_free(struct score_level *level);

/* s[n_dim][LANES] at x[n_dim][LANES]. */
static inline void score_eval(const struct score_level *level, const double *restrict x, double *restrict s)
{
        level->score->type->eval(level->state, x, s);
}

#endif
