/* The answer of targets whose convolution with a Gaussian has no closed form. */
#ifndef SCULPTOR_SCORE_CLEAN_ONLY_H
#define SCULPTOR_SCORE_CLEAN_ONLY_H

#include <stddef.h>

static inline const char *clean_only(const void *model, double sigma)
{
        (void)model;
        return sigma > 0 ? "this target has no closed form when noised" : NULL;
}

#endif
