/* Linear-Gaussian data of x: y = A x + n, n_d ~ N(0, noise_d^2), A a matrix or a choice of coordinates. Local. */
#ifndef SCULPTOR_SCORE_LIKELIHOOD_H
#define SCULPTOR_SCORE_LIKELIHOOD_H

#include "sculptor/params.h"

struct likelihood_settings {
        struct real_vector observed; /* indices; or */
        struct real_matrix matrix;
        struct real_vector data, noise;
};
extern const struct param likelihood_params[];
void likelihood_check(const void *settings, const struct params_scope *scope); /* of its own table */
/* Of the table around it, which calls it `likelihood`: whether it fits a prior of n_dim coordinates. */
void likelihood_check_fit(const struct likelihood_settings *settings, int64_t n_dim, const struct params_scope *scope);
/* NULL, or what does not fit, of a prior whose dimension was not known to check_fit(). */
const char *likelihood_unfit(const struct likelihood_settings *settings, int64_t n_dim);

struct likelihood {
        int64_t n_dim, n_data;
        double *matrix;   /* A, [n_data][n_dim] */
        double *data;     /* y */
        double *variance; /* noise^2 */
};
void likelihood_create(struct likelihood *likelihood, const struct likelihood_settings *settings, int64_t n_dim);
void likelihood_release(struct likelihood *likelihood);

/* The inverse of K = A S A^T + noise^2, [n_data][n_data]; S[n_dim][n_dim], NULL: spread times the unit matrix. False
 * where K is singular to rounding. *log_det (may be NULL) is ln det K. */
bool likelihood_precision(const struct likelihood *likelihood, const double *s, double spread, double *inverse,
                          double *log_det);
#define LIKELIHOOD_SINGULAR                                                                                            \
        "likelihood.noise is so small that the data's covariance is singular to rounding; raise it, or leave out "     \
        "data "                                                                                                        \
        "that repeat others"

#endif
