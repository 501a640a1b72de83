/* A plugin for Sculptor, whole: a mixture of isotropic Gaussians in any number of coordinates, exact at every sigma.
 *
 *     cc -O2 -fPIC -shared -I include plugins/example_mixture.c -o example_mixture.so -lm        (or: make plugins)
 *
 *     score:
 *       type: plugin
 *       library: ./example_mixture.so
 *       config: 0.4 -2 0 0.5; 0.6 2 1 1            # components: weight, mean, standard deviation
 *
 * With S_k = sigma_k^2 + sigma^2, g_k = (m_k - x)/S_k and r_k the share of component k in p(x),
 *
 *     p = sum_k w_k N(x; m_k, S_k),   s = sum_k r_k g_k,   J = sum_k r_k (g_k g_k' - 1/S_k) - s s'.
 *
 * Compiled with -DREAL=float its rows are of floats. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sculptor/plugin.h"

#ifndef REAL
#define REAL double
#endif

enum { MOST = 256 }; /* components, and coordinates */

struct mixture {
        int n, dimension;
        double weight[MOST], sigma[MOST], mean[MOST][MOST];
};

/* One component: the numbers up to ';' or the end. Returns how many, or -1. */
static int read_numbers(const char **text, double value[MOST + 2])
{
        int n = 0;
        for (char *end; **text && **text != ';'; *text = end) {
                const double number = strtod(*text, &end);
                if (end == *text || n == MOST + 2)
                        return -1;
                value[n++] = number;
                while (*end == ' ' || *end == ',' || *end == '\n')
                        end++;
        }
        if (**text == ';')
                ++*text;
        return n;
}

static int read_mixture(struct mixture *mixture, const char *text, char *message)
{
        double value[MOST + 2], sum = 0;
        while (*text) {
                const int n = read_numbers(&text, value), k = mixture->n;
                if (n < 3 || (k > 0 && n != mixture->dimension + 2) || k == MOST || !(value[0] > 0 && value[n - 1] > 0))
                        return snprintf(message, SCULPTOR_MESSAGE,
                                        "component %d must be \"weight mean... sigma\", with "
                                        "as many numbers as the others, and weight and sigma above 0",
                                        k + 1);
                mixture->n = k + 1;
                mixture->dimension = n - 2;
                mixture->weight[k] = value[0];
                mixture->sigma[k] = value[n - 1];
                for (int i = 0; i < n - 2; i++)
                        mixture->mean[k][i] = value[i + 1];
                sum += value[0];
        }
        for (int k = 0; k < mixture->n; k++)
                mixture->weight[k] /= sum;
        return mixture->n > 0 ? 0
                              : snprintf(message, SCULPTOR_MESSAGE,
                                         "config is empty; give \"weight mean... sigma; "
                                         "weight mean... sigma\"");
}

static int open_model(const struct sculptor_request *request, struct sculptor_model *model, char *message)
{
        struct mixture *mixture = calloc(1, sizeof *mixture);
        if (!mixture)
                return snprintf(message, SCULPTOR_MESSAGE, "out of memory");
        if (read_mixture(mixture, request->config, message) != 0) {
                free(mixture);
                return 1;
        }
        model->state = mixture;
        model->dimension = mixture->dimension;
        model->precision = sizeof(REAL);
        model->can = SCULPTOR_LOG_DENSITY | SCULPTOR_NORMALISED | SCULPTOR_VJP | SCULPTOR_GRADIENT;
        return 0;
}

/* Of one row: r_k, s if wanted, and ln p, by the largest term first so that nothing underflows. */
static double look(const struct mixture *mixture, double sigma, const REAL *x, double *share, double *score)
{
        const double ln_2_pi = 1.8378770664093454836;
        double most = -INFINITY, sum = 0;
        for (int k = 0; k < mixture->n; k++) {
                const double s = mixture->sigma[k] * mixture->sigma[k] + sigma * sigma;
                double distance = 0;
                for (int i = 0; i < mixture->dimension; i++) {
                        const double d = mixture->mean[k][i] - (double)x[i];
                        distance += d * d;
                }
                share[k] = log(mixture->weight[k]) - 0.5 * distance / s - 0.5 * mixture->dimension * (ln_2_pi + log(s));
                most = fmax(most, share[k]);
        }
        for (int k = 0; k < mixture->n; k++)
                sum += share[k] = exp(share[k] - most);
        for (int i = 0; i < mixture->dimension; i++)
                score[i] = 0;
        for (int k = 0; k < mixture->n; k++) {
                const double s = mixture->sigma[k] * mixture->sigma[k] + sigma * sigma;
                share[k] /= sum;
                for (int i = 0; i < mixture->dimension; i++)
                        score[i] += share[k] * (mixture->mean[k][i] - (double)x[i]) / s;
        }
        return most + log(sum);
}

static int eval(void *state, int64_t n, const double *sigma, const void *x, void *score, char *message)
{
        const struct mixture *mixture = state;
        double share[MOST], s[MOST];
        (void)message;
        for (int64_t row = 0; row < n; row++) {
                look(mixture, sigma[row], (const REAL *)x + row * mixture->dimension, share, s);
                for (int i = 0; i < mixture->dimension; i++)
                        ((REAL *)score)[row * mixture->dimension + i] = (REAL)s[i];
        }
        return 0;
}

static int log_density(void *state, int64_t n, const double *sigma, const void *x, double *out, char *message)
{
        const struct mixture *mixture = state;
        double share[MOST], s[MOST];
        (void)message;
        for (int64_t row = 0; row < n; row++)
                out[row] = look(mixture, sigma[row], (const REAL *)x + row * mixture->dimension, share, s);
        return 0;
}

/* J'v = J v = sum_k r_k (g_k (g_k.v) - v/S_k) - s (s.v) */
static int vjp(void *state, int64_t n, const double *sigma, const void *x, const void *v, void *out, char *message)
{
        const struct mixture *mixture = state;
        const int dimension = mixture->dimension;
        double share[MOST], s[MOST], g[MOST], result[MOST];
        (void)message;
        for (int64_t row = 0; row < n; row++) {
                const REAL *at = (const REAL *)x + row * dimension, *by = (const REAL *)v + row * dimension;
                look(mixture, sigma[row], at, share, s);
                double along = 0;
                for (int i = 0; i < dimension; i++)
                        along += s[i] * (double)by[i];
                for (int i = 0; i < dimension; i++)
                        result[i] = -s[i] * along;
                for (int k = 0; k < mixture->n; k++) {
                        const double S = mixture->sigma[k] * mixture->sigma[k] + sigma[row] * sigma[row];
                        along = 0;
                        for (int i = 0; i < dimension; i++) {
                                g[i] = (mixture->mean[k][i] - (double)at[i]) / S;
                                along += g[i] * (double)by[i];
                        }
                        for (int i = 0; i < dimension; i++)
                                result[i] += share[k] * (g[i] * along - (double)by[i] / S);
                }
                for (int i = 0; i < dimension; i++)
                        ((REAL *)out)[row * dimension + i] = (REAL)result[i];
        }
        return 0;
}

const struct sculptor_plugin sculptor_plugin = {
        .abi = SCULPTOR_PLUGIN_ABI, .size = sizeof(struct sculptor_plugin),
        .name = "mixture", .version = "1.0", .kinds = SCULPTOR_PARTICLES,
        .open = open_model, .close = free, .eval = eval, .log_density = log_density, .vjp = vjp,
};
