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
struct weights;

/* What load() may ask of the run, since scores do not read files. NULL on success, else why. */
struct score_context {
        uint64_t seed;
        bool look_only; /* `sculptor check`: validate, but read and allocate nothing large */
        const char *(*inspect_field)(const char *path, const char *name, const struct mesh *mesh);
        const char *(*read_field)(const char *path, const char *name, const struct mesh *mesh, double *field);
        /* The same, NaN and infinities let through; NULL: read_field. */
        const char *(*read_any)(const char *path, const char *name, const struct mesh *mesh, double *field);
        const char *(*read_weights)(const char *path, struct weights **weights); /* local */
        const char *(*file_digest)(const char *path, char hex[65]);              /* SHA-256; local */
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

/* How E[x_0 | y] is sampled: two chains of so many trajectories. particle < 2^23 and level key the random numbers. */
struct posterior_sampling { uint64_t seed, particle; uint32_t level; double sigma; int64_t trajectories; };

enum { SCORE_MAX_PRODUCTS = 8 };
struct score_product { const char *name, *unit, *help; const double *field; };

struct score_type {
        const char *name, *help;
        const struct param *params;
        size_t settings_size;
        void (*check)(const void *settings, const struct params_scope *scope); /* or NULL */

        /* Of a score whose dimension is written in a file: looks there, before all that follows, and keeps what it found in
         * the settings, whose model will own it. Local. NULL or why not. */
        const char *(*open)(void *settings, const struct score_context *context);
        const char *(*file)(const void *settings); /* the file open() needs, which may not be there yet */

        /* What the settings make of the type, where that depends on them: score_create() goes on with the answer, whose
         * functions they are. NULL: itself. */
        const struct score_type *(*configured)(const void *settings);

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

        /* NULL where the score is defined at this sigma, else why not ("a component with sigma 0 ..."): only the
         * reason, for what would help depends on who asks. */
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
        /* out = (ds/dx) v, laid out as x: stochastic estimates of the divergence are made of v' (ds/dx) v [Hutchinson
         * 1990]. Costs like an evaluation or two; NULL: score_jacobian_vector() multiplies with the whole Jacobian. */
        void (*jacobian_vector)(const void *level, const double *restrict x, const double *restrict v,
                                double *restrict out);
        void (*responsibilities)(const void *level, const double *restrict x,
                                 double *restrict r); /* [n_modes][LANES] */

        /* As eval, each lane at a noise of its own, sigma[LANES], for samplers in which every particle has its own
         * time. Particles only; NULL: score_eval_each() evaluates level by level. */
        void (*eval_each)(const void *model, const double *restrict sigma, const double *restrict x,
                          double *restrict score);

        /* Fields with a Gaussian part N(0, C), C diagonal in Fourier space. A mode without width has c = 0.
         * remainder = s + C^-1 x, NULL: 0. mode_variance writes c of this rank's modes (mesh.h); the Jacobian of the
         * Gaussian part has eigenvalues -1/c. power is <|F x|^2>/n_cells of the (noised) target, exact. */
        void (*filter)(const void *level, const struct score_filter *filter, const double *x, double *out);
        void (*remainder)(const void *level, const double *x, double *remainder);
        void (*mode_variance)(const void *level, double *c);
        void (*power)(const void *level, double *power); /* [mesh_modes_here()]; NULL: not known */

        /* Exact draws from the clean target for 64 particles, or of one field; stream.purpose is RNG_TARGET. */
        void (*draw)(const void *model, const struct rng_stream *stream, uint64_t first_particle, double *restrict x);

        /* Of fields whose noised score has no closed form: two independent estimates of E[x_0 | y], y = x_0 + sigma n of this
         * x_0, and how many trajectories were accepted. Collective over the domain. */
        void (*posterior_means)(const void *model, const struct posterior_sampling *sampling, const double *x_0,
                                const double *y, double *const mean[2], double *acceptance);

        bool whole_fields;             /* a field must not be split over ranks */
        bool composite;                /* made of plain scores, and may not be nested in another */
        bool tempered;                 /* above sigma 0 it is a path to the target, not the noised target */
        double work_fields;            /* of fields: the memory its own arrays take, in fields */
        bool log_density_unnormalised; /* log_density lacks its constant */
};

struct score {
        const struct score_type *type;
        int64_t n_dim;
        void *model;
};

/* A score at noise sigma, of x = scale (x_0 + sigma n): with x^ = x/scale,
 *     s(x) = s^(x^)/scale,   log p(x) = log p^(x^) - n_dim ln(scale),   div s = div s^(x^)/scale^2.
 * Whoever may meet a scale other than 1 evaluates by the functions below rather than by the type's. */
struct score_level {
        const struct score *score;
        double sigma, scale;
        void *state;
        double *scaled; /* x^ of a tile; NULL where the scale is 1 */
        size_t size;    /* its doubles */
};

bool score_variant(size_t i, struct param_variant *variant); /* the registry, for `score: {type: ...}` */

bool score_drawn_variant(size_t i, struct param_variant *variant); /* plain ones, fields too, that can be drawn from */

bool score_plain_variant(size_t i, struct param_variant *variant); /* those of particles that are no composites */

/* To be called before score_create() of types that have it, and of what is made of them. */
const char *score_open(const struct score_type *type, void *settings, const struct score_context *context);
struct score *score_create(const struct score_type *type, const void *settings);
void score_free(struct score *score);
struct score_level *score_level_create(const struct score *score, double sigma); /* scale 1 */
struct score_level *score_level_create_scaled(const struct score *score, double sigma, double scale);
void score_level_free(struct score_level *level);

size_t score_tile_size(const struct score *score); /* doubles of a tile of particles, or of a (planned) field here */

/* s[n_dim][LANES] at x[n_dim][LANES]. */
void score_eval_scaled(const struct score_level *level, const double *restrict x, double *restrict s);
static inline void score_eval(const struct score_level *level, const double *restrict x, double *restrict s)
{
        if (level->scale == 1)
                level->score->type->eval(level->state, x, s);
        else
                score_eval_scaled(level, x, s);
}

/* Where the type has them: value[LANES], and the Jacobian as the type writes it. */
void score_log_density(const struct score_level *level, const double *restrict x, double *restrict log_p);
void score_divergence(const struct score_level *level, const double *restrict x,
                      double *restrict div); /* or the trace of its jacobian */
void score_jacobian(const struct score_level *level, const double *restrict x, double *restrict j);
/* out = (ds/dx) v where the type has jacobian_vector or jacobian. */
void score_jacobian_vector(const struct score_level *level, const double *restrict x, const double *restrict v,
                           double *restrict out);
void score_responsibilities(const struct score_level *level, const double *restrict x, double *restrict r);

/* Each lane at its own sigma[LANES], scale 1. Where the type cannot, a level is made for every sigma that differs from
 * the lane's before. Particles only. */
void score_eval_each(const struct score *score, const double *restrict sigma, const double *restrict x,
                     double *restrict s);

/* Levels made so far, found again by sigma and scale: a sampler's steps share them. `capacity` is how many it keeps. */
struct level_cache;
struct level_cache *level_cache_create(const struct score *score, size_t capacity);
void level_cache_free(struct level_cache *cache);
const struct score_level *level_cache_get(struct level_cache *cache, double sigma, double scale);

#endif
