#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pieces.h"
#include "sculptor/error.h"
#include "sculptor/field_file.h"
#include "sculptor/files.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"
#include "sculptor/rng.h"
#include "sculptor/text.h"
#include "sculptor/weights.h"

enum { LARGEST_INPUT = 1 << 24 }; /* bytes: nobody writes more by hand */

/* ---- what one section's rows cannot know of another's ---- */

/* The levels follow from the score's diameter and dimension too. */
void run_build_levels(struct run *run, struct input *input)
{
        const struct selection *selected = &run->settings.levels.type;
        const struct levels_type *type = selected->type;
        const struct score_type *score = run->score->type;
        const struct levels_context context = {.n_dim = run->score->n_dim,
                                         .diameter = score->diameter ? score->diameter(run->score->model) : 0,
                                         .steps_per_level = run->settings.sampler.steps_per_level,
                                         .process = &run->process};
        const char *why = type->build(selected->settings, &context, &run->levels);
        if (why) {
                input_add_problem(input, "levels", "%s", why);
                return;
        }
        if (run->levels.n > RNG_MAX_LEVELS - 2) {
                input_add_problem(input, "levels",
                                  "%zu levels are more than %d, for each has random numbers of its own; fewer levels "
                                  "(sampler.time_steps may be more)",
                                  run->levels.n, RNG_MAX_LEVELS - 2);
                levels_release(&run->levels);
                return;
        }
        if (run->options.inspects || run->options.likelihood || sampler_scheme(&run->settings.sampler)->diffusion)
                return; /* levels will be time steps, which are checked, or only the first counts */
        for (size_t i = 0; i < run->levels.n; i++) {
                const double sigma = run->levels.sigma[i];
                const char *undefined = run_undefined_at(run, sigma);
                if (undefined) {
                        input_add_problem(input, "levels", "level %zu has sigma %g: %s%s", i + 1, sigma, undefined,
                                          run_is_clean_only(run)     ? "; use levels: {type: constant, sigma: 0}"
                                          : run_undefined_at(run, 1) ? ""
                                          : sigma > 0                ? "; end the levels at a larger sigma"
                                                                     : "; end the levels above 0");
                        return;
                }
        }
}

static void check_sampler(struct run *run, struct input *input)
{
        const struct sampler_settings *settings = &run->settings.sampler;
        const struct scheme *scheme = sampler_scheme(settings);
        double sigma_last = run->levels.sigma[run->levels.n - 1];
        const struct score_type *score = run->score->type;
        if (run->options.inverts && (!scheme->deterministic || sampler_inpainting(settings))) {
                input_add_problem(
                        input, "sampler.type",
                        "%s cannot be undone; invert needs an ODE: probability_flow, or dpm_solver (whose order "
                        "1 is ddim with eta 0)",
                        sampler_inpainting(settings) ? "inpainting" : scheme->name);
                return;
        }
        if (scheme->needs_filter && !score->filter)
                input_add_problem(input, "sampler.type",
                                  "%s works with a field's power spectrum, which %s does not have; use %s",
                                  scheme->name, score->name, scheme->needs_log_density ? "mala" : "ula");
        const char *singular = score->singular_at ? score->singular_at(run->score->model, sigma_last) : NULL;
        if (singular && scheme->langevin && !scheme->needs_filter)
                input_add_problem(input, "sampler.type", "level %zu has sigma %g: %s", run->levels.n, sigma_last,
                                  singular);
        if (scheme->needs_log_density && !run->score->type->log_density)
                input_add_problem(input, "sampler.type", "%s needs log p, which %s does not have; use ula",
                                  scheme->name, run->score->type->name);
        if (scheme->diffusion) {
                run->step_size = NAN;
                run_check_time_steps(run, input);
                return;
        }
        if (strcmp(run->process.type->name, "edm") != 0 && !run->options.likelihood)
                input_add_problem(input, "process.type",
                                  "%s is undone by reverse samplers, and %s is none; remove it, or use e.g. "
                                  "predictor_corrector or probability_flow",
                                  run->process.type->name, scheme->name);
        run->step_size = isnan(settings->step_size) ? run->levels.step_size : settings->step_size;
        if (isnan(run->step_size))
                input_add_problem(input, "sampler.step_size",
                                  "auto needs levels: {type: ncsnv2}, whose rules choose it; give a number");
        if (sampler_is_annealed(settings) && !(sigma_last > 0))
                input_add_problem(input, "sampler.type",
                                  "annealed_langevin scales its step by sigma^2 and needs levels with sigma > 0, "
                                  "e.g. levels: {type: geometric, sigma_max: 20, sigma_min: 1, count: 10}");
        if (settings->denoise && !(sigma_last > 0))
                input_add_problem(input, "sampler.denoise",
                                  "the last level has sigma 0: there is no noise to take away");
        if (settings->denoise && score->tempered)
                input_add_problem(input, "sampler.denoise",
                                  "%s above sigma 0 is not the noised target, and has no such mean; end with sigma 0",
                                  score->name);
        if (settings->adapt_steps > 0 && !scheme->adapts)
                input_add_problem(input, "sampler.adapt_steps", "%s has no acceptance to adapt to; use mala or hmc",
                                  scheme->name);
}

/* Exact draws have one level, the target itself. */
static void clean_level(struct run *run)
{
        levels_release(&run->levels);
        run->levels.n = 1;
        run->levels.sigma = allocate(1, sizeof *run->levels.sigma);
        run->settings.sampler.denoise = false;
}

/* Sizes of files and offsets in them are signed and have 64 bits. */
static void check_size(struct run *run, struct input *input)
{
        int64_t n = run->settings.population.particles, n_dim = run->score->n_dim;
        const double arrays = 2, columns = 3, largest = 0x1p63;
        if (8 * arrays * ((double)n + LANES) * ((double)n_dim + columns) >= largest)
                input_add_problem(input, "population.particles", "%lld %s of %lld %s fit in no file", (long long)n,
                                  run->mesh ? "fields" : "particles", (long long)n_dim,
                                  run->mesh ? "cells" : "coordinates");
}

/* Collective. One rank may have met a bad cell, or not the file; false where any has a reason. */
static bool agree_on_score(struct input *input, const char *section, const char *why, const char *key)
{
        struct { char reason[1024], path[64]; } told = {.reason = ""};
        snprintf(told.reason, sizeof told.reason, "%s", why ? why : "");
        snprintf(told.path, sizeof told.path, "%s%s%s", section, key ? "." : "", key ? key : "");
        if (!run_agree_on(told.reason, sizeof told))
                return true;
        input_add_problem(input, told.path, "%s", told.reason);
        return false;
}

bool run_create_score(struct run *run, struct input *input, const struct selection *selected, const char *section)
{
        const char *key = NULL;
        const struct score_context context = {.seed = (uint64_t)run->settings.seed, .look_only = !parallel_active(),
                                              .inspect_field = field_inspect, .read_field = field_read,
                                              .read_any = field_read_any, .read_weights = weights_read,
                                              .file_digest = file_digest,
                                              .key = &key};
        const char *why = score_open(selected->type, selected->settings, &context); /* which sets the key */
        if (!agree_on_score(input, section, why, key) || !run_split(run, input))
                return false;
        run->score = score_create(selected->type, selected->settings);
        const struct score_type *type = run->score->type;
        run->mesh = type->mesh ? type->mesh(run->score->model) : NULL;
        key = NULL;
        why = type->load ? type->load(run->score->model, &context) : NULL;
        return agree_on_score(input, section, why, key);
}

void run_check_sections(struct run *run, struct input *input)
{
        if (!run_create_score(run, input, &run->settings.score.type, "score"))
                return;
        check_size(run, input);
        if (run->options.draws_fields) {
                clean_level(run);
                return;
        }
        run->initial = run->settings.population.initial.type;
        if (run->options.likelihood)
                run_take_data(run);
        run->process = (struct process){run->settings.process.type.type, run->settings.process.type.settings};
        run_check_initial(run, input);
        run_build_levels(run, input);
        if (run->options.likelihood) {
                run->step_size = 1; /* of a sampler that takes no step */
                run->settings.sampler.denoise = false;
                run_check_likelihood(run, input);
                return;
        }
        if (run->levels.n == 0)
                return;
        if (run->options.checks && input_has(input, "likelihood")) /* before its levels become time steps */
                run_check_for_likelihood(run, input);
        check_sampler(run, input);
}

/* ---- reading ---- */

void run_stop_on_problems(const struct input *input)
{
        size_t n = input_problems(input);
        if (n == 0)
                return;
        if (parallel_rank() == 0)
                for (size_t i = 0; i < n; i++)
                        fprintf(stderr, "%s\n", input_problem(input, i));
        leave_all(STATUS_BAD_INPUT);
}

/* Of commands whose files are not a sampler's, else "". */
static const char *command_name(const struct run *run)
{
        const struct options *options = &run->options;
        return options->draws_fields ? "field"
               : options->noises     ? "forward"
               : options->inverts    ? "invert"
               : options->likelihood ? "likelihood"
               : options->trains     ? "train"
               : options->inspects   ? "inspect"
                                     : "";
}

/* "runs/" and the input's name without its ending, where nothing else is said. */
static char *choose_directory(const struct run *run)
{
        if (run->options.output)
                return copy_text(run->options.output);
        if (*run->settings.output.directory)
                return copy_text(run->settings.output.directory);
        const char *slash = strrchr(run->options.input, '/'), *name = slash ? slash + 1 : run->options.input;
        const char *dot = strrchr(name, '.');
        int length = dot && dot > name ? (int)(dot - name) : (int)strlen(name);
        const char *command = command_name(run);
        return format_text("runs/%.*s%s%s", length, name, *command ? "_" : "", command);
}

static char *join_overrides(const struct options *options)
{
        char *text = copy_text("");
        for (size_t i = 0; i < options->n_set; i++) {
                char *longer = format_text("%s%s\n", text, options->set[i]);
                free(text);
                text = longer;
        }
        return text;
}

struct input *run_read_input(struct run *run, const struct options *options, const struct param *rows)
{
        run->options = *options;
        run->rows = rows;
        deadline_begin(&run->deadline, options->max_seconds, INFINITY);
        size_t length = 0;
        const char *why = NULL;
        run->input_text = text_read_all(options->input, LARGEST_INPUT, &length, &why);
        require_all(run->input_text != NULL, "%s", why);
        struct input *input = input_parse(options->input, run->input_text, length, options->set, options->n_set);
        input_read(input, rows, &run->settings);
        run_stop_on_problems(input);
        return input;
}

void run_name_itself(struct run *run)
{
        run->directory = choose_directory(run);
        run->overrides = join_overrides(&run->options);
        run->echo = params_echo(run->rows, &run->settings, false);
        if (*command_name(run)) { /* its files must not be taken for a sampler's */
                char *own = run->options.likelihood ? run_likelihood_echo(run) : copy_text("");
                char *echo = format_text("command: %s\n%s%s", command_name(run), run->echo, own);
                free(own);
                free(run->echo);
                run->echo = echo;
        }
        run->provenance = provenance_of(run);
        run->deadline.every_seconds = run->settings.checkpoint.every_seconds;
}

struct run *run_configure(const struct options *options)
{
        struct run *run = allocate(1, sizeof *run);
        const bool needs_none = options->draws_fields || options->noises || options->likelihood;
        struct input *input = run_read_input(run, options, configuration_rows(needs_none ? FOR_FIELDS : FOR_SAMPLING));
        const struct sampler_settings asked = run->settings.sampler; /* noising needs none of it */
        if (options->noises)
                run->settings.sampler = sampler_noising_settings();
        run_check_sections(run, input);
        run_stop_on_problems(input);
        input_free(input);

        run->sampler = sampler_create(&run->settings.sampler, run->step_size, run->levels.sigma[run->levels.n - 1],
                                      (uint64_t)run->settings.seed);
        if (options->noises)
                run->settings.sampler = asked;
        run_name_itself(run);
        if (run->grid)
                sampler_set_grid(run->sampler, run->grid);
        run_series_create(run);
        return run;
}
