/* A run: the configuration made into objects, and the objects made to work together. Only programs
 * include this. */
#ifndef SCULPTOR_RUN_H
#define SCULPTOR_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sculptor/params.h"

struct run;

/* ---- the command line ---- */

struct options {
        const char *input;          /* the input file */
        const char *output;         /* --output DIR, or NULL */
        const char *resume;         /* --resume FILE, or NULL */
        const char **set;           /* --set KEY=VALUE, [n_set] */
        size_t n_set;
        double max_seconds;         /* --max-seconds, INFINITY without */
        int64_t ranks;              /* --ranks, 1 without */
        bool fresh, quiet, help;
        bool draws_fields;          /* the command is `field` */
        bool likelihood;            /* the command is `likelihood` */
        bool checks;                /* the command is `check` */
        bool noises, inverts;       /* the command is `forward`, or `invert` */
        bool trains;                /* the command is `train` */
        bool inspects;              /* the command is `inspect` */
        bool ascends;               /* it goes from data to noise: levels and grid are turned round */
};

/* Collective. Reads what follows a command's name; any problem ends all ranks with one line. */
struct options options_parse(const char *command, int argc, char **argv);
void options_help(const char *command, FILE *out); /* the options this command takes */
void options_release(struct options *options);

/* ---- sample, forward and invert: run_configure() finds in the options which of them it is ---- */

/* Collective. Reads and checks the input; every problem is printed, once, and ends all ranks. */
struct run *run_configure(const struct options *options);

/* Collective. Takes the directory, and the population from the newest checkpoint that verifies, or draws
 * the first one. */
void run_restore_or_draw(struct run *run);

bool run_finished(const struct run *run);

/* Collective. Samples one level to its end. A signal or the deadline ends the run in here: checkpoint,
 * then all ranks exit with STATUS_STOPPED_EARLY. */
void run_level(struct run *run);

/* Collective. Snapshot, series, checkpoint and progress of the level just finished. */
void run_observe(struct run *run);

/* Collective. The closing lines; frees the run. */
void run_end(struct run *run);

void run_free(struct run *run);

/* ---- train ---- */

struct train; /* a run that learns a score */

/* Collective. As run_configure(), of the sections network, data and training. */
struct train *train_configure(const struct options *options);
/* Collective. Takes the directory, and the state from the newest checkpoint that verifies, or the first weights. */
void train_restore_or_begin(struct train *train);
bool train_finished(const struct train *train);
/* Collective. All steps that are left, and what is due after them: validation, series, checkpoint, progress. A signal
 * or the deadline ends the run in here, as in run_level(). */
void train_advance(struct train *train);
/* Collective. Writes the weights files, says so; frees the run. */
void train_end(struct train *train);
void train_free(struct train *train);

/* ---- inspect ---- */

/* Collective. As run_configure(), of a score and the truth it is held against. */
struct run *run_configure_inspection(const struct options *options);
/* Collective. Measures, writes inspect.h5, tells; frees the run. */
void run_inspect(struct run *run);

/* ---- field ---- */

/* Collective. As run_configure, of a score that is a random field; the sampler is not needed, nor its levels. */
struct run *run_configure_field(const struct options *options);

/* Collective. Draws the fields, writes them as a snapshot with a series of one row, and frees the run. */
void run_draw_fields(struct run *run);

/* ---- likelihood ---- */

/* Collective. Evaluates the log-likelihood of the data, writes it to likelihood.h5 and frees the run. */
void run_likelihood(struct run *run);

/* ---- check ---- */

/* What the input's training and its sampling would take, on as many ranks as the options say, and would do. */
void run_check(const struct options *options, FILE *out);
/* Of one of them. */
void run_predict(const struct run *run, int64_t ranks, FILE *out);
void train_predict(const struct train *train, int64_t ranks, FILE *out);

/* ---- the rows of the whole input ---- */

extern const struct param input_rows[];

const char *run_version(void); /* "sculptor 0.1.0 (1a2b3c4)" */

#endif
