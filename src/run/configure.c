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

enum { LARGEST_INPUT = 1 << 24 }; /* bytes: nobody writes more by hand */
enum { ROWS_AT_ONCE = 1 << 19 };  /* doubles read at a time */

/* ---- what one section's rows cannot know of another's ---- */

/* Collective. What the lowest rank that has a reason says, on every rank; false where none has one. */
static bool agree_on(char *reason, size_t size)
{
        const int lowest = (int)parallel_min(*reason ? parallel_rank() : parallel_size());
        if (lowest == parallel_size())
                return false;
        parallel_broadcast(reason, size, lowest);
        return true;
}

/* Collective. Every rank reads its share of the rows once, so that a value that is not finite is bad input
 * like any other: told before anything is written. The lowest rank's reason is everybody's. */
static void check_rows(struct run *run, struct input *input)
{
        const struct initial_file_settings *file = run->settings.population.initial.type.settings;
        int64_t n = run->settings.population.particles, n_dim = run->score->n_dim, size = parallel_size();
        int64_t share = n / size + 1, first = parallel_rank() * share, end = first + share < n ? first + share : n;
        int64_t at_once = ROWS_AT_ONCE / n_dim > 0 ? ROWS_AT_ONCE / n_dim : 1;
        double *rows = allocate((size_t)(at_once * n_dim), sizeof *rows);
        char reason[1024] = "";
        for (int64_t next = first; next < end && !*reason; next += at_once) {
                int64_t count = end - next < at_once ? end - next : at_once;
                const char *why = dataset_read_rows(file->path, file->dataset, next, count, rows);
                snprintf(reason, sizeof reason, "%s", why ? why : "");
        }
        free(rows);
        if (agree_on(reason, sizeof reason))
                input_add_problem(input, "population.initial.path", "%s", reason);
}

static void check_initial_file(struct run *run, struct input *input)
{
        const struct initial_file_settings *file = run->settings.population.initial.type.settings;
        struct { struct dataset_shape shape; char why[1024]; } look = {.why = ""};
        if (parallel_rank() == 0) {
                const char *why = dataset_inspect(file->path, file->dataset, &look.shape);
                snprintf(look.why, sizeof look.why, "%s", why ? why : "");
        }
        parallel_broadcast(&look, sizeof look, 0);
        const char *key = "population.initial.path";
        if (*look.why)
                input_add_problem(input, key, "%s", look.why);
        else if (look.shape.n_columns != run->score->n_dim)
                input_add_problem(input, key, "%s in %s has %lld columns, but the score has %lld coordinates",
                                  file->dataset, file->path, (long long)look.shape.n_columns,
                                  (long long)run->score->n_dim);
        else if (look.shape.n_rows < run->settings.population.particles)
                input_add_problem(input, key, "%s in %s has %lld rows, fewer than population.particles, %lld",
                                  file->dataset, file->path, (long long)look.shape.n_rows,
                                  (long long)run->settings.population.particles);
        else
                check_rows(run, input);
}

/* Fields of an ensemble, (realization, [z,] y, x), or one alone. */
static void check_initial_fields(struct run *run, struct input *input)
{
        const struct initial_file_settings *file = run->settings.population.initial.type.settings;
        int64_t n_fields = 0;
        char reason[1024] = "";
        const char *why = fields_inspect(file->path, file->dataset, run->mesh, &n_fields);
        snprintf(reason, sizeof reason, "%s", why ? why : "");
        if (agree_on(reason, sizeof reason))
                input_add_problem(input, "population.initial.path", "%s", reason);
        else if (n_fields < run->settings.population.particles)
                input_add_problem(input, "population.initial.path",
                                  "%s in %s has %lld fields, fewer than population.particles, %lld", file->dataset,
                                  file->path, (long long)n_fields, (long long)run->settings.population.particles);
}

static void check_initial(struct run *run, struct input *input)
{
        const struct selection *initial = &run->settings.population.initial.type;
        const struct initial_type *type = initial->type;
        int64_t n_dim = type->dimension(initial->settings);
        if (run->mesh && !type->of_fields) {
                input_add_problem(input, "population.initial.type",
                                  "%s is for particles; fields start from normal, target or file", type->name);
                return;
        }
        if (n_dim > 0 && run->mesh)
                input_add_problem(input, "population.initial",
                                  "has %lld numbers; fields start from one number for all cells", (long long)n_dim);
        else if (n_dim > 0 && n_dim != run->score->n_dim)
                input_add_problem(input, "population.initial",
                                  "has %lld coordinates, but the score has %lld; give as many, or one number for all",
                                  (long long)n_dim, (long long)run->score->n_dim);
        if (strcmp(type->name, "file") == 0)
                (run->mesh ? check_initial_fields : check_initial_file)(run, input);
        if (strcmp(type->name, "target") == 0 && !run->score->type->draw)
                input_add_problem(input, "population.initial.type", "%s cannot be drawn from; use normal or uniform",
                                  run->score->type->name);
}

/* The levels follow from the score's diameter and dimension too. */
static void build_levels(struct run *run, struct input *input)
{
        const struct selection *selected = &run->settings.levels.type;
        const struct levels_type *type = selected->type;
        const struct score_type *score = run->score->type;
        struct levels_context context = {.n_dim = run->score->n_dim,
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
        for (size_t i = 0; i < run->levels.n && score->undefined_at; i++) {
                const char *undefined = score->undefined_at(run->score->model, run->levels.sigma[i]);
                if (undefined) {
                        input_add_problem(input, "levels", "level %zu has sigma %g: %s", i + 1, run->levels.sigma[i],
                                          undefined);
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

void run_check_sections(struct run *run, struct input *input)
{
        if (!run_split(run, input))
                return;
        run->score = score_create(run->settings.score.type.type, run->settings.score.type.settings);
        const struct score_type *type = run->score->type;
        run->mesh = type->mesh ? type->mesh(run->score->model) : NULL;
        const char *key = NULL;
        const struct score_context context = {.seed = (uint64_t)run->settings.seed, .look_only = !parallel_active(),
                                              .inspect_field = field_inspect, .read_field = field_read,
                                              .read_any = field_read_any,
                                              .key = &key};
        const char *why = type->load ? type->load(run->score->model, &context) : NULL;
        struct { char reason[1024], path[64]; } told = {.reason = ""};
        snprintf(told.reason, sizeof told.reason, "%s", why ? why : "");
        snprintf(told.path, sizeof told.path, "score%s%s", key ? "." : "", key ? key : "");
        if (agree_on(told.reason, sizeof told)) { /* one rank may have met a bad cell */
                input_add_problem(input, told.path, "%s", told.reason);
                return;
        }
        check_size(run, input);
        if (run->options.draws_fields) {
                clean_level(run);
                return;
        }
        run->process = (struct process){run->settings.process.type.type, run->settings.process.type.settings};
        check_initial(run, input);
        build_levels(run, input);
        if (run->levels.n > 0)
                check_sampler(run, input);
}

/* ---- reading ---- */

static void stop_on_problems(const struct input *input)
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
        return run->options.draws_fields ? "field" : run->options.noises ? "forward" : "";
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

struct run *run_configure(const struct options *options)
{
        struct run *run = allocate(1, sizeof *run);
        run->options = *options;
        deadline_begin(&run->deadline, options->max_seconds, INFINITY);

        size_t length = 0;
        const char *why = NULL;
        run->input_text = text_read_all(options->input, LARGEST_INPUT, &length, &why);
        require_all(run->input_text != NULL, "%s", why);
        struct input *input = input_parse(options->input, run->input_text, length, options->set, options->n_set);
        const bool needs_none = options->draws_fields || options->noises;
        input_read(input, needs_none ? configuration_free_rows() : input_rows, &run->settings);
        stop_on_problems(input);
        const struct sampler_settings asked = run->settings.sampler; /* noising needs none of it */
        if (options->noises)
                run->settings.sampler = sampler_noising_settings();
        run_check_sections(run, input);
        stop_on_problems(input);
        input_free(input);

        run->sampler = sampler_create(&run->settings.sampler, run->step_size, run->levels.sigma[run->levels.n - 1],
                                      (uint64_t)run->settings.seed);
        if (options->noises)
                run->settings.sampler = asked;
        run->directory = choose_directory(run);
        run->overrides = join_overrides(options);
        run->echo = params_echo(input_rows, &run->settings, false);
        if (*command_name(run)) { /* its files must not be taken for a sampler's */
                char *echo = format_text("command: %s\n%s", command_name(run), run->echo);
                free(run->echo);
                run->echo = echo;
        }
        run->provenance = provenance_of(run);
        run->deadline.every_seconds = run->settings.checkpoint.every_seconds;
        if (run->grid)
                sampler_set_grid(run->sampler, run->grid);
        run_series_create(run);
        return run;
}
