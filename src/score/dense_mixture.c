#include "score/dense_mixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/memory.h"
#include "sculptor/vecmath.h"

struct dense_mixture *dense_mixture_allocate(size_t n, int64_t n_dim)
{
        struct dense_mixture *mixture = allocate(1, sizeof *mixture);
        const size_t d = (size_t)n_dim;
        mixture->n = n;
        mixture->n_dim = n_dim;
        mixture->log_weight = allocate(n, sizeof(double));
        mixture->mean = allocate(n * d, sizeof(double));
        mixture->covariance = allocate(n * d * d, sizeof(double));
        return mixture;
}

void *dense_mixture_finish(struct dense_mixture *mixture)
{
        double largest = mixture->log_weight[0], sum = 0;
        for (size_t k = 1; k < mixture->n; k++)
                largest = fmax(largest, mixture->log_weight[k]);
        for (size_t k = 0; k < mixture->n; k++)
                sum += vm_exp(mixture->log_weight[k] - largest);
        const double norm = largest + vm_log(sum);
        for (size_t k = 0; k < mixture->n; k++)
                mixture->log_weight[k] -= norm;
        return mixture;
}

void dense_mixture_free(void *model)
{
        struct dense_mixture *mixture = model;
        free(mixture->log_weight);
        free(mixture->mean);
        free(mixture->covariance);
        free(mixture);
}

size_t dense_mixture_n_modes(const void *model)
{
        return ((const struct dense_mixture *)model)->n;
}

void dense_mixture_components(const void *model, double *weight, double *mean, double *variance)
{
        const struct dense_mixture *mixture = model;
        const size_t d = (size_t)mixture->n_dim;
        for (size_t k = 0; k < mixture->n; k++) {
                weight[k] = vm_exp(mixture->log_weight[k]);
                for (size_t i = 0; i < d; i++) {
                        mean[k * d + i] = mixture->mean[k * d + i];
                        variance[k * d + i] = mixture->covariance[(k * d + i) * d + i];
                }
        }
}

/* The largest distance of means, or what few pairs of draws of a single Gaussian exceed. */
double dense_mixture_diameter(const void *model)
{
        const struct dense_mixture *mixture = model;
        const size_t d = (size_t)mixture->n_dim;
        double largest = 0, trace = 0;
        for (size_t i = 0; i < d; i++)
                trace += mixture->covariance[i * d + i];
        for (size_t a = 0; a < mixture->n; a++)
                for (size_t b = 0; b < a; b++) {
                        double square = 0;
                        for (size_t i = 0; i < d; i++) {
                                const double apart = mixture->mean[a * d + i] - mixture->mean[b * d + i];
                                square = fma(apart, apart, square);
                        }
                        largest = fmax(largest, square);
                }
        return mixture->n > 1 ? sqrt(largest) : sqrt(50 * trace); /* 7.1 sigma in one dimension, as score_gaussian */
}

/* L of S = L L^T, columns without width 0. */
static void factorise_semidefinite(int64_t n, const double *restrict s, double *restrict l)
{
        memset(l, 0, (size_t)(n * n) * sizeof *l);
        for (int64_t j = 0; j < n; j++)
                for (int64_t i = j; i < n; i++) {
                        double sum = s[i * n + j];
                        for (int64_t k = 0; k < j; k++)
                                sum = fma(-l[i * n + k], l[j * n + k], sum);
                        if (i == j)
                                l[j * n + j] = sum > (double)n * 0x1p-53 * s[j * n + j] ? sqrt(sum) : 0;
                        else
                                l[i * n + j] = l[j * n + j] > 0 ? sum / l[j * n + j] : 0;
                }
}

static size_t choose(const struct dense_mixture *mixture, double u)
{
        size_t k = 0;
        double sum = 0;
        for (; k + 1 < mixture->n; k++) {
                sum += vm_exp(mixture->log_weight[k]);
                if (u < sum)
                        break;
        }
        return k;
}

/* x = m_k + L_k z, k by the first uniform number, as score_gaussian_mixture. */
void dense_mixture_draw(const void *model, const struct rng_stream *stream, uint64_t first_particle, double *restrict x)
{
        const struct dense_mixture *mixture = model;
        const int64_t d = mixture->n_dim;
        struct rng_stream choice = *stream, place = *stream;
        choice.stage = 0;
        place.stage = 1;
        double u[LANES];
        size_t chosen[LANES];
        double *z = allocate((size_t)d * LANES, sizeof *z), *factor = allocate((size_t)(d * d), sizeof *factor);
        rng_uniform(&choice, first_particle, 1, u);
        rng_normal(&place, first_particle, d, z);
        for (int lane = 0; lane < LANES; lane++)
                chosen[lane] = choose(mixture, u[lane]);
        for (int first = 0; first < LANES; first++) {
                bool done = false;
                for (int before = 0; before < first; before++)
                        done = done || chosen[before] == chosen[first];
                const size_t k = chosen[first];
                if (done)
                        continue;
                factorise_semidefinite(d, mixture->covariance + k * (size_t)(d * d), factor);
                for (int lane = first; lane < LANES; lane++)
                        for (int64_t i = 0; i < d && chosen[lane] == k; i++) {
                                double sum = mixture->mean[(int64_t)k * d + i];
                                for (int64_t j = 0; j <= i; j++)
                                        sum = fma(factor[i * d + j], z[j * LANES + lane], sum);
                                x[i * LANES + lane] = sum;
                        }
        }
        free(z);
        free(factor);
}

const char *dense_mixture_undefined_at(const void *model, double sigma)
{
        const struct dense_mixture *mixture = model;
        if (mixture->wrong)
                return mixture->wrong;
        for (size_t k = 0; k < mixture->n; k++)
                if (!dense_mixture_invert(mixture, k, sigma, NULL, NULL))
                        return "a component of the posterior has no width to rounding";
        return NULL;
}
