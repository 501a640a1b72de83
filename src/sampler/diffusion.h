/* What schemes share that go along a grid of times. Their x is the process's own, x = alpha (x_0 + sigma n); ODEs and
 * others that know only sigma work on x^ = x/alpha, for which every process is the same. */
#ifndef SCULPTOR_SAMPLER_DIFFUSION_H
#define SCULPTOR_SAMPLER_DIFFUSION_H

#include "schemes.h"

/* Steps of a stretch at most, so that every tile finds the score's levels made: a step needs up to 4. */
enum { STEPS_CACHED = 32, LEVELS_CACHED = 4 * STEPS_CACHED + 8, LEVELS_CACHED_LARGE = 8 };

static inline const struct time_point *diffusion_from(const struct stretch *stretch, int64_t step)
{
        return &stretch->grid->point[step];
}

static inline const struct time_point *diffusion_to(const struct stretch *stretch, int64_t step)
{
        return &stretch->grid->point[step + 1];
}

static inline int64_t diffusion_n_steps(const struct time_grid *grid)
{
        return (int64_t)grid->n - 1;
}

/* s = grad log p_t(x) of the process at a point. One evaluation, counted. */
static inline void diffusion_score(const struct stretch *stretch, const struct time_point *at, const double *restrict x,
                                   double *restrict s)
{
        score_eval(level_cache_get(stretch->levels, at->sigma, at->scale), x, s);
        stretch_count(stretch, 1);
}

/* s^ = grad log p(x^; sigma). One evaluation, counted. */
static inline void diffusion_score_unscaled(const struct stretch *stretch, double sigma, const double *restrict x,
                                            double *restrict s)
{
        score_eval(level_cache_get(stretch->levels, sigma, 1), x, s);
        stretch_count(stretch, 1);
}

/* One evaluation a step: x <- keep x + score s + noise z, s = grad log p_a(x), the coefficients those of a step from a
 * to b. */
typedef struct affine diffusion_step(const void *settings, const struct process *process, const struct time_point *a,
                                     const struct time_point *b);
void diffusion_advance(const void *settings, const struct stretch *stretch, diffusion_step *step_of);

/* The reverse SDE's Euler-Maruyama step [Song et al. 2021, eq. 6]. */
struct affine diffusion_euler_maruyama(const struct process *process, const struct time_point *a,
                                       const struct time_point *b);

/* x^ <- x, and back. */
static inline void diffusion_unscale(const struct stretch *stretch, const struct time_point *at, double *restrict x)
{
        if (at->scale == 1)
                return;
        for (size_t i = 0; i < stretch->size; i++)
                x[i] /= at->scale;
}

static inline void diffusion_rescale(const struct stretch *stretch, const struct time_point *at, double *restrict x)
{
        if (at->scale == 1)
                return;
        for (size_t i = 0; i < stretch->size; i++)
                x[i] *= at->scale;
}

#endif
