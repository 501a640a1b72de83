/* The weights of a perceptron as they are stored, and the first ones. Local. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "network/perceptron.h"
#include "sculptor/memory.h"
#include "sculptor/rng.h"

static struct network_tensor tensor_of(size_t layer, const char *what, int rank, size_t out, size_t in, size_t offset)
{
        struct network_tensor tensor = {.rank = rank, .shape = {(int64_t)out, (int64_t)in}, .offset = offset,
                                        .size = out * in};
        snprintf(tensor.name, sizeof tensor.name, "layer_%zu.%s", layer, what);
        if (rank == 1)
                tensor.shape[1] = 0;
        return tensor;
}

size_t perceptron_tensors(const struct perceptron_shape *shape, struct network_tensor *tensor)
{
        size_t offset = 0;
        for (size_t l = 0; l < shape->n_layers && tensor; l++) {
                const size_t in = shape->size[l], out = shape->size[l + 1];
                tensor[2 * l] = tensor_of(l, "weight", 2, out, in, offset);
                tensor[2 * l + 1] = tensor_of(l, "bias", 1, out, 1, offset + out * in);
                offset += out * (in + 1);
        }
        return 2 * shape->n_layers;
}

static void fill_normal(uint64_t seed, size_t tensor, double deviation, size_t n, float *out)
{
        const struct rng_stream stream = {.seed = seed, .purpose = RNG_WEIGHTS, .step = (uint32_t)tensor};
        double *z = allocate(n, sizeof *z);
        rng_normal_row(&stream, 0, 0, (int64_t)n, z);
        for (size_t i = 0; i < n; i++)
                out[i] = (float)(deviation * z[i]);
        free(z);
}

void perceptron_initialise(const struct perceptron_shape *shape, uint64_t seed, double last_gain, float *theta)
{
        for (size_t l = 0; l < shape->n_layers; l++) {
                const size_t in = shape->size[l], out = shape->size[l + 1];
                const double gain = l == 0 ? 2 : l + 1 < shape->n_layers ? 1.07 : last_gain;
                const double deviation = gain / sqrt((double)in);
                fill_normal(seed, 2 * l, deviation, out * in, theta);
                fill_normal(seed, 2 * l + 1, l == 0 ? deviation : 0, out, theta + out * in);
                theta += out * (in + 1);
        }
}
