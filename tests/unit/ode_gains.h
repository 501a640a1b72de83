/* What every deterministic scheme multiplies a particle of N(0, d) by, in long double and in other words than the
 * schemes': u = lambda x, lambda = sigma/(d + sigma^2), and D = x d/(d + sigma^2). */
#ifndef ODE_GAINS_H
#define ODE_GAINS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

typedef long double ode_gain_step(long double d, long double a, long double b);

static inline long double ode_lambda(long double d, long double sigma)
{
        return sigma == 0 ? 0 : sigma / (d + sigma * sigma);
}

static inline long double ode_euler(long double d, long double a, long double b)
{
        return 1 + (b - a) * ode_lambda(d, a);
}

static inline long double ode_heun(long double d, long double a, long double b)
{
        const long double euler = ode_euler(d, a, b);
        return b == 0 ? euler : 1 + (b - a) / 2 * (ode_lambda(d, a) + ode_lambda(d, b) * euler);
}

static inline long double ode_rk4(long double d, long double a, long double b)
{
        const long double h = b - a, middle = ode_lambda(d, (a + b) / 2);
        const long double k_1 = ode_lambda(d, a), k_2 = middle * (1 + h / 2 * k_1), k_3 = middle * (1 + h / 2 * k_2),
                          k_4 = ode_lambda(d, b) * (1 + h * k_3);
        return 1 + h / 6 * (k_1 + 2 * k_2 + 2 * k_3 + k_4);
}

static inline long double ode_exact(long double d, long double a, long double b)
{
        return sqrtl((d + b * b) / (d + a * a));
}

static inline long double ode_gain(ode_gain_step *step, long double d, const double *sigma, size_t n_points)
{
        long double gain = 1;
        for (size_t i = 0; i + 1 < n_points; i++)
                gain *= step(d, sigma[i], sigma[i + 1]);
        return gain;
}

/* x_b = e^-h x_a + int_0^h e^(tau - h) P(tau) dtau, P Newton's polynomial through the last D; the moments
 * I_k = int e^(tau - h) tau^k dtau follow from each other. 2M takes P as constant, at h/2;
 * `half` of the coefficient of tau^2 is what the published code of 3M takes. */
static inline long double ode_dpm_gain(int order, bool half, long double d, const double *sigma, size_t n_points)
{
        long double x = 1, h_1 = 0, h_2 = 0, mean_1 = 0, mean_2 = 0;
        for (size_t i = 0; i + 1 < n_points; i++) {
                const long double a = sigma[i], b = sigma[i + 1], mean = x * d / (d + a * a);
                const int here = order < (int)i + 1 ? order : (int)i + 1;
                if (b == 0)
                        return mean;
                const long double h = logl(a) - logl(b), i_0 = 1 - b / a, i_1 = h - i_0, i_2 = h * h - 2 * i_1;
                long double integral = mean * i_0;
                if (here == 2)
                        integral += (mean - mean_1) / h_1 * h / 2 * i_0;
                if (here == 3) {
                        const long double first = (mean - mean_1) / h_1,
                                          second = (first - (mean_1 - mean_2) / h_2) / (h_1 + h_2);
                        integral += first * i_1 + second * ((half ? i_2 / 2 : i_2) + h_1 * i_1);
                }
                x = b / a * x + integral;
                h_2 = h_1;
                h_1 = h;
                mean_2 = mean_1;
                mean_1 = mean;
        }
        return x;
}

#endif
