/* A population of particles, split over ranks in whole tiles: of LANES particles each or, where a particle is
 * a random field, of one.
 *
 * x[tile][coordinate][lane]: kernels run across the 64 particles of a tile, and a tile stays in cache
 * while it takes all its steps. Particle p is lane p % 64 of tile p / 64. The last tile is padded: its
 * spare lanes hold copies of its last particle, are computed with, and never counted or written.
 *
 * A field fills a tile by itself: its cells lie plane by plane, a plane padded to whole rows of 64 with cells
 * that are always 0. So a kernel that runs over rows of 64 lanes serves both; all lanes of a
 * field's rows belong to one particle. The ranks of a domain (parallel.h) share each of their fields, split by
 * planes; tiles are then split over the ensemble. */
#ifndef SCULPTOR_POPULATION_H
#define SCULPTOR_POPULATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LANES = 64, POPULATION_MAX_HISTORY = 2 };

/* How a field lies in memory (mesh.h says what its planes are). */
struct field_layout {
        int64_t n_planes, plane_begin;    /* of a whole field; this rank's first */
        size_t n_planes_here;
        size_t plane_cells, plane_stride; /* the stride is a multiple of 64 */
};

struct population {
        int64_t n_global;       /* particles on all ranks */
        int64_t n_dim;          /* coordinates of a particle */
        int64_t n_tiles_global;
        int64_t tile_begin;     /* this rank's tiles: tile_begin <= tile < tile_begin + n_tiles */
        size_t n_tiles;
        int tile_particles;     /* LANES, or 1 for fields */
        size_t tile_size;       /* doubles of a tile here: n_dim * LANES, or n_planes_here * plane_stride */
        struct field_layout layout; /* n_planes 0 for particles */
        size_t n_memory;        /* doubles of per-tile sampler memory (step-size controllers) */
        double *x;              /* [n_tiles][tile_size]: [n_dim][LANES], or [plane][plane_stride] */
        double *velocity;       /* same shape, or NULL where the sampler has none */
        double *memory;         /* [n_tiles][n_memory], or NULL */
        double *history[POPULATION_MAX_HISTORY]; /* same shape as x: what multistep schemes keep, or NULL */
};

/* Owns tiles by rank: the split of n_tiles_global over parallel_size() ranks in equal contiguous runs. */
struct population *population_create(int64_t n_global, int64_t n_dim, bool with_velocity, size_t n_memory);
struct population *population_create_fields(int64_t n_global, int64_t n_dim, const struct field_layout *layout,
                                            bool with_velocity, size_t n_memory);
void population_keep_history(struct population *population, size_t n); /* n arrays of zeros */
void population_free(struct population *population);
bool population_is_field(const struct population *population);

/* Tile t of this rank, 0 <= t < n_tiles. */
double *population_tile(const struct population *population, size_t t);     /* [tile_size] */
double *population_velocity(const struct population *population, size_t t); /* or NULL */
double *population_history(const struct population *population, size_t k, size_t t); /* or NULL */
double *population_memory(const struct population *population, size_t t);   /* or NULL */
int64_t population_first_particle(const struct population *population, size_t t);
int population_lanes(const struct population *population,
                     size_t t); /* real particles in it: 64, or fewer in the last */

/* This rank's particles: a contiguous run of ids. */
int64_t population_first(const struct population *population);
int64_t population_count(const struct population *population);

/* The population as rows of a file: a row is a particle, or a plane of a field (row = particle * n_planes + plane).
 * This rank has n_runs runs of `count` rows, `stride` apart from `first` on: one, or one for each of its fields. */
struct population_slab {
        int64_t n_rows;    /* of all ranks */
        size_t row_values; /* doubles in a row: n_dim, or plane_cells */
        int64_t first, count, n_runs, stride;
};
struct population_slab population_slab(const struct population *population);

/* Copies `count` rows from `first` on, all of one run of this rank's, between one of the population's arrays
 * (x or velocity) and rows[count][row_values], the order of files. */
void population_to_rows(const struct population *population, const double *array, int64_t first, int64_t count,
                        double *rows);
void population_from_rows(const struct population *population, double *array, int64_t first, int64_t count,
                          const double *rows);

/* Fills the spare lanes of the last tile with copies of its last particle. */
void population_pad(struct population *population);

#endif
