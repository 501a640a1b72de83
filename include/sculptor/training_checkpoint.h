/* Checkpoints of a training: a weights file (weights.h) of the averaged weights, with all that is needed to go on
 * beside them, so that it can be sampled with as it is. Named, verified and kept as checkpoint.h says. */
#ifndef SCULPTOR_TRAINING_CHECKPOINT_H
#define SCULPTOR_TRAINING_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "sculptor/provenance.h"
#include "sculptor/series.h"
#include "sculptor/weights.h"

enum { TRAINING_CHECKPOINT_MAX_ARRAYS = 8, TRAINING_CHECKPOINT_NUMBERS = 2 };

struct training_checkpoint {
        const struct weights *weights; /* written; of reading NULL: weights_read() reads them */
        size_t n_arrays;               /* floats[weights->n_parameters] each: weights under way, moments, averages */
        struct {
                const char *name;
                float *values;
        } array[TRAINING_CHECKPOINT_MAX_ARRAYS];
        int64_t step;
        double number[TRAINING_CHECKPOINT_NUMBERS]; /* what else decides how it goes on */
        double wall_seconds;           /* outside the payload */
        struct series *series;
        const char *wisdom;            /* the mesh's plans, or NULL */
};

/* Collective. As checkpoint_write(). */
const char *training_checkpoint_write(const char *directory, const struct training_checkpoint *checkpoint,
                                      const struct provenance *provenance, int keep, char **path);

/* Collective. What a (verified) checkpoint says of itself; parameters and wisdom (may be NULL) are the caller's to
 * free. */
struct training_checkpoint_header { int64_t step; char *parameters, *wisdom; };
const char *training_checkpoint_read_header(const char *path, struct training_checkpoint_header *header);

/* Local, on every rank. Fills the arrays of n_parameters floats, the numbers and the series. NULL or why. */
const char *training_checkpoint_read(const char *path, size_t n_parameters, struct training_checkpoint *checkpoint);

#endif
