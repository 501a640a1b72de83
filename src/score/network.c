/* A trained score: a denoiser's network read from a weights file (denoiser.h),
 *
 *     s(x; sigma) = -(C + sigma^2)^-1 (x - m) + (c_out/sigma^2) F(c_in (x - m); sigma),
 *
 * between the noise levels it was trained for. Where the network is a gradient (it has an energy) ln p is known up to a
 * constant of the level. Of particles every lane may have its own sigma. Of fields the mesh may be larger than the
 * one trained on, with cells of the same size: what was learned in a small box is used in a large one.
 * An evaluation is one of the network; of fields collective over the domain. [Karras et al. 2022] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "score/types.h"
#include "sculptor/denoiser.h"
#include "sculptor/memory.h"
#include "sculptor/mesh.h"
#include "sculptor/parallel.h"
#include "sculptor/weights.h"

struct network_score_settings {
        char *path, *sha256;
        struct real_vector cells;
        struct weights *weights;    /* what open() read, until a model owns it */
        struct mesh_settings mesh;  /* as trained on, or larger; points into weights or to `large` */
        double large_box[MESH_MAX_AXES];
};

#define FIELD(member) offsetof(struct network_score_settings, member)

static const struct param network_score_params[] = {
        {.key = "weights", .kind = PARAM_TEXT, .offset = FIELD(path), .operational = true,
         .help = "weights file of sculptor train, a checkpoint of it, a .safetensors file or a folder of .npy files"},
        {.key = "weights_sha256",
         .kind = PARAM_TEXT,
         .offset = FIELD(sha256),
         .fallback = "",
         .help = "SHA-256 of the weights' numbers (weights_sha256 of the file); empty: what is found, and a run goes "
                 "on "
                 "with no others"},
        {.key = "cells", .kind = PARAM_VECTOR, .offset = FIELD(cells), .fallback = "0", .range = "[0, 1048576]",
         .help = "of fields: cells of the mesh along x, y[, z], each of the size trained on; 0: the mesh trained on"},
        PARAM_END};

/* ---- the file ---- */

static int axes_of(const struct mesh_settings *mesh)
{
        const size_t n = mesh->cells.n > mesh->box_size.n ? mesh->cells.n : mesh->box_size.n;
        return mesh->dimensions > 0 ? (int)mesh->dimensions : (int)n;
}

static double along(const struct real_vector *vector, int axis)
{
        return vector->value[vector->n == 1 ? 0 : axis];
}

/* The mesh asked for, of cells as large as those trained on. */
static const char *choose_mesh(struct network_score_settings *set)
{
        const struct mesh_settings *trained = &set->weights->mesh;
        set->mesh = *trained;
        if (set->cells.n == 1 && set->cells.value[0] == 0)
                return NULL;
        const int n_axes = axes_of(trained);
        static char reason[256];
        if (set->cells.n != 1 && set->cells.n != (size_t)n_axes) {
                snprintf(reason, sizeof reason,
                         "has %zu numbers, but the network is of %d axes; give one number, or %d", set->cells.n, n_axes,
                         n_axes);
                return reason;
        }
        for (int axis = 0; axis < n_axes; axis++) {
                const double n = along(&set->cells, axis);
                if (!(n >= 2) || n != floor(n)) {
                        snprintf(reason, sizeof reason, "%g is no number of cells; give a whole number of 2 or more",
                                 n);
                        return reason;
                }
                set->large_box[axis] = along(&trained->box_size, axis) / along(&trained->cells, axis) * n;
        }
        set->mesh = (struct mesh_settings){.cells = set->cells, .dimensions = n_axes,
                                           .box_size = {.n = (size_t)n_axes, .value = set->large_box}};
        return NULL;
}

static const char *open_weights(void *settings, const struct score_context *context)
{
        struct network_score_settings *set = settings;
        score_reads(context, "weights");
        if (!context->read_weights)
                return "weights cannot be read here";
        const char *why = context->read_weights(set->path, &set->weights);
        if (why)
                return why;
        score_reads(context, "weights_sha256");
        if (*set->sha256 && strcmp(set->sha256, set->weights->digest) != 0)
                return "is not that of these weights; leave it out, or give the weights it is of";
        free(set->sha256); /* a parameter from here on: other weights are another run */
        set->sha256 = copy_text(set->weights->digest);
        const bool particles = set->weights->n_dim > 0;
        score_reads(context, "cells");
        if (!particles)
                return choose_mesh(set);
        return set->cells.n == 1 && set->cells.value[0] == 0
                       ? NULL
                       : "is of fields, and the weights are of particles; leave it out";
}

static const char *file_of(const void *settings)
{
        return ((const struct network_score_settings *)settings)->path;
}

/* ---- the model ---- */

struct network_score {
        struct network_score_settings *settings;
        struct weights *weights;
        struct mesh *mesh; /* of fields, else NULL */
        struct denoiser *denoiser;
};

/* 0 where no weights were opened yet: not known. */
static int64_t dimension(const void *settings)
{
        const struct network_score_settings *set = settings;
        if (!set->weights)
                return 0;
        return set->weights->n_dim > 0 ? set->weights->n_dim : mesh_settings_cells(&set->mesh);
}

static struct network_shape shape_of(const struct network_score *model)
{
        return (struct network_shape){.n_dim = model->weights->n_dim, .n_axes = model->mesh ? model->mesh->n_axes : 0,
                                      .mesh = model->mesh};
}

static void make_denoiser(struct network_score *model)
{
        const struct weights *weights = model->weights;
        const struct network_shape shape = shape_of(model);
        const struct selection *selected = &weights->network.type;
        struct network *network = network_create(selected->type, selected->settings, &shape);
        network_set(network, weights->theta);
        model->denoiser = denoiser_create(network, &weights->normalisation);
}

static void *create(const void *settings)
{
        struct network_score_settings *set;
        memcpy(&set, &settings, sizeof set); /* its weights become the model's */
        struct network_score *model = allocate(1, sizeof *model);
        model->settings = set;
        model->weights = set->weights;
        if (model->weights->n_dim > 0)
                make_denoiser(model);
        else
                model->mesh = mesh_create(&set->mesh);
        return model;
}

static void free_model(void *state)
{
        struct network_score *model = state;
        denoiser_free(model->denoiser);
        mesh_free(model->mesh);
        weights_free(model->weights);
        model->settings->weights = NULL;
        free(model);
}

static struct mesh *mesh(const void *model)
{
        return ((const struct network_score *)model)->mesh;
}

static const char *load(void *state, const struct score_context *context)
{
        const struct network_score *model = state;
        const struct network_type *type = model->weights->network.type.type;
        const struct network_shape shape = shape_of(model);
        score_reads(context, "cells");
        return type->unfit ? type->unfit(model->weights->network.type.settings, &shape) : NULL;
}

static const char *prepare(void *model)
{
        make_denoiser(model);
        return NULL;
}

/* What was not trained is not known; the last digits of a level's sigma do not count. */
static const char *undefined_at(const void *state, double sigma)
{
        const struct weights *weights = ((const struct network_score *)state)->weights;
        if (sigma >= weights->sigma_min * (1 - 1e-6) && sigma <= weights->sigma_max * (1 + 1e-6))
                return NULL;
        static char reason[128];
        snprintf(reason, sizeof reason, "the network was trained for sigma from %g to %g", weights->sigma_min,
                 weights->sigma_max);
        return reason;
}

/* ---- the level ---- */

struct network_level {
        struct denoiser *denoiser;
        const struct mesh *mesh;
        size_t size, n_dim; /* doubles of a tile; coordinates of a particle */
        double sigma[LANES];
        double *scratch, *unit; /* [size] */
};

static void *create_level(const void *state, double sigma)
{
        const struct network_score *model = state;
        struct network_level *level = allocate(1, sizeof *level);
        level->denoiser = model->denoiser;
        level->mesh = model->mesh;
        level->size = denoiser_network(model->denoiser)->tile_size;
        level->n_dim = (size_t)model->weights->n_dim;
        for (size_t lane = 0; lane < LANES; lane++)
                level->sigma[lane] = sigma;
        level->scratch = allocate(level->size + 1, sizeof *level->scratch);
        level->unit = allocate(level->size + 1, sizeof *level->unit);
        return level;
}

static void free_level(void *state)
{
        struct network_level *level = state;
        free(level->scratch);
        free(level->unit);
        free(level);
}

static void eval(const void *state, const double *restrict x, double *restrict score)
{
        const struct network_level *level = state;
        denoiser_score(level->denoiser, level->sigma, x, score);
}

static void eval_each(const void *state, const double *restrict sigma, const double *restrict x, double *restrict score)
{
        denoiser_score(((const struct network_score *)state)->denoiser, sigma, x, score);
}

static void jacobian_vector(const void *state, const double *restrict x, const double *restrict v, double *restrict out)
{
        const struct network_level *level = state;
        denoiser_score(level->denoiser, level->sigma, x, level->scratch);
        denoiser_jacobian_vector(level->denoiser, level->sigma, v, out);
}

/* Column by column: ds/dx_j is a product with the unit vector e_j. */
static void jacobian(const void *state, const double *restrict x, double *restrict j)
{
        const struct network_level *level = state;
        const size_t n = level->n_dim;
        denoiser_score(level->denoiser, level->sigma, x, level->scratch);
        for (size_t column = 0; column < n; column++) {
                memset(level->unit, 0, level->size * sizeof *level->unit);
                for (size_t lane = 0; lane < LANES; lane++)
                        level->unit[column * LANES + lane] = 1;
                denoiser_jacobian_vector(level->denoiser, level->sigma, level->unit, level->scratch);
                for (size_t row = 0; row < n; row++)
                        memcpy(j + (row * n + column) * LANES, level->scratch + row * LANES, LANES * sizeof *j);
        }
}

static void log_density(const void *state, const double *restrict x, double *restrict log_p)
{
        const struct network_level *level = state;
        denoiser_log_density(level->denoiser, level->sigma, x, log_p);
}

/* ---- the Gaussian part, of fields ---- */

struct filter_pass { const double *variance; double noise; const struct score_filter *filter; };

static void filter_block(void *owner, const struct mesh_block *block)
{
        const struct filter_pass *pass = owner;
        for (size_t i = 0; i < block->mesh->block_modes; i++) {
                const double c = pass->variance[block->first + i] + pass->noise;
                const double gain = pass->filter->gain(c, pass->filter->parameter);
                block->value[2 * i] *= gain;
                block->value[2 * i + 1] *= gain;
        }
}

static void filter(const void *state, const struct score_filter *wanted, const double *x, double *out)
{
        const struct network_level *level = state;
        struct filter_pass pass = {denoiser_mode_variance(level->denoiser), level->sigma[0] * level->sigma[0], wanted};
        mesh_filter(level->mesh, x, out, filter_block, &pass);
}

static void remainder_of(const void *state, const double *x, double *remainder)
{
        const struct network_level *level = state;
        denoiser_precision(level->denoiser, level->sigma, x, level->scratch);
        denoiser_score(level->denoiser, level->sigma, x, remainder);
        for (size_t i = 0; i < level->size; i++)
                remainder[i] += level->scratch[i];
}

static void mode_variance(const void *state, double *c)
{
        const struct network_level *level = state;
        const double *d = denoiser_mode_variance(level->denoiser);
        for (size_t i = 0; i < mesh_modes_here(level->mesh); i++)
                c[i] = d[i] + level->sigma[0] * level->sigma[0];
}

/* ---- the types: one is named in the input, and the weights decide which it is ---- */

enum { WORK_FIELDS = 16 }; /* activations: those of a spectral network of 8 channels, float */

#define NETWORK_SCORE                                                                                                  \
        .name = "network", .help = "a trained score: a network's weights from sculptor train, or imported",            \
        .params = network_score_params, .settings_size = sizeof(struct network_score_settings), .open = open_weights,  \
        .file = file_of, .dimension = dimension, .create = create, .free = free_model, .undefined_at = undefined_at,   \
        .create_level = create_level, .free_level = free_level, .eval = eval, .jacobian_vector = jacobian_vector
#define OF_FIELDS                                                                                                      \
        .mesh = mesh, .load = load, .prepare = prepare, .filter = filter, .remainder = remainder_of,                   \
        .mode_variance = mode_variance, .work_fields = WORK_FIELDS
#define OF_PARTICLES .eval_each = eval_each, .jacobian = jacobian
#define WITH_ENERGY .log_density = log_density, .log_density_unnormalised = true

static const struct score_type particles_with_energy = {NETWORK_SCORE, OF_PARTICLES, WITH_ENERGY};
static const struct score_type fields = {NETWORK_SCORE, OF_FIELDS};
static const struct score_type fields_with_energy = {NETWORK_SCORE, OF_FIELDS, WITH_ENERGY};
static const struct score_type whole_fields = {NETWORK_SCORE, OF_FIELDS, .whole_fields = true};

static const struct score_type *configured(const void *settings)
{
        const struct weights *weights = ((const struct network_score_settings *)settings)->weights;
        if (!weights)
                return &score_network;
        const struct network_type *type = weights->network.type.type;
        const bool energy = type->energy && (!type->has_energy || type->has_energy(weights->network.type.settings));
        if (weights->n_dim > 0)
                return energy ? &particles_with_energy : &score_network;
        return type->whole_fields ? &whole_fields : energy ? &fields_with_energy : &fields;
}

const struct score_type score_network = {NETWORK_SCORE, OF_PARTICLES, .configured = configured};
