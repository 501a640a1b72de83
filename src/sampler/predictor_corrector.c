/* Predictor-corrector sampling [Song et al. 2021, alg. 2-5]: each step from a to b is one of another reverse sampler's,
 * the predictor's, and then, where sigma_b > 0, some Langevin steps at b,
 *
 *     x <- x + e s + sqrt(2 e) z,   s = grad log p_b(x).
 *
 * e is corrector_step_size c times (alpha_b sigma_b)^2, stable for c < 2 where the score is that of a noised target,
 * which is nowhere more curved than 1/(alpha sigma)^2 (tempered: c < 2/inverse_temperature, mixed: about
 * 2/(1 + weight), guided by pigdm or dps: no such bound); or comes from the sizes of noise and score,
 *
 *     e = 2 k (r |z|/|s|)^2,   k = (alpha_b/alpha_next)^2 or 1.
 *
 * As published |z| and |s| are means over the population, which then moves in step: one score array more for all
 * particles, one sum over the ranks for each move, bits that do not depend on them; k = alpha_i = 1 - beta_i of the
 * forward step from the next point to b (1 for ve and edm, and at the last point). Or each particle has its own: local,
 * but then e depends on x and z, and where coordinates are few 1/|s|^2 has no mean. A score of 0 gives e = 0.
 *
 * On N(0, d) with a step size given, a corrector step is v <- (1 - e/S_b)^2 v + 2 e. Weak order 1 in the time step
 * and, in e, Langevin's bias. Evaluations a step: the predictor's and corrector_steps. */
#include <stdlib.h>

#include "corrector.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"
#include "sculptor/tree_sum.h"

enum norm { POPULATION, PARTICLE };

struct settings {
        struct selection predictor;
        int64_t corrector_steps;
        double corrector_step_size; /* NAN: by snr */
        double snr;                 /* NAN: the default */
        int norm;
        bool scale_factor;
};

/* Scratch: the most that a predictor needs, of which the corrector takes the first two. */
enum { SCORE, NOISE, N_WORK = 3 };

static const char *const norms[] = {"population", "particle", NULL};

static bool predictor_variant(size_t i, struct param_variant *variant)
{
        return sampler_predictor_variant(i, variant) &&
               ((const struct scheme *)variant->type)->predictor_work <= N_WORK;
}

static const struct param params[] = {
        {.key = "predictor", .kind = PARAM_SELECT, .offset = offsetof(struct settings, predictor),
         .variant = predictor_variant, .fallback = "reverse_diffusion",
         .help = "the reverse sampler that takes the time steps"},
        {.key = "corrector_steps", .kind = PARAM_INTEGER, .offset = offsetof(struct settings, corrector_steps),
         .range = "[1, 63]", .fallback = "1",
         .help = "Langevin steps after each time step that does not end at sigma 0"},
        {.key = "corrector_step_size", .kind = PARAM_REAL, .offset = offsetof(struct settings, corrector_step_size),
         .range = "(0, 2)", .automatic = "auto", .fallback = "auto", .unit = "(alpha sigma)^2",
         .help = "step size e of the corrector; below 2 it is stable for noised targets; auto: from snr"},
        {.key = "snr", .kind = PARAM_REAL, .offset = offsetof(struct settings, snr), .range = "(0, inf)",
         .automatic = "auto", .fallback = "auto",
         .help = "r of e = 2 (r |z|/|s|)^2, where corrector_step_size is auto; auto: 0.16"},
        {.key = "norm", .kind = PARAM_CHOICE, .offset = offsetof(struct settings, norm), .choices = norms,
         .fallback = "population",
         .help = "|z| and |s| in snr's e: means over the population, as published, or each particle's own"},
        {.key = "scale_factor", .kind = PARAM_FLAG, .offset = offsetof(struct settings, scale_factor),
         .fallback = "true",
         .help = "with snr, multiply e by (alpha_b/alpha_next)^2, vp's 1 - beta as published; nearly 1 for many "
                 "steps, 1 for ve and edm"},
        PARAM_END};

static void check(const void *configured, const struct params_scope *scope)
{
        const struct settings *settings = configured;
        const struct scheme *predictor = settings->predictor.type;
        if (!isnan(settings->corrector_step_size) && !isnan(settings->snr))
                params_problem(scope, "snr", "chooses the step that corrector_step_size gives; remove one of them");
        if (predictor->adaptive_steps && predictor->adaptive_steps(settings->predictor.settings))
                params_problem(scope, "predictor",
                               "%s takes adaptive steps, which need no corrector; choose another "
                               "method",
                               predictor->name);
}

static const char *unfit(const void *configured, const struct time_grid *grid, const struct score *score)
{
        const struct settings *settings = configured;
        const struct scheme *predictor = settings->predictor.type;
        return predictor->unfit ? predictor->unfit(settings->predictor.settings, grid, score) : NULL;
}

static int64_t evaluations_per_step(const void *configured)
{
        const struct settings *settings = configured;
        const struct scheme *predictor = settings->predictor.type;
        return settings->corrector_steps +
               (predictor->evaluations_per_step ? predictor->evaluations_per_step(settings->predictor.settings) : 1);
}

static int64_t evaluations_saved(const void *configured, const struct time_grid *grid)
{
        const struct settings *settings = configured;
        const struct scheme *predictor = settings->predictor.type;
        return (grid->point[grid->n - 1].sigma == 0 ? settings->corrector_steps : 0) +
               (predictor->evaluations_saved ? predictor->evaluations_saved(settings->predictor.settings, grid) : 0);
}

static void predict(const struct settings *settings, const struct stretch *stretch, int64_t step)
{
        struct stretch one = *stretch;
        one.step_begin = step;
        one.step_end = step + 1;
        ((const struct scheme *)settings->predictor.type)->advance(settings->predictor.settings, &one);
}

/* r sqrt(k) at the end of a step. */
static double ratio_at(const struct settings *settings, const struct time_grid *grid, int64_t step)
{
        const double r = isnan(settings->snr) ? 0.16 : settings->snr;
        const struct time_point *b = &grid->point[step + 1];
        if (!settings->scale_factor || (size_t)step + 2 >= grid->n)
                return r;
        return r * (b->scale / b[1].scale);
}

/* ---- each tile by itself ---- */

static void correct(const struct settings *settings, const struct stretch *stretch, int64_t step, uint32_t stage)
{
        double *s = stretch_work(stretch, SCORE), *z = stretch_work(stretch, NOISE);
        const struct time_point *b = diffusion_to(stretch, step);
        diffusion_score(stretch, b, stretch->x, s);
        if (!isnan(settings->corrector_step_size)) {
                const double width = process_standard_deviation(b);
                corrector_move(stretch, step, stage, settings->corrector_step_size * (width * width), s, z);
                return;
        }
        struct corrector_norms norm;
        _Alignas(64) double e[LANES];
        const double r = ratio_at(settings, stretch->grid, step);
        corrector_measure(stretch, step, stage, s, z, &norm);
        for (int lane = 0; lane < LANES; lane++)
                e[lane] = corrector_step(r, norm.noise[lane], norm.score[lane]);
        corrector_move_each(stretch, step, stage, e, s, z);
}

static void advance(const void *configured, const struct stretch *stretch)
{
        const struct settings *settings = configured;
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                predict(settings, stretch, step);
                if (stretch->layout && stretch->breakdown->found)
                        return;
                const int64_t n = diffusion_to(stretch, step)->sigma > 0 ? settings->corrector_steps : 0;
                for (int64_t k = 0; k < n; k++)
                        correct(settings, stretch, step, (uint32_t)(CORRECTOR_STAGE + k));
                if (stretch_broken(stretch, step))
                        return;
        }
}

/* ---- all tiles in step, for the population's norms ---- */

static size_t lockstep_arrays(const void *configured)
{
        const struct settings *settings = configured;
        return isnan(settings->corrector_step_size) && settings->norm == POPULATION;
}

struct lockstep {
        const struct settings *settings;
        const struct ensemble *ensemble;
        double *scores;             /* [n_tiles][tile_size] */
        struct breakdown breakdown; /* the first of this rank's */
        struct breakdown seen;      /* where a tile's steps look */
};

static struct stretch tile_of(struct lockstep *lockstep, size_t t)
{
        struct stretch stretch = ensemble_tile(lockstep->ensemble, t);
        lockstep->seen = (struct breakdown){.found = false};
        stretch.breakdown = &lockstep->seen;
        return stretch;
}

/* `lane` of the tile has broken; -1: none. */
static void note(struct lockstep *lockstep, const struct stretch *stretch, int lane, int64_t step)
{
        if (lane >= 0 && !lockstep->breakdown.found)
                lockstep->breakdown = (struct breakdown){true, (int64_t)stretch->first_particle + lane, step};
}

/* Adds the tile's |s| and |z| to the population's, once for each particle. */
static void add_norms(struct lockstep *lockstep, const struct stretch *stretch, size_t t,
                      const struct corrector_norms *norm, int64_t step, struct tree_sum *sum)
{
        double both[2] = {0};
        const int n = stretch->layout ? 1 : stretch->n_lanes;
        for (int lane = 0; lane < n; lane++) {
                both[0] += norm->score[lane];
                both[1] += norm->noise[lane];
                note(lockstep, stretch, isfinite(norm->score[lane]) ? -1 : lane, step);
        }
        if (stretch->n_counted > 0)
                tree_sum_add(sum, lockstep->ensemble->population->tile_begin + (int64_t)t, both);
}

/* Collective: false, on all ranks, where a score is not finite. */
static bool correct_all(struct lockstep *lockstep, int64_t step, uint32_t stage)
{
        const struct population *population = lockstep->ensemble->population;
        const size_t size = population->tile_size;
        struct tree_sum *sum = tree_sum_create(2);
        for (size_t t = 0; t < population->n_tiles; t++) {
                struct corrector_norms norm;
                const struct stretch stretch = tile_of(lockstep, t);
                double *s = lockstep->scores + t * size;
                diffusion_score(&stretch, diffusion_to(&stretch, step), stretch.x, s);
                corrector_measure(&stretch, step, stage, s, stretch_work(&stretch, NOISE), &norm);
                add_norms(lockstep, &stretch, t, &norm, step, sum);
        }
        double total[2];
        tree_sum_finish(sum, total);
        if (!isfinite(total[0]))
                return false;
        const double n = (double)population->n_global;
        for (size_t t = 0; t < population->n_tiles; t++) {
                const struct stretch stretch = tile_of(lockstep, t);
                const double r = ratio_at(lockstep->settings, stretch.grid, step);
                corrector_move(&stretch, step, stage, corrector_step(r, total[1] / n, total[0] / n),
                               lockstep->scores + t * size, stretch_work(&stretch, NOISE));
        }
        return true;
}

/* Collective: one time step of all tiles; false, on all ranks, where a particle of any is no longer finite. */
static bool step_all(struct lockstep *lockstep, int64_t step)
{
        const struct population *population = lockstep->ensemble->population;
        const struct time_grid *grid = lockstep->ensemble->sampler->grid;
        for (size_t t = 0; t < population->n_tiles; t++) {
                const struct stretch stretch = tile_of(lockstep, t);
                predict(lockstep->settings, &stretch, step);
        }
        const int64_t n = grid->point[step + 1].sigma > 0 ? lockstep->settings->corrector_steps : 0;
        for (int64_t k = 0; k < n; k++)
                if (!correct_all(lockstep, step, (uint32_t)(CORRECTOR_STAGE + k)))
                        return false;
        for (size_t t = 0; t < population->n_tiles; t++) {
                const struct stretch stretch = tile_of(lockstep, t);
                const int lane = stretch.layout ? stretch_broken(&stretch, step) - 1
                                                : stretch_lane_not_finite(stretch.x, stretch.size, stretch.n_lanes);
                note(lockstep, &stretch, lane, step);
        }
        return !parallel_any(lockstep->breakdown.found);
}

static struct breakdown advance_all(const void *configured, const struct ensemble *ensemble)
{
        const struct population *population = ensemble->population;
        struct lockstep lockstep = {.settings = configured, .ensemble = ensemble,
                                    .scores = allocate(population->n_tiles * population->tile_size, sizeof(double))};
        const int64_t n_steps = ensemble->step_end - ensemble->step_begin;
        for (int64_t step = ensemble->step_begin; step < ensemble->step_end && step_all(&lockstep, step); step++)
                if (ensemble->progress)
                        ensemble->progress(ensemble->owner, (size_t)((int64_t)population->n_tiles *
                                                                     (step + 1 - ensemble->step_begin) / n_steps));
        free(lockstep.scores);
        return lockstep.breakdown;
}

const struct scheme scheme_predictor_corrector = {
        .name = "predictor_corrector", .help = "another reverse sampler's steps, each corrected by Langevin steps",
        .params = params, .settings_size = sizeof(struct settings), .check = check, .diffusion = true, .unfit = unfit,
        .n_work = N_WORK, .evaluations_per_step = evaluations_per_step, .evaluations_saved = evaluations_saved,
        .advance = advance, .advance_all = advance_all, .lockstep_arrays = lockstep_arrays,
};
