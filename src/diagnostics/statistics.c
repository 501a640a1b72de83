#include "sculptor/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/memory.h"
#include "sculptor/tree_sum.h"

/* Two passes, each a tree sum over tiles: means first, then squared deviations from them, which
 * loses no digits to cancellation and gives the same bits on any number of ranks.
 * Sums over the lanes of a tile run from lane 0 up. */

static double lane_sum(const double *value, int n_lanes)
{
        double sum = 0;
        for (int lane = 0; lane < n_lanes; lane++)
                sum += value[lane];
        return sum;
}

static size_t covariance_size(int64_t n_dim)
{
        return (size_t)(n_dim <= STATISTICS_MAX_DENSE ? n_dim * n_dim : n_dim);
}

/* ---- first pass: mean, score, modes: [mean | |s|, |s|^2 | occupation | responsibility] ---- */

struct first_pass {
        const struct score_level *level;
        size_t n_dim, n_modes;
        double *score;            /* [n_dim][LANES] */
        double *responsibilities; /* [n_modes][LANES] */
        double *leaf;
};

static void add_score_norms(struct first_pass *pass, int n_lanes, double *norm_sum, double *square_sum)
{
        double norm[LANES], square[LANES] = {0};
        for (size_t j = 0; j < pass->n_dim; j++)
                for (int lane = 0; lane < LANES; lane++)
                        square[lane] = fma(pass->score[j * LANES + (size_t)lane], pass->score[j * LANES + (size_t)lane],
                                           square[lane]);
        for (int lane = 0; lane < LANES; lane++)
                norm[lane] = sqrt(square[lane]);
        *norm_sum = lane_sum(norm, n_lanes);
        *square_sum = lane_sum(square, n_lanes);
}

static void add_modes(struct first_pass *pass, const double *x, int n_lanes, double *occupation, double *weight)
{
        double *r = pass->responsibilities;
        score_responsibilities(pass->level, x, r);
        memset(occupation, 0, pass->n_modes * sizeof *occupation);
        for (int lane = 0; lane < n_lanes; lane++) {
                size_t likeliest = 0;
                for (size_t k = 1; k < pass->n_modes; k++)
                        if (r[k * LANES + (size_t)lane] > r[likeliest * LANES + (size_t)lane])
                                likeliest = k;
                occupation[likeliest] += 1;
        }
        for (size_t k = 0; k < pass->n_modes; k++)
                weight[k] = lane_sum(r + k * LANES, n_lanes);
}

static void first_pass_leaf(struct first_pass *pass, const double *x, int n_lanes)
{
        double *leaf = pass->leaf;
        for (size_t j = 0; j < pass->n_dim; j++)
                leaf[j] = lane_sum(x + j * LANES, n_lanes);
        if (!pass->level)
                return;
        score_eval(pass->level, x, pass->score);
        double *norms = leaf + pass->n_dim, *occupation = norms + 2;
        add_score_norms(pass, n_lanes, &norms[0], &norms[1]);
        if (pass->n_modes > 0)
                add_modes(pass, x, n_lanes, occupation, occupation + pass->n_modes);
}

static double *measure_first(const struct population *population, const struct score_level *level, size_t n_modes)
{
        size_t n_dim = (size_t)population->n_dim, width = n_dim + 2 + 2 * n_modes;
        struct first_pass pass = {.level = level, .n_dim = n_dim, .n_modes = n_modes,
                                  .score = allocate(n_dim * LANES, sizeof(double)),
                                  .responsibilities = allocate(n_modes * LANES, sizeof(double)),
                                  .leaf = allocate(width, sizeof(double))};
        struct tree_sum *sum = tree_sum_create(width);
        for (size_t t = 0; t < population->n_tiles; t++) {
                first_pass_leaf(&pass, population_tile(population, t), population_lanes(population, t));
                tree_sum_add(sum, population->tile_begin + (int64_t)t, pass.leaf);
        }
        double *total = allocate(width, sizeof *total);
        tree_sum_finish(sum, total);
        for (size_t i = 0; i < width; i++)
                total[i] /= (double)population->n_global;
        free(pass.score);
        free(pass.responsibilities);
        free(pass.leaf);
        return total;
}

/* ---- second pass: products of deviations ---- */

static void second_pass_leaf(const double *x, const double *mean, int n_lanes, size_t n_dim, double *leaf)
{
        bool dense = n_dim <= STATISTICS_MAX_DENSE;
        for (size_t i = 0; i < n_dim; i++) {
                for (size_t j = dense ? 0 : i; j <= i; j++) {
                        double sum = 0;
                        for (int lane = 0; lane < n_lanes; lane++)
                                sum = fma(x[i * LANES + (size_t)lane] - mean[i], x[j * LANES + (size_t)lane] - mean[j],
                                          sum);
                        if (dense)
                                leaf[i * n_dim + j] = leaf[j * n_dim + i] = sum;
                        else
                                leaf[i] = sum;
                }
        }
}

static void measure_covariance(const struct population *population, const double *mean, double *covariance)
{
        size_t n_dim = (size_t)population->n_dim, width = covariance_size(population->n_dim);
        double *leaf = allocate(width, sizeof *leaf);
        struct tree_sum *sum = tree_sum_create(width);
        for (size_t t = 0; t < population->n_tiles; t++) {
                second_pass_leaf(population_tile(population, t), mean, population_lanes(population, t), n_dim, leaf);
                tree_sum_add(sum, population->tile_begin + (int64_t)t, leaf);
        }
        tree_sum_finish(sum, covariance);
        for (size_t i = 0; i < width; i++)
                covariance[i] /= (double)(population->n_global - 1); /* one particle has no variance: 0/0 */
        free(leaf);
}

static size_t count_modes(const struct score *score)
{
        return score->type->n_modes && score->type->responsibilities ? score->type->n_modes(score->model) : 0;
}

struct statistics *statistics_measure(const struct population *population, const struct score_level *level)
{
        const size_t n_dim = (size_t)population->n_dim, n_modes = level ? count_modes(level->score) : 0;
        struct statistics *statistics = allocate(1, sizeof *statistics);
        statistics->n_dim = population->n_dim;
        statistics->n_modes = n_modes;

        double *first = measure_first(population, level, n_modes);
        statistics->mean = allocate(n_dim, sizeof(double));
        statistics->mode_occupation = allocate(n_modes, sizeof(double));
        statistics->mode_weight = allocate(n_modes, sizeof(double));
        memcpy(statistics->mean, first, n_dim * sizeof(double));
        statistics->mean_score_norm = level ? first[n_dim] : NAN;
        statistics->mean_score_squared = level ? first[n_dim + 1] : NAN;
        memcpy(statistics->mode_occupation, first + n_dim + 2, n_modes * sizeof(double));
        memcpy(statistics->mode_weight, first + n_dim + 2 + n_modes, n_modes * sizeof(double));
        free(first);

        statistics->covariance = allocate(covariance_size(population->n_dim), sizeof(double));
        measure_covariance(population, statistics->mean, statistics->covariance);
        return statistics;
}

void statistics_free(struct statistics *statistics)
{
        if (!statistics)
                return;
        free(statistics->mean);
        free(statistics->covariance);
        free(statistics->mode_occupation);
        free(statistics->mode_weight);
        free(statistics);
}
