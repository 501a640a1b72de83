#include "score/field_prior.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/memory.h"
#include "sculptor/tree_sum.h"
#include "sculptor/vecmath.h"

#define TWO_PI 6.283185307179586476925286766559

void field_prior_create(struct field_prior *prior, const struct field_settings *settings)
{
        *prior = (struct field_prior){.mesh = mesh_create(&settings->mesh), .draws = settings->draws};
}

void field_prior_release(struct field_prior *prior)
{
        mesh_free(prior->mesh);
        power_spectrum_free(prior->spectrum);
        free(prior->variance);
        *prior = (struct field_prior){0};
}

const char *field_prior_load(struct field_prior *prior, const struct field_settings *settings)
{
        const char *why = NULL;
        prior->spectrum = power_spectrum_create(&settings->spectrum, &why);
        if (!prior->spectrum)
                return why;
        return power_spectrum_covers(prior->spectrum, mesh_smallest_wavenumber(prior->mesh),
                                     mesh_largest_wavenumber(prior->mesh));
}

const char *field_prior_prepare(struct field_prior *prior)
{
        prior->variance = allocate(mesh_modes_here(prior->mesh), sizeof *prior->variance);
        return random_field_variances(prior->mesh, prior->spectrum, prior->variance);
}

/* ---- sums over modes: rows of a block, lines side by side, then blocks in a tree ---- */

struct pass {
        const struct field_prior *prior;
        double noise; /* sigma^2 */
        const struct score_filter *filter;
        struct tree_sum *sum;
};

static void add_block(const struct pass *pass, int64_t block, const double *line_sum)
{
        const struct mesh *mesh = pass->prior->mesh;
        const double *weight = mesh->line_weight + (size_t)block * mesh->width;
        double total = 0;
        for (size_t j = 0; j < mesh->width; j++)
                total = fma(weight[j], line_sum[j], total);
        tree_sum_add(pass->sum, block, &total);
}

/* ---- score ---- */

/* F x -> -F x/c; the sum of |F x|^2/c. */
static void score_block(void *owner, const struct mesh_block *block)
{
        const struct pass *pass = owner;
        const size_t width = block->mesh->width, n = block->mesh->block_modes;
        const double *restrict d = pass->prior->variance + block->first;
        double *restrict value = block->value;
        double line_sum[64] = {0};
        for (size_t row = 0; row < n; row += width)
                for (size_t j = 0; j < width; j++) {
                        const double c = d[row + j] + pass->noise;
                        const double precision = c > 0 ? 1 / c : 0;
                        const double re = value[2 * (row + j)], im = value[2 * (row + j) + 1];
                        value[2 * (row + j)] = -precision * re;
                        value[2 * (row + j) + 1] = -precision * im;
                        line_sum[j] = fma(precision, fma(re, re, im * im), line_sum[j]);
                }
        add_block(pass, block->index, line_sum);
}

double field_prior_score(const struct field_prior *prior, double sigma, const double *x, double *s)
{
        struct pass pass = {.prior = prior, .noise = sigma * sigma, .sum = tree_sum_create(1)};
        if (s)
                mesh_filter(prior->mesh, x, s, score_block, &pass);
        else
                mesh_forward(prior->mesh, x, score_block, &pass);
        double total;
        tree_sum_finish_domain(pass.sum, &total);
        return total / (double)prior->mesh->n_cells;
}

/* ---- constants of a level ---- */

struct field_constants field_prior_constants(const struct field_prior *prior, double sigma)
{
        const struct mesh *mesh = prior->mesh;
        struct tree_sum *sum = tree_sum_create(2);
        for (size_t b = 0; b < mesh->n_blocks_here; b++) {
                const int64_t index = mesh->block_begin + (int64_t)b;
                const double *d = prior->variance + b * mesh->block_modes;
                double total[2] = {0};
                for (size_t i = 0; i < mesh->block_modes; i++) {
                        const double c = d[i] + sigma * sigma;
                        const double weight = mesh->line_weight[(size_t)index * mesh->width + i % mesh->width];
                        if (c > 0 && weight > 0) {
                                total[0] = fma(-0.5 * weight, vm_log(TWO_PI * c), total[0]);
                                total[1] += weight / c;
                        }
                }
                tree_sum_add(sum, index, total);
        }
        struct field_constants constants;
        double total[2];
        tree_sum_finish_domain(sum, total);
        constants.log_norm = total[0];
        constants.trace = total[1];
        return constants;
}

/* ---- filters ---- */

static void filter_block(void *owner, const struct mesh_block *block)
{
        const struct pass *pass = owner;
        const size_t n = block->mesh->block_modes;
        const double *d = pass->prior->variance + block->first;
        for (size_t i = 0; i < n; i++) {
                const double gain = pass->filter->gain(d[i] + pass->noise, pass->filter->parameter);
                block->value[2 * i] *= gain;
                block->value[2 * i + 1] *= gain;
        }
}

void field_prior_filter(const struct field_prior *prior, double sigma, const struct score_filter *filter,
                        const double *x, double *out)
{
        struct pass pass = {.prior = prior, .noise = sigma * sigma, .filter = filter};
        mesh_filter(prior->mesh, x, out, filter_block, &pass);
}

void field_prior_mode_variance(const struct field_prior *prior, double sigma, double *c)
{
        for (size_t i = 0; i < mesh_modes_here(prior->mesh); i++)
                c[i] = prior->variance[i] + sigma * sigma;
}

void field_prior_draw(const struct field_prior *prior, const struct rng_stream *stream, uint64_t particle, double *x)
{
        struct rng_stream modes = *stream;
        modes.purpose = RNG_MODES;
        random_field_draw(prior->mesh, prior->variance, &prior->draws, &modes, particle, x);
}
