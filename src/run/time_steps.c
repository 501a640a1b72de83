/* Levels and time steps of a reverse sampler. The time steps alone decide where particles go; a level is one of their
 * points, the nearest to the sigma it asks for, where the run takes a snapshot. A run from data to noise has its levels
 * and time steps turned round once they are brought together. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pieces.h"
#include "sculptor/memory.h"

/* Noising goes from level to level, and begins at the data. */
static struct time_grid *noising_grid(const struct run *run)
{
        const size_t n = run->levels.n;
        double *sigma = allocate(n + 1, sizeof *sigma); /* zeros */
        memcpy(sigma, run->levels.sigma, n * sizeof *sigma);
        struct time_grid *grid = time_grid_create(&run->process, sigma, sigma[n - 1] > 0 ? n + 1 : n);
        free(sigma);
        return grid;
}

/* The points of the grid: what sampler.time_steps say, or the levels. NULL where there is a problem. */
static struct time_grid *build_grid(const struct run *run, struct input *input)
{
        const struct sampler_settings *settings = &run->settings.sampler;
        if (run->options.noises)
                return noising_grid(run);
        if (sampler_steps_at_levels(settings))
                return time_grid_create(&run->process, run->levels.sigma, run->levels.n);
        const struct levels_type *type = settings->time_steps.type.type;
        const struct levels_context context = {.n_dim = run->score->n_dim, .process = &run->process,
                                               .steps_per_level = 1};
        struct levels points = {.n = 0};
        const char *why = type->build(settings->time_steps.type.settings, &context, &points);
        struct time_grid *grid = NULL;
        if (why)
                input_add_problem(input, "sampler.time_steps", "%s", why);
        else
                grid = time_grid_create(&run->process, points.sigma, points.n);
        levels_release(&points);
        return grid;
}

static const char *where_steps_may_go(const struct run *run, double sigma)
{
        return run_is_clean_only(run) ? "use a Langevin or Hamiltonian sampler, and levels: {type: constant, sigma: 0}"
               : run_undefined_at(run, 1) ? "here it is not"
               : sigma > 0                ? "end them at a larger sigma"
                                          : "end them above 0";
}

/* What no step can go along. */
static bool grid_fits(const struct run *run, const struct time_grid *grid, struct input *input)
{
        const char *key = sampler_steps_at_levels(&run->settings.sampler) ? "levels" : "sampler.time_steps";
        if (grid->n < 2 && run->options.noises) {
                input_add_problem(input, key,
                                  "forward needs levels above 0, e.g. levels: {type: geometric, sigma_max: 20, "
                                  "sigma_min: 1, count: 10}");
                return false;
        }
        if (grid->n < 2) {
                input_add_problem(input, key,
                                  "%s steps from one noise to the next and needs two points at least; give time_steps: "
                                  "{type: geometric, sigma_max: ..., sigma_min: ..., count: ...}",
                                  sampler_scheme(&run->settings.sampler)->name);
                return false;
        }
        for (size_t i = 0; i < grid->n; i++) {
                const struct time_point *point = &grid->point[i];
                const char *undefined = run->options.noises ? NULL : run_undefined_at(run, point->sigma);
                if (i > 0 && !(point->sigma < grid->point[i - 1].sigma)) {
                        input_add_problem(input, key, "time step %zu repeats sigma %g; every step goes to less noise",
                                          i, point->sigma);
                        return false;
                }
                if (undefined) {
                        input_add_problem(input, key,
                                          "point %zu has sigma %g: %s; reverse samplers need a score that is defined "
                                          "at every time step: %s",
                                          i + 1, point->sigma, undefined, where_steps_may_go(run, point->sigma));
                        return false;
                }
                if (!(point->sigma <= run->process.type->sigma_max(run->process.settings)) || !isfinite(point->time) ||
                    !(point->scale > 0)) {
                        input_add_problem(input, key,
                                          "point %zu, sigma %g, is beyond what %s reaches (sigma %g at the most)",
                                          i + 1, point->sigma, run->process.type->name,
                                          run->process.type->sigma_max(run->process.settings));
                        return false;
                }
        }
        return true;
}

/* A level takes the place of a point near it. One alone asks for nothing but the end. */
static bool levels_are_near(const struct run *run, struct input *input)
{
        const struct time_grid *grid = run->grid;
        const double first = grid->point[0].sigma, last = grid->point[grid->n - 1].sigma, near = 2;
        for (size_t i = 0; i < run->levels.n && run->levels.n > 1; i++) {
                const double sigma = run->levels.sigma[i];
                if (sigma <= near * first && sigma >= last / near)
                        continue;
                input_add_problem(input, "levels",
                                  "level %zu has sigma %g, but sampler.time_steps go from sigma %g to %g only; levels "
                                  "are taken from the time steps, so let both cover the same",
                                  i + 1, sigma, first, last);
                return false;
        }
        return true;
}

/* A level per point at most; the first is where the steps begin (alone, it is where they end), the last where they
 * end. */
static void place_levels(struct run *run, struct input *input)
{
        const size_t n = run->levels.n;
        run->level_ends = allocate(n, sizeof *run->level_ends);
        for (size_t i = 0; i < n; i++)
                run->level_ends[i] = (int64_t)time_grid_nearest(run->grid, run->levels.sigma[i]);
        if (run->options.noises || !levels_are_near(run, input))
                return; /* of noising: a point each, exactly */
        run->level_ends[0] = 0;
        run->level_ends[n - 1] = (int64_t)run->grid->n - 1;
        for (size_t i = 0; i < n; i++) {
                if (i > 0 && run->level_ends[i] <= run->level_ends[i - 1]) {
                        input_add_problem(input, "levels",
                                          "levels %zu and %zu (sigma %g and %g) fall on one of the %zu time steps; "
                                          "fewer levels, or more time steps",
                                          i, i + 1, run->levels.sigma[i - 1], run->levels.sigma[i], run->grid->n - 1);
                        return;
                }
                run->levels.sigma[i] = run->grid->point[run->level_ends[i]].sigma;
        }
}

/* Data first: the first level is where the steps begin, or, of noising, where the first one ends. */
static void turn_round(struct run *run)
{
        const size_t n = run->levels.n;
        const int64_t last = (int64_t)run->grid->n - 1;
        if (n == 1 && !run->options.noises) { /* it is where the steps end */
                run->levels.sigma[0] = run->grid->point[0].sigma;
                time_grid_reverse(run->grid);
                return;
        }
        for (size_t i = 0; i < (n + 1) / 2; i++) {
                const size_t k = n - 1 - i;
                const double sigma = run->levels.sigma[i];
                const int64_t end = run->level_ends[i];
                run->levels.sigma[i] = run->levels.sigma[k];
                run->levels.sigma[k] = sigma;
                run->level_ends[i] = last - run->level_ends[k];
                if (k != i)
                        run->level_ends[k] = last - end;
        }
        time_grid_reverse(run->grid);
}

static void refuse_unfit(const struct run *run, struct input *input)
{
        const struct sampler_settings *settings = &run->settings.sampler;
        const struct scheme *scheme = sampler_scheme(settings);
        const char *unfit = scheme->unfit ? scheme->unfit(sampler_scheme_settings(settings), run->grid, run->score)
                                          : NULL;
        if (unfit)
                input_add_problem(input, "sampler", "%s", unfit);
}

void run_check_time_steps(struct run *run, struct input *input)
{
        if (run->score->type->tempered && !run->options.noises)
                input_add_problem(input, "sampler.type",
                                  "%s above sigma 0 is not the noised target, and cannot be sampled by undoing noise; "
                                  "use annealed_langevin",
                                  run->score->type->name);
        const char *key, *why = sampler_unfit(&run->settings.sampler, run->score, &key);
        if (why)
                input_add_problem(input, key, "%s", why);
        struct time_grid *grid = build_grid(run, input);
        if (!grid)
                return;
        run->grid = grid;
        if (!grid_fits(run, grid, input))
                return;
        if (!run->options.inverts)
                refuse_unfit(run, input);
        place_levels(run, input);
        if (run->options.ascends) {
                if (run->settings.sampler.denoise)
                        input_add_problem(input, "sampler.denoise",
                                          "there is nothing to take away where noise is added");
                turn_round(run);
                if (run->options.inverts)
                        refuse_unfit(run, input); /* that the scheme can leave the data */
                return;
        }
        if (run->settings.sampler.denoise && grid->point[grid->n - 1].sigma == 0)
                input_add_problem(input, "sampler.denoise",
                                  "the last time step ends at sigma 0: there is no noise to "
                                  "take away");
}
