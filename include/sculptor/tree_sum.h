/* Sums whose bits do not depend on the number of ranks: leaves (one per tile, by global index) are
 * added in a fixed binary tree over their indices. Each rank holds O(log n) partial sums.
 * Pairwise, so the rounding error grows like log n only. */
#ifndef SCULPTOR_TREE_SUM_H
#define SCULPTOR_TREE_SUM_H

#include <stddef.h>
#include <stdint.h>

struct tree_sum;

struct tree_sum *tree_sum_create(size_t width); /* doubles per leaf */
/* Local. Leaves of a rank come in increasing order without gaps. */
void tree_sum_add(struct tree_sum *sum, int64_t leaf, const double *values);
/* Collective. total[width], the same bits on every rank and for every number of ranks, provided the
 * ranks' leaves, in the order of ranks, are 0 .. n - 1. Frees the sum. */
void tree_sum_finish(struct tree_sum *sum, double *total);
/* The same over the ranks of a domain (parallel.h). */
void tree_sum_finish_domain(struct tree_sum *sum, double *total);

#endif
