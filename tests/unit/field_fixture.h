/* Field scores made from the text of an input file, as a run makes them, on the present domain. */
#ifndef SCULPTOR_TESTS_FIELD_FIXTURE_H
#define SCULPTOR_TESTS_FIELD_FIXTURE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "score/types.h"
#include "sculptor/memory.h"
#include "sculptor/mesh.h"
#include "sculptor/params.h"

struct field_fixture {
        struct selection settings;
        struct score *score;
        const struct score_type *type;
        struct mesh *mesh;
};

static const struct param field_fixture_params[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = 0, .variant = score_variant, .help = "the target"},
        PARAM_END,
};

/* NULL, or the first thing that is wrong; the caller frees. To be closed either way. */
static inline char *field_fixture_open(struct field_fixture *fixture, const char *text,
                                       const struct score_context *context)
{
        *fixture = (struct field_fixture){0};
        struct input *input = input_parse("test", text, strlen(text), NULL, 0);
        input_read(input, field_fixture_params, &fixture->settings);
        char *problem = input_problems(input) > 0 ? copy_text(input_problem(input, 0)) : NULL;
        input_free(input);
        if (problem)
                return problem;

        fixture->type = fixture->settings.type;
        fixture->score = score_create(fixture->type, fixture->settings.settings);
        fixture->mesh = fixture->type->mesh(fixture->score->model);
        const char *why = fixture->type->load(fixture->score->model, context);
        if (why)
                return copy_text(why);
        free(mesh_plan(fixture->mesh, MESH_ESTIMATE, NULL, false));
        return copy_text(fixture->type->prepare(fixture->score->model));
}

static inline void field_fixture_close(struct field_fixture *fixture)
{
        score_free(fixture->score);
        params_release(field_fixture_params, &fixture->settings);
}

/* ---- on one rank: the n_cells of a field without its padding ---- */

static inline size_t cell_at(const struct mesh *mesh, int64_t cell)
{
        const size_t i = (size_t)cell;
        return i / mesh->plane_cells * mesh->plane_stride + i % mesh->plane_cells;
}

/* The cell `step` cells along each axis from `cell`. */
static inline int64_t cell_shifted(const struct mesh *mesh, int64_t cell, const int *step)
{
        int64_t shifted = 0, stride = 1;
        for (int axis = mesh->n_axes - 1; axis >= 0; axis--) {
                const int64_t n = mesh->n[axis];
                shifted += (cell / stride % n + step[axis] + n) % n * stride;
                stride *= n;
        }
        return shifted;
}

static inline bool padding_is_zero(const struct mesh *mesh, const double *field)
{
        for (size_t p = 0; p < mesh->n_planes_here; p++)
                for (size_t i = mesh->plane_cells; i < mesh->plane_stride; i++)
                        if (field[p * mesh->plane_stride + i] != 0)
                                return false;
        return true;
}

/* ---- derivatives: central differences, two steps of Richardson's extrapolation ---- */

typedef double field_function(const struct score_level *level, const double *x, size_t at);

static inline double field_log_p(const struct score_level *level, const double *x, size_t at)
{
        double log_p[LANES];
        (void)at;
        level->score->type->log_density(level->state, x, log_p);
        return log_p[0];
}

static inline double field_score_at(const struct score_level *level, const double *x, size_t at)
{
        double *s = mesh_allocate(level->score->type->mesh(level->score->model)), value;
        score_eval(level, x, s);
        value = s[at];
        free(s);
        return value;
}

/* The derivative of f by x[at], from steps of h, h/2 and h/4. */
static inline double field_slope(field_function *f, const struct score_level *level, double *x, size_t at, double h)
{
        const double saved = x[at];
        double d[3];
        for (int r = 0; r < 3; r++) {
                const double step = ldexp(h, -r);
                x[at] = saved + step;
                const double above = x[at], f_above = f(level, x, at);
                x[at] = saved - step;
                d[r] = (f_above - f(level, x, at)) / (above - x[at]);
        }
        x[at] = saved;
        const double first = (4 * d[1] - d[0]) / 3, second = (4 * d[2] - d[1]) / 3;
        return (16 * second - first) / 15;
}

/* ---- means of many draws ---- */

struct average { double n, sum, square; };

static inline void average_add(struct average *average, double value)
{
        average->n += 1;
        average->sum += value;
        average->square += value * value;
}

/* How many of its standard errors, estimated from the same values, it is off. */
static inline double average_z(const struct average *average, double wanted)
{
        const double mean = average->sum / average->n, variance = average->square / average->n - mean * mean;
        return (mean - wanted) / sqrt(variance / (average->n - 1));
}

/* ---- |F x|^2/n_cells ---- */

static inline void field_fixture_keep_modes(void *owner, const struct mesh_block *block)
{
        double *power = (double *)owner + block->first;
        for (size_t i = 0; i < block->mesh->block_modes; i++)
                power[i] = (block->value[2 * i] * block->value[2 * i] +
                            block->value[2 * i + 1] * block->value[2 * i + 1]) /
                           (double)block->mesh->n_cells;
}

static inline void field_modes(const struct mesh *mesh, const double *x, double *power)
{
        mesh_forward(mesh, x, field_fixture_keep_modes, power);
}

#endif
