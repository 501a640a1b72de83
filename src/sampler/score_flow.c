/* The score flow dx/dt = s(x): no noise, particles climb to the modes. One step is a flow time of
 * step_size, taken by
 *
 *     euler           x <- x + h s(x)                     order 1, 1 evaluation
 *     rk4             the classical Runge-Kutta method    order 4, 4 evaluations
 *     dormand_prince  adaptive, embedded orders 5 and 4   6 evaluations an inner step
 *
 * On N(0, d) Euler multiplies x by (1 - h/d), RK4 by the Taylor polynomial of exp(-h/d) to order 4; they
 * are stable for h < 2 d and h < 2.785 d. Local. [Kutta 1901; Dormand & Prince 1980] */
#include "flow.h"

enum method { EULER, RK4, DORMAND_PRINCE };

struct settings {
        int method;
        double relative_tolerance, absolute_tolerance;
};

static const char *const methods[] = {"euler", "rk4", "dormand_prince", NULL};

static const struct param params[] = {
        {.key = "method", .kind = PARAM_CHOICE, .offset = offsetof(struct settings, method), .choices = methods,
         .fallback = "dormand_prince", .help = "integrator of a step of flow time step_size"},
        {.key = "relative_tolerance", .kind = PARAM_REAL, .offset = offsetof(struct settings, relative_tolerance),
         .fallback = "1e-6", .range = "[1e-14, 1]", .help = "dormand_prince: error of an inner step over |x|"},
        {.key = "absolute_tolerance", .kind = PARAM_REAL, .offset = offsetof(struct settings, absolute_tolerance),
         .fallback = "1e-9", .range = "(0, inf)", .unit = "x",
         .help = "dormand_prince: error allowed where x is near 0"},
        PARAM_END};

static int64_t evaluations_per_step(const void *settings)
{
        static const int64_t evaluations[] = {[EULER] = 1, [RK4] = 4, [DORMAND_PRINCE] = 6};
        return evaluations[((const struct settings *)settings)->method];
}

static bool adaptive_steps(const void *settings)
{
        return ((const struct settings *)settings)->method == DORMAND_PRINCE;
}

static void advance_euler(const struct stretch *stretch)
{
        const size_t n = stretch_size(stretch);
        double *x = stretch->x, *s = stretch_work(stretch, 0);
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                score_eval(stretch->level, x, s);
                add_scaled(n, stretch->step_size, s, x);
                if (stretch_broken(stretch, step))
                        return;
        }
        stretch_count(stretch, stretch->step_end - stretch->step_begin);
}

/* k = s(x + a k), sum += weight k; `at` is scratch. */
static void rk4_stage(const struct stretch *stretch, double a, double weight, double *restrict at, double *restrict k,
                      double *restrict sum)
{
        const size_t n = stretch_size(stretch);
        const double *restrict x = stretch->x;
        for (size_t i = 0; i < n; i++)
                at[i] = fma(a, k[i], x[i]);
        score_eval(stretch->level, at, k);
        add_scaled(n, weight, k, sum);
}

static void advance_rk4(const struct stretch *stretch)
{
        const size_t n = stretch_size(stretch);
        const double h = stretch->step_size;
        double *x = stretch->x, *k = stretch_work(stretch, 0), *at = stretch_work(stretch, 1);
        double *restrict sum = stretch_work(stretch, 2);

        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                score_eval(stretch->level, x, k);
                for (size_t i = 0; i < n; i++)
                        sum[i] = k[i];
                rk4_stage(stretch, h / 2, 2, at, k, sum);
                rk4_stage(stretch, h / 2, 2, at, k, sum);
                rk4_stage(stretch, h, 1, at, k, sum);
                add_scaled(n, h / 6, sum, x);
                if (stretch_broken(stretch, step))
                        return;
        }
        stretch_count(stretch, 4 * (stretch->step_end - stretch->step_begin));
}

static void advance(const void *configured, const struct stretch *stretch)
{
        const struct settings *settings = configured;
        switch ((enum method)settings->method) {
        case EULER:
                advance_euler(stretch);
                break;
        case RK4:
                advance_rk4(stretch);
                break;
        case DORMAND_PRINCE:
                score_flow_adaptive_advance(stretch, settings->relative_tolerance, settings->absolute_tolerance);
                break;
        }
}

const struct scheme scheme_score_flow = {
        .name = "score_flow", .help = "dx/dt = s(x), without noise: particles climb to the modes",
        .params = params, .settings_size = sizeof(struct settings),
        .step_power = 2, .n_memory = SCORE_FLOW_MEMORY, .n_work = DORMAND_PRINCE_WORK,
        .evaluations_per_step = evaluations_per_step, .adaptive_steps = adaptive_steps, .advance = advance,
};
