/* Dormand & Prince's embedded Runge-Kutta pair of orders 5 and 4, seven stages of which the last is the next step's
 * first; a PI controller chooses the steps [Dormand & Prince 1980; Gustafsson 1991; Hairer, Norsett & Wanner 1993,
 * II.4-5, IV.2]. Every lane may have a step of its own. */
#ifndef SCULPTOR_SAMPLER_DORMAND_PRINCE_H
#define SCULPTOR_SAMPLER_DORMAND_PRINCE_H

#include "schemes.h"

enum { DORMAND_PRINCE_STAGES = 7, DORMAND_PRINCE_WORK = DORMAND_PRINCE_STAGES + 1 };

/* Row i: x + h sum_j a[i][j] k_j, at time c[i] of the step, is where stage i is evaluated; the last row is the solution
 * of order 5. e: that less the solution of order 4. */
struct dormand_prince_pair {
        double a[DORMAND_PRINCE_STAGES][DORMAND_PRINCE_STAGES - 1], c[DORMAND_PRINCE_STAGES], e[DORMAND_PRINCE_STAGES];
};
extern const struct dormand_prince_pair dormand_prince;

/* A step that is tried. */
struct dormand_prince_trial {
        size_t size;                      /* doubles of x, whole rows of LANES */
        const double *x;
        double *at;                       /* where the newest stage is evaluated; in the end the solution */
        double *k[DORMAND_PRINCE_STAGES]; /* the slopes; k[0] is x's own */
        double h[LANES];                  /* signed */
        double relative, absolute;        /* tolerances: of |x|, and where x is near 0 */
};

/* at = x + h sum_{j < stage} a[stage][j] k_j */
void dormand_prince_stage(const struct dormand_prince_trial *trial, int stage);

/* square[lane] += (error/tolerance)^2 of elements begin .. end - 1; `trial` as stretch_sum() hands it on. */
void dormand_prince_add_errors(void *trial, size_t begin, size_t end, double *restrict square);

/* The root mean square over n_dim coordinates of error/tolerance [Hairer et al., II.4.11], of each lane. */
void dormand_prince_errors(const struct stretch *stretch, struct dormand_prince_trial *trial, double error[LANES]);

struct dormand_prince_worst { double error; int lane; };
struct dormand_prince_worst dormand_prince_worst_of(const double *error, int n_lanes); /* NaN is the worst */

/* Whether an error is small enough. *h, the length to try next, and *last, the last accepted error, are the
 * controller's; they live in the population's memory. A `length` shorter than *h, cut to end where a step ends, tells
 * it nothing unless it is refused. */
bool dormand_prince_accepts(double error, double length, double *h, double *last, bool *refused);

/* An accepted step: x = at, and the last slope is the next step's first. */
void dormand_prince_move(struct dormand_prince_trial *trial, double *x);

#endif
