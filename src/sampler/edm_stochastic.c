/* EDM's stochastic sampler [Karras et al. 2022, alg. 2]: before each of N steps noise is added, then the
 * probability-flow ODE is solved from there by Heun's method (Euler's to sigma 0). In x^ = x/alpha,
 *
 *     sigma' = (1 + gamma) sigma_a,   gamma = min(S_churn/N, sqrt(2) - 1) where S_min <= sigma_a <= S_max, else 0,
 *     x^ <- x^ + S_noise sqrt(sigma'^2 - sigma_a^2) z,   then Heun from sigma' to sigma_b.
 *
 * On N(0, d) the variance grows by S_noise^2 (sigma'^2 - sigma_a^2), then is multiplied by the square of Heun's gain.
 * Two evaluations a step, one to sigma 0. sigma' may be beyond the process's range: the score knows only sigma. Local,
 * collective over the domain for fields. */
#include "probability_flow.h"

struct settings { double churn, min, max, noise; };

static const struct param params[] = {
        {.key = "s_churn",
         .kind = PARAM_REAL,
         .offset = offsetof(struct settings, churn),
         .fallback = "0",
         .range = "[0, inf)",
         .help = "S_churn: how much noise is added in all the steps; 0: none, the ODE by Heun"},
        {.key = "s_min",
         .kind = PARAM_REAL,
         .offset = offsetof(struct settings, min),
         .fallback = "0",
         .range = "[0, inf)",
         .unit = "sigma",
         .help = "S_min: no noise is added below"},
        {.key = "s_max",
         .kind = PARAM_REAL,
         .offset = offsetof(struct settings, max),
         .fallback = "inf",
         .automatic = "inf",
         .range = "(0, inf)",
         .unit = "sigma",
         .help = "S_max: no noise is added above"},
        {.key = "s_noise",
         .kind = PARAM_REAL,
         .offset = offsetof(struct settings, noise),
         .fallback = "1",
         .range = "(0, inf)",
         .help = "S_noise: the deviation of the noise added; a little over 1 makes up for detail a learned score "
                 "loses"},
        PARAM_END};

static void check(const void *configured, const struct params_scope *scope)
{
        const struct settings *settings = configured;
        if (settings->max < settings->min)
                params_problem(scope, "s_max", "%g is below s_min, %g: no noise would ever be added", settings->max,
                               settings->min);
}

static int64_t evaluations_per_step(const void *settings)
{
        (void)settings;
        return 2;
}

static int64_t evaluations_saved(const void *settings, const struct time_grid *grid)
{
        (void)settings;
        return grid->point[grid->n - 1].sigma == 0;
}

static double gamma_at(const struct settings *settings, const struct time_grid *grid, double sigma)
{
        const double most = 0.41421356237309504880, even = settings->churn / (double)diffusion_n_steps(grid);
        if (sigma < settings->min || sigma > settings->max)
                return 0;
        return even < most ? even : most;
}

static void advance(const void *configured, const struct stretch *stretch)
{
        const struct settings *settings = configured;
        double *z = stretch_work(stretch, 1);
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                const struct time_point *a = diffusion_from(stretch, step), *b = diffusion_to(stretch, step);
                const double gamma = gamma_at(settings, stretch->grid, a->sigma);
                diffusion_unscale(stretch, a, stretch->x);
                if (gamma > 0) {
                        stretch_normal(stretch, RNG_NOISE, step, 0, z);
                        add_scaled(stretch->size, settings->noise * a->sigma * sqrt(gamma * (2 + gamma)), z,
                                   stretch->x);
                }
                probability_flow_heun(stretch, fma(gamma, a->sigma, a->sigma), b->sigma);
                diffusion_rescale(stretch, b, stretch->x);
                if (stretch_broken(stretch, step))
                        return;
        }
}

const struct scheme scheme_edm_stochastic = {
        .name = "edm_stochastic", .help = "EDM's churn: noise added before each step, then the ODE by Heun's method",
        .params = params, .settings_size = sizeof(struct settings), .check = check, .diffusion = true,
        .n_work = 2, .predictor_work = 2, .evaluations_per_step = evaluations_per_step,
        .evaluations_saved = evaluations_saved, .advance = advance,
};
