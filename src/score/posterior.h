/* A Gaussian field given data, and its exact answers at any noise level:
 *
 *     p_sigma(x) ~ N(x; 0, C + sigma^2) N(y; M B x, N + sigma^2).
 */
#ifndef SCULPTOR_SCORE_POSTERIOR_H
#define SCULPTOR_SCORE_POSTERIOR_H

#include "score/posterior_observation.h"
#include "sculptor/wiener.h"

struct posterior {
        const struct posterior_settings *settings;
        struct field_prior prior;
        struct observation observation;
        double *mean, *variance; /* exact, at sigma = 0; variance only where asked for, else NULL */
};

/* M/(N + sigma^2) of each cell. Local; the caller frees. */
double *posterior_weight(const struct posterior *posterior, double sigma);

/* Collective over the domain. Mean and variance of p_sigma, fields of [mesh->size]. */
struct wiener_report posterior_mean(const struct posterior *posterior, double sigma, double *mean);
struct wiener_report posterior_variance(const struct posterior *posterior, double sigma, double *variance);

/* An exact draw: x_0 + W (y - A x_0 - n), x_0 and n drawn from the prior and the noise, W Wiener's filter: its error
 * x_0 - W(A x_0 + n) has the posterior's covariance [Hoffman & Ribak 1991]. The stage of the stream is below 16. */
struct wiener_report posterior_draw(const struct posterior *posterior, double sigma, const struct rng_stream *stream,
                                    uint64_t particle, double *x);

/* posterior.c, for other scores that hold a struct posterior first in their model: a line in the log, or why the solver
 * did not converge; what products() is to tell. */
const char *posterior_told(const char *what, const struct wiener_report *report);
size_t posterior_products(const void *model, struct score_product product[SCORE_MAX_PRODUCTS]);

#endif
