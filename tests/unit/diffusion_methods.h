/* The reverse SDE samplers with their steps by the published formulas, and what those do to N(mu, d): the biased
 * answer of each scheme, mean and variance, by a closed recursion. */
#ifndef DIFFUSION_METHODS_H
#define DIFFUSION_METHODS_H

#include "diffusion_lab.h"

enum { ON_EDM = 1, ON_VE = 2, ON_VP = 4, ON_SUBVP = 8, ON_ALL = 15 };

struct method {
        const char *text;
        struct rule (*rule)(const struct process *process, const struct time_point *a, const struct time_point *b);
        bool second_order; /* 2M */
        int correctors;
        double corrector_step; /* (alpha sigma)^2 */
        unsigned on;           /* lab_processes */
        bool not_to_zero;
};

/* SDE-DPM-Solver++ 1: x^_b = (sigma_b/sigma_a) e^-h x^ + (1 - e^-2h) D + sigma_b sqrt(1 - e^-2h) z, D = x^ +
 * sigma_a^2 s^. */
static inline struct rule rule_exponential(const struct process *process, const struct time_point *a,
                                           const struct time_point *b)
{
        (void)process;
        const double h = b->sigma > 0 ? log(a->sigma / b->sigma) : INFINITY, fresh = -expm1(-2 * h);
        return (struct rule){b->scale / a->scale * (b->sigma / a->sigma * exp(-h) + fresh),
                             b->scale * a->scale * fresh * a->sigma * a->sigma,
                             b->scale * b->scale * b->sigma * b->sigma * fresh};
}

static const struct method methods[] = {
        {.text = "{type: euler_maruyama}", .rule = rule_euler_maruyama, .on = ON_EDM | ON_VP | ON_SUBVP},
        {.text = "{type: euler_maruyama}", .rule = rule_euler_maruyama, .on = ON_VE, .not_to_zero = true},
        {.text = "{type: reverse_diffusion}", .rule = rule_reverse_diffusion, .on = ON_ALL},
        {.text = "{type: ancestral}", .rule = rule_ancestral, .on = ON_EDM | ON_VE | ON_VP},
        {.text = "{type: ancestral, variance: posterior}", .rule = rule_ancestral_posterior, .on = ON_VE | ON_VP},
        {.text = "{type: ddim}", .rule = rule_ddim_0, .on = ON_ALL},
        {.text = "{type: ddim, eta: 0.6}", .rule = rule_ddim_0_6, .on = ON_EDM | ON_VP},
        {.text = "{type: ddim, eta: 1}", .rule = rule_ddim_1, .on = ON_VE | ON_SUBVP},
        {.text = "{type: sde_dpm_solver, order: 1}", .rule = rule_exponential, .on = ON_EDM | ON_VP},
        {.text = "{type: sde_dpm_solver}", .rule = rule_exponential, .second_order = true, .on = ON_ALL},
        {.text = "{type: predictor_corrector, predictor: reverse_diffusion, corrector_step_size: 0.3}",
         .rule = rule_reverse_diffusion, .correctors = 1, .corrector_step = 0.3, .on = ON_ALL},
        {.text = "{type: predictor_corrector, predictor: ancestral, variance: posterior, corrector_steps: 2, "
                 "corrector_step_size: 0.8}",
         .rule = rule_ancestral_posterior, .correctors = 2, .corrector_step = 0.8, .on = ON_VE | ON_VP},
        {.text = "{type: predictor_corrector, predictor: euler_maruyama, corrector_steps: 3, "
                 "corrector_step_size: 0.1}",
         .rule = rule_euler_maruyama, .correctors = 3, .corrector_step = 0.1, .on = ON_EDM | ON_SUBVP},
        {.text = "{type: predictor_corrector, predictor: probability_flow, method: euler, corrector_step_size: 0.5}",
         .rule = rule_ddim_0, .correctors = 1, .corrector_step = 0.5, .on = ON_EDM | ON_VP},
};
enum { METHODS = sizeof methods / sizeof *methods };

static inline bool method_runs(const struct method *method, size_t process)
{
        return method->on >> process & 1;
}

/* What 2M adds, times D - D_before. */
static inline double method_extrapolates(const struct method *method, const struct time_grid *grid, int64_t step)
{
        const struct time_point *a = &grid->point[step], *b = a + 1;
        if (!method->second_order || step == 0 || b->sigma == 0)
                return 0;
        const double h = log(a->sigma / b->sigma), h_before = log(a[-1].sigma / a->sigma), r = h_before / h;
        return b->scale * -expm1(-2 * h) / (2 * r);
}

/* Of y = x - alpha mu and p = D_before - mu. */
struct moments { double y, p, yy, yp, pp; };

static inline void method_moments(const struct method *method, const struct time_grid *grid, int64_t step, double mu,
                                  double d, struct moments *m)
{
        const struct time_point *a = &grid->point[step], *b = a + 1;
        const struct rule rule = method->rule(grid->process, a, b);
        const double s = a->scale * a->scale * (d + a->sigma * a->sigma);
        const double on = method_extrapolates(method, grid, step);
        const double data = d / (d + a->sigma * a->sigma) / a->scale; /* D - mu = data y */
        const double gain = rule.keep - rule.score / s + on * data;
        const struct moments was = *m;
        m->y = gain * was.y - on * was.p + (rule.keep * a->scale - b->scale) * mu;
        m->p = data * was.y;
        m->yy = gain * gain * was.yy - 2 * gain * on * was.yp + on * on * was.pp + rule.variance;
        m->yp = data * (gain * was.yy - on * was.yp);
        m->pp = data * data * was.yy;
        for (int k = 0; k < method->correctors && b->sigma > 0; k++) {
                const double width = b->scale * b->sigma, e = method->corrector_step * width * width;
                const double kept = 1 - e / (b->scale * b->scale * (d + b->sigma * b->sigma));
                m->y *= kept;
                m->yp *= kept;
                m->yy = kept * kept * m->yy + 2 * e;
        }
}

#endif
