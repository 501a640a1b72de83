/* DDIM with eta [Song, Meng & Ermon 2021, eq. 12 and 16], on x^ = x/alpha, s^ = alpha s:
 *
 *     x_0 = x^ + sigma_a^2 s^,   x^_b = x_0 + sqrt(sigma_b^2 - tau^2) (x^ - x_0)/sigma_a + tau z,
 *     tau = eta sigma_b sqrt(1 - sigma_b^2/sigma_a^2).
 *
 * eta 0 is Euler's step of the probability flow (and of order 1 to it), eta 1 the ancestral step with the posterior's
 * variance. On N(0, d), S = d + sigma_a^2, c = sqrt(sigma_b^2 - tau^2): v^ <- (1 - sigma_a (sigma_a - c)/S)^2 v^ +
 * tau^2. One evaluation a step; a step to sigma 0 is Tweedie's mean. Any process. Local, collective over the domain for
 * fields. */
#include "diffusion.h"

struct settings { double eta; };

static const struct param params[] = {
        {.key = "eta", .kind = PARAM_REAL, .offset = offsetof(struct settings, eta), .range = "[0, 1]", .fallback = "0",
         .help = "how much of a step's noise is drawn anew: 0 none (deterministic), 1 as in ancestral sampling"},
        PARAM_END};

static struct affine step_of(const void *configured, const struct process *process, const struct time_point *a,
                             const struct time_point *b)
{
        (void)process;
        const double eta = ((const struct settings *)configured)->eta, ratio = b->sigma / a->sigma;
        const double fresh = eta * eta * ((1 - ratio) * (1 + ratio)); /* tau^2/sigma_b^2 */
        const double kept = b->sigma * sqrt(1 - fresh);
        return (struct affine){.keep = b->scale / a->scale,
                               .score = b->scale * a->scale * (a->sigma * (a->sigma - kept)),
                               .noise = b->scale * (b->sigma * sqrt(fresh))};
}

static void advance(const void *settings, const struct stretch *stretch)
{
        diffusion_advance(settings, stretch, step_of);
}

const struct scheme scheme_ddim = {
        .name = "ddim", .help = "from the probability flow (eta 0) to ancestral sampling (eta 1), any process",
        .params = params, .settings_size = sizeof(struct settings), .diffusion = true,
        .n_work = 2, .n_work_field = 1, .predictor_work = 2, .advance = advance,
};
