#include "sculptor/tree_sum.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/memory.h"
#include "sculptor/parallel.h"

/* The tree: node (level, index) is the sum of its children (level - 1, 2 index) and (level - 1,
 * 2 index + 1); leaves are level 0. A run of leaves is held as the few largest whole nodes that tile
 * it, like the digits of a binary counter. Merging is done only between true siblings, so each node's
 * bits are the same whoever computes it. */
enum { MAX_NODES = 128 }; /* at most two per level */

struct node {
        int level;
        int64_t index;
};

struct tree_sum {
        size_t width;
        size_t n_nodes;
        struct node node[MAX_NODES];
        size_t capacity; /* nodes there is room for: few while there are few leaves, since width may be large */
        double *value;   /* [capacity][width] */
};

struct tree_sum *tree_sum_create(size_t width)
{
        struct tree_sum *sum = allocate(1, sizeof *sum);
        sum->width = width;
        sum->capacity = 4;
        sum->value = allocate(sum->capacity * width, sizeof *sum->value);
        return sum;
}

static void grow(struct tree_sum *sum)
{
        double *larger = allocate(2 * sum->capacity * sum->width, sizeof *larger);
        memcpy(larger, sum->value, sum->n_nodes * sum->width * sizeof *larger);
        free(sum->value);
        sum->value = larger;
        sum->capacity *= 2;
}

static void merge_siblings(struct tree_sum *sum)
{
        while (sum->n_nodes >= 2) {
                struct node *left = &sum->node[sum->n_nodes - 2], *right = left + 1;
                if (left->level != right->level || left->index % 2 != 0 || right->index != left->index + 1)
                        return;
                double *a = sum->value + (sum->n_nodes - 2) * sum->width, *b = a + sum->width;
                for (size_t i = 0; i < sum->width; i++)
                        a[i] += b[i];
                left->level++;
                left->index /= 2;
                sum->n_nodes--;
        }
}

static void push(struct tree_sum *sum, struct node node, const double *values)
{
        if (sum->n_nodes == sum->capacity)
                grow(sum);
        sum->node[sum->n_nodes] = node;
        memcpy(sum->value + sum->n_nodes * sum->width, values, sum->width * sizeof *values);
        sum->n_nodes++;
        merge_siblings(sum);
}

void tree_sum_add(struct tree_sum *sum, int64_t leaf, const double *values)
{
        push(sum, (struct node){.level = 0, .index = leaf}, values);
}

/* The nodes of all ranks, or of the domain's, in order, pushed into one tree. */
static struct tree_sum *gather_nodes(const struct tree_sum *sum, bool domain)
{
        size_t record = sum->width + 2;
        double *here = allocate(sum->n_nodes * record, sizeof *here);
        for (size_t i = 0; i < sum->n_nodes; i++) {
                here[i * record] = sum->node[i].level;
                here[i * record + 1] = (double)sum->node[i].index; /* exact: tiles stay below 2^53 */
                memcpy(here + i * record + 2, sum->value + i * sum->width, sum->width * sizeof *here);
        }
        int size = domain ? parallel_domain_size() : parallel_size();
        size_t *counts = allocate((size_t)size, sizeof *counts), total = 0;
        double *all = (domain ? parallel_domain_gather : parallel_gather)(here, sum->n_nodes * record, counts);
        for (int rank = 0; rank < size; rank++)
                total += counts[rank];
        struct tree_sum *merged = tree_sum_create(sum->width);
        for (size_t i = 0; i < total; i += record)
                push(merged, (struct node){.level = (int)all[i], .index = (int64_t)all[i + 1]}, all + i + 2);
        free(here);
        free(counts);
        free(all);
        return merged;
}

static void finish(struct tree_sum *sum, bool domain, double *total)
{
        struct tree_sum *merged = gather_nodes(sum, domain);
        memset(total, 0, sum->width * sizeof *total);
        /* What is left are nodes of falling size; the smallest are added first. */
        for (size_t i = merged->n_nodes; i-- > 0;)
                for (size_t j = 0; j < sum->width; j++)
                        total[j] += merged->value[i * sum->width + j];
        for (int pass = 0; pass < 2; pass++) {
                struct tree_sum *done = pass ? sum : merged;
                free(done->value);
                free(done);
        }
}

void tree_sum_finish(struct tree_sum *sum, double *total)
{
        finish(sum, false, total);
}

void tree_sum_finish_domain(struct tree_sum *sum, double *total)
{
        finish(sum, true, total);
}

double tree_sum_planes(int64_t plane_begin, size_t n_planes_here, size_t stride,
                       void (*add)(void *owner, size_t begin, size_t end, double *sum), void *owner)
{
        enum { WIDTH = 64 };
        struct tree_sum *planes = tree_sum_create(1);
        for (size_t p = 0; p < n_planes_here; p++) {
                _Alignas(64) double sum[WIDTH] = {0};
                add(owner, p * stride, (p + 1) * stride, sum);
                for (size_t n = WIDTH / 2; n > 0; n /= 2)
                        for (size_t i = 0; i < n; i++)
                                sum[i] += sum[i + n];
                tree_sum_add(planes, plane_begin + (int64_t)p, sum);
        }
        double total;
        tree_sum_finish_domain(planes, &total);
        return total;
}
