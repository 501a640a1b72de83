/* The command `train`: its steps, and what is told and saved of them. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/error.h"
#include "sculptor/files.h"
#include "sculptor/log.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"
#include "train_pieces.h"

static const double SHOW_EVERY = 0.2, LASTING_EVERY = 60; /* seconds, on a terminal; in the log and in batch jobs */
static const double LINE_AFTER = 5;       /* a validation gets its own lasting line if the last is so old */
enum { ROWS = 200, FEW_VALIDATIONS = 30 }; /* rows of the series at least; ... or if there are no more than these */

/* ---- the series ---- */

void train_series_create(struct train *train)
{
        const size_t n = training_sigmas(&train->run->settings.training, train->sigma);
        const struct series_column columns[] = {
                {.name = "step", .integer = true, .unit = "1", .help = "steps taken"},
                {.name = "loss", .unit = "1", .help = "of this step's batch"},
                {.name = "smoothed_loss", .unit = "1", .help = "averaged over about the last fifty steps"},
                {.name = "gradient_norm", .unit = "1", .help = "before clipping"},
                {.name = "learning_rate", .unit = "1", .help = "of this step"},
                {.name = "validation_loss", .rank = 1, .shape = {n}, .unit = "1",
                 .help = "|F - T|^2 a coordinate of held-out examples at validation_sigma, averaged weights; NaN where "
                         "not measured"},
                {.name = "validation_eps", .rank = 1, .shape = {n}, .unit = "1",
                 .help = "sigma^2 E|s_theta - s|^2 a coordinate, where the exact score is known"},
                {.name = "validation_relative", .rank = 1, .shape = {n}, .unit = "1",
                 .help = "sqrt(E|s_theta - s|^2/E|s|^2), where the exact score is known"},
                {.name = "validation_asymmetry", .rank = 1, .shape = {n}, .unit = "1",
                 .help = "|J - J'|_F/|J|_F of the score's Jacobian there, 0 of a gradient"},
                {.name = "wall_seconds", .unit = "s", .help = "since the training began, over all its parts"},
        };
        train->series = series_create(columns, sizeof columns / sizeof *columns);
        train->constant = (struct series_constant){.name = "validation_sigma", .rank = 1, .shape = {n}, .unit = "x",
                                                   .value = train->sigma, .help = "noise levels of validation"};
        train->series->constant = &train->constant;
        train->series->n_constants = n > 0 ? 1 : 0;
}

static void append_row(struct train *train, bool validated)
{
        struct series *series = train->series;
        const struct training_state *state = training_state(train->training);
        double *row = series_append(series);
        row[series_offset(series, "step")] = (double)state->step;
        row[series_offset(series, "loss")] = train->report.loss;
        row[series_offset(series, "smoothed_loss")] = state->smoothed_loss;
        row[series_offset(series, "gradient_norm")] = train->report.gradient_norm;
        row[series_offset(series, "learning_rate")] = train->report.learning_rate;
        row[series_offset(series, "wall_seconds")] = train->wall_before + seconds_now() - train->run->deadline.start;
        const struct training_validation *validation = &train->validation;
        for (size_t i = 0; validated && i < validation->n_sigma; i++) {
                row[series_offset(series, "validation_loss") + i] = validation->loss[i];
                row[series_offset(series, "validation_eps") + i] = validation->eps[i];
                row[series_offset(series, "validation_relative") + i] = validation->relative[i];
                row[series_offset(series, "validation_asymmetry") + i] = validation->asymmetry[i];
        }
}

static void write_series(struct train *train)
{
        char *path = format_text("%s/series.h5", train->run->directory);
        const char *why = series_write(train->series, path, &train->run->provenance);
        succeed_all(!why, "%s", why ? why : "");
        free(path);
}

static void validate(struct train *train)
{
        const char *why = training_validate(train->training, &train->validation);
        succeed_all(!why, "%s", why ? why : "");
}

/* ---- files ---- */

static void digest_weights(struct train *train)
{
        struct weights *weights = &train->weights;
        struct sha256 sha;
        free(weights->digest);
        weights->digest = allocate(65, 1);
        sha256_begin(&sha);
        sha256_add(&sha, weights->theta, weights->n_parameters * sizeof *weights->theta);
        sha256_end(&sha, weights->digest);
        weights->steps = training_state(train->training)->step;
}

size_t train_arrays(struct train *train, struct training_checkpoint *checkpoint)
{
        static const char *const ema[TRAINING_MAX_EMA] = {"ema_1", "ema_2", "ema_3", "ema_4"};
        struct training_state *state = training_state(train->training);
        size_t n = 0;
        checkpoint->array[n].name = "theta";
        checkpoint->array[n++].values = state->theta;
        checkpoint->array[n].name = "moment_1";
        checkpoint->array[n++].values = state->moment_1;
        checkpoint->array[n].name = "moment_2";
        checkpoint->array[n++].values = state->moment_2;
        for (size_t k = 0; k < state->n_ema; k++) {
                checkpoint->array[n].name = ema[k];
                checkpoint->array[n++].values = state->ema[k];
        }
        return checkpoint->n_arrays = n;
}

static void stop_on_divergence(const struct training_report *report)
{
        succeed_all(!report->diverged, "%s; a smaller training.learning_rate may help", report->reason);
}

/* What is kept must be good: a step's own loss is that of the weights before it. */
static void judge(struct train *train)
{
        struct training_report report;
        const char *why = training_judge(train->training, &report);
        succeed_all(!why, "%s", why ? why : "");
        stop_on_divergence(&report);
}

void train_checkpoint(struct train *train)
{
        struct run *run = train->run;
        const struct training_state *state = training_state(train->training);
        if (train->last_saved == state->step)
                return;
        judge(train);
        const double begin = seconds_now();
        digest_weights(train);
        struct training_checkpoint checkpoint = {.weights = &train->weights, .step = state->step,
                                                 .number = {state->smoothed_loss, state->smoothed_reference},
                                                 .wall_seconds = train->wall_before + begin - run->deadline.start,
                                                 .series = train->series, .wisdom = run->wisdom};
        train_arrays(train, &checkpoint);
        char *path = NULL;
        const char *why = training_checkpoint_write(run->directory, &checkpoint, &run->provenance,
                                                    (int)run->settings.checkpoint.keep, &path);
        succeed_all(!why, "%s", why ? why : "");
        free(run->last_checkpoint);
        run->last_checkpoint = path;
        train->last_saved = state->step;
        deadline_checkpointed(&run->deadline, seconds_now() - begin);
        run_advise(run);
}

/* The first average's weights as weights.h5, of others weights_2.h5 and so on. */
void train_write_weights(struct train *train)
{
        const struct training_state *state = training_state(train->training);
        for (size_t k = state->n_ema; k-- > 0;) { /* the first last: the name waited for appears when all are there */
                train->weights.theta = state->ema[k];
                digest_weights(train);
                char *path = k == 0 ? format_text("%s/weights.h5", train->run->directory)
                                    : format_text("%s/weights_%zu.h5", train->run->directory, k + 1);
                const char *why = weights_write(path, &train->weights, &train->run->provenance);
                succeed_all(!why, "%s", why ? why : "");
                free(path);
        }
}

/* ---- progress ---- */

/* The error at a few noise levels: exact where that is known, else the loss of held-out examples. */
static void format_errors(const struct train *train, char *text, size_t size)
{
        const struct training_validation *validation = &train->validation;
        text[0] = '\0';
        if (validation->n_sigma == 0 || !isfinite(validation->loss[0]))
                return; /* not yet, or nothing is held out */
        const bool exact = isfinite(validation->eps[0]);
        size_t used = (size_t)snprintf(text, size, "  %s", exact ? "eps" : "held-out loss");
        const size_t every = (validation->n_sigma + 4) / 5;
        for (size_t i = 0; i < validation->n_sigma && used < size; i += every)
                used += (size_t)snprintf(text + used, size - used, " %.2g@%.2g",
                                         exact ? validation->eps[i] : validation->loss[i], validation->sigma[i]);
}

static void show(struct train *train, bool lasting)
{
        const struct training_state *state = training_state(train->training);
        const double now = seconds_now(), passed = fmax(now - train->run->deadline.start, 1e-9);
        const double rate = (double)(state->step - train->steps_at_start) / passed;
        char left[32], errors[160];
        progress_format_seconds((double)(train->steps - state->step) / rate, left, sizeof left);
        format_errors(train, errors, sizeof errors);
        log_progress(lasting, "step %" PRId64 "/%" PRId64 "  loss %.4g%s  rate %.2g  %.3g %s/s  %s left", state->step,
                     train->steps, state->smoothed_loss, errors, train->report.learning_rate,
                     rate * (double)train->run->settings.training.batch, train->run->mesh ? "images" : "examples",
                     left);
        train->last_shown = now;
        if (lasting)
                train->last_lasting = now;
}

/* ---- steps ---- */

_Noreturn static void stop_early(struct train *train, int signal_number)
{
        train_checkpoint(train);
        char *cause = signal_number ? format_text("by signal %d", signal_number) : copy_text("before --max-seconds");
        log_line("stopped %s at step %" PRId64 ": the same command line goes on from %s", cause,
                 training_state(train->training)->step, train->run->last_checkpoint);
        free(cause);
        log_close();
        directory_unlock();
        leave_all(STATUS_STOPPED_EARLY);
}

static bool is_due(const struct train *train, int64_t step, int64_t every)
{
        return step == train->steps || (every > 0 && step % every == 0);
}

/* What follows a step, by its number alone, so that a continuation does the same. */
static void observe_step(struct train *train)
{
        const int64_t step = training_state(train->training)->step;
        const int64_t every = training_validate_every(&train->run->settings.training);
        const bool validates = every > 0 && is_due(train, step, every);
        const double begin = seconds_now();
        if (validates)
                validate(train);
        if (validates || is_due(train, step, (train->steps + ROWS - 1) / ROWS)) {
                append_row(train, validates);
                if (validates)
                        write_series(train);
        }
        if (validates) {
                deadline_level_ended(&train->run->deadline, seconds_now() - begin);
                const bool lasting = train->steps / every <= FEW_VALIDATIONS || step == train->steps ||
                                     seconds_now() - train->last_lasting >= LINE_AFTER;
                show(train, lasting);
        }
}

static void take_step(struct train *train)
{
        const char *why = training_step(train->training, &train->report);
        succeed_all(!why, "%s", why ? why : "");
        stop_on_divergence(&train->report);
        observe_step(train);
}

void train_advance(struct train *train)
{
        struct run *run = train->run;
        struct decision decision = deadline_decide(&run->deadline, 0);
        while (!train_finished(train)) {
                int64_t n = 0;
                for (; n < decision.stretch && !train_finished(train); n++)
                        take_step(train);
                decision = deadline_decide(&run->deadline, n);
                if (train_finished(train))
                        break;
                if (decision.stop)
                        stop_early(train, decision.signal);
                const int64_t every = training_validate_every(&run->settings.training);
                if (decision.checkpoint ||
                    (every > 0 && training_state(train->training)->step / every > train->last_saved / every))
                        train_checkpoint(train);
                const double now = seconds_now();
                if (now - train->last_shown >= SHOW_EVERY)
                        show(train, now - train->last_lasting >= LASTING_EVERY);
        }
        write_series(train);
        train_checkpoint(train);
}
