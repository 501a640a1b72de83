/* Inpainting by replacement, around a reverse sampler: see inpainting.c. */
#ifndef SCULPTOR_SAMPLER_INPAINTING_H
#define SCULPTOR_SAMPLER_INPAINTING_H

#include "schemes.h"

struct inpainting_settings {
        struct selection scheme;
        struct real_vector observed, data;
        int64_t resample;
};

/* No scheme itself: marks a selection whose settings are the above. */
extern const struct scheme inpainting;

/* Steps [step_begin, step_end) of the scheme inside, with what is known put back after each. */
void inpainting_advance(const struct inpainting_settings *settings, const struct stretch *stretch);

/* NULL, or why it cannot go with this score; *key is what is at fault. */
const char *inpainting_unfit(const struct inpainting_settings *settings, const struct score *score, const char **key);

#endif
