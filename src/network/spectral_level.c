/* What of a spectral network depends on its noise level alone: filters at nodes, a and b, linear in features of sigma;
 * and how far it may stretch. */
#include <math.h>

#include "network/spectral.h"
#include "sculptor/vecmath.h"

#define PI 3.14159265358979323846
#define SILU_SLOPE 1.0998393194 /* the largest of |silu'| */

static double at_sigma(const struct spectral *s, const float *theta)
{
        double sum = 0;
        for (size_t f = 0; f < s->n_features; f++)
                sum = fma((double)theta[f], s->feature[f], sum);
        return sum;
}

void spectral_fill_level(struct spectral *s, double sigma)
{
        const double c = 0.25 * vm_log(sigma);
        s->feature[0] = 1;
        s->feature[1] = c;
        for (size_t q = 1; 2 * q < s->n_features; q++) {
                const struct vm_sincos at = vm_sincos_radians(PI * (double)q * c);
                s->feature[2 * q] = at.cos;
                s->feature[2 * q + 1] = at.sin;
        }
        for (size_t i = 0; i < s->n_channels * s->n_bins; i++)
                s->node[i] = at_sigma(s, s->theta + s->filters + i * s->n_features);
        for (size_t m = 0; m < s->n_hidden; m++) {
                s->shift[m] = (float)at_sigma(s, s->theta + s->bias + m * s->n_features);
                s->scale[m] = (float)at_sigma(s, s->theta + s->amplitude + m * s->n_features);
        }
}

/* Since dF/du is symmetric its norm is the largest |v . (dF/du) v| of |v| = 1, and with M = W' diag(|a| max|phi'|) W
 *
 *     |v . (dF/du) v| <= sum over cells of (G v)' M (G v) = sum over modes of |v_k|^2 G(k)' M G(k)
 *
 * whose largest is at a node: between nodes G is linear in ln k, and M's form convex. It holds on any mesh. */
double spectral_lipschitz(struct spectral *s, double sigma)
{
        const double slope = s->settings->activation == SPECTRAL_SILU ? SILU_SLOPE : 1;
        spectral_fill_level(s, sigma);
        double most = 0;
        for (size_t j = 0; j < s->n_bins; j++) {
                double form = 0;
                for (size_t m = 0; m < s->n_hidden; m++) {
                        double z = 0;
                        for (size_t c = 0; c < s->n_channels; c++)
                                z = fma((double)s->theta[s->weight + m * s->n_channels + c], s->node[c * s->n_bins + j],
                                        z);
                        form = fma(slope * fabs((double)s->scale[m]), z * z, form);
                }
                most = fmax(most, form);
        }
        if (s->sigma > 0)
                spectral_fill_level(s, s->sigma); /* as forward() left it */
        return most;
}
