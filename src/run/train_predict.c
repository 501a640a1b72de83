/* What `sculptor check` says of a training. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sculptor/memory.h"
#include "train_pieces.h"

static size_t count_weights(const struct train *train)
{
        const struct selection *network = &train->run->settings.network.type;
        return network_parameters(network->type, network->settings, &train->shape);
}

/* Numbers in an example. */
static double example_size(const struct train *train)
{
        return (double)(train->shape.mesh ? train->shape.mesh->n_cells : train->shape.n_dim);
}

static int64_t count_tiles(const struct train *train, int64_t ranks)
{
        const int64_t batch = train->run->settings.training.batch, each = train->shape.mesh ? 1 : LANES;
        return ((batch + each - 1) / each + ranks - 1) / ranks;
}

/* Arrays of all weights in a file: as they are delivered, under way, Adam's two moments, the averages. */
static double checkpoint_bytes(const struct train *train)
{
        const size_t n_arrays = 4 + training_n_ema(&train->run->settings.training);
        return 4.0 * (double)(n_arrays * count_weights(train)) + 65536; /* its layout, input and series */
}

/* The rows in memory at a time: two runs of them, where there are two. */
static double buffer_bytes(const struct train *train)
{
        const struct training_source *source = &train->source;
        const double rows = (double)(source->n_rows - source->n_validation);
        return 8 * example_size(train) * fmin(rows, 2 * (double)source->buffer_rows);
}

/* Without what the network keeps of an example. */
static double rank_bytes(const struct train *train, int64_t ranks)
{
        enum { WORK_TILES = 12 };                           /* of the loss */
        const double subtrees = 2 + log2((double)count_tiles(train, ranks)); /* of gradients, at once */
        const double arrays = 4 + (double)training_n_ema(&train->run->settings.training) + subtrees;
        const struct mesh *mesh = train->run->mesh;
        const double tile = mesh ? 8.0 * (double)(mesh->n_planes * (int64_t)mesh->plane_stride)
                                 : 8.0 * LANES * (double)train->shape.n_dim;
        return RUN_PROCESS_MIB * 1048576.0 + 4.0 * arrays * (double)count_weights(train) + buffer_bytes(train) +
               WORK_TILES * tile + (mesh ? run_transform_bytes(mesh, 1) : 0) +
               2 * checkpoint_bytes(train); /* laid out in memory, and the file's bytes */
}

static void print_data(const struct train *train, FILE *out)
{
        const struct configuration *settings = &train->run->settings;
        const double examples = (double)settings->training.batch * (double)train->steps;
        const struct training_source *source = &train->source;
        const char *of_what = train->shape.mesh ? "cells" : "coordinates";
        fprintf(out, "  %.4g examples of %.0f %s, ", examples, example_size(train), of_what);
        if (source->n_rows == 0) {
                fprintf(out, "drawn from %s\n", source->target->type->name);
                return;
        }
        const struct data_file_settings *file = settings->data.type.settings;
        const int64_t rows = source->n_rows - source->n_validation;
        fprintf(out, "each of %" PRId64 " rows of %s in %s %.3g times; %" PRId64 " held out\n", rows, file->dataset,
                file->path, examples / (double)rows, source->n_validation);
}

static const char *look_at_checkpoint(const struct run *run, const char *path, struct run_stand *stand)
{
        struct training_checkpoint_header header;
        const char *why = training_checkpoint_read_header(path, &header);
        if (why)
                return why;
        const int64_t steps = training_n_steps(&run->settings.training);
        stand->finished = header.step >= steps;
        stand->difference = params_difference(run->echo, header.parameters ? header.parameters : "");
        snprintf(stand->done, sizeof stand->done, "%" PRId64 " of %" PRId64 " steps done", header.step, steps);
        free(header.parameters);
        free(header.wisdom);
        return NULL;
}

void train_predict(const struct train *train, int64_t ranks, FILE *out)
{
        const struct run *run = train->run;
        const struct training_settings *settings = &run->settings.training;
        const struct network_type *network = run->settings.network.type.type;
        double sigma_min, sigma_max;
        training_sigma_range(settings, &sigma_min, &sigma_max);
        fprintf(out, "%s: valid, to train\n", run->options.input);
        fprintf(out, "  network %s of %zu weights, %" PRId64 " steps of %" PRId64 " examples, sigma %g to %g\n",
                network->name, count_weights(train), train->steps, settings->batch, sigma_min, sigma_max);
        print_data(train, out);
        char what[64];
        snprintf(what, sizeof what, "memory per rank, %" PRId64 " rank%s", ranks, ranks == 1 ? "" : "s");
        run_print_bytes(out, what, rank_bytes(train, ranks));
        if (count_tiles(train, 1) < ranks)
                fprintf(out, "  some ranks have nothing to do: a step has work for %" PRId64 "\n",
                        count_tiles(train, 1));
        snprintf(what, sizeof what, "%" PRId64 " + 1 checkpoints", run->settings.checkpoint.keep);
        run_print_bytes(out, what, checkpoint_bytes(train) * (double)(run->settings.checkpoint.keep + 1));
        const size_t n_ema = training_n_ema(settings);
        snprintf(what, sizeof what, "%zu weights file%s", n_ema, n_ema == 1 ? "" : "s");
        run_print_bytes(out, what, 4.0 * (double)(n_ema * count_weights(train)));
        run_print_intention(run, "the first weights", look_at_checkpoint, out);
}
