/* A dense Gaussian's score at a noise of its own for each lane: diagonalised once, S + sigma^2 is the same rotation
 * of a diagonal at every sigma. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "score/gaussian.h"
#include "score/jacobi.h"
#include "sculptor/memory.h"
#include "sculptor/population.h"

struct gaussian_spectrum {
        int64_t n_dim;
        double *value, *q; /* [n_dim]; [n_dim][n_dim], eigenvector k in column k */
};

/* What is printed and read again need not be symmetric to the last bit: the lower triangle counts, as for Cholesky. */
struct gaussian_spectrum *gaussian_spectrum_create(int64_t n_dim, const double *covariance)
{
        const size_t n = (size_t)n_dim;
        struct gaussian_spectrum *spectrum = allocate(1, sizeof *spectrum);
        spectrum->n_dim = n_dim;
        spectrum->value = allocate(n, sizeof(double));
        spectrum->q = allocate(n * n, sizeof(double));
        double *s = allocate(n * n, sizeof *s);
        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j <= i; j++)
                        s[j * n + i] = s[i * n + j] = covariance[i * n + j];
        jacobi_diagonalise(n_dim, s, spectrum->value, spectrum->q);
        free(s);
        return spectrum;
}

void gaussian_spectrum_free(struct gaussian_spectrum *spectrum)
{
        if (!spectrum)
                return;
        free(spectrum->value);
        free(spectrum->q);
        free(spectrum);
}

void gaussian_spectrum_score(const struct gaussian_spectrum *spectrum, const double *restrict mean,
                             const double *restrict sigma, const double *restrict x, double *restrict score)
{
        const int64_t n = spectrum->n_dim;
        const double *restrict q = spectrum->q;
        double *restrict y = allocate((size_t)n * LANES, sizeof *y);
        for (int64_t i = 0; i < n; i++)
                for (int64_t k = 0; k < n; k++)
                        for (int lane = 0; lane < LANES; lane++)
                                y[k * LANES + lane] = fma(q[i * n + k], x[i * LANES + lane] - mean[i],
                                                          y[k * LANES + lane]);
        for (int64_t k = 0; k < n; k++)
                for (int lane = 0; lane < LANES; lane++)
                        y[k * LANES + lane] /= fma(sigma[lane], sigma[lane], spectrum->value[k]);
        memset(score, 0, (size_t)n * LANES * sizeof *score);
        for (int64_t i = 0; i < n; i++)
                for (int64_t k = 0; k < n; k++)
                        for (int lane = 0; lane < LANES; lane++)
                                score[i * LANES + lane] = fma(-q[i * n + k], y[k * LANES + lane],
                                                              score[i * LANES + lane]);
        free(y);
}
