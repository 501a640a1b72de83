#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pieces.h"
#include "sculptor/checkpoint.h"
#include "sculptor/error.h"
#include "sculptor/log.h"
#include "sculptor/memory.h"
#include "sculptor/snapshot.h"
#include "sculptor/tree_sum.h"
#include "sculptor/xdmf.h"

/* ---- snapshots ---- */

struct column_owner {
        const struct score_level *level;
        const struct population *population;
        double *score;   /* of a tile */
        size_t n_memory; /* doubles of a tile's memory before its counts */
};

static void add_squares(void *owner, size_t begin, size_t end, double *restrict sum)
{
        const double *restrict score = ((const struct column_owner *)owner)->score;
        for (size_t row = begin; row < end; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        sum[lane] = fma(score[row + lane], score[row + lane], sum[lane]);
}

static void evaluate_norm(void *owner, const double *x, double *value)
{
        struct column_owner *column = owner;
        const struct population *population = column->population;
        const struct field_layout *layout = &population->layout;
        score_eval(column->level, x, column->score);
        memset(value, 0, LANES * sizeof *value);
        if (population_is_field(population))
                value[0] = tree_sum_planes(layout->plane_begin, layout->n_planes_here, layout->plane_stride,
                                           add_squares, column);
        else
                add_squares(column, 0, population->tile_size, value);
        for (int lane = 0; lane < LANES; lane++)
                value[lane] = sqrt(value[lane]);
}

static void evaluate_log_density(void *owner, const double *x, double *value)
{
        struct column_owner *column = owner;
        score_log_density(column->level, x, value);
}

/* x is a tile of the population's own. */
static void evaluate_count(void *owner, const double *x, double *value)
{
        const struct column_owner *column = owner;
        const struct population *population = column->population;
        const size_t t = (size_t)(x - population->x) / population->tile_size;
        memcpy(value, population_memory(population, t) + column->n_memory, LANES * sizeof *value);
}

static bool is_due(const struct run *run, int64_t index)
{
        return index == 0 || index == run_n_levels(run) || index % run->settings.output.every_levels == 0;
}

void run_write_snapshot(struct run *run, int64_t index, double sigma, const struct score_level *level)
{
        if (!is_due(run, index))
                return;
        const bool norms = run->settings.output.score_norm;
        struct column_owner owner = {.level = level, .population = run->population,
                                     .n_memory = run->sampler->scheme->n_memory,
                                     .score = norms ? allocate(run->population->tile_size, sizeof(double)) : NULL};
        struct snapshot_column columns[3];
        size_t n_columns = 0;
        bool has_score = level && sigma == level->sigma; /* a denoised population's may not exist */
        if (has_score && norms)
                columns[n_columns++] = (struct snapshot_column){.name = "score_norm", .unit = "1/x",
                        .help = "|s| at the level's sigma", .evaluate = evaluate_norm, .owner = &owner};
        if (has_score && run->settings.output.log_density && run->score->type->log_density)
                columns[n_columns++] = (struct snapshot_column){.name = "log_density", .unit = "nat",
                        .help = "log p at the level's sigma", .evaluate = evaluate_log_density, .owner = &owner};
        if (run->grid)
                columns[n_columns++] = (struct snapshot_column){.name = "evaluations", .unit = "1",
                        .help = "score evaluations of the particle so far", .evaluate = evaluate_count,
                        .owner = &owner};
        const struct process *process = &run->process;
        struct time_point point = {.scale = 1};
        if (process->type)
                point = process_at_sigma(process, sigma);
        /* from data to noise there is no time ln(sigma_max/sigma) that grows */
        const double sigma_first = run->options.ascends && run->grid ? run->grid->point[0].sigma : run->levels.sigma[0];
        struct snapshot snapshot = {.index = index, .sigma = sigma, .sigma_first = sigma_first,
                                    .process = process->type ? process->type->name : NULL,
                                    .scale = point.scale, .time = point.time,
                                    .population = run->population, .mesh = run->mesh,
                                    .single = run->settings.output.precision == PRECISION_FLOAT,
                                    .columns = columns, .n_columns = n_columns,
                                    .provenance = &run->provenance};
        const char *why = snapshot_write(run->directory, &snapshot);
        free(owner.score);
        if (!why) {
                if (!run->xdmf)
                        run->xdmf = xdmf_create(run->directory);
                const char *left_out = xdmf_write(run->xdmf, index); /* can be made again from the snapshots */
                if (left_out)
                        log_warning("%s", left_out);
        }
        if (why)
                run_give_up(run, why);
}

/* ---- checkpoints ---- */

static void account_time(struct run *run)
{
        double now = seconds_now(), here = now - run->pace.level_start;
        run->mark.level_seconds += here;
        run->mark.wall_seconds += here;
        run->pace.level_start = now;
}

void run_advise(const struct run *run)
{
        char *advice = run->last_checkpoint ? format_text("last good checkpoint: %s", run->last_checkpoint) : NULL;
        error_set_advice(advice);
        free(advice);
}

void run_checkpoint(struct run *run)
{
        if (run->last_checkpoint && run->last_checkpoint_level == run->mark.level &&
            run->last_checkpoint_step == run->mark.step)
                return; /* nothing has moved since */
        account_time(run);
        double begin = seconds_now();
        char *path = NULL;
        const char *why = checkpoint_write(run->directory, run->population, &run->mark, run->series, &run->provenance,
                                           run->wisdom, (int)run->settings.checkpoint.keep, &path);
        succeed_all(!why, "%s", why ? why : "");
        free(run->last_checkpoint);
        run->last_checkpoint = path;
        run->last_checkpoint_level = run->mark.level;
        run->last_checkpoint_step = run->mark.step;
        deadline_checkpointed(&run->deadline, seconds_now() - begin);
        run_advise(run);
}

_Noreturn void run_give_up(struct run *run, const char *why)
{
        char *reason = copy_text(why);
        log_warning("%s; saving what is computed", reason); /* the checkpoint may end the run for a reason of its own */
        run_checkpoint(run);
        succeed_all(false, "%s", reason);
        abort(); /* never reached: all ranks have left */
}

/* ---- a finished level ---- */

void run_observe(struct run *run)
{
        double begin = seconds_now(), sigma = run_sigma(run, run->mark.level);
        struct score_level *level = run_is_denoising(run, run->mark.level) /* which leaves scale 1 */
                                            ? score_level_create(run->score, sigma)
                                            : run_create_level(run, run->mark.level);
        sampler_rest(run->sampler);
        double *row = run_series_measure(run, level);
        account_time(run);
        progress_end_level(run);
        /* The row after the snapshot: if either fails, a checkpoint is tried with this level still open. */
        run_write_snapshot(run, run->mark.level + 1, run_is_denoising(run, run->mark.level) ? 0 : sigma, level);
        run_series_append(run, row);
        score_level_free(level);

        char *path = format_text("%s/series.h5", run->directory);
        const char *why = series_write(run->series, path, &run->provenance);
        free(path);
        if (why) {
                run->series->n_rows--; /* of a level that is still open */
                run_give_up(run, why);
        }
        deadline_level_ended(&run->deadline, seconds_now() - begin);
        run_close_level(run);
}
