/* What the tests of fields share: a planned mesh in a line, the values of cells, and transforms as sums. */
#ifndef FIELD_LAB_H
#define FIELD_LAB_H

#include <complex.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sculptor/memory.h"
#include "sculptor/mesh.h"
#include "sculptor/random_field.h"
#include "sculptor/rng.h"

#define LAB_TWO_PI 6.283185307179586476925286766559

/* A suite of 200 tests with this bound fails by chance less than once in 10^6 runs; seeds are fixed. */
static const double Z_LIMIT = 5.85;

struct lab_shape { int n_axes; double cells[3], box[3]; }; /* x, y[, z] */

static inline struct mesh *lab_mesh_unplanned(struct lab_shape shape)
{
        const size_t n = (size_t)shape.n_axes;
        const struct mesh_settings settings = {.cells = {n, shape.cells}, .dimensions = shape.n_axes,
                                               .box_size = {n, shape.box}};
        return mesh_create(&settings);
}

static inline struct mesh *lab_mesh(struct lab_shape shape)
{
        struct mesh *mesh = lab_mesh_unplanned(shape);
        free(mesh_plan(mesh, MESH_ESTIMATE, NULL, false));
        return mesh;
}

static inline struct lab_shape lab_cube(int n_axes, double cells, double box)
{
        return (struct lab_shape){n_axes, {cells, cells, cells}, {box, box, box}};
}

/* Meshes of both dimensions: even, odd, two cells, one long axis, boxes that are no cubes, several blocks. */
static const struct lab_shape lab_shapes[] = {
        {2, {2, 2}, {1, 1}},        {2, {8, 8}, {10, 10}},     {2, {5, 7}, {3, 4}},           {2, {12, 2}, {5, 1}},
        {2, {2, 9}, {1, 1}},        {3, {2, 2, 2}, {1, 1, 1}}, {3, {4, 4, 4}, {8, 8, 8}},     {3, {5, 5, 5}, {2, 2, 2}},
        {3, {6, 5, 4}, {6, 10, 5}}, {3, {7, 2, 3}, {1, 2, 3}}, {3, {2, 3, 8}, {100, 50, 75}}, {3, {3, 6, 2}, {1, 1, 1}},
};
enum { LAB_SHAPES = sizeof lab_shapes / sizeof *lab_shapes };

/* Where cell i of all cells, in the order of arrays, lies in a field's memory on one rank. */
static inline size_t lab_place(const struct mesh *mesh, int64_t i)
{
        const size_t plane = (size_t)i / mesh->plane_cells;
        return plane * mesh->plane_stride + (size_t)i % mesh->plane_cells;
}

/* N(0, 1) in every cell. */
static inline double *lab_noise(const struct mesh *mesh, uint64_t particle)
{
        double *field = mesh_allocate(mesh);
        const struct rng_stream stream = {.seed = 4711, .purpose = RNG_TEST};
        for (size_t p = 0; p < mesh->n_planes_here; p++)
                rng_normal_row(&stream, particle, (mesh->plane_begin + (int64_t)p) * (int64_t)mesh->plane_cells,
                               (int64_t)mesh->plane_cells, field + p * mesh->plane_stride);
        return field;
}

/* Coordinates of cell or wavevector i, in the order of arrays. */
static inline void lab_split(const struct mesh *mesh, int64_t i, int64_t at[3])
{
        for (int axis = mesh->n_axes - 1; axis >= 0; axis--) {
                at[axis] = i % mesh->n[axis];
                i /= mesh->n[axis];
        }
}

static inline int64_t lab_join(const struct mesh *mesh, const int64_t *at)
{
        int64_t i = 0;
        for (int axis = 0; axis < mesh->n_axes; axis++)
                i = i * mesh->n[axis] + ((at[axis] % mesh->n[axis]) + mesh->n[axis]) % mesh->n[axis];
        return i;
}

static inline int64_t lab_folded(int64_t i, int64_t n)
{
        return 2 * i > n ? i - n : i;
}

/* |k|^2 of wavevector i. */
static inline double lab_k_squared(const struct mesh *mesh, int64_t i)
{
        int64_t at[3];
        double square = 0;
        lab_split(mesh, i, at);
        for (int axis = 0; axis < mesh->n_axes; axis++) {
                const double k = LAB_TWO_PI * (double)lab_folded(at[axis], mesh->n[axis]) / mesh->length[axis];
                square += k * k;
        }
        return square;
}

/* sum_x f(x) e^{-ikx}, every wavevector, by its definition. The phase is reduced in integers. */
static inline double complex *lab_transform(const struct mesh *mesh, const double *field)
{
        double complex *modes = allocate((size_t)mesh->n_cells, sizeof *modes);
        for (int64_t k = 0; k < mesh->n_cells; k++)
                for (int64_t x = 0; x < mesh->n_cells; x++) {
                        int64_t at_k[3], at_x[3];
                        double turns = 0;
                        lab_split(mesh, k, at_k);
                        lab_split(mesh, x, at_x);
                        for (int axis = 0; axis < mesh->n_axes; axis++)
                                turns += (double)(at_k[axis] * at_x[axis] % mesh->n[axis]) / (double)mesh->n[axis];
                        modes[k] += field[lab_place(mesh, x)] * cexp(-I * LAB_TWO_PI * turns);
                }
        return modes;
}

static inline void lab_near(const char *what, double value, double expected, double tolerance)
{
        if (!(fabs(value - expected) <= tolerance))
                fail_msg("%s: %.17g, expected %.17g within %.3g", what, value, expected, tolerance);
}

static inline void lab_z(const char *what, double z)
{
        if (!(fabs(z) < Z_LIMIT))
                fail_msg("%s: z = %.2f", what, z);
}

/* A power law k^index in the unitary view, times `amplitude`; 0 at k = 0. */
static inline double *lab_variances(const struct mesh *mesh, double amplitude, double index)
{
        double *variance = allocate(mesh_modes_here(mesh), sizeof *variance);
        for (size_t b = 0; b < mesh->n_blocks_here; b++) {
                struct mode mode;
                for (mode_begin(mesh, mesh->block_begin + (int64_t)b, &mode); mode_next(&mode);)
                        if (!mode.zero)
                                variance[b * mesh->block_modes + mode.index] = amplitude *
                                                                               pow(mode.k_squared, index / 2) /
                                                                               mesh->cell_volume;
        }
        return variance;
}

static inline void lab_draw(const struct mesh *mesh, const double *variance, uint64_t particle, double *field)
{
        const struct random_field_options options = {0};
        const struct rng_stream stream = {.seed = 1234, .purpose = RNG_MODES};
        random_field_draw(mesh, variance, &options, &stream, particle, field);
}

#endif
