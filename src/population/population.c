#include "sculptor/population.h"

#include <stdlib.h>
#include <string.h>

#include "sculptor/memory.h"
#include "sculptor/parallel.h"

/* Equal contiguous runs of tiles, the first `extra` ranks one longer; no product can overflow. */
static void share_tiles(struct population *population, int64_t rank, int64_t size)
{
        int64_t share = population->n_tiles_global / size, extra = population->n_tiles_global % size;
        population->tile_begin = rank * share + (rank < extra ? rank : extra);
        population->n_tiles = (size_t)(share + (rank < extra ? 1 : 0));
}

static void allocate_arrays(struct population *population, bool with_velocity, size_t n_memory)
{
        population->n_memory = n_memory;
        population->x = allocate(population->n_tiles, population->tile_size * sizeof(double));
        if (with_velocity)
                population->velocity = allocate(population->n_tiles, population->tile_size * sizeof(double));
        if (n_memory > 0)
                population->memory = allocate(population->n_tiles, n_memory * sizeof(double));
}

struct population *population_create(int64_t n_global, int64_t n_dim, bool with_velocity, size_t n_memory)
{
        struct population *population = allocate(1, sizeof *population);
        population->n_global = n_global;
        population->n_dim = n_dim;
        population->tile_particles = LANES;
        population->n_tiles_global = (n_global + LANES - 1) / LANES;
        share_tiles(population, parallel_rank(), parallel_size());
        population->tile_size = (size_t)n_dim * LANES;
        allocate_arrays(population, with_velocity, n_memory);
        return population;
}

struct population *population_create_fields(int64_t n_global, int64_t n_dim, const struct field_layout *layout,
                                            bool with_velocity, size_t n_memory)
{
        struct population *population = allocate(1, sizeof *population);
        population->n_global = population->n_tiles_global = n_global;
        population->n_dim = n_dim;
        population->tile_particles = 1;
        population->layout = *layout;
        share_tiles(population, parallel_ensemble_rank(), parallel_ensemble_size());
        population->tile_size = layout->n_planes_here * layout->plane_stride;
        allocate_arrays(population, with_velocity, n_memory);
        return population;
}

void population_keep_history(struct population *population, size_t n)
{
        for (size_t k = 0; k < n; k++)
                population->history[k] = allocate(population->n_tiles, population->tile_size * sizeof(double));
}

bool population_is_field(const struct population *population)
{
        return population->layout.n_planes > 0;
}

void population_free(struct population *population)
{
        if (!population)
                return;
        free(population->x);
        free(population->velocity);
        free(population->memory);
        for (size_t k = 0; k < POPULATION_MAX_HISTORY; k++)
                free(population->history[k]);
        free(population);
}

static size_t tile_offset(const struct population *population, size_t t)
{
        return t * population->tile_size;
}

double *population_tile(const struct population *population, size_t t)
{
        return population->x + tile_offset(population, t);
}

double *population_velocity(const struct population *population, size_t t)
{
        return population->velocity ? population->velocity + tile_offset(population, t) : NULL;
}

double *population_history(const struct population *population, size_t k, size_t t)
{
        return population->history[k] ? population->history[k] + tile_offset(population, t) : NULL;
}

double *population_memory(const struct population *population, size_t t)
{
        return population->memory ? population->memory + t * population->n_memory : NULL;
}

int64_t population_first_particle(const struct population *population, size_t t)
{
        return (population->tile_begin + (int64_t)t) * population->tile_particles;
}

int population_lanes(const struct population *population, size_t t)
{
        int64_t left = population->n_global - population_first_particle(population, t);
        return left < population->tile_particles ? (int)left : population->tile_particles;
}

int64_t population_first(const struct population *population)
{
        int64_t first = population->tile_begin * population->tile_particles;
        return first < population->n_global ? first : population->n_global;
}

int64_t population_count(const struct population *population)
{
        int64_t end = (population->tile_begin + (int64_t)population->n_tiles) * population->tile_particles;
        return (end < population->n_global ? end : population->n_global) - population_first(population);
}

struct population_slab population_slab(const struct population *population)
{
        const struct field_layout *layout = &population->layout;
        const int64_t first = population_first(population), count = population_count(population);
        if (!population_is_field(population))
                return (struct population_slab){.n_rows = population->n_global, .first = first, .count = count,
                                                .row_values = (size_t)population->n_dim, .n_runs = 1, .stride = count};
        return (struct population_slab){.n_rows = population->n_global * layout->n_planes,
                                        .row_values = layout->plane_cells,
                                        .first = first * layout->n_planes + layout->plane_begin,
                                        .count = (int64_t)layout->n_planes_here,
                                        .n_runs = count,
                                        .stride = layout->n_planes};
}

/* Where row `row` of a field lies. */
static size_t plane_offset(const struct population *population, int64_t row)
{
        const struct field_layout *layout = &population->layout;
        size_t t = (size_t)(row / layout->n_planes - population->tile_begin);
        return tile_offset(population, t) +
               (size_t)(row % layout->n_planes - layout->plane_begin) * layout->plane_stride;
}

/* The particles of a run of ids that lie in one tile: lanes first_lane .. first_lane + n - 1 of tile t. */
struct lanes {
        size_t t, first_lane, n;
};

static struct lanes lanes_from(const struct population *population, int64_t particle, int64_t end)
{
        size_t first_lane = (size_t)(particle % LANES), left = (size_t)(end - particle);
        return (struct lanes){.t = (size_t)(particle / LANES - population->tile_begin),
                              .first_lane = first_lane,
                              .n = left < LANES - first_lane ? left : LANES - first_lane};
}

void population_to_rows(const struct population *population, const double *array, int64_t first, int64_t count,
                        double *restrict rows)
{
        const size_t n_dim = (size_t)population->n_dim, cells = population->layout.plane_cells;
        if (population_is_field(population)) {
                for (int64_t i = 0; i < count; i++)
                        memcpy(rows + (size_t)i * cells, array + plane_offset(population, first + i),
                               cells * sizeof *rows);
                return;
        }
        for (int64_t i = 0; i < count;) {
                struct lanes lanes = lanes_from(population, first + i, first + count);
                const double *from = array + tile_offset(population, lanes.t) + lanes.first_lane;
                for (size_t lane = 0; lane < lanes.n; lane++, i++)
                        for (size_t j = 0; j < n_dim; j++)
                                *rows++ = from[j * LANES + lane];
        }
}

void population_from_rows(const struct population *population, double *array, int64_t first, int64_t count,
                          const double *restrict rows)
{
        const size_t n_dim = (size_t)population->n_dim, cells = population->layout.plane_cells;
        if (population_is_field(population)) {
                for (int64_t i = 0; i < count; i++)
                        memcpy(array + plane_offset(population, first + i), rows + (size_t)i * cells,
                               cells * sizeof *rows);
                return;
        }
        for (int64_t i = 0; i < count;) {
                struct lanes lanes = lanes_from(population, first + i, first + count);
                double *to = array + tile_offset(population, lanes.t) + lanes.first_lane;
                for (size_t lane = 0; lane < lanes.n; lane++, i++)
                        for (size_t j = 0; j < n_dim; j++)
                                to[j * LANES + lane] = *rows++;
        }
}

static void pad_array(const struct population *population, double *array)
{
        size_t last = population->n_tiles - 1;
        int n_lanes = population_lanes(population, last);
        double *tile = array + tile_offset(population, last);
        for (int64_t j = 0; j < population->n_dim; j++)
                for (int lane = n_lanes; lane < LANES; lane++)
                        tile[j * LANES + lane] = tile[j * LANES + n_lanes - 1];
}

void population_pad(struct population *population)
{
        if (population->n_tiles == 0 || population_is_field(population))
                return;
        pad_array(population, population->x);
        if (population->velocity)
                pad_array(population, population->velocity);
        for (size_t k = 0; k < POPULATION_MAX_HISTORY; k++)
                if (population->history[k])
                        pad_array(population, population->history[k]);
}
