/* The sum of blocks' gradients over all ranks, the same bits for any number of ranks. Blocks 0 .. n_blocks - 1 are
 * split over the ranks in equal contiguous runs. */
#ifndef SCULPTOR_TRAINING_GRADIENT_TREE_H
#define SCULPTOR_TRAINING_GRADIENT_TREE_H

#include <stddef.h>
#include <stdint.h>

struct gradient_tree;
struct block_run { int64_t begin, end; };

struct block_run gradient_tree_share(int64_t n_blocks, int rank, int size);

struct gradient_tree *gradient_tree_create(size_t n_parameters, int64_t n_blocks);
void gradient_tree_free(struct gradient_tree *tree);
struct block_run gradient_tree_run(const struct gradient_tree *tree); /* this rank's */
/* Local: zeros[n_parameters] for the next block's gradient to be added to, and that block done. In order of blocks. */
float *gradient_tree_leaf(struct gradient_tree *tree);
void gradient_tree_add(struct gradient_tree *tree);
/* Collective, after the last block: total[n_parameters] on every rank; the tree is empty again. */
void gradient_tree_finish(struct gradient_tree *tree, float *total);
void gradient_tree_clear(struct gradient_tree *tree); /* local: forgets the blocks so far */

#endif
