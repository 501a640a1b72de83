/* What other scores ask of a model of score_gaussian. */
#ifndef SCULPTOR_SCORE_GAUSSIAN_H
#define SCULPTOR_SCORE_GAUSSIAN_H

void gaussian_covariance(const void *model, double *covariance); /* S, [n_dim][n_dim] */

#endif
