/* F of periodic fields, a gradient by construction:
 *
 *     F = sum_c G_c * W' [ a(sigma) phi( W (G * u) + b(sigma) ) ],   F = dE/du,   E = sum_cells,m a_m Phi(z_m)
 *
 * with Phi' = phi, G_c(|k|; sigma) isotropic filters (spectral_modes.c), W [hidden][channels] the same in every cell.
 * As the G_c are real they are their own adjoints, so the Jacobian W (G.) on the right is the transpose of what is on
 * the left:
 *
 *     dF/du = sum_c,c' G_c * [W' diag(a phi') W]_cc' G_c' *      symmetric
 *
 * Filters at nodes, a and b are linear in the features of sigma: 1, c = ln(sigma)/4, cos(pi q c), sin(pi q c) [Karras
 * et al. 2022]. What commutes with translations and rotations of a field is what F can be; the residual of a Wiener
 * filter on a non-Gaussian field is such. Costs 2 + 2 channels transforms; a gradient 1 + 2 channels more. Collective
 * over the domain. */
#include "network/spectral.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network/types.h"
#include "sculptor/memory.h"
#include "sculptor/rng.h"

#define FIELD(member) offsetof(struct spectral_settings, member)

static const char *const activations[] = {[SPECTRAL_SILU] = "silu", [SPECTRAL_TANH] = "tanh", NULL};

static const struct param spectral_rows[] = {
        {.key = "channels", .kind = PARAM_INTEGER, .offset = FIELD(channels), .fallback = "8", .range = "[1, 64]",
         .help = "isotropic filters; each costs two transforms"},
        {.key = "hidden", .kind = PARAM_INTEGER, .offset = FIELD(hidden), .fallback = "32", .range = "[1, 1024]",
         .help = "units in each cell"},
        {.key = "bins", .kind = PARAM_INTEGER, .offset = FIELD(bins), .fallback = "12", .range = "[2, 256]",
         .help = "nodes of a filter, equally spaced in ln k from largest_scale to the smallest a mesh has"},
        {.key = "largest_scale",
         .kind = PARAM_REAL,
         .offset = FIELD(largest_scale),
         .fallback = "32",
         .range = "[4, 1000000]",
         .unit = "cells",
         .help = "wavelength of the first node, at most the side of the mesh that is learned from; filters are "
                 "constant "
                 "beyond, and so larger meshes of such cells can use what was learned"},
        {.key = "embedding", .kind = PARAM_INTEGER, .offset = FIELD(embedding), .fallback = "4", .range = "[0, 64]",
         .help = "frequencies of cos and sin of ln(sigma)/4 that tell the network its noise level"},
        {.key = "activation", .kind = PARAM_CHOICE, .offset = FIELD(activation), .choices = activations,
         .fallback = "silu", .help = "of the units; tanh has an energy, and so a log density"},
        PARAM_END};

static size_t n_features(const struct spectral_settings *settings)
{
        return 2 + 2 * (size_t)settings->embedding;
}

static size_t tensors(const void *configured, const struct network_shape *shape, struct network_tensor *tensor)
{
        const struct spectral_settings *settings = configured;
        const int64_t features = (int64_t)n_features(settings);
        const struct network_tensor all[] = {
                {.name = "filters", .rank = 3, .shape = {settings->channels, settings->bins, features}},
                {.name = "weight", .rank = 2, .shape = {settings->hidden, settings->channels}},
                {.name = "bias", .rank = 2, .shape = {settings->hidden, features}},
                {.name = "amplitude", .rank = 2, .shape = {settings->hidden, features}},
        };
        enum { N_TENSORS = sizeof all / sizeof *all };
        (void)shape;
        size_t offset = 0;
        for (size_t i = 0; tensor && i < N_TENSORS; i++) {
                tensor[i] = all[i];
                tensor[i].offset = offset;
                tensor[i].size = 1;
                for (int axis = 0; axis < all[i].rank; axis++)
                        tensor[i].size *= (size_t)all[i].shape[axis];
                offset += tensor[i].size;
        }
        return N_TENSORS;
}

static const char *unfit(const void *settings, const struct network_shape *shape)
{
        (void)settings;
        return shape->n_axes == 2 || shape->n_axes == 3 ? NULL : "is of fields; particles have mlp and energy";
}

/* Filters of deviation 1/2 at any noise level, units of deviation 1, and amplitudes 0, with which F is 0. */
static void initialise(const void *configured, const struct network_shape *shape, uint64_t seed, float *theta)
{
        const struct spectral_settings *settings = configured;
        const size_t features = n_features(settings);
        struct network_tensor tensor[4];
        const size_t n = tensors(settings, shape, tensor);
        const double of_constant[] = {0.35, 1 / sqrt((double)settings->channels), 0.5, 0};
        const double of_features[] = {0.58 / sqrt((double)features), of_constant[1], 0.5, 0};
        for (size_t t = 0; t < n; t++) {
                const struct rng_stream stream = {.seed = seed, .purpose = RNG_WEIGHTS, .step = (uint32_t)t};
                double *z = allocate(tensor[t].size, sizeof *z);
                rng_normal_row(&stream, 0, 0, (int64_t)tensor[t].size, z);
                for (size_t i = 0; i < tensor[t].size; i++)
                        theta[tensor[t].offset + i] = (float)((i % features == 0 ? of_constant[t] : of_features[t]) *
                                                              z[i]);
                free(z);
        }
}

/* ---- the life of one ---- */

static void *create(const void *configured, const struct network_shape *shape)
{
        struct spectral *s = allocate(1, sizeof *s);
        struct network_tensor tensor[4];
        tensors(configured, shape, tensor);
        *s = (struct spectral){.settings = configured, .mesh = shape->mesh,
                               .filters = tensor[0].offset, .weight = tensor[1].offset, .bias = tensor[2].offset,
                               .amplitude = tensor[3].offset, .n_parameters = tensor[3].offset + tensor[3].size};
        s->n_channels = (size_t)s->settings->channels;
        s->n_hidden = (size_t)s->settings->hidden;
        s->n_bins = (size_t)s->settings->bins;
        s->n_features = n_features(s->settings);
        s->n_units = (s->n_hidden + SPECTRAL_UNITS - 1) / SPECTRAL_UNITS * SPECTRAL_UNITS;
        s->n_modes = mesh_modes_here(s->mesh);
        s->theta = allocate(s->n_parameters, sizeof *s->theta);
        s->bin = allocate(s->n_modes + 1, sizeof *s->bin); /* a rank may have no mode, and no plane */
        s->fraction = allocate(s->n_modes + 1, sizeof *s->fraction);
        s->feature = allocate(s->n_features, sizeof *s->feature);
        s->node = allocate(s->n_channels * s->n_bins, sizeof *s->node);
        s->gain = allocate(s->n_channels * s->n_modes + 1, sizeof *s->gain);
        s->w = allocate(s->n_units * s->n_channels, sizeof *s->w);
        s->shift = allocate(s->n_units, sizeof *s->shift);
        s->scale = allocate(s->n_units, sizeof *s->scale);
        double **modes[] = {&s->u_modes, &s->sum};
        for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
                *modes[i] = allocate(2 * s->n_modes + 1, sizeof **modes[i]);
        s->h = allocate(s->n_channels * s->mesh->size + 1, sizeof *s->h);
        s->t = allocate(s->n_channels * s->mesh->size + 1, sizeof *s->t);
        s->cells = allocate(s->mesh->size + 1, sizeof *s->cells);
        spectral_place_nodes(s);
        return s;
}

static void free_model(void *model)
{
        struct spectral *s = model;
        void *owned[] = {s->theta, s->bin,   s->fraction, s->feature, s->node,    s->gain,    s->shift, s->scale,
                         s->h,     s->t,     s->t_modes,  s->u_modes, s->v_modes, s->g_modes, s->sum,   s->p,
                         s->e,     s->cells, s->s,        s->product, s->h_modes, s->w};
        for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
                free(owned[i]);
        spectral_lanes_free(s->lanes);
        free(s);
}

static void set(void *model, const float *theta)
{
        struct spectral *s = model;
        memcpy(s->theta, theta, s->n_parameters * sizeof *theta);
        memcpy(s->w, theta + s->weight, s->n_hidden * s->n_channels * sizeof *s->w);
        s->sigma = 0;
}

static double *need_modes(const struct spectral *s, double **modes)
{
        if (!*modes)
                *modes = allocate(2 * s->n_modes + 1, sizeof **modes);
        return *modes;
}

static float *need_channels(const struct spectral *s, float **channels)
{
        if (!*channels)
                *channels = allocate(s->n_channels * s->mesh->size + 1, sizeof **channels);
        return *channels;
}

/* ---- evaluation; backward() without a gradient is a tangent, and takes its place ---- */

static void forward(void *model, const double *sigma, const double *restrict u, double *restrict f)
{
        struct spectral *s = model;
        if (s->sigma != sigma[0]) {
                spectral_fill_level(s, sigma[0]);
                spectral_fill_gain(s);
                s->sigma = sigma[0];
        }
        spectral_analyse(s, u, s->u_modes);
        spectral_spread(s, s->u_modes, s->h);
        spectral_cells_forward(s);
        spectral_collect(s, s->t, s->t_modes, f);
}

static void tangent(void *model, const double *restrict v, double *restrict fv)
{
        struct spectral *s = model;
        spectral_analyse(s, v, need_modes(s, &s->v_modes));
        spectral_spread(s, s->v_modes, need_channels(s, &s->p));
        need_channels(s, &s->e);
        spectral_cells_tangent(s);
        spectral_collect(s, s->e, NULL, fv);
}

/* The memory of gradients; and the modes of t, which forward() did not keep before. */
static void need_gradients(struct spectral *s)
{
        if (s->t_modes)
                return;
        s->t_modes = allocate(2 * s->n_channels * s->n_modes, sizeof *s->t_modes);
        s->product = allocate(s->n_channels * s->n_modes, sizeof *s->product);
        s->lanes = spectral_lanes_create(s->n_units, s->n_channels);
        spectral_cells_forward(s);
        spectral_collect(s, s->t, s->t_modes, NULL);
}

/* With g = sum_c t_c . (G_c * g): the filters' gradient is Re(conj(g) t_c + conj(u) (adjoint of h_c)) of each mode. */
static void backward(void *model, const double *restrict g, double *restrict du, float *restrict gradient)
{
        struct spectral *s = model;
        if (!gradient) {
                tangent(s, g, du); /* the Jacobian is symmetric */
                return;
        }
        need_gradients(s);
        spectral_analyse(s, g, need_modes(s, &s->g_modes));
        spectral_spread(s, s->g_modes, s->t);
        spectral_gradients_backward(s, s->t, gradient);
        spectral_multiply_kept(s, s->t_modes, s->g_modes);
        spectral_multiply(s, s->t, s->u_modes, du);
        spectral_filter_gradient(s, gradient);
}

/* The same of two terms: conj(g) t + conj(h) e + conj(u) (adjoint of h) + conj(v) (adjoint of p). */
static void backward_tangent(void *model, const double *restrict g, const double *restrict h, float *restrict gradient)
{
        struct spectral *s = model;
        need_gradients(s);
        spectral_analyse(s, g, need_modes(s, &s->g_modes));
        spectral_analyse(s, h, need_modes(s, &s->h_modes));
        spectral_multiply_kept(s, s->t_modes, s->g_modes);
        spectral_multiply(s, s->e, s->h_modes, NULL);
        spectral_spread(s, s->g_modes, s->t);
        spectral_spread(s, s->h_modes, need_channels(s, &s->s));
        spectral_gradients_backward_tangent(s, s->t, s->s, gradient);
        spectral_multiply(s, s->t, s->u_modes, NULL);
        spectral_multiply(s, s->s, s->v_modes, NULL);
        spectral_filter_gradient(s, gradient);
}

static void energy(void *model, double *value)
{
        const double sum = spectral_cells_energy(model);
        for (size_t lane = 0; lane < LANES; lane++)
                value[lane] = sum;
}

static bool has_energy(const void *settings)
{
        return ((const struct spectral_settings *)settings)->activation == SPECTRAL_TANH;
}

static double lipschitz(void *model, double sigma)
{
        return spectral_lipschitz(model, sigma);
}

const struct network_type network_spectral = {
        .name = "spectral", .help = "isotropic filters about a function of each cell, for fields: conservative",
        .params = spectral_rows, .settings_size = sizeof(struct spectral_settings), .fields = true,
        .tensors = tensors, .unfit = unfit, .initialise = initialise, .create = create, .free = free_model, .set = set,
        .forward = forward, .backward = backward, .tangent = tangent, .backward_tangent = backward_tangent,
        .energy = energy, .has_energy = has_energy, .lipschitz = lipschitz,
};
