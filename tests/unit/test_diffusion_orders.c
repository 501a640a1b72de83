/* Reverse samplers that solve the probability flow, beyond Gaussians: orders of convergence on a mixture, a published
 * number, the same flow under any process, there and back, particles that do not feel their neighbours. */
#include "ode_lab.h"

static const char MIXTURE[] = "{type: gaussian_mixture, components: [{weight: 0.4, mean: [-1.5, 0.5], sigma: [0.6, 0.9]}, "
                              "{weight: 0.6, mean: [1, -0.5], sigma: 0.8}]}";
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

/* As `data`, but no number below sigma 1. */
static void ending_eval(const void *level, const double *restrict x, double *restrict s)
{
        for (int i = 0; i < 2 * LANES; i++)
                s[i] = *(const double *)level < 1 && x[i % LANES] > 0 ? NAN : -x[i] / 400;
}

static const struct score_type model = {.name = "model", .create_level = model_level, .free_level = free,
                                        .eval = model_eval};
static const struct score_type ending = {.name = "ending", .create_level = model_level, .free_level = free,
                                         .eval = ending_eval};

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

/* ---- any process: a variance-preserving one of constant beta, alpha = e^(-t/2), sigma^2 = e^t - 1 ---- */

static double vp_end(const void *settings)
{
        (void)settings;
        return 20;
}

static double vp_scale(const void *settings, double t)
{
        (void)settings;
        return exp(-t / 2);
}

static double vp_sigma(const void *settings, double t)
{
        (void)settings;
        return sqrt(expm1(t));
}

static double vp_time(const void *settings, double sigma)
{
        (void)settings;
        return log1p(sigma * sigma);
}

static const struct process_type constant_beta = {.name = "constant_beta", .t_max = vp_end, .scale = vp_scale,
                                                  .sigma = vp_sigma, .time = vp_time};

/* x/alpha goes the same way but for roundings, to x and back: 2 a step and value, 1e-14 in all, which the flow
 * magnifies less than 100-fold (see there and back, below). Churn too, its noise above the process's end. */
static void test_every_process_goes_the_same_way(void **state)
{
        (void)state;
        const char *samplers[] = {"{type: probability_flow, method: euler}", "{type: probability_flow}",
                                  "{type: probability_flow, method: rk4}", DP "control: particle}", DP "control: tile}",
                                  "{type: dpm_solver, order: 3}", "{type: edm_stochastic, s_churn: 40}"};
        const struct process vp = {.type = &constant_beta};
        double sigma[20] = {0};
        ode_lab_karras(sigma, 19, 80, 0.002);
        for (size_t c = 0; c < sizeof samplers / sizeof *samplers; c++)
                for (size_t n = 19; n <= 20; n++) { /* to 0.002, and to 0 */
                        struct ode_lab *lab[2];
                        for (int i = 0; i < 2; i++) {
                                lab[i] = ode_lab_open(MIXTURE, NULL, samplers[c], i ? &vp : NULL, sigma, n, LANES);
                                ode_lab_draw(lab[i], 80 * lab[i]->grid->point[0].scale);
                                ode_lab_go(lab[i]);
                        }
                        const double scale = lab[1]->grid->point[n - 1].scale;
                        for (int i = 0; i < 2 * LANES; i++) {
                                const double there = lab[1]->population->x[i] / scale, here = lab[0]->population->x[i];
                                if (!(fabs(there - here) < 1e-12))
                                        fail_msg("%s, coordinate %d: %.17g, with edm %.17g", samplers[c], i, there, here);
                        }
                        assert_int_equal(lab[0]->tally.evaluations, lab[1]->tally.evaluations);
                        ode_lab_close(lab[0]);
                        ode_lab_close(lab[1]);
                }
}

/* ---- there and back ---- */

/* An error at large sigma comes back multiplied by dx_0/dx, and one on the way back by less: here the latent variable
 * x_80/80 magnifies by at most 100 into data (measured: 30), and 60 inner steps of 1e-10 each, there and back, make
 * 1e-6 at most. */
static void test_data_come_back_from_noise(void **state)
{
        (void)state;
        const char *controls[] = {"tile", "particle"};
        for (int c = 0; c < 2; c++) {
                char text[200];
                snprintf(text, sizeof text, DP "control: %s, relative_tolerance: 1e-10, absolute_tolerance: 1e-10}",
                         controls[c]);
                const double up[] = {0, 1, 80}, down[] = {80, 1, 0};
                struct ode_lab *lab = ode_lab_open(MIXTURE, NULL, text, NULL, up, 3, N_MODEL);
                const struct rng_stream stream = {.seed = 5, .purpose = RNG_TARGET};
                for (size_t t = 0; t < lab->population->n_tiles; t++)
                        lab->score->type->draw(lab->score->model, &stream, t * LANES, population_tile(lab->population, t));
                double *data = ode_lab_state(lab), most = 0, square = 0;
                ode_lab_go(lab);
                for (size_t i = 0; i < ode_lab_size(lab); i++)
                        square += lab->population->x[i] * lab->population->x[i] / (double)ode_lab_size(lab);
                ode_lab_go_along(lab, down, 3);
                ode_lab_go(lab);
                for (size_t i = 0; i < ode_lab_size(lab); i++)
                        most = fmax(most, fabs(lab->population->x[i] - data[i]));
                print_message("%s %g %g\n", controls[c], most, (double)lab->tally.evaluations / N_MODEL);
                assert_true(most < 1e-6);
                /* latent variables are normal: 1536 values, their mean square 6400 within 5.85 sqrt(2/1536) = 0.21 */
                assert_true(fabs(square / 6400 - 1) < 0.22);
                free(data);
                ode_lab_close(lab);
        }
}

/* ---- a control for each particle ---- */

/* Particles 3 and 70 of one population stand as 65 and 9 of another, whose others start elsewhere: same bits, same
 * evaluations. */
static void test_a_particle_does_not_feel_its_neighbours(void **state)
{
        (void)state;
        enum { PARTICLES = 100 };
        static const int from[] = {3, 70}, to[] = {65, 9};
        const double sigma[] = {20, 1, 0.1, 0};
        struct ode_lab *lab[2];
        for (int i = 0; i < 2; i++) {
                lab[i] = ode_lab_open(MIXTURE, NULL, DP "control: particle}", NULL, sigma, 4, PARTICLES);
                ode_lab_draw(lab[i], i ? 500 : 20);
        }
#define AT(i, particle, j) lab[i]->population->x[((particle) / LANES * 2 + (j)) * LANES + (particle) % LANES]
        for (int k = 0; k < 2; k++)
                for (int j = 0; j < 2; j++)
                        AT(1, to[k], j) = AT(0, from[k], j);
        AT(1, 99, 0) = AT(1, 99, 1); /* the last one stays what its spare lanes hold */
        double evaluations[2][2];
        for (int i = 0; i < 2; i++) {
                ode_lab_go(lab[i]);
                double sum = 0;
                for (int p = 0; p < PARTICLES; p++)
                        sum += population_memory(lab[i]->population, (size_t)p / LANES)[2 * LANES + p % LANES];
                assert_true(sum == (double)lab[i]->tally.evaluations);
                for (int k = 0; k < 2; k++) {
                        const int p = i ? to[k] : from[k];
                        evaluations[i][k] = population_memory(lab[i]->population, (size_t)p / LANES)[2 * LANES + p % LANES];
                }
        }
        for (int k = 0; k < 2; k++) {
                assert_true(evaluations[0][k] == evaluations[1][k]);
                for (int j = 0; j < 2; j++)
                        assert_true(AT(1, to[k], j) == AT(0, from[k], j));
                for (int lane = 99 % LANES; lane < LANES; lane++)
                        assert_true(AT(1, LANES + lane, 0) == AT(1, 99, 0));
        }
        assert_true(evaluations[0][0] != evaluations[0][1]); /* each has its own steps */
        for (int i = 0; i < 2; i++)
                ode_lab_close(lab[i]);
}

/* ---- no endless loops ---- */

static void test_a_score_that_ends_is_told_by_step_and_particle(void **state)
{
        (void)state;
        const char *samplers[] = {DP "control: particle}", DP "control: tile}", "{type: probability_flow, method: rk4}",
                                  "{type: dpm_solver}", "{type: edm_stochastic}"};
        const double sigma[] = {20, 10, 5, 2, 0.9, 0.5, 0};
        struct score score = {.type = &ending, .n_dim = 2};
        for (size_t c = 0; c < sizeof samplers / sizeof *samplers; c++) {
                struct ode_lab *lab = ode_lab_open(NULL, &score, samplers[c], NULL, sigma, 7, 70);
                for (size_t i = 0; i < ode_lab_size(lab); i++)
                        lab->population->x[i] = -1;
                lab->population->x[2 * LANES + 4] = 1;                       /* particle 68 */
                memset(lab->population->x + 2 * LANES + 10, 255, 8);         /* a spare lane's: nobody minds */
                const struct breakdown told = sampler_advance(lab->sampler, lab->population, lab->level, 0, 0, 6,
                                                              &lab->tally, NULL, NULL);
                assert_true(told.found);
                assert_int_equal(told.particle, 68);
                assert_int_equal(told.step, c == 3 ? 4 : 3); /* the multistep scheme does not look where it goes */
                ode_lab_close(lab);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_orders_of_convergence),
                cmocka_unit_test(test_the_last_step_to_the_data_keeps_the_order_of_rk4),
                cmocka_unit_test(test_euler_on_edms_grid_gives_the_published_sum),
                cmocka_unit_test(test_every_process_goes_the_same_way),
                cmocka_unit_test(test_data_come_back_from_noise),
                cmocka_unit_test(test_a_particle_does_not_feel_its_neighbours),
                cmocka_unit_test(test_a_score_that_ends_is_told_by_step_and_particle),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
