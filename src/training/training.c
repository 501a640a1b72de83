/* The loop's body: a step is gradient, decision, update. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/memory.h"
#include "sculptor/mesh.h"
#include "sculptor/parallel.h"
#include "sculptor/tree_sum.h"
#include "training/adam.h"
#include "training/ema.h"
#include "training/parts.h"
#include "training/sigma_sampling.h"

enum { EXACT_TRACE_DIMENSIONS = 16, SMOOTHING_STEPS = 50 };

/* ---- what cannot go together ---- */

#define REFUSE(reason, ...) (snprintf(reason, sizeof reason, __VA_ARGS__), reason)

static const char *refuse_shape(const struct training_settings *settings, const struct network_shape *shape)
{
        static char reason[200];
        if (!shape->mesh && settings->batch % LANES != 0)
                return REFUSE(reason, "%lld is no multiple of %d, the particles learned from at a time; use %lld",
                              (long long)settings->batch, LANES, (long long)(settings->batch / LANES + 1) * LANES);
        if (shape->mesh && parallel_domain_size() > 1)
                return "fields are whole on a rank in training: let domain ranks be 1";
        return NULL;
}

static const char *refuse_source(const struct network_shape *shape, const struct training_source *source)
{
        static char reason[200];
        if (source->target) {
                const int64_t n = shape->mesh ? shape->mesh->n_cells : shape->n_dim;
                if (source->target->n_dim != n)
                        return REFUSE(reason, "the target has %lld dimensions, the network %lld",
                                      (long long)source->target->n_dim, (long long)n);
                if (source->n_rows == 0 && !source->target->type->draw)
                        return REFUSE(reason, "%s cannot be drawn from: give a data set", source->target->type->name);
                return NULL;
        }
        if (source->n_rows == 0)
                return "there is neither a target nor a data set";
        return NULL;
}

static const char *refuse_rows(const struct training_source *source)
{
        static char reason[200];
        if (source->n_rows == 0)
                return NULL;
        if (source->n_validation < 0 || source->n_validation >= source->n_rows)
                return REFUSE(reason, "of %lld rows %lld are held out, and none is left to train with",
                              (long long)source->n_rows, (long long)source->n_validation);
        if (source->buffer_rows < 1)
                return "no row fits into the memory for data";
        return NULL;
}

static const char *refuse_loss(const struct training_settings *settings, const struct network_type *type,
                               const struct network_shape *shape, const struct training_source *source)
{
        static char reason[300];
        const bool implicit = settings->loss == LOSS_IMPLICIT;
        if (settings->loss == LOSS_BLENDED) {
                if (!source->target || !source->target->type->eval)
                        return "blended needs a target, for the clean score that data have not; use denoising";
                const struct score *target = source->target;
                const char *why = target->type->undefined_at ? target->type->undefined_at(target->model, 0) : NULL;
                return why ? REFUSE(reason, "blended needs the target's score without noise: %s", why) : NULL;
        }
        if ((implicit || settings->loss == LOSS_SLICED) && !type->backward_tangent)
                return REFUSE(reason, "%s needs derivatives of a network's Jacobian, which %s has not",
                              implicit ? "implicit" : "sliced", type->name);
        if (implicit && (shape->mesh || shape->n_dim > EXACT_TRACE_DIMENSIONS))
                return REFUSE(reason,
                              "implicit takes the trace dimension by dimension, for at most %d of particles: "
                              "use sliced",
                              EXACT_TRACE_DIMENSIONS);
        return NULL;
}

const char *training_refuses(const struct training_settings *settings, const struct network_type *type,
                             const struct network_shape *shape, const struct training_source *source, const char **key)
{
        *key = "training.batch";
        const char *why = refuse_shape(settings, shape);
        *key = why ? *key : "data";
        why = why ? why : refuse_source(shape, source);
        why = why ? why : refuse_rows(source);
        *key = why ? *key : "training.loss";
        return why ? why : refuse_loss(settings, type, shape, source);
}

/* ---- the life of one ---- */

static void create_state(struct training *training)
{
        struct training_state *state = &training->state;
        struct network *network = training->loss.network;
        const size_t n = network->n_parameters;
        *state = (struct training_state){.n_parameters = n, .n_ema = training->settings->ema.n,
                                         .smoothed_loss = NAN, .smoothed_reference = NAN};
        state->theta = allocate(n, sizeof(float));
        state->moment_1 = allocate(n, sizeof(float));
        state->moment_2 = allocate(n, sizeof(float));
        network->type->initialise(network->settings, &network->shape, training->seed, state->theta);
        for (size_t i = 0; i < state->n_ema; i++) {
                state->ema[i] = allocate(n, sizeof(float));
                memcpy(state->ema[i], state->theta, n * sizeof(float));
        }
}

const char *training_create(const struct training_settings *settings, struct denoiser *denoiser,
                            const struct training_source *source, uint64_t seed, struct training **made)
{
        const struct network *network = denoiser_network(denoiser);
        const char *key, *why = training_refuses(settings, network->type, &network->shape, source, &key);
        if (why)
                return why;
        struct training *training = allocate(1, sizeof *training);
        *training = (struct training){.settings = settings, .source = *source, .seed = seed};
        loss_create(&training->loss, settings, denoiser);
        if (settings->loss == LOSS_BLENDED)
                training->loss.clean = score_level_create(source->target, 0);
        training->examples = examples_create(source, &network->shape, seed, settings->batch);
        training->tree = gradient_tree_create(network->n_parameters, examples_tiles(&network->shape, settings->batch));
        training->gradient = allocate(network->n_parameters, sizeof(float));
        create_state(training);
        *made = training;
        return NULL;
}

void training_free(struct training *training)
{
        if (!training)
                return;
        loss_release(&training->loss);
        examples_free(training->examples);
        gradient_tree_free(training->tree);
        free(training->gradient);
        free(training->state.theta);
        free(training->state.moment_1);
        free(training->state.moment_2);
        for (size_t i = 0; i < training->state.n_ema; i++)
                free(training->state.ema[i]);
        free(training);
}

struct training_state *training_state(struct training *training)
{
        return &training->state;
}

/* ---- a step ---- */

/* A block's gradient: a function of (theta, step, block). */
static const char *block_gradient(struct training *training, int64_t step, int64_t block, struct loss_sums *sums)
{
        struct loss *loss = &training->loss;
        const struct network_shape *shape = &loss->network->shape;
        const int64_t batch = training->settings->batch;
        const struct examples_place place = {EXAMPLES_TRAINING, step, batch, block};
        const char *why = examples_tile(training->examples, &place, loss->x_0);
        if (why)
                return why;
        struct rng_stream stream = {.seed = training->seed, .purpose = RNG_EXAMPLE, .level = EXAMPLES_TRAINING,
                                    .step = (uint32_t)step};
        sigma_sampling_draw(&training->settings->sigma, &stream, (uint64_t)(block * examples_of_tile(shape)),
                            shape->mesh != NULL, loss->sigma);
        stream.stage = 1;
        examples_noise(shape, &stream, block, loss->noise);
        loss_prepare(loss);
        stream.stage = 2;
        const struct loss_place probe = {stream, block};
        *sums = loss_gradient(loss, &probe, 1 / (double)batch, gradient_tree_leaf(training->tree));
        gradient_tree_add(training->tree);
        return NULL;
}

/* The mean over the batch. Every rank does all its blocks before it says that it could not read one: the exchange that
 * follows is collective. */
static const char *batch_gradient(struct training *training, const float *theta, int64_t step, struct loss_sums *mean,
                                  float *gradient)
{
        network_set(training->loss.network, theta);
        const struct block_run run = gradient_tree_run(training->tree);
        struct tree_sum *sum = tree_sum_create(3);
        const char *why = NULL;
        for (int64_t block = run.begin; block < run.end; block++) {
                struct loss_sums sums = {0};
                if (!why)
                        why = block_gradient(training, step, block, &sums);
                tree_sum_add(sum, block, (const double[]){sums.loss, sums.reference, sums.weight});
        }
        double total[3];
        tree_sum_finish(sum, total);
        const double n = (double)training->settings->batch;
        *mean = (struct loss_sums){total[0] / n, total[1] / n, total[2] / n};
        why = examples_agree(why, training->reason);
        if (why)
                gradient_tree_clear(training->tree);
        else
                gradient_tree_finish(training->tree, gradient);
        return why;
}

const char *training_gradient(struct training *training, const float *theta, int64_t step, double *loss,
                              float *gradient)
{
        struct loss_sums mean;
        const char *why = batch_gradient(training, theta, step, &mean, gradient);
        *loss = mean.loss;
        return why;
}

/* What a network of zeros would have: the loss without a network at these examples, whose noise it shares, or its
 * expectation where that is more. It does not fall while one learns, so that what exceeds it by far never will. */
static double reference_of(const struct loss_sums *mean)
{
        return fmax(fabs(mean->reference), mean->weight);
}

static double smoothed(double before, double now, int64_t step)
{
        const double share = 1 / (double)(step < SMOOTHING_STEPS ? step + 1 : SMOOTHING_STEPS);
        return step > 0 ? fma(share, now - before, before) : now;
}

static bool find_divergence(const struct training *training, double loss, double reference,
                            struct training_report *report)
{
        const long long step = (long long)training->state.step;
        const double most = training->settings->divergence_factor * reference;
        if (!isfinite(report->loss))
                snprintf(report->reason, sizeof report->reason, "the loss is not finite at step %lld", step);
        else if (!isfinite(report->gradient_norm))
                snprintf(report->reason, sizeof report->reason, "the gradient is not finite at step %lld", step);
        else if (!(loss <= most))
                snprintf(report->reason, sizeof report->reason,
                         "the loss rose to %.3g at step %lld, %.3g times what it is without a network", loss, step,
                         loss / reference);
        else
                return false;
        return true;
}

static void update(struct training *training, const struct training_report *report)
{
        struct training_state *state = &training->state;
        const struct training_settings *settings = training->settings;
        const double norm = report->gradient_norm;
        const double scale = norm > settings->clip ? settings->clip / norm : 1; /* no norm is above NAN */
        adam_update(settings, state->step, scale, state->n_parameters, training->gradient, state->theta,
                    state->moment_1, state->moment_2);
        state->step++;
        const struct selection *ema = settings->ema.items;
        for (size_t i = 0; i < state->n_ema; i++)
                ema_update(ema_kept(&ema[i], state->step), state->n_parameters, state->theta, state->ema[i]);
}

const char *training_step(struct training *training, struct training_report *report)
{
        struct training_state *state = &training->state;
        struct loss_sums mean;
        const char *why = batch_gradient(training, state->theta, state->step, &mean, training->gradient);
        if (why)
                return why;
        *report = (struct training_report){.loss = mean.loss,
                                           .gradient_norm = adam_norm(state->n_parameters, training->gradient),
                                           .learning_rate = adam_learning_rate(training->settings, state->step)};
        const double loss = smoothed(state->smoothed_loss, mean.loss, state->step);
        const double reference = smoothed(state->smoothed_reference, reference_of(&mean), state->step);
        report->diverged = find_divergence(training, loss, reference, report);
        if (report->diverged)
                return NULL;
        state->smoothed_loss = loss;
        state->smoothed_reference = reference;
        update(training, report);
        return NULL;
}

static bool all_finite(const struct training_state *state)
{
        for (size_t i = 0; i < state->n_parameters; i++)
                if (!isfinite(state->theta[i]) || !isfinite(state->ema[0][i]))
                        return false;
        return true;
}

/* A single batch scatters more than the smoothed loss: what counts is the factor's square. */
const char *training_judge(struct training *training, struct training_report *report)
{
        const struct training_state *state = &training->state;
        struct loss_sums mean;
        *report = (struct training_report){.loss = NAN};
        if (!all_finite(state)) {
                report->diverged = true;
                snprintf(report->reason, sizeof report->reason, "a weight is not finite after step %lld",
                         (long long)state->step);
                return NULL;
        }
        const char *why = batch_gradient(training, state->theta, state->step, &mean, training->gradient);
        if (why)
                return why;
        report->loss = mean.loss;
        report->gradient_norm = adam_norm(state->n_parameters, training->gradient);
        const double reference = training->settings->divergence_factor * reference_of(&mean);
        report->diverged = find_divergence(training, mean.loss, reference, report);
        return NULL;
}
