/* The posterior's score at one noise level, as score.h wants it: see posterior.c for the equations. */
#ifndef SCULPTOR_SCORE_POSTERIOR_LEVEL_H
#define SCULPTOR_SCORE_POSTERIOR_LEVEL_H

#include "score/posterior.h"

void *posterior_level_create(const void *posterior, double sigma);
void posterior_level_free(void *level);

void posterior_level_eval(const void *level, const double *restrict x, double *restrict score);
void posterior_level_eval_both(const void *level, const double *restrict x, double *restrict score,
                               double *restrict log_p);
void posterior_level_log_density(const void *level, const double *restrict x, double *restrict log_p);
void posterior_level_divergence(const void *level, const double *restrict x, double *restrict div);

/* The data's part of the score, and filters and variances of the prior's. */
void posterior_level_remainder(const void *level, const double *x, double *remainder);
void posterior_level_filter(const void *level, const struct score_filter *filter, const double *x, double *out);
void posterior_level_mode_variance(const void *level, double *c);

/* [B B']_ii, the same in all cells: the mean of b^2 over all modes. */
double posterior_beam_square(const struct observation *observation, const struct mesh *mesh);

#endif
