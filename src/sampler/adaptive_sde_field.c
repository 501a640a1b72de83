/* A field's steps: one time and one step for all its cells, the error a mean (or maximum) over the whole field. */
#include <stdlib.h>
#include <string.h>

#include "adaptive_sde.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

enum { PROPOSAL, SCORE, BROWNIAN, AHEAD };

struct field {
        const struct adaptive_sde *settings;
        const struct stretch *stretch;
        double *proposal, *score, *brownian, *ahead;
        double time, duration; /* of the step and of the time step */
};

/* x + pull x_drift + push s + noise dB */
struct factors { double pull, push, noise; };

static struct factors factors_of(const struct field *field, const struct adaptive_sde_moment *moment)
{
        return (struct factors){.pull = -field->time * moment->drift, .push = field->time * moment->diffusion_squared,
                                .noise = sqrt(moment->diffusion_squared * field->duration)};
}

static void evaluate(const struct field *field, const struct adaptive_sde_moment *moment, const double *x)
{
        const struct time_point point = {.sigma = moment->sigma, .scale = moment->scale};
        diffusion_score(field->stretch, &point, x, field->score);
}

static void propose(const struct field *field, const struct adaptive_sde_moment *here)
{
        const struct factors f = factors_of(field, here);
        const double *restrict x = field->stretch->x, *restrict s = field->score, *restrict b = field->brownian,
                               *restrict ahead = field->ahead;
        for (size_t i = 0; i < field->stretch->size; i++)
                field->proposal[i] = fma(f.noise, ahead[i] - b[i], fma(f.push, s[i], fma(f.pull, x[i], x[i])));
}

static void improve(const struct field *field, const struct adaptive_sde_moment *ahead_of)
{
        const struct factors f = factors_of(field, ahead_of);
        const double *restrict x = field->stretch->x, *restrict b = field->brownian, *restrict ahead = field->ahead,
                               *restrict proposal = field->proposal;
        double *restrict s = field->score;
        for (size_t i = 0; i < field->stretch->size; i++) {
                const double moved = fma(f.push, s[i], fma(f.pull, proposal[i], x[i]));
                s[i] = 0.5 * (proposal[i] + fma(f.noise, ahead[i] - b[i], moved));
        }
}

static double error_of(const struct field *field, size_t i)
{
        const double a = fabs(field->proposal[i]), c = fabs(field->stretch->history[0][i]);
        const double scaled = field->settings->relative_tolerance * (a > c ? a : c);
        const double absolute = field->settings->absolute_tolerance;
        return (field->proposal[i] - field->score[i]) / (scaled > absolute ? scaled : absolute);
}

static void add_squares(void *owner, size_t begin, size_t end, double *sum)
{
        const struct field *field = owner;
        for (size_t row = begin; row < end; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++) {
                        const double error = error_of(field, row + lane);
                        sum[lane] = fma(error, error, sum[lane]);
                }
}

/* NaN where one is. */
static double largest_error(const struct field *field)
{
        double most = 0;
        for (size_t i = 0; i < field->stretch->size; i++) {
                const double error = fabs(error_of(field, i));
                most = error <= most || isnan(most) ? most : error;
        }
        size_t *counts = allocate((size_t)parallel_domain_size(), sizeof *counts);
        double *all = parallel_domain_gather(&most, 1, counts);
        for (int rank = 0; rank < parallel_domain_size(); rank++)
                most = all[rank] <= most || isnan(most) ? most : all[rank];
        free(all);
        free(counts);
        return most;
}

static double find_error(struct field *field)
{
        if (field->settings->norm == NORM_MAX)
                return largest_error(field);
        _Alignas(64) double square[LANES] = {0};
        stretch_sum(field->stretch, add_squares, field, square);
        return sqrt(square[0] / (double)field->stretch->level->score->n_dim);
}

static void copy_array(const struct field *field, const double *from, double *to)
{
        memcpy(to, from, field->stretch->size * sizeof *to);
}

/* Through a time step; false where no step is short enough, or there are too many. */
static bool cross(struct field *field, int64_t step, double *length, double *tries)
{
        const struct stretch *stretch = field->stretch;
        const struct time_grid *grid = stretch->grid;
        field->duration = adaptive_sde_duration(grid, step);
        memset(field->brownian, 0, stretch->size * sizeof(double));
        memset(field->ahead, 0, stretch->size * sizeof(double));
        struct adaptive_sde_moment here = adaptive_sde_moment(grid, step, 0);
        for (uint32_t at = 0; at < BROWNIAN_END;) {
                const uint32_t end = adaptive_sde_end(*length, field->duration, at);
                const struct adaptive_sde_moment ahead = adaptive_sde_moment(grid, step, end);
                field->time = (double)(end - at) / (double)BROWNIAN_END * field->duration;
                brownian_field(stretch->seed, stretch->first_particle, (uint32_t)step, end, stretch->layout,
                               field->ahead);
                evaluate(field, &here, stretch->x);
                propose(field, &here);
                evaluate(field, &ahead, field->proposal);
                improve(field, &ahead);
                ++*tries;
                const double error = find_error(field);
                *length = adaptive_sde_next(grid, *length, field->time, error,
                                            adaptive_sde_factor(field->settings, error),
                                            end == BROWNIAN_END && field->time < *length);
                if (adaptive_sde_hopeless(error <= 1, end == BROWNIAN_END, end - at, *tries))
                        return false;
                if (error <= 1) {
                        copy_array(field, field->score, stretch->x);
                        copy_array(field, field->proposal, stretch->history[0]);
                        copy_array(field, field->ahead, field->brownian);
                        here = ahead;
                        at = end;
                }
        }
        return true;
}

struct breakdown adaptive_sde_field(const struct adaptive_sde *settings, const struct stretch *stretch)
{
        struct field field = {.settings = settings, .stretch = stretch, .proposal = stretch_work(stretch, PROPOSAL),
                              .score = stretch_work(stretch, SCORE), .brownian = stretch_work(stretch, BROWNIAN),
                              .ahead = stretch_work(stretch, AHEAD)};
        double *memory = stretch->memory;
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                double length = memory[ADAPTIVE_SDE_LENGTH], tries = 0;
                const bool arrived = cross(&field, step, &length, &tries);
                const double load = adaptive_sde_load(memory[ADAPTIVE_SDE_LOAD], 2 * tries);
                for (int lane = 0; lane < LANES; lane++) {
                        memory[ADAPTIVE_SDE_LENGTH + lane] = length;
                        memory[ADAPTIVE_SDE_LOAD + lane] = load;
                }
                if (!arrived)
                        return (struct breakdown){true, (int64_t)stretch->first_particle, step};
        }
        return (struct breakdown){.found = false};
}
