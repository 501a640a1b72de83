/* The points of a regular grid, for maps: of a density, a score, or where points flow to. */
#include <math.h>

#include "initial_types.h"

struct grid_settings {
        struct initial_box box;
        int64_t points_per_axis;
};

static const struct param grid_params[] = {
        {.key = "low", .kind = PARAM_VECTOR, .offset = offsetof(struct grid_settings, box.low), .unit = "x",
         .help = "first point: a number for all coordinates or one for each"},
        {.key = "high", .kind = PARAM_VECTOR, .offset = offsetof(struct grid_settings, box.high), .unit = "x",
         .help = "last point: a number for all coordinates or one for each"},
        {.key = "points_per_axis", .kind = PARAM_INTEGER, .offset = offsetof(struct grid_settings, points_per_axis),
         .range = "[2, 1048576]", .help = "points along each coordinate; population.particles is their power n_dim"},
        PARAM_END};

/* points_per_axis^n_dim, INT64_MAX where it is more. */
static int64_t grid_particles(const void *configured, int64_t n_dim, int64_t asked)
{
        const struct grid_settings *settings = configured;
        int64_t n = 1;
        (void)asked;
        for (int64_t j = 0; j < n_dim; j++)
                if (__builtin_mul_overflow(n, settings->points_per_axis, &n))
                        return INT64_MAX;
        return n;
}

static const char *grid_draw(const void *configured, const struct initial_context *context,
                             struct population *population)
{
        const struct grid_settings *settings = configured;
        const int64_t n = settings->points_per_axis;
        (void)context;
        for (size_t t = 0; t < population->n_tiles; t++) {
                double *x = population_tile(population, t);
                for (int lane = 0; lane < LANES; lane++) {
                        int64_t rest = population_first_particle(population, t) + lane;
                        for (int64_t j = 0; j < population->n_dim; j++, rest /= n) {
                                const double low = initial_element(&settings->box.low, j),
                                             high = initial_element(&settings->box.high, j);
                                const double along = (double)(rest % n) / (double)(n - 1);
                                x[j * LANES + lane] = fma(along, high, fma(-along, low, low));
                        }
                }
        }
        population_pad(population);
        return NULL;
}

const struct initial_type initial_grid = {
        .name = "grid", .help = "the points of a regular grid between two corners, the first coordinate fastest",
        .params = grid_params, .settings_size = sizeof(struct grid_settings), .check = initial_box_check,
        .dimension = initial_box_dimension, .particles = grid_particles, .draw = grid_draw,
};
