#include "sculptor/inspection.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diagnostics/inspection_tile.h"
#include "sculptor/memory.h"
#include "sculptor/mesh.h"
#include "sculptor/parallel.h"
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

bool inspection_has_jacobian(const struct score *score)
{
        return score->type->jacobian_vector || score->type->jacobian;
}

/* ---- a level ---- */

static void open_work(struct inspection_work *work, const struct inspection *inspection, double sigma, uint32_t level)
{
        *work = (struct inspection_work){.inspection = inspection, .mesh = mesh_of(inspection->truth), .sigma = sigma,
                                         .level = level};
        work->size = score_tile_size(inspection->score);
        work->n_shells = inspection->spectra ? field_spectra_shells(inspection->spectra) : 0;
        work->score = score_level_create(inspection->score, sigma);
        work->truth = undefined(inspection->truth, sigma) ? NULL : score_level_create(inspection->truth, sigma);
        double **tiles[] = INSPECTION_TILES(work);
        for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++)
                *tiles[i] = allocate(work->size + 1, sizeof **tiles[i]);
}

static void close_work(struct inspection_work *work)
{
        score_level_free(work->score);
        score_level_free(work->truth);
        double **tiles[] = INSPECTION_TILES(work);
        for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++)
                free(*tiles[i]);
}

/* Of n examples' sums of x and x^2. */
static struct inspection_number mean_of(const double *sums, double n, double unit)
{
        const double mean = sums[0] / n, variance = n > 1 ? (sums[1] / n - mean * mean) * n / (n - 1) : 0;
        return (struct inspection_number){unit * mean, unit * sqrt(fmax(variance, 0) / n)};
}

/* sqrt(E a/E b) of sums of a, a^2 and b, b^2, and a b: to first order its relative variance is a quarter of that of
 * a - b (E a/E b) over (E a)^2. */
static struct inspection_number root_of_ratio(const double *a, const double *b, double ab, double n)
{
        const double ratio = a[0] / b[0], root = sqrt(fmax(ratio, 0));
        const double square = fmax(a[1] - 2 * ratio * ab + ratio * ratio * b[1], 0);
        return (struct inspection_number){root,
                                          root > 0 ? 0.5 * sqrt(square) / b[0] / root * sqrt(n / fmax(n - 1, 1)) : 0};
}

static const struct inspection_number none = {NAN, NAN};

static struct inspection_powers powers_of(const double *total, size_t n_shells, double n)
{
        struct inspection_powers powers = {NULL};
        double **of[] = {&powers.denoised, &powers.truth, &powers.cross, &powers.difference};
        for (size_t i = 0; i < sizeof of / sizeof *of && n_shells > 0; i++) {
                *of[i] = allocate(n_shells, sizeof **of[i]);
                for (size_t shell = 0; shell < n_shells; shell++)
                        (*of[i])[shell] = total[i * n_shells + shell] / n;
        }
        return powers;
}

static struct inspection_level level_of(const struct inspection_work *work, const double *total)
{
        const struct inspection *inspection = work->inspection;
        const bool linear = inspection->score->type->filter, probed = inspection->probes > 0;
        const double n = (double)inspection->examples;
        const double unit = work->sigma * work->sigma / (double)inspection->truth->n_dim;
        struct inspection_level level = {
                .sigma = work->sigma,
                .eps = mean_of(total + ERROR, n, unit),
                .relative = root_of_ratio(total + ERROR, total + NORM, total[ERROR_NORM], n),
                .score_squared = unit * total[NORM] / n,
                .gaussian_eps = linear ? mean_of(total + LINEAR, n, unit) : none,
                .gaussian_relative = linear ? root_of_ratio(total + LINEAR, total + NORM, total[LINEAR_NORM], n) : none,
                .asymmetry = probed ? root_of_ratio(total + CURL, total + JACOBIAN, total[CURL_JACOBIAN], n) : none,
                .acceptance = work->truth ? NAN : total[ACCEPTED] / n,
                .reference_noise = sqrt(fmax(total[NOISE], 0) / total[NORM]),
                .powers = powers_of(total + INSPECTION_SUMS, work->n_shells, n)};
        for (int c = 0; c < 2; c++) {
                const double mean = total[FIRST + 2 * c] / n, square = total[FIRST + 2 * c + 1] / n;
                const bool known = !work->mesh && inspection->truth->n_dim == 2;
                level.mean[c] = known ? mean : NAN;
                level.deviation[c] = known ? sqrt(fmax(square - mean * mean, 0)) : NAN;
        }
        return level;
}

static void show(const struct inspection_work *work, const struct inspection_example *example)
{
        const double square = work->sigma * work->sigma;
        for (size_t i = 0; i < work->size; i++) {
                example->clean[i] = work->x_0[i];
                example->noisy[i] = work->y[i];
                example->denoised[i] = fma(square, work->s[i], work->y[i]);
                example->truth[i] = fma(square, 0.5 * (work->exact[i] + work->other[i]), work->y[i]);
        }
}

struct inspection_level inspection_measure(const struct inspection *inspection, double sigma, uint32_t level,
                                           const struct inspection_example *example)
{
        struct inspection_work work;
        open_work(&work, inspection, sigma, level);
        const int64_t of_tile = work.mesh ? 1 : LANES, n = inspection->examples, n_tiles = (n + of_tile - 1) / of_tile;
        const int64_t ranks = parallel_ensemble_size(), rank = parallel_ensemble_rank();
        const size_t width = INSPECTION_SUMS + INSPECTION_POWERS * work.n_shells;
        double *sums = allocate(width, sizeof *sums);
        struct tree_sum *sum = tree_sum_create(width);
        for (int64_t tile = n_tiles * rank / ranks; tile < n_tiles * (rank + 1) / ranks; tile++) {
                const int64_t left = n - tile * of_tile;
                inspection_tile(&work, (uint64_t)(tile * of_tile), left < of_tile ? left : of_tile, sums);
                if (example && tile == 0)
                        show(&work, example);
                if (parallel_domain_rank() == 0) /* which speaks for its domain */
                        tree_sum_add(sum, tile, sums);
        }
        tree_sum_finish(sum, sums);
        const struct inspection_level measured = level_of(&work, sums);
        free(sums);
        close_work(&work);
        return measured;
}

void inspection_level_release(struct inspection_level *level)
{
        free(level->powers.denoised);
        free(level->powers.truth);
        free(level->powers.cross);
        free(level->powers.difference);
        level->powers = (struct inspection_powers){NULL};
}

/* ---- over levels ---- */

struct inspection_number inspection_kl_bound(const struct inspection_level *levels, size_t n, int64_t n_dim)
{
        double sum = 0, square = 0;
        for (size_t i = 0; i < n; i++) { /* the weight of each: half of the widths beside it */
                double weight = 0;
                if (i > 0 && levels[i].sigma > 0 && levels[i - 1].sigma > 0)
                        weight += 0.5 * fabs(log(levels[i].sigma / levels[i - 1].sigma));
                if (i + 1 < n && levels[i].sigma > 0 && levels[i + 1].sigma > 0)
                        weight += 0.5 * fabs(log(levels[i + 1].sigma / levels[i].sigma));
                sum += weight * levels[i].eps.value;
                square += weight * weight * levels[i].eps.error * levels[i].eps.error;
        }
        const double error = sqrt(square);
        return (struct inspection_number){(double)n_dim * sum, (double)n_dim * error};
}
