/* Ancestral sampling: x_b is drawn from a Gaussian that stands for p(x_b | x_a) [Ho, Jain & Abbeel 2020, alg. 2; Song
 * et al. 2021, app. F]:
 *
 *     ve, edm   x + D s + sqrt(sigma_b^2 D/sigma_a^2) z,         D = sigma_a^2 - sigma_b^2
 *     vp        (x + beta s)/sqrt(1 - beta) + sqrt(variance) z,  1 - beta = abar_a/abar_b,
 *               variance = beta, or the posterior's, beta (1 - abar_b)/(1 - abar_a)
 *
 * The posterior's (ve always has it) is the variance of x_b given x_a and x_0: exact where the data are one point, too
 * little elsewhere; beta is exact where they are N(0, I), too much where they are narrower. On N(0, d), S the variance
 * of x: v <- A^2 v + variance, A = S_b/S_a (ve), (1 - beta/S_a)/sqrt(1 - beta) (vp). Weak order 1, one evaluation a
 * step. A step to sigma 0 adds no noise, but for vp with beta. Local, collective over the domain for fields. */
#include "diffusion.h"

enum variance { BETA, POSTERIOR };

struct settings { int variance; };

static const char *const variances[] = {"beta", "posterior", NULL};

static const struct param params[] = {
        {.key = "variance", .kind = PARAM_CHOICE, .offset = offsetof(struct settings, variance), .choices = variances,
         .fallback = "beta",
         .help = "of vp, the noise of a step: beta, or the posterior's, beta (1 - abar_b)/(1 - abar_a); ve and edm "
                 "always have the posterior's"},
        PARAM_END};

static const char *unfit(const void *settings, const struct time_grid *grid, const struct score *score)
{
        (void)settings;
        (void)score;
        if (grid->process->type->kind == PROCESS_OTHER)
                return "ancestral has steps for ve, edm and vp only; use reverse_diffusion, euler_maruyama or ddim, or "
                       "another process";
        return NULL;
}

static struct affine step_of(const void *configured, const struct process *process, const struct time_point *a,
                             const struct time_point *b)
{
        const struct settings *settings = configured;
        if (process->type->kind == PROCESS_EXPLODING) {
                const double d = (a->sigma - b->sigma) * (a->sigma + b->sigma);
                return (struct affine){.keep = 1, .score = d, .noise = b->sigma / a->sigma * sqrt(d)};
        }
        const double root = a->scale / b->scale, beta = (1 - root) * (1 + root);
        const double left = process_standard_deviation(b) / process_standard_deviation(a);
        return (struct affine){.keep = 1 / root, .score = beta / root,
                               .noise = sqrt(beta) * (settings->variance == POSTERIOR ? left : 1)};
}

static void advance(const void *settings, const struct stretch *stretch)
{
        diffusion_advance(settings, stretch, step_of);
}

const struct scheme scheme_ancestral = {
        .name = "ancestral", .help = "draws the less noisy x given the noisier one, as DDPM does: weak order 1",
        .params = params, .settings_size = sizeof(struct settings), .diffusion = true, .unfit = unfit,
        .n_work = 2, .n_work_field = 1, .predictor_work = 2, .advance = advance,
};
