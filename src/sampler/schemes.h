/* The schemes there are, and what they share. A new one is a new file, a line here and a line in
 * registry.c. Arrays are [n_dim][LANES]; loops run over whole rows of 64 lanes, spare lanes too, and
 * every multiply-add that decides a bit of the state is written as fma(). */
#ifndef SCULPTOR_SAMPLER_SCHEMES_H
#define SCULPTOR_SAMPLER_SCHEMES_H

#include <math.h>

#include "sculptor/rng.h"
#include "sculptor/sampler.h"

extern const struct scheme scheme_ula;
extern const struct scheme scheme_leimkuhler_matthews;
extern const struct scheme scheme_mala;
extern const struct scheme scheme_hmc;
extern const struct scheme scheme_baoab;
extern const struct scheme scheme_obabo;
extern const struct scheme scheme_score_flow;

static inline size_t stretch_size(const struct stretch *stretch)
{
        return (size_t)stretch->level->score->n_dim * LANES;
}

/* Scratch array i of [n_dim][LANES]. */
static inline double *stretch_work(const struct stretch *stretch, size_t i)
{
        return stretch->work + i * stretch_size(stretch);
}

/* Counts `n` evaluations of each real particle of the tile. */
static inline void stretch_count(const struct stretch *stretch, int64_t n)
{
        stretch->tally->evaluations += n * stretch->n_lanes;
}

/* N(0, 1) for one step of the tile, z[n_dim][LANES]. */
static inline void stretch_normal(const struct stretch *stretch, enum rng_purpose purpose, int64_t step, uint32_t stage,
                                  double *restrict z)
{
        struct rng_stream stream = {.seed = stretch->seed, .purpose = purpose, .level = stretch->level_index,
                                    .step = (uint32_t)step, .stage = stage};
        rng_normal(&stream, stretch->first_particle, stretch->level->score->n_dim, z);
}

/* x <- x + a y */
static inline void add_scaled(size_t n, double a, const double *restrict y, double *restrict x)
{
        for (size_t i = 0; i < n; i++)
                x[i] = fma(a, y[i], x[i]);
}

#endif
