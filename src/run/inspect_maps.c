/* Pictures of a level for inspect.h5. Of particles in the plane: both scores on a grid of points. Of fields: one
 * field and what is made of it, all of it in two dimensions, its first sheet in three. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pieces.h"
#include "run/inspect.h"
#include "sculptor/log.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

enum { MOST_LEVELS = 64 }; /* with pictures: more would fill memory, and nobody looks at them */
#define HALF_WIDTH 3.5     /* standard deviations of y */

static const struct series_column of_particles[] = {
        {.name = "axis_0", .rank = 1, .unit = "x", .help = "x[0] of the maps"},
        {.name = "axis_1", .rank = 1, .unit = "x", .help = "x[1] of the maps"},
        {.name = "score_0", .rank = 2, .unit = "1/x", .help = "s_theta[0] on the grid (x[1], x[0])"},
        {.name = "score_1", .rank = 2, .unit = "1/x", .help = "s_theta[1] there"},
        {.name = "truth_0", .rank = 2, .unit = "1/x", .help = "s[0] there"},
        {.name = "truth_1", .rank = 2, .unit = "1/x", .help = "s[1] there"},
        {.name = "map_relative_error", .rank = 2, .unit = "1", .help = "|s_theta - s|/|s| there"},
        {.name = "truth_log_density", .rank = 2, .unit = "1", .help = "ln p of the noised truth there; NaN: not known"},
};
enum { AXES = 2, OF_POINTS = 6, SCORE = 2, TRUTH = 4, RELATIVE = 6, LOG_DENSITY = 7 };

static const struct series_column of_fields[] = {
        {.name = "view_clean", .rank = 2, .unit = "1", .help = "x_0 of the level's first field (y, x)"},
        {.name = "view_noisy", .rank = 2, .unit = "1", .help = "y = x_0 + sigma n"},
        {.name = "view_denoised", .rank = 2, .unit = "1", .help = "D_theta(y) = y + sigma^2 s_theta"},
        {.name = "view_truth", .rank = 2, .unit = "1", .help = "E[x_0|y] = y + sigma^2 s, or two estimates of it"},
};

struct inspect_maps inspect_maps_create(const struct run *run)
{
        struct inspect_maps maps = {0};
        const int64_t points = run->settings.inspect.points;
        if (run->mesh) {
                const int axes = run->mesh->n_axes;
                maps.rows = (size_t)run->mesh->n[axes - 2];
                maps.columns = (size_t)run->mesh->n[axes - 1];
                maps.column = of_fields;
                maps.n = sizeof of_fields / sizeof *of_fields;
        } else if (run->score->n_dim == 2) {
                maps.rows = maps.columns = (size_t)points;
                maps.column = of_particles;
                maps.n = sizeof of_particles / sizeof *of_particles;
        }
        if (points > 0 && maps.n > 0 && run->levels.n > MOST_LEVELS)
                log_warning("no maps: there are more than %d levels", MOST_LEVELS);
        if (points == 0 || run->levels.n > MOST_LEVELS)
                maps = (struct inspect_maps){0};
        for (size_t i = 0; i < maps.n; i++)
                maps.value[i] = allocate(maps.rows * maps.columns, sizeof *maps.value[i]);
        for (size_t i = 0; i < maps.n && run->mesh; i++)
                maps.field[i] = mesh_allocate(run->mesh);
        return maps;
}

void inspect_maps_free(struct inspect_maps *maps)
{
        for (size_t i = 0; i < maps->n; i++)
                free(maps->value[i]);
        for (size_t i = 0; i < 4; i++)
                free(maps->field[i]);
}

/* ---- particles ---- */

static void make_axes(const struct run *run, const struct inspection_level *level, struct inspect_maps *maps)
{
        const double given = run->settings.inspect.half_width, n = (double)maps->columns;
        const double half = isnan(given) ? HALF_WIDTH * fmax(level->deviation[0], level->deviation[1]) : given;
        for (int c = 0; c < 2; c++)
                for (size_t i = 0; i < maps->columns; i++)
                        maps->value[c][i] = (isnan(given) ? level->mean[c] : 0) +
                                            half * (n > 1 ? 2 * (double)i / (n - 1) - 1 : 0);
}

/* 64 points, out[OF_POINTS][LANES]. */
static void map_tile(const struct score_level *score, const struct score_level *truth, const double *x, double *out)
{
        _Alignas(64) double s[2 * LANES], t[2 * LANES], log_p[LANES];
        score_eval(score, x, s);
        score_eval(truth, x, t);
        const bool known = truth->score->type->log_density;
        if (known)
                score_log_density(truth, x, log_p);
        for (size_t lane = 0; lane < LANES; lane++) {
                const double d_0 = s[lane] - t[lane], d_1 = s[LANES + lane] - t[LANES + lane];
                const double square = fma(t[lane], t[lane], t[LANES + lane] * t[LANES + lane]);
                const double row[OF_POINTS] = {s[lane],
                                               s[LANES + lane],
                                               t[lane],
                                               t[LANES + lane],
                                               sqrt(fma(d_0, d_0, d_1 * d_1) / square),
                                               known ? log_p[lane] : NAN};
                for (size_t i = 0; i < OF_POINTS; i++)
                        out[i * LANES + lane] = row[i];
        }
}

/* Tiles of points are shared out over the ranks. */
static void draw_points(const struct run *run, double sigma, struct inspect_maps *maps)
{
        struct score_level *score = score_level_create(run->score, sigma);
        struct score_level *truth = score_level_create(run->truth, sigma);
        const int64_t n = (int64_t)maps->columns, n_points = n * n, n_tiles = (n_points + LANES - 1) / LANES;
        const int64_t begin = n_tiles * parallel_rank() / parallel_size();
        const int64_t end = n_tiles * (parallel_rank() + 1) / parallel_size();
        const size_t width = OF_POINTS * LANES;
        double *here = allocate((size_t)(end - begin) * width + 1, sizeof *here);
        for (int64_t tile = begin; tile < end; tile++) {
                _Alignas(64) double x[2 * LANES];
                for (int64_t lane = 0; lane < LANES; lane++) {
                        const int64_t wanted = tile * LANES + lane, point = wanted < n_points ? wanted : n_points - 1;
                        x[lane] = maps->value[0][point % n];
                        x[LANES + lane] = maps->value[1][point / n];
                }
                map_tile(score, truth, x, here + (size_t)(tile - begin) * width);
        }
        size_t *counts = allocate((size_t)parallel_size(), sizeof *counts);
        double *all = parallel_gather(here, (size_t)(end - begin) * width, counts);
        for (int64_t point = 0; point < n_points; point++)
                for (size_t i = 0; i < OF_POINTS; i++)
                        maps->value[AXES + i][point] =
                                all[(size_t)(point / LANES) * width + i * LANES + (size_t)(point % LANES)];
        free(all);
        free(counts);
        free(here);
        score_level_free(score);
        score_level_free(truth);
}

/* ---- fields ---- */

static void keep_fields(const struct mesh *mesh, struct inspect_maps *maps)
{
        const size_t planes = mesh->n_axes == 2 ? maps->rows : 1; /* a plane is a row, or a sheet */
        for (size_t i = 0; i < maps->n; i++)
                for (size_t p = 0; p < planes && maps->field[i]; p++)
                        memcpy(maps->value[i] + p * mesh->plane_cells, maps->field[i] + p * mesh->plane_stride,
                               mesh->plane_cells * sizeof(double));
}

struct inspection_level inspect_maps_measure(const struct run *run, const struct inspection *inspection, uint32_t level,
                                             struct inspect_maps *maps)
{
        const struct inspection_example example = {maps->field[0], maps->field[1], maps->field[2], maps->field[3]};
        const double sigma = run->levels.sigma[level];
        const struct inspection_level measured = inspection_measure(inspection, sigma, level,
                                                                    maps->field[0] ? &example : NULL);
        if (maps->n > 0 && run->mesh) {
                keep_fields(run->mesh, maps);
        } else if (maps->n > 0) {
                make_axes(run, &measured, maps);
                draw_points(run, sigma, maps);
        }
        return measured;
}
