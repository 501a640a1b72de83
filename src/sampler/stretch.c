/* What a scheme asks of a tile without having to know whether it is 64 particles or one field. */
#include <string.h>

#include "schemes.h"
#include "sculptor/parallel.h"
#include "sculptor/tree_sum.h"

static struct rng_stream stream_of(const struct stretch *stretch, enum rng_purpose purpose, int64_t step,
                                   uint32_t stage)
{
        return (struct rng_stream){.seed = stretch->seed, .purpose = purpose, .level = stretch->level_index,
                                   .step = (uint32_t)step, .stage = stage};
}

/* Of particles. */
static int64_t n_coordinates(const struct stretch *stretch)
{
        return (int64_t)(stretch->size / LANES);
}

static int64_t first_cell(const struct field_layout *layout, size_t plane)
{
        return (layout->plane_begin + (int64_t)plane) * (int64_t)layout->plane_cells;
}

void stretch_normal(const struct stretch *stretch, enum rng_purpose purpose, int64_t step, uint32_t stage,
                    double *restrict z)
{
        const struct rng_stream stream = stream_of(stretch, purpose, step, stage);
        const struct field_layout *layout = stretch->layout;
        if (!layout) {
                rng_normal(&stream, stretch->first_particle, n_coordinates(stretch), z);
                return;
        }
        for (size_t p = 0; p < layout->n_planes_here; p++)
                rng_normal_row(&stream, stretch->first_particle, first_cell(layout, p), (int64_t)layout->plane_cells,
                               z + p * layout->plane_stride);
}

void stretch_uniform(const struct stretch *stretch, enum rng_purpose purpose, int64_t step, double *restrict u)
{
        const struct rng_stream stream = stream_of(stretch, purpose, step, 0);
        if (!stretch->layout) {
                rng_uniform(&stream, stretch->first_particle, 1, u);
                return;
        }
        rng_uniform_one(&stream, stretch->first_particle, 1, u);
        for (int lane = 1; lane < LANES; lane++)
                u[lane] = u[0];
}

enum { PIECE = 2048 };

/* Noise is made a few pages at a time and used while it is in cache. */
static void field_affine(const struct stretch *stretch, const struct rng_stream *stream, const struct affine *map,
                         const double *restrict s, double *restrict x)
{
        _Alignas(64) double z[PIECE];
        const double keep = map->keep, score = map->score, noise = map->noise;
        const struct field_layout *layout = stretch->layout;
        for (size_t p = 0; p < layout->n_planes_here; p++)
                for (size_t at = 0; at < layout->plane_cells; at += PIECE) {
                        const size_t left = layout->plane_cells - at, n = left < PIECE ? left : PIECE;
                        const size_t begin = p * layout->plane_stride + at;
                        rng_normal_row(stream, stretch->first_particle, first_cell(layout, p) + (int64_t)at, (int64_t)n,
                                       z);
                        for (size_t i = 0; i < n; i++)
                                x[begin + i] = fma(noise, z[i], fma(score, s[begin + i], keep * x[begin + i]));
                }
}

void stretch_affine(const struct stretch *stretch, int64_t step, uint32_t stage, const struct affine *map,
                    const double *restrict s, double *restrict z, double *restrict x)
{
        const struct rng_stream stream = stream_of(stretch, RNG_NOISE, step, stage);
        const double keep = map->keep, score = map->score, noise = map->noise;
        if (noise == 0) {
                for (size_t i = 0; i < stretch->size; i++)
                        x[i] = fma(score, s[i], keep * x[i]);
                return;
        }
        if (stretch->layout) {
                field_affine(stretch, &stream, map, s, x);
                return;
        }
        rng_normal(&stream, stretch->first_particle, n_coordinates(stretch), z);
        for (size_t i = 0; i < stretch->size; i++)
                x[i] = fma(noise, z[i], fma(score, s[i], keep * x[i]));
}

void stretch_langevin(const struct stretch *stretch, int64_t step, double e, double noise, const double *restrict s,
                      double *restrict z, double *restrict x)
{
        stretch_affine(stretch, step, 0, &(struct affine){1, e, noise}, s, z, x);
}

static void add_squares(const double *restrict z, size_t n, double *restrict square)
{
        for (size_t row = 0; row < n; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        square[lane] = fma(z[row + lane], z[row + lane], square[lane]);
}

struct noise { const struct stretch *stretch; struct rng_stream stream; };

/* Of a plane, `begin` being its first cell. */
static void add_noise_squares(void *owner, size_t begin, size_t end, double *sum)
{
        const struct noise *noise = owner;
        const struct field_layout *layout = noise->stretch->layout;
        const size_t plane = begin / layout->plane_stride;
        (void)end;
        for (size_t at = 0; at < layout->plane_cells; at += PIECE) {
                _Alignas(64) double z[PIECE];
                const size_t left = layout->plane_cells - at, n = left < PIECE ? left : PIECE;
                const size_t rows = (n + LANES - 1) / LANES * LANES;
                memset(z, 0, rows * sizeof *z);
                rng_normal_row(&noise->stream, noise->stretch->first_particle, first_cell(layout, plane) + (int64_t)at,
                               (int64_t)n, z);
                add_squares(z, rows, sum);
        }
}

void stretch_noise_square(const struct stretch *stretch, int64_t step, uint32_t stage, double *restrict z,
                          double *restrict square)
{
        struct noise noise = {stretch, stream_of(stretch, RNG_NOISE, step, stage)};
        if (stretch->layout) {
                stretch_sum(stretch, add_noise_squares, &noise, square);
                return;
        }
        rng_normal(&noise.stream, stretch->first_particle, n_coordinates(stretch), z);
        add_squares(z, stretch->size, square);
}

void stretch_sum(const struct stretch *stretch, void (*add)(void *owner, size_t begin, size_t end, double *sum),
                 void *owner, double *total)
{
        const struct field_layout *layout = stretch->layout;
        if (!layout) {
                add(owner, 0, stretch->size, total);
                return;
        }
        const double sum = tree_sum_planes(layout->plane_begin, layout->n_planes_here, layout->plane_stride, add,
                                           owner);
        for (int lane = 0; lane < LANES; lane++)
                total[lane] += sum;
}

/* 0 v is 0 where v is finite, else NaN. */
int stretch_lane_not_finite(const double *restrict array, size_t size, int n_lanes)
{
        _Alignas(64) double sum[LANES] = {0};
        for (size_t row = 0; row < size; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        sum[lane] = fma(0, array[row + lane], sum[lane]);
        for (int lane = 0; lane < n_lanes; lane++)
                if (isnan(sum[lane]))
                        return lane;
        return -1;
}

bool stretch_broken(const struct stretch *stretch, int64_t step)
{
        if (!stretch->layout)
                return false;
        bool broken = stretch_lane_not_finite(stretch->x, stretch->size, LANES) >= 0 ||
                      (stretch->velocity && stretch_lane_not_finite(stretch->velocity, stretch->size, LANES) >= 0);
        if (!parallel_domain_any(broken))
                return false;
        *stretch->breakdown = (struct breakdown){true, (int64_t)stretch->first_particle, step};
        return true;
}
