/* Gaussian mixtures with dense covariances, exact at every noise level:
 *
 *     p(x) = sum_k w_k N(x; m_k, S_k + sigma^2).
 *
 * What a mixture becomes when data have been seen. n_dim^2 fused multiply-adds a component an evaluation. Local. */
#ifndef SCULPTOR_SCORE_DENSE_MIXTURE_H
#define SCULPTOR_SCORE_DENSE_MIXTURE_H

#include "sculptor/score.h"

struct dense_mixture {
        size_t n;
        int64_t n_dim;
        double *log_weight; /* [n], normalised by dense_mixture_finish() */
        double *mean;       /* [n][n_dim] */
        double *covariance; /* [n][n_dim][n_dim], symmetric, semidefinite */
        const char *wrong;  /* NULL, or why there is no such mixture */
};

struct dense_mixture *dense_mixture_allocate(size_t n, int64_t n_dim);
void *dense_mixture_finish(struct dense_mixture *filled); /* the model */

void dense_mixture_free(void *model);
const char *dense_mixture_undefined_at(const void *model, double sigma);
double dense_mixture_diameter(const void *model);
size_t dense_mixture_n_modes(const void *model);
void dense_mixture_components(const void *model, double *weight, double *mean, double *variance);
void dense_mixture_draw(const void *model, const struct rng_stream *stream, uint64_t first_particle,
                        double *restrict x);

/* (S_k + sigma^2)^-1 and ln det(S_k + sigma^2); false where there is none. precision may be NULL: only whether. */
bool dense_mixture_invert(const struct dense_mixture *mixture, size_t k, double sigma, double *precision,
                          double *log_det);
void *dense_mixture_create_level(const void *model, double sigma);
void dense_mixture_free_level(void *level);
void dense_mixture_eval(const void *level, const double *restrict x, double *restrict score);
void dense_mixture_log_density(const void *level, const double *restrict x, double *restrict log_p);
void dense_mixture_divergence(const void *level, const double *restrict x, double *restrict div);
void dense_mixture_jacobian(const void *level, const double *restrict x, double *restrict j);
void dense_mixture_responsibilities(const void *level, const double *restrict x, double *restrict r);

#define DENSE_MIXTURE_FUNCTIONS                                                                                        \
        .free = dense_mixture_free, .undefined_at = dense_mixture_undefined_at, .diameter = dense_mixture_diameter,    \
        .n_modes = dense_mixture_n_modes, .components = dense_mixture_components,                                      \
        .create_level = dense_mixture_create_level, .free_level = dense_mixture_free_level,                            \
        .eval = dense_mixture_eval, .log_density = dense_mixture_log_density, .divergence = dense_mixture_divergence,  \
        .jacobian = dense_mixture_jacobian, .responsibilities = dense_mixture_responsibilities,                        \
        .draw = dense_mixture_draw

#endif
