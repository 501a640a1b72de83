/* The rows of the table `training:`. */
#include "training/settings.h"

#include <math.h>

#include "sculptor/population.h"
#include "sculptor/rng.h"
#include "training/ema.h"
#include "training/sigma_sampling.h"

static const char *const losses[] = {[LOSS_DENOISING] = "denoising", [LOSS_BLENDED] = "blended",
                                     [LOSS_IMPLICIT] = "implicit", [LOSS_SLICED] = "sliced", NULL};
static const char *const weightings[] = {[WEIGHTING_EDM] = "edm", [WEIGHTING_LIKELIHOOD] = "likelihood", NULL};
static const char *const decays[] = {[DECAY_COSINE] = "cosine", [DECAY_CONSTANT] = "constant", NULL};

static const struct param sigma_rows[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = 0, .variant = sigma_sampling_variant,
         .fallback = "log_uniform", .help = "distribution of the noise examples are given"},
        PARAM_END};

static const struct param ema_rows[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = 0, .variant = ema_variant, .fallback = "warm_up",
         .help = "how long an average remembers"},
        PARAM_END};

#define AT(field) .offset = offsetof(struct validation_settings, field)
static const struct param validation_rows[] = {
        {.key = "every", .kind = PARAM_INTEGER, AT(every), .fallback = "500", .range = "[0, 4294967295]",
         .unit = "steps", .help = "steps from one validation to the next, 0 for none"},
        {.key = "examples", .kind = PARAM_INTEGER, AT(examples), .fallback = "1024", .range = "[1, 1e9]",
         .help = "held-out examples it uses, or all where there are fewer"},
        {.key = "sigmas", .kind = PARAM_VECTOR, AT(sigmas), .fallback = "[]", .range = "(0, inf)", .unit = "x",
         .help = "noise levels at which the score is validated, at most 16; [] for five over the range of sigma"},
        PARAM_END};
#undef AT

static void validation_check(const void *configured, const struct params_scope *scope)
{
        const struct validation_settings *settings = configured;
        if (settings->sigmas.n > TRAINING_MAX_SIGMAS)
                params_problem(scope, "sigmas", "are %zu, more than %d", settings->sigmas.n, TRAINING_MAX_SIGMAS);
}

#define AT(field) .offset = offsetof(struct training_settings, field)
const struct param training_params[] = {
        {.key = "loss", .kind = PARAM_CHOICE, AT(loss), .choices = losses, .fallback = "denoising",
         .help = "what is minimised: blended needs a target with a score without noise, implicit and sliced a network "
                 "with second derivatives"},
        {.key = "weighting", .kind = PARAM_CHOICE, AT(weighting), .choices = weightings, .fallback = "edm",
         .help = "weight of noise levels: edm makes the network's errors equal, likelihood bounds KL(data, model)"},
        {.key = "batch", .kind = PARAM_INTEGER, AT(batch), .range = "[1, 1e9]",
         .help = "examples a step; of particles a multiple of 64"},
        {.key = "steps", .kind = PARAM_INTEGER, AT(steps), .range = "[1, 4294967295]", .help = "of the optimiser"},
        {.key = "learning_rate", .kind = PARAM_REAL, AT(learning_rate), .fallback = "0.005", .range = "(0, inf)",
         .help = "Adam's step at its largest"},
        {.key = "warm_up", .kind = PARAM_INTEGER, AT(warm_up), .fallback = "50", .range = "[0, 4294967295]",
         .unit = "steps", .help = "steps over which the learning rate rises linearly"},
        {.key = "decay", .kind = PARAM_CHOICE, AT(decay), .choices = decays, .fallback = "cosine",
         .help = "the learning rate after warm-up"},
        {.key = "decay_floor", .kind = PARAM_REAL, AT(decay_floor), .fallback = "0", .range = "[0, 1]",
         .help = "cosine: the last learning rate over the largest"},
        {.key = "beta_1", .kind = PARAM_REAL, AT(beta_1), .fallback = "0.9", .range = "[0, 1)",
         .help = "Adam's memory of gradients"},
        {.key = "beta_2", .kind = PARAM_REAL, AT(beta_2), .fallback = "0.99", .range = "[0, 1)",
         .help = "Adam's memory of their squares"},
        {.key = "epsilon", .kind = PARAM_REAL, AT(epsilon), .fallback = "1e-8", .range = "[1e-30, inf)",
         .help = "added to the root of Adam's second moment"},
        {.key = "clip", .kind = PARAM_REAL, AT(clip), .fallback = "1", .range = "(0, inf)", .automatic = "none",
         .help = "largest norm of a gradient: longer ones are shortened to it"},
        {.key = "divergence_factor", .kind = PARAM_REAL, AT(divergence_factor), .fallback = "10", .range = "(1, inf)",
         .help = "training stops where its smoothed loss is so many times that without a network"},
        {.key = "sigma", .kind = PARAM_TABLE, AT(sigma), .rows = sigma_rows, .help = "noise of examples"},
        {.key = "ema", .kind = PARAM_TABLES, AT(ema), .rows = ema_rows, .item_size = sizeof(struct selection),
         .fallback = "[{type: warm_up}]",
         .help = "averages of the weights over steps, at most 4, the first is what is delivered"},
        {.key = "normalise_examples",
         .kind = PARAM_INTEGER,
         AT(normalise_examples),
         .fallback = "auto",
         .automatic = "auto",
         .range = "[2, 1e9]",
         .help = "examples whose mean and variance the network's Gaussian part takes; auto: 16384 particles, 256 "
                 "fields"},
        {.key = "validation",
         .kind = PARAM_TABLE,
         AT(validation),
         .rows = validation_rows,
         .check = validation_check,
         .fallback = "{}",
         .help = "errors on examples not trained with"},
        PARAM_END};
#undef AT
const size_t training_settings_size = sizeof(struct training_settings);

void training_check(const void *configured, const struct params_scope *scope)
{
        const struct training_settings *settings = configured;
        if (settings->weighting == WEIGHTING_LIKELIHOOD && !sigma_sampling_is_log_uniform(&settings->sigma))
                params_problem(scope, "weighting",
                               "likelihood is for sigma of type log_uniform: the bound is an integral "
                               "over ln sigma");
        if (settings->ema.n < 1 || settings->ema.n > TRAINING_MAX_EMA)
                params_problem(scope, "ema", "has %zu averages; give 1 to %d", settings->ema.n, TRAINING_MAX_EMA);
        if ((double)settings->steps * (double)settings->batch >= (double)RNG_MAX_PARTICLES)
                params_problem(scope, "steps", "times batch are more than 2^40 examples");
}

int64_t training_n_steps(const struct training_settings *settings)
{
        return settings->steps;
}

int64_t training_batch(const struct training_settings *settings)
{
        return settings->batch;
}

int64_t training_normalise_examples(const struct training_settings *settings, const struct network_shape *shape)
{
        if (settings->normalise_examples > 0)
                return settings->normalise_examples;
        return shape->n_axes > 0 ? 256 : 16384;
}

int64_t training_validate_every(const struct training_settings *settings)
{
        return settings->validation.every;
}

size_t training_n_ema(const struct training_settings *settings)
{
        return settings->ema.n;
}

void training_sigma_range(const struct training_settings *settings, double *sigma_min, double *sigma_max)
{
        const struct sigma_range range = sigma_sampling_range(&settings->sigma);
        *sigma_min = range.min;
        *sigma_max = range.max;
}
