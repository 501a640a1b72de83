/* The first population: whether particles can start where the input says, told before anything is written; drawing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pieces.h"
#include "sculptor/error.h"
#include "sculptor/field_file.h"
#include "sculptor/files.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

enum { ROWS_AT_ONCE = 1 << 19 }; /* doubles read at a time */

/* Collective. What the lowest rank that has a reason says, on every rank; false where none has one. */
bool run_agree_on(char *reason, size_t size)
{
        const int lowest = (int)parallel_min(*reason ? parallel_rank() : parallel_size());
        if (lowest == parallel_size())
                return false;
        parallel_broadcast(reason, size, lowest);
        return true;
}

/* Of the file that particles come from, how many are read. */
static int64_t initial_rows(const struct run *run)
{
        const struct initial_type *type = run->initial.type;
        const int64_t n = run->settings.population.particles;
        return type->rows ? type->rows(run->initial.settings, n) : n;
}

static const char *what_is_read(const struct run *run)
{
        return ((const struct initial_type *)run->initial.type)->rows ? "those its paths join" : "population.particles";
}

static const char *initial_key(const struct run *run)
{
        return run->data.path ? "likelihood.data" : "population.initial.path";
}

/* Collective. Every rank reads its share of the rows once, so that a value that is not finite is bad input
 * like any other: told before anything is written. The lowest rank's reason is everybody's. */
static void check_rows(struct run *run, struct input *input)
{
        const struct initial_file_settings *file = run->initial.settings;
        int64_t n = initial_rows(run), n_dim = run->score->n_dim, size = parallel_size();
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
        if (run_agree_on(reason, sizeof reason))
                input_add_problem(input, initial_key(run), "%s", reason);
}

static void check_initial_file(struct run *run, struct input *input)
{
        const struct initial_file_settings *file = run->initial.settings;
        struct { struct dataset_shape shape; char why[1024]; } look = {.why = ""};
        if (parallel_rank() == 0) {
                const char *why = dataset_inspect(file->path, file->dataset, &look.shape);
                snprintf(look.why, sizeof look.why, "%s", why ? why : "");
        }
        parallel_broadcast(&look, sizeof look, 0);
        const char *key = initial_key(run);
        if (*look.why)
                input_add_problem(input, key, "%s", look.why);
        else if (look.shape.n_columns != run->score->n_dim)
                input_add_problem(input, key, "%s in %s has %lld columns, but the score has %lld coordinates",
                                  file->dataset, file->path, (long long)look.shape.n_columns,
                                  (long long)run->score->n_dim);
        else if (look.shape.n_rows < initial_rows(run))
                input_add_problem(input, key, "%s in %s has %lld rows, fewer than %s, %lld", file->dataset, file->path,
                                  (long long)look.shape.n_rows, what_is_read(run), (long long)initial_rows(run));
        else
                check_rows(run, input);
}

/* Fields of an ensemble, (realization, [z,] y, x), or one alone. */
static void check_initial_fields(struct run *run, struct input *input)
{
        const struct initial_file_settings *file = run->initial.settings;
        int64_t n_fields = 0;
        char reason[1024] = "";
        const char *why = fields_inspect(file->path, file->dataset, run->mesh, &n_fields);
        snprintf(reason, sizeof reason, "%s", why ? why : "");
        if (run_agree_on(reason, sizeof reason))
                input_add_problem(input, initial_key(run), "%s", reason);
        else if (n_fields < initial_rows(run))
                input_add_problem(input, initial_key(run), "%s in %s has %lld fields, fewer than %s, %lld",
                                  file->dataset, file->path, (long long)n_fields, what_is_read(run),
                                  (long long)initial_rows(run));
}

void run_check_initial(struct run *run, struct input *input)
{
        const struct selection *initial = &run->initial;
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
        const int64_t asked = run->settings.population.particles;
        const int64_t made = type->particles ? type->particles(initial->settings, run->score->n_dim, asked) : asked;
        if (made != asked)
                input_add_problem(input, "population.particles", "is %lld, but initial: {type: %s} makes %lld here",
                                  (long long)asked, type->name, (long long)made);
        else if (type->from_file)
                (run->mesh ? check_initial_fields : check_initial_file)(run, input);
        if (strcmp(type->name, "target") == 0 && !run->score->type->draw)
                input_add_problem(input, "population.initial.type", "%s cannot be drawn from; use normal or uniform",
                                  run->score->type->name);
}

/* ---- drawing ---- */

struct target_draws {
        const struct score *score;
        struct rng_stream stream;
        const struct mesh *mesh;
};

static void draw_target(void *owner, uint64_t first_particle, double *x)
{
        struct target_draws *draws = owner;
        draws->score->type->draw(draws->score->model, &draws->stream, first_particle, x);
}

static const char *read_field(void *owner, const char *path, const char *name, int64_t index, double *x)
{
        const struct target_draws *draws = owner;
        return fields_read_one(path, name, draws->mesh, index, x);
}

void run_draw_initial(struct run *run, double sigma, const struct time_point *first)
{
        const struct initial_type *type = run->initial.type;
        struct target_draws draws = {.score = run->score, .mesh = run->mesh,
                                     .stream = {.seed = (uint64_t)run->settings.seed, .purpose = RNG_TARGET}};
        struct initial_context context = {.seed = (uint64_t)run->settings.seed,
                                          .sigma_first = sigma,
                                          .target_scale = first->scale,
                                          .target_deviation = process_standard_deviation(first),
                                          .draw_target = run->score->type->draw ? draw_target : NULL,
                                          .owner = &draws,
                                          .read_rows = dataset_read_rows,
                                          .read_field = read_field};
        const char *why = type->draw(run->initial.settings, &context, run->population);
        require_all(!why, "%s: %s", run->data.path ? "likelihood.data" : "population.initial", why ? why : "");
}
