/* The probability-flow ODE: particles flow so that at every sigma they follow the noised target [Song et al. 2021, eq.
 * 13; Karras et al. 2022, eq. 1 and 4]. With x^ = x/alpha, whatever the process,
 *
 *     dx^/dsigma = -sigma s(x^; sigma) = u(x^, sigma).
 *
 * A step of h = sigma_b - sigma_a (negative towards the data) is
 *
 *     euler   x^ + h u_a                                  order 1, 1 evaluation
 *     heun    x^ + h/2 (u_a + u(x^ + h u_a, sigma_b))     order 2, 2 evaluations; Euler's where sigma_b = 0
 *
 * On N(0, d), lambda = sigma/(d + sigma^2), Euler multiplies by 1 + h lambda_a, Heun by
 * 1 + h/2 (lambda_a + lambda_b (1 + h lambda_a)). Local, collective over the domain for fields. */
#include "diffusion.h"

enum method { EULER, HEUN };

struct settings { int method; };

static const char *const methods[] = {"euler", "heun", NULL};

static const struct param params[] = {
        {.key = "method", .kind = PARAM_CHOICE, .offset = offsetof(struct settings, method), .choices = methods,
         .fallback = "heun", .help = "how a time step is taken"},
        PARAM_END};

static int64_t evaluations_per_step(const void *settings)
{
        static const int64_t evaluations[] = {[EULER] = 1, [HEUN] = 2};
        return evaluations[((const struct settings *)settings)->method];
}

/* Heun's last step to sigma 0 is Euler's. */
static int64_t evaluations_saved(const void *settings, const struct time_grid *grid)
{
        return ((const struct settings *)settings)->method == HEUN && grid->point[grid->n - 1].sigma == 0;
}

/* s^ at x^, ending in x^ + h u: returns h u = -h sigma s^. */
static void euler_step(const struct stretch *stretch, double sigma, double h, double *restrict s)
{
        diffusion_score_unscaled(stretch, sigma, stretch->x, s);
        add_scaled(stretch->size, -h * sigma, s, stretch->x);
}

static void heun_step(const struct stretch *stretch, double sigma_a, double sigma_b)
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

static void advance(const void *configured, const struct stretch *stretch)
{
        const struct settings *settings = configured;
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                const struct time_point *a = diffusion_from(stretch, step), *b = diffusion_to(stretch, step);
                diffusion_unscale(stretch, a, stretch->x);
                if (settings->method == EULER)
                        euler_step(stretch, a->sigma, b->sigma - a->sigma, stretch_work(stretch, 0));
                else
                        heun_step(stretch, a->sigma, b->sigma);
                diffusion_rescale(stretch, b, stretch->x);
                if (stretch_broken(stretch, step))
                        return;
        }
}

const struct scheme scheme_probability_flow = {
        .name = "probability_flow", .help = "the ODE whose particles follow the noised target at every sigma",
        .params = params, .settings_size = sizeof(struct settings), .diffusion = true, .deterministic = true,
        .n_work = 2, .predictor_work = 3, .evaluations_per_step = evaluations_per_step,
        .evaluations_saved = evaluations_saved, .advance = advance,
};
