/* EDM's stochastic sampler on N(0, d): each particle's own way, the variance of all, and no churn. */
#include "ode_gains.h"
#include "ode_lab.h"

enum { N = 100 };

static long double churned_variance(long double d, const double *sigma, size_t n_points)
{
        long double v = d + (long double)sigma[0] * (long double)sigma[0];
        for (size_t i = 0; i + 1 < n_points; i++) {
                const long double a = sigma[i], most = sqrtl(2) - 1, even = 40.0L / (long double)(n_points - 1);
                const long double hat = a >= 0.05L && a <= 50 ? a * (1 + (even < most ? even : most)) : a;
                const long double gain = ode_heun(d, hat, sigma[i + 1]);
                v = gain * gain * (v + 1.003L * 1.003L * (hat * hat - a * a));
        }
        return v;
}

/* The same recursion for every particle with its own noise: what a variance does not show, since a little more noise
 * from a little higher sigma is the same distribution. */
static void test_churn_moves_each_particle_by_its_noise(void **state)
{
        (void)state;
        double sigma[POINTS], z[N_VARIANCES * LANES];
        edm_grid(sigma);
        struct ode_lab *lab = ode_lab_open(GAUSSIAN, NULL,
                                           "{type: edm_stochastic, s_churn: 7, s_min: 0.05, s_max: 50, s_noise: 1.003}",
                                           NULL, sigma, POINTS, LANES);
        for (int churn = 0; churn < 2; churn++) { /* 7/18 of sigma, then all of the grid's steps one by one: 7 each */
                long double expected[N_VARIANCES * LANES];
                ode_lab_go_along(lab, sigma, POINTS);
                ode_lab_draw(lab, 80);
                for (int i = 0; i < N_VARIANCES * LANES; i++)
                        expected[i] = lab->population->x[i];
                for (int step = 0; step < POINTS - 1; step++) {
                        const struct rng_stream stream = {.seed = 20260103, .purpose = RNG_NOISE,
                                                          .step = churn ? 0 : (uint32_t)step};
                        const long double a = sigma[step], gamma = churn ? sqrtl(2) - 1 : 7.0L / 18;
                        const long double hat = a >= 0.05L && a <= 50 ? a * (1 + gamma) : a;
                        rng_normal(&stream, 0, N_VARIANCES, z);
                        for (int i = 0; i < N_VARIANCES * LANES; i++)
                                expected[i] = ode_heun(VARIANCES[i / LANES], hat, sigma[step + 1]) *
                                              (expected[i] + 1.003L * sqrtl(hat * hat - a * a) * z[i]);
                        if (churn) {
                                ode_lab_go_along(lab, sigma + step, 2);
                                ode_lab_go(lab);
                        }
                }
                if (!churn)
                        ode_lab_go(lab);
                /* sums of 18 noises, which may cancel: roundings of 1e-15 of values up to 80, halved 1e-12 */
                for (int i = 0; i < N_VARIANCES * LANES; i++)
                        assert_true(fabsl(lab->population->x[i] - expected[i]) < 1e-12L * fmaxl(1, fabsl(expected[i])));
        }
        ode_lab_close(lab);
}

/* Published settings [Karras et al. 2022, table 5]; gamma is sqrt(2) - 1 at 18 steps, 0.32 at 125. */
static void check_churn(size_t n_points, double bias)
{
        double sigma[126];
        ode_lab_karras(sigma, n_points - 1, 80, 0.002);
        sigma[n_points - 1] = 0;
        struct ode_lab *lab = ode_lab_open(
                GAUSSIAN, NULL, "{type: edm_stochastic, s_churn: 40, s_min: 0.05, s_max: 50, s_noise: 1.003}", NULL,
                sigma, n_points, enough_for_bias(bias));
        const struct lab view = {.population = lab->population};
        ode_lab_draw(lab, 1);
        for (size_t i = 0; i < ode_lab_size(lab); i++)
                lab->population->x[i] *= sqrt(VARIANCES[i / LANES % N_VARIANCES] + 6400);
        ode_lab_go(lab);
        for (int j = 0; j < N_VARIANCES; j++)
                assert_variance("churn", &view, lab->population->x, j,
                                (double)churned_variance(VARIANCES[j], sigma, n_points));
        assert_int_equal(lab->tally.evaluations, lab->population->n_global * (2 * (int64_t)(n_points - 1) - 1));
        ode_lab_close(lab);
}

static void test_churn_widens_by_its_exact_variance(void **state)
{
        (void)state;
        check_churn(POINTS, 0.02);
        check_churn(126, 0.05);
}

/* Without churn it is Heun's ODE, bit by bit; so it is where s_min and s_max leave no sigma. */
static void test_no_churn_is_the_flow(void **state)
{
        (void)state;
        double sigma[POINTS];
        edm_grid(sigma);
        const char *texts[] = {"{type: probability_flow}", "{type: edm_stochastic}",
                               "{type: edm_stochastic, s_churn: 40, s_min: 81}",
                               "{type: edm_stochastic, s_churn: 40, s_min: 0, s_max: 0.001}"};
        double *expected = NULL;
        for (int i = 0; i < 4; i++) {
                struct ode_lab *lab = ode_lab_open(GAUSSIAN, NULL, texts[i], NULL, sigma, POINTS, N);
                ode_lab_draw(lab, 80);
                ode_lab_go(lab);
                if (i == 0)
                        expected = ode_lab_state(lab);
                assert_memory_equal(lab->population->x, expected, ode_lab_size(lab) * sizeof(double));
                ode_lab_close(lab);
        }
        free(expected);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_churn_moves_each_particle_by_its_noise),
                cmocka_unit_test(test_churn_widens_by_its_exact_variance),
                cmocka_unit_test(test_no_churn_is_the_flow),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
