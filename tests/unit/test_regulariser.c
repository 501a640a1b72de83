/* What noise adds to implicit score matching, as noise goes to 0: with f = tr ds/dy + |s|^2/2 of a fixed field s,
 *
 *     E f(x_0 + sigma n) = E[f + (sigma^2/2) Laplacian f] + O(sigma^4)      [SCIENCE.md, section 1, 4]
 *
 * and the left side is, but for a constant, the denoising loss: noise is a penalty on the Laplacian of f. Here s is a
 * network's score at one noise level, taken as a field; the mean over n is Gauss and Hermite's rule, so nothing is random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "network_lab.h"
#include "sculptor/denoiser.h"

enum { N_DIM = 2, NODES = 4 };

/* For n ~ N(0, 1): exact to degree 7. Roots of He_4: sqrt(3 -+ sqrt 6); weights (3 +- sqrt 6)/12. */
static const double node[NODES] = {-2.3344142183389773, -0.7419637843027258, 0.7419637843027258, 2.3344142183389773};
static const double weight[NODES] = {0.045875854768068491, 0.45412414523193151, 0.45412414523193151,
                                     0.045875854768068491};

static struct denoiser *field;
static double level[LANES]; /* the one noise level s is of */

/* f of each lane. */
static void integrand(const double *y, double *f)
{
        double s[N_DIM * LANES], unit[N_DIM * LANES], column[N_DIM * LANES];
        denoiser_score(field, level, y, s);
        for (size_t lane = 0; lane < LANES; lane++)
                f[lane] = 0.5 * (s[lane] * s[lane] + s[LANES + lane] * s[LANES + lane]);
        for (size_t c = 0; c < N_DIM; c++) {
                for (size_t i = 0; i < N_DIM * LANES; i++)
                        unit[i] = i / LANES == c;
                denoiser_jacobian_vector(field, level, unit, column);
                for (size_t lane = 0; lane < LANES; lane++)
                        f[lane] += column[c * LANES + lane];
        }
}

/* Mean over the lanes of E_n f(x + sigma n). */
static double noised(const double *x, double sigma)
{
        double y[N_DIM * LANES], f[LANES], sum = 0;
        for (int i = 0; i < NODES; i++)
                for (int j = 0; j < NODES; j++) {
                        for (size_t lane = 0; lane < LANES; lane++) {
                                y[lane] = x[lane] + sigma * node[i];
                                y[LANES + lane] = x[LANES + lane] + sigma * node[j];
                        }
                        integrand(y, f);
                        for (size_t lane = 0; lane < LANES; lane++)
                                sum += weight[i] * weight[j] * f[lane] / LANES;
                }
        return sum;
}

/* By differences of fourth order over h, along both axes. */
static double laplacian(const double *x, double h)
{
        static const double factor[5] = {-1.0 / 12, 4.0 / 3, -5.0 / 2, 4.0 / 3, -1.0 / 12};
        double y[N_DIM * LANES], f[LANES], sum = 0;
        for (size_t c = 0; c < N_DIM; c++)
                for (int k = 0; k < 5; k++) {
                        memcpy(y, x, sizeof y);
                        for (size_t lane = 0; lane < LANES; lane++)
                                y[c * LANES + lane] += (k - 2) * h;
                        integrand(y, f);
                        for (size_t lane = 0; lane < LANES; lane++)
                                sum += factor[k] * f[lane] / LANES / (h * h);
                }
        return sum;
}

/* The excess over (sigma^2/2) Laplacian f falls by 2^4 from sigma to sigma/2: by more than 2^3, or the term was not
 * that one, whose lack would leave a fall of 2^2. f is float32: about 1e-6, divided by nothing. */
static void test_little_noise_is_a_penalty_on_the_laplacian(void **state)
{
        (void)state;
        struct network_lab lab;
        network_lab_open(&lab, "{type: mlp, width: 32, layers: 2, activation: tanh}", &(struct network_shape){.n_dim = N_DIM});
        double mean[N_DIM] = {0}, variance[1] = {1};
        const struct normalisation normalisation = {.n_mean = N_DIM, .mean = mean, .n_variance = 1, .variance = variance};
        field = denoiser_create(lab.network, &normalisation);
        for (size_t lane = 0; lane < LANES; lane++)
                level[lane] = 0.7;

        const double clean = noised(lab.u, 0), bend = laplacian(lab.u, 0.15);
        double excess[3];
        for (int k = 0; k < 3; k++) {
                const double sigma = 0.4 / (1 << k), term = 0.5 * sigma * sigma * bend;
                excess[k] = noised(lab.u, sigma) - clean - term;
                assert_true(fabs(excess[k]) < 0.5 * fabs(term)); /* the term itself is most of what noise does */
        }
        assert_true(fabs(excess[0]) > 2e-5); /* there is something to fall */
        assert_true(fabs(excess[1]) < fabs(excess[0]) / 8 + 5e-6);
        assert_true(fabs(excess[2]) < fabs(excess[1]) / 8 + 5e-6);
        lab.network = NULL; /* the denoiser's */
        denoiser_free(field);
        network_lab_close(&lab);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_little_noise_is_a_penalty_on_the_laplacian)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
