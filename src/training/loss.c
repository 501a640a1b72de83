/* What the losses share: a tile's noised examples, weights, sums. */
#include "training/loss.h"

#include <math.h>
#include <stdlib.h>

#include "sculptor/memory.h"
#include "sculptor/mesh.h"

enum { N_ARRAYS = 10 };

static void list_arrays(struct loss *loss, double **array[N_ARRAYS])
{
        double **const all[N_ARRAYS] = {&loss->x_0, &loss->noise, &loss->y, &loss->u, &loss->gaussian,
                                        &loss->f,   &loss->g,     &loss->h, &loss->v, &loss->work};
        for (size_t i = 0; i < N_ARRAYS; i++)
                array[i] = all[i];
}

void loss_create(struct loss *loss, const struct training_settings *settings, struct denoiser *denoiser)
{
        struct network *network = denoiser_network(denoiser);
        *loss = (struct loss){.settings = settings, .denoiser = denoiser, .network = network};
        const struct mesh *mesh = network->shape.mesh;
        loss->n_values = (double)(mesh ? mesh->n_cells : network->shape.n_dim);
        double **array[N_ARRAYS];
        list_arrays(loss, array);
        for (size_t i = 0; i < N_ARRAYS; i++)
                *array[i] = allocate(network->tile_size, sizeof(double));
}

void loss_release(struct loss *loss)
{
        double **array[N_ARRAYS];
        list_arrays(loss, array);
        for (size_t i = 0; i < N_ARRAYS; i++)
                free(*array[i]);
        score_level_free(loss->clean);
}

static double weight_of(const struct loss *loss, double sigma, double c_out)
{
        return loss->settings->weighting == WEIGHTING_LIKELIHOOD ? c_out * c_out / (sigma * sigma) : 1;
}

void loss_prepare(struct loss *loss)
{
        const bool field = loss->network->shape.mesh != NULL;
        for (size_t lane = 0; lane < LANES; lane++) {
                const double sigma = loss->sigma[field ? 0 : lane];
                const struct denoiser_scales scales = denoiser_scales(loss->denoiser, sigma);
                loss->sigma[lane] = sigma;
                loss->c_in[lane] = scales.c_in;
                loss->c_out[lane] = scales.c_out;
                loss->weight[lane] = weight_of(loss, sigma, scales.c_out);
        }
        for (size_t row = 0; row < loss->network->tile_size; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        loss->y[row + lane] = fma(loss->sigma[lane], loss->noise[row + lane], loss->x_0[row + lane]);
        denoiser_inputs(loss->denoiser, loss->sigma, loss->y, loss->u, loss->gaussian);
}

struct loss_sums loss_gradient(struct loss *loss, const struct loss_place *place, double share, float *gradient)
{
        switch ((enum training_loss)loss->settings->loss) {
        case LOSS_DENOISING:
        case LOSS_BLENDED:
                break;
        case LOSS_IMPLICIT:
        case LOSS_SLICED:
                return implicit_loss(loss, place, share, gradient);
        }
        return denoising_loss(loss, share, gradient);
}

static double sum_lanes(const double value[LANES])
{
        double sum[LANES];
        for (size_t lane = 0; lane < LANES; lane++)
                sum[lane] = value[lane];
        for (size_t width = LANES / 2; width > 0; width /= 2)
                for (size_t lane = 0; lane < width; lane++)
                        sum[lane] += sum[lane + width];
        return sum[0];
}

void loss_dot(const struct loss *loss, const double *restrict a, const double *restrict b, double dot[LANES])
{
        for (size_t lane = 0; lane < LANES; lane++)
                dot[lane] = 0;
        for (size_t row = 0; row < loss->network->tile_size; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        dot[lane] = fma(a[row + lane], b[row + lane], dot[lane]);
        if (!loss->network->shape.mesh)
                return;
        const double of_field = sum_lanes(dot);
        for (size_t lane = 0; lane < LANES; lane++)
                dot[lane] = of_field;
}

double loss_sum(const struct loss *loss, const double value[LANES])
{
        return loss->network->shape.mesh ? value[0] : sum_lanes(value);
}
