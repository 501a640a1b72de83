/* N(0, C) on a mesh, C = F^-1 d F: what gaussian_field is and other field scores are built on. At noise sigma the
 * variance of a mode is c = d + sigma^2. Everything but create, load and free is collective over the domain. */
#ifndef SCULPTOR_SCORE_FIELD_PRIOR_H
#define SCULPTOR_SCORE_FIELD_PRIOR_H

#include "sculptor/mesh.h"
#include "sculptor/power_spectrum.h"
#include "sculptor/random_field.h"
#include "sculptor/score.h"

/* The rows `mesh:` and `spectrum:` of a score's table, and the draws'. */
struct field_settings {
        struct mesh_settings mesh;
        struct power_spectrum_settings spectrum;
        struct random_field_options draws;
};
#define FIELD_ROWS(at)                                                                                                 \
        {.key = "mesh",                                                                                                \
         .kind = PARAM_TABLE,                                                                                          \
         .offset = (at) + offsetof(struct field_settings, mesh),                                                       \
         .rows = mesh_params,                                                                                          \
         .check = mesh_check,                                                                                          \
         .help = "the periodic box and its cells"},                                                                    \
                {.key = "spectrum",                                                                                    \
                 .kind = PARAM_TABLE,                                                                                  \
                 .offset = (at) + offsetof(struct field_settings, spectrum),                                           \
                 .rows = power_spectrum_params,                                                                        \
                 .check = power_spectrum_check,                                                                        \
                 .help = "the power spectrum P(k)"},                                                                   \
                {.key = "fixed_amplitude",                                                                             \
                 .kind = PARAM_FLAG,                                                                                   \
                 .offset = (at) + offsetof(struct field_settings, draws.fixed_amplitude),                              \
                 .fallback = "false",                                                                                  \
                 .help = "exact draws have |delta_k|^2 = P, only phases are random [Angulo & Pontzen 2016]"},          \
        {                                                                                                              \
                .key = "paired", .kind = PARAM_FLAG, .offset = (at) + offsetof(struct field_settings, draws.paired),   \
                .fallback = "false", .help = "exact draws come in pairs, each second one the negative of the first"    \
        }

#define FIELD_SINGULAR                                                                                                 \
        "P = 0 at k = 0, so that at sigma 0 the mean has no width, and white noise would move it; end with sigma > 0 " \
        "or "                                                                                                          \
        "use a sampler whose noise follows P: fourier_ula, fourier_mala, fourier_hmc or exponential"

struct field_prior {
        struct mesh *mesh;
        struct power_spectrum *spectrum;
        struct random_field_options draws;
        double *variance;  /* d, [mesh_modes_here()]; NULL before prepare */
};

void field_prior_create(struct field_prior *prior, const struct field_settings *settings);
void field_prior_release(struct field_prior *prior);
const char *field_prior_load(struct field_prior *prior, const struct field_settings *settings);
const char *field_prior_prepare(struct field_prior *prior); /* variance from the spectrum */

/* s = -C^-1 x, modes with c = 0 left out (pseudo-inverse); returns x' C^-1 x. s NULL: only that. */
double field_prior_score(const struct field_prior *prior, double sigma, const double *x, double *s);

/* -sum over modes of ln(2 pi c)/2 and of 1/c, modes with c = 0 left out. */
struct field_constants { double log_norm, trace; };
struct field_constants field_prior_constants(const struct field_prior *prior, double sigma);

/* out = F^-1 gain(c) F x */
void field_prior_filter(const struct field_prior *prior, double sigma, const struct score_filter *filter,
                        const double *x, double *out);

void field_prior_mode_variance(const struct field_prior *prior, double sigma, double *c);

/* What a field has one of stands in all lanes. */
static inline void field_prior_spread(double value, double *restrict lanes)
{
        for (int lane = 0; lane < LANES; lane++)
                lanes[lane] = value;
}

/* A realisation of N(0, d). */
void field_prior_draw(const struct field_prior *prior, const struct rng_stream *stream, uint64_t particle, double *x);

#endif
