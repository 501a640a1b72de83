/* Gradients added in a fixed binary tree over their blocks' indices, as tree_sum.h does with few numbers a leaf. A rank
 * holds its run as the few largest whole subtrees that tile it. Then the parameters are cut in as many slices as
 * there are ranks: rank r receives slice r of all subtrees and finishes the tree there, and the slices are gathered.
 * So nobody ever holds all ranks' gradients, and each sends and receives a few times n_parameters floats, however
 * many ranks there are. */
#include "training/gradient_tree.h"

#include <stdlib.h>
#include <string.h>

#include "sculptor/memory.h"
#include "sculptor/parallel.h"

enum { MAX_NODES = 128 }; /* at most two of a level, and one more while siblings wait to be merged */

struct node {
        int level;
        int64_t index;
        float *value;
};

struct gradient_tree {
        size_t n_parameters;
        int64_t n_blocks, next;
        size_t n_nodes;
        struct node node[MAX_NODES];
        float *memory[MAX_NODES]; /* of node i, kept from step to step; NULL where none was needed yet */
};

struct block_run gradient_tree_share(int64_t n_blocks, int rank, int size)
{
        const int64_t each = n_blocks / size, more = n_blocks % size;
        const int64_t begin = each * rank + (rank < more ? rank : more);
        return (struct block_run){begin, begin + each + (rank < more)};
}

struct block_run gradient_tree_run(const struct gradient_tree *tree)
{
        return gradient_tree_share(tree->n_blocks, parallel_rank(), parallel_size());
}

struct gradient_tree *gradient_tree_create(size_t n_parameters, int64_t n_blocks)
{
        struct gradient_tree *tree = allocate(1, sizeof *tree);
        tree->n_parameters = n_parameters;
        tree->n_blocks = n_blocks;
        tree->next = gradient_tree_run(tree).begin;
        return tree;
}

void gradient_tree_free(struct gradient_tree *tree)
{
        if (!tree)
                return;
        for (size_t i = 0; i < MAX_NODES; i++)
                free(tree->memory[i]);
        free(tree);
}

void gradient_tree_clear(struct gradient_tree *tree)
{
        tree->n_nodes = 0;
        tree->next = gradient_tree_run(tree).begin;
}

/* ---- nodes ---- */

/* Merges the last two nodes while they are true siblings: so a node's bits are the same whoever computes it. */
static size_t merge_siblings(struct node *node, size_t n_nodes, size_t width)
{
        while (n_nodes >= 2) {
                struct node *left = &node[n_nodes - 2], *right = left + 1;
                if (left->level != right->level || left->index % 2 != 0 || right->index != left->index + 1)
                        break;
                for (size_t i = 0; i < width; i++)
                        left->value[i] += right->value[i];
                left->level++;
                left->index /= 2;
                n_nodes--;
        }
        return n_nodes;
}

/* The nodes a run of blocks is held as, without values. */
static size_t nodes_of(struct block_run run, struct node *node)
{
        size_t n = 0;
        for (int64_t block = run.begin; block < run.end; block++) {
                node[n++] = (struct node){.level = 0, .index = block};
                n = merge_siblings(node, n, 0);
        }
        return n;
}

float *gradient_tree_leaf(struct gradient_tree *tree)
{
        float **memory = &tree->memory[tree->n_nodes];
        if (!*memory)
                *memory = allocate(tree->n_parameters, sizeof **memory);
        memset(*memory, 0, tree->n_parameters * sizeof **memory);
        return *memory;
}

void gradient_tree_add(struct gradient_tree *tree)
{
        tree->node[tree->n_nodes] = (struct node){0, tree->next++, tree->memory[tree->n_nodes]};
        tree->n_nodes = merge_siblings(tree->node, tree->n_nodes + 1, tree->n_parameters);
}

/* ---- between ranks ---- */

struct slice { size_t begin, size; };

static struct slice slice_of(size_t n, int rank)
{
        const size_t size = (size_t)parallel_size(), r = (size_t)rank, each = n / size, more = n % size;
        return (struct slice){each * r + (r < more ? r : more), each + (r < more)};
}

/* What each rank needs of this rank's nodes. The caller frees. */
static float *pack(const struct gradient_tree *tree, size_t *n_sent)
{
        float *packed = allocate(tree->n_nodes * tree->n_parameters, sizeof *packed), *next = packed;
        for (int rank = 0; rank < parallel_size(); rank++) {
                const struct slice slice = slice_of(tree->n_parameters, rank);
                n_sent[rank] = tree->n_nodes * slice.size;
                for (size_t i = 0; i < tree->n_nodes; i++, next += slice.size)
                        memcpy(next, tree->node[i].value + slice.begin, slice.size * sizeof *next);
        }
        return packed;
}

/* Adds what is left, nodes of falling size, the smallest first. */
static void finish_nodes(const struct node *node, size_t n_nodes, size_t width, float *total)
{
        memset(total, 0, width * sizeof *total);
        for (size_t i = n_nodes; i-- > 0;)
                for (size_t j = 0; j < width; j++)
                        total[j] += node[i].value[j];
}

/* The tree of this rank's slice, from all ranks' nodes in the order of ranks. */
static void finish_slice(const struct gradient_tree *tree, float *received, size_t width, float *total)
{
        struct node merged[MAX_NODES], of_rank[MAX_NODES];
        size_t n_merged = 0;
        for (int rank = 0; rank < parallel_size(); rank++) {
                const size_t n = nodes_of(gradient_tree_share(tree->n_blocks, rank, parallel_size()), of_rank);
                for (size_t i = 0; i < n; i++, received += width) {
                        merged[n_merged] = of_rank[i];
                        merged[n_merged].value = received;
                        n_merged = merge_siblings(merged, n_merged + 1, width);
                }
        }
        finish_nodes(merged, n_merged, width, total);
}

void gradient_tree_finish(struct gradient_tree *tree, float *total)
{
        if (parallel_size() == 1) {
                finish_nodes(tree->node, tree->n_nodes, tree->n_parameters, total);
        } else {
                const size_t size = (size_t)parallel_size();
                size_t *n_sent = allocate(3 * size, sizeof *n_sent), *n_received = n_sent + size,
                       *n = n_received + size;
                const struct slice here = slice_of(tree->n_parameters, parallel_rank());
                float *packed = pack(tree, n_sent);
                float *received = parallel_exchange_floats(packed, n_sent, n_received);
                float *finished = allocate(here.size, sizeof *finished);
                finish_slice(tree, received, here.size, finished);
                for (int rank = 0; rank < parallel_size(); rank++)
                        n[rank] = slice_of(tree->n_parameters, rank).size;
                parallel_gather_floats(finished, n, total);
                free(packed);
                free(received);
                free(finished);
                free(n_sent);
        }
        gradient_tree_clear(tree);
}
