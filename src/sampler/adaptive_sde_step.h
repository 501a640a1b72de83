/* 64 particles on their way, each at a time of its own: what adaptive_sde_lanes.c, which moves particles in and out of
 * lanes, and adaptive_sde_step.c, which takes a step in all of them, share. Local. */
#ifndef SCULPTOR_SAMPLER_ADAPTIVE_SDE_STEP_H
#define SCULPTOR_SAMPLER_ADAPTIVE_SDE_STEP_H

#include "adaptive_sde.h"

/* The same of every lane: struct adaptive_sde_moment. */
struct moments { double sigma[LANES], scale[LANES], drift[LANES], diffusion_squared[LANES]; };

enum { X, PREVIOUS, PROPOSAL, SCORE, BROWNIAN, AHEAD, LEFT, RIGHT, ARRAYS };

struct lanes {
        const struct adaptive_sde *settings;
        const struct ensemble *ensemble;
        const struct time_grid *grid;
        const struct score *score;
        struct adaptive_sde_item *item;
        size_t n, next;                /* items, and the first that waits */
        int n_busy;
        struct adaptive_sde_item *owner[LANES]; /* NULL: the lane goes round with what was left in it */
        int64_t step[LANES];
        uint32_t at[LANES], end[LANES];
        double tries[LANES];           /* in this time step */
        double length[LANES], time[LANES], duration[LANES]; /* to try; of this step; of the time step */
        struct moments here, ahead;
        double error[LANES], factor[LANES];
        size_t size;
        double *array[ARRAYS];
};

static inline void adaptive_sde_set_moment(struct moments *moments, int lane, const struct adaptive_sde_moment *moment)
{
        moments->sigma[lane] = moment->sigma;
        moments->scale[lane] = moment->scale;
        moments->drift[lane] = moment->drift;
        moments->diffusion_squared[lane] = moment->diffusion_squared;
}

/* A try: x is moved in the lanes whose error comes to 1 at the most. Lanes without an owner stay, with an infinite
 * one. */
void adaptive_sde_try(struct lanes *lanes);

#endif
