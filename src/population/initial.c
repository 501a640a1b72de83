#include "initial_types.h"

#include <math.h>
#include <stdlib.h>

#include "sculptor/memory.h"
#include "sculptor/rng.h"

/* ---- shared ---- */

static struct rng_stream first_draws(const struct initial_context *context)
{
        return (struct rng_stream){.seed = context->seed, .purpose = RNG_INITIAL};
}

/* N(0, 1) for tile t, in the layout of the population. */
static void draw_normals(const struct rng_stream *stream, const struct population *population, size_t t, double *z)
{
        const uint64_t particle = (uint64_t)population_first_particle(population, t);
        const struct field_layout *layout = &population->layout;
        if (!population_is_field(population)) {
                rng_normal(stream, particle, population->n_dim, z);
                return;
        }
        for (size_t p = 0; p < layout->n_planes_here; p++)
                rng_normal_row(stream, particle, (layout->plane_begin + (int64_t)p) * (int64_t)layout->plane_cells,
                               (int64_t)layout->plane_cells, z + p * layout->plane_stride);
}

/* ---- normal: N(mean, sigma^2 I) ---- */

struct normal_settings {
        struct real_vector mean;
        double sigma;
};

static const struct param normal_params[] = {
        {.key = "mean", .kind = PARAM_VECTOR, .offset = offsetof(struct normal_settings, mean), .fallback = "0",
         .unit = "x", .help = "centre: a number for all coordinates or one for each"},
        {.key = "sigma", .kind = PARAM_REAL, .offset = offsetof(struct normal_settings, sigma), .fallback = "auto",
         .automatic = "auto", .range = "(0, inf)", .unit = "x",
         .help = "standard deviation; auto: the first level's sigma, or 1 where that is 0"},
        PARAM_END};

static int64_t normal_dimension(const void *settings)
{
        return initial_vector_dimension(&((const struct normal_settings *)settings)->mean);
}

/* The spare cells of a plane stay 0. */
static void scale_field(const struct field_layout *layout, double sigma, double mean, double *x)
{
        for (size_t p = 0; p < layout->n_planes_here; p++)
                for (size_t i = 0; i < layout->plane_cells; i++) {
                        double *cell = x + p * layout->plane_stride + i;
                        *cell = fma(sigma, *cell, mean);
                }
}

static const char *normal_draw(const void *configured, const struct initial_context *context,
                               struct population *population)
{
        const struct normal_settings *settings = configured;
        double sigma = settings->sigma;
        if (isnan(sigma))
                sigma = context->sigma_first > 0 ? context->sigma_first : 1;
        struct rng_stream stream = first_draws(context);
        for (size_t t = 0; t < population->n_tiles; t++) {
                double *x = population_tile(population, t);
                draw_normals(&stream, population, t, x);
                if (population_is_field(population)) {
                        scale_field(&population->layout, sigma, settings->mean.value[0], x);
                        continue;
                }
                for (int64_t j = 0; j < population->n_dim; j++)
                        for (int lane = 0; lane < LANES; lane++)
                                x[j * LANES + lane] = fma(sigma, x[j * LANES + lane],
                                                          initial_element(&settings->mean, j));
        }
        population_pad(population);
        return NULL;
}

static const struct initial_type initial_normal = {
        .name = "normal", .help = "normal with one standard deviation for all coordinates: N(mean, sigma^2 I)",
        .params = normal_params, .settings_size = sizeof(struct normal_settings),
        .dimension = normal_dimension, .of_fields = true, .draw = normal_draw,
};

/* ---- uniform box ---- */

static const struct param uniform_params[] = {
        {.key = "low", .kind = PARAM_VECTOR, .offset = offsetof(struct initial_box, low), .unit = "x",
         .help = "lower edge of the box: a number for all coordinates or one for each"},
        {.key = "high", .kind = PARAM_VECTOR, .offset = offsetof(struct initial_box, high), .unit = "x",
         .help = "upper edge of the box: a number for all coordinates or one for each"},
        PARAM_END};

void initial_box_check(const void *configured, const struct params_scope *scope)
{
        const struct initial_box *settings = configured;
        size_t n_low = settings->low.n, n_high = settings->high.n, n = n_low > n_high ? n_low : n_high;
        if (n_low > 1 && n_high > 1 && n_low != n_high) {
                params_problem(scope, "high", "has %zu coordinates, but low has %zu; give as many, or one number",
                               n_high, n_low);
                return;
        }
        for (size_t j = 0; j < n; j++) {
                double low = initial_element(&settings->low, (int64_t)j),
                       high = initial_element(&settings->high, (int64_t)j);
                if (!(low < high)) {
                        params_problem(scope, "high", "%g is not above low, %g", high, low);
                        return;
                }
        }
}

int64_t initial_box_dimension(const void *configured)
{
        const struct initial_box *settings = configured;
        int64_t low = initial_vector_dimension(&settings->low);
        return low > 0 ? low : initial_vector_dimension(&settings->high);
}

static const char *uniform_draw(const void *configured, const struct initial_context *context,
                                struct population *population)
{
        const struct initial_box *settings = configured;
        struct rng_stream stream = first_draws(context);
        for (size_t t = 0; t < population->n_tiles; t++) {
                double *x = population_tile(population, t);
                rng_uniform(&stream, (uint64_t)population_first_particle(population, t), population->n_dim, x);
                for (int64_t j = 0; j < population->n_dim; j++) {
                        double low = initial_element(&settings->low, j),
                               width = initial_element(&settings->high, j) - low;
                        for (int lane = 0; lane < LANES; lane++)
                                x[j * LANES + lane] = fma(width, x[j * LANES + lane], low);
                }
        }
        population_pad(population);
        return NULL;
}

static const struct initial_type initial_uniform = {
        .name = "uniform", .help = "uniform in a box",
        .params = uniform_params, .settings_size = sizeof(struct initial_box), .check = initial_box_check,
        .dimension = initial_box_dimension, .draw = uniform_draw,
};

/* ---- the target itself, noised to the first level ---- */

static int64_t any_dimension(const void *settings)
{
        (void)settings;
        return 0;
}

static const char *target_draw(const void *settings, const struct initial_context *context,
                               struct population *population)
{
        (void)settings;
        if (!context->draw_target)
                return "this score cannot be drawn from; choose another initial type";
        double *noise = allocate(population->tile_size, sizeof *noise);
        struct rng_stream stream = first_draws(context);
        for (size_t t = 0; t < population->n_tiles; t++) {
                double *x = population_tile(population, t);
                uint64_t first = (uint64_t)population_first_particle(population, t);
                context->draw_target(context->owner, first, x);
                draw_normals(&stream, population, t, noise);
                for (size_t i = 0; i < population->tile_size; i++)
                        x[i] = fma(context->target_deviation, noise[i], context->target_scale * x[i]);
        }
        free(noise);
        population_pad(population);
        return NULL;
}

static const struct initial_type initial_target = {
        .name = "target", .help = "exact draws from the target, noised to the first level",
        .dimension = any_dimension, .of_fields = true, .draw = target_draw,
};

/* ---- a user's HDF5 data set ---- */

static const struct param file_params[] = {{.key = "path",
                                            .kind = PARAM_TEXT,
                                            .offset = offsetof(struct initial_file_settings, path),
                                            .help = "HDF5 file, relative to where the job runs"},
                                           {.key = "dataset",
                                            .kind = PARAM_TEXT,
                                            .offset = offsetof(struct initial_file_settings, dataset),
                                            .fallback = "state",
                                            .help = "data set in it of shape (particle, coordinate), or (realization, "
                                                    "[z,] y, x) for fields; the first are taken"},
                                           PARAM_END};

enum { ROWS_AT_ONCE_BYTES = 1 << 22 }; /* what reading needs beside the population */

static const char *file_draw(const void *configured, const struct initial_context *context,
                             struct population *population)
{
        const struct initial_file_settings *settings = configured;
        if (population_is_field(population)) {
                const char *bad = NULL;
                for (size_t t = 0; t < population->n_tiles && !bad; t++)
                        bad = context->read_field(context->owner, settings->path, settings->dataset,
                                                  population_first_particle(population, t),
                                                  population_tile(population, t));
                return bad;
        }
        int64_t row_bytes = population->n_dim * (int64_t)sizeof(double);
        int64_t at_once = ROWS_AT_ONCE_BYTES / row_bytes > 0 ? ROWS_AT_ONCE_BYTES / row_bytes : 1;
        double *rows = allocate((size_t)(at_once * population->n_dim), sizeof *rows);
        int64_t next = population_first(population), end = next + population_count(population);
        const char *why = NULL;
        while (next < end && !why) {
                int64_t count = end - next < at_once ? end - next : at_once;
                why = context->read_rows(settings->path, settings->dataset, next, count, rows);
                if (!why)
                        population_from_rows(population, population->x, next, count, rows);
                next += count;
        }
        free(rows);
        population_pad(population);
        return why;
}

const struct initial_type initial_file = {
        .name = "file", .help = "the rows of an HDF5 data set, one a particle",
        .params = file_params, .settings_size = sizeof(struct initial_file_settings),
        .dimension = any_dimension, .of_fields = true, .from_file = true, .draw = file_draw,
};

/* ---- the registry ---- */

static const struct initial_type *const initial_types[] = {&initial_normal, &initial_uniform, &initial_target,
                                                           &initial_file,   &initial_grid,    &initial_interpolation};

bool initial_variant(size_t i, struct param_variant *variant)
{
        if (i >= sizeof initial_types / sizeof *initial_types)
                return false;
        const struct initial_type *type = initial_types[i];
        *variant = (struct param_variant){.name = type->name, .help = type->help, .rows = type->params,
                                          .settings_size = type->settings_size, .check = type->check, .type = type};
        return true;
}
