/* The command `train`: its configuration made into objects, its beginning and its end. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/error.h"
#include "sculptor/files.h"
#include "sculptor/log.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"
#include "train_pieces.h"

/* ---- configuration ---- */

static void take_target(struct train *train, struct input *input)
{
        struct run *run = train->run;
        const struct data_target_settings *settings = run->settings.data.type.settings;
        if (!run_create_score(run, input, &settings->target.type, "data.target"))
                return;
        train->source = (struct training_source){.target = run->score};
        train->shape = run->mesh ? (struct network_shape){.n_axes = run->mesh->n_axes, .mesh = run->mesh}
                                 : (struct network_shape){.n_dim = run->score->n_dim};
}

/* Cells of length 1 where no box is given. */
static struct mesh_settings mesh_of_file(const struct data_file_settings *settings)
{
        const bool given = settings->box_size.n > 1 || settings->box_size.value[0] > 0;
        return (struct mesh_settings){.cells = settings->cells, .dimensions = (int64_t)settings->cells.n,
                                      .box_size = given ? settings->box_size : settings->cells};
}

static void take_file(struct train *train, struct input *input)
{
        struct run *run = train->run;
        struct data_file_settings *settings = run->settings.data.type.settings;
        struct { char reason[1024], key[64]; } told = {.reason = ""};
        const char *key = "";
        int64_t n_numbers = 0;
        const char *why = data_open(settings, &train->source, &n_numbers, &key);
        snprintf(told.reason, sizeof told.reason, "%s", why ? why : "");
        snprintf(told.key, sizeof told.key, "data.%s", key);
        if (run_agree_on(told.reason, sizeof told)) {
                input_add_problem(input, told.key, "%s", told.reason);
                return;
        }
        if (!data_is_of_fields(settings)) {
                train->shape = (struct network_shape){.n_dim = n_numbers};
                return;
        }
        const struct mesh_settings mesh = mesh_of_file(settings);
        train->own_mesh = run->mesh = mesh_create(&mesh);
        train->shape = (struct network_shape){.n_axes = run->mesh->n_axes, .mesh = run->mesh};
}

static void check_parts(struct train *train, struct input *input)
{
        const struct configuration *settings = &train->run->settings;
        const struct network_type *type = settings->network.type.type;
        const bool fields = train->shape.n_axes > 0;
        if (fields ? !type->fields : !type->particles) {
                input_add_problem(input, "network.type", "%s is for %s, and the data are %s; use %s", type->name,
                                  fields ? "particles" : "fields", fields ? "fields" : "particles",
                                  fields ? "spectral or unet" : "mlp or energy");
                return;
        }
        const char *why = type->unfit ? type->unfit(settings->network.type.settings, &train->shape) : NULL;
        if (why)
                input_add_problem(input, "network.type", "%s %s", type->name, why);
        const char *key;
        why = training_refuses(&settings->training, type, &train->shape, &train->source, &key);
        if (why)
                input_add_problem(input, key, "%s", why);
}

struct train *train_configure(const struct options *options)
{
        struct train *train = allocate(1, sizeof *train);
        struct run *run = train->run = allocate(1, sizeof *run);
        train->last_saved = -1;
        struct input *input = run_read_input(run, options, configuration_rows(FOR_TRAINING));
        if (data_kind_of(&run->settings.data) == DATA_TARGET)
                take_target(train, input);
        else
                take_file(train, input);
        run_stop_on_problems(input);
        check_parts(train, input);
        run_stop_on_problems(input);
        input_free(input);

        const struct training_settings *settings = &run->settings.training;
        run->settings.population.particles = settings->batch; /* what mesh plans are said to be for */
        train->steps = training_n_steps(settings);
        run_name_itself(run);
        return train;
}

/* ---- the beginning ---- */

/* The weights' own copies of what the input says, so that they may be freed alike wherever they came from. */
static void describe_weights(struct train *train)
{
        const struct configuration *settings = &train->run->settings;
        struct weights *weights = &train->weights;
        weights->network = settings->network; /* borrowed */
        weights->n_dim = train->shape.n_dim;
        training_sigma_range(&settings->training, &weights->sigma_min, &weights->sigma_max);
        const struct mesh *mesh = train->run->mesh;
        if (!mesh)
                return;
        weights->mesh.dimensions = mesh->n_axes;
        weights->mesh.cells = (struct real_vector){(size_t)mesh->n_axes, allocate(MESH_MAX_AXES, sizeof(double))};
        weights->mesh.box_size = (struct real_vector){(size_t)mesh->n_axes, allocate(MESH_MAX_AXES, sizeof(double))};
        for (int axis = 0; axis < mesh->n_axes; axis++) { /* x first */
                weights->mesh.cells.value[axis] = (double)mesh->n[mesh->n_axes - 1 - axis];
                weights->mesh.box_size.value[axis] = mesh->length[mesh->n_axes - 1 - axis];
        }
}

static void create_training(struct train *train)
{
        const struct configuration *settings = &train->run->settings;
        const struct selection *selected = &settings->network.type;
        struct network *network = network_create(selected->type, selected->settings, &train->shape);
        train->weights.n_parameters = network->n_parameters;
        train->denoiser = denoiser_create(network, &train->weights.normalisation);
        const char *why = training_create(&settings->training, train->denoiser, &train->source,
                                          (uint64_t)settings->seed, &train->training);
        require_all(!why, "%s: training: %s", train->run->options.input, why ? why : "");
        train->weights.theta = training_state(train->training)->ema[0]; /* borrowed */
}

static void begin(struct train *train)
{
        const struct configuration *settings = &train->run->settings;
        run_plan(train->run, NULL, NULL);
        const int64_t examples = training_normalise_examples(&settings->training, &train->shape);
        const char *why = training_normalise(&train->source, &train->shape, (uint64_t)settings->seed, examples,
                                             &train->weights.normalisation);
        require_all(!why, "%s: data: %s", train->run->options.input, why ? why : "");
        create_training(train);
}

static void restore(struct train *train, const char *path)
{
        struct run *run = train->run;
        struct training_checkpoint_header header;
        const char *why = training_checkpoint_read_header(path, &header);
        succeed_all(!why, "%s", why ? why : "");
        run_require_same_parameters(run->echo, path, header.parameters ? header.parameters : "");
        run_plan(run, header.wisdom, path);
        struct weights *found = NULL;
        why = weights_read(path, &found);
        succeed_all(!why, "%s", why ? why : "");
        train->weights.normalisation = normalisation_copy(&found->normalisation);
        weights_free(found);
        create_training(train);

        struct training_state *state = training_state(train->training);
        struct training_checkpoint checkpoint = {.series = train->series};
        train_arrays(train, &checkpoint);
        why = training_checkpoint_read(path, state->n_parameters, &checkpoint);
        succeed_all(!why, "%s", why ? why : "");
        state->step = train->last_saved = checkpoint.step;
        state->smoothed_loss = checkpoint.number[0];
        state->smoothed_reference = checkpoint.number[1];
        train->wall_before = checkpoint.wall_seconds;
        run->last_checkpoint = copy_text(path);
        run_advise(run);
        log_line("resumed from %s: %" PRId64 " of %" PRId64 " steps done", path, state->step, train->steps);
        free(header.parameters);
        free(header.wisdom);
}

static int64_t steps_of(const char *path)
{
        struct training_checkpoint_header header;
        const char *why = training_checkpoint_read_header(path, &header);
        free(header.parameters);
        free(header.wisdom);
        return why ? -1 : header.step;
}

void train_restore_or_begin(struct train *train)
{
        struct run *run = train->run;
        signals_watch();
        run_take_directory(run);
        log_line("sculptor %s (%s): training of %s on %d rank%s -> %s", run->provenance.version, run->provenance.commit,
                 run->options.input, parallel_size(), parallel_size() == 1 ? "" : "s", run->directory);
        char *path = run_find_checkpoint(run, steps_of);
        const bool claims = !path || run->options.resume;
        if (claims)
                run_examine_directory(run);
        describe_weights(train);
        train_series_create(train);
        if (path)
                restore(train, path);
        else
                begin(train);
        free(path);
        if (claims)
                run_claim_directory(run);
        const struct network_type *type = run->settings.network.type.type;
        log_line("%s network of %zu weights; %s", type->name, train->weights.n_parameters,
                 train->source.n_rows > 0 ? "data from a file" : "data drawn afresh from a target");
        train->steps_at_start = training_state(train->training)->step;
        deadline_expect_files(&run->deadline, 1 << 16,
                              4.0 * (double)train->weights.n_parameters * (4 + TRAINING_MAX_EMA));
        if (train_finished(train))
                log_line("already complete: nothing to do; --fresh starts over");
        else if (train->last_saved < 0)
                train_checkpoint(train); /* something good is there whatever comes */
}

bool train_finished(const struct train *train)
{
        return training_state(train->training)->step >= train->steps;
}

/* ---- the end ---- */

void train_end(struct train *train)
{
        struct run *run = train->run;
        train_write_weights(train);
        const double peak = parallel_max((double)memory_peak() / 1048576);
        log_line("done: %" PRId64 " steps, %.1f s, %.0f MiB a rank at the most; %s/weights.h5", train->steps,
                 train->wall_before + seconds_now() - run->deadline.start, peak, run->directory);
        log_close();
        directory_unlock();
        train_free(train);
}

void train_free(struct train *train)
{
        training_free(train->training);
        denoiser_free(train->denoiser);
        normalisation_release(&train->weights.normalisation);
        free(train->weights.mesh.cells.value);
        free(train->weights.mesh.box_size.value);
        free(train->weights.digest);
        series_free(train->series);
        mesh_free(train->own_mesh);
        run_free(train->run);
        free(train);
}
