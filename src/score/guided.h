/* A prior and linear-Gaussian data of it: what the score type `guided` is configured to. Local. */
#ifndef SCULPTOR_SCORE_GUIDED_H
#define SCULPTOR_SCORE_GUIDED_H

#include "score/likelihood.h"
#include "score/nested.h"

enum guided_method { GUIDED_EXACT, GUIDED_PIGDM, GUIDED_DPS };

struct guided_settings {
        struct nested_settings prior;
        struct likelihood_settings likelihood;
        int method;
        double prior_variance, scale;
};
int64_t guided_dimension(const void *settings);

/* guided_exact.c. NULL where the prior is no mixture of Gaussians, else how many components it has. */
size_t guided_exact_components(const struct score *prior);
extern const struct score_type guided_exact;

extern const struct score_type guided_reconstruction;

#endif
