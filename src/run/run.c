#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pieces.h"
#include "sculptor/checkpoint.h"
#include "sculptor/error.h"
#include "sculptor/files.h"
#include "sculptor/log.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"
#include "sculptor/snapshot.h"
#include "sculptor/text.h"
#include "sculptor/xdmf.h"

/* ---- the plan: levels, then one step of denoising where it is asked for ---- */

int64_t run_n_levels(const struct run *run)
{
        return (int64_t)run->levels.n + (run->sampler->denoise ? 1 : 0);
}

bool run_is_denoising(const struct run *run, int64_t level)
{
        return level == (int64_t)run->levels.n;
}

double run_sigma(const struct run *run, int64_t level)
{
        return run->levels.sigma[run_is_denoising(run, level) ? level - 1 : level];
}

double run_scale(const struct run *run, int64_t level)
{
        return run->grid ? process_at_sigma(&run->process, run_sigma(run, level)).scale : 1;
}

int64_t run_first_step(const struct run *run, int64_t level)
{
        return run->grid && level > 0 && !run_is_denoising(run, level) ? run->level_ends[level - 1] : 0;
}

int64_t run_level_steps(const struct run *run, int64_t level)
{
        if (run_is_denoising(run, level))
                return 1;
        return run->grid ? run->level_ends[level] - run_first_step(run, level) : run->sampler->steps_per_level;
}

int64_t run_total_steps(const struct run *run)
{
        const int64_t n_levels = (int64_t)run->levels.n;
        const int64_t steps = run->grid ? run->level_ends[n_levels - 1] : n_levels * run->sampler->steps_per_level;
        return steps + (run->sampler->denoise ? 1 : 0);
}

bool run_finished(const struct run *run)
{
        return run->mark.level >= run_n_levels(run);
}

/* ---- the first population ---- */

/* Of x where a run begins. */
static double run_prior_deviation(const struct run *run)
{
        if (!run->grid)
                return run->levels.sigma[0];
        if (run->options.ascends)
                return process_standard_deviation(&run->grid->point[0]);
        return process_prior_deviation(&run->process, &run->grid->point[0]);
}

static void draw_population(struct run *run)
{
        const struct scheme *scheme = run->sampler->scheme;
        run->population = run_create_population(run, run->settings.population.particles, scheme->has_velocity,
                                                scheme_n_memory(scheme));
        population_keep_history(run->population, scheme->n_history);
        const struct time_point plain = {.sigma = run->levels.sigma[0], .scale = 1};
        run_draw_initial(run, run_prior_deviation(run), run->grid ? &run->grid->point[0] : &plain);

        struct score_level *level = run_create_level(run, 0);
        sampler_begin(run->sampler, run->population, level);
        score_level_free(level);
}

static void write_initial_snapshot(struct run *run)
{
        struct score_level *level = run_create_level(run, 0);
        run_write_snapshot(run, 0, run->grid ? run->grid->point[0].sigma : run->levels.sigma[0], level);
        score_level_free(level);
}

/* ---- going on from a checkpoint ---- */

void run_require_same_parameters(const char *here, const char *source, const char *there)
{
        char *difference = params_difference(here, there);
        require_all(!difference,
                    "%s belongs to a run with other parameters: %s; set it back, or give another --output, "
                    "or --fresh (without --resume) to start over",
                    source, difference ? difference : "");
        free(difference);
}

static void restore(struct run *run, const char *path)
{
        struct checkpoint_header header;
        const char *why = checkpoint_read_header(path, &header);
        succeed_all(!why, "%s", why ? why : "");
        run_require_same_parameters(run->echo, path, header.parameters);
        const struct scheme *scheme = run->sampler->scheme;
        succeed_all(header.n_particles == run->settings.population.particles && header.n_dim == run->score->n_dim &&
                            header.with_velocity == scheme->has_velocity &&
                            header.n_memory == scheme_n_memory(scheme) && header.n_history == scheme->n_history,
                    "%s: its arrays do not fit its parameters; remove it to go on from an older one", path);
        run_plan(run, header.wisdom, path);
        run->population = run_create_population(run, header.n_particles, header.with_velocity, header.n_memory);
        population_keep_history(run->population, scheme->n_history);
        why = checkpoint_read(path, run->population, run->series);
        succeed_all(!why, "%s", why ? why : "");
        run->mark = header.mark;
        run->sampler->controller = header.mark.controller;
        run->last_checkpoint = copy_text(path);
        run->last_checkpoint_level = run->mark.level;
        run->last_checkpoint_step = run->mark.step;
        checkpoint_header_release(&header);
        log_line("resumed from %s: %" PRId64 " of %" PRId64 " levels done, step %" PRId64 " of the next", path,
                 run->mark.level, run_n_levels(run), run->mark.step);
}

static void complain(const char *line)
{
        log_warning("%s", line);
}

static int64_t steps_of(const char *path)
{
        struct checkpoint_header header;
        if (checkpoint_read_header(path, &header))
                return -1;
        int64_t steps = header.mark.steps_done;
        checkpoint_header_release(&header);
        return steps;
}

/* --resume names where to begin; once the directory holds a checkpoint that is further, a job that is
 * queued again with the same line goes on from that. */
char *run_find_checkpoint(const struct run *run, int64_t (*steps_in)(const char *path))
{
        char *newest = checkpoint_newest(run->directory, complain);
        const char *named = run->options.resume;
        if (!named)
                return newest;
        if (newest && steps_in(newest) > steps_in(named)) {
                log_line("%s is further than --resume %s", newest, named);
                return newest;
        }
        free(newest);
        return copy_text(named);
}

static bool has_parameters(const char *path)
{
        return parallel_any(parallel_rank() == 0 && access(path, F_OK) == 0);
}

/* Without a checkpoint the directory may still hold another run's levels, which must not be mixed with
 * this one's: its parameters stand in parameters.txt since before it wrote anything. */
void run_examine_directory(const struct run *run)
{
        char *path = format_text("%s/parameters.txt", run->directory);
        if (has_parameters(path)) {
                size_t length;
                const char *why;
                char *there = text_read_all(path, (size_t)1 << 30, &length, &why);
                require_all(there != NULL, "%s: whose run is in %s? give --fresh to start over, or another --output",
                            why ? why : "", run->directory);
                run_require_same_parameters(run->echo, run->directory, there);
                free(there);
        }
        free(path);
}

/* Once nothing in the input can be refused any more: an input put right may use the directory. */
void run_claim_directory(const struct run *run)
{
        char *path = format_text("%s/parameters.txt", run->directory);
        if (!has_parameters(path)) {
                const char *why = text_write_atomic(path, run->echo);
                succeed_all(!why, "%s", why ? why : "");
        }
        free(path);
}

void run_take_directory(struct run *run)
{
        const char *why = run->options.resume ? checkpoint_verify(run->options.resume) : NULL;
        require_all(!why, "--resume: %s", why ? why : "");
        why = directory_make(run->directory);
        require_all(!why, "%s", why ? why : "");
        why = directory_lock(run->directory);
        require_all(!why, "%s", why ? why : "");
        char *moved_to = NULL;
        if (run->options.fresh) {
                why = directory_set_aside(run->directory, &moved_to);
                succeed_all(!why, "%s", why ? why : "");
        }
        char *log_path = format_text("%s/sculptor.log", run->directory);
        log_open(log_path);
        free(log_path);
        log_set_quiet(run->options.quiet);
        if (moved_to)
                log_line("the earlier run was moved to %s", moved_to);
        free(moved_to);
}

void run_restore_or_draw(struct run *run)
{
        signals_watch();
        run_take_directory(run);
        log_line("sculptor %s (%s): %s on %d rank%s -> %s", run->provenance.version, run->provenance.commit,
                 run->options.input, parallel_size(), parallel_size() == 1 ? "" : "s", run->directory);
        char *path = run_find_checkpoint(run, steps_of);
        const bool claims = !path || run->options.resume;
        if (claims)
                run_examine_directory(run);
        if (path) {
                restore(run, path);
        } else {
                run_plan(run, NULL, NULL);
                draw_population(run);
        }
        free(path);
        if (claims)
                run_claim_directory(run);
        run_write_products(run);
        const struct scheme *scheme = run->sampler->scheme;
        run->pace.steps_at_start = run->mark.steps_done;
        deadline_expect_files(
                &run->deadline, run_snapshot_bytes(run),
                (double)checkpoint_size(run->population->n_global, run->population->n_dim, scheme_n_arrays(scheme)));
        run->pace.level_start = seconds_now();
        run_advise(run);
        if (run_finished(run))
                log_line("already complete: nothing to do; --fresh starts over");
        if (run->settings.output.initial && run->mark.steps_done == 0)
                write_initial_snapshot(run);
}

/* ---- the end ---- */

void run_end(struct run *run)
{
        double peak = parallel_max((double)memory_peak() / 1048576);
        const char *what = run->mesh ? "field" : "particle";
        log_line("done: %" PRId64 " %s%s through %" PRId64 " level%s, %.3g score evaluations, %.1f s, "
                 "%.0f MiB a rank at the most; %s/snapshot_*.h5",
                 run->population->n_global, what, run->population->n_global == 1 ? "" : "s", run_n_levels(run),
                 run_n_levels(run) == 1 ? "" : "s", (double)run->mark.total.evaluations, run->mark.wall_seconds, peak,
                 run->directory);
        log_close();
        directory_unlock();
        run_free(run);
}

void run_free(struct run *run)
{
        population_free(run->population);
        sampler_free(run->sampler);
        score_free(run->score);
        score_free(run->truth);
        levels_release(&run->levels);
        time_grid_free(run->grid);
        free(run->level_ends);
        series_free(run->series);
        xdmf_free(run->xdmf);
        run_field_rows_free(run);
        free(run->components.weight);
        free(run->components.mean);
        free(run->components.variance);
        params_release(run->rows, &run->settings);
        free(run->directory);
        free(run->input_text);
        free(run->overrides);
        free(run->echo);
        free(run->last_checkpoint);
        free(run->wisdom);
        free(run);
}
