/* Statistics of a population at a level, the same bits on any number of ranks. */
#ifndef SCULPTOR_STATISTICS_H
#define SCULPTOR_STATISTICS_H

#include <stdint.h>

#include "sculptor/population.h"
#include "sculptor/score.h"

enum { STATISTICS_MAX_DENSE = 16 }; /* the full covariance up to this many coordinates */

struct statistics {
        int64_t n_dim;
        size_t n_modes;
        double *mean;                /* [n_dim] */
        double *covariance;          /* [n_dim][n_dim] up to STATISTICS_MAX_DENSE, else [n_dim] (diagonal); N - 1 */
        double mean_score_norm;      /* mean |s| */
        double mean_score_squared;   /* E |s|^2 */
        double *mode_occupation;     /* [n_modes] fraction of particles whose likeliest component it is */
        double *mode_weight;         /* [n_modes] mean responsibility: estimates the weight, at any sigma */
};

/* Collective; one score evaluation per particle. Without a level the score's means are NaN, and it has no modes. */
struct statistics *statistics_measure(const struct population *population, const struct score_level *level);
void statistics_free(struct statistics *statistics);

#endif
