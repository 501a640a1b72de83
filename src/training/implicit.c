/* Implicit score matching of the noised density, which knows of y alone [Hyvarinen 2005]: a coordinate
 *
 *     A (|s|^2 + 2 tr ds/dy),   A = w sigma^4/c_out^2,   s = g + k F(c_in (y - m)),   k = c_out/sigma^2,
 *     tr ds/dy = -tr P + k c_in tr dF/du,   P = (C + sigma^2)^-1.
 *
 * In expectation this is w |F - T|^2 of the denoising loss less a constant, whence A. The trace is
 *
 *     implicit   exact, e_i' (dF/du) e_i of every coordinate i: n_dim tangents and their gradients
 *     sliced     v' (ds/dy) v of one v of independent signs, unbiased: one [Song et al. 2019; Hutchinson 1990] */
#include <math.h>
#include <string.h>

#include "sculptor/mesh.h"
#include "training/loss.h"

/* Signs, from the same words of the generator for any shape of tile. */
static void draw_signs(const struct loss *loss, const struct loss_place *place, double *restrict v)
{
        const struct network_shape *shape = &loss->network->shape;
        const struct mesh *mesh = shape->mesh;
        if (!mesh) {
                rng_normal(&place->stream, (uint64_t)place->block * LANES, shape->n_dim, v);
                for (size_t i = 0; i < loss->network->tile_size; i++)
                        v[i] = v[i] < 0 ? -1 : 1;
                return;
        }
        for (size_t p = 0; p < mesh->n_planes_here; p++) {
                double *plane = v + p * mesh->plane_stride;
                rng_normal_row(&place->stream, (uint64_t)place->block, (int64_t)(p * mesh->plane_cells),
                               (int64_t)mesh->plane_cells, plane);
                for (size_t i = 0; i < mesh->plane_stride; i++)
                        plane[i] = i >= mesh->plane_cells ? 0 : plane[i] < 0 ? -1 : 1;
        }
}

struct scales { double a[LANES], k[LANES], tangent[LANES]; }; /* A, k, what multiplies tr dF/du */

static void fill_scales(const struct loss *loss, struct scales *scales)
{
        for (size_t lane = 0; lane < LANES; lane++) {
                const double noise = loss->sigma[lane] * loss->sigma[lane], ratio = noise / loss->c_out[lane];
                scales->a[lane] = loss->weight[lane] * ratio * ratio;
                scales->k[lane] = loss->c_out[lane] / noise;
                scales->tangent[lane] = scales->k[lane] * loss->c_in[lane];
        }
}

/* out = scale[lane] factor in */
static void scale_rows(const struct loss *loss, const double *restrict scale, double factor, const double *restrict in,
                       double *restrict out)
{
        for (size_t row = 0; row < loss->network->tile_size; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        out[row + lane] = factor * scale[lane] * in[row + lane];
}

/* Adds (v' dF/du v) times `tangent` to trace, and its gradient, with that of g . F. */
static void add_tangent(struct loss *loss, const struct scales *scales, double share, double trace[LANES],
                        float *gradient)
{
        struct network *network = loss->network;
        double of_lane[LANES], both[LANES];
        network->type->tangent(network->model, loss->v, loss->work);
        loss_dot(loss, loss->v, loss->work, of_lane);
        for (size_t lane = 0; lane < LANES; lane++) {
                trace[lane] = fma(scales->tangent[lane], of_lane[lane], trace[lane]);
                both[lane] = scales->a[lane] * scales->tangent[lane];
        }
        scale_rows(loss, both, 2 * share / loss->n_values, loss->v, loss->h);
        network->type->backward_tangent(network->model, loss->g, loss->h, gradient);
}

struct loss_sums implicit_loss(struct loss *loss, const struct loss_place *place, double share, float *gradient)
{
        struct network *network = loss->network;
        const size_t size = network->tile_size;
        struct scales scales;
        double squared[LANES], of_gaussian[LANES], trace[LANES], gaussian_trace[LANES];
        fill_scales(loss, &scales);
        network->type->forward(network->model, loss->sigma, loss->u, loss->f);

        double *restrict score = loss->work;
        for (size_t row = 0; row < size; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        score[row + lane] = fma(scales.k[lane], loss->f[row + lane], loss->gaussian[row + lane]);
        loss_dot(loss, score, score, squared);
        loss_dot(loss, loss->gaussian, loss->gaussian, of_gaussian);
        double both[LANES];
        for (size_t lane = 0; lane < LANES; lane++)
                both[lane] = scales.a[lane] * scales.k[lane];
        scale_rows(loss, both, 2 * share / loss->n_values, score, loss->g);

        if (loss->settings->loss == LOSS_SLICED) {
                draw_signs(loss, place, loss->v);
                denoiser_precision(loss->denoiser, loss->sigma, loss->v, loss->work);
                loss_dot(loss, loss->v, loss->work, gaussian_trace);
                for (size_t lane = 0; lane < LANES; lane++)
                        trace[lane] = gaussian_trace[lane] = -gaussian_trace[lane];
                add_tangent(loss, &scales, share, trace, gradient);
        } else {
                for (size_t lane = 0; lane < LANES; lane++)
                        trace[lane] = gaussian_trace[lane] = -denoiser_trace(loss->denoiser, loss->sigma[lane]);
                for (size_t row = 0; row < size; row += LANES) {
                        memset(loss->v, 0, size * sizeof *loss->v);
                        for (size_t lane = 0; lane < LANES; lane++)
                                loss->v[row + lane] = 1;
                        add_tangent(loss, &scales, share, trace, gradient);
                        memset(loss->g, 0, size * sizeof *loss->g); /* that of |s|^2 is added once */
                }
        }
        for (size_t lane = 0; lane < LANES; lane++) {
                const double scale = scales.a[lane] / loss->n_values;
                squared[lane] = scale * fma(2, trace[lane], squared[lane]);
                of_gaussian[lane] = scale * fma(2, gaussian_trace[lane], of_gaussian[lane]);
        }
        return (struct loss_sums){loss_sum(loss, squared), loss_sum(loss, of_gaussian), loss_sum(loss, loss->weight)};
}
