#include "sculptor/inspection.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/memory.h"
#include "sculptor/mesh.h"
#include "sculptor/parallel.h"
#include "sculptor/population.h"
#include "sculptor/rng.h"
#include "sculptor/tree_sum.h"

static const struct mesh *mesh_of(const struct score *score)
{
        return score->type->mesh ? score->type->mesh(score->model) : NULL;
}

static const char *undefined(const struct score *score, double sigma)
{
        return score->type->undefined_at ? score->type->undefined_at(score->model, sigma) : NULL;
}

const char *inspection_unfit(const struct inspection *inspection, double sigma)
{
        static char reason[256];
        const struct score *score = inspection->score, *truth = inspection->truth;
        if (!truth->type->draw) {
                snprintf(reason, sizeof reason, "%s has no exact draws", truth->type->name);
                return reason;
        }
        if (score->n_dim != truth->n_dim || !mesh_of(score) != !mesh_of(truth)) {
                snprintf(reason, sizeof reason, "%s has %lld coordinates, but the score %lld", truth->type->name,
                         (long long)truth->n_dim, (long long)score->n_dim);
                return reason;
        }
        const char *why = undefined(score, sigma);
        if (why) {
                snprintf(reason, sizeof reason, "the score at sigma %g: %s", sigma, why);
                return reason;
        }
        why = undefined(truth, sigma);
        if (why && !(truth->type->posterior_means && sigma > 0)) {
                snprintf(reason, sizeof reason, "%s at sigma %g: %s", truth->type->name, sigma, why);
                return reason;
        }
        return NULL;
}

/* ---- one tile ---- */

enum { ERROR, ERROR_SQUARED, NORM, LINEAR, ACCEPTED, N_SUMS };

struct work {
        const struct inspection *inspection;
        const struct mesh *mesh;
        double sigma;
        uint32_t level;
        struct score_level *score, *truth; /* truth NULL: it is sampled */
        size_t size;
        double *x_0, *y, *s, *exact, *other, *linear; /* tiles */
};

/* a . b of each lane, of a field the same in all. */
static void dot(const struct work *work, const double *a, const double *b, double *product)
{
        memset(product, 0, LANES * sizeof *product);
        if (work->mesh) {
                const double of_field = mesh_dot(work->mesh, a, b);
                for (size_t lane = 0; lane < LANES; lane++)
                        product[lane] = of_field;
                return;
        }
        for (size_t row = 0; row < work->size; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        product[lane] = fma(a[row + lane], b[row + lane], product[lane]);
}

static void make_noise(const struct work *work, const struct rng_stream *stream, uint64_t first, double *n)
{
        const struct mesh *mesh = work->mesh;
        if (!mesh) {
                rng_normal(stream, first, work->inspection->truth->n_dim, n);
                return;
        }
        for (size_t p = 0; p < mesh->n_planes_here; p++)
                rng_normal_row(stream, first, (mesh->plane_begin + (int64_t)p) * (int64_t)mesh->plane_cells,
                               (int64_t)mesh->plane_cells, n + p * mesh->plane_stride);
}

/* The truth, as two estimates of the score that are one where it is exact. */
static double find_truth(struct work *work, uint64_t first)
{
        if (work->truth) {
                score_eval(work->truth, work->y, work->exact);
                memcpy(work->other, work->exact, work->size * sizeof *work->other);
                return 0;
        }
        const struct inspection *inspection = work->inspection;
        const struct posterior_sampling sampling = {.seed = inspection->seed, .particle = first, .level = work->level,
                                                    .sigma = work->sigma, .trajectories = inspection->trajectories};
        double acceptance, *const mean[2] = {work->exact, work->other};
        inspection->truth->type->posterior_means(inspection->truth->model, &sampling, work->x_0, work->y, mean,
                                                 &acceptance);
        for (size_t i = 0; i < work->size; i++) {
                work->exact[i] = (work->exact[i] - work->y[i]) / (work->sigma * work->sigma);
                work->other[i] = (work->other[i] - work->y[i]) / (work->sigma * work->sigma);
        }
        return acceptance;
}

/* The best linear score where the trained one knows the variances of modes: -F^-1 [F y/c]. */
static double negative_inverse(double c, const double *parameter)
{
        (void)parameter;
        return c > 0 ? -1 / c : 0;
}

static void subtract(const struct work *work, const double *a, const double *b, double *out)
{
        for (size_t i = 0; i < work->size; i++)
                out[i] = a[i] - b[i];
}

static void measure_tile(struct work *work, uint64_t first, int64_t n_real, double *sums)
{
        const struct inspection *inspection = work->inspection;
        const struct score_type *type = inspection->score->type;
        const struct rng_stream draws = {.seed = inspection->seed, .purpose = RNG_TARGET, .level = work->level},
                                noise = {.seed = inspection->seed, .purpose = RNG_EXAMPLE, .level = work->level, .stage = 4};
        inspection->truth->type->draw(inspection->truth->model, &draws, first, work->x_0);
        make_noise(work, &noise, first, work->y);
        for (size_t i = 0; i < work->size; i++)
                work->y[i] = fma(work->sigma, work->y[i], work->x_0[i]);
        score_eval(work->score, work->y, work->s);
        const double acceptance = find_truth(work, first);
        double product[N_SUMS][LANES] = {{0}};
        dot(work, work->exact, work->other, product[NORM]);
        if (type->filter) {
                const struct score_filter inverse = {negative_inverse, NULL};
                double *a = work->x_0, *b = work->linear; /* x_0 has served */
                type->filter(work->score->state, &inverse, work->y, work->linear);
                subtract(work, work->linear, work->exact, a);
                subtract(work, work->linear, work->other, b);
                dot(work, a, b, product[LINEAR]);
        }
        subtract(work, work->s, work->exact, work->exact);
        subtract(work, work->s, work->other, work->other);
        dot(work, work->exact, work->other, product[ERROR]);
        for (size_t lane = 0; lane < LANES; lane++) {
                product[ERROR_SQUARED][lane] = product[ERROR][lane] * product[ERROR][lane];
                product[ACCEPTED][lane] = acceptance;
        }
        memset(sums, 0, N_SUMS * sizeof *sums);
        for (int k = 0; k < N_SUMS; k++)
                for (int64_t lane = 0; lane < n_real; lane++)
                        sums[k] += product[k][lane];
}

/* ---- a level ---- */

static void open_work(struct work *work, const struct inspection *inspection, double sigma, uint32_t level)
{
        *work = (struct work){.inspection = inspection, .mesh = mesh_of(inspection->truth), .sigma = sigma, .level = level};
        work->size = score_tile_size(inspection->score);
        work->score = score_level_create(inspection->score, sigma);
        work->truth = undefined(inspection->truth, sigma) ? NULL : score_level_create(inspection->truth, sigma);
        double **tiles[] = {&work->x_0, &work->y, &work->s, &work->exact, &work->other, &work->linear};
        for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++)
                *tiles[i] = allocate(work->size + 1, sizeof **tiles[i]);
}

static void close_work(struct work *work)
{
        score_level_free(work->score);
        score_level_free(work->truth);
        double *tiles[] = {work->x_0, work->y, work->s, work->exact, work->other, work->linear};
        for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++)
                free(tiles[i]);
}

struct inspection_level inspection_measure(const struct inspection *inspection, double sigma, uint32_t level)
{
        struct work work;
        open_work(&work, inspection, sigma, level);
        const int64_t of_tile = work.mesh ? 1 : LANES, n = inspection->examples, n_tiles = (n + of_tile - 1) / of_tile;
        const int64_t ranks = parallel_ensemble_size(), rank = parallel_ensemble_rank();
        struct tree_sum *sum = tree_sum_create(N_SUMS);
        for (int64_t tile = n_tiles * rank / ranks; tile < n_tiles * (rank + 1) / ranks; tile++) {
                double sums[N_SUMS];
                const int64_t left = n - tile * of_tile;
                measure_tile(&work, (uint64_t)(tile * of_tile), left < of_tile ? left : of_tile, sums);
                if (parallel_domain_rank() == 0) /* which speaks for its domain */
                        tree_sum_add(sum, tile, sums);
        }
        const bool sampled = !work.truth, linear = inspection->score->type->filter;
        close_work(&work);
        double total[N_SUMS];
        tree_sum_finish(sum, total);

        const double count = (double)n, unit = sigma * sigma / (double)inspection->truth->n_dim;
        const double mean = total[ERROR] / count;
        const double variance = n > 1 ? (total[ERROR_SQUARED] / count - mean * mean) * count / (count - 1) : 0;
        return (struct inspection_level){
                .sigma = sigma,
                .eps = unit * mean,
                .eps_error = unit * sqrt(fmax(variance, 0) / count),
                .relative = sqrt(fmax(total[ERROR], 0) / total[NORM]),
                .score_squared = unit * total[NORM] / count,
                .gaussian_eps = linear ? unit * total[LINEAR] / count : NAN,
                .gaussian_relative = linear ? sqrt(fmax(total[LINEAR], 0) / total[NORM]) : NAN,
                .acceptance = sampled ? total[ACCEPTED] / count : NAN};
}

double inspection_kl_bound(const struct inspection_level *levels, size_t n, int64_t n_dim)
{
        double sum = 0;
        for (size_t i = 1; i < n; i++)
                sum += 0.5 * (levels[i - 1].eps + levels[i].eps) * fabs(log(levels[i].sigma / levels[i - 1].sigma));
        return (double)n_dim * sum;
}
