/* What tests of fields on several ranks share: every grid of ensemble x domain, and bits to compare. */
#ifndef FIELD_GRIDS_H
#define FIELD_GRIDS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/error.h"
#include "sculptor/memory.h"
#include "sculptor/mesh.h"
#include "sculptor/parallel.h"
#include "sculptor/random_field.h"
#include "sculptor/rng.h"

static int n_failed;

static inline void claim(const char *name, bool ok)
{
        ok = parallel_all(ok);
        n_failed += !ok;
        if (parallel_rank() == 0)
                printf("%s %s\n", ok ? "ok" : "FAIL", name);
}

struct shape { const char *name; int n_axes; double cells[3], box[3]; }; /* x, y[, z] */

/* More planes and blocks than ranks, and less; odd and even; one and several blocks. */
static const struct shape shapes[] = {
        {"cube", 3, {16, 16, 16}, {100, 100, 100}}, {"odd", 3, {15, 9, 7}, {10, 20, 30}},
        {"two-planes", 3, {12, 10, 2}, {1, 1, 1}},  {"plate", 3, {2, 2, 40}, {3, 2, 40}},
        {"square", 2, {32, 32}, {50, 50}},          {"sheet", 2, {33, 3}, {11, 1}},
        {"one-block", 2, {6, 21}, {6, 21}},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static inline struct mesh *mesh_of(const struct shape *shape)
{
        const size_t n = (size_t)shape->n_axes;
        double cells[3], box[3];
        memcpy(cells, shape->cells, sizeof cells);
        memcpy(box, shape->box, sizeof box);
        const struct mesh_settings settings = {.cells = {n, cells}, .dimensions = shape->n_axes, .box_size = {n, box}};
        return mesh_create(&settings);
}

/* ---- bits ---- */

#define HASH_BEGIN UINT64_C(1469598103934665603)

static inline uint64_t hash_more(uint64_t hash, const double *value, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                uint64_t bits;
                memcpy(&bits, value + i, sizeof bits);
                hash = (hash ^ bits) * UINT64_C(1099511628211);
        }
        return hash;
}

/* Of what the ranks of the domain have, one after the other: collective over the domain. */
static inline uint64_t hash_domain(uint64_t hash, const double *here, size_t n)
{
        size_t *counts = allocate((size_t)parallel_domain_size(), sizeof *counts), total = 0;
        double *every = parallel_domain_gather(here, n, counts);
        for (int rank = 0; rank < parallel_domain_size(); rank++)
                total += counts[rank];
        hash = hash_more(hash, every, total);
        free(every);
        free(counts);
        return hash;
}

/* ---- grids ---- */

/* `measure` hashes what one grid computes. Every grid of these ranks must give the same, and the suite compares it
 * with other numbers of ranks. */
static inline void same_on_all_grids(const char *what, uint64_t (*measure)(const struct shape *shape))
{
        for (size_t i = 0; i < SHAPES; i++) {
                uint64_t first = 0;
                bool ok = true;
                for (int size = 1; size <= parallel_size(); size++) {
                        if (parallel_size() % size != 0)
                                continue;
                        parallel_split(size);
                        const uint64_t hash = measure(&shapes[i]);
                        first = size == 1 ? hash : first;
                        ok &= hash == first;
                }
                char name[100];
                snprintf(name, sizeof name, "%s_of_a_%s_are_the_same_on_all_grids", what, shapes[i].name);
                claim(name, ok);
                if (parallel_rank() == 0)
                        printf("same-on-any-ranks %s of %s %016llx\n", what, shapes[i].name, (unsigned long long)first);
        }
        parallel_split(1);
}

/* N(0, 1) in every cell of this rank's planes. */
static inline double *noise(const struct mesh *mesh, uint64_t particle)
{
        double *field = mesh_allocate(mesh);
        const struct rng_stream stream = {.seed = 4711, .purpose = RNG_TEST};
        for (size_t p = 0; p < mesh->n_planes_here; p++)
                rng_normal_row(&stream, particle, (mesh->plane_begin + (int64_t)p) * (int64_t)mesh->plane_cells,
                               (int64_t)mesh->plane_cells, field + p * mesh->plane_stride);
        return field;
}

/* P = 1/k in the unitary view. */
static inline double *variances(const struct mesh *mesh)
{
        double *variance = allocate(mesh_modes_here(mesh), sizeof *variance);
        for (size_t b = 0; b < mesh->n_blocks_here; b++) {
                struct mode mode;
                for (mode_begin(mesh, mesh->block_begin + (int64_t)b, &mode); mode_next(&mode);)
                        if (!mode.zero)
                                variance[b * mesh->block_modes + mode.index] = 1 / sqrt(mode.k_squared);
        }
        return variance;
}

#endif
