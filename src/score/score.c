/* The registry of scores, and the lives of a score and of its levels. Local. */
#include <stdlib.h>

#include "score/types.h"
#include "sculptor/error.h"
#include "sculptor/memory.h"
#include "sculptor/mesh.h"

static const struct score_type *const registry[] = {
        &score_gaussian,  &score_gaussian_mixture, &score_ring,           &score_grid,
        &score_moons,     &score_spiral,           &score_checkerboard,   &score_funnel,
        &score_banana,    &score_double_well,      &score_gaussian_field, &score_lognormal_field,
        &score_posterior, &score_network,          &score_guided,         &score_guided_field,
        &score_mixed,     &score_tempered,         &score_plugin,
};
enum { N_TYPES = sizeof registry / sizeof registry[0] };

static struct param_variant variant_of(const struct score_type *type)
{
        return (struct param_variant){.name = type->name, .help = type->help, .rows = type->params,
                                      .settings_size = type->settings_size, .check = type->check, .type = type};
}

bool score_variant(size_t i, struct param_variant *variant)
{
        if (i >= N_TYPES)
                return false;
        *variant = variant_of(registry[i]);
        return true;
}

/* The i-th of those wanted. */
static bool find_variant(size_t i, bool (*wanted)(const struct score_type *type), struct param_variant *variant)
{
        for (size_t k = 0; k < N_TYPES; k++)
                if (wanted(registry[k]) && i-- == 0) {
                        *variant = variant_of(registry[k]);
                        return true;
                }
        return false;
}

static bool is_plain(const struct score_type *type)
{
        return !type->composite && !type->mesh;
}

static bool is_drawn(const struct score_type *type)
{
        return !type->composite && type->draw;
}

bool score_plain_variant(size_t i, struct param_variant *variant)
{
        return find_variant(i, is_plain, variant);
}

bool score_drawn_variant(size_t i, struct param_variant *variant)
{
        return find_variant(i, is_drawn, variant);
}

const char *score_open(const struct score_type *type, void *settings, const struct score_context *context)
{
        return type->open ? type->open(settings, context) : NULL;
}

struct score *score_create(const struct score_type *type, const void *settings)
{
        struct score *score = allocate(1, sizeof *score);
        score->type = type = type->configured ? type->configured(settings) : type;
        score->n_dim = type->dimension(settings);
        score->model = type->create(settings);
        return score;
}

void score_free(struct score *score)
{
        if (!score)
                return;
        score->type->free(score->model);
        free(score);
}

size_t score_tile_size(const struct score *score)
{
        const struct mesh *mesh = score->type->mesh ? score->type->mesh(score->model) : NULL;
        return mesh ? mesh->n_planes_here * mesh->plane_stride : (size_t)score->n_dim * LANES;
}

/* Whoever chooses the levels asks undefined_at() first and tells the user; here it can only be a bug. */
struct score_level *score_level_create_scaled(const struct score *score, double sigma, double scale)
{
        const char *why = score->type->undefined_at ? score->type->undefined_at(score->model, sigma) : NULL;
        if (why)
                fatal("score %s at sigma = %g: %s", score->type->name, sigma, why);

        struct score_level *level = allocate(1, sizeof *level);
        level->score = score;
        level->sigma = sigma;
        level->scale = scale;
        level->size = score_tile_size(score);
        level->scaled = scale == 1 ? NULL : allocate(level->size, sizeof *level->scaled);
        level->state = score->type->create_level(score->model, sigma);
        return level;
}

struct score_level *score_level_create(const struct score *score, double sigma)
{
        return score_level_create_scaled(score, sigma, 1);
}

void score_level_free(struct score_level *level)
{
        if (!level)
                return;
        level->score->type->free_level(level->state);
        free(level->scaled);
        free(level);
}
