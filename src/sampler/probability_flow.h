/* Inside the probability flow: the adaptive integrator has a file of its own, and others take steps of it. */
#ifndef SCULPTOR_SAMPLER_PROBABILITY_FLOW_H
#define SCULPTOR_SAMPLER_PROBABILITY_FLOW_H

#include "diffusion.h"
#include "dormand_prince.h"

enum { PROBABILITY_FLOW_MEMORY = 2 * LANES };

/* x^ from one sigma to another by Heun's method; Euler's to 0. Takes the first two work arrays. */
void probability_flow_heun(const struct stretch *stretch, double sigma_a, double sigma_b);

/* The particles of a tile through a stretch, each by steps of its own or all by the same (fields too).
 * memory: [0][LANES] the length in sigma to try next, 0 before the first; [1][LANES] the last accepted step's error. */
void probability_flow_adaptive_advance(const struct stretch *stretch, double relative_tolerance,
                                       double absolute_tolerance, bool each);

#endif
