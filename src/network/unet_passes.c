/* Forward, tangent and backward passes of the U-Net. A tangent goes the way of forward() in the levels' streams, in place;
 * adjoints go back in the same ones. A convolution's input gets its halo just before. Local. */
#include "network/unet.h"

static const struct conv_grid *grid_of(const struct unet *unet, size_t l)
{
        return &unet->level[l].grid;
}

/* out = base + bias + W * in */
static void apply(const struct conv_grid *grid, const struct unet_conv *conv, float *in, const float *base, float *out)
{
        conv_halo(grid, conv->shape.n_in, in);
        conv_apply(grid, conv->shape, conv->packed, conv->bias, in, base, out);
}

/* out = base + W * in */
static void apply_linear(const struct conv_grid *grid, const struct unet_conv *conv, float *in, const float *base,
                         float *out)
{
        conv_halo(grid, conv->shape.n_in, in);
        conv_apply(grid, conv->shape, conv->packed, NULL, in, base, out);
}

/* out = base + W' * d */
static void apply_transposed(const struct conv_grid *grid, const struct unet_conv *conv, float *d, const float *base,
                             float *out)
{
        const struct conv_shape shape = {conv->shape.n_out, conv->shape.n_in};
        conv_halo(grid, shape.n_in, d);
        conv_apply(grid, shape, conv->transposed, NULL, d, base, out);
}

/* Of a convolution that forward() applied to `in`, for adjoints d of its results; nothing without `gradient`. */
static void add_gradient(struct unet *unet, const struct conv_grid *grid, const struct unet_conv *conv, const float *in,
                         float *d, float *gradient)
{
        if (!gradient)
                return;
        if (conv->shape.n_out == 1)
                conv_halo(grid, 1, d);
        conv_gradient(grid, conv->shape, in, d, unet->work, gradient + conv->at.weight);
        if (conv->bias)
                conv_bias_gradient(grid, conv->shape.n_out, d, gradient + conv->at.bias);
}

/* ---- forward ---- */

static void blocks_forward(const struct unet *unet, size_t l, const struct unet_block *block)
{
        for (size_t b = 0; b < unet->n_blocks; b++, block++) {
                apply(grid_of(unet, l), &block->first, block->x, NULL, block->film.h);
                unet_film_forward(&block->film, grid_of(unet, l));
                apply(grid_of(unet, l), &block->second, block->film.a, block->x, block->y);
        }
}

/* The mean over the fine cells in a coarse one is this times their sum. */
static float mean_factor(const struct unet *unet)
{
        return unet->mesh->n_axes == 3 ? 0.125f : 0.25f;
}

void unet_forward(struct unet *unet, const double *restrict u, double *restrict f)
{
        const size_t blocks = unet->n_blocks;
        unet_pack(unet->mesh, grid_of(unet, 0), u, unet->u);
        apply(grid_of(unet, 0), &unet->input, unet->u, NULL, unet->input_film.h);
        unet_film_forward(&unet->input_film, grid_of(unet, 0));
        for (size_t l = 0; l <= unet->n_levels; l++) {
                const struct unet_level *level = &unet->level[l];
                if (l > 0) {
                        unet_gather(grid_of(unet, l - 1), &level->grid, level->n / 2, mean_factor(unet),
                                    unet->skip[l - 1], level->pooled);
                        apply(&level->grid, &unet->down[l - 1], level->pooled, NULL, unet->encoder[l * blocks].x);
                }
                blocks_forward(unet, l, unet->encoder + l * blocks);
        }
        for (size_t l = unet->n_levels; l-- > 0;) {
                const struct unet_level *level = &unet->level[l], *below = level + 1;
                apply(&below->grid, &unet->up[l], unet->last[l + 1], NULL, below->coarse);
                unet_spread(&level->grid, &below->grid, level->n, 1, below->coarse, unet->skip[l],
                            unet->decoder[l * blocks].x);
                blocks_forward(unet, l, unet->decoder + l * blocks);
        }
        unet_film_forward(&unet->output_film, grid_of(unet, 0));
        apply(grid_of(unet, 0), &unet->output, unet->output_film.a, NULL, unet->v);
        unet_unpack(unet->mesh, grid_of(unet, 0), unet->v, f);
}

/* ---- tangent ---- */

static void blocks_tangent(const struct unet *unet, size_t l, const struct unet_block *block)
{
        const struct unet_level *level = &unet->level[l];
        for (size_t b = 0; b < unet->n_blocks; b++, block++) {
                apply_linear(&level->grid, &block->first, level->stream, NULL, level->inner);
                unet_film_tangent(&block->film, &level->grid, level->inner);
                apply_linear(&level->grid, &block->second, level->inner, level->stream, level->stream);
        }
}

void unet_tangent(struct unet *unet, const double *restrict v, double *restrict fv)
{
        const size_t blocks = unet->n_blocks;
        float *first = unet->level[0].stream;
        unet_pack(unet->mesh, grid_of(unet, 0), v, unet->v);
        apply_linear(grid_of(unet, 0), &unet->input, unet->v, NULL, first);
        unet_film_tangent(&unet->input_film, grid_of(unet, 0), first);
        for (size_t l = 0; l <= unet->n_levels; l++) {
                const struct unet_level *level = &unet->level[l];
                if (l > 0) {
                        unet_gather(grid_of(unet, l - 1), &level->grid, level->n / 2, mean_factor(unet),
                                    unet->level[l - 1].stream, level->coarse);
                        apply_linear(&level->grid, &unet->down[l - 1], level->coarse, NULL, level->stream);
                }
                blocks_tangent(unet, l, unet->encoder + l * blocks);
        }
        for (size_t l = unet->n_levels; l-- > 0;) {
                const struct unet_level *level = &unet->level[l], *below = level + 1;
                apply_linear(&below->grid, &unet->up[l], below->stream, NULL, below->coarse);
                unet_spread(&level->grid, &below->grid, level->n, 1, below->coarse, level->stream, level->stream);
                blocks_tangent(unet, l, unet->decoder + l * blocks);
        }
        unet_film_tangent(&unet->output_film, grid_of(unet, 0), first);
        apply_linear(grid_of(unet, 0), &unet->output, first, NULL, unet->v);
        unet_unpack(unet->mesh, grid_of(unet, 0), unet->v, fv);
}

/* ---- backward ---- */

static void film_backward(const struct unet_film *film, const struct conv_grid *grid, float *d, const float *gradient)
{
        if (gradient)
                unet_film_gradient(film, grid, d);
        unet_film_tangent(film, grid, d);
}

static void blocks_backward(struct unet *unet, size_t l, const struct unet_block *block, float *gradient)
{
        const struct unet_level *level = &unet->level[l];
        for (size_t b = unet->n_blocks; b-- > 0;) {
                add_gradient(unet, &level->grid, &block[b].second, block[b].film.a, level->stream, gradient);
                apply_transposed(&level->grid, &block[b].second, level->stream, NULL, level->inner);
                film_backward(&block[b].film, &level->grid, level->inner, gradient);
                add_gradient(unet, &level->grid, &block[b].first, block[b].x, level->inner, gradient);
                apply_transposed(&level->grid, &block[b].first, level->inner, level->stream, level->stream);
        }
}

void unet_backward(struct unet *unet, const double *restrict g, double *restrict du, float *restrict gradient)
{
        const size_t blocks = unet->n_blocks;
        const struct conv_grid *finest = grid_of(unet, 0);
        float *first = unet->level[0].stream;
        unet_pack(unet->mesh, finest, g, unet->v);
        add_gradient(unet, finest, &unet->output, unet->output_film.a, unet->v, gradient);
        apply_transposed(finest, &unet->output, unet->v, NULL, first);
        film_backward(&unet->output_film, finest, first, gradient);
        for (size_t l = 0; l < unet->n_levels; l++) {
                const struct unet_level *level = &unet->level[l], *below = level + 1;
                blocks_backward(unet, l, unet->decoder + l * blocks, gradient);
                unet_gather(&level->grid, &below->grid, level->n, 1, level->stream, below->coarse);
                add_gradient(unet, &below->grid, &unet->up[l], unet->last[l + 1], below->coarse, gradient);
                apply_transposed(&below->grid, &unet->up[l], below->coarse, NULL, below->stream);
        }
        for (size_t l = unet->n_levels + 1; l-- > 0;) {
                const struct unet_level *level = &unet->level[l];
                blocks_backward(unet, l, unet->encoder + l * blocks, gradient);
                if (l == 0)
                        break;
                add_gradient(unet, &level->grid, &unet->down[l - 1], level->pooled, level->stream, gradient);
                apply_transposed(&level->grid, &unet->down[l - 1], level->stream, NULL, level->coarse);
                unet_spread(grid_of(unet, l - 1), &level->grid, level->n / 2, mean_factor(unet), level->coarse,
                            unet->level[l - 1].stream, unet->level[l - 1].stream);
        }
        film_backward(&unet->input_film, finest, first, gradient);
        add_gradient(unet, finest, &unet->input, unet->u, first, gradient);
        if (gradient)
                unet_embed_backward(unet, gradient);
        if (du) {
                apply_transposed(finest, &unet->input, first, NULL, unet->v);
                unet_unpack(unet->mesh, finest, unet->v, du);
        }
}
