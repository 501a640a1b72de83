/* Inside the score flow: the adaptive integrator has a file of its own. */
#ifndef SCULPTOR_SAMPLER_FLOW_H
#define SCULPTOR_SAMPLER_FLOW_H

#include "schemes.h"

enum { DORMAND_PRINCE_WORK = 8, DORMAND_PRINCE_MEMORY = 2 };

/* memory: [0] the step size to try next, 0 before the first; [1] the last accepted step's error. */
void dormand_prince_advance(const struct stretch *stretch, double relative_tolerance, double absolute_tolerance);

#endif
