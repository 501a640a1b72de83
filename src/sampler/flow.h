/* Inside the score flow: the adaptive integrator has a file of its own. */
#ifndef SCULPTOR_SAMPLER_FLOW_H
#define SCULPTOR_SAMPLER_FLOW_H

#include "dormand_prince.h"

enum { SCORE_FLOW_MEMORY = 2 };

/* memory: [0] the step size to try next, 0 before the first; [1] the last accepted step's error. */
void score_flow_adaptive_advance(const struct stretch *stretch, double relative_tolerance, double absolute_tolerance);

#endif
