/* The life of a U-Net: its memory, and weights packed. Local. */
#include <stdlib.h>
#include <string.h>

#include "network/unet.h"
#include "sculptor/memory.h"

/* ---- memory that unet_free() frees ---- */

static void *keep(struct unet *unet, size_t count, size_t size)
{
        if (unet->n_owned % 64 == 0) {
                void **longer = allocate(unet->n_owned + 64, sizeof *longer);
                if (unet->n_owned)
                        memcpy(longer, unet->owned, unet->n_owned * sizeof *longer);
                free(unet->owned);
                unet->owned = longer;
        }
        return unet->owned[unet->n_owned++] = allocate(count, size);
}

static float *keep_field(struct unet *unet, size_t l, size_t n)
{
        return keep(unet, conv_size(&unet->level[l].grid, n), sizeof(float));
}

void unet_free(struct unet *unet)
{
        if (!unet)
                return;
        for (size_t i = 0; i < unet->n_owned; i++)
                free(unet->owned[i]);
        free(unet->owned);
        free(unet);
}

/* ---- layers; `layer` moves on through their list ---- */

static size_t full(size_t n_channels)
{
        return conv_chunks(n_channels) * CONV_CHUNK;
}

static void open_conv(struct unet *unet, const struct unet_layer **layer, struct unet_conv *conv)
{
        const size_t taps = conv_taps(&unet->level[0].grid);
        *conv = (struct unet_conv){.at = *(*layer)++};
        conv->shape = (struct conv_shape){conv->at.n_in, conv->at.n_out};
        conv->packed = keep(unet, conv_packed_size(conv->shape, taps), sizeof *conv->packed);
        conv->transposed = keep(unet, conv_packed_size(conv->shape, taps), sizeof *conv->transposed);
        conv->bias = conv->at.has_bias ? keep(unet, full(conv->shape.n_out), sizeof *conv->bias) : NULL;
        unet->conv[unet->n_convs++] = conv;
}

/* h and a are the caller's to give. */
static void open_film(struct unet *unet, const struct unet_layer **layer, struct unet_film *film, size_t l, bool linear)
{
        *film = (struct unet_film){.at = *(*layer)++, .linear = linear};
        film->n = film->at.n_out / 2;
        film->scale = keep(unet, full(film->n), sizeof *film->scale);
        film->shift = keep(unet, full(film->n), sizeof *film->shift);
        film->gradient = keep(unet, 2 * film->n, sizeof *film->gradient);
        film->slope = linear ? NULL : keep_field(unet, l, film->n);
        unet->film[unet->n_films++] = film;
}

static float *open_blocks(struct unet *unet, const struct unet_layer **layer, struct unet_block *block, size_t l)
{
        const size_t n = unet->level[l].n;
        float *x = keep_field(unet, l, n);
        for (size_t b = 0; b < unet->n_blocks; b++) {
                block[b].x = x;
                open_conv(unet, layer, &block[b].first);
                open_film(unet, layer, &block[b].film, l, false);
                block[b].film.h = keep_field(unet, l, n);
                block[b].film.a = keep_field(unet, l, n);
                open_conv(unet, layer, &block[b].second);
                x = block[b].y = keep_field(unet, l, n);
        }
        return x;
}

static void open_levels(struct unet *unet)
{
        const struct mesh *mesh = unet->mesh;
        const int64_t *n = mesh->n;
        unet->level = keep(unet, unet->n_levels + 1, sizeof *unet->level);
        for (size_t l = 0; l <= unet->n_levels; l++) {
                struct unet_level *level = &unet->level[l];
                level->grid = mesh->n_axes == 3 ? conv_grid(3, (size_t)n[0] >> l, (size_t)n[1] >> l, (size_t)n[2] >> l)
                                                : conv_grid(2, 1, (size_t)n[0] >> l, (size_t)n[1] >> l);
                level->n = (size_t)unet->settings->channels << l;
                level->stream = keep_field(unet, l, level->n);
                level->inner = keep_field(unet, l, level->n);
                if (l > 0) {
                        level->pooled = keep_field(unet, l, level->n / 2);
                        level->coarse = keep_field(unet, l, level->n / 2);
                }
        }
        unet->u = keep_field(unet, 0, 1);
        unet->v = keep_field(unet, 0, 1);
        unet->work = keep(unet, CONV_CHUNK * CONV_CHUNK * conv_taps(&unet->level[0].grid), sizeof *unet->work);
}

static void open_layers(struct unet *unet, const struct unet_layer *layer)
{
        const size_t levels = unet->n_levels, blocks = unet->n_blocks;
        unet->encoder = keep(unet, (levels + 1) * blocks, sizeof *unet->encoder);
        unet->decoder = keep(unet, levels * blocks + 1, sizeof *unet->decoder);
        unet->down = keep(unet, levels + 1, sizeof *unet->down);
        unet->up = keep(unet, levels + 1, sizeof *unet->up);
        unet->skip = keep(unet, levels + 1, sizeof *unet->skip);
        unet->last = keep(unet, levels + 1, sizeof *unet->last);
        unet->embed = *layer++;
        open_conv(unet, &layer, &unet->input);
        open_film(unet, &layer, &unet->input_film, 0, true);
        for (size_t l = 0; l <= levels; l++) {
                unet->skip[l] = unet->last[l] = open_blocks(unet, &layer, unet->encoder + l * blocks, l);
                if (l < levels)
                        open_conv(unet, &layer, &unet->down[l]);
        }
        for (size_t l = levels; l-- > 0;) {
                open_conv(unet, &layer, &unet->up[l]);
                unet->last[l] = open_blocks(unet, &layer, unet->decoder + l * blocks, l);
        }
        open_film(unet, &layer, &unet->output_film, 0, false);
        open_conv(unet, &layer, &unet->output);
        unet->input_film.h = keep_field(unet, 0, unet->level[0].n);
        unet->input_film.a = unet->encoder[0].x;
        unet->output_film.h = unet->last[0];
        unet->output_film.a = keep_field(unet, 0, unet->level[0].n);
}

struct unet *unet_create(const struct unet_settings *settings, const struct network_shape *shape)
{
        struct unet *unet = allocate(1, sizeof *unet);
        unet->settings = settings;
        unet->mesh = shape->mesh;
        unet->n_levels = (size_t)settings->levels;
        unet->n_blocks = (size_t)settings->blocks;

        const size_t n = unet_layers(settings, shape->n_axes, NULL);
        struct unet_layer *layer = allocate(n, sizeof *layer);
        unet_layers(settings, shape->n_axes, layer);
        unet->n_parameters = layer[n - 1].bias + layer[n - 1].n_out;
        unet->theta = keep(unet, unet->n_parameters, sizeof *unet->theta);
        unet->film = keep(unet, n, sizeof *unet->film);
        unet->conv = keep(unet, n, sizeof *unet->conv);
        double **embedded[] = {&unet->embedding, &unet->embedding_slope, &unet->embedding_gradient};
        for (size_t i = 0; i < sizeof embedded / sizeof *embedded; i++)
                *embedded[i] = keep(unet, layer[0].n_out, sizeof **embedded[i]);
        unet->feature = keep(unet, layer[0].n_in, sizeof *unet->feature);
        open_levels(unet);
        open_layers(unet, layer);
        free(layer);
        return unet;
}

void unet_set(struct unet *unet, const float *theta)
{
        const size_t taps = conv_taps(&unet->level[0].grid);
        memcpy(unet->theta, theta, unet->n_parameters * sizeof *theta);
        for (size_t i = 0; i < unet->n_convs; i++) {
                const struct unet_conv *conv = unet->conv[i];
                conv_pack(conv->shape, taps, theta + conv->at.weight, conv->packed);
                conv_pack_transposed(conv->shape, taps, theta + conv->at.weight, conv->transposed);
                if (conv->bias)
                        memcpy(conv->bias, theta + conv->at.bias, conv->shape.n_out * sizeof *theta);
        }
        unet->sigma = 0;
}
