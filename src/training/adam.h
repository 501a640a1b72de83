/* The optimiser: learning rate, norm of the gradient, Adam. Local; every rank does the same. */
#ifndef SCULPTOR_TRAINING_ADAM_H
#define SCULPTOR_TRAINING_ADAM_H

#include <stddef.h>
#include <stdint.h>

#include "training/settings.h"

double adam_learning_rate(const struct training_settings *settings, int64_t step); /* of step 0, 1, ... */
double adam_norm(size_t n, const float *gradient);
/* One update, with `scale` times this gradient. */
void adam_update(const struct training_settings *settings, int64_t step, double scale, size_t n,
                 const float *restrict gradient, float *restrict theta, float *restrict moment_1,
                 float *restrict moment_2);

#endif
