/* MALA and HMC: exact targets, exact acceptance, detailed balance, refusals, and the step they adapt to. */
#include "sampler/schemes.h"
#include "sampler_lab.h"

/* ---- acceptance on N(0, d) in one dimension, from equilibrium ----
 * L leapfrog steps are a linear map M of (x/sqrt(d), p) with det M = 1 and singular values s > 1, 1/s, which reverses
 * with p. Then E min(1, exp(-dH)) = 2 P(dH < 0), and with u, w ~ N(0, 1) along the singular directions
 *     dH = ((s^2 - 1) u^2 + (s^-2 - 1) w^2)/2 < 0  <=>  |u/w| < 1/s,   so   a = (4/pi) arctan(1/s).
 * MALA of step e is one leapfrog step of h = sqrt(2 e). */

static double exact_acceptance(double h_omega, int64_t n_leapfrog)
{
        double m[2][2] = {{1, 0}, {0, 1}};
        const double k = -h_omega / 2;
        for (int64_t i = 0; i < n_leapfrog; i++)
                for (int c = 0; c < 2; c++) {
                        m[1][c] += k * m[0][c];
                        m[0][c] += h_omega * m[1][c];
                        m[1][c] += k * m[0][c];
                }
        /* s^2 + 1/s^2 = |M|_F^2 = (s - 1/s)^2 + 2 */
        double f = m[0][0] * m[0][0] + m[0][1] * m[0][1] + m[1][0] * m[1][0] + m[1][1] * m[1][1];
        double gap = sqrt(f - 2), s = (gap + sqrt(gap * gap + 4)) / 2;
        return 4 / acos(-1) * atan(1 / s);
}

static double fourth_power_of(double a, double b)
{
        (void)b;
        return a * a * a * a;
}

/* From equilibrium one step's decisions are independent; after more steps the distribution has to be
 * the target still: variance d, <x^4> = 3 d^2 (whose square has mean 105 d^4). */
static void check_gaussian(const char *text, double d, double h, int64_t n_leapfrog)
{
        struct lab *lab = lab_open(text, NULL, enough_for_bias(0.015), 1, &d, 0);
        double n = (double)lab->population->n_global, a = exact_acceptance(h / sqrt(d), n_leapfrog);
        lab_draw(lab, 0, NULL);
        lab_advance(lab, 0, 0, 1);
        assert_int_equal(lab->tally.proposed, lab->population->n_global);
        assert_z(text, ((double)lab->tally.accepted / n - a) / sqrt(a * (1 - a) / n));
        lab_advance(lab, 0, 1, 8);
        assert_mean(text, lab, lab->population->x, 0, 0, d);
        assert_variance(text, lab, lab->population->x, 0, d);
        double fourth = lab_average(lab, lab->population->x, NULL, 0, fourth_power_of) / (d * d);
        assert_z("fourth moment", (fourth - 3) / sqrt((105 - 9) / n));
        assert_int_equal(lab->tally.evaluations, (8 * n_leapfrog + 1) * lab->population->n_global);
        lab_close(lab);
}

static void test_mala_keeps_a_gaussian_and_accepts_as_often_as_it_must(void **state)
{
        (void)state;
        check_gaussian("{type: mala, step_size: 0.1, steps_per_level: 8}", 0.25, sqrt(0.2), 1);
        check_gaussian("{type: mala, step_size: 1, steps_per_level: 8}", 1, sqrt(2), 1);
        check_gaussian("{type: mala, step_size: 6, steps_per_level: 8}", 4, sqrt(12), 1);
}

static void test_hmc_keeps_a_gaussian_and_accepts_as_often_as_it_must(void **state)
{
        (void)state;
        check_gaussian("{type: hmc, step_size: 0.7, leapfrog_steps: 3, steps_per_level: 8}", 0.25, 0.7, 3);
        check_gaussian("{type: hmc, step_size: 1.3, leapfrog_steps: 4, steps_per_level: 8}", 1, 1.3, 4);
        check_gaussian("{type: hmc, step_size: 3, leapfrog_steps: 1, steps_per_level: 8}", 4, 3, 1);
}

static void test_mala_and_hmc_reach_the_target_from_elsewhere(void **state)
{
        (void)state;
        const char *texts[] = {"{type: mala, step_size: 0.7, steps_per_level: 60}",
                               "{type: hmc, step_size: 0.8, leapfrog_steps: 2, steps_per_level: 20}"};
        const double d[] = {0.7, 1.5}, start[] = {4, 4};
        for (int i = 0; i < 2; i++) {
                struct lab *lab = lab_open(texts[i], NULL, enough_for_bias(0.03), 2, d, 0);
                lab_draw(lab, 2, start);
                lab_advance(lab, 0, 0, lab->settings.steps_per_level);
                for (int64_t j = 0; j < 2; j++) {
                        assert_mean(texts[i], lab, lab->population->x, j, 0, d[j]);
                        assert_variance(texts[i], lab, lab->population->x, j, d[j]);
                }
                lab_close(lab);
        }
}

/* ---- a lopsided double peak: 0.7 N(-1, 0.5^2) + 0.3 N(1.5, 1) ---- */

static const double WEIGHT[] = {0.7, 0.3}, CENTRE[] = {-1, 1.5}, WIDTH[] = {0.5, 1};

static void peaks(double x, double *log_p, double *s)
{
        double sum = 0, slope = 0;
        for (int k = 0; k < 2; k++) {
                double u = (x - CENTRE[k]) / WIDTH[k], p = WEIGHT[k] / WIDTH[k] * exp(-0.5 * u * u);
                sum += p;
                slope -= p * u / WIDTH[k];
        }
        *log_p = log(sum);
        *s = slope / sum;
}

static void peaks_eval(const void *state, const double *restrict x, double *restrict s)
{
        (void)state;
        double log_p;
        for (int lane = 0; lane < LANES; lane++)
                peaks(x[lane], &log_p, &s[lane]);
}

static void peaks_log_density(const void *state, const double *restrict x, double *restrict log_p)
{
        (void)state;
        double s;
        for (int lane = 0; lane < LANES; lane++)
                peaks(x[lane], &log_p[lane], &s);
}

static const struct score_type two_peaks = {.name = "two peaks", .eval = peaks_eval, .log_density = peaks_log_density};

static void draw_peaks(struct lab *lab)
{
        struct rng_stream stream = {.seed = 5, .purpose = RNG_TEST};
        for (size_t t = 0; t < lab->population->n_tiles; t++) {
                uint64_t first = (uint64_t)population_first_particle(lab->population, t);
                double z[LANES], u[LANES], *x = population_tile(lab->population, t);
                rng_normal(&stream, first, 1, z);
                stream.stage = 1;
                rng_uniform(&stream, first, 1, u);
                stream.stage = 0;
                for (int lane = 0; lane < LANES; lane++) {
                        int k = u[lane] < WEIGHT[0] ? 0 : 1;
                        x[lane] = CENTRE[k] + WIDTH[k] * z[lane];
                }
        }
}

/* <x^k> of the target: of a normal, m_k = c m_{k-1} + (k - 1) w^2 m_{k-2}. */
static double peaks_moment(int order)
{
        double sum = 0;
        for (int k = 0; k < 2; k++) {
                double before = 0, now = 1;
                for (int i = 1; i <= order; i++) {
                        double next = CENTRE[k] * now + (i - 1) * WIDTH[k] * WIDTH[k] * before;
                        before = now;
                        now = next;
                }
                sum += WEIGHT[k] * now;
        }
        return sum;
}

/* Detailed balance: (x_0, x_1) and (x_1, x_0) are equally likely, so antisymmetric functions average to 0. */
static double antisymmetric(double a, double b)
{
        return a * b * (b * b - a * a); /* x_0 x_1^3 - x_0^3 x_1 */
}

static double antisymmetric_square(double a, double b)
{
        return antisymmetric(a, b) * antisymmetric(a, b);
}

static double other_antisymmetric(double a, double b)
{
        return sin(a) * cos(2 * b) - sin(b) * cos(2 * a);
}

static double other_antisymmetric_square(double a, double b)
{
        return other_antisymmetric(a, b) * other_antisymmetric(a, b);
}

static void check_two_peaks(const char *text)
{
        struct lab *lab = lab_open(text, &two_peaks, 1 << 17, 1, NULL, 0);
        double n = (double)lab->population->n_global, *x = lab->population->x;
        draw_peaks(lab);
        size_t bytes = (size_t)lab->population->n_global * sizeof(double);
        double *start = allocate(1, bytes);
        memcpy(start, x, bytes);

        lab_advance(lab, 0, 0, 1);
        assert_z("detailed balance", lab_average(lab, start, x, 0, antisymmetric) /
                                             sqrt(lab_average(lab, start, x, 0, antisymmetric_square) / n));
        assert_z("detailed balance", lab_average(lab, start, x, 0, other_antisymmetric) /
                                             sqrt(lab_average(lab, start, x, 0, other_antisymmetric_square) / n));
        assert_in_range(lab->tally.accepted, n / 3, 9 * n / 10); /* both kinds of decision were made */

        lab_advance(lab, 0, 1, 15);
        double power[5] = {1};
        for (int k = 1; k <= 4; k++) {
                double sum = 0;
                for (int64_t i = 0; i < lab->population->n_global; i++)
                        sum += pow(x[i], k);
                power[k] = sum / n;
                double m = peaks_moment(k), m2 = peaks_moment(2 * k);
                assert_z("moment of two peaks", (power[k] - m) / sqrt((m2 - m * m) / n));
        }
        free(start);
        lab_close(lab);
}

static void test_mala_and_hmc_keep_a_target_that_is_not_gaussian(void **state)
{
        (void)state;
        check_two_peaks("{type: mala, step_size: 0.5, steps_per_level: 15}");
        check_two_peaks("{type: hmc, step_size: 0.8, leapfrog_steps: 3, steps_per_level: 15}");
}

/* ---- densities that end, and that fail ---- */

/* N(0, 1) cut to x > 0; outside log p = -inf and the score is no number. */
static void half_eval(const void *state, const double *restrict x, double *restrict s)
{
        (void)state;
        for (int lane = 0; lane < LANES; lane++)
                s[lane] = x[lane] > 0 ? -x[lane] : NAN;
}

static void half_log_density(const void *state, const double *restrict x, double *restrict log_p)
{
        (void)state;
        for (int lane = 0; lane < LANES; lane++)
                log_p[lane] = x[lane] > 0 ? -0.5 * x[lane] * x[lane] : -INFINITY;
}

static const struct score_type half_normal = {.name = "half", .eval = half_eval, .log_density = half_log_density};

static void test_a_proposal_of_density_zero_is_refused_whatever_its_score(void **state)
{
        (void)state;
        struct lab *lab = lab_open("{type: mala, step_size: 0.3, steps_per_level: 40}", &half_normal,
                                   enough_for_bias(0.02), 1, NULL, 0);
        lab_draw(lab, 0, NULL);
        for (int64_t i = 0; i < lab->population->n_global; i++)
                lab->population->x[i] = fabs(lab->population->x[i]); /* exact draws */
        lab_advance(lab, 0, 0, 40);
        double mean = sqrt(2 / acos(-1));
        assert_mean("half normal", lab, lab->population->x, 0, mean, 1 - mean * mean);
        for (int64_t i = 0; i < lab->population->n_global; i++)
                assert_true(lab->population->x[i] > 0);
        assert_int_equal(lab->tally.non_finite, 0);
        lab_close(lab);
}

/* log p is lost beyond x = 3. */
static void lost_eval(const void *state, const double *restrict x, double *restrict s)
{
        (void)state;
        for (int lane = 0; lane < LANES; lane++)
                s[lane] = -x[lane];
}

static void lost_log_density(const void *state, const double *restrict x, double *restrict log_p)
{
        (void)state;
        for (int lane = 0; lane < LANES; lane++)
                log_p[lane] = x[lane] > 3 ? NAN : -0.5 * x[lane] * x[lane];
}

static const struct score_type lost = {.name = "lost", .eval = lost_eval, .log_density = lost_log_density};

static void test_a_density_that_is_no_number_breaks_the_run_at_its_step(void **state)
{
        (void)state;
        const char *texts[] = {"{type: mala, step_size: 0.3, steps_per_level: 1000}",
                               "{type: hmc, step_size: 0.3, leapfrog_steps: 5, steps_per_level: 1000}"};
        for (int i = 0; i < 2; i++) {
                struct lab *lab = lab_open(texts[i], &lost, 64, 1, NULL, 0);
                struct lab *good = lab_open(texts[i], NULL, 64, 1, NULL, 0);
                const double narrow = 0.01;
                lab_draw(lab, 0, &narrow);
                lab_draw(good, 0, &narrow);
                struct breakdown told = lab_try(lab, 0, 0, 1000);
                assert_true(told.found && told.step > 0);
                assert_true(lab->tally.non_finite > 0);
                /* Up to that step the run is the one whose density knows no end. */
                lab_advance(good, 0, 0, told.step);
                struct lab *again = lab_open(texts[i], &lost, 64, 1, NULL, 0);
                lab_draw(again, 0, &narrow);
                assert_false(lab_try(again, 0, 0, told.step).found);
                assert_memory_equal(again->population->x, good->population->x, 64 * sizeof(double));
                struct breakdown next = lab_try(again, 0, told.step, told.step + 1);
                assert_true(next.found && next.particle == told.particle && next.step == told.step);
                lab_close(lab);
                lab_close(good);
                lab_close(again);
        }
}

/* A broken decision is none: neither accepted nor refused. */
static void test_broken_decisions_are_counted_apart(void **state)
{
        (void)state;
        struct lab *lab = lab_open("{type: mala, step_size: 0.3, steps_per_level: 1}", &lost, 10, 1, NULL, 0);
        for (int lane = 0; lane < LANES; lane++)
                lab->population->x[lane] = 50; /* far in the lost region, spare lanes too */
        assert_true(lab_try(lab, 0, 0, 1).found);
        assert_int_equal(lab->tally.proposed, 10);
        assert_int_equal(lab->tally.accepted, 0);
        assert_int_equal(lab->tally.non_finite, 10);
        lab_close(lab);
}

/* ---- adaptation ---- */

/* On N(0, I) in n dimensions dH is a sum of n terms of one distribution with mean e^3/4 (<dH> of one leapfrog
 * step is h^6/32, h^2 = 2e), so by the central limit a = 2 Phi(-sqrt(n e^3/8)) = 0.574 at
 * e = (8 0.5622^2/n)^(1/3) [Roberts & Rosenthal 1998]. */
static double best_mala_step(double n)
{
        return cbrt(8 * 0.5622 * 0.5622 / n);
}

static struct lab *adapted(const char *text, int64_t n_dim, int64_t n_particles)
{
        struct lab *lab = lab_open(text, NULL, n_particles, n_dim, NULL, 0);
        lab_draw(lab, 0, NULL);
        lab_advance(lab, 0, 0, lab->settings.adapt_steps);
        lab->tally = (struct tally){0};
        lab_advance(lab, 0, lab->settings.adapt_steps, lab->settings.steps_per_level);
        return lab;
}

/* The last of 20 windows moves ln step by at most 0.33 times a rate's error, 0.5/sqrt(20 n), so the acceptance
 * by less than 0.65 of that; 20 n decisions were made since. In all below
 * 0.5/sqrt(20 n) sqrt(1 + 0.33^2): 5.85 of them. */
static void assert_acceptance(const struct lab *lab, double target)
{
        double n = (double)lab->population->n_global, error = 0.5 / sqrt(20 * n) * 1.06;
        double accepted = (double)lab->tally.accepted / (double)lab->tally.proposed;
        assert_z("acceptance after adaptation", (accepted - target) / error);
}

static void test_mala_adapts_to_the_optimal_step_and_its_scaling(void **state)
{
        (void)state;
        /* From a tenth and from fifty times the best step. */
        struct lab *small = adapted("{type: mala, step_size: 0.04, adapt_steps: 400, steps_per_level: 420}", 27, 512);
        struct lab *large = adapted("{type: mala, step_size: 10, adapt_steps: 400, steps_per_level: 420}", 216, 256);
        assert_acceptance(small, 0.574);
        assert_acceptance(large, 0.574);
        double step_small = sampler_step_size(small->sampler, 0), step_large = sampler_step_size(large->sampler, 0);
        /* The sum's skewness shifts the step by O(1/n); 0.33 0.5/sqrt(20 n_particles) is its statistical error. */
        assert_true(fabs(step_large / best_mala_step(216) - 1) < 0.02);
        assert_true(fabs(step_small / best_mala_step(27) - 1) < 0.05);
        assert_true(fabs(step_small / step_large - 2) < 0.1); /* (216/27)^(1/3) */
        lab_close(small);
        lab_close(large);
}

static void test_hmc_adapts_to_its_target(void **state)
{
        (void)state;
        struct lab *own = adapted("{type: hmc, step_size: 0.05, leapfrog_steps: 4, adapt_steps: 400, "
                                  "steps_per_level: 420}",
                                  50, 256);
        assert_acceptance(own, 0.651);
        struct lab *asked = adapted("{type: hmc, step_size: 0.3, leapfrog_steps: 4, adapt_steps: 400, "
                                    "steps_per_level: 420, target_acceptance: 0.9}",
                                    50, 256);
        assert_acceptance(asked, 0.9);
        lab_close(own);
        lab_close(asked);
}

/* After burn-in the step stays. */
static void test_the_step_is_frozen_after_burn_in(void **state)
{
        (void)state;
        struct lab *lab = adapted("{type: mala, step_size: 1, adapt_steps: 30, steps_per_level: 60}", 3, 100);
        double factor = lab->sampler->controller.log_factor;
        assert_true(factor != 0);
        assert_int_equal(sampler_stretch_limit(lab->sampler, 0, lab->sampler->steps_per_level), 20);
        assert_int_equal(sampler_stretch_limit(lab->sampler, 20, lab->sampler->steps_per_level), 30);
        assert_int_equal(sampler_stretch_limit(lab->sampler, 30, lab->sampler->steps_per_level), 60);
        lab_advance(lab, 0, 30, 60);
        assert_true(lab->sampler->controller.log_factor == factor);
        lab_close(lab);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_mala_keeps_a_gaussian_and_accepts_as_often_as_it_must),
                cmocka_unit_test(test_hmc_keeps_a_gaussian_and_accepts_as_often_as_it_must),
                cmocka_unit_test(test_mala_and_hmc_reach_the_target_from_elsewhere),
                cmocka_unit_test(test_mala_and_hmc_keep_a_target_that_is_not_gaussian),
                cmocka_unit_test(test_a_proposal_of_density_zero_is_refused_whatever_its_score),
                cmocka_unit_test(test_a_density_that_is_no_number_breaks_the_run_at_its_step),
                cmocka_unit_test(test_broken_decisions_are_counted_apart),
                cmocka_unit_test(test_mala_adapts_to_the_optimal_step_and_its_scaling),
                cmocka_unit_test(test_hmc_adapts_to_its_target),
                cmocka_unit_test(test_the_step_is_frozen_after_burn_in),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
