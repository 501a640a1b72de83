/* The reverse SDE with a time and a step of its own for every particle [Jolicoeur-Martineau et al. 2021, algorithm 1].
 * Backwards in time, with s = grad log p_t and dW the increment of a Brownian path over the step,
 *
 *     x'  = x - h f(t) x    + h g^2(t) s(x, t)        + g(t) dW       Euler & Maruyama,
 *     x~  = x - h f(t-h) x' + h g^2(t-h) s(x', t-h)   + g(t-h) dW,
 *     x'' = (x' + x~)/2                                               the stochastic improved Euler method,
 *     E   = |(x' - x'')/delta|,   delta = max(eps_abs, eps_rel max(|x'|, |x'_prev|)) in each coordinate,
 *
 * |.| the root mean square over coordinates, or the maximum; x'_prev is the last x' that was accepted. Where E <= 1
 * the step is accepted, x <- x''. In either case h <- theta h E^-r. Two evaluations a try. Strong order 1 in h, the
 * noise being additive [Roberts 2012].
 *
 * A refused step is tried again on the same Brownian path: all increments are differences of one tree (brownian.h),
 * which neither steps nor refusals change. Choosing steps by what the path does further on is no bias but for the
 * method's own error: the improved Euler method converges path by path, whichever partition is chosen, as its steps
 * go to 0 [Gaines & Lyons 1997; that of additive noise needs no Levy areas].
 *
 * What differs from the published algorithm: steps end at the points of the time grid, where the length kept is not
 * changed by a step they cut short; a length is rounded down to three binary digits (by 9 % on average), so that few
 * nodes of the tree have to be visited; E is counted as 10^4 at most, and so is what is no number.
 *
 * Local while particles move; collective at the begin and the end of a stretch (adaptive_sde_share.c), for fields over
 * the domain. */
#include "adaptive_sde.h"

#include "sculptor/parallel.h"
#include "sculptor/vecmath.h"

static const char *const norms[] = {"rms", "max", NULL};

#define FIELD(member) offsetof(struct adaptive_sde, member)

static const struct param params[] = {
        {.key = "relative_tolerance", .kind = PARAM_REAL, .offset = FIELD(relative_tolerance), .fallback = "0.01",
         .range = "(0, 1]", .help = "error of a step over |x|"},
        {.key = "absolute_tolerance", .kind = PARAM_REAL, .offset = FIELD(absolute_tolerance), .fallback = "0.0078",
         .range = "(0, inf)", .unit = "x", .help = "error of a step allowed where x is near 0"},
        {.key = "norm", .kind = PARAM_CHOICE, .offset = FIELD(norm), .choices = norms, .fallback = "rms",
         .help = "of a particle's coordinates' errors"},
        {.key = "first_step", .kind = PARAM_REAL, .offset = FIELD(first_step), .fallback = "0.01", .range = "(0, 1]",
         .help = "length of the first step over the whole time of the run"},
        {.key = "safety", .kind = PARAM_REAL, .offset = FIELD(safety), .fallback = "0.9", .range = "(0, 1)",
         .help = "theta: the next step is theta h E^-r"},
        {.key = "exponent", .kind = PARAM_REAL, .offset = FIELD(exponent), .fallback = "0.9", .range = "[0.5, 1]",
         .help = "r of the same"},
        PARAM_END};

static int64_t evaluations_per_step(const void *settings)
{
        (void)settings;
        return 2;
}

static bool adaptive_steps(const void *settings)
{
        (void)settings;
        return true;
}

static const char *unfit(const void *settings, const struct time_grid *grid, const struct score *score)
{
        (void)settings;
        const struct process *process = grid->process;
        const double last = grid->point[grid->n - 1].sigma;
        if (diffusion_n_steps(grid) > BROWNIAN_MAX_TREES)
                return "adaptive_sde goes along 262144 time steps at the most, and in each takes as many "
                       "steps as it needs";
        if (last == 0 && process->type->sigma(process->settings, 0) > 0)
                return "adaptive_sde steps in the process's time, and this one never comes to sigma 0; end at a sigma "
                       "above 0 and denoise: true";
        if (last == 0 && score->type->undefined_at && score->type->undefined_at(score->model, 0))
                return "adaptive_sde needs the score where its steps end, and at sigma 0 there is none; end at a sigma "
                       "above 0 and denoise: true";
        return NULL;
}

/* ---- steps ---- */

double adaptive_sde_duration(const struct time_grid *grid, int64_t step)
{
        return grid->point[step].time - grid->point[step + 1].time;
}

struct adaptive_sde_moment adaptive_sde_moment(const struct time_grid *grid, int64_t step, uint32_t at)
{
        const struct process *process = grid->process;
        struct time_point point = at == 0 ? grid->point[step] : grid->point[step + 1];
        if (at != 0 && at != BROWNIAN_END)
                point = process_at_time(process, fma(-(double)at / (double)BROWNIAN_END,
                                                     adaptive_sde_duration(grid, step), grid->point[step].time));
        return (struct adaptive_sde_moment){
                .sigma = point.sigma, .scale = point.scale,
                .drift = process->type->drift(process->settings, point.time),
                .diffusion_squared = process->type->diffusion_squared(process->settings, point.time)};
}

/* The largest power of 2 that is at most n > 0. */
static uint32_t power_below(uint32_t n)
{
        for (int shift = 1; shift < 32; shift *= 2)
                n |= n >> shift;
        return n - n / 2;
}

/* A rest of a hundredth of the step is taken with it. */
uint32_t adaptive_sde_end(double length, double duration, uint32_t at)
{
        const double wanted = length / duration * (double)BROWNIAN_END, left = (double)(BROWNIAN_END - at);
        if (!(1.01 * wanted < left))
                return BROWNIAN_END;
        const uint32_t n = wanted >= 1 ? (uint32_t)wanted : 1;
        const uint32_t unit = power_below(n) >= 4 ? power_below(n) / 4 : 1;
        return (at + n) / unit * unit;
}

double adaptive_sde_next(const struct time_grid *grid, double length, double taken, double error, double factor,
                         bool cut)
{
        if (cut && error <= 1)
                return length;
        const double most = grid->point[0].time - grid->point[grid->n - 1].time, next = factor * taken;
        return next < most ? next : most;
}

static void begin(const void *configured, const struct stretch *tile)
{
        const struct adaptive_sde *settings = configured;
        const struct time_grid *grid = tile->grid;
        const double whole = grid->point[0].time - grid->point[grid->n - 1].time;
        for (int lane = 0; lane < LANES; lane++)
                tile->memory[ADAPTIVE_SDE_LENGTH + lane] = settings->first_step * whole;
        for (size_t i = 0; i < tile->size; i++)
                tile->history[0][i] = tile->x[i];
}

static struct breakdown advance_all(const void *settings, const struct ensemble *ensemble)
{
        if (!population_is_field(ensemble->population))
                return adaptive_sde_share(settings, ensemble);
        for (size_t t = 0; t < ensemble->population->n_tiles; t++) {
                const struct stretch stretch = ensemble_tile(ensemble, t);
                const struct breakdown breakdown = adaptive_sde_field(settings, &stretch);
                if (breakdown.found)
                        return breakdown;
                if (ensemble->progress)
                        ensemble->progress(ensemble->owner, t + 1);
        }
        return (struct breakdown){.found = false};
}

const struct scheme scheme_adaptive_sde = {
        .name = "adaptive_sde", .help = "the reverse SDE, each particle with steps as long as its error allows",
        .params = params, .settings_size = sizeof(struct adaptive_sde), .diffusion = true, .unfit = unfit,
        .n_history = 1, .n_memory = ADAPTIVE_SDE_MEMORY, .n_work = 1, .n_work_field = ADAPTIVE_SDE_FIELD_WORK,
        .evaluations_per_step = evaluations_per_step, .adaptive_steps = adaptive_steps, .begin = begin,
        .advance_all = advance_all,
};
