/* DPM-Solver++, multistep: the probability-flow ODE with its linear part solved exactly and the clean target's mean
 * D(x^; sigma) = x^ + sigma^2 s(x^; sigma) extrapolated from the last steps [Lu et al. 2022b]. In lambda = -ln sigma,
 *
 *     x^_b = (sigma_b/sigma_a) x^_a + sigma_b int_{lambda_a}^{lambda_b} e^lambda D dlambda,
 *
 * and with h = lambda_b - lambda_a, D_0 of this step, D_1 and D_2 of the last two, which had h_1 and h_2,
 *
 *     order 1     D = D_0: DDIM [Song, Meng & Ermon 2021]
 *     order 2     2M, D = D_0 + (h/2) (D_0 - D_1)/h_1 as published
 *     order 3     3M, D the parabola through the three, integrated exactly
 *
 * One evaluation a step; the first steps are of orders 1 and 2, a step to sigma 0 ends at D_0. The authors' code of 3M,
 * and k-diffusion's after it, take half of the parabola's curvature, which is of order 2, but steadier where steps are
 * few: `curvature: half`. Local. */
#include <string.h>

#include "diffusion.h"
#include "sculptor/vecmath.h"

enum curvature { FULL, HALF };

struct settings { int64_t order; int curvature; };

static const char *const curvatures[] = {"full", "half", NULL};

static const struct param params[] = {
        {.key = "order", .kind = PARAM_INTEGER, .offset = offsetof(struct settings, order), .fallback = "2",
         .range = "[1, 3]", .help = "1 is DDIM, 2 and 3 are DPM-Solver++ (2M) and (3M); each is one evaluation a step"},
        {.key = "curvature", .kind = PARAM_CHOICE, .offset = offsetof(struct settings, curvature),
         .choices = curvatures, .fallback = "full",
         .help = "order 3: full is of order 3; half is the published code's, of order 2 but steadier in few steps"},
        PARAM_END};

static void check(const void *configured, const struct params_scope *scope)
{
        const struct settings *settings = configured;
        if (settings->curvature == HALF && settings->order < 3)
                params_problem(scope, "curvature", "has no effect below order 3");
}

static const char *unfit(const void *settings, const struct time_grid *grid, const struct score *score)
{
        (void)settings;
        (void)score;
        return grid->point[0].sigma == 0
                       ? "dpm_solver cannot leave sigma 0, where ln sigma is infinite; begin at a small sigma, or take "
                         "probability_flow"
                       : NULL;
}

/* x^ <- of_x x^ + sum_j of_d[j] D_j */
struct weights { double of_x, of_d[3]; };

static double log_ratio(const struct stretch *stretch, int64_t step)
{
        return vm_log(diffusion_from(stretch, step)->sigma / diffusion_to(stretch, step)->sigma);
}

/* D = D_0 + tau slope + tau^2/2 curvature, tau from this step's beginning on; sigma_b int e^lambda of 1, tau and
 * tau^2/2 are 1 - sigma_b/sigma_a, h phi_2 and -h^2 phi_3 [Lu et al. 2022b, app. B]. */
static struct weights step_weights(const struct stretch *stretch, int64_t step, int64_t order, enum curvature curvature)
{
        const double sigma_a = diffusion_from(stretch, step)->sigma, sigma_b = diffusion_to(stretch, step)->sigma;
        const double mean = (sigma_a - sigma_b) / sigma_a;
        struct weights weights = {.of_x = sigma_b / sigma_a, .of_d = {mean, 0, 0}};
        if (order == 1 || sigma_b == 0)
                return weights;
        const double h = log_ratio(stretch, step), h_1 = log_ratio(stretch, step - 1);
        if (order == 2) {
                const double slope = mean * h / (2 * h_1);
                weights.of_d[0] += slope;
                weights.of_d[1] -= slope;
                return weights;
        }
        /* slope = D_01 + h_1 bend, curvature = 2 bend, bend = (D_01 - D_12)/(h_1 + h_2), D_01 = (D_0 - D_1)/h_1. */
        const double h_2 = log_ratio(stretch, step - 2);
        const double phi_2 = 1 - mean / h, phi_3 = phi_2 / h - 0.5;
        const double of_bend = h * phi_2 * h_1 - (curvature == HALF ? 1 : 2) * h * h * phi_3;
        const double of_01 = (h * phi_2 + of_bend / (h_1 + h_2)) / h_1, of_12 = of_bend / (h_1 + h_2) / h_2;
        weights.of_d[0] += of_01;
        weights.of_d[1] -= of_01 + of_12;
        weights.of_d[2] += of_12;
        return weights;
}

/* D_0, and the older ones' places. */
static void remember(const struct stretch *stretch, int64_t order, const double *d)
{
        const size_t bytes = stretch->size * sizeof *d;
        if (order > 2)
                memcpy(stretch->history[1], stretch->history[0], bytes);
        if (order > 1)
                memcpy(stretch->history[0], d, bytes);
}

static void advance(const void *configured, const struct stretch *stretch)
{
        const struct settings *settings = configured;
        const int64_t highest = settings->order;
        double *restrict x = stretch->x, *restrict d = stretch_work(stretch, 0);
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                const struct time_point *a = diffusion_from(stretch, step), *b = diffusion_to(stretch, step);
                const int64_t order = highest < step + 1 ? highest : step + 1;
                const struct weights weights = step_weights(stretch, step, order, (enum curvature)settings->curvature);
                diffusion_unscale(stretch, a, x);
                diffusion_score_unscaled(stretch, a->sigma, x, d);
                for (size_t i = 0; i < stretch->size; i++) {
                        d[i] = fma(a->sigma * a->sigma, d[i], x[i]);
                        x[i] = fma(weights.of_d[0], d[i], weights.of_x * x[i]);
                }
                for (int64_t older = 1; older < order; older++)
                        add_scaled(stretch->size, weights.of_d[older], stretch->history[older - 1], x);
                remember(stretch, highest, d);
                diffusion_rescale(stretch, b, x);
                if (stretch_broken(stretch, step))
                        return;
        }
}

const struct scheme scheme_dpm_solver = {
        .name = "dpm_solver", .help = "DPM-Solver++ multistep and DDIM: the ODE in ln sigma, one evaluation a step",
        .params = params, .settings_size = sizeof(struct settings), .check = check,
        .diffusion = true, .deterministic = true, .n_history = 2, .n_work = 1, .unfit = unfit, .advance = advance,
};
