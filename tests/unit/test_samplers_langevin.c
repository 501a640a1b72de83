/* Overdamped schemes against the exact answer they give, bias and transient included, on N(0, d). */
#include "sampler_lab.h"

static const double VARIANCES[] = {0.25, 1, 4};
enum { N_VARIANCES = 3 };

/* Moments of x in one coordinate; e/d and the scheme decide how they move. */
struct moments { double mean, variance; };

static void assert_moments(const char *what, const struct lab *lab, const struct moments *expected)
{
        for (int64_t j = 0; j < lab->population->n_dim; j++) {
                assert_mean(what, lab, lab->population->x, j, expected[j].mean, expected[j].variance);
                assert_variance(what, lab, lab->population->x, j, expected[j].variance);
        }
}

/* ---- ULA ---- */

/* v_n = v_inf + a^(2n) (v_0 - v_inf), a = 1 - e/d, v_inf = d/(1 - e/(2d)): SCIENCE's closed form. */
static struct moments ula_after(double d, double e, int64_t n, struct moments start)
{
        double a = 1 - e / d, v_inf = d / (1 - e / (2 * d));
        return (struct moments){.mean = pow(a, (double)n) * start.mean,
                                .variance = v_inf + pow(a, 2 * (double)n) * (start.variance - v_inf)};
}

static void check_ula(const char *text, double e)
{
        /* 2%: the bias itself is 2.5% to 400% here but for d = 4 at the smallest step. */
        struct lab *lab = lab_open(text, NULL, enough_for_bias(0.02), N_VARIANCES, VARIANCES, 0);
        const double start[] = {2.25, 2.25, 2.25};
        lab_draw(lab, 1.5, start);
        const int64_t stops[] = {1, 3, 10, 40};
        int64_t done = 0;
        for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
                lab_advance(lab, 0, done, stops[i]);
                done = stops[i];
                struct moments expected[N_VARIANCES];
                for (int j = 0; j < N_VARIANCES; j++)
                        expected[j] = ula_after(VARIANCES[j], e, done, (struct moments){1.5, 2.25});
                assert_moments(text, lab, expected);
        }
        assert_int_equal(lab->tally.evaluations, 40 * lab->population->n_global);
        lab_close(lab);
}

static void test_ula_mean_and_variance_match_their_exact_recursion(void **state)
{
        (void)state;
        check_ula("{type: ula, step_size: 0.05, steps_per_level: 40}", 0.05);
        check_ula("{type: ula, step_size: 0.2, steps_per_level: 40}", 0.2);
        check_ula("{type: ula, step_size: 0.4, steps_per_level: 40}", 0.4); /* a = -0.6 at d = 1/4 */
}

/* At e = 2d, a = -1: the drift keeps |x| and every step adds variance 2e. */
static void test_ula_at_twice_the_variance_neither_settles_nor_explodes(void **state)
{
        (void)state;
        const double d = 1;
        struct lab *lab = lab_open("{type: ula, step_size: 2, steps_per_level: 50}", NULL, enough_for_bias(0.02), 1, &d,
                                   0);
        lab_draw(lab, 0, NULL);
        lab_advance(lab, 0, 0, 50);
        assert_variance("e = 2d", lab, lab->population->x, 0, 1 + 2 * 2 * 50);
        lab_close(lab);
}

/* Beyond it, particles overflow: |x| grows by |a| = 199 a step, to 1.8e308 = 199^134.1 in 134 steps. */
static void test_ula_beyond_it_breaks_down_at_the_step_told(void **state)
{
        (void)state;
        const double d = 1;
        const char *text = "{type: ula, step_size: 200, steps_per_level: 1000}";
        struct lab *whole = lab_open(text, NULL, LANES, 1, &d, 0), *single = lab_open(text, NULL, LANES, 1, &d, 0);
        lab_draw(whole, 0, NULL);
        lab_draw(single, 0, NULL);
        struct breakdown told = lab_try(whole, 0, 0, 1000), seen = {.found = false};
        for (int64_t step = 0; step < 1000 && !seen.found; step++)
                seen = lab_try(single, 0, step, step + 1);
        assert_true(told.found && seen.found);
        assert_in_range(told.step, 125, 140);
        assert_int_equal(told.step, seen.step);
        assert_int_equal(told.particle, seen.particle);
        lab_close(whole);
        lab_close(single);
}

/* ---- Leimkuhler-Matthews ---- */

/* x and R_n share R_{n-1+1}: v <- a^2 v + e + a e, but for a level's first step, whose R_0 is new. */
static struct moments averaged_after(double d, double e, int64_t n, struct moments m)
{
        double a = 1 - e / d;
        for (int64_t i = 0; i < n; i++)
                m = (struct moments){a * m.mean, a * a * m.variance + e + (i > 0 ? a * e : 0)};
        return m;
}

static void check_averaged_noise(const char *text, double e)
{
        struct lab *lab = lab_open(text, NULL, enough_for_bias(0.02), N_VARIANCES, VARIANCES, 0);
        const double start[] = {2.25, 2.25, 2.25};
        lab_draw(lab, 1.5, start);
        const int64_t stops[] = {1, 2, 5, 20};
        int64_t done = 0;
        for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
                lab_advance(lab, 0, done, stops[i]);
                done = stops[i];
                struct moments expected[N_VARIANCES];
                for (int j = 0; j < N_VARIANCES; j++)
                        expected[j] = averaged_after(VARIANCES[j], e, done, (struct moments){1.5, 2.25});
                assert_moments(text, lab, expected);
        }
        lab_close(lab);
}

static void test_leimkuhler_matthews_matches_its_exact_transient(void **state)
{
        (void)state;
        check_averaged_noise("{type: leimkuhler_matthews, step_size: 0.1, steps_per_level: 20}", 0.1);
        check_averaged_noise("{type: leimkuhler_matthews, step_size: 0.4, steps_per_level: 20}", 0.4);
}

static void test_leimkuhler_matthews_has_no_bias_on_a_gaussian(void **state)
{
        (void)state;
        /* a = -0.6, 0.6, 0.9: after 100 steps all that is left of the start is 0.9^200 = 7e-10. */
        struct lab *lab = lab_open("{type: leimkuhler_matthews, step_size: 0.4, steps_per_level: 100}", NULL,
                                   enough_for_bias(0.02), N_VARIANCES, VARIANCES, 0);
        lab_draw(lab, 0, NULL);
        lab_advance(lab, 0, 0, 100);
        for (int j = 0; j < N_VARIANCES; j++)
                assert_variance("stationary", lab, lab->population->x, j, VARIANCES[j]);
        lab_close(lab);
}

/* ---- annealed ---- */

static const double SIGMA[] = {10, 5, 2.5, 1.25};
enum { N_LEVELS = 4, STEPS = 6 };

typedef struct moments (*recursion)(double d, double e, int64_t n, struct moments start);

static void check_annealed(const char *text, double step_size, recursion after)
{
        struct lab *lab = lab_open(text, NULL, enough_for_bias(0.02), N_VARIANCES, VARIANCES, SIGMA[N_LEVELS - 1]);
        const double start[] = {100, 100, 100};
        struct moments expected[N_VARIANCES];
        lab_draw(lab, 3, start);
        for (int j = 0; j < N_VARIANCES; j++)
                expected[j] = (struct moments){3, 100};
        for (uint32_t i = 0; i < N_LEVELS; i++) {
                lab_set_sigma(lab, SIGMA[i]);
                lab_advance(lab, i, 0, STEPS);
                double ratio = SIGMA[i] / SIGMA[N_LEVELS - 1], e = step_size * ratio * ratio;
                for (int j = 0; j < N_VARIANCES; j++)
                        expected[j] = after(VARIANCES[j] + SIGMA[i] * SIGMA[i], e, STEPS, expected[j]);
                assert_moments(text, lab, expected);
        }
        assert_false(sampler_denoise(lab->sampler, lab->population, &lab->level, &lab->tally).found);
        double noise = SIGMA[N_LEVELS - 1] * SIGMA[N_LEVELS - 1];
        for (int j = 0; j < N_VARIANCES; j++) {
                double gain = VARIANCES[j] / (VARIANCES[j] + noise);
                expected[j] = (struct moments){gain * expected[j].mean, gain * gain * expected[j].variance};
        }
        assert_moments("after denoising", lab, expected);
        assert_int_equal(lab->tally.evaluations, (N_LEVELS * STEPS + 1) * lab->population->n_global);
        lab_close(lab);
}

static void test_annealed_langevin_matches_its_recursion_at_every_level_and_after_denoising(void **state)
{
        (void)state;
        check_annealed("{type: annealed_langevin, step_size: 0.3, steps_per_level: 6, denoise: true}", 0.3, ula_after);
        check_annealed("{type: annealed_langevin, scheme: leimkuhler_matthews, step_size: 0.3, steps_per_level: 6}",
                       0.3, averaged_after);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ula_mean_and_variance_match_their_exact_recursion),
                cmocka_unit_test(test_ula_at_twice_the_variance_neither_settles_nor_explodes),
                cmocka_unit_test(test_ula_beyond_it_breaks_down_at_the_step_told),
                cmocka_unit_test(test_leimkuhler_matthews_matches_its_exact_transient),
                cmocka_unit_test(test_leimkuhler_matthews_has_no_bias_on_a_gaussian),
                cmocka_unit_test(test_annealed_langevin_matches_its_recursion_at_every_level_and_after_denoising),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
