#include "network/spectral_norm.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/memory.h"
#include "sculptor/vecmath.h"

enum { ITERATIONS = 128 };
#define SMALLEST_EXCESS 0x1p-20

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

/* ---- symmetric matrices a[n][n]; loops run along rows, so that they are vectors whatever their length ---- */

/* y += a x */
static void add_scaled(size_t n, double a, const double *restrict x, double *restrict y)
{
        for (size_t i = 0; i < n; i++)
                y[i] = fma(a, x[i], y[i]);
}

/* The smaller of W W' and W'W. */
static double *gram(size_t n_out, size_t n_in, const float *weight)
{
        const bool rows = n_out <= n_in;
        const size_t n = rows ? n_out : n_in, m = rows ? n_in : n_out;
        double *g = allocate(n * n, sizeof *g), *column = allocate(n, sizeof *column);
        for (size_t k = 0; k < m; k++) {
                for (size_t i = 0; i < n; i++)
                        column[i] = (double)(rows ? weight[i * n_in + k] : weight[k * n_in + i]);
                for (size_t i = 0; i < n; i++)
                        add_scaled(i + 1, column[i], column, g + i * n);
        }
        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < i; j++)
                        g[j * n + i] = g[i * n + j];
        free(column);
        return g;
}

/* Whether top I - g is positive definite: its Cholesky factorisation, column by column. */
static bool is_above(size_t n, const double *g, double top)
{
        double *a = allocate(n * n, sizeof *a), *column = allocate(n, sizeof *column);
        for (size_t i = 0; i < n * n; i++)
                a[i] = -g[i];
        for (size_t i = 0; i < n; i++)
                a[i * n + i] += top;
        bool above = true;
        for (size_t k = 0; k < n && above; k++) {
                above = a[k * n + k] > 0; /* not of NaN */
                const double scale = 1 / sqrt(a[k * n + k]);
                for (size_t i = k; i < n; i++)
                        column[i] = a[i * n + k] * scale;
                for (size_t i = k + 1; above && i < n; i++)
                        add_scaled(i - k, -column[i], column + k + 1, a + i * n + k + 1);
        }
        free(a);
        free(column);
        return above;
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

/* |g v| of the v of unit length that iteration ends with: at most the largest eigenvalue. */
static double iterate(size_t n, const double *g, double *v)
{
        double *next = allocate(n, sizeof *next), value = 0;
        for (size_t i = 0; i < n; i++)
                v[i] = 1 + 0.5 * vm_sin(1.0 + 7.0 * (double)i); /* orthogonal to nothing in particular */
        normalise(n, v);
        for (int k = 0; k < ITERATIONS; k++) {
                memset(next, 0, n * sizeof *next);
                for (size_t i = 0; i < n; i++)
                        add_scaled(n, v[i], g + i * n, next);
                value = normalise(n, next);
                memcpy(v, next, n * sizeof *v);
        }
        free(next);
        return value;
}

/* The least of value (1 + e) that is proven to be above g, n > 0. */
static double raise_above(size_t n, const double *g, double value)
{
        double excess = SMALLEST_EXCESS;
        while (isfinite(value) && value > 0 && !is_above(n, g, value * (1 + excess)))
                excess *= 4;
        return value * (1 + excess) * (1 + (double)n * (double)n * 0x1p-50);
}

/* ---- norms ---- */

double spectral_norm_bound(size_t n_out, size_t n_in, const float *weight)
{
        const size_t n = n_out <= n_in ? n_out : n_in;
        double *g = gram(n_out, n_in, weight), *v = allocate(n, sizeof *v);
        const double bound = sqrt(raise_above(n, g, iterate(n, g, v)));
        free(g);
        free(v);
        return bound;
}

/* The other singular vector: W v or W'u, of unit length. */
static void fill_partner(const struct spectral_norm *norm, const float *weight)
{
        const size_t n_in = norm->n_in;
        const bool rows = norm->n_out <= n_in; /* left is known */
        memset(rows ? norm->right : norm->left, 0, (rows ? n_in : norm->n_out) * sizeof(double));
        for (size_t i = 0; i < norm->n_out; i++)
                for (size_t j = 0; j < n_in; j++)
                        if (rows)
                                norm->right[j] = fma((double)weight[i * n_in + j], norm->left[i], norm->right[j]);
                        else
                                norm->left[i] = fma((double)weight[i * n_in + j], norm->right[j], norm->left[i]);
        if (rows)
                normalise(n_in, norm->right);
        else
                normalise(norm->n_out, norm->left);
}

double spectral_norm_measure(struct spectral_norm *norm, const float *weight)
{
        const size_t n = norm->n_out <= norm->n_in ? norm->n_out : norm->n_in;
        const double rounding = 1 + (double)n * (double)n * 0x1p-50;
        double *g = gram(norm->n_out, norm->n_in, weight);
        norm->share = 1;
        if (!is_above(n, g, norm->limit * norm->limit / rounding)) {
                double *v = norm->n_out <= norm->n_in ? norm->left : norm->right;
                norm->norm = sqrt(raise_above(n, g, iterate(n, g, v)));
                fill_partner(norm, weight);
                /* Rounding the product to float moves W by at most 2^-24 |W|_F <= 2^-24 sqrt(n) |W|_2. */
                norm->share = norm->limit / norm->norm * (1 - 0x1p-24 * (sqrt((double)n) + 1));
        }
        free(g);
        return norm->share;
}

void spectral_norm_gradient(const struct spectral_norm *norm, const float *weight, const float *g, float *gradient)
{
        const size_t n_in = norm->n_in;
        double along = 0;
        if (norm->share < 1)
                for (size_t i = 0; i < norm->n_out; i++) {
                        double row = 0;
                        for (size_t j = 0; j < n_in; j++)
                                row = fma((double)g[i * n_in + j], (double)weight[i * n_in + j], row);
                        along += row;
                }
        if (norm->share < 1)
                along /= norm->norm;
        for (size_t i = 0; i < norm->n_out; i++)
                for (size_t j = 0; j < n_in; j++)
                        gradient[i * n_in + j] += (float)(norm->share * fma(-along * norm->left[i], norm->right[j],
                                                                            (double)g[i * n_in + j]));
}
