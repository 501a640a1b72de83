/* The probability-flow ODE: particles flow so that at every sigma they follow the noised target [Song et al. 2021, eq.
 * 13; Karras et al. 2022, eq. 1 and 4]. With x^ = x/alpha, whatever the process,
 *
 *     dx^/dsigma = -sigma s(x^; sigma) = u(x^, sigma).
 *
 * A step of h = sigma_b - sigma_a (negative towards the data) is
 *
 *     euler            x^ + h u_a                                  order 1, 1 evaluation
 *     heun             x^ + h/2 (u_a + u(x^ + h u_a, sigma_b))     order 2, 2 evaluations; Euler's where sigma_b = 0
 *     rk4              the classical Runge-Kutta method            order 4, 4 evaluations; 3 where one sigma is 0
 *     dormand_prince   adaptive, embedded orders 5 and 4           1 + 6 evaluations for each inner step
 *
 * Nothing is evaluated at sigma 0, where u(x^, 0) = 0 if the clean score is finite.
 *
 * On N(0, d), lambda = sigma/(d + sigma^2), Euler multiplies by 1 + h lambda_a, Heun by
 * 1 + h/2 (lambda_a + lambda_b (1 + h lambda_a)). Local, collective over the domain for fields. [Kutta 1901] */
#include "probability_flow.h"

#include <string.h>

enum method { EULER, HEUN, RK4, DORMAND_PRINCE };
enum control { TILE, PARTICLE };

struct settings {
        int method, control;
        double relative_tolerance, absolute_tolerance;
};

static const char *const methods[] = {"euler", "heun", "rk4", "dormand_prince", NULL};
static const char *const controls[] = {"tile", "particle", NULL};

static const struct param params[] = {
        {.key = "method", .kind = PARAM_CHOICE, .offset = offsetof(struct settings, method), .choices = methods,
         .fallback = "heun", .help = "how a time step is taken"},
        {.key = "relative_tolerance", .kind = PARAM_REAL, .offset = offsetof(struct settings, relative_tolerance),
         .fallback = "1e-6", .range = "[1e-14, 1]", .help = "dormand_prince: error of an inner step over |x/alpha|"},
        {.key = "absolute_tolerance", .kind = PARAM_REAL, .offset = offsetof(struct settings, absolute_tolerance),
         .fallback = "1e-6", .range = "(0, inf)", .unit = "x/alpha",
         .help = "dormand_prince: error allowed where x is near 0"},
        {.key = "control", .kind = PARAM_CHOICE, .offset = offsetof(struct settings, control), .choices = controls,
         .fallback = "tile",
         .help = "dormand_prince: whose error decides an inner step: the worst of 64 particles, or each particle its "
                 "own; a field always has its own"},
        PARAM_END};

static int64_t evaluations_per_step(const void *settings)
{
        static const int64_t evaluations[] = {[EULER] = 1, [HEUN] = 2, [RK4] = 4, [DORMAND_PRINCE] = 7};
        return evaluations[((const struct settings *)settings)->method];
}

static bool adaptive_steps(const void *settings)
{
        return ((const struct settings *)settings)->method == DORMAND_PRINCE;
}

/* What would be at sigma 0: the beginning of data on their way to noise, or the end on the way back. */
static int64_t evaluations_saved(const void *settings, const struct time_grid *grid)
{
        static const int64_t saved_at_end[] = {[EULER] = 0, [HEUN] = 1, [RK4] = 1, [DORMAND_PRINCE] = 2};
        return (grid->point[0].sigma == 0) +
               (grid->point[grid->n - 1].sigma == 0 ? saved_at_end[((const struct settings *)settings)->method] : 0);
}

/* k = s^(x, sigma): u but for the factor -sigma, or nothing at sigma 0, where that factor is 0. */
static void slope(const struct stretch *stretch, double sigma, const double *restrict x, double *restrict k)
{
        if (sigma > 0)
                diffusion_score_unscaled(stretch, sigma, x, k);
        else
                memset(k, 0, stretch->size * sizeof *k);
}

/* s^ at x^, ending in x^ + h u. */
static void euler_step(const struct stretch *stretch, double sigma, double h, double *restrict s)
{
        slope(stretch, sigma, stretch->x, s);
        add_scaled(stretch->size, -h * sigma, s, stretch->x);
}

void probability_flow_heun(const struct stretch *stretch, double sigma_a, double sigma_b)
{
        double *s_a = stretch_work(stretch, 0), *s_b = stretch_work(stretch, 1), *restrict x = stretch->x;
        const double h = sigma_b - sigma_a;
        euler_step(stretch, sigma_a, h, s_a);
        if (sigma_b == 0)
                return;
        diffusion_score_unscaled(stretch, sigma_b, x, s_b);
        const double back = h / 2 * sigma_a, on = -h / 2 * sigma_b;
        for (size_t i = 0; i < stretch->size; i++)
                x[i] = fma(on, s_b[i], fma(back, s_a[i], x[i]));
}

/* s = s^(x^ + a s, sigma), sum += weight s; `at` is scratch. */
static void rk4_stage(const struct stretch *stretch, double sigma, double a, double weight, double *restrict at,
                      double *restrict s, double *restrict sum)
{
        const double *restrict x = stretch->x;
        for (size_t i = 0; i < stretch->size; i++)
                at[i] = fma(a, s[i], x[i]);
        slope(stretch, sigma, at, s);
        add_scaled(stretch->size, weight, s, sum);
}

static void rk4_step(const struct stretch *stretch, double sigma_a, double sigma_b)
{
        const double h = sigma_b - sigma_a, middle = sigma_a + h / 2;
        double *s = stretch_work(stretch, 0), *at = stretch_work(stretch, 1), *restrict sum = stretch_work(stretch, 2);
        slope(stretch, sigma_a, stretch->x, s);
        for (size_t i = 0; i < stretch->size; i++)
                sum[i] = sigma_a * s[i];
        rk4_stage(stretch, middle, -h / 2 * sigma_a, 2 * middle, at, s, sum);
        rk4_stage(stretch, middle, -h / 2 * middle, 2 * middle, at, s, sum);
        rk4_stage(stretch, sigma_b, -h * middle, sigma_b, at, s, sum);
        add_scaled(stretch->size, -h / 6, sum, stretch->x);
}

static void advance_by_steps(enum method method, const struct stretch *stretch)
{
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                const struct time_point *a = diffusion_from(stretch, step), *b = diffusion_to(stretch, step);
                diffusion_unscale(stretch, a, stretch->x);
                if (method == EULER)
                        euler_step(stretch, a->sigma, b->sigma - a->sigma, stretch_work(stretch, 0));
                else if (method == HEUN)
                        probability_flow_heun(stretch, a->sigma, b->sigma);
                else
                        rk4_step(stretch, a->sigma, b->sigma);
                diffusion_rescale(stretch, b, stretch->x);
                if (stretch_broken(stretch, step))
                        return;
        }
}

static void advance(const void *configured, const struct stretch *stretch)
{
        const struct settings *settings = configured;
        if (settings->method == DORMAND_PRINCE)
                probability_flow_adaptive_advance(stretch, settings->relative_tolerance, settings->absolute_tolerance,
                                                  settings->control == PARTICLE);
        else
                advance_by_steps((enum method)settings->method, stretch);
}

const struct scheme scheme_probability_flow = {
        .name = "probability_flow", .help = "the ODE whose particles follow the noised target at every sigma",
        .params = params, .settings_size = sizeof(struct settings), .diffusion = true, .deterministic = true,
        .n_memory = PROBABILITY_FLOW_MEMORY, .n_work = DORMAND_PRINCE_WORK, .predictor_work = 3,
        .evaluations_per_step = evaluations_per_step, .evaluations_saved = evaluations_saved,
        .adaptive_steps = adaptive_steps, .advance = advance,
};
