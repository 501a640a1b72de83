/* An input like a run's, small: what the tests of the input engine read. */
#ifndef SCULPTOR_TESTS_PARAMS_SAMPLE_H
#define SCULPTOR_TESTS_PARAMS_SAMPLE_H

#include "sculptor/params.h"

static const char sample_text[] =
        "# the toy of Song & Ermon\n"
        "seed: 2026\n"
        "population: {particles: 60000, initial: {type: uniform, low: -8, high: 8}}\n"
        "score:\n"
        "  type: gaussian_mixture\n"
        "  components:\n"
        "    - {weight: 0.8, mean: [5, 5], sigma: 0}\n"
        "    - {weight: 0.2, mean: [-5, -5], sigma: 0}\n"
        "levels: {type: geometric, sigma_max: 20, sigma_min: 1, count: 10}\n"
        "sampler: {type: annealed_langevin, scheme: ula, step_size: 0.05, steps_per_level: 100}\n"
        "output: {directory: runs/ncsn_toy_annealed}\n"
        "checkpoint: {every_seconds: 600, keep: 2}\n";

/* ---- initial ---- */

struct uniform { struct real_vector low, high; };

static void uniform_check(const void *settings, const struct params_scope *scope)
{
        const struct uniform *uniform = settings;
        if (uniform->low.value[0] >= uniform->high.value[0])
                params_problem(scope, "high", "%g is not above low, %g", uniform->high.value[0], uniform->low.value[0]);
}

static const struct param uniform_rows[] = {
        {.key = "low", .kind = PARAM_VECTOR, .offset = offsetof(struct uniform, low), .unit = "x",
         .help = "lower edge"},
        {.key = "high", .kind = PARAM_VECTOR, .offset = offsetof(struct uniform, high), .unit = "x",
         .help = "upper edge"},
        PARAM_END};

static const char uniform_type, target_type;

static bool initial_kinds(size_t i, struct param_variant *variant)
{
        const struct param_variant variants[] = {
                {.name = "uniform", .help = "uniform in a box", .rows = uniform_rows,
                 .settings_size = sizeof(struct uniform), .check = uniform_check, .type = &uniform_type},
                {.name = "target", .help = "exact draws from the target", .type = &target_type}};
        if (i >= 2)
                return false;
        *variant = variants[i];
        return true;
}

/* ---- score ---- */

struct component { double weight; struct real_vector mean; double sigma; };

static void component_check(const void *settings, const struct params_scope *scope)
{
        const struct component *component = settings;
        if (component->mean.n > 2)
                params_problem(scope, "mean[2]", "the sample is two-dimensional");
}

static const struct param component_rows[] = {
        {.key = "weight", .kind = PARAM_REAL, .offset = offsetof(struct component, weight), .range = "(0, 1]",
         .help = "share of the component"},
        {.key = "mean", .kind = PARAM_VECTOR, .offset = offsetof(struct component, mean), .unit = "x",
         .help = "its centre"},
        {.key = "sigma", .kind = PARAM_REAL, .offset = offsetof(struct component, sigma), .fallback = "1",
         .range = "[0, inf)", .unit = "x", .help = "its standard deviation"},
        PARAM_END};

struct mixture { struct table_list components; };

static void mixture_check(const void *settings, const struct params_scope *scope)
{
        const struct mixture *mixture = settings;
        const struct component *component = mixture->components.items;
        for (size_t i = 1; i < mixture->components.n; i++)
                if (component[i].mean.n != component[0].mean.n) {
                        char key[40];
                        snprintf(key, sizeof key, "components[%zu].mean", i);
                        params_problem(scope, key, "has %zu coordinates, the first has %zu", component[i].mean.n,
                                       component[0].mean.n);
                }
}

static const struct param mixture_rows[] = {
        {.key = "components", .kind = PARAM_TABLES, .offset = offsetof(struct mixture, components),
         .rows = component_rows,
         .item_size = sizeof(struct component), .check = component_check, .help = "the Gaussians"},
        PARAM_END};

struct gaussian { struct real_vector mean; struct real_matrix covariance; int64_t copies; };

static const struct param gaussian_rows[] = {
        {.key = "mean", .kind = PARAM_VECTOR, .offset = offsetof(struct gaussian, mean), .help = "its centre"},
        {.key = "covariance", .kind = PARAM_MATRIX, .offset = offsetof(struct gaussian, covariance), .fallback = "[]",
         .unit = "x^2", .help = "its covariance; none: the unit matrix"},
        {.key = "copies", .kind = PARAM_INTEGER, .offset = offsetof(struct gaussian, copies), .fallback = "auto",
         .automatic = "auto", .range = "[1, 9]", .help = "how many times"},
        PARAM_END};

static const char mixture_type, gaussian_type;

static bool score_kinds(size_t i, struct param_variant *variant)
{
        const struct param_variant variants[] = {
                {.name = "gaussian", .help = "one Gaussian", .rows = gaussian_rows,
                 .settings_size = sizeof(struct gaussian), .type = &gaussian_type},
                {.name = "gaussian_mixture", .help = "weighted Gaussians", .rows = mixture_rows,
                 .settings_size = sizeof(struct mixture), .check = mixture_check, .type = &mixture_type}};
        if (i >= 2)
                return false;
        *variant = variants[i];
        return true;
}

/* ---- levels ---- */

struct geometric { double sigma_max, sigma_min; int64_t count; };

static const struct param geometric_rows[] = {
        {.key = "sigma_max", .kind = PARAM_REAL, .offset = offsetof(struct geometric, sigma_max), .range = "(0, inf)",
         .unit = "x", .help = "the first level"},
        {.key = "sigma_min", .kind = PARAM_REAL, .offset = offsetof(struct geometric, sigma_min), .range = "(0, inf)",
         .unit = "x", .help = "the last level"},
        {.key = "count", .kind = PARAM_INTEGER, .offset = offsetof(struct geometric, count), .range = "[1, 4096]",
         .help = "how many levels"},
        PARAM_END};

static const char constant_type, geometric_type;

static bool levels_kinds(size_t i, struct param_variant *variant)
{
        const struct param_variant variants[] = {
                {.name = "constant", .help = "no noise but the target's own", .type = &constant_type},
                {.name = "geometric",
                 .help = "sigma falls by the same factor from level to level", .rows = geometric_rows,
                 .settings_size = sizeof(struct geometric), .type = &geometric_type}};
        if (i >= 2)
                return false;
        *variant = variants[i];
        return true;
}

/* ---- sampler ---- */

struct baoab { double friction; int form; };

static const char *const forms[] = {"position", "velocity", NULL};

static const struct param baoab_rows[] = {
        {.key = "friction", .kind = PARAM_REAL, .offset = offsetof(struct baoab, friction), .fallback = "1",
         .range = "[0, inf)", .unit = "1/t", .help = "rate at which momenta forget"},
        {.key = "form", .kind = PARAM_CHOICE, .offset = offsetof(struct baoab, form), .choices = forms,
         .fallback = "position", .help = "what moves first"},
        PARAM_END};

static const char ula_type, baoab_type, annealed_type;

static bool scheme_kinds(size_t i, struct param_variant *variant)
{
        const struct param_variant variants[] = {
                {.name = "ula", .help = "unadjusted Langevin", .type = &ula_type},
                {.name = "baoab", .help = "splitting with momenta", .rows = baoab_rows,
                 .settings_size = sizeof(struct baoab), .type = &baoab_type}};
        if (i >= 2)
                return false;
        *variant = variants[i];
        return true;
}

struct annealed { struct selection scheme; };

static const struct param annealed_rows[] = {
        {.key = "scheme", .kind = PARAM_SELECT, .offset = offsetof(struct annealed, scheme), .variant = scheme_kinds,
         .help = "what moves the particles at a level"},
        PARAM_END};

static bool sampler_kinds(size_t i, struct param_variant *variant)
{
        if (i < 2)
                return scheme_kinds(i, variant);
        *variant = (struct param_variant){.name = "annealed_langevin", .help = "a scheme at every level in turn",
                                          .rows = annealed_rows, .settings_size = sizeof(struct annealed),
                                          .type = &annealed_type};
        return i == 2;
}

/* ---- the whole ---- */

struct sample {
        int64_t seed;
        struct {
                int64_t particles;
                struct {
                        struct selection type;
                } initial;
        } population;
        struct {
                struct selection type;
        } score, levels;
        struct {
                struct selection type;
                double step_size;
                int64_t steps_per_level;
                bool denoise;
        } sampler;
        struct {
                char *directory;
        } output;
        struct {
                double every_seconds;
                int64_t keep;
        } checkpoint;
};

#define PART(part, member) (offsetof(struct sample, part.member) - offsetof(struct sample, part))

static void sampler_check(const void *settings, const struct params_scope *scope)
{
        const struct sample *whole = (const void *)((const char *)settings - offsetof(struct sample, sampler));
        if (whole->sampler.denoise && whole->sampler.steps_per_level == 1)
                params_problem(scope, "", "one step and denoise do not go together");
}

static const struct param initial_rows[] = {
        {.key = "type", .kind = PARAM_SELECT, .variant = initial_kinds, .help = "distribution of the first population"},
        PARAM_END};
static const struct param population_rows[] = {
        {.key = "particles", .kind = PARAM_INTEGER, .offset = PART(population, particles),
         .range = "[1, 1099511627776]", .help = "particles on all ranks together"},
        {.key = "initial", .kind = PARAM_TABLE, .offset = PART(population, initial), .rows = initial_rows,
         .help = "where the particles start"},
        PARAM_END};
static const struct param score_rows[] = {
        {.key = "type", .kind = PARAM_SELECT, .variant = score_kinds, .help = "the target"}, PARAM_END};
static const struct param levels_rows[] = {
        {.key = "type", .kind = PARAM_SELECT, .variant = levels_kinds, .fallback = "constant",
         .help = "how the noise levels follow each other"},
        PARAM_END};
static const struct param sampler_rows[] = {
        {.key = "type", .kind = PARAM_SELECT, .variant = sampler_kinds, .help = "the method"},
        {.key = "step_size", .kind = PARAM_REAL, .offset = PART(sampler, step_size), .range = "(0, inf)",
         .automatic = "auto", .fallback = "auto", .unit = "x^2", .help = "step e of x + e s + sqrt(2 e) z"},
        {.key = "steps_per_level", .kind = PARAM_INTEGER, .offset = PART(sampler, steps_per_level),
         .range = "[1, 4294967295]", .help = "steps at each level"},
        {.key = "denoise", .kind = PARAM_FLAG, .offset = PART(sampler, denoise), .fallback = "false",
         .help = "one step of Tweedie's formula at the end"},
        PARAM_END};
static const struct param output_rows[] = {
        {.key = "directory", .kind = PARAM_TEXT, .offset = PART(output, directory), .fallback = "", .operational = true,
         .help = "where the run writes"},
        PARAM_END};
static const struct param checkpoint_rows[] = {
        {.key = "every_seconds", .kind = PARAM_REAL, .offset = PART(checkpoint, every_seconds), .fallback = "600",
         .range = "(0, inf)", .unit = "s", .operational = true, .help = "a checkpoint that often"},
        {.key = "keep", .kind = PARAM_INTEGER, .offset = PART(checkpoint, keep), .fallback = "2", .range = "[1, 1000]",
         .operational = true, .help = "checkpoints kept"},
        PARAM_END};
static const struct param sample_rows[] = {
        {.key = "seed", .kind = PARAM_INTEGER, .offset = offsetof(struct sample, seed),
         .range = "[0, 9223372036854775807]", .help = "every random number follows from it"},
        {.key = "population", .kind = PARAM_TABLE, .offset = offsetof(struct sample, population),
         .rows = population_rows, .help = "the particles"},
        {.key = "score", .kind = PARAM_TABLE, .offset = offsetof(struct sample, score), .rows = score_rows,
         .help = "the score field that moves them"},
        {.key = "levels", .kind = PARAM_TABLE, .offset = offsetof(struct sample, levels), .rows = levels_rows,
         .fallback = "{}", .help = "the noise levels"},
        {.key = "sampler", .kind = PARAM_TABLE, .offset = offsetof(struct sample, sampler), .rows = sampler_rows,
         .check = sampler_check, .help = "how they move at each level"},
        {.key = "output", .kind = PARAM_TABLE, .offset = offsetof(struct sample, output), .rows = output_rows,
         .fallback = "{}", .help = "what is written, and where"},
        {.key = "checkpoint", .kind = PARAM_TABLE, .offset = offsetof(struct sample, checkpoint),
         .rows = checkpoint_rows, .fallback = "{}", .help = "when the run saves itself"},
        PARAM_END};

#endif
