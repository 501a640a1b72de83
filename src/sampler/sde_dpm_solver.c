/* SDE-DPM-Solver++: the reverse SDE's linear part and its noise exact, the data prediction D held or extrapolated
 * over a step [Lu et al. 2022, eq. 18 and app. D.3]. On x^ = x/alpha, D = x^ + sigma_a^2 s^, lambda = -ln sigma,
 * h = lambda_b - lambda_a, e^-h = sigma_b/sigma_a:
 *
 *     1   x^_b = e^-2h x^ + (1 - e^-2h) D + sigma_b sqrt(1 - e^-2h) z
 *     2M  ... + (1 - e^-2h)/(2 r) (D - D_before),   r = h_before/h
 *
 * Order 1 is VE's ancestral step; 2M begins with one (there is no D before the grid's step 0) and, to sigma 0, where
 * h is infinite, ends with x^ = D. On N(0, d), S = d + sigma_a^2, D = x^ d/S: order 1 is v^ <- (S_b/S)^2 v^ + sigma_b^2
 * (1 - e^-2h), for 2M a recursion of the covariance of x^ and D_before. One evaluation a step. D_before is
 * history[0]. Local, collective over the domain for fields. */
#include "diffusion.h"
#include "sculptor/vecmath.h"

struct settings { int64_t order; };

static const struct param params[] = {
        {.key = "order", .kind = PARAM_INTEGER, .offset = offsetof(struct settings, order), .range = "[1, 2]",
         .fallback = "2", .help = "2 also uses the data prediction of the step before (2M)"},
        PARAM_END};

/* s at x becomes D = x/alpha + sigma^2 alpha s. */
static void predict_data(size_t n, const struct time_point *a, const double *restrict x, double *restrict s)
{
        const double to_data = a->sigma * a->sigma * a->scale;
        for (size_t i = 0; i < n; i++)
                s[i] = fma(to_data, s[i], x[i] / a->scale);
}

/* (1 - e^-2h)/(2 r) */
static double extrapolation(const struct time_point *before, const struct time_point *a, const struct time_point *b)
{
        const double ratio = b->sigma / a->sigma;
        const double r = vm_log(before->sigma / a->sigma) / vm_log(a->sigma / b->sigma);
        return (1 - ratio) * (1 + ratio) / (2 * r);
}

static void step_to(const struct settings *settings, const struct stretch *stretch, int64_t step)
{
        const struct time_point *a = diffusion_from(stretch, step), *b = diffusion_to(stretch, step);
        double *restrict x = stretch->x, *restrict before = stretch->history[0],
                         *restrict data = stretch_work(stretch, 0);
        double *z = stretch->layout ? NULL : stretch_work(stretch, 1);
        const double ratio = b->sigma / a->sigma, fresh = (1 - ratio) * (1 + ratio);
        struct affine map = {.keep = b->scale / a->scale * (ratio * ratio), .score = b->scale * fresh,
                             .noise = b->scale * (b->sigma * sqrt(fresh))};

        diffusion_score(stretch, a, x, data);
        predict_data(stretch->size, a, x, data);
        if (settings->order > 1 && step > 0 && b->sigma > 0) {
                const double on = b->scale * extrapolation(diffusion_from(stretch, step - 1), a, b);
                for (size_t i = 0; i < stretch->size; i++)
                        x[i] = fma(on, data[i] - before[i], map.keep * x[i]);
                map.keep = 1;
        }
        for (size_t i = 0; i < stretch->size; i++)
                before[i] = data[i];
        stretch_affine(stretch, step, 0, &map, data, z, x);
}

static void advance(const void *settings, const struct stretch *stretch)
{
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                step_to(settings, stretch, step);
                if (stretch_broken(stretch, step))
                        return;
        }
}

const struct scheme scheme_sde_dpm_solver = {
        .name = "sde_dpm_solver", .help = "SDE-DPM-Solver++: a stochastic exponential integrator of order 1 or 2",
        .params = params, .settings_size = sizeof(struct settings), .diffusion = true, .n_history = 1,
        .n_work = 2, .n_work_field = 1, .advance = advance,
};
