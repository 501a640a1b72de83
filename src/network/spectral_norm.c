#include "network/spectral_norm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "network/gemm.h"
#include "sculptor/memory.h"

enum { ITERATIONS = 30, SQUARINGS = 10 };

struct spectral_norm spectral_norm_create(size_t n_out, size_t n_in, double limit)
{
        return (struct spectral_norm){.n_out = n_out, .n_in = n_in, .limit = limit, .share = 1,
                                      .left = allocate(n_out, sizeof(double)), .right = allocate(n_in, sizeof(double))};
}

void spectral_norm_release(struct spectral_norm *norm)
{
        free(norm->left);
        free(norm->right);
}

static double normalise(size_t n, double *v)
{
        double sum = 0;
        for (size_t i = 0; i < n; i++)
                sum = fma(v[i], v[i], sum);
        const double length = sqrt(sum);
        for (size_t i = 0; i < n && length > 0; i++)
                v[i] /= length;
        return length;
}

double spectral_norm_measure(struct spectral_norm *norm, const float *weight)
{
        double *u = norm->left, *v = norm->right;
        for (size_t j = 0; j < norm->n_in; j++)
                v[j] = 1 + 0.5 * sin(1.0 + 7.0 * (double)j); /* orthogonal to nothing in particular */
        normalise(norm->n_in, v);
        for (int k = 0; k < ITERATIONS; k++) {
                for (size_t i = 0; i < norm->n_out; i++) {
                        u[i] = 0;
                        for (size_t j = 0; j < norm->n_in; j++)
                                u[i] = fma((double)weight[i * norm->n_in + j], v[j], u[i]);
                }
                normalise(norm->n_out, u);
                memset(v, 0, norm->n_in * sizeof *v);
                for (size_t i = 0; i < norm->n_out; i++)
                        for (size_t j = 0; j < norm->n_in; j++)
                                v[j] = fma((double)weight[i * norm->n_in + j], u[i], v[j]);
                norm->norm = normalise(norm->n_in, v);
        }
        norm->share = norm->norm > norm->limit ? norm->limit / norm->norm : 1;
        return norm->share;
}

void spectral_norm_gradient(const struct spectral_norm *norm, const float *weight, const float *g, float *gradient)
{
        const size_t n_in = norm->n_in;
        double along = 0;
        for (size_t i = 0; i < norm->n_out * n_in; i++)
                along = fma((double)g[i], (double)weight[i], along);
        along = norm->share < 1 ? along / norm->norm : 0;
        for (size_t i = 0; i < norm->n_out; i++)
                for (size_t j = 0; j < n_in; j++)
                        gradient[i * n_in + j] += (float)(norm->share * fma(-along * norm->left[i], norm->right[j],
                                                                            (double)g[i * n_in + j]));
}

/* c = a a, symmetric, scaled to the largest element 1; returns ln of the scale. */
static double square(size_t n, const double *a, double *c)
{
        double largest = 0;
        for (size_t i = 0; i < n; i++) {
                memset(c + i * n, 0, n * sizeof *c);
                for (size_t k = 0; k < n; k++)
                        for (size_t j = 0; j < n; j++)
                                c[i * n + j] = fma(a[i * n + k], a[k * n + j], c[i * n + j]);
                for (size_t j = 0; j < n; j++)
                        largest = fmax(largest, fabs(c[i * n + j]));
        }
        if (!(largest > 0))
                return 0;
        for (size_t i = 0; i < n * n; i++)
                c[i] /= largest;
        return log(largest);
}

double spectral_norm_bound(size_t n_out, size_t n_in, const float *packed)
{
        double *a = allocate(n_in * n_in, sizeof *a), *b = allocate(n_in * n_in, sizeof *b);
        for (size_t o = 0; o < n_out; o++)
                for (size_t i = 0; i < n_in; i++)
                        for (size_t j = 0; j < n_in; j++) {
                                const double w_i = (double)packed[(i / PANEL * n_out + o) * PANEL + i % PANEL];
                                const double w_j = (double)packed[(j / PANEL * n_out + o) * PANEL + j % PANEL];
                                a[i * n_in + j] = fma(w_i, w_j, a[i * n_in + j]);
                        }
        /* (W'W)^(2^m) = e^log_scale a */
        double log_scale = 0;
        for (int m = 0; m < SQUARINGS; m++) {
                log_scale = 2 * log_scale + square(n_in, a, b);
                double *other = a;
                a = b;
                b = other;
        }
        double trace = 0;
        for (size_t i = 0; i < n_in; i++)
                trace += a[i * n_in + i];
        free(a);
        free(b);
        const double root = trace > 0 ? exp((log(trace) + log_scale) / (double)(2 << SQUARINGS)) : 0;
        return root * (1 + 1e-9); /* roundings of the squarings are far below that after the root */
}
