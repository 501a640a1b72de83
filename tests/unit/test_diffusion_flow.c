/* The probability flow on a mixture: the same under any process, there and back, particles that do not feel their
 * neighbours, scores that end. */
#include "ode_lab.h"

#define DP "{type: probability_flow, method: dormand_prince, "

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
        const char *samplers[] = {"{type: probability_flow, method: euler}",
                                  "{type: probability_flow}",
                                  "{type: probability_flow, method: rk4}",
                                  DP "control: particle}",
                                  DP "control: tile}",
                                  "{type: dpm_solver, order: 3}",
                                  "{type: edm_stochastic, s_churn: 40}"};
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
                                        fail_msg("%s, coordinate %d: %.17g, with edm %.17g", samplers[c], i, there,
                                                 here);
                        }
                        assert_int_equal(lab[0]->tally.evaluations, lab[1]->tally.evaluations);
                        ode_lab_close(lab[0]);
                        ode_lab_close(lab[1]);
                }
}

/* ---- there and back ---- */

/* An inner step errs by 1e-10 (1 + |x|), below 5e-10 of the width the population has there, and comes back multiplied
 * by what the flow makes of so much of a latent variable: at most 4.9 (measured), 2.5e-9. The 1394 evaluations there
 * and back are 232 inner steps: 6e-7. */
static void test_data_come_back_from_noise(void **state)
{
        (void)state;
        const char *controls[] = {"tile", "particle"};
        for (int c = 0; c < 2; c++) {
                char text[200];
                snprintf(text, sizeof text, DP "control: %s, relative_tolerance: 1e-10, absolute_tolerance: 1e-10}",
                         controls[c]);
                const double up[] = {0, 1, 80}, down[] = {80, 1, 0};
                struct ode_lab *lab = ode_lab_open(MIXTURE, NULL, text, NULL, up, 3, 12 * LANES);
                const struct rng_stream stream = {.seed = 5, .purpose = RNG_TARGET};
                for (size_t t = 0; t < lab->population->n_tiles; t++)
                        lab->score->type->draw(lab->score->model, &stream, t * LANES,
                                               population_tile(lab->population, t));
                double *data = ode_lab_state(lab), most = 0, square = 0;
                ode_lab_go(lab);
                for (size_t i = 0; i < ode_lab_size(lab); i++)
                        square += lab->population->x[i] * lab->population->x[i] / (double)ode_lab_size(lab);
                ode_lab_go_along(lab, down, 3);
                ode_lab_go(lab);
                for (size_t i = 0; i < ode_lab_size(lab); i++)
                        most = fmax(most, fabs(lab->population->x[i] - data[i]));
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
                        evaluations[i][k] = population_memory(lab[i]->population,
                                                              (size_t)p / LANES)[2 * LANES + p % LANES];
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

static void *new_level(const void *model, double sigma)
{
        (void)model;
        double *kept = allocate(1, sizeof *kept);
        *kept = sigma;
        return kept;
}

/* A particle with x > 0 has no score below sigma 1. */
static void ending_eval(const void *level, const double *restrict x, double *restrict s)
{
        for (int i = 0; i < 2 * LANES; i++)
                s[i] = *(const double *)level < 1 && x[i % LANES] > 0 ? NAN : -x[i] / 400;
}

static const struct score_type ending = {.name = "ending", .create_level = new_level, .free_level = free,
                                         .eval = ending_eval};

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
                cmocka_unit_test(test_every_process_goes_the_same_way),
                cmocka_unit_test(test_data_come_back_from_noise),
                cmocka_unit_test(test_a_particle_does_not_feel_its_neighbours),
                cmocka_unit_test(test_a_score_that_ends_is_told_by_step_and_particle),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
