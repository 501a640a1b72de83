/* The Gaussian part of a denoiser around a network (denoiser.h). Of particles local; of fields every function but
 * free() is collective over the domain. One transform there and back an evaluation besides the network's. */
#include "sculptor/denoiser.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/memory.h"
#include "sculptor/mesh.h"
#include "sculptor/tree_sum.h"

struct denoiser {
        struct network *network;
        struct normalisation normalisation;
        double *variance;              /* d: of this rank's modes, or one number for particles */
        double mean_variance;          /* <d> */
        double *u, *f, *centred;       /* of a tile */
        double known_sigma, known_c_out; /* the last: levels ask again and again for one sigma */
};

static const struct mesh *mesh_of(const struct denoiser *denoiser)
{
        return denoiser->network->shape.mesh;
}

/* ---- averages over modes ---- */

/* <d noise/(d + noise)>, <1/(d + noise)>; of particles d is the same for all modes. */
struct averages { double variance, residual, precision; };

static struct averages average(const struct denoiser *denoiser, double noise)
{
        const struct mesh *mesh = mesh_of(denoiser);
        if (!mesh) {
                const double d = denoiser->variance[0];
                return (struct averages){d, d * noise / (d + noise), 1 / (d + noise)};
        }
        struct tree_sum *sum = tree_sum_create(3);
        for (size_t b = 0; b < mesh->n_blocks_here; b++) {
                const int64_t index = mesh->block_begin + (int64_t)b;
                const double *d = denoiser->variance + b * mesh->block_modes;
                const double *weight = mesh->line_weight + (size_t)index * mesh->width;
                double total[3] = {0};
                for (size_t i = 0; i < mesh->block_modes; i++) {
                        const double w = weight[i % mesh->width], precision = 1 / (d[i] + noise);
                        total[0] = fma(w, d[i], total[0]);
                        total[1] = fma(w * noise, d[i] * precision, total[1]);
                        total[2] = fma(w, precision, total[2]);
                }
                tree_sum_add(sum, index, total);
        }
        double total[3];
        tree_sum_finish_domain(sum, total);
        const double n = (double)mesh->n_cells;
        return (struct averages){total[0] / n, total[1] / n, total[2] / n};
}

struct denoiser_scales denoiser_scales(struct denoiser *denoiser, double sigma)
{
        const double noise = sigma * sigma;
        if (denoiser->known_sigma != sigma) {
                denoiser->known_c_out = sqrt(average(denoiser, noise).residual);
                denoiser->known_sigma = sigma;
        }
        return (struct denoiser_scales){.c_in = 1 / sqrt(denoiser->mean_variance + noise),
                                        .c_out = denoiser->known_c_out};
}

double denoiser_trace(const struct denoiser *denoiser, double sigma)
{
        const struct mesh *mesh = mesh_of(denoiser);
        const double n = (double)(mesh ? mesh->n_cells : denoiser->network->shape.n_dim);
        return n * average(denoiser, sigma * sigma).precision;
}

/* ---- the life of one ---- */

static void fill_variance(struct denoiser *denoiser)
{
        const struct mesh *mesh = mesh_of(denoiser);
        if (!mesh) {
                denoiser->variance = allocate(1, sizeof *denoiser->variance);
                denoiser->variance[0] = denoiser->normalisation.variance[0];
                return;
        }
        denoiser->variance = allocate(mesh_modes_here(mesh) + 1, sizeof *denoiser->variance);
        for (size_t i = 0; i < mesh_modes_here(mesh); i++)
                denoiser->variance[i] = 1; /* spare modes weigh nothing, and are divided by */
        for (size_t b = 0; b < mesh->n_blocks_here; b++) {
                struct mode mode;
                for (mode_begin(mesh, mesh->block_begin + (int64_t)b, &mode); mode_next(&mode);)
                        denoiser->variance[b * mesh->block_modes + mode.index] = normalisation_variance_at(
                                &denoiser->normalisation, mode.zero ? 0 : sqrt(mode.k_squared));
        }
}

struct denoiser *denoiser_create(struct network *network, const struct normalisation *normalisation)
{
        struct denoiser *denoiser = allocate(1, sizeof *denoiser);
        denoiser->network = network;
        denoiser->normalisation = normalisation_copy(normalisation);
        denoiser->known_sigma = -1;
        double **scratch[] = {&denoiser->u, &denoiser->f, &denoiser->centred};
        for (size_t i = 0; i < sizeof scratch / sizeof *scratch; i++)
                *scratch[i] = allocate(network->tile_size + 1, sizeof **scratch[i]); /* a rank may have no plane */
        fill_variance(denoiser);
        denoiser->mean_variance = average(denoiser, 1).variance;
        return denoiser;
}

void denoiser_free(struct denoiser *denoiser)
{
        if (!denoiser)
                return;
        network_free(denoiser->network);
        normalisation_release(&denoiser->normalisation);
        free(denoiser->variance);
        free(denoiser->u);
        free(denoiser->f);
        free(denoiser->centred);
        free(denoiser);
}

struct network *denoiser_network(struct denoiser *denoiser)
{
        return denoiser->network;
}

const double *denoiser_mode_variance(const struct denoiser *denoiser)
{
        return denoiser->variance;
}

/* ---- rows of 64 lanes: of particles each lane has its sigma, of fields all have the first ---- */

/* out = scale[lane] a + out where `add`, else scale[lane] a. */
static void scale_rows(const struct denoiser *denoiser, const double *restrict scale, const double *restrict a,
                       bool add, double *restrict out)
{
        for (size_t row = 0; row < denoiser->network->tile_size; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        out[row + lane] = add ? fma(scale[lane], a[row + lane], out[row + lane])
                                              : scale[lane] * a[row + lane];
}

/* y - m, spare cells 0. */
static void centre(const struct denoiser *denoiser, const double *restrict y, double *restrict out)
{
        const struct mesh *mesh = mesh_of(denoiser);
        const double *mean = denoiser->normalisation.mean;
        if (mesh) {
                for (size_t p = 0; p < mesh->n_planes_here; p++)
                        for (size_t i = 0; i < mesh->plane_stride; i++)
                                out[p * mesh->plane_stride + i] = i < mesh->plane_cells
                                                                          ? y[p * mesh->plane_stride + i] - mean[0]
                                                                          : 0;
                return;
        }
        for (size_t row = 0; row < denoiser->network->tile_size; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        out[row + lane] = y[row + lane] - mean[row / LANES];
}

/* What multiplies: c_in, c_out/sigma^2, and their product. */
struct lane_scales { double in[LANES], out[LANES], both[LANES]; };

static void fill_scales(struct denoiser *denoiser, const double *sigma, struct lane_scales *scales)
{
        const bool field = mesh_of(denoiser) != NULL;
        for (size_t lane = 0; lane < LANES; lane++) {
                const double at = field ? sigma[0] : sigma[lane];
                const struct denoiser_scales of = denoiser_scales(denoiser, at);
                scales->in[lane] = of.c_in;
                scales->out[lane] = of.c_out / (at * at);
                scales->both[lane] = scales->in[lane] * scales->out[lane];
        }
}

/* ---- the Gaussian part ---- */

struct precision_pass { const double *variance; double noise; };

static void precision_block(void *owner, const struct mesh_block *block)
{
        const struct precision_pass *pass = owner;
        const double *restrict d = pass->variance + block->first;
        for (size_t i = 0; i < block->mesh->block_modes; i++) {
                const double precision = 1 / (d[i] + pass->noise);
                block->value[2 * i] *= precision;
                block->value[2 * i + 1] *= precision;
        }
}

void denoiser_precision(struct denoiser *denoiser, const double *sigma, const double *restrict v, double *restrict out)
{
        if (mesh_of(denoiser)) {
                struct precision_pass pass = {denoiser->variance, sigma[0] * sigma[0]};
                mesh_filter(mesh_of(denoiser), v, out, precision_block, &pass);
                return;
        }
        double precision[LANES];
        for (size_t lane = 0; lane < LANES; lane++)
                precision[lane] = 1 / (denoiser->variance[0] + sigma[lane] * sigma[lane]);
        scale_rows(denoiser, precision, v, false, out);
}

static void negate(const struct denoiser *denoiser, double *a)
{
        for (size_t i = 0; i < denoiser->network->tile_size; i++)
                a[i] = -a[i];
}

void denoiser_inputs(struct denoiser *denoiser, const double *sigma, const double *restrict y, double *restrict u,
                     double *restrict g)
{
        centre(denoiser, y, denoiser->centred);
        if (u) {
                struct lane_scales scales;
                fill_scales(denoiser, sigma, &scales);
                scale_rows(denoiser, scales.in, denoiser->centred, false, u);
        }
        if (g) {
                denoiser_precision(denoiser, sigma, denoiser->centred, g);
                negate(denoiser, g);
        }
}

/* ---- with the network ---- */

void denoiser_score(struct denoiser *denoiser, const double *sigma, const double *restrict y, double *restrict s)
{
        struct network *network = denoiser->network;
        struct lane_scales scales;
        fill_scales(denoiser, sigma, &scales);
        denoiser_inputs(denoiser, sigma, y, denoiser->u, s);
        network->type->forward(network->model, sigma, denoiser->u, denoiser->f);
        scale_rows(denoiser, scales.out, denoiser->f, true, s);
}

/* out = -(C + sigma^2)^-1 v + (c_in c_out/sigma^2) (what is in f) */
static void add_gaussian(struct denoiser *denoiser, const double *sigma, const double *restrict v, double *restrict out)
{
        struct lane_scales scales;
        fill_scales(denoiser, sigma, &scales);
        denoiser_precision(denoiser, sigma, v, out);
        negate(denoiser, out);
        scale_rows(denoiser, scales.both, denoiser->f, true, out);
}

void denoiser_jacobian_vector(struct denoiser *denoiser, const double *sigma, const double *restrict v,
                              double *restrict out)
{
        struct network *network = denoiser->network;
        network->type->tangent(network->model, v, denoiser->f);
        add_gaussian(denoiser, sigma, v, out);
}

void denoiser_vector_jacobian(struct denoiser *denoiser, const double *sigma, const double *restrict v,
                              double *restrict out)
{
        struct network *network = denoiser->network;
        network->type->backward(network->model, v, denoiser->f, NULL);
        add_gaussian(denoiser, sigma, v, out);
}

/* -(y - m)' (C + sigma^2)^-1 (y - m)/2 + c_out/(sigma^2 c_in) E(u): its gradient is the score. */
void denoiser_log_density(struct denoiser *denoiser, const double *sigma, const double *restrict y,
                          double *restrict log_p)
{
        struct network *network = denoiser->network;
        const struct mesh *mesh = mesh_of(denoiser);
        struct lane_scales scales;
        fill_scales(denoiser, sigma, &scales);
        denoiser_inputs(denoiser, sigma, y, denoiser->u, denoiser->f); /* f = -(C + sigma^2)^-1 (y - m) */
        double quadratic[LANES] = {0};
        if (mesh) {
                const double of_field = mesh_dot(mesh, denoiser->centred, denoiser->f);
                for (size_t lane = 0; lane < LANES; lane++)
                        quadratic[lane] = of_field;
        } else {
                for (size_t row = 0; row < network->tile_size; row += LANES)
                        for (size_t lane = 0; lane < LANES; lane++)
                                quadratic[lane] = fma(denoiser->centred[row + lane], denoiser->f[row + lane],
                                                      quadratic[lane]);
        }
        network->type->forward(network->model, sigma, denoiser->u, denoiser->f);
        network->type->energy(network->model, log_p);
        for (size_t lane = 0; lane < LANES; lane++)
                log_p[lane] = fma(scales.out[lane] / scales.in[lane], log_p[lane], 0.5 * quadratic[lane]);
}
