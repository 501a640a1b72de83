/* The step size of Metropolis schemes, tuned in burn-in. In windows of WINDOW steps all particles' decisions
 * are counted, and at a window's end [Robbins & Monro 1951; Andrieu & Thoms 2008, section 4]
 *
 *     ln step <- ln step + 2 (k + 1)^(-0.6) (accepted/proposed - target),   k = 0, 1, ... within the level.
 *
 * At the optimum the acceptance of MALA and HMC falls by 0.57 and 0.65 per unit of ln step, so the first
 * gain is about Newton's, and never unstable. Counts are whole numbers summed over ranks: the
 * controller is the same on every rank and for every number of ranks. */
#include <stddef.h>

#include "diffusion.h"
#include "schemes.h"
#include "sculptor/parallel.h"
#include "sculptor/vecmath.h"

enum { WINDOW = 20 };

static bool in_burn_in(const struct sampler *sampler, int64_t step)
{
        return sampler->scheme->adapts && step < sampler->adapt_steps;
}

int64_t sampler_stretch_limit(const struct sampler *sampler, int64_t step, int64_t steps)
{
        if (sampler->scheme->diffusion)
                return steps - step < STEPS_CACHED ? steps : step + STEPS_CACHED;
        if (!in_burn_in(sampler, step))
                return steps;
        int64_t end = (step / WINDOW + 1) * WINDOW;
        return end < sampler->adapt_steps ? end : sampler->adapt_steps;
}

static void close_window(struct sampler *sampler, int64_t index)
{
        struct controller *controller = &sampler->controller;
        double acceptance = (double)controller->accepted / (double)controller->proposed;
        double gain = 2 * vm_exp(-0.6 * vm_log((double)(index + 1)));
        controller->log_factor = fma(gain, acceptance - sampler->target_acceptance, controller->log_factor);
        controller->accepted = controller->proposed = 0;
}

void sampler_adapt(struct sampler *sampler, int64_t step, const struct tally *here)
{
        if (!in_burn_in(sampler, step - 1))
                return;
        int64_t count[] = {here->accepted, here->proposed};
        parallel_sum_integers(count, sizeof count / sizeof *count);
        sampler->controller.accepted += count[0];
        sampler->controller.proposed += count[1];
        bool window_ends = step % WINDOW == 0 || step == sampler->adapt_steps;
        if (window_ends && sampler->controller.proposed > 0)
                close_window(sampler, (step - 1) / WINDOW);
}
