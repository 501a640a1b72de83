/* The corrector of predictor_corrector: Langevin steps at one noise,
 *
 *     x <- x + e s + sqrt(2 e) z,   s = grad log p_b(x),
 *
 * with e given or from the sizes of s and z (predictor_corrector.c). Local, collective over the domain for fields. */
#ifndef SCULPTOR_SAMPLER_CORRECTOR_H
#define SCULPTOR_SAMPLER_CORRECTOR_H

#include "diffusion.h"

/* The corrector's k-th move of a time step, k = 0, 1, ...: the predictor's noise is of stage 0. */
enum { CORRECTOR_STAGE = 1, CORRECTOR_MOST_STEPS = RNG_MAX_STAGES - CORRECTOR_STAGE };

/* Of each particle; of a field the same in all lanes. */
struct corrector_norms { double score[LANES], noise[LANES]; };

/* |s| and |z| of the move `stage` of a step; z is kept for corrector_move_each(). */
void corrector_measure(const struct stretch *stretch, int64_t step, uint32_t stage, const double *restrict s,
                       double *restrict z, struct corrector_norms *norms);

/* 2 (r |z|/|s|)^2; 0 where the score is 0 and the ratio tells nothing. */
double corrector_step(double r, double noise, double score);

void corrector_move(const struct stretch *stretch, int64_t step, uint32_t stage, double e, const double *restrict s,
                    double *restrict z);

/* With a step e[LANES] for each lane. */
void corrector_move_each(const struct stretch *stretch, int64_t step, uint32_t stage, const double *restrict e,
                         const double *restrict s, double *restrict z);

#endif
