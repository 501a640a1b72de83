/* The tiles of a population, each taken through a stretch of steps while it is in cache. */
#include <stdlib.h>
#include <string.h>

#include "diffusion.h"
#include "inpainting.h"
#include "schemes.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"
#include "sculptor/vecmath.h"

struct sampler *sampler_create(const struct sampler_settings *settings, double step_size, double sigma_last,
                               uint64_t seed)
{
        struct sampler *sampler = allocate(1, sizeof *sampler);
        const struct scheme *scheme = sampler_scheme(settings);
        sampler->scheme = scheme;
        sampler->scheme_settings = sampler_scheme_settings(settings);
        sampler->annealed = sampler_is_annealed(settings);
        sampler->inpainting = sampler_inpainting(settings);
        sampler->step_size = step_size;
        sampler->steps_per_level = settings->steps_per_level;
        sampler->adapt_steps = settings->adapt_steps;
        sampler->target_acceptance = isnan(settings->target_acceptance) ? scheme->target_acceptance
                                                                        : settings->target_acceptance;
        sampler->denoise = settings->denoise;
        sampler->sigma_last = sigma_last;
        sampler->seed = seed;
        return sampler;
}

/* work: the scheme's arrays, then, for particles, copies of a tile's x, velocity, history and memory
 * from before a stretch: all in all a few tiles, whatever the population. Denoising uses the first array. */
static void ensure_work(struct sampler *sampler, const struct population *population)
{
        if (sampler->work)
                return;
        const struct scheme *scheme = sampler->scheme;
        const bool field = population_is_field(population);
        const size_t tile = population->tile_size;
        const size_t arrays = scheme_n_arrays(scheme);
        const size_t copies = field ? 0 : arrays * tile + scheme_n_memory(scheme);
        const size_t n_work = field && scheme->n_work_field > 0 ? scheme->n_work_field : scheme->n_work;
        sampler->work = allocate(n_work * tile + copies, sizeof *sampler->work);
}

enum { SMALL = 64 }; /* coordinates: a level of more may be as large as a matrix or a field */

static void ensure_levels(struct sampler *sampler, const struct score *score)
{
        if (sampler->grid && !sampler->levels)
                sampler->levels = level_cache_create(score,
                                                     score->n_dim <= SMALL ? LEVELS_CACHED : LEVELS_CACHED_LARGE);
}

void sampler_rest(struct sampler *sampler)
{
        free(sampler->work);
        sampler->work = NULL;
        level_cache_free(sampler->levels);
        sampler->levels = NULL;
}

void sampler_set_grid(struct sampler *sampler, const struct time_grid *grid)
{
        sampler->grid = grid;
}

int64_t sampler_repeated_steps(const struct sampler *sampler)
{
        if (!sampler->inpainting)
                return 0;
        const int64_t once = sampler->grid->point[sampler->grid->n - 1].sigma == 0;
        return (sampler->inpainting->resample - 1) * (diffusion_n_steps(sampler->grid) - once);
}

void sampler_free(struct sampler *sampler)
{
        if (!sampler)
                return;
        sampler_rest(sampler);
        free(sampler);
}

/* sigma_i/sigma_L where annealed, else 1. */
static double noise_ratio(const struct sampler *sampler, double sigma)
{
        return sampler->annealed ? sigma / sampler->sigma_last : 1;
}

double sampler_step_size(const struct sampler *sampler, double sigma)
{
        double step = sampler->step_size, ratio = noise_ratio(sampler, sigma);
        for (int i = 0; i < sampler->scheme->step_power; i++)
                step *= ratio;
        return sampler->controller.log_factor != 0 ? step * vm_exp(sampler->controller.log_factor) : step;
}

static struct stretch tile_stretch(struct sampler *sampler, const struct population *population, size_t t,
                                   const struct score_level *level, struct tally *tally)
{
        ensure_work(sampler, population);
        if (level)
                ensure_levels(sampler, level->score);
        const double sigma = level ? level->sigma : 0;
        const bool field = population_is_field(population);
        const int lanes = population_lanes(population, t);
        struct stretch stretch = {.level = level,
                                .seed = sampler->seed,
                                .first_particle = (uint64_t)population_first_particle(population, t),
                                .layout = field ? &population->layout : NULL,
                                .size = population->tile_size,
                                .n_lanes = field ? LANES : lanes,
                                .n_counted = field && parallel_domain_rank() > 0 ? 0 : lanes,
                                .step_size = sampler_step_size(sampler, sigma),
                                .time_scale = noise_ratio(sampler, sigma),
                                .x = population_tile(population, t),
                                .velocity = population_velocity(population, t),
                                .memory = population_memory(population, t),
                                .grid = sampler->grid,
                                .levels = sampler->levels,
                                .work = sampler->work,
                                .tally = tally};
        for (size_t k = 0; k < SAMPLER_MAX_HISTORY; k++)
                stretch.history[k] = population_history(population, k, t);
        if (sampler->scheme->diffusion && stretch.memory)
                stretch.evaluations = stretch.memory + sampler->scheme->n_memory;
        return stretch;
}

void sampler_begin(struct sampler *sampler, struct population *population, const struct score_level *level)
{
        if (!sampler->scheme->begin)
                return;
        struct tally unused = {0};
        for (size_t t = 0; t < population->n_tiles; t++) {
                struct stretch tile = tile_stretch(sampler, population, t, level, &unused);
                sampler->scheme->begin(sampler->scheme_settings, &tile);
        }
}

/* ---- finding what broke down ---- */

static int lane_broken(const struct stretch *stretch)
{
        int lane = stretch_lane_not_finite(stretch->x, stretch_size(stretch), stretch->n_lanes);
        if (lane < 0 && stretch->velocity)
                lane = stretch_lane_not_finite(stretch->velocity, stretch_size(stretch), stretch->n_lanes);
        return lane;
}

static void copy_doubles(double *to, const double *from, size_t n)
{
        if (from && to && n > 0)
                memcpy(to, from, n * sizeof *to);
}

static void tile_copy(struct stretch *to, const struct stretch *from, size_t n_memory)
{
        copy_doubles(to->x, from->x, stretch_size(from));
        copy_doubles(to->velocity, from->velocity, stretch_size(from));
        copy_doubles(to->memory, from->memory, n_memory);
        for (size_t k = 0; k < SAMPLER_MAX_HISTORY; k++)
                copy_doubles(to->history[k], from->history[k], stretch_size(from));
}

/* The same stretch with the tile's copy in the sampler's work space as its state. */
static struct stretch copy_of_tile(const struct sampler *sampler, const struct stretch *stretch)
{
        struct stretch copy = *stretch;
        const size_t tile = stretch_size(stretch);
        double *next = sampler->work + sampler->scheme->n_work * tile;
        copy.x = next;
        next += tile;
        copy.velocity = stretch->velocity ? next : NULL;
        next += stretch->velocity ? tile : 0;
        for (size_t k = 0; k < SAMPLER_MAX_HISTORY; k++) {
                copy.history[k] = stretch->history[k] ? next : NULL;
                next += stretch->history[k] ? tile : 0;
        }
        copy.memory = stretch->memory ? next : NULL;
        return copy;
}

static void take_steps(const struct sampler *sampler, const struct stretch *stretch)
{
        if (sampler->inpainting)
                inpainting_advance(sampler->inpainting, stretch);
        else
                sampler->scheme->advance(sampler->scheme_settings, stretch);
}

/* `before` is advanced again, a step at a time, to the step at which it breaks down. */
static struct breakdown replay(const struct sampler *sampler, struct stretch before, int lane)
{
        struct tally unused = {0};
        const int64_t end = before.step_end;
        before.tally = &unused;
        before.evaluations = NULL;
        for (int64_t step = before.step_begin; step < end; step++) {
                before.step_begin = step;
                before.step_end = step + 1;
                take_steps(sampler, &before);
                int broken = lane_broken(&before);
                if (broken >= 0)
                        return (struct breakdown){true, (int64_t)before.first_particle + broken, step};
        }
        return (struct breakdown){true, (int64_t)before.first_particle + lane, end - 1}; /* a score that varies */
}

/* ---- moving ---- */

/* `stretch` is advanced; its state before it is kept beside, for a replay. */
static struct breakdown advance_tile(const struct sampler *sampler, struct stretch *stretch)
{
        if (stretch->layout) { /* too large to keep a copy of: the scheme looks itself */
                struct breakdown breakdown = {.found = false};
                stretch->breakdown = &breakdown;
                take_steps(sampler, stretch);
                stretch->breakdown = NULL;
                return breakdown;
        }
        struct stretch before = copy_of_tile(sampler, stretch);
        tile_copy(&before, stretch, scheme_n_memory(sampler->scheme));
        take_steps(sampler, stretch);
        int lane = lane_broken(stretch);
        return lane < 0 ? (struct breakdown){.found = false} : replay(sampler, before, lane);
}

struct stretch ensemble_tile(const struct ensemble *ensemble, size_t t)
{
        struct stretch stretch = tile_stretch(ensemble->sampler, ensemble->population, t, ensemble->level,
                                              ensemble->tally);
        stretch.level_index = ensemble->level_index;
        stretch.step_begin = ensemble->step_begin;
        stretch.step_end = ensemble->step_end;
        return stretch;
}

struct breakdown sampler_advance(struct sampler *sampler, struct population *population,
                                 const struct score_level *level, uint32_t level_index, int64_t step_begin,
                                 int64_t step_end, struct tally *tally,
                                 void (*progress)(void *owner, size_t tiles_done), void *owner)
{
        struct breakdown breakdown = {.found = false};
        if (step_begin >= step_end)
                return breakdown;
        const struct ensemble ensemble = {.sampler = sampler, .population = population, .level = level,
                                          .level_index = sampler->scheme->diffusion ? 0 : level_index,
                                          .step_begin = step_begin, .step_end = step_end, .tally = tally,
                                          .progress = progress, .owner = owner};
        const struct scheme *scheme = sampler->scheme;
        if (scheme->advance_all &&
            (!scheme->lockstep_arrays || scheme_lockstep_arrays(scheme, sampler->scheme_settings) > 0))
                return sampler->scheme->advance_all(sampler->scheme_settings, &ensemble);
        for (size_t t = 0; t < population->n_tiles && !breakdown.found; t++) {
                struct stretch stretch = ensemble_tile(&ensemble, t);
                breakdown = advance_tile(sampler, &stretch);
                if (progress)
                        progress(owner, t + 1);
        }
        return breakdown;
}

struct breakdown sampler_denoise(struct sampler *sampler, struct population *population,
                                 const struct score_level *level, struct tally *tally)
{
        struct breakdown breakdown = {.found = false};
        for (size_t t = 0; t < population->n_tiles; t++) {
                struct stretch tile = tile_stretch(sampler, population, t, level, tally);
                score_eval(level, tile.x, sampler->work);
                const double deviation = level->scale * level->sigma;
                add_scaled(stretch_size(&tile), deviation * deviation, sampler->work, tile.x);
                if (level->scale != 1)
                        for (size_t i = 0; i < tile.size; i++)
                                tile.x[i] /= level->scale;
                stretch_count(&tile, 1);
                tile.velocity = NULL; /* is left alone */
                tile.breakdown = &breakdown;
                if (stretch_broken(&tile, 0))
                        return breakdown;
                int lane = tile.layout ? -1 : stretch_lane_not_finite(tile.x, stretch_size(&tile), tile.n_lanes);
                if (lane >= 0)
                        return (struct breakdown){true, (int64_t)tile.first_particle + lane, 0};
        }
        return (struct breakdown){.found = false};
}
