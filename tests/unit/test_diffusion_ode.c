/* Reverse samplers that solve the probability flow, on N(0, d), where each is a factor for every particle: against their
 * gains, published and exact, with the evaluations they take. Orders of convergence: test_diffusion_orders.c. */
#include "ode_gains.h"
#include "ode_lab.h"

static const char GAUSSIAN[] = "{type: gaussian, mean: [0, 0, 0], sigma: [0.5, 1, 2]}";
static const double VARIANCES[] = {0.25, 1, 4};
enum { N_VARIANCES = 3, N = 100, POINTS = 19 };

/* The 18 steps of EDM: 80 to 0.002, then 0. */
static void edm_grid(double *sigma)
{
        ode_lab_karras(sigma, POINTS - 1, 80, 0.002);
        sigma[POINTS - 1] = 0;
}

/* x_j = gain_j x_j(0) for every particle, to a relative error. */
static void assert_gains(const struct ode_lab *lab, const double *start, const long double *gain, double tolerance)
{
        for (size_t i = 0; i < ode_lab_size(lab); i++) {
                const long double expected = gain[i / LANES % N_VARIANCES] * (long double)start[i];
                if (!(fabsl(lab->population->x[i] - expected) <= tolerance * fabsl(expected)))
                        fail_msg("coordinate %zu: %.17g, expected %.17Lg", i / LANES % N_VARIANCES,
                                 lab->population->x[i], expected);
        }
}

/* What `sculptor check` says that a particle will take. */
static int64_t foretold(const struct ode_lab *lab)
{
        const struct scheme *scheme = sampler_scheme(&lab->settings);
        const void *settings = sampler_scheme_settings(&lab->settings);
        const int64_t each = scheme->evaluations_per_step ? scheme->evaluations_per_step(settings) : 1;
        return ((int64_t)lab->grid->n - 1) * each -
               (scheme->evaluations_saved ? scheme->evaluations_saved(settings, lab->grid) : 0);
}

static void check(const char *sampler, const double *sigma, size_t n_points, const long double *gain, int64_t evaluations)
{
        struct ode_lab *lab = ode_lab_open(GAUSSIAN, NULL, sampler, NULL, sigma, n_points, N);
        ode_lab_draw(lab, fmax(sigma[0], 1));
        double *start = ode_lab_state(lab);
        ode_lab_go(lab);
        assert_gains(lab, start, gain, 1e-12);
        assert_int_equal(lab->tally.evaluations, N * evaluations);
        assert_int_equal(foretold(lab), evaluations);
        free(start);
        ode_lab_close(lab);
}

static void check_step(const char *sampler, ode_gain_step *step, const double *sigma, size_t n_points,
                       int64_t evaluations)
{
        long double gain[N_VARIANCES];
        for (int j = 0; j < N_VARIANCES; j++)
                gain[j] = ode_gain(step, VARIANCES[j], sigma, n_points);
        check(sampler, sigma, n_points, gain, evaluations);
}

static void check_dpm(int order, const double *sigma, size_t n_points)
{
        char text[100];
        snprintf(text, sizeof text, "{type: dpm_solver, order: %d}", order);
        long double gain[N_VARIANCES];
        for (int j = 0; j < N_VARIANCES; j++)
                gain[j] = ode_dpm_gain(order, VARIANCES[j], sigma, n_points);
        check(text, sigma, n_points, gain, (int64_t)n_points - 1);
}

/* 18 steps of a few roundings each, of terms at most 1/|gain of a step| < 80 times the result: below 1e-12. */
static void test_each_particle_is_multiplied_by_its_gain(void **state)
{
        (void)state;
        double sigma[POINTS];
        edm_grid(sigma);
        const char *euler = "{type: probability_flow, method: euler}", *heun = "{type: probability_flow}",
                   *rk4 = "{type: probability_flow, method: rk4}";
        check_step(euler, ode_euler, sigma, POINTS, 18);
        check_step(heun, ode_heun, sigma, POINTS, 35);
        check_step(rk4, ode_rk4, sigma, POINTS, 71);
        for (int order = 1; order <= 3; order++)
                check_dpm(order, sigma, POINTS);
        /* not to 0; one step; nothing but a step to 0 */
        const double one[] = {5, 1}, last[] = {2, 0};
        check_step(heun, ode_heun, sigma, POINTS - 1, 34);
        check_step(rk4, ode_rk4, sigma, POINTS - 1, 68);
        check_step(euler, ode_euler, one, 2, 1);
        check_step(heun, ode_heun, one, 2, 2);
        check_step(rk4, ode_rk4, one, 2, 4);
        check_step(heun, ode_heun, last, 2, 1);
        check_step(rk4, ode_rk4, last, 2, 3);
        for (int order = 1; order <= 3; order++) {
                check_dpm(order, sigma, POINTS - 1);
                check_dpm(order, one, 2);
                check_dpm(order, last, 2);
        }
}

/* From the data to noise: the same formulae, nothing evaluated at sigma 0. */
static void test_gains_hold_from_data_to_noise(void **state)
{
        (void)state;
        double sigma[POINTS], up[POINTS];
        edm_grid(sigma);
        for (int i = 0; i < POINTS; i++)
                up[i] = sigma[POINTS - 1 - i];
        check_step("{type: probability_flow, method: euler}", ode_euler, up, POINTS, 17);
        check_step("{type: probability_flow}", ode_heun, up, POINTS, 35);
        check_step("{type: probability_flow, method: rk4}", ode_rk4, up, POINTS, 71);
        for (int order = 1; order <= 3; order++)
                check_dpm(order, up + 1, POINTS - 1);
}

/* "11.4% above d": Heun on EDM's grid of 18 steps widens N(0, 0.25). */
static void test_the_edm_grid_of_18_steps_ends_above_its_target(void **state)
{
        (void)state;
        double sigma[POINTS];
        edm_grid(sigma);
        const long double gain = ode_gain(ode_heun, 0.25L, sigma, POINTS);
        assert_true(fabsl(gain * gain * (0.25L + 6400) / 0.25L - 1.114L) < 0.0005L);
}

/* ---- the adaptive method ---- */

/* An inner step errs by at most 3^(1/2) tolerances of a coordinate before it; relative to the one after it, by 1/gain
 * more. Gains g_i <= 1 multiply to G, so the sum of 1/g_i over n steps is at most n - 1 + 1/G. */
static void check_dormand_prince(const char *control, double tolerance, bool up)
{
        double sigma[] = {80, 20, 3, 0};
        const double reversed[] = {0, 3, 20, 80};
        const int64_t steps = 3;
        char text[200];
        snprintf(text, sizeof text,
                 "{type: probability_flow, method: dormand_prince, control: %s, relative_tolerance: %g, "
                 "absolute_tolerance: 1e-300}",
                 control, tolerance);
        if (up)
                memcpy(sigma, reversed, sizeof sigma);
        struct ode_lab *lab = ode_lab_open(GAUSSIAN, NULL, text, NULL, sigma, 4, N);
        ode_lab_draw(lab, up ? 1 : 80);
        double *start = ode_lab_state(lab);
        ode_lab_go(lab);
        long double gain[N_VARIANCES], least = 1;
        for (int j = 0; j < N_VARIANCES; j++) {
                gain[j] = ode_gain(ode_exact, VARIANCES[j], sigma, 4);
                least = fminl(least, gain[j]);
        }
        const double inner = ((double)lab->tally.evaluations / N - (double)steps) / 6;
        assert_gains(lab, start, gain, 1.74 * tolerance * (inner + (double)(1 / least)) + 1e-13);
        assert_true(inner < 150); /* and not by brute force */
        free(start);
        ode_lab_close(lab);
}

static void test_dormand_prince_stays_within_its_tolerance(void **state)
{
        (void)state;
        for (int up = 0; up < 2; up++)
                for (double tolerance = 1e-4; tolerance > 1e-11; tolerance /= 1e3) {
                        check_dormand_prince("tile", tolerance, up);
                        check_dormand_prince("particle", tolerance, up);
                }
}

/* At 1e-10 the error is below 1e-6 in all that likelihoods and latent variables need. */
static void test_tight_tolerances_give_the_exact_map(void **state)
{
        (void)state;
        const double sigma[] = {80, 0};
        struct ode_lab *lab = ode_lab_open(GAUSSIAN, NULL,
                                           "{type: probability_flow, method: dormand_prince, relative_tolerance: 1e-10, "
                                           "absolute_tolerance: 1e-12}",
                                           NULL, sigma, 2, N);
        ode_lab_draw(lab, 80);
        double *start = ode_lab_state(lab);
        long double gain[N_VARIANCES];
        for (int j = 0; j < N_VARIANCES; j++)
                gain[j] = ode_exact(VARIANCES[j], 80, 0);
        ode_lab_go(lab);
        assert_gains(lab, start, gain, 1e-7);
        free(start);
        ode_lab_close(lab);
}

/* ---- churn ---- */

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
        struct ode_lab *lab = ode_lab_open(GAUSSIAN, NULL,
                                           "{type: edm_stochastic, s_churn: 40, s_min: 0.05, s_max: 50, s_noise: 1.003}",
                                           NULL, sigma, n_points, enough_for_bias(bias));
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

/* Data have ln sigma = -infinity: told to begin a little above, or to take another scheme. */
static void test_dpm_solver_refuses_to_leave_the_data(void **state)
{
        (void)state;
        const double from_data[] = {0, 1, 2}, from_noise[] = {2, 1, 0};
        struct ode_lab *lab = ode_lab_open(GAUSSIAN, NULL, "{type: dpm_solver}", NULL, from_data, 3, 1);
        const struct scheme *scheme = sampler_scheme(&lab->settings);
        const char *why = scheme->unfit(sampler_scheme_settings(&lab->settings), lab->grid, lab->score);
        assert_non_null(why);
        assert_non_null(strstr(why, "begin at a small sigma"));
        ode_lab_go_along(lab, from_noise, 3);
        assert_null(scheme->unfit(sampler_scheme_settings(&lab->settings), lab->grid, lab->score));
        ode_lab_close(lab);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_particle_is_multiplied_by_its_gain),
                cmocka_unit_test(test_gains_hold_from_data_to_noise),
                cmocka_unit_test(test_the_edm_grid_of_18_steps_ends_above_its_target),
                cmocka_unit_test(test_dormand_prince_stays_within_its_tolerance),
                cmocka_unit_test(test_tight_tolerances_give_the_exact_map),
                cmocka_unit_test(test_churn_moves_each_particle_by_its_noise),
                cmocka_unit_test(test_churn_widens_by_its_exact_variance),
                cmocka_unit_test(test_no_churn_is_the_flow),
                cmocka_unit_test(test_dpm_solver_refuses_to_leave_the_data),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
