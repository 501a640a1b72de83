/* Gaussian mixtures, for the score types that are some: gaussian_mixture itself and the shapes.
 *
 *     p(x) = sum_k w_k N(x; m_k, v_k + sigma^2),   v_k isotropic or diagonal,  exact at every sigma.
 *
 * A type has its own settings, and a create() that ends in mixture_create(); all else it takes from
 * MIXTURE_FUNCTIONS. Everything here is local. */
#ifndef SCULPTOR_SCORE_MIXTURE_H
#define SCULPTOR_SCORE_MIXTURE_H

#include "sculptor/score.h"

/* How much the components' covariances have in common: the more, the fewer operations. */
enum mixture_shape {
        MIXTURE_EQUAL,     /* one variance for all components and coordinates */
        MIXTURE_ISOTROPIC, /* one variance for each component */
        MIXTURE_DIAGONAL,  /* one for each component and coordinate */
};

struct mixture {
        size_t n;                /* components */
        int64_t n_dim;
        enum mixture_shape shape;
        double *weight;          /* [n], sum 1 */
        double *log_weight;      /* [n] */
        double *mean;            /* [n][n_dim] */
        double *sigma;           /* [n][n_dim] standard deviations, 0 for a point mass */
};

/* An empty mixture to fill: weight (1 until set; any positive numbers), mean and sigma (0 until set). */
struct mixture *mixture_allocate(size_t n, int64_t n_dim);
/* Weights are normalised to sum 1, the shape is found; returns the model, ready for MIXTURE_FUNCTIONS. */
void *mixture_create(struct mixture *filled);

void mixture_free(void *model);
const char *mixture_undefined_at(const void *model, double sigma);
double mixture_diameter(const void *model);
size_t mixture_n_modes(const void *model);
void mixture_components(const void *model, double *weight, double *mean, double *variance);
void mixture_draw(const void *model, const struct rng_stream *stream, uint64_t first_particle, double *restrict x);

void *mixture_create_level(const void *model, double sigma);
void mixture_free_level(void *level);
void mixture_eval(const void *level, const double *restrict x, double *restrict score);
void mixture_eval_each(const void *model, const double *restrict sigma, const double *restrict x,
                       double *restrict score);
void mixture_log_density(const void *level, const double *restrict x, double *restrict log_p);
void mixture_divergence(const void *level, const double *restrict x, double *restrict div);
void mixture_jacobian(const void *level, const double *restrict x, double *restrict j);
void mixture_jacobian_vector(const void *level, const double *restrict x, const double *restrict v,
                             double *restrict out);
void mixture_responsibilities(const void *level, const double *restrict x, double *restrict r);

#define MIXTURE_FUNCTIONS                                                                                              \
        .free = mixture_free, .undefined_at = mixture_undefined_at, .diameter = mixture_diameter,                      \
        .n_modes = mixture_n_modes, .components = mixture_components, .create_level = mixture_create_level,            \
        .free_level = mixture_free_level, .eval = mixture_eval, .eval_each = mixture_eval_each,                        \
        .log_density = mixture_log_density, .divergence = mixture_divergence, .jacobian = mixture_jacobian,            \
        .jacobian_vector = mixture_jacobian_vector, .responsibilities = mixture_responsibilities, .draw = mixture_draw

#endif
