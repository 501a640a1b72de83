/* The score flow: no noise, so every particle has an exact answer. */
#include "sampler_lab.h"

static const double VARIANCES[] = {0.25, 1, 4};
enum { N_VARIANCES = 3, N = 100, TILES = 2 };

static double *state_of(const struct lab *lab)
{
        size_t bytes = lab->population->n_tiles * (size_t)lab->population->n_dim * LANES * sizeof(double);
        double *copy = allocate(1, bytes);
        memcpy(copy, lab->population->x, bytes);
        return copy;
}

/* x_j = gain_j x_j(0) for every particle, to a relative error. */
static void assert_gain(const struct lab *lab, const double *start, const double *gain, double tolerance)
{
        for (size_t i = 0; i < lab->population->n_tiles * (size_t)lab->population->n_dim * LANES; i++) {
                size_t j = i / LANES % (size_t)lab->population->n_dim;
                double expected = gain[j] * start[i];
                assert_true(fabs(lab->population->x[i] - expected) <= tolerance * fabs(expected));
        }
}

static void check_gain(const char *text, double (*gain_of)(double z, double n), double h, double tolerance)
{
        enum { STEPS = 30 };
        struct lab *lab = lab_open(text, NULL, N, N_VARIANCES, VARIANCES, 0);
        lab_draw(lab, 1, NULL);
        double *start = state_of(lab), gain[N_VARIANCES];
        lab_advance(lab, 0, 0, STEPS);
        for (int j = 0; j < N_VARIANCES; j++)
                gain[j] = gain_of(-h / VARIANCES[j], STEPS);
        assert_gain(lab, start, gain, tolerance);
        free(start);
        lab_close(lab);
}

static double euler_gain(double z, double n)
{
        return pow(1 + z, n);
}

static double rk4_gain(double z, double n)
{
        return pow(1 + z * (1 + z / 2 * (1 + z / 3 * (1 + z / 4))), n);
}

static double exact_gain(double z, double n)
{
        return exp(n * z);
}

/* Rounding: 30 steps of a few ulp each, 1e-14, where no |1 + z| is small. */
static void test_euler_multiplies_each_particle_by_its_power(void **state)
{
        (void)state;
        check_gain("{type: score_flow, method: euler, step_size: 0.1, steps_per_level: 30}", euler_gain, 0.1, 1e-12);
}

static void test_rk4_multiplies_each_particle_by_its_taylor_polynomial(void **state)
{
        (void)state;
        check_gain("{type: score_flow, method: rk4, step_size: 0.4, steps_per_level: 30}", rk4_gain, 0.4, 1e-12);
}

/* Each inner step errs by at most its tolerance in root mean square over 3 coordinates, so by 1.8 tolerances in one of
 * them; decaying solutions do not amplify errors, so the sum over inner steps (below 120 here) bounds all. */
static void test_dormand_prince_stays_within_its_tolerance(void **state)
{
        (void)state;
        const char *texts[] = {"{type: score_flow, step_size: 0.05, steps_per_level: 30, relative_tolerance: 1e-5, "
                               "absolute_tolerance: 1e-300}",
                               "{type: score_flow, step_size: 0.05, steps_per_level: 30, relative_tolerance: 1e-8, "
                               "absolute_tolerance: 1e-300}",
                               "{type: score_flow, step_size: 0.05, steps_per_level: 30, relative_tolerance: 1e-11, "
                               "absolute_tolerance: 1e-300}"};
        const double tolerance[] = {1e-5, 1e-8, 1e-11};
        for (int i = 0; i < 3; i++)
                check_gain(texts[i], exact_gain, 0.05, 120 * 1.8 * tolerance[i]);
}

/* ---- orders of convergence, on dx/dt = x (1 - x): x(t) = x e^t/(1 + x (e^t - 1)) ---- */

static void logistic_eval(const void *state, const double *restrict x, double *restrict s)
{
        (void)state;
        for (int lane = 0; lane < LANES; lane++)
                s[lane] = x[lane] * (1 - x[lane]);
}

static const struct score_type logistic = {.name = "logistic", .eval = logistic_eval};

/* Error at t = 2 of the particle that starts at 0.1. */
static double error_of(const char *method, int64_t n_steps, int64_t evaluations)
{
        char text[256];
        snprintf(text, sizeof text,
                 "{type: score_flow, method: %s, step_size: %.17g, steps_per_level: %lld, "
                 "relative_tolerance: 1, absolute_tolerance: 1}",
                 method, 2.0 / (double)n_steps, (long long)n_steps);
        struct lab *lab = lab_open(text, &logistic, 1, 1, NULL, 0);
        for (int lane = 0; lane < LANES; lane++)
                lab->population->x[lane] = 0.1;
        lab_advance(lab, 0, 0, n_steps);
        assert_int_equal(lab->tally.evaluations, evaluations);
        double error = fabs(lab->population->x[0] - 0.1 * exp(2) / (1 + 0.1 * (exp(2) - 1)));
        lab_close(lab);
        return error;
}

/* With tolerances that nothing exceeds Dormand-Prince takes one inner step a step: its order shows. */
static void test_methods_converge_at_their_orders(void **state)
{
        (void)state;
        /* The error of order p is c h^p (1 + O(h)): 4% at these h. */
        assert_true(fabs(log2(error_of("euler", 64, 64) / error_of("euler", 128, 128)) - 1) < 0.04);
        assert_true(fabs(log2(error_of("rk4", 32, 128) / error_of("rk4", 64, 256)) - 4) < 0.16);
        double ratio = error_of("dormand_prince", 16, 6 * 16 + 1) / error_of("dormand_prince", 32, 6 * 32 + 1);
        assert_true(fabs(log2(ratio) - 5) < 0.2);
}

/* ---- one tile, one step size, on dx/dt = -x^3: x(t) = x/sqrt(1 + 2 x^2 t) ---- */

static void cubic_eval(const void *state, const double *restrict x, double *restrict s)
{
        (void)state;
        for (int lane = 0; lane < LANES; lane++)
                s[lane] = -x[lane] * x[lane] * x[lane];
}

static const struct score_type cubic = {.name = "cubic", .eval = cubic_eval};

/* A far particle in tile 1 makes that tile's steps short, and no other's. */
static void test_a_hard_particle_costs_its_own_tile_only(void **state)
{
        (void)state;
        const char *text = "{type: score_flow, step_size: 0.5, steps_per_level: 4}";
        struct lab *easy = lab_open(text, &cubic, TILES * LANES, 1, NULL, 0);
        struct lab *hard = lab_open(text, &cubic, TILES * LANES, 1, NULL, 0);
        lab_draw(easy, 0, NULL);
        lab_draw(hard, 0, NULL);
        hard->population->x[LANES + 7] = 50;
        lab_advance(easy, 0, 0, 4);
        lab_advance(hard, 0, 0, 4);
        assert_true(hard->tally.evaluations > easy->tally.evaluations);
        assert_memory_equal(easy->population->x, hard->population->x, LANES * sizeof(double));
        assert_true(fabs(hard->population->x[LANES + 7] - 50 / sqrt(1 + 2 * 2500 * 2.0)) < 1e-6);
        lab_close(easy);
        lab_close(hard);
}

/* dx/dt = -x with a relative tolerance alone: the best inner step h is the same at all x. Steps of flow time
 * 2.05 h are made of h, h and a short rest, which must not shorten the h that is kept: 3 attempts each, but
 * for the first few. */
static void test_an_inner_step_cut_short_tells_the_controller_nothing(void **state)
{
        (void)state;
        const char *text = "{type: score_flow, step_size: 20, steps_per_level: 40, relative_tolerance: 1e-8, "
                           "absolute_tolerance: 1e-300}";
        struct lab *lab = lab_open(text, NULL, LANES, 1, NULL, 0);
        lab_draw(lab, 0, NULL);
        lab_advance(lab, 0, 0, 1);
        double h = lab->population->memory[0];
        assert_true(h > 0.01 && h < 1);
        lab->sampler->step_size = 2.05 * h;
        lab->tally = (struct tally){0};
        lab_advance(lab, 0, 1, 40);
        assert_true(lab->tally.evaluations <= 6 * (3 * 39 + 3) * LANES);
        assert_true(fabs(lab->population->memory[0] / h - 1) < 0.1);
        lab_close(lab);
}

/* Spare lanes of the last tile may hold anything, and are not counted. */
static void test_spare_lanes_do_not_shorten_steps(void **state)
{
        (void)state;
        const char *text = "{type: score_flow, step_size: 0.5, steps_per_level: 4}";
        struct lab *calm = lab_open(text, &cubic, 5, 1, NULL, 0), *wild = lab_open(text, &cubic, 5, 1, NULL, 0);
        lab_draw(calm, 0, NULL);
        lab_draw(wild, 0, NULL);
        wild->population->x[5] = 1e6;
        wild->population->x[6] = NAN;
        lab_advance(calm, 0, 0, 4);
        lab_advance(wild, 0, 0, 4);
        assert_memory_equal(calm->population->x, wild->population->x, 5 * sizeof(double));
        assert_int_equal(calm->tally.evaluations, wild->tally.evaluations);
        lab_close(calm);
        lab_close(wild);
}

/* ---- no endless loops ---- */

/* dx/dt = x^2 reaches infinity at t = 1/x: within the step that holds t = 1 for the particle at 1. */
static void exploding_eval(const void *state, const double *restrict x, double *restrict s)
{
        (void)state;
        for (int lane = 0; lane < LANES; lane++)
                s[lane] = x[lane] * x[lane];
}

/* dx/dt = 1, but no number from x = 9 on. */
static void ending_eval(const void *state, const double *restrict x, double *restrict s)
{
        (void)state;
        for (int lane = 0; lane < LANES; lane++)
                s[lane] = x[lane] < 9 ? 1 : NAN;
}

static const struct score_type exploding = {.name = "exploding", .eval = exploding_eval};
static const struct score_type ending = {.name = "ending", .eval = ending_eval};

static void check_breakdown(const char *text, const struct score_type *type, double start, int64_t step)
{
        enum { PARTICLE = 70 };
        struct lab *lab = lab_open(text, type, 100, 1, NULL, 0);
        for (int i = 0; i < 2 * LANES; i++)
                lab->population->x[i] = i >= 100 ? 1000 : -1e-3; /* spare lanes break first; nobody minds */
        lab->population->x[PARTICLE] = start;
        struct breakdown told = lab_try(lab, 0, 0, 8);
        assert_true(told.found);
        assert_int_equal(told.particle, PARTICLE);
        assert_int_equal(told.step, step);
        lab_close(lab);
}

static void test_a_solution_that_ends_is_told_by_step_and_particle(void **state)
{
        (void)state;
        check_breakdown("{type: score_flow, step_size: 0.3, steps_per_level: 20}", &exploding, 1, 3);
        check_breakdown("{type: score_flow, step_size: 1, steps_per_level: 20}", &ending, 4.5, 4);
        check_breakdown("{type: score_flow, method: euler, step_size: 1, steps_per_level: 20}", &ending, 4, 5);
        check_breakdown("{type: score_flow, method: rk4, step_size: 1, steps_per_level: 20}", &ending, 4, 4);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_euler_multiplies_each_particle_by_its_power),
                cmocka_unit_test(test_rk4_multiplies_each_particle_by_its_taylor_polynomial),
                cmocka_unit_test(test_dormand_prince_stays_within_its_tolerance),
                cmocka_unit_test(test_methods_converge_at_their_orders),
                cmocka_unit_test(test_a_hard_particle_costs_its_own_tile_only),
                cmocka_unit_test(test_an_inner_step_cut_short_tells_the_controller_nothing),
                cmocka_unit_test(test_spare_lanes_do_not_shorten_steps),
                cmocka_unit_test(test_a_solution_that_ends_is_told_by_step_and_particle),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
