/* How far a score is from a known one, by noised draws of the known target: y = x_0 + sigma n. With ds = s_theta - s,
 *
 *     eps(sigma) = sigma^2 E|ds|^2,   relative error = sqrt(E|ds|^2/E|s|^2),
 *     KL(p || p_theta) <= int eps dln sigma + KL(p_sigma_max || prior)   [Song et al. 2021b, theorem 1],
 *
 * p and p_theta at the smallest sigma, p_theta what the reverse SDE with s_theta makes of the prior. How far s_theta is
 * from a gradient is seen by probes u, v ~ N(0, 1): E(v'Ju - u'Jv)^2 = |J - J'|_F^2, E|Ju|^2 = |J|_F^2.
 *
 * Where the known score has no closed form at this sigma (a lognormal field), two independent noisy ones stand for it
 * (lognormal_posterior.h), of which products are taken. The same bits on any number of ranks. */
#ifndef SCULPTOR_SCORE_ERROR_H
#define SCULPTOR_SCORE_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "sculptor/lognormal_posterior.h"
#include "sculptor/mesh.h"
#include "sculptor/score.h"

struct score_error_problem {
        const struct score *score, *against; /* of the same dimension, or mesh */
        const struct lognormal_posterior_settings *posterior; /* NULL: against has a score at every sigma */
        int64_t n_examples;
        bool probes;                         /* the first score has a Jacobian */
        uint64_t seed;
        const struct field_shells *shells;   /* of fields; NULL: no spectra */
};

struct estimate { double value, standard_error; };

/* Of a level. */
struct score_error {
        double sigma;
        struct estimate epsilon;       /* total; of each coordinate: this over n_dim */
        struct estimate relative;
        struct estimate asymmetry;     /* |J - J'|_F/|J|_F; NAN without probes */
        double reference_noise;        /* of the mean of both means, relative to |s|; 0 where s is exact */
        double acceptance, step;       /* of the posterior's chains; NAN where s is exact */
        double mean[2], deviation[2];  /* of y, where n_dim = 2 */
        double *power_denoised, *power_reference, *power_cross, *power_error; /* [n_shells] of D, D* and D - D*, NULL
                                                                                 without shells */
};

/* Collective. sigma > 0, or 0 where both are defined there. level < RNG_MAX_LEVELS gives random numbers of its own. */
struct score_error score_error_measure(const struct score_error_problem *problem, double sigma, uint32_t level);
void score_error_release(struct score_error *error);

/* Trapezoids in ln sigma over levels with sigma > 0, in nat. NAN for less than two. */
struct estimate score_error_bound(const struct score_error *errors, size_t n);

/* One example and what is known there, for pictures: y, s_theta, s, [tile size] of the ensemble's own tile `tile`. */
struct score_error_example { double *y, *score, *reference; };
void score_error_example(const struct score_error_problem *problem, double sigma, uint32_t level, uint64_t particle,
                         const struct score_error_example *example);

/* N(0, 1) of a tile of 64 particles, or of a field. Local. */
void score_error_normals(const struct rng_stream *stream, const struct mesh *mesh, int64_t n_dim,
                         uint64_t first_particle, double *z);

#endif
