/* Reverse diffusion: the reverse SDE in the steps by which the forward process itself goes from b to a, x_a = x_b +
 * f_b(x_b) + G z, undone as x <- x - f(x) + G^2 s + G z [Song et al. 2021, app. E]:
 *
 *     ve, edm   x + D s + sqrt(D) z,                                        D = sigma_a^2 - sigma_b^2
 *     vp        (2 - sqrt(1 - beta)) x + beta s + sqrt(beta) z,             1 - beta = abar_a/abar_b
 *     others    the Euler-Maruyama step of their forward SDE, as published for subvp
 *
 * On N(0, d), S the variance of x: v <- A^2 v + G^2 with A = 1 - D/S_a = S_b/S_a (ve), 2 - sqrt(1 - beta) - beta/S_a
 * (vp). One evaluation a step. Local, collective over the domain for fields. A step to sigma 0 leaves its noise in x,
 * G = sigma_a (ve). */
#include "diffusion.h"

static struct affine step_of(const void *settings, const struct process *process, const struct time_point *a,
                             const struct time_point *b)
{
        (void)settings;
        if (process->type->kind == PROCESS_EXPLODING) {
                const double d = (a->sigma - b->sigma) * (a->sigma + b->sigma);
                return (struct affine){.keep = 1, .score = d, .noise = sqrt(d)};
        }
        if (process->type->kind == PROCESS_PRESERVING) {
                const double root = a->scale / b->scale, beta = (1 - root) * (1 + root);
                return (struct affine){.keep = 2 - root, .score = beta, .noise = sqrt(beta)};
        }
        return diffusion_euler_maruyama(process, a, b);
}

static void advance(const void *settings, const struct stretch *stretch)
{
        diffusion_advance(settings, stretch, step_of);
}

const struct scheme scheme_reverse_diffusion = {
        .name = "reverse_diffusion", .help = "the reverse SDE in the steps of the forward process: weak order 1",
        .diffusion = true, .n_work = 2, .n_work_field = 1, .predictor_work = 2, .advance = advance,
};
