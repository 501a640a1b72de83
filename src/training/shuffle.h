/* Permutations of 0 .. n - 1 that are functions of a key, and need no memory. */
#ifndef SCULPTOR_TRAINING_SHUFFLE_H
#define SCULPTOR_TRAINING_SHUFFLE_H

#include <stdint.h>

/* A permutation for each (epoch, list): list 0 orders the buffers of an epoch, list 1 + b the rows of buffer b. */
struct shuffle { uint64_t seed; uint32_t epoch, list; int64_t n; };

int64_t shuffle_at(const struct shuffle *shuffle, int64_t place);   /* what stands there */
int64_t shuffle_place(const struct shuffle *shuffle, int64_t what); /* its inverse */

#endif
