/* Reverse samplers that solve the probability flow, on N(0, d), where each is a factor for every particle: against
 * their gains, published and exact, with the evaluations they take. Orders: test_diffusion_orders.c. */
#include "ode_gains.h"
#include "ode_lab.h"

enum { N = 100 };

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

static void check(const char *sampler, const double *sigma, size_t n_points, const long double *gain,
                  int64_t evaluations)
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

static void check_dpm(int order, bool half, const double *sigma, size_t n_points)
{
        char text[100];
        snprintf(text, sizeof text, "{type: dpm_solver, order: %d, curvature: %s}", order, half ? "half" : "full");
        long double gain[N_VARIANCES];
        for (int j = 0; j < N_VARIANCES; j++)
                gain[j] = ode_dpm_gain(order, half, VARIANCES[j], sigma, n_points);
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
                check_dpm(order, false, sigma, POINTS);
        check_dpm(3, true, sigma, POINTS);
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
                check_dpm(order, false, sigma, POINTS - 1);
                check_dpm(order, false, one, 2);
                check_dpm(order, false, last, 2);
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
                check_dpm(order, false, up + 1, POINTS - 1);
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
        struct ode_lab *lab = ode_lab_open(
                GAUSSIAN, NULL,
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
                cmocka_unit_test(test_dpm_solver_refuses_to_leave_the_data),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
