/* The U-Net's layers, in the order of a forward pass: as tensors of files, and their first weights. Local. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network/unet.h"
#include "sculptor/memory.h"
#include "sculptor/rng.h"

size_t unet_features(const struct unet_settings *settings)
{
        return 1 + 2 * (size_t)settings->embedding;
}

struct list { struct unet_layer *layer; size_t n, taps, offset, embedding; };

static void add(struct list *list, struct unet_layer layer, const char *name, const char *where, size_t l, size_t b)
{
        layer.weight = list->offset;
        layer.bias = layer.weight + layer.n_in * layer.n_out * (layer.convolution ? list->taps : 1);
        list->offset = layer.bias + (layer.has_bias ? layer.n_out : 0);
        if (list->layer) {
                char full[2 * NETWORK_NAME];
                if (where)
                        snprintf(full, sizeof full, "%s_%zu.block_%zu.%s", where, l, b, name);
                else
                        snprintf(full, sizeof full, name[strlen(name) - 1] == '_' ? "%s%zu" : "%s", name, l);
                list->layer[list->n] = layer;
                memcpy(list->layer[list->n].name, full, NETWORK_NAME - sizeof ".weight");
        }
        list->n++;
}

static void add_conv(struct list *list, size_t n_in, size_t n_out, bool has_bias, double gain, const char *name,
                     const char *where, size_t l, size_t b)
{
        add(list, (struct unet_layer){.convolution = true, .has_bias = has_bias,
                                      .n_in = n_in, .n_out = n_out, .gain = gain},
            name, where, l, b);
}

/* e is about 1 an element, so scales and shifts differ by 0.3 from channel to channel. */
static void add_film(struct list *list, size_t n, const char *name, const char *where, size_t l, size_t b)
{
        add(list, (struct unet_layer){.has_bias = true, .n_in = list->embedding, .n_out = 2 * n, .gain = 0.3},
            name, where,
            l, b);
}

/* What is added to a stream of variance 1 has variance 1/4: silu of N(0, 1) has the mean square 0.36. */
static void add_blocks(struct list *list, size_t n_blocks, size_t n, const char *where, size_t l)
{
        for (size_t b = 0; b < n_blocks; b++) {
                add_conv(list, n, n, false, 1, "conv_1", where, l, b);
                add_film(list, n, "film", where, l, b);
                add_conv(list, n, n, true, 0.83, "conv_2", where, l, b);
        }
}

size_t unet_layers(const struct unet_settings *settings, int n_axes, struct unet_layer *layer)
{
        const size_t levels = (size_t)settings->levels, blocks = (size_t)settings->blocks;
        const size_t channels = (size_t)settings->channels;
        struct list list = {.layer = layer, .taps = n_axes == 3 ? 27 : 9, .embedding = 4 * channels};
        add(&list, (struct unet_layer){.has_bias = true, .n_in = unet_features(settings),
                                       .n_out = list.embedding, .gain = 2},
            "embed", NULL, 0, 0);
        add_conv(&list, 1, channels, false, 1, "input", NULL, 0, 0);
        add_film(&list, channels, "input_film", NULL, 0, 0);
        for (size_t l = 0; l <= levels; l++) {
                add_blocks(&list, blocks, channels << l, "encoder", l);
                if (l < levels)
                        add_conv(&list, channels << l, channels << (l + 1), true, 1, "down_", NULL, l, 0);
        }
        for (size_t l = levels; l-- > 0;) {
                add_conv(&list, channels << (l + 1), channels << l, true, 0.7, "up_", NULL, l, 0);
                add_blocks(&list, blocks, channels << l, "decoder", l);
        }
        add_film(&list, channels, "output_film", NULL, 0, 0);
        add_conv(&list, channels, 1, true, 0, "output", NULL, 0, 0);
        return list.n;
}

static struct unet_layer *new_layers(const struct unet_settings *settings, int n_axes, size_t *n)
{
        struct unet_layer *layer = allocate(unet_layers(settings, n_axes, NULL), sizeof *layer);
        *n = unet_layers(settings, n_axes, layer);
        return layer;
}

static struct network_tensor weight_tensor(const struct unet_layer *layer, int n_axes)
{
        struct network_tensor tensor = {.rank = 2, .shape = {(int64_t)layer->n_out, (int64_t)layer->n_in},
                                        .offset = layer->weight, .size = layer->bias - layer->weight};
        for (int axis = 0; layer->convolution && axis < n_axes; axis++)
                tensor.shape[tensor.rank++] = 3;
        return tensor;
}

size_t unet_tensors(const void *settings, const struct network_shape *shape, struct network_tensor *tensor)
{
        size_t n_layers, n = 0;
        struct unet_layer *layer = new_layers(settings, shape->n_axes, &n_layers);
        for (size_t i = 0; i < n_layers; i++)
                for (int part = 0; part < (layer[i].has_bias ? 2 : 1); part++, n++) {
                        if (!tensor)
                                continue;
                        tensor[n] = part ? (struct network_tensor){.rank = 1, .shape = {(int64_t)layer[i].n_out},
                                                                   .offset = layer[i].bias, .size = layer[i].n_out}
                                         : weight_tensor(&layer[i], shape->n_axes);
                        snprintf(tensor[n].name, sizeof tensor[n].name, "%.40s.%s", layer[i].name,
                                 part ? "bias" : "weight");
                }
        free(layer);
        return n;
}

/* Gaussian, of a deviation that keeps that of fields; biases 0. */
void unet_initialise(const void *settings, const struct network_shape *shape, uint64_t seed, float *theta)
{
        size_t n_layers;
        struct unet_layer *layer = new_layers(settings, shape->n_axes, &n_layers);
        uint32_t tensor = 0;
        for (size_t i = 0; i < n_layers; i++) {
                const size_t size = layer[i].bias - layer[i].weight, terms = size / layer[i].n_out;
                const struct rng_stream stream = {.seed = seed, .purpose = RNG_WEIGHTS, .step = tensor};
                double *z = allocate(size, sizeof *z);
                rng_normal_row(&stream, 0, 0, (int64_t)size, z);
                for (size_t k = 0; k < size; k++)
                        theta[layer[i].weight + k] = (float)(layer[i].gain / sqrt((double)terms) * z[k]);
                if (layer[i].has_bias)
                        memset(theta + layer[i].bias, 0, layer[i].n_out * sizeof *theta);
                free(z);
                tensor += 1 + layer[i].has_bias;
        }
        free(layer);
}
