/* Denoising score matching [Vincent 2011], in terms of the network F [Karras et al. 2022]: a coordinate
 *
 *     w |F - T|^2,   T = (sigma^2/c_out) (t - g),
 *
 * g the Gaussian score, t an estimate of the score at y from x_0 alone, E(t|y) = s(y):
 *
 *     denoising   t = (x_0 - y)/sigma^2 = -n/sigma
 *     blended     t = a (-n/sigma) + (1 - a) s_0(x_0),  s_0 the clean score, a = sigma^2/(d + sigma^2) of each mode
 *                 [De Bortoli et al. 2024]. On a Gaussian of variance d it is s(y) itself.
 *
 * With P = (C + sigma^2)^-1 the latter is s_0 + sigma^2 P (-n/sigma - s_0). One forward and one backward pass. */
#include <math.h>

#include "training/loss.h"

/* t into loss->g. */
static void estimate_score(struct loss *loss)
{
        const size_t size = loss->network->tile_size;
        double *restrict t = loss->g;
        for (size_t row = 0; row < size; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        t[row + lane] = -loss->noise[row + lane] / loss->sigma[lane];
        if (loss->settings->loss != LOSS_BLENDED)
                return;
        double *restrict clean = loss->v, *restrict difference = loss->work, *restrict filtered = loss->h;
        score_eval(loss->clean, loss->x_0, clean);
        for (size_t i = 0; i < size; i++)
                difference[i] = t[i] - clean[i];
        denoiser_precision(loss->denoiser, loss->sigma, difference, filtered);
        for (size_t row = 0; row < size; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        t[row + lane] = fma(loss->sigma[lane] * loss->sigma[lane], filtered[row + lane],
                                            clean[row + lane]);
}

struct loss_sums denoising_loss(struct loss *loss, double share, float *gradient)
{
        struct network *network = loss->network;
        estimate_score(loss);
        network->type->forward(network->model, loss->sigma, loss->u, loss->f);

        double *restrict target = loss->g, *restrict residual = loss->h;
        for (size_t row = 0; row < network->tile_size; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++) {
                        const double scale = loss->sigma[lane] * loss->sigma[lane] / loss->c_out[lane];
                        target[row + lane] = scale * (target[row + lane] - loss->gaussian[row + lane]);
                        residual[row + lane] = loss->f[row + lane] - target[row + lane];
                }
        double squared[LANES], of_target[LANES];
        loss_dot(loss, residual, residual, squared);
        loss_dot(loss, target, target, of_target);
        for (size_t lane = 0; lane < LANES; lane++) {
                squared[lane] *= loss->weight[lane] / loss->n_values;
                of_target[lane] *= loss->weight[lane] / loss->n_values;
        }

        const double twice = 2 * share / loss->n_values;
        for (size_t row = 0; row < network->tile_size; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        residual[row + lane] *= twice * loss->weight[lane];
        network->type->backward(network->model, residual, NULL, gradient);
        return (struct loss_sums){loss_sum(loss, squared), loss_sum(loss, of_target), loss_sum(loss, loss->weight)};
}
