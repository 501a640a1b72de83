#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pieces.h"
#include "sculptor/memory.h"
#include "sculptor/statistics.h"

/* What a row of the series file holds. */

static bool is_dense(const struct run *run)
{
        return run->score->n_dim <= STATISTICS_MAX_DENSE;
}

static size_t count_modes(const struct run *run)
{
        const struct score_type *type = run->score->type;
        return type->n_modes && type->responsibilities ? type->n_modes(run->score->model) : 0;
}

enum { MOST_COLUMNS = 32 };

/* Of particles; fields have field_rows.c's. */
static size_t particle_columns(const struct run *run, struct series_column *columns)
{
        size_t n_dim = (size_t)run->score->n_dim, n_modes = count_modes(run), n = 0;
        int covariance_rank = is_dense(run) ? 2 : 1;
        const struct series_column all[] = {
                {.name = "mean", .rank = 1, .shape = {n_dim}, .unit = "x", .help = "mean over particles"},
                {.name = "covariance", .rank = covariance_rank, .shape = {n_dim, n_dim}, .unit = "x^2",
                 .help = covariance_rank == 2 ? "covariance over particles" : "variances over particles"},
                {.name = "mean_score_norm", .unit = "1/x", .help = "mean |s|"},
                {.name = "mean_score_squared", .unit = "1/x^2", .help = "mean |s|^2"},
                {.name = "noise_drift_ratio", .unit = "1",
                 .help = "(2 d/e)/E|s|^2: above 1 noise outweighs drift in a step; e is h^2/2 for steps of size h"},
                {.name = "mode_occupation", .rank = 1, .shape = {n_modes}, .unit = "1",
                 .help = "fraction of particles whose likeliest component it is"},
                {.name = "mode_weight", .rank = 1, .shape = {n_modes}, .unit = "1",
                 .help = "mean responsibility of each component"},
        };
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
                if (n_modes > 0 || strncmp(all[i].name, "mode_", 5) != 0)
                        columns[n++] = all[i];
        return n;
}

static struct series *create_columns(struct run *run)
{
        static const struct series_column first[] = {
                {.name = "level", .integer = true, .unit = "1", .help = "number of the level, from 1"},
                {.name = "sigma", .unit = "x", .help = "noise level, of x/scale"},
                {.name = "scale", .unit = "1", .help = "alpha of x = alpha (x_0 + sigma n)"},
                {.name = "log_snr", .unit = "1", .help = "logarithm of the signal-to-noise ratio, -2 ln sigma"},
                {.name = "time", .unit = "1", .help = "t of the process, 0 for the data; NaN without time steps"},
                {.name = "step_size", .unit = "x^2 (overdamped) or x", .help = "step size at the level's end"},
                {.name = "steps", .integer = true, .unit = "1", .help = "steps taken in the level"},
                {.name = "evaluations", .integer = true, .unit = "1", .help = "score evaluations in the level"},
                {.name = "accepted", .integer = true, .unit = "1", .help = "Metropolis proposals accepted"},
                {.name = "proposed", .integer = true, .unit = "1", .help = "Metropolis proposals made in the level"},
                {.name = "acceptance", .unit = "1", .help = "accepted/proposed; NaN where nothing is proposed"},
        };
        static const struct series_column last = {
                .name = "wall_seconds", .unit = "s", .help = "wall time of the level's steps and statistics"};
        struct series_column columns[MOST_COLUMNS];
        size_t n = sizeof first / sizeof *first;
        memcpy(columns, first, sizeof first);
        n += run->mesh ? run_field_columns(run, columns + n) : particle_columns(run, columns + n);
        columns[n++] = last;
        return series_create(columns, n);
}

/* The exact target, where it is a mixture, so that pictures can show exact marginals. */
static void add_components(struct run *run)
{
        const struct score_type *type = run->score->type;
        if (!type->components)
                return;
        struct target_components *target = &run->components;
        size_t n_dim = (size_t)run->score->n_dim, k = type->n_modes ? type->n_modes(run->score->model) : 1;
        target->weight = allocate(k, sizeof(double));
        target->mean = allocate(k * n_dim, sizeof(double));
        target->variance = allocate(k * n_dim, sizeof(double));
        type->components(run->score->model, target->weight, target->mean, target->variance);
        target->constant[0] = (struct series_constant){
                "target_weight", 1, {k, 0}, target->weight, "1", "weights of the clean target's components"};
        target->constant[1] = (struct series_constant){"target_mean", 2, {k, n_dim}, target->mean, "x", "their means"};
        target->constant[2] = (struct series_constant){
                "target_variance", 2,     {k, n_dim},
                target->variance,  "x^2", "their variances; at a level sigma^2 is added"};
        run->series->constant = target->constant;
        run->series->n_constants = 3;
}

void run_series_create(struct run *run)
{
        run->series = create_columns(run);
        if (run->mesh)
                run_field_constants(run);
        else
                add_components(run);
}

/* The step of overdamped Langevin dynamics that moves as far: e itself, or h^2/2; flows have no noise. */
static double overdamped_step(const struct run *run, double step_size)
{
        const struct scheme *scheme = run->sampler->scheme;
        if (!scheme->langevin)
                return NAN;
        return scheme->step_power == 2 ? step_size : step_size * step_size / 2;
}

static void put(const struct run *run, double *row, const char *name, double value)
{
        row[series_offset(run->series, name)] = value;
}

static void put_all(const struct run *run, double *row, const char *name, const double *value, size_t n)
{
        memcpy(row + series_offset(run->series, name), value, n * sizeof *row);
}

static void put_counts(const struct run *run, double *row)
{
        const struct tally *tally = &run->mark.tally;
        put(run, row, "level", (double)(run->mark.level + 1));
        put(run, row, "steps", (double)run->mark.step);
        put(run, row, "evaluations", (double)tally->evaluations);
        put(run, row, "accepted", (double)tally->accepted);
        put(run, row, "proposed", (double)tally->proposed);
        put(run, row, "acceptance", tally->proposed > 0 ? (double)tally->accepted / (double)tally->proposed : NAN);
        put(run, row, "wall_seconds", run->mark.level_seconds);
}

static void put_statistics(struct run *run, double *row, const struct statistics *statistics)
{
        size_t n_dim = (size_t)run->score->n_dim, n_modes = statistics->n_modes;
        put_all(run, row, "mean", statistics->mean, n_dim);
        put_all(run, row, "covariance", statistics->covariance, is_dense(run) ? n_dim * n_dim : n_dim);
        if (n_modes > 0) {
                put_all(run, row, "mode_occupation", statistics->mode_occupation, n_modes);
                put_all(run, row, "mode_weight", statistics->mode_weight, n_modes);
        }
        if (run_is_denoising(run, run->mark.level))
                return; /* of a denoised population the score may not exist */
        put(run, row, "mean_score_norm", statistics->mean_score_norm);
        put(run, row, "mean_score_squared", statistics->mean_score_squared);
        double step_size = sampler_step_size(run->sampler, run_sigma(run, run->mark.level));
        put(run, row, "noise_drift_ratio",
            2 * (double)n_dim / overdamped_step(run, step_size) / statistics->mean_score_squared);
}

/* Collective. A score evaluation per particle; of fields their estimates. Returns the row to append. */
double *run_series_measure(struct run *run, const struct score_level *level)
{
        const bool denoised = run_is_denoising(run, run->mark.level);
        double *row = allocate(run->series->width, sizeof *row);
        for (size_t i = 0; i < run->series->width; i++)
                row[i] = NAN;
        if (run->mesh) {
                run_field_row(run, denoised ? NULL : level, row);
        } else {
                struct statistics *statistics = statistics_measure(run->population, level);
                put_statistics(run, row, statistics);
                statistics_free(statistics);
        }
        const double sigma = run_sigma(run, run->mark.level);
        put(run, row, "sigma", denoised ? 0 : sigma);
        put(run, row, "scale", denoised ? 1 : run_scale(run, run->mark.level));
        if (run->grid) {
                const struct time_point point = process_at_sigma(&run->process, denoised ? 0 : sigma);
                put(run, row, "time", point.time);
                put(run, row, "log_snr", point.sigma > 0 ? process_log_snr(&point) : INFINITY);
        }
        if (!denoised)
                put(run, row, "step_size", sampler_step_size(run->sampler, sigma));
        return row;
}

void run_series_append(struct run *run, double *row)
{
        put_counts(run, row);
        memcpy(series_append(run->series), row, run->series->width * sizeof *row);
        free(row);
}
