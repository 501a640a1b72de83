/* F of periodic fields whose morphology isotropic filters cannot hold: a U-Net [Ronneberger et al. 2015] of residual
 * blocks that know sigma by scales and shifts of their channels [Perez et al. 2018; Karras et al. 2022]. With * a
 * periodic convolution of 3 cells a side (weights are PyTorch's, [out][in][taps], z outermost), e the embedding of
 * sigma,
 *
 *     e        = silu(W (features of sigma) + b),  c = ln(sigma)/4, cos(pi q c), sin(pi q c), q = 1 .. embedding
 *     film(h)  = (1 + A e + a) h + B e + b           channel by channel, [A; B] and [a; b] one linear layer
 *     block(x) = x + b + W_2 * silu(film(W_1 * x))
 *
 *     x        = film(W * u);  blocks                the stream s of a level is kept for the way back; a level down:
 *     x        = b + W * mean(s);  blocks; ...       twice the channels, a mean over the 2^axes cells of a coarser one
 *     x        = s + repeat(b + W * x);  blocks      a level up, each coarser cell's value in all of its cells
 *     F        = b + W * silu(film(x))
 *
 * It has no statistics of the batch or the field in it, so it commutes with translations by 2^levels cells and means
 * the same on a larger mesh. The last W and b begin at 0, and so F does. Its Jacobian is not symmetric: there is no
 * energy. Local: a field is whole on a rank.
 *
 * A level of n channels costs about 2 * 3^axes * n^2 * 4 blocks operations in each of its cells, so all levels as much
 * in two dimensions, each half the one before in three. A gradient costs twice that more. */
#include "network/unet.h"

#include "network/types.h"
#include "sculptor/error.h"
#include "sculptor/parallel.h"

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
        .tensors = unet_tensors, .unfit = unfit, .initialise = unet_initialise, .create = create,
        .free = free_model, .set = set,
        .forward = forward, .backward = backward, .tangent = tangent,
};
