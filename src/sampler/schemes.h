/* The schemes there are, and what they share. A new one is a new file, a line here and a line in
 * registry.c. Arrays are [n_dim][LANES], or a field's rows of 64 cells; loops run over whole rows of 64 lanes, spare
 * lanes too, and every multiply-add that decides a bit of the state is written as fma(). */
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
extern const struct scheme scheme_fourier_ula;
extern const struct scheme scheme_fourier_mala;
extern const struct scheme scheme_fourier_hmc;
extern const struct scheme scheme_exponential;
extern const struct scheme scheme_fourier_exponential;
extern const struct scheme scheme_probability_flow;
extern const struct scheme scheme_dpm_solver;
extern const struct scheme scheme_edm_stochastic;
extern const struct scheme scheme_euler_maruyama;
extern const struct scheme scheme_reverse_diffusion;
extern const struct scheme scheme_ancestral;
extern const struct scheme scheme_ddim;
extern const struct scheme scheme_predictor_corrector;
extern const struct scheme scheme_sde_dpm_solver;
extern const struct scheme scheme_noising; /* of no input: sampler_noising_settings() */

/* `predictor:` of predictor_corrector: the schemes with predictor_work. */
bool sampler_predictor_variant(size_t i, struct param_variant *variant);
extern const struct scheme scheme_adaptive_sde;

/* The schemes that may run inside inpainting: reverse samplers that take a step from x alone. */
bool scheme_inpaints_variant(size_t i, struct param_variant *variant);

static inline size_t stretch_size(const struct stretch *stretch)
{
        return stretch->size;
}

/* Scratch array i, [size]. */
static inline double *stretch_work(const struct stretch *stretch, size_t i)
{
        return stretch->work + i * stretch_size(stretch);
}

/* Counts `n` evaluations of each real particle of the tile. */
static inline void stretch_count(const struct stretch *stretch, int64_t n)
{
        stretch->tally->evaluations += n * stretch->n_counted;
        if (stretch->evaluations)
                for (int lane = 0; lane < LANES; lane++)
                        stretch->evaluations[lane] += (double)n;
}

/* The same of one particle, where particles differ. */
static inline void stretch_count_lane(const struct stretch *stretch, int lane, int64_t n)
{
        if (lane < stretch->n_counted)
                stretch->tally->evaluations += n;
        if (stretch->evaluations)
                stretch->evaluations[lane] += (double)n;
}

/* N(0, 1) for one step of the tile, z[size]. */
void stretch_normal(const struct stretch *stretch, enum rng_purpose purpose, int64_t step, uint32_t stage,
                    double *restrict z);

/* One uniform number per particle, u[LANES]. */
void stretch_uniform(const struct stretch *stretch, enum rng_purpose purpose, int64_t step, double *restrict u);

/* x <- x + e s + noise z with RNG_NOISE's z of this step; `z` is scratch that fields do without. */
void stretch_langevin(const struct stretch *stretch, int64_t step, double e, double noise, const double *restrict s,
                      double *restrict z, double *restrict x);

/* x <- keep x + score s + noise z, z of RNG_NOISE's `stage` of this step and not drawn where noise is 0; `z` is scratch
 * that fields do without. */
struct affine { double keep, score, noise; };
void stretch_affine(const struct stretch *stretch, int64_t step, uint32_t stage, const struct affine *map,
                    const double *restrict s, double *restrict z, double *restrict x);

/* square[lane] += |z|^2 of that z, which a particle's tile keeps in `z`. Collective over the domain for fields. */
void stretch_noise_square(const struct stretch *stretch, int64_t step, uint32_t stage, double *restrict z,
                          double *restrict square);

/* total[lane] += the sum over a particle's coordinates of what add() adds to sum[LANES] for elements begin .. end -
 * 1, whole rows, in their order. Collective over the domain for fields. */
void stretch_sum(const struct stretch *stretch, void (*add)(void *owner, size_t begin, size_t end, double *sum),
                 void *owner, double *total);

/* Whether a field has stopped being finite in this step, which ends the stretch; particles are looked at
 * afterwards. Collective over the domain for fields. */
bool stretch_broken(const struct stretch *stretch, int64_t step);

/* The first lane < n_lanes with a value that is not finite, or -1. */
int stretch_lane_not_finite(const double *restrict array, size_t size, int n_lanes);

/* x <- x + a y */
static inline void add_scaled(size_t n, double a, const double *restrict y, double *restrict x)
{
        for (size_t i = 0; i < n; i++)
                x[i] = fma(a, y[i], x[i]);
}

#endif
