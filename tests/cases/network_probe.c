/* Prints what a weights file's network gives at points: network_probe FILE <points
 *
 * A line of the input: sigma, then n_dim coordinates. A line of the output: F there, as if it were c_in (y - m), and
 * the score there. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sculptor/denoiser.h"
#include "sculptor/memory.h"
#include "sculptor/weights.h"

static bool read_points(double *sigma, double *x, size_t n_dim, size_t *n)
{
        for (*n = 0; *n < LANES; ++*n) {
                if (scanf("%lf", &sigma[*n]) != 1)
                        return *n > 0;
                for (size_t i = 0; i < n_dim; i++)
                        if (scanf("%lf", &x[i * LANES + *n]) != 1)
                                return false;
        }
        return true;
}

int main(int argc, char **argv)
{
        struct weights *weights;
        const char *why = argc == 2 ? weights_read(argv[1], &weights) : "usage: network_probe FILE <points";
        if (!why && weights->n_dim == 0) {
                fprintf(stderr, "of fields; its digest is %s\n", weights->digest);
                weights_free(weights);
                return 0;
        }
        if (why) {
                fprintf(stderr, "%s\n", why);
                return 2;
        }
        const struct network_shape shape = {.n_dim = weights->n_dim};
        const size_t n_dim = (size_t)weights->n_dim;
        struct network *network = network_create(weights->network.type.type, weights->network.type.settings, &shape);
        network_set(network, weights->theta);
        struct denoiser *denoiser = denoiser_create(network, &weights->normalisation);
        double sigma[LANES], *x = allocate(n_dim * LANES, sizeof *x), *f = allocate(n_dim * LANES, sizeof *f);
        double *s = allocate(n_dim * LANES, sizeof *s);
        for (size_t lane = 0; lane < LANES; lane++)
                sigma[lane] = 1;
        for (size_t n; read_points(sigma, x, n_dim, &n);) {
                network->type->forward(network->model, sigma, x, f);
                denoiser_score(denoiser, sigma, x, s);
                for (size_t lane = 0; lane < n; lane++) {
                        for (size_t i = 0; i < 2 * n_dim; i++)
                                printf("%.17g ", i < n_dim ? f[i * LANES + lane] : s[(i - n_dim) * LANES + lane]);
                        printf("\n");
                }
        }
        denoiser_free(denoiser);
        weights_free(weights);
        free(x);
        free(f);
        free(s);
        return 0;
}
