/* Adam [Kingma & Ba 2015, alg. 1], t = step + 1:
 *
 *     m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2,
 *     theta <- theta - lr m^/(sqrt v^ + epsilon),   m^ = m/(1 - b1^t),   v^ = v/(1 - b2^t),
 *
 * g the gradient, shortened to the norm `clip` where it is longer. lr rises linearly over warm_up steps, then is
 * constant or falls along half a cosine to decay_floor of itself [Loshchilov & Hutter 2017]. The arrays and what is
 * done with their elements are float, roots and quotients rounded as IEEE says; what all elements share is computed
 * in double. */
#include "training/adam.h"

#include <math.h>

#include "sculptor/population.h"
#include "sculptor/vecmath.h"

double adam_learning_rate(const struct training_settings *settings, int64_t step)
{
        if (step < settings->warm_up)
                return settings->learning_rate * (double)(step + 1) / (double)settings->warm_up;
        if (settings->decay == DECAY_CONSTANT || settings->steps <= settings->warm_up)
                return settings->learning_rate;
        const double part = (double)(step - settings->warm_up) / (double)(settings->steps - settings->warm_up);
        const double cosine = part < 1 ? 0.5 * (1 + vm_cos(3.14159265358979323846 * part)) : 0;
        return settings->learning_rate * fma(1 - settings->decay_floor, cosine, settings->decay_floor);
}

/* 64 sums side by side, then in a tree: the same bits for any width of vectors. */
double adam_norm(size_t n, const float *gradient)
{
        double sum[LANES] = {0};
        size_t i = 0;
        for (; i + LANES <= n; i += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        sum[lane] = fma((double)gradient[i + lane], (double)gradient[i + lane], sum[lane]);
        for (size_t lane = 0; i < n; i++, lane++)
                sum[lane] = fma((double)gradient[i], (double)gradient[i], sum[lane]);
        for (size_t width = LANES / 2; width > 0; width /= 2)
                for (size_t lane = 0; lane < width; lane++)
                        sum[lane] += sum[lane + width];
        return sqrt(sum[0]);
}

/* 1 - beta^t; t log beta is -inf where beta is 0. */
static double unbiased(double beta, int64_t step)
{
        return 1 - vm_exp((double)(step + 1) * vm_log(beta));
}

void adam_update(const struct training_settings *settings, int64_t step, double scale, size_t n,
                 const float *restrict gradient, float *restrict theta, float *restrict moment_1,
                 float *restrict moment_2)
{
        const float beta_1 = (float)settings->beta_1, beta_2 = (float)settings->beta_2;
        const float new_1 = (float)(1 - settings->beta_1), new_2 = (float)(1 - settings->beta_2);
        const float rate = (float)(-adam_learning_rate(settings, step) / unbiased(settings->beta_1, step));
        const float correction = (float)(1 / unbiased(settings->beta_2, step));
        const float epsilon = (float)settings->epsilon, shorter = (float)scale;
        for (size_t i = 0; i < n; i++) {
                const float g = shorter * gradient[i];
                moment_1[i] = __builtin_fmaf(new_1, g, beta_1 * moment_1[i]);
                moment_2[i] = __builtin_fmaf(new_2 * g, g, beta_2 * moment_2[i]);
                const float deviation = __builtin_sqrtf(correction * moment_2[i]) + epsilon;
                theta[i] = __builtin_fmaf(rate, moment_1[i] / deviation, theta[i]);
        }
}
