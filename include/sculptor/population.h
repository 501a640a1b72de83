/* A population of particles, split over ranks in whole tiles of LANES particles.
 *
 * x[tile][coordinate][lane]: kernels run across the 64 particles of a tile, and a tile stays in cache
 * while it takes all its steps. Particle p is lane p % 64 of tile p / 64. The last tile is padded: its
 * spare lanes hold copies of its last particle, are computed with, and never counted or written. */
#ifndef SCULPTOR_POPULATION_H
#define SCULPTOR_POPULATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LANES = 64 };

struct population {
        int64_t n_global;       /* particles on all ranks */
        int64_t n_dim;          /* coordinates of a particle */
        int64_t n_tiles_global;
        int64_t tile_begin;     /* this rank's tiles: tile_begin <= tile < tile_begin + n_tiles */
        size_t n_tiles;
        size_t n_memory;        /* doubles of per-tile sampler memory (step-size controllers) */
        double *x;              /* [n_tiles][n_dim][LANES] */
        double *velocity;       /* same shape, or NULL where the sampler has none */
        double *memory;         /* [n_tiles][n_memory], or NULL */
};

/* Owns tiles by rank: the split of n_tiles_global over parallel_size() ranks in equal contiguous runs. */
struct population *population_create(int64_t n_global, int64_t n_dim, bool with_velocity, size_t n_memory);
void population_free(struct population *population);

/* Tile t of this rank, 0 <= t < n_tiles. */
double *population_tile(const struct population *population, size_t t);     /* [n_dim][LANES] */
double *population_velocity(const struct population *population, size_t t); /* or NULL */
double *population_memory(const struct population *population, size_t t);   /* or NULL */
int64_t population_first_particle(const struct population *population, size_t t);
int population_lanes(const struct population *population,
                     size_t t); /* real particles in it: 64, or fewer in the last */

/* This rank's particles: a contiguous run of ids. */
int64_t population_first(const struct population *population);
int64_t population_count(const struct population *population);

/* Copies `count` particles, ids first .. first + count - 1, all of this rank, between one of the
 * population's arrays (x or velocity) and rows[count][n_dim], the order of files. */
void population_to_rows(const struct population *population, const double *array, int64_t first, int64_t count,
                        double *rows);
void population_from_rows(struct population *population, double *array, int64_t first, int64_t count,
                          const double *rows);

/* Fills the spare lanes of the last tile with copies of its last particle. */
void population_pad(struct population *population);

#endif
