/* Clean examples x_0, a tile at a time: drawn from a target, or rows of a data set. Which they are depends on (seed,
 * part, step, example in the batch) alone, whoever asks. Local. */
#ifndef SCULPTOR_TRAINING_EXAMPLES_H
#define SCULPTOR_TRAINING_EXAMPLES_H

#include "sculptor/training.h"

/* Also the level of random numbers. Rows of NORMALISATION are those trained with first, of VALIDATION the last. */
enum examples_part { EXAMPLES_TRAINING, EXAMPLES_VALIDATION, EXAMPLES_NORMALISATION };

/* The first n examples of a step, of which a tile (particles: 64, fields: 1) is `block`. */
struct examples_place { enum examples_part part; int64_t step, n, block; };

struct examples;

/* Copies the source. `batch`: examples of a step. */
struct examples *examples_create(const struct training_source *source, const struct network_shape *shape, uint64_t seed,
                                 int64_t batch);
void examples_free(struct examples *examples);
int64_t examples_available(const struct examples *examples, enum examples_part part); /* INT64_MAX: any number */
size_t examples_tile_size(const struct network_shape *shape);
int examples_of_tile(const struct network_shape *shape); /* 64 or 1 */
int64_t examples_tiles(const struct network_shape *shape, int64_t n);

/* x_0 of a block, lanes beyond the place's n filled with the last. NULL or why it could not be read. */
const char *examples_tile(struct examples *examples, const struct examples_place *place, double *restrict x);

/* Standard normal numbers of the shape of a tile, spare cells 0; stream.purpose is RNG_EXAMPLE. */
void examples_noise(const struct network_shape *shape, const struct rng_stream *stream, int64_t block,
                    double *restrict noise);

/* Collective. NULL on every rank where it is on all; else the lowest such rank's text, at `reason`. */
const char *examples_agree(const char *why, char reason[160]);

#endif
