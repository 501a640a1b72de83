/* Reverse samplers that solve the probability flow, beyond Gaussians: orders of convergence on a mixture, and a
 * published number. */
#include "ode_lab.h"

#define DP "{type: probability_flow, method: dormand_prince, "

/* ---- orders ---- */

static double *solve(const char *sampler, double first, double last, size_t n_points)
{
        double *sigma = allocate(n_points, sizeof *sigma);
        ode_lab_geometric(sigma, n_points, first, last);
        struct ode_lab *lab = ode_lab_open(MIXTURE, NULL, sampler, NULL, sigma, n_points, LANES);
        ode_lab_draw(lab, first);
        ode_lab_go(lab);
        double *end = ode_lab_state(lab);
        ode_lab_close(lab);
        free(sigma);
        return end;
}

static double distance(const double *a, const double *b)
{
        double square = 0;
        for (int i = 0; i < 2 * LANES; i++)
                square += (a[i] - b[i]) * (a[i] - b[i]);
        return sqrt(square / LANES);
}

/* Uniform grids in ln sigma, halved, from where the mixture is nearly Gaussian to where its components are apart: 20 to
 * 0.05. The scheme that begins with order 1 keeps order 3 only where that beginning is at large sigma, with dD/dlambda
 * small: 1000. With tolerances that nothing exceeds Dormand-Prince takes one inner step a step, and its order shows;
 * over a shorter way, since its errors reach roundings before the steps of 20 to 0.05 are fine enough. The steps are so
 * fine that one more halving changes no order by 0.1, so coarse that errors stay above 100 times the reference's 1e-15.
 * An error c h^p (1 + O(h)) gives p to O(h), h below 0.08. */
struct order_case { const char *sampler; int order; double first, last; size_t steps[3]; };

static const struct order_case orders[] = {
        {"{type: probability_flow, method: euler}", 1, 20, 0.05, {256, 512, 1024}},
        {"{type: probability_flow}", 2, 20, 0.05, {128, 256, 512}},
        {"{type: probability_flow, method: rk4}", 4, 20, 0.05, {64, 128, 256}},
        {DP "relative_tolerance: 1, absolute_tolerance: 1e300}", 5, 5, 0.5, {32, 64, 128}},
        {"{type: dpm_solver, order: 1}", 1, 20, 0.05, {256, 512, 1024}},
        {"{type: dpm_solver, order: 2}", 2, 20, 0.05, {128, 256, 512}},
        {"{type: dpm_solver, order: 3, curvature: half}", 2, 20, 0.05, {128, 256, 512}},
        {"{type: dpm_solver, order: 3}", 3, 1000, 0.05, {128, 256, 512}},
};

static void test_orders_of_convergence(void **state)
{
        (void)state;
        for (size_t c = 0; c < sizeof orders / sizeof *orders; c++) {
                const struct order_case *here = &orders[c];
                double *reference = solve(DP "relative_tolerance: 1e-14, absolute_tolerance: 1e-15}", here->first,
                                          here->last, 2);
                double error[3];
                for (int i = 0; i < 3; i++) {
                        double *end = solve(here->sampler, here->first, here->last, here->steps[i] + 1);
                        error[i] = distance(end, reference);
                        free(end);
                }
                free(reference);
                for (int i = 0; i < 2; i++) {
                        const double order = log2(error[i] / error[i + 1]);
                        if (!(fabs(order - here->order) < 0.25))
                                fail_msg("%s: order %.3f, errors %g and %g", here->sampler, order, error[i],
                                         error[i + 1]);
                }
        }
}

/* Towards sigma 0 the flow is smooth in sigma and u(x, 0) = 0: rk4 and dormand_prince keep their order to the end. */
static void test_the_last_step_to_the_data_keeps_the_order_of_rk4(void **state)
{
        (void)state;
        double error[3], sigma[65], *reference = NULL;
        for (int i = -1; i < 3; i++) {
                const size_t n = i < 0 ? 2 : (size_t)16 << i;
                for (size_t k = 0; k < n; k++)
                        sigma[k] = 2 * (1 - (double)k / (double)(n - 1));
                struct ode_lab *lab = ode_lab_open(MIXTURE, NULL,
                                                   i < 0 ? DP "relative_tolerance: 1e-13, absolute_tolerance: 1e-14}"
                                                         : "{type: probability_flow, method: rk4}",
                                                   NULL, sigma, n, LANES);
                ode_lab_draw(lab, 2);
                ode_lab_go(lab);
                if (i < 0)
                        reference = ode_lab_state(lab);
                else
                        error[i] = distance(lab->population->x, reference);
                ode_lab_close(lab);
        }
        free(reference);
        for (int i = 0; i < 2; i++) { /* 15, 31 and 63 steps */
                const double order = log(error[i] / error[i + 1]) / log((double)((32 << i) - 1) / ((16 << i) - 1));
                if (!(fabs(order - 4) < 0.25))
                        fail_msg("order %.3f, errors %g and %g", order, error[i], error[i + 1]);
        }
}

/* ---- a published number ---- */

enum { N_MODEL = 768 };

static void *model_level(const void *model, double sigma)
{
        (void)model;
        double *kept = allocate(1, sizeof *kept);
        *kept = sigma;
        return kept;
}

/* EDM's preconditioning with sigma_data 0.5 around a model m(x, t) = x t/(t + 1) at t = ln(sigma)/4. */
static void model_eval(const void *level, const double *restrict x, double *restrict s)
{
        const double sigma = *(const double *)level, data = 0.25, sum = sigma * sigma + data, t = log(sigma) / 4;
        const double c_skip = data / sum, c_out = sigma * 0.5 / sqrt(sum), c_in = 1 / sqrt(sum);
        for (int i = 0; i < N_MODEL * LANES; i++) {
                const double d = c_skip * x[i] + c_out * (c_in * x[i]) * t / (t + 1);
                s[i] = (d - x[i]) / (sigma * sigma);
        }
}

static const struct score_type model = {.name = "model", .create_level = model_level, .free_level = free,
                                        .eval = model_eval};

/* 34.1855 to the published digits: 10 Karras points, 80 to 0.002, then 0; 9 or 11 give 57.2 and 247. */
static void test_euler_on_edms_grid_gives_the_published_sum(void **state)
{
        (void)state;
        double sigma[11];
        ode_lab_karras(sigma, 10, 80, 0.002);
        sigma[10] = 0;
        struct score score = {.type = &model, .n_dim = N_MODEL};
        struct ode_lab *lab = ode_lab_open(NULL, &score, "{type: probability_flow, method: euler}", NULL, sigma, 11, 1);
        for (int i = 0; i < N_MODEL * LANES; i++)
                lab->population->x[i] = i / LANES / (double)N_MODEL * sqrt(80 * 80 + 1);
        ode_lab_go(lab);
        double sum = 0;
        for (int j = 0; j < N_MODEL; j++)
                sum += fabs(lab->population->x[j * LANES]);
        assert_true(fabs(sum - 34.1855) < 1e-4);
        ode_lab_close(lab);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_orders_of_convergence),
                cmocka_unit_test(test_the_last_step_to_the_data_keeps_the_order_of_rk4),
                cmocka_unit_test(test_euler_on_edms_grid_gives_the_published_sum),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
