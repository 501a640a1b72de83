/* The command `field`: an ensemble of exact draws, and what a score knows exactly (wiener.h5). */
#include <inttypes.h>
#include <stdlib.h>

#include "pieces.h"
#include "sculptor/error.h"
#include "sculptor/field_file.h"
#include "sculptor/files.h"
#include "sculptor/log.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

void run_write_products(struct run *run)
{
        const struct score_type *type = run->score->type;
        if (!run->mesh || !type->products)
                return;
        struct score_product product[SCORE_MAX_PRODUCTS];
        struct field_output output[SCORE_MAX_PRODUCTS];
        const size_t n = type->products(run->score->model, product);
        for (size_t i = 0; i < n; i++)
                output[i] = (struct field_output){.name = product[i].name, .unit = product[i].unit,
                                                  .help = product[i].help, .field = product[i].field};
        char *path = format_text("%s/wiener.h5", run->directory);
        const char *why = fields_write(path, run->mesh, output, n, &run->provenance);
        succeed_all(!why, "%s", why ? why : "");
        free(path);
}

struct run *run_configure_field(const struct options *options)
{
        struct run *run = run_configure(options);
        const struct score_type *type = run->score->type;
        require_all(run->mesh != NULL,
                    "%s: score.type: %s is no random field; sculptor field draws gaussian_field, "
                    "lognormal_field and posterior",
                    options->input, type->name);
        require_all(type->draw != NULL, "%s: score.type: %s has no exact draws", options->input, type->name);
        return run;
}

static void draw(struct run *run)
{
        run->population = run_create_population(run, run->settings.population.particles, false, 0);
        const struct rng_stream stream = {.seed = (uint64_t)run->settings.seed, .purpose = RNG_TARGET};
        for (size_t t = 0; t < run->population->n_tiles; t++)
                run->score->type->draw(run->score->model, &stream,
                                       (uint64_t)population_first_particle(run->population, t),
                                       population_tile(run->population, t));
}

void run_draw_fields(struct run *run)
{
        const double begin = seconds_now();
        run_take_directory(run);
        run_examine_directory(run);
        run_plan(run, NULL, NULL);
        draw(run);
        run_claim_directory(run);
        const double drawn = seconds_now();
        run->pace.level_start = begin;
        run_write_products(run);

        struct score_level *level = score_level_create(run->score, 0);
        run_write_snapshot(run, 1, 0, level);
        double *row = run_series_measure(run, level);
        score_level_free(level);
        run->mark.wall_seconds = run->mark.level_seconds = drawn - begin;
        run_series_append(run, row);
        char *path = format_text("%s/series.h5", run->directory);
        const char *why = series_write(run->series, path, &run->provenance);
        succeed_all(!why, "%s", why ? why : "");
        free(path);
        log_line("done: %" PRId64 " field%s of %" PRId64 " cells drawn in %.2f s; %s/snapshot_0001.h5, %s/series.h5",
                 run->population->n_global, run->population->n_global == 1 ? "" : "s", run->score->n_dim, drawn - begin,
                 run->directory, run->directory);
        log_close();
        directory_unlock();
        run_free(run);
}
