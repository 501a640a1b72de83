/* The run as its own files see it. */
#ifndef SCULPTOR_RUN_PIECES_H
#define SCULPTOR_RUN_PIECES_H

#include "configuration.h"
#include "deadline.h"
#include "sculptor/initial.h"
#include "sculptor/inspection.h"
#include "sculptor/levels.h"
#include "sculptor/population.h"
#include "sculptor/provenance.h"
#include "sculptor/run.h"
#include "sculptor/sampler.h"
#include "sculptor/score.h"
#include "sculptor/series.h"
#include "sculptor/tally.h"
#include "sculptor/time_grid.h"

struct target_components {
        double *weight, *mean, *variance;
        struct series_constant constant[3];
};

/* What the progress line is made from. */
struct pace {
        double level_start, last_shown, last_lasting;
        int64_t steps_at_start;  /* mark.steps_done when this job began, for its mean speed */
        int64_t stretch_begin, stretch_end;
};

struct run {
        struct options options;
        struct configuration settings;
        const struct param *rows;    /* of the settings, as the command reads them */
        char *directory;
        char *input_text;
        char *overrides;
        char *echo;                  /* params_echo of what decides the bits */
        struct provenance provenance;

        struct selection initial;    /* where particles start: population.initial, or likelihood.data */
        struct initial_file_settings data; /* the latter's */
        struct score *score;
        struct score *truth;         /* of `inspect`: what the score is held against */
        struct mesh *truth_mesh;
        struct mesh *mesh;           /* the score's, of fields; else NULL */
        char *wisdom;                /* of its plans */
        struct levels levels;
        struct process process;
        struct time_grid *grid;      /* of a diffusion sampler, else NULL */
        int64_t *level_ends;         /* with it: the point of the grid that each level is */
        double step_size;            /* resolved: the input's or the levels' rule's */
        struct sampler *sampler;
        struct population *population;
        struct series *series;
        struct xdmf *xdmf;             /* NULL before the first snapshot */
        struct target_components components;
        struct field_rows *field_rows; /* of fields, else NULL */

        struct progress_mark mark;
        struct deadline deadline;
        struct pace pace;
        char *last_checkpoint;       /* path, or NULL */
        int64_t last_checkpoint_level, last_checkpoint_step;
};

/* Levels to sample and, after them, one step of denoising where it is asked for. */
int64_t run_n_levels(const struct run *run);
bool run_is_denoising(const struct run *run, int64_t level);
double run_sigma(const struct run *run, int64_t level);     /* at which the score is evaluated there */
double run_scale(const struct run *run, int64_t level);     /* of x there */
int64_t run_first_step(const struct run *run, int64_t level); /* of the time grid; 0 without */
int64_t run_level_steps(const struct run *run, int64_t level);
int64_t run_total_steps(const struct run *run);

/* configure.c: what must agree between sections; adds problems to the input. */
void run_check_sections(struct run *run, struct input *input);

/* first_population.c. Collective. */
bool run_agree_on(char *reason, size_t size); /* the lowest rank's reason on every rank; false where none has one */
void run_check_initial(struct run *run, struct input *input);
/* The population's x: noise of this deviation, or the target noised to `first`. */
void run_draw_initial(struct run *run, double sigma, const struct time_point *first);

/* time_steps.c: levels and time steps brought together; adds problems to the input. */
void run_check_time_steps(struct run *run, struct input *input);

/* grid.c. Collective. */
int64_t run_domain_ranks(const struct run *run, int64_t n_ranks);
bool run_split(struct run *run, struct input *input); /* the ranks into groups; false where there is a problem */
void run_plan(struct run *run, const char *wisdom,
              const char *source); /* the mesh, with a checkpoint's plans or NULL */
void run_plan_truth(struct run *run); /* after run_plan(): the truth's mesh, with the same plans */
struct population *run_create_population(const struct run *run, int64_t n, bool with_velocity, size_t n_memory);

/* fields.c. Collective. */
void run_write_products(struct run *run); /* wiener.h5, where the score has some */

/* likelihood_input.c: what the command needs of the input; adds problems to it. */
void run_take_data(struct run *run);
void run_check_likelihood(struct run *run, struct input *input);
void run_check_for_likelihood(struct run *run, struct input *input); /* by another command */
char *run_likelihood_echo(const struct run *run); /* its own parameters; the caller frees */

/* run.c. Collective. */
void run_take_directory(struct run *run);
void run_examine_directory(const struct run *run); /* is it another's? */
void run_claim_directory(const struct run *run);
void run_require_same_parameters(const char *here, const char *source, const char *there); /* two echoes */
/* Where to go on: the newest that verifies, or --resume's where that is not behind; NULL: none. To be freed. */
char *run_find_checkpoint(const struct run *run, int64_t (*steps_in)(const char *path));

/* configure.c. Collective. */
struct input *run_read_input(struct run *run, const struct options *options, const struct param *rows);
void run_stop_on_problems(const struct input *input);
void run_name_itself(struct run *run); /* its directory, echo and provenance */
/* The score of a selection, with what it reads from files, split over ranks; problems are told of keys in `section`. */
void run_build_levels(struct run *run, struct input *input);
bool run_create_score(struct run *run, struct input *input, const struct selection *selected, const char *section);

/* provenance.c */
struct provenance provenance_of(const struct run *run);

/* observe.c. Collective. */
void run_write_snapshot(struct run *run, int64_t index, double sigma, const struct score_level *level);
void run_checkpoint(struct run *run);
void run_advise(const struct run *run); /* failures name the last checkpoint from here on */
_Noreturn void run_give_up(struct run *run, const char *why); /* after one last attempt to save */

/* series_rows.c. Measuring is collective. */
void run_series_create(struct run *run);
double *run_series_measure(struct run *run, const struct score_level *level); /* a row, but for counts and times */
void run_series_append(struct run *run, double *row);                         /* frees it */

/* field_rows.c: what of it is different for fields. */
size_t run_field_columns(struct run *run, struct series_column *columns);
void run_field_constants(struct run *run);
void run_field_row(struct run *run, const struct score_level *level, double *row);
void run_field_rows_free(struct run *run);

/* level.c. Of the score; what would help follows from who asks. */
const char *run_undefined_at(const struct run *run, double sigma); /* NULL, or why there is none */
bool run_is_clean_only(const struct run *run);                     /* it knows no noise */

/* NULL where noising comes past a sigma at which the score is not defined: what follows from it is left out. */
struct score_level *run_create_level(const struct run *run, int64_t level);

/* Collective. After the level is observed: the next one begins; saves and stops where that is due. */
void run_close_level(struct run *run);

/* predict.c */
double run_snapshot_bytes(const struct run *run); /* of one snapshot */
enum { RUN_PROCESS_MIB = 48 };                    /* MPI, HDF5, buffers: measured by make bench */
void run_print_bytes(FILE *out, const char *what, double bytes);
double run_transform_bytes(const struct mesh *mesh, int64_t domain); /* what it holds on a rank */

/* Where a checkpoint stands: in what its parameters differ from here, to be freed, or NULL. */
struct run_stand { bool finished; char *difference, done[128]; };
typedef const char *run_look(const struct run *run, const char *path, struct run_stand *stand); /* NULL or why not */
/* What a command would do in the run's directory, from the newest checkpoint there or from `beginning`. */
void run_print_intention(const struct run *run, const char *beginning, run_look *look, FILE *out);

/* progress.c */
void progress_format_seconds(double seconds, char *text, size_t size); /* as people say it */
void progress_begin_level(struct run *run);
void progress_tile(void *run, size_t tiles_done);
void progress_stretch(struct run *run);
void progress_end_level(struct run *run);

#endif
