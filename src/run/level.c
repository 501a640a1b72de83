#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "pieces.h"
#include "sculptor/error.h"
#include "sculptor/files.h"
#include "sculptor/log.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

const char *run_undefined_at(const struct run *run, double sigma)
{
        const struct score_type *type = run->score->type;
        return type->undefined_at ? type->undefined_at(run->score->model, sigma) : NULL;
}

bool run_is_clean_only(const struct run *run)
{
        return !run_undefined_at(run, 0) && run_undefined_at(run, 1);
}

/* Noising asks nothing of the score and goes where it is not defined: there is no level of it then. */
struct score_level *run_create_level(const struct run *run, int64_t level)
{
        const double sigma = run_sigma(run, level);
        if (run->options.noises && run_undefined_at(run, sigma))
                return NULL;
        return score_level_create_scaled(run->score, sigma, run_scale(run, level));
}

/* One line by the lowest rank that met it; the run ends with what is saved. */
static void stop_on_breakdown(const struct run *run, const struct breakdown *breakdown, int64_t level)
{
        const char *what = run->mesh ? "field" : "particle";
        if (run->grid && !run_is_denoising(run, level)) {
                const int64_t step = breakdown->found ? breakdown->step : 0;
                const struct scheme *scheme = run->sampler->scheme;
                const bool adaptive = scheme->adaptive_steps && scheme->adaptive_steps(run->sampler->scheme_settings);
                succeed_all(!breakdown->found,
                            "level %" PRId64 " (sigma %g), time step %" PRId64 " (sigma %g to %g): %s %" PRId64
                            " is no longer finite%s",
                            level + 1, run_sigma(run, level), step + 1, run->grid->point[step].sigma,
                            run->grid->point[step + 1].sigma, what, breakdown->particle,
                            adaptive ? ", or no step is short enough for the tolerances"
                                     : "; more time steps there may help");
                return;
        }
        succeed_all(!breakdown->found,
                    "level %" PRId64 " (sigma %g), step %" PRId64 ": %s %" PRId64
                    " is no longer finite; the step size %g may be too large there",
                    level + 1, run_sigma(run, level), breakdown->step + 1, what, breakdown->particle,
                    sampler_step_size(run->sampler, run_sigma(run, level)));
}

static void add_tally(struct tally *sum, const struct tally *here)
{
        int64_t count[] = {here->accepted, here->proposed, here->evaluations, here->non_finite};
        parallel_sum_integers(count, sizeof count / sizeof *count);
        sum->accepted += count[0];
        sum->proposed += count[1];
        sum->evaluations += count[2];
        sum->non_finite += count[3];
}

/* Collective. Steps [begin, end) of a level on all ranks. */
static void run_stretch(struct run *run, const struct score_level *level, int64_t begin, int64_t end)
{
        struct tally here = {0};
        struct breakdown breakdown;
        const int64_t first = run_first_step(run, run->mark.level);
        run->pace.stretch_begin = begin;
        run->pace.stretch_end = end;
        if (run_is_denoising(run, run->mark.level))
                breakdown = sampler_denoise(run->sampler, run->population, level, &here);
        else
                breakdown = sampler_advance(run->sampler, run->population, level, (uint32_t)run->mark.level,
                                            first + begin, first + end, &here, progress_tile, run);
        stop_on_breakdown(run, &breakdown, run->mark.level);
        sampler_adapt(run->sampler, end, &here);
        add_tally(&run->mark.tally, &here);
        run->mark.controller = run->sampler->controller;
        run->mark.step = end;
        run->mark.steps_done += end - begin;
}

_Noreturn static void stop_early(struct run *run, int signal_number)
{
        run_checkpoint(run);
        char *cause = signal_number ? format_text("by signal %d", signal_number) : copy_text("before --max-seconds");
        log_line("stopped %s at level %" PRId64 ", step %" PRId64 ": the same command line goes on from %s", cause,
                 run->mark.level + 1, run->mark.step, run->last_checkpoint);
        free(cause);
        log_close();
        directory_unlock();
        leave_all(STATUS_STOPPED_EARLY);
}

static int64_t stretch_end(const struct run *run, int64_t steps, int64_t stretch)
{
        int64_t end = run->mark.step + stretch;
        int64_t limit = run_is_denoising(run, run->mark.level)
                                ? steps
                                : sampler_stretch_limit(run->sampler, run->mark.step, steps);
        end = end < limit ? end : limit;
        return end < steps ? end : steps;
}

void run_level(struct run *run)
{
        int64_t steps = run_level_steps(run, run->mark.level);
        struct score_level *level = run_create_level(run, run->mark.level);
        progress_begin_level(run);
        struct decision decision = deadline_decide(&run->deadline, 0);
        while (run->mark.step < steps) {
                int64_t begin = run->mark.step, end = stretch_end(run, steps, decision.stretch);
                run_stretch(run, level, begin, end);
                decision = deadline_decide(&run->deadline, end - begin);
                /* At a level's end its snapshot and its row come first: run_observe() saves and stops. */
                if (run->mark.step < steps && decision.stop)
                        stop_early(run, decision.signal);
                if (run->mark.step < steps && decision.checkpoint)
                        run_checkpoint(run);
                if (run->mark.step < steps)
                        progress_stretch(run);
        }
        score_level_free(level);
}

static bool checkpoint_due(const struct run *run, const struct decision *decision)
{
        int64_t every = run->settings.checkpoint.every_levels;
        return run_finished(run) || decision->checkpoint || (every > 0 && run->mark.level % every == 0);
}

/* Collective. After the level's snapshot and series row: the next level begins. */
void run_close_level(struct run *run)
{
        struct tally *total = &run->mark.total, *tally = &run->mark.tally;
        total->accepted += tally->accepted;
        total->proposed += tally->proposed;
        total->evaluations += tally->evaluations;
        total->non_finite += tally->non_finite;
        *tally = (struct tally){0};
        run->mark.level++;
        run->mark.step = 0;
        run->mark.level_seconds = 0;
        struct decision decision = deadline_decide(&run->deadline, 0);
        if (decision.stop && !run_finished(run))
                stop_early(run, decision.signal);
        if (checkpoint_due(run, &decision))
                run_checkpoint(run);
}
