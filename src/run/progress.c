#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pieces.h"
#include "sculptor/log.h"

static const double SHOW_EVERY = 0.2;     /* seconds, on a terminal */
static const double LASTING_EVERY = 60;   /* seconds, in the log and in batch jobs */
static const double LEVEL_LINE_AFTER = 5; /* a finished level gets its own lasting line if the last is so old */
enum { FEW_LEVELS = 30 };                 /* ... or if there are no more than these */

void progress_format_seconds(double seconds, char *text, size_t size)
{
        if (!isfinite(seconds))
                snprintf(text, size, "?");
        else if (seconds < 100)
                snprintf(text, size, "%.0f s", seconds);
        else if (seconds < 6000)
                snprintf(text, size, "%.0f min", seconds / 60);
        else
                snprintf(text, size, "%.1f h", seconds / 3600);
}

/* `step` counts parts of the stretch under way: (level, step) as if all tiles moved together. */
static void show(struct run *run, double step, bool lasting)
{
        double now = seconds_now();
        double done = (double)(run->mark.steps_done - run->pace.steps_at_start) + step - (double)run->mark.step;
        double rate = done / fmax(now - run->deadline.start, 1e-9); /* steps of the whole population per second */
        double left = ((double)(run_total_steps(run) - run->mark.steps_done) - step + (double)run->mark.step) / rate;
        double particles = (double)run->population->n_global;
        const struct scheme *scheme = run->sampler->scheme;
        const void *settings = run->sampler->scheme_settings;
        double per_step = scheme->evaluations_per_step ? (double)scheme->evaluations_per_step(settings) : 1;
        char time_left[32];
        progress_format_seconds(left, time_left, sizeof time_left);
        log_progress(lasting,
                     "level %" PRId64 "/%" PRId64 "  sigma %.4g  step %.0f/%" PRId64
                     "  %.3g steps/s  %.3g %sevaluations/s  %s left",
                     run->mark.level + 1, run_n_levels(run), run_sigma(run, run->mark.level), step,
                     run_level_steps(run, run->mark.level), rate, particles * rate * per_step,
                     run->mesh ? "field " : "", time_left);
        run->pace.last_shown = now;
        if (lasting)
                run->pace.last_lasting = now;
}

void progress_begin_level(struct run *run)
{
        run->pace.level_start = seconds_now();
        if (run->pace.last_lasting == 0)
                run->pace.last_lasting = run->pace.level_start;
}

void progress_tile(void *owner, size_t tiles_done)
{
        struct run *run = owner;
        enum { CLOCK_EVERY = 16 }; /* tiles: reading the clock costs as much as a step of few particles */
        if (tiles_done % CLOCK_EVERY != 0 && !run->mesh)
                return;
        double now = seconds_now();
        if (now - run->pace.last_shown < SHOW_EVERY)
                return;
        double part = (double)tiles_done / (double)run->population->n_tiles;
        double step = (double)run->pace.stretch_begin +
                      part * (double)(run->pace.stretch_end - run->pace.stretch_begin);
        show(run, step, now - run->pace.last_lasting >= LASTING_EVERY);
}

/* Of few tiles, which say little themselves. */
void progress_stretch(struct run *run)
{
        double now = seconds_now();
        if (now - run->pace.last_shown >= SHOW_EVERY)
                show(run, (double)run->mark.step, now - run->pace.last_lasting >= LASTING_EVERY);
}

void progress_end_level(struct run *run)
{
        double now = seconds_now();
        bool lasting = run_n_levels(run) <= FEW_LEVELS || now - run->pace.last_lasting >= LEVEL_LINE_AFTER ||
                       run->mark.level + 1 == run_n_levels(run);
        show(run, (double)run->mark.step, lasting);
}
