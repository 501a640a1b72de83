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

/* Collective over the domain. The sum over the cells of a field split by planes of `stride` cells, a
 * multiple of 64: add() adds cells begin .. end - 1 of the local arrays, in rows of 64, to sum[64]. The
 * 64 are added in a fixed tree, then the planes by their global index. */
double tree_sum_planes(int64_t plane_begin, size_t n_planes_here, size_t stride,
                       void (*add)(void *owner, size_t begin, size_t end, double *sum), void *owner);

#endif
