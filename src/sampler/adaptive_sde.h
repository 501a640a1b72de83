/* Inside the adaptive SDE sampler: what is common to lanes of particles (adaptive_sde_lanes.c), to sharing them out
 * (adaptive_sde_share.c) and to fields (adaptive_sde_field.c). The algorithm is in adaptive_sde.c. */
#ifndef SCULPTOR_SAMPLER_ADAPTIVE_SDE_H
#define SCULPTOR_SAMPLER_ADAPTIVE_SDE_H

#include "brownian.h"
#include "diffusion.h"
#include "sculptor/vecmath.h"

enum error_norm { NORM_RMS, NORM_MAX };

struct adaptive_sde {
        double relative_tolerance, absolute_tolerance, first_step, safety, exponent;
        int norm;
};

/* Tries of a particle in one time step, after which it gives up: a time step cannot be interrupted, and without a limit
 * could have 2^30 steps in it. */
enum { ADAPTIVE_SDE_MAX_TRIES = 1000000 };

/* Whether a particle gives up after a try of `taken`, `tries` with it in this time step. `arrives`: at its end. */
static inline bool adaptive_sde_hopeless(bool accepted, bool arrives, uint32_t taken, double tries)
{
        if (accepted && arrives)
                return false;
        return (!accepted && taken <= 1) || tries >= ADAPTIVE_SDE_MAX_TRIES;
}

/* A tile's memory: [0, LANES) the length of the step to try next, in the process's time; [LANES, 2 LANES) the load,
 * evaluations a time step of late. The evaluations so far follow (scheme_n_memory()). */
enum { ADAPTIVE_SDE_LENGTH = 0, ADAPTIVE_SDE_LOAD = LANES, ADAPTIVE_SDE_MEMORY = 2 * LANES };

/* A moment inside a time step, `at` of BROWNIAN_END. */
struct adaptive_sde_moment {
        double sigma, scale, drift, diffusion_squared;
};
struct adaptive_sde_moment adaptive_sde_moment(const struct time_grid *grid, int64_t step, uint32_t at);

/* How long a time step is. */
double adaptive_sde_duration(const struct time_grid *grid, int64_t step);

/* Where a step of `length` from `at` ends. */
uint32_t adaptive_sde_end(double length, double duration, uint32_t at);

/* theta E^-r. What is no number counts as the worst error. */
static inline double adaptive_sde_factor(const struct adaptive_sde *settings, double error)
{
        const double bounded = error < 1e4 ? error : 1e4, counted = bounded < 1e-9 ? 1e-9 : bounded;
        return settings->safety * vm_exp(-settings->exponent * vm_log_positive(counted));
}

/* The length to try after a step of `taken`, and the factor of its error. `cut` where the time step's end cut it
 * short. */
double adaptive_sde_next(const struct time_grid *grid, double length, double taken, double error, double factor,
                         bool cut);

/* The load after a time step of so many evaluations: half of it, and half of what it was. */
static inline double adaptive_sde_load(double before, double evaluations)
{
        return before > 0 ? 0.5 * (before + evaluations) : evaluations;
}

/* A particle wherever it lies: coordinate i at x[i * stride]. */
struct adaptive_sde_item {
        uint64_t particle;
        double *x, *previous; /* the state; the last proposal that was accepted */
        size_t stride;
        double *length, *load, *evaluations;
        int64_t broken;       /* the time step in which it broke down, or -1 */
};

/* Local: takes `n` particles through the ensemble's steps, 64 at a time. */
void adaptive_sde_lanes(const struct adaptive_sde *settings, const struct ensemble *ensemble,
                        struct adaptive_sde_item *item, size_t n);

/* Collective: all ranks' particles, shared out. */
struct breakdown adaptive_sde_share(const struct adaptive_sde *settings, const struct ensemble *ensemble);

/* Collective over the domain: a field. */
struct breakdown adaptive_sde_field(const struct adaptive_sde *settings, const struct stretch *stretch);
enum { ADAPTIVE_SDE_FIELD_WORK = 4 };

#endif
