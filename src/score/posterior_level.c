#include "score/posterior_level.h"

#include <math.h>
#include <stdlib.h>

#include "sculptor/memory.h"
#include "sculptor/tree_sum.h"
#include "sculptor/vecmath.h"

#define TWO_PI 6.283185307179586476925286766559

struct posterior_level {
        const struct posterior *model;
        double sigma;
        double log_norm, divergence;
        double *weight;   /* M/(N + sigma^2) */
        double *rest;     /* B x, then M (y - B x)/(N + sigma^2): a field */
        double *pull;     /* -F x/c of each mode, [re, im]; only with a beam */
};

/* sum of ln(M/(2 pi (N + sigma^2)))/2 */
static void add_log_weight(void *owner, size_t begin, size_t end, double *sum)
{
        const double *weight = owner;
        for (size_t row = begin; row < end; row += LANES)
                for (size_t i = 0; i < LANES; i++)
                        sum[i] += weight[row + i] > 0 ? 0.5 * vm_log(weight[row + i] / TWO_PI) : 0;
}

static void add_weight(void *owner, size_t begin, size_t end, double *sum)
{
        const double *weight = owner;
        for (size_t row = begin; row < end; row += LANES)
                for (size_t i = 0; i < LANES; i++)
                        sum[i] += weight[row + i];
}

double posterior_beam_square(const struct observation *observation, const struct mesh *mesh)
{
        if (!observation->beam)
                return 1;
        struct tree_sum *sum = tree_sum_create(1);
        for (size_t b = 0; b < mesh->n_blocks_here; b++) {
                const int64_t index = mesh->block_begin + (int64_t)b;
                const double *weight = mesh->line_weight + (size_t)index * mesh->width;
                const double *beam = observation->beam + b * mesh->block_modes;
                double total = 0;
                for (size_t i = 0; i < mesh->block_modes; i++)
                        total = fma(weight[i % mesh->width] * beam[i], beam[i], total);
                tree_sum_add(sum, index, &total);
        }
        double total;
        tree_sum_finish_domain(sum, &total);
        return total / (double)mesh->n_cells;
}

void *posterior_level_create(const void *configured, double sigma)
{
        struct posterior_level *level = allocate(1, sizeof *level);
        const struct posterior *model = level->model = configured;
        const struct mesh *mesh = model->prior.mesh;
        const struct field_constants constants = field_prior_constants(&model->prior, sigma);
        level->sigma = sigma;
        level->weight = posterior_weight(model, sigma);
        level->rest = mesh_allocate(mesh);
        if (model->observation.beam)
                level->pull = allocate(2 * mesh_modes_here(mesh), sizeof *level->pull);
        level->log_norm = constants.log_norm + mesh_sum(mesh, add_log_weight, level->weight);
        level->divergence = -fma(posterior_beam_square(&model->observation, mesh),
                                 mesh_sum(mesh, add_weight, level->weight), constants.trace);
        return level;
}

void posterior_level_free(void *state)
{
        struct posterior_level *level = state;
        free(level->weight);
        free(level->rest);
        free(level->pull);
        free(level);
}

/* ---- the score ---- */

struct chi_terms { const double *weight, *data, *seen; };

static void add_chi_square(void *owner, size_t begin, size_t end, double *sum)
{
        const struct chi_terms *terms = owner;
        for (size_t row = begin; row < end; row += LANES)
                for (size_t i = row; i < row + LANES; i++) {
                        const double rest = terms->data[i] - terms->seen[i];
                        sum[i - row] = fma(terms->weight[i] * rest, rest, sum[i - row]);
                }
}

static double chi_square(const struct posterior_level *level, const double *seen)
{
        struct chi_terms terms = {level->weight, level->model->observation.data, seen};
        return mesh_sum(level->model->prior.mesh, add_chi_square, &terms);
}

/* out = M (y - seen)/(N + sigma^2) + added (may be NULL) */
static void pull_of_data(const struct posterior_level *level, const double *seen, const double *added, double *out)
{
        const double *restrict weight = level->weight, *restrict data = level->model->observation.data;
        for (size_t i = 0; i < level->model->prior.mesh->size; i++)
                out[i] = fma(weight[i], data[i] - seen[i], added ? added[i] : 0);
}

struct beam_pass {
        const struct posterior_level *level;
        struct tree_sum *sum;
};

/* pull <- -F x/c, F x <- b F x; the sum of |F x|^2/c. */
static void block_seen(void *owner, const struct mesh_block *block)
{
        const struct beam_pass *pass = owner;
        const struct posterior *model = pass->level->model;
        const size_t width = block->mesh->width;
        const double noise = pass->level->sigma * pass->level->sigma;
        const double *weight = block->mesh->line_weight + (size_t)block->index * width;
        double line_sum[64] = {0}, total = 0;
        for (size_t row = 0; row < block->mesh->block_modes; row += width)
                for (size_t j = 0; j < width; j++) {
                        const size_t i = row + j, m = block->first + i;
                        const double c = model->prior.variance[m] + noise, precision = c > 0 ? 1 / c : 0;
                        const double re = block->value[2 * i], im = block->value[2 * i + 1];
                        line_sum[j] = fma(precision, fma(re, re, im * im), line_sum[j]);
                        pass->level->pull[2 * m] = -precision * re;
                        pass->level->pull[2 * m + 1] = -precision * im;
                        block->value[2 * i] = model->observation.beam[m] * re;
                        block->value[2 * i + 1] = model->observation.beam[m] * im;
                }
        for (size_t j = 0; j < width; j++)
                total = fma(weight[j], line_sum[j], total);
        tree_sum_add(pass->sum, block->index, &total);
}

static void block_score(void *owner, const struct mesh_block *block)
{
        const struct posterior_level *level = ((const struct beam_pass *)owner)->level;
        const double *beam = level->model->observation.beam + block->first, *pull = level->pull + 2 * block->first;
        for (size_t i = 0; i < 2 * block->mesh->block_modes; i++)
                block->value[i] = fma(beam[i / 2], block->value[i], pull[i]);
}

/* s (NULL: not wanted) through a beam; returns x' c^-1 x and leaves chi^2 in *chi (NULL: not wanted). */
static double score_through_beam(const struct posterior_level *level, const double *x, double *score, double *chi)
{
        const struct mesh *mesh = level->model->prior.mesh;
        struct beam_pass pass = {level, tree_sum_create(1)};
        double quadratic;
        mesh_filter(mesh, x, level->rest, block_seen, &pass);
        tree_sum_finish_domain(pass.sum, &quadratic);
        if (chi)
                *chi = chi_square(level, level->rest);
        if (score) {
                pull_of_data(level, level->rest, NULL, level->rest);
                mesh_filter(mesh, level->rest, score, block_score, &pass);
        }
        return quadratic / (double)mesh->n_cells;
}

static double score_in_cells(const struct posterior_level *level, const double *x, double *score, double *chi)
{
        const double quadratic = field_prior_score(&level->model->prior, level->sigma, x, score);
        if (chi)
                *chi = chi_square(level, x);
        if (score)
                pull_of_data(level, x, score, score);
        return quadratic;
}

static double evaluate(const struct posterior_level *level, const double *x, double *score, double *chi)
{
        return level->pull ? score_through_beam(level, x, score, chi) : score_in_cells(level, x, score, chi);
}

void posterior_level_eval(const void *state, const double *restrict x, double *restrict score)
{
        evaluate(state, x, score, NULL);
}

void posterior_level_eval_both(const void *state, const double *restrict x, double *restrict score,
                               double *restrict log_p)
{
        const struct posterior_level *level = state;
        double chi;
        const double quadratic = evaluate(level, x, score, &chi);
        field_prior_spread(level->log_norm - 0.5 * (quadratic + chi), log_p);
}

void posterior_level_log_density(const void *state, const double *restrict x, double *restrict log_p)
{
        posterior_level_eval_both(state, x, NULL, log_p);
}

void posterior_level_divergence(const void *state, const double *restrict x, double *restrict div)
{
        (void)x;
        field_prior_spread(((const struct posterior_level *)state)->divergence, div);
}

/* The data's part of the score. */
void posterior_level_remainder(const void *state, const double *x, double *out)
{
        const struct posterior_level *level = state;
        const struct observation *observation = &level->model->observation;
        const struct mesh *mesh = level->model->prior.mesh;
        if (observation->beam)
                posterior_observation_smooth(observation, mesh, x, level->rest);
        pull_of_data(level, observation->beam ? level->rest : x, NULL, out);
        posterior_observation_smooth(observation, mesh, out, out);
}

void posterior_level_filter(const void *state, const struct score_filter *wanted, const double *x, double *out)
{
        const struct posterior_level *level = state;
        field_prior_filter(&level->model->prior, level->sigma, wanted, x, out);
}

void posterior_level_mode_variance(const void *state, double *c)
{
        const struct posterior_level *level = state;
        field_prior_mode_variance(&level->model->prior, level->sigma, c);
}
