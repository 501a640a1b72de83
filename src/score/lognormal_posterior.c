#include "score/lognormal_posterior.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/memory.h"
#include "sculptor/parallel.h"
#include "sculptor/tree_sum.h"
#include "sculptor/vecmath.h"

enum { STAGE = 40, FORGET = 5 /* the first fifth of a chain is left out */, MOST_STEPS = 64 };
#define TRAJECTORY 1.5 /* in units where K's inverse is the Hessian: a quarter of a period */

struct chain {
        const struct lognormal_posterior *posterior;
        const struct mesh *mesh;
        double noise, kappa;              /* sigma^2 */
        const double *y;
        double *g, *v, *a, *x, *force;    /* fields; force = (1 + x)(y - x)/sigma^2 */
        double *half, *kernel;            /* of modes: complex scratch; K */
};

/* ---- filters ---- */

struct mode_pass { const struct chain *chain; double *other; struct tree_sum *sum; bool velocity; };

static void keep_block(void *owner, const struct mesh_block *block)
{
        const struct mode_pass *pass = owner;
        memcpy(pass->other + 2 * block->first, block->value, 2 * block->mesh->block_modes * sizeof(double));
}

/* -(g - C f)/(1 + kappa C), of modes: f's are in `other`. */
static void acceleration_block(void *owner, const struct mesh_block *block)
{
        const struct mode_pass *pass = owner;
        const double *restrict c = pass->chain->posterior->normal->variance + block->first;
        const double *restrict force = pass->other + 2 * block->first;
        for (size_t i = 0; i < block->mesh->block_modes; i++) {
                const double share = 1 / (1 + pass->chain->kappa * c[i]);
                for (size_t part = 0; part < 2; part++)
                        block->value[2 * i + part] = share *
                                                     fma(c[i], force[2 * i + part], -block->value[2 * i + part]);
        }
}

/* |F g|^2/c, or |F v|^2/K, over n_cells in the end: twice the prior's and the kinetic energy. */
static void energy_block(void *owner, const struct mesh_block *block)
{
        const struct mode_pass *pass = owner;
        const struct mesh *mesh = block->mesh;
        const double *c = pass->chain->posterior->normal->variance + block->first;
        const double *weight = mesh->line_weight + (size_t)block->index * mesh->width;
        double total = 0;
        for (size_t i = 0; i < mesh->block_modes; i++) {
                const double re = block->value[2 * i], im = block->value[2 * i + 1];
                const double precision = c[i] > 0 ? 1 / c[i] + (pass->velocity ? pass->chain->kappa : 0) : 0;
                total = fma(weight[i % mesh->width] * precision, fma(re, re, im * im), total);
        }
        tree_sum_add(pass->sum, block->index, &total);
}

static double quadratic(const struct chain *chain, const double *field, bool velocity)
{
        struct mode_pass pass = {.chain = chain, .sum = tree_sum_create(1), .velocity = velocity};
        mesh_forward(chain->mesh, field, energy_block, &pass);
        double total;
        tree_sum_finish_domain(pass.sum, &total);
        return total / (double)chain->mesh->n_cells;
}

/* ---- the field of g ---- */

static void clear_spare(const struct mesh *mesh, double *field)
{
        for (size_t p = 0; p < mesh->n_planes_here; p++)
                memset(field + p * mesh->plane_stride + mesh->plane_cells, 0,
                       (mesh->plane_stride - mesh->plane_cells) * sizeof *field);
}

static void add_squares(void *owner, size_t begin, size_t end, double *sum)
{
        const struct chain *chain = owner;
        for (size_t row = begin; row < end; row += LANES)
                for (size_t i = 0; i < LANES; i++) {
                        const double d = chain->y[row + i] - chain->x[row + i];
                        sum[i] = fma(d, d, sum[i]);
                }
}

/* x and the force at g. */
static void look(struct chain *chain)
{
        const double half = chain->posterior->half_variance;
        for (size_t i = 0; i < chain->mesh->size; i++) {
                const double u = vm_exp(chain->g[i] - half);
                chain->x[i] = u - 1;
                chain->force[i] = u * (chain->y[i] - chain->x[i]) / chain->noise;
        }
        clear_spare(chain->mesh, chain->x);
        clear_spare(chain->mesh, chain->force);
}

static void accelerate(struct chain *chain, double by)
{
        struct mode_pass pass = {.chain = chain, .other = chain->half};
        look(chain);
        mesh_forward(chain->mesh, chain->force, keep_block, &pass);
        mesh_filter(chain->mesh, chain->g, chain->a, acceleration_block, &pass);
        for (size_t i = 0; i < chain->mesh->size; i++)
                chain->v[i] = fma(by, chain->a[i], chain->v[i]);
}

static double hamiltonian(struct chain *chain)
{
        look(chain);
        return 0.5 * (quadratic(chain, chain->g, false) + quadratic(chain, chain->v, true) +
                      mesh_sum(chain->mesh, add_squares, chain) / chain->noise);
}

/* ---- a chain ---- */

struct pace { double step; int64_t steps; };

struct largest { const double *x; double square; };

static void add_curvature(void *owner, size_t begin, size_t end, double *sum)
{
        struct largest *largest = owner;
        for (size_t row = begin; row < end; row += LANES)
                for (size_t i = 0; i < LANES; i++) {
                        const double u = 1 + largest->x[row + i];
                        sum[i] = fma(u, u, sum[i]);
                        largest->square = u * u > largest->square ? u * u : largest->square;
                }
}

static double largest_variance(const struct mesh *mesh, const double *c)
{
        double largest = 0;
        for (size_t i = 0; i < mesh_modes_here(mesh); i++)
                largest = c[i] > largest ? c[i] : largest;
        return largest;
}

/* A leapfrog step is stable below 2 over the largest frequency, which is at the densest cell: kappa there is that
 * of (1 + x)^2 itself. Both follow from x_0 and not from the chain, so that this is one kernel. Spare cells count
 * as 1 + x = 1. */
static struct pace find_pace(struct chain *chain, const double *x_0)
{
        struct largest seen = {x_0, 0};
        const double spare = (double)(chain->mesh->n_planes * (int64_t)chain->mesh->plane_stride -
                                      chain->mesh->n_cells);
        const double sum = mesh_sum(chain->mesh, add_curvature, &seen) - spare;
        chain->kappa = sum / (double)chain->mesh->n_cells / chain->noise;
        double most[2] = {seen.square / chain->noise,
                          largest_variance(chain->mesh, chain->posterior->normal->variance)};
        for (size_t i = 0; i < 2; i++)
                most[i] = parallel_domain_max(most[i]);
        const double ratio = (1 + most[0] * most[1]) / (1 + chain->kappa * most[1]);
        struct pace pace = {.step = fmin(0.3, 0.9 / sqrt(ratio))};
        pace.steps = (int64_t)ceil(TRAJECTORY / pace.step);
        pace.steps = pace.steps > MOST_STEPS ? MOST_STEPS : pace.steps;
        return pace;
}

static bool trajectory(struct chain *chain, const struct pace *pace, const struct rng_stream *stream, uint64_t key,
                       double *before)
{
        const struct random_field_options plain = {.fixed_amplitude = false};
        struct rng_stream modes = *stream;
        modes.purpose = RNG_MODES;
        memcpy(before, chain->g, chain->mesh->size * sizeof *before);
        random_field_draw(chain->mesh, chain->kernel, &plain, &modes, key, chain->v);
        const double begin = hamiltonian(chain);
        accelerate(chain, 0.5 * pace->step);
        for (int64_t k = 0; k < pace->steps; k++) {
                for (size_t i = 0; i < chain->mesh->size; i++)
                        chain->g[i] = fma(pace->step, chain->v[i], chain->g[i]);
                accelerate(chain, k + 1 < pace->steps ? pace->step : 0.5 * pace->step);
        }
        double u;
        struct rng_stream accept = *stream;
        accept.purpose = RNG_ACCEPT;
        rng_uniform_one(&accept, key, 1, &u);
        if (vm_log(u) < begin - hamiltonian(chain)) /* false of NaN */
                return true;
        memcpy(chain->g, before, chain->mesh->size * sizeof *before);
        return false;
}

static int64_t run_chain(struct chain *chain, const struct posterior_sampling *sampling, const double *x_0,
                         uint64_t which, double *mean)
{
        const struct mesh *mesh = chain->mesh;
        const struct rng_stream stream = {.seed = sampling->seed, .level = sampling->level, .stage = STAGE};
        const struct pace pace = find_pace(chain, x_0);
        double *before = mesh_allocate(mesh);
        for (size_t i = 0; i < mesh_modes_here(mesh); i++) {
                const double c = chain->posterior->normal->variance[i];
                chain->kernel[i] = c / (1 + chain->kappa * c);
        }
        for (size_t i = 0; i < mesh->size; i++)
                chain->g[i] = vm_log(1 + x_0[i]) + chain->posterior->half_variance;
        clear_spare(mesh, chain->g);
        memset(mean, 0, mesh->size * sizeof *mean);
        const int64_t n = sampling->trajectories, first = (n + FORGET - 1) / FORGET;
        int64_t accepted = 0;
        for (int64_t k = 0; k < n; k++) {
                const uint64_t key = ((sampling->particle << 1 | which) << 16) + (uint64_t)k;
                accepted += trajectory(chain, &pace, &stream, key, before);
                look(chain);
                for (size_t i = 0; i < mesh->size && k >= first; i++)
                        mean[i] += chain->x[i] / (double)(n - first);
        }
        free(before);
        return accepted;
}

void lognormal_posterior_means(const struct lognormal_posterior *posterior, const struct posterior_sampling *sampling,
                               const double *x_0, const double *y, double *const mean[2], double *acceptance)
{
        const struct mesh *mesh = posterior->normal->mesh;
        struct chain chain = {.posterior = posterior, .mesh = mesh, .noise = sampling->sigma * sampling->sigma, .y = y};
        double **fields[] = {&chain.g, &chain.v, &chain.a, &chain.x, &chain.force};
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
                *fields[i] = mesh_allocate(mesh);
        chain.half = allocate(2 * mesh_modes_here(mesh) + 1, sizeof *chain.half);
        chain.kernel = allocate(mesh_modes_here(mesh) + 1, sizeof *chain.kernel);
        int64_t accepted = 0;
        for (uint64_t which = 0; which < 2; which++)
                accepted += run_chain(&chain, sampling, x_0, which, mean[which]);
        *acceptance = (double)accepted / (2 * (double)sampling->trajectories);
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
                free(*fields[i]);
        free(chain.half);
        free(chain.kernel);
}
