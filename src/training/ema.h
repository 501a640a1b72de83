/* Averages of the weights over steps. */
#ifndef SCULPTOR_TRAINING_EMA_H
#define SCULPTOR_TRAINING_EMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sculptor/params.h"

bool ema_variant(size_t i, struct param_variant *variant);
/* How much of the average before `steps` steps were taken is kept, steps >= 1. */
double ema_kept(const struct selection *ema, int64_t steps);
/* average <- kept average + (1 - kept) theta */
void ema_update(double kept, size_t n, const float *restrict theta, float *restrict average);

#endif
