/* The loop of the reverse samplers that take one score a step, and the step they have in common. Local, collective over
 * the domain for fields. */
#include "diffusion.h"

void diffusion_advance(const void *settings, const struct stretch *stretch, diffusion_step *step_of)
{
        double *x = stretch->x, *s = stretch_work(stretch, 0);
        double *z = stretch->layout ? NULL : stretch_work(stretch, 1);
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                const struct time_point *a = diffusion_from(stretch, step), *b = diffusion_to(stretch, step);
                const struct affine map = step_of(settings, stretch->grid->process, a, b);
                diffusion_score(stretch, a, x, s);
                stretch_affine(stretch, step, 0, &map, s, z, x);
                if (stretch_broken(stretch, step))
                        return;
        }
}

struct affine diffusion_euler_maruyama(const struct process *process, const struct time_point *a,
                                       const struct time_point *b)
{
        const double f = process->type->drift(process->settings, a->time);
        const double g_squared = process->type->diffusion_squared(process->settings, a->time);
        const double elapsed = a->time - b->time, variance = g_squared * elapsed;
        return (struct affine){.keep = 1 - f * elapsed, .score = variance, .noise = sqrt(variance)};
}
