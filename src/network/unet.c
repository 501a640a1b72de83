/* F of periodic fields whose morphology isotropic filters cannot hold: a U-Net [Ronneberger et al. 2015] of residual blocks
 * that know sigma by scales and shifts of their channels [Perez et al. 2018; Karras et al. 2022]. With * a periodic
 * convolution of 3 cells a side (weights are PyTorch's, [out][in][taps], z outermost), e the embedding of sigma,
 *
 *     e        = silu(W (1's features of sigma) + b),   features c = ln(sigma)/4, cos(pi q c), sin(pi q c), q = 1 .. embedding
 *     film(h)  = (1 + A e + a) h + B e + b               channel by channel, [A; B] and [a; b] one linear layer
 *     block(x) = x + b + W_2 * silu(film(W_1 * x))
 *
 *     x        = film(W * u);  blocks;                   the stream s_0 of level 0 is kept for the way back, then a level down:
 *     x        = b + W * mean(s)  with twice the channels, mean over the 2^axes cells of each coarser one;  blocks; ...
 *     x        = s + repeat(b + W * x)                   a level up again, each coarser cell's value in all of its cells; blocks
 *     F        = b + W * silu(film(x))
 *
 * It has no statistics of the batch or the field in it, so it commutes with translations by 2^levels cells and means the
 * same on a larger mesh. The last W and b begin at 0, and so F does. Its Jacobian is not symmetric: there is no energy.
 * Local: a field is whole on a rank. Costs 2 * 3^axes * channels^2 * (4 blocks + ...) operations a cell; a
 * gradient twice that more. */
#include "network/unet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network/types.h"
#include "sculptor/error.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"
#include "sculptor/rng.h"

#define FIELD(member) offsetof(struct unet_settings, member)

static const struct param unet_rows[] = {
        {.key = "channels", .kind = PARAM_INTEGER, .offset = FIELD(channels), .fallback = "16", .range = "[2, 256]",
         .help = "of the finest level, twice as many a level down; fastest in multiples of 16"},
        {.key = "levels", .kind = PARAM_INTEGER, .offset = FIELD(levels), .fallback = "2", .range = "[0, 6]",
         .help = "halvings of the mesh, whose cells along each axis they must divide, with at least 4 left"},
        {.key = "blocks", .kind = PARAM_INTEGER, .offset = FIELD(blocks), .fallback = "1", .range = "[1, 4]",
         .help = "residual blocks of two convolutions a level, on the way down and again on the way up"},
        {.key = "embedding", .kind = PARAM_INTEGER, .offset = FIELD(embedding), .fallback = "4", .range = "[0, 64]",
         .help = "frequencies of cos and sin of ln(sigma)/4 that tell the network its noise level"},
        PARAM_END};

size_t unet_features(const struct unet_settings *settings)
{
        return 1 + 2 * (size_t)settings->embedding;
}

/* ---- layers ---- */

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
        add(list, (struct unet_layer){.convolution = true, .has_bias = has_bias, .n_in = n_in, .n_out = n_out, .gain = gain},
            name, where, l, b);
}

/* e is about 1 an element, so scales and shifts differ by 0.3 from channel to channel. */
static void add_film(struct list *list, size_t n, const char *name, const char *where, size_t l, size_t b)
{
        add(list, (struct unet_layer){.has_bias = true, .n_in = list->embedding, .n_out = 2 * n, .gain = 0.3}, name, where,
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
        add(&list, (struct unet_layer){.has_bias = true, .n_in = unet_features(settings), .n_out = list.embedding, .gain = 2},
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

static size_t tensors(const void *settings, const struct network_shape *shape, struct network_tensor *tensor)
{
        size_t n_layers, n = 0;
        struct unet_layer *layer = new_layers(settings, shape->n_axes, &n_layers);
        for (size_t i = 0; i < n_layers; i++)
                for (int part = 0; part <= layer[i].has_bias; part++, n++) {
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

static const char *unfit(const void *configured, const struct network_shape *shape)
{
        const struct unet_settings *settings = configured;
        if (shape->n_axes != 2 && shape->n_axes != 3)
                return "is of fields; particles have mlp and energy";
        if (parallel_domain_size() > 1)
                return "works on whole fields: parallel.domain_ranks: 1";
        for (int axis = 0; shape->mesh && axis < shape->n_axes; axis++) {
                const int64_t coarsest = shape->mesh->n[axis] >> settings->levels;
                if (coarsest << settings->levels != shape->mesh->n[axis])
                        return "needs numbers of cells that can be halved `levels` times";
                if (coarsest < 4)
                        return "needs 4 cells along each axis after `levels` halvings";
        }
        return NULL;
}

static void initialise(const void *settings, const struct network_shape *shape, uint64_t seed, float *theta)
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

/* ---- the type ---- */

static void *create(const void *settings, const struct network_shape *shape)
{
        if (parallel_domain_size() > 1)
                fatal("a unet works on whole fields"); /* whole_fields was not looked at */
        return unet_create(settings, shape);
}

static void free_model(void *model)
{
        unet_free(model);
}

static void set(void *model, const float *theta)
{
        unet_set(model, theta);
}

static void forward(void *model, const double *sigma, const double *restrict u, double *restrict f)
{
        struct unet *unet = model;
        if (unet->sigma != sigma[0])
                unet_embed(unet, sigma[0]);
        unet_forward(unet, u, f);
}

static void backward(void *model, const double *restrict g, double *restrict du, float *restrict gradient)
{
        unet_backward(model, g, du, gradient);
}

static void tangent(void *model, const double *restrict v, double *restrict fv)
{
        unet_tangent(model, v, fv);
}

const struct network_type network_unet = {
        .name = "unet", .help = "a convolutional U-Net, for fields of any morphology, each whole on a rank",
        .params = unet_rows, .settings_size = sizeof(struct unet_settings), .fields = true, .whole_fields = true,
        .tensors = tensors, .unfit = unfit, .initialise = initialise, .create = create, .free = free_model, .set = set,
        .forward = forward, .backward = backward, .tangent = tangent,
};
