/* Exact log-likelihood along the probability flow, by the instantaneous change of variables [Chen et al. 2018;
 * Grathwohl et al. 2019; Song et al. 2021, app. D.2]. In x^ = x/alpha, for which every process is the same,
 *
 *     dx^/dsigma = -sigma s(x^; sigma),     d ln p/dsigma = sigma div s(x^; sigma)  along it,
 *     ln p(x; sigma_min) = ln p(x^(sigma_max); sigma_max) - int sigma div s dsigma  from sigma_min to sigma_max.
 *
 * The divergence is exact, or Hutchinson's estimate v' (ds/dx) v of it with probes v of mean 0 and covariance 1, drawn
 * once for a particle and kept along its path [Hutchinson 1990]: each probe then has an integral of its own, and their
 * mean a standard error. */
#ifndef SCULPTOR_LOG_LIKELIHOOD_H
#define SCULPTOR_LOG_LIKELIHOOD_H

#include <stdbool.h>
#include <stdint.h>

#include "sculptor/params.h"
#include "sculptor/population.h"
#include "sculptor/score.h"

enum log_likelihood_trace { LOG_LIKELIHOOD_EXACT, LOG_LIKELIHOOD_HUTCHINSON };
enum log_likelihood_probes { LOG_LIKELIHOOD_RADEMACHER, LOG_LIKELIHOOD_GAUSSIAN };
enum log_likelihood_prior {
        LOG_LIKELIHOOD_NORMAL,  /* N(0, sigma_max^2): as published, biased as far as the noised data differ from it */
        LOG_LIKELIHOOD_OWN,     /* the score's own log density at sigma_max */
};

struct log_likelihood_settings {
        char *data, *dataset;  /* "": the population's initial */
        int trace, probes, prior;
        int64_t n_probes;
        double relative_tolerance, absolute_tolerance;
        double sigma_min, sigma_max; /* sigma_max NAN: the first level's */
};
extern const struct param log_likelihood_params[];

/* NULL, or why it cannot be evaluated for this score, *key being the row at fault; sigma_max is a number. */
const char *log_likelihood_unfit(const struct log_likelihood_settings *settings, const struct score *score,
                                 const char **key);

/* The settings outlive it. Of fields the mesh is planned. Local, collective over the domain for fields. */
struct log_likelihood;
struct log_likelihood *log_likelihood_create(const struct log_likelihood_settings *settings, const struct score *score,
                                             uint64_t seed);
void log_likelihood_free(struct log_likelihood *likelihood);

struct log_likelihood_answer {
        double log_likelihood[LANES], log_prior[LANES]; /* nat */
        double standard_error[LANES];                   /* over probes; 0 where the trace is exact */
        int64_t evaluations;                            /* of the score, for each particle of the tile */
        /* Where it failed: */
        bool failed, finite;                            /* not even the shortest step did; the error was a number */
        int64_t particle;
        double sigma;
};

/* Takes tile t from sigma_min, where x are the data, to sigma_max, where x are its latents; the particles of a tile
 * take their steps together. Six evaluations a step, and one at the start. */
struct log_likelihood_answer log_likelihood_evaluate(struct log_likelihood *likelihood, struct population *population,
                                                     size_t t);

#endif
