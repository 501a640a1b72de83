/* Euler-Maruyama of the reverse SDE [Anderson 1982; Song et al. 2021, eq. 6],
 *
 *     dx = [f x - g^2 s] dt + g dW,   t falling:
 *     x <- x + (f_a x - g_a^2 s_a) dt + g_a sqrt(-dt) z,   dt = t_b - t_a < 0,   z ~ N(0, I).
 *
 * Weak order 1 in dt. On N(0, d), S the variance of x at a: v <- (1 + dt (f_a + g_a^2/S_a))^2 v - g_a^2 dt. One
 * evaluation a step. Local, collective over the domain for fields.
 *
 * How long a step is depends on the process's clock: edm counts t = sigma, ve t ~ ln sigma, whose sigma does not
 * reach 0 in any time. The last step's noise, g_a sqrt(-dt), stays in x. */
#include "diffusion.h"

static const char *unfit(const void *settings, const struct time_grid *grid, const struct score *score)
{
        (void)settings;
        (void)score;
        const struct process *process = grid->process;
        if (grid->point[grid->n - 1].sigma == 0 && process->type->sigma(process->settings, 0) > 0)
                return "euler_maruyama steps in the process's time, and this one never comes to sigma 0; end at a "
                       "sigma "
                       "above 0 and denoise: true, or use reverse_diffusion";
        return NULL;
}

static struct affine step_of(const void *settings, const struct process *process, const struct time_point *a,
                             const struct time_point *b)
{
        (void)settings;
        return diffusion_euler_maruyama(process, a, b);
}

static void advance(const void *settings, const struct stretch *stretch)
{
        diffusion_advance(settings, stretch, step_of);
}

const struct scheme scheme_euler_maruyama = {
        .name = "euler_maruyama", .help = "the reverse SDE's simplest step, in the process's own time: weak order 1",
        .diffusion = true, .unfit = unfit, .n_work = 2, .n_work_field = 1, .predictor_work = 2, .advance = advance,
};
