/* How much noise an example is given: a function of (seed, level, step, example) alone. */
#ifndef SCULPTOR_TRAINING_SIGMA_SAMPLING_H
#define SCULPTOR_TRAINING_SIGMA_SAMPLING_H

#include <stdbool.h>

#include "sculptor/params.h"
#include "sculptor/population.h"
#include "sculptor/rng.h"

struct sigma_range { double min, max; };

bool sigma_sampling_variant(size_t i, struct param_variant *variant);
bool sigma_sampling_is_log_uniform(const struct selection *sampling);
struct sigma_range sigma_sampling_range(const struct selection *sampling);
/* For 64 particles, or (one) for a field: all lanes alike. */
void sigma_sampling_draw(const struct selection *sampling, const struct rng_stream *stream, uint64_t first_particle,
                         bool one, double sigma[LANES]);

#endif
