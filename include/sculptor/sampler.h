/* Samplers move a population at one noise level. A scheme advances one tile by some steps; everything
 * random in a step is keyed by (level, step), and all that a scheme carries from step to step is in the
 * population (x, velocity, memory) or the sampler's controller. So a level may be cut into stretches
 * anywhere, on any number of ranks, without changing a bit. */
#ifndef SCULPTOR_SAMPLER_H
#define SCULPTOR_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sculptor/params.h"
#include "sculptor/population.h"
#include "sculptor/score.h"
#include "sculptor/tally.h"
#include "sculptor/time_grid.h"

/* Where a particle stopped being a number. */
struct breakdown { bool found; int64_t particle, step; };

enum { SAMPLER_MAX_HISTORY = POPULATION_MAX_HISTORY };

/* One stretch of steps of one tile: 64 particles or one field. Of a field every lane of a row belongs to the same
 * particle, and what a particle has one of (log p, a sum) stands in all 64 lanes. */
struct stretch {
        const struct score_level *level; /* NULL where noising goes and there is no score */
        uint64_t seed;
        uint32_t level_index;          /* for random numbers */
        uint64_t first_particle;
        const struct field_layout *layout; /* of a field; NULL for particles */
        size_t size;                   /* doubles of an array here */
        int n_lanes;                   /* lanes that hold real particles; of a field all */
        int n_counted;                 /* particles this rank counts: a field is its domain's first rank's */
        int64_t step_begin, step_end;  /* steps of this level: [begin, end) */
        double step_size;              /* e for overdamped schemes (unit x^2), h for momentum ones and flows */
        double time_scale;             /* sigma_i/sigma_L where annealed, else 1: rates (friction) are divided by it */
        double *x;                     /* [size], in and out: [n_dim][LANES] or [plane][plane_stride] */
        double *velocity;              /* or NULL */
        double *memory;                /* or NULL */
        double *history[SAMPLER_MAX_HISTORY]; /* of diffusion schemes: their arrays of [size], or NULL */
        const struct time_grid *grid;  /* of diffusion schemes: step k goes from point k to point k + 1 */
        struct level_cache *levels;    /* of diffusion schemes: the score at their sigmas (diffusion.h) */
        double *work;                  /* [n_work][size], for the call only */
        struct tally *tally;
        double *evaluations;           /* of diffusion schemes: [LANES], each particle's so far; else NULL */
        struct breakdown *breakdown;   /* of a field: where it was seen (stretch_broken()) */
};

/* All of this rank's tiles, for schemes whose step needs more than one of them. */
struct ensemble;

/* A scheme: Langevin, Hamiltonian, flow, or (`diffusion`) one that moves along a grid of times, from noise to data.
 * The steps of a diffusion scheme are those of its grid, counted from the grid's start whatever the levels, and its
 * random numbers are keyed by them at level 0: where snapshots are taken changes no bit. */
struct scheme {
        const char *name, *help;
        const struct param *params;
        size_t settings_size;
        void (*check)(const void *settings, const struct params_scope *scope);
        bool needs_log_density;
        bool has_velocity;             /* keeps momenta (mass 1, kT 1) in the population */
        bool langevin;                 /* may run inside annealed_langevin */
        bool diffusion;                /* moves along stretch->grid; knows no step_size */
        bool deterministic;            /* of diffusion: an ODE, which may run from data to noise too */
        size_t n_history;              /* arrays of [size] kept from step to step, at most SAMPLER_MAX_HISTORY */
        /* of diffusion: NULL where the scheme can go along this grid with this score, else why not. May be NULL. */
        const char *(*unfit)(const void *settings, const struct time_grid *grid, const struct score *score);
        /* of diffusion: scratch arrays its steps need inside predictor_corrector, where they are not adaptive and keep
         * nothing; 0: it is no predictor */
        size_t predictor_work;
        bool adapts;                   /* has a Metropolis step that may tune step_size in burn-in */
        int step_power;                /* annealed: step_i = step (sigma_i/sigma_L)^step_power; 2 or 1 */
        size_t n_memory;               /* doubles per tile kept from step to step */
        size_t n_work;                 /* scratch arrays of [n_dim][LANES], 1 or more */
        size_t n_work_field;           /* of a field, where it needs fewer; 0: n_work */
        bool needs_filter;             /* of fields only: uses the score's filter() */
        double target_acceptance;      /* optimal in high dimension (adapts only) */
        int64_t (*evaluations_per_step)(const void *settings); /* predicted; NULL: 1 */
        /* of diffusion: what a whole run along this grid takes less than so many a step; NULL: nothing */
        int64_t (*evaluations_saved)(const void *settings, const struct time_grid *grid);
        bool (*adaptive_steps)(const void *settings); /* whether a step may take more than that; NULL: never */
        void (*begin)(const void *settings, const struct stretch *tile); /* once per tile of a fresh run:
                                          first momenta and memory; NULL: nothing to do */
        void (*advance)(const void *settings, const struct stretch *stretch);
        /* In place of advance(), all tiles through the same steps; collective. */
        struct breakdown (*advance_all)(const void *settings, const struct ensemble *ensemble);
        /* How many scratch arrays of all tiles advance_all() keeps; 0: it is not called with these settings, and
         * advance() is. NULL: called, and keeps none. */
        size_t (*lockstep_arrays)(const void *settings);
};

/* Arrays of a population that a scheme keeps: x, velocity, history. */
static inline size_t scheme_n_arrays(const struct scheme *scheme)
{
        return 1 + (size_t)scheme->has_velocity + scheme->n_history;
}

/* Doubles of a tile's memory: the scheme's, then, of diffusion schemes, each particle's evaluations so far. */
static inline size_t scheme_n_memory(const struct scheme *scheme)
{
        return scheme->n_memory + (scheme->diffusion ? LANES : 0);
}

static inline size_t scheme_lockstep_arrays(const struct scheme *scheme, const void *settings)
{
        return scheme->lockstep_arrays ? scheme->lockstep_arrays(settings) : 0;
}

struct ensemble {
        struct sampler *sampler;
        struct population *population;
        const struct score_level *level;
        uint32_t level_index;
        int64_t step_begin, step_end;
        struct tally *tally;
        void (*progress)(void *owner, size_t tiles_done); /* or NULL */
        void *owner;
};
struct stretch ensemble_tile(const struct ensemble *ensemble, size_t t); /* with the ensemble's steps */

struct inpainting_settings;

/* What the input's `sampler:` table holds. */
struct sampler_settings {
        struct selection type;      /* a sampler_type */
        double step_size;           /* NAN: chosen by the levels' rule */
        int64_t steps_per_level;
        bool denoise;               /* a last level: x + sigma_L^2 s(x) [Tweedie] */
        int64_t adapt_steps;        /* burn-in steps at the start of each level in which step_size adapts */
        double target_acceptance;   /* NAN: the scheme's own */
        struct {
                struct selection type;
        } time_steps; /* a levels_type, or sampler_steps_at_levels */
};
extern const struct param sampler_params[];
struct sampler_settings sampler_noising_settings(void); /* data to noise, from level to level; nothing to release */
bool sampler_steps_at_levels(const struct sampler_settings *settings); /* the levels are the time steps */
void sampler_check(const void *settings, const struct params_scope *scope);

struct sampler {
        const struct scheme *scheme;
        const void *scheme_settings;
        bool annealed;
        double step_size;           /* at the last level */
        int64_t steps_per_level;
        int64_t adapt_steps;
        double target_acceptance;
        bool denoise;
        double sigma_last;
        uint64_t seed;
        struct controller controller;
        double *work;
        const struct inpainting_settings *inpainting; /* around a diffusion scheme, or NULL */
        const struct time_grid *grid;  /* of diffusion schemes, else NULL */
        struct level_cache *levels;
};

/* step_size as resolved (the settings' or the levels'). Work space follows at the first use. */
struct sampler *sampler_create(const struct sampler_settings *settings, double step_size, double sigma_last,
                               uint64_t seed);
void sampler_free(struct sampler *sampler);

/* Once, of a diffusion scheme. The grid outlives the sampler. */
void sampler_set_grid(struct sampler *sampler, const struct time_grid *grid);

const struct scheme *sampler_scheme(const struct sampler_settings *settings);
const void *sampler_scheme_settings(const struct sampler_settings *settings);
bool sampler_is_annealed(const struct sampler_settings *settings);
/* Not NULL where coordinates that are known are put back after each step of the scheme (which then is no ODE). */
const struct inpainting_settings *sampler_inpainting(const struct sampler_settings *settings);
/* NULL, or why the sampler cannot go with this score; *key is what is at fault. */
const char *sampler_unfit(const struct sampler_settings *settings, const struct score *score, const char **key);

/* Steps that are taken more than once, beyond the first time, in a whole run along the grid. */
int64_t sampler_repeated_steps(const struct sampler *sampler);

/* Gives its work space back until the next step: what is measured between levels needs some too. Local. */
void sampler_rest(struct sampler *sampler);

double sampler_step_size(const struct sampler *sampler, double sigma); /* at a level, with the controller's factor */

/* Once on a fresh population, after its positions are drawn. Local. */
void sampler_begin(struct sampler *sampler, struct population *population, const struct score_level *level);

/* Where a stretch from `step` has to end at the latest, of a level of `steps`: the next adaptation window, or as many
 * time steps as have their levels kept. */
int64_t sampler_stretch_limit(const struct sampler *sampler, int64_t step, int64_t steps);

/* Advances all of this rank's tiles by steps [begin, end) of a level; tally is added to (this rank's
 * counts). `progress` is called after each tile with the tiles done and may be NULL. A tile that stops
 * being finite is replayed to name the step and the particle; a field is looked at after each step. Local, or
 * collective over the domain for fields. */
struct breakdown sampler_advance(struct sampler *sampler, struct population *population,
                                 const struct score_level *level, uint32_t level_index, int64_t step_begin,
                                 int64_t step_end, struct tally *tally,
                                 void (*progress)(void *owner, size_t tiles_done), void *owner);

/* Collective: closes the adaptation window that ends at `step`, if one does; `here` is what this rank
 * counted since the last call. */
void sampler_adapt(struct sampler *sampler, int64_t step, const struct tally *here);

/* Tweedie's formula [Robbins 1956; Efron 2011]: x <- (x + (alpha sigma)^2 s(x))/alpha, alpha the level's scale; one
 * evaluation. As above. */
struct breakdown sampler_denoise(struct sampler *sampler, struct population *population,
                                 const struct score_level *level, struct tally *tally);

#endif
