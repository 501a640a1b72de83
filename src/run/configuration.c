#include "configuration.h"

#include <string.h>

#include "sculptor/initial.h"
#include "sculptor/levels.h"
#include "sculptor/process.h"
#include "sculptor/rng.h"
#include "sculptor/run.h"
#include "sculptor/score.h"

#define FIELD(member) offsetof(struct configuration, member)

static const struct param initial_rows[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = 0, .variant = initial_variant,
         .help = "distribution of the first population"},
        PARAM_END};

#define POPULATION(member) (FIELD(member) - FIELD(population))
static const struct param population_rows[] = {
        {.key = "particles", .kind = PARAM_INTEGER, .offset = POPULATION(population.particles),
         .range = "[1, 1099511627776]", .help = "particles on all ranks together"},
        {.key = "initial", .kind = PARAM_TABLE, .offset = POPULATION(population.initial), .rows = initial_rows,
         .help = "where the particles start"},
        PARAM_END};

static const struct param score_rows[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = 0, .variant = score_variant, .help = "the target"},
        PARAM_END};

static const struct param levels_rows[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = 0, .variant = levels_variant, .fallback = "constant",
         .help = "how the noise levels follow each other"},
        PARAM_END};

static const struct param process_rows[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = 0, .variant = process_variant, .fallback = "edm",
         .help = "how data become noise"},
        PARAM_END};

static const char *const precisions[] = {[PRECISION_DOUBLE] = "double", [PRECISION_FLOAT] = "float", NULL};

#define OUTPUT(member) (FIELD(member) - FIELD(output))
static const struct param output_rows[] = {
        {.key = "directory", .kind = PARAM_TEXT, .offset = OUTPUT(output.directory), .fallback = "",
         .operational = true, .help = "where the run writes; empty: runs/ and the input file's name"},
        {.key = "initial", .kind = PARAM_FLAG, .offset = OUTPUT(output.initial), .fallback = "false",
         .operational = true, .help = "also write the first population, as snapshot_0000.h5"},
        {.key = "every_levels", .kind = PARAM_INTEGER, .offset = OUTPUT(output.every_levels), .fallback = "1",
         .range = "[1, 4096]", .operational = true,
         .help = "a snapshot at every so many levels, and always at the last"},
        {.key = "score_norm", .kind = PARAM_FLAG, .offset = OUTPUT(output.score_norm), .fallback = "false",
         .operational = true, .help = "write |s| of each particle into the snapshots"},
        {.key = "log_density", .kind = PARAM_FLAG, .offset = OUTPUT(output.log_density), .fallback = "false",
         .operational = true, .help = "write log p of each particle into the snapshots"},
        {.key = "precision", .kind = PARAM_CHOICE, .offset = OUTPUT(output.precision), .choices = precisions,
         .fallback = "double", .operational = true,
         .help = "numbers of fields in snapshots; checkpoints are always double"},
        PARAM_END};

#define CHECKPOINT(member) (FIELD(member) - FIELD(checkpoint))
static const struct param checkpoint_rows[] = {
        {.key = "every_levels", .kind = PARAM_INTEGER, .offset = CHECKPOINT(checkpoint.every_levels), .fallback = "0",
         .range = "[0, 4096]", .operational = true, .help = "a checkpoint after every so many levels; 0: by time only"},
        {.key = "every_seconds", .kind = PARAM_REAL, .offset = CHECKPOINT(checkpoint.every_seconds), .fallback = "600",
         .range = "(0, inf)", .unit = "s", .operational = true,
         .help = "a checkpoint where so long has passed since the last, inside a level too"},
        {.key = "keep", .kind = PARAM_INTEGER, .offset = CHECKPOINT(checkpoint.keep), .fallback = "2",
         .range = "[1, 1000]", .operational = true, .help = "checkpoints kept; older ones are removed"},
        PARAM_END};

#define PARALLEL(member) (FIELD(member) - FIELD(parallel))
static const struct param parallel_rows[] = {{.key = "domain_ranks",
                                              .kind = PARAM_INTEGER,
                                              .offset = PARALLEL(parallel.domain_ranks),
                                              .fallback = "auto",
                                              .automatic = "auto",
                                              .range = "[1, 1048576]",
                                              .operational = true,
                                              .help = "ranks that share each field, a divisor of all ranks; auto: 1, "
                                                      "or as many as leave no rank without a field"},
                                             PARAM_END};

static const char *const plannings[] = {
        [MESH_ESTIMATE] = "estimate", [MESH_MEASURE] = "measure", [MESH_PATIENT] = "patient", NULL};

#define FFT(member) (FIELD(member) - FIELD(fft))
static const struct param fft_rows[] = {
        {.key = "planning", .kind = PARAM_CHOICE, .offset = FFT(fft.planning), .choices = plannings,
         .fallback = "measure",
         .help = "how FFTW chooses its plans, on which the last bits depend: estimate is the same everywhere, measure "
                 "and patient are faster and remembered"},
        {.key = "plans", .kind = PARAM_TEXT, .offset = FFT(fft.plans), .fallback = "auto", .operational = true,
         .help = "file that remembers measured plans, so that later runs give the same bits; auto: in the user's "
                 "cache directory; none"},
        {.key = "strict",
         .kind = PARAM_FLAG,
         .offset = FFT(fft.strict),
         .fallback = "true",
         .operational = true,
         .help = "refuse to resume where a checkpoint's plans cannot be made; false: go on with others, not to the "
                 "same bits"},
        PARAM_END};

const struct param input_rows[] = {
        {.key = "seed", .kind = PARAM_INTEGER, .offset = FIELD(seed), .range = "[0, 9223372036854775807]",
         .help = "every random number of the run follows from it"},
        {.key = "population", .kind = PARAM_TABLE, .offset = FIELD(population), .rows = population_rows,
         .help = "the particles"},
        {.key = "score", .kind = PARAM_TABLE, .offset = FIELD(score), .rows = score_rows,
         .help = "the score field that moves them"},
        {.key = "levels", .kind = PARAM_TABLE, .offset = FIELD(levels), .rows = levels_rows, .fallback = "{}",
         .help = "the noise levels, from noise to data"},
        {.key = "process", .kind = PARAM_TABLE, .offset = FIELD(process), .rows = process_rows, .fallback = "{}",
         .help = "the noising that reverse samplers undo: the scale and the time that belong to each sigma"},
        {.key = "sampler", .kind = PARAM_TABLE, .offset = FIELD(sampler), .rows = sampler_params,
         .check = sampler_check, .help = "how they move at each level"},
        {.key = "output", .kind = PARAM_TABLE, .offset = FIELD(output), .rows = output_rows, .fallback = "{}",
         .help = "what is written, and where"},
        {.key = "checkpoint", .kind = PARAM_TABLE, .offset = FIELD(checkpoint), .rows = checkpoint_rows,
         .fallback = "{}", .help = "when the run saves itself"},
        {.key = "estimators", .kind = PARAM_TABLE, .offset = FIELD(estimators), .rows = estimators_params,
         .fallback = "{}", .help = "what is measured of fields at every level"},
        {.key = "likelihood", .kind = PARAM_TABLE, .offset = FIELD(likelihood), .rows = log_likelihood_params,
         .fallback = "{}", .help = "of sculptor likelihood: whose log density, and how exactly"},
        {.key = "network", .kind = PARAM_TABLE, .offset = FIELD(network), .rows = network_rows,
         .help = "of sculptor train: what learns"},
        {.key = "data", .kind = PARAM_TABLE, .offset = FIELD(data), .rows = data_params,
         .help = "of sculptor train: what is learned from"},
        {.key = "training", .kind = PARAM_TABLE, .offset = FIELD(training), .rows = training_params,
         .check = training_check, .help = "of sculptor train: how it is learned"},
        {.key = "inspect", .kind = PARAM_TABLE, .offset = FIELD(inspect), .rows = inspect_params,
         .help = "of sculptor inspect: the truth that score is held against"},
        {.key = "parallel", .kind = PARAM_TABLE, .offset = FIELD(parallel), .rows = parallel_rows, .fallback = "{}",
         .help = "how fields are shared out over the ranks"},
        {.key = "fft", .kind = PARAM_TABLE, .offset = FIELD(fft), .rows = fft_rows, .fallback = "{}",
         .help = "the Fourier transforms of fields"},
        PARAM_END};

static bool is_one_of(const char *key, const char *const *keys)
{
        for (; *keys; keys++)
                if (strcmp(key, *keys) == 0)
                        return true;
        return false;
}

const struct param *configuration_rows(enum configuration_purpose purpose)
{
        enum { N_ROWS = sizeof input_rows / sizeof *input_rows };
        static const char *const sampling[] = {"network", "data", "training", "inspect", NULL};
        static const char *const training[] = {"population", "score",      "levels",     "process",  "sampler",
                                               "inspect",    "estimators", "likelihood", "parallel", NULL};
        static const char *const inspection[] = {"population", "sampler",    "network",  "data", "training",
                                                 "estimators", "likelihood", "parallel", NULL};
        static const char *const *const others[CONFIGURATION_PURPOSES] = {[FOR_SAMPLING] = sampling,
                                                                          [FOR_FIELDS] = sampling,
                                                                          [FOR_TRAINING] = training,
                                                                          [FOR_INSPECTION] = inspection};
        static struct param rows[CONFIGURATION_PURPOSES][N_ROWS];
        struct param *mine = rows[purpose];
        memcpy(mine, input_rows, sizeof input_rows);
        for (struct param *row = mine; row->key; row++) {
                row->elsewhere = is_one_of(row->key, others[purpose]);
                if (purpose == FOR_FIELDS && strcmp(row->key, "sampler") == 0)
                        row->fallback = "{type: ula, step_size: 1, steps_per_level: 1}";
        }
        return mine;
}
