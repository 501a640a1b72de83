/* BAOAB and OBABO on N(0, d): first and second moments of (x, p), transient and stationary. */
#include "sampler_lab.h"

static const double VARIANCES[] = {0.25, 1, 4};
enum { N_VARIANCES = 3 };

struct phase { double x, p, xx, xp, pp; }; /* means and covariances */

/* ---- the parts of a step, on moments ---- */

static void kick(struct phase *m, double t, double d) /* p <- p - t x/d */
{
        double b = -t / d;
        m->p += b * m->x;
        m->pp += 2 * b * m->xp + b * b * m->xx;
        m->xp += b * m->xx;
}

static void drift(struct phase *m, double t) /* x <- x + t p */
{
        m->x += t * m->p;
        m->xx += 2 * t * m->xp + t * t * m->pp;
        m->xp += t * m->pp;
}

static void thermalise(struct phase *m, double t, double friction)
{
        double c = exp(-friction * t);
        m->p *= c;
        m->xp *= c;
        m->pp = c * c * m->pp + 1 - c * c;
}

static void baoab(struct phase *m, double d, double h, double friction)
{
        kick(m, h / 2, d);
        drift(m, h / 2);
        thermalise(m, h, friction);
        drift(m, h / 2);
        kick(m, h / 2, d);
}

static void obabo(struct phase *m, double d, double h, double friction)
{
        thermalise(m, h / 2, friction);
        kick(m, h / 2, d);
        drift(m, h);
        kick(m, h / 2, d);
        thermalise(m, h / 2, friction);
}

typedef void (*splitting)(struct phase *m, double d, double h, double friction);

/* ---- the recursion against the closed forms: no statistics ---- */

static void test_recursions_settle_at_the_closed_forms(void **state)
{
        (void)state;
        const double frictions[] = {0.1, 1, 10};
        for (int j = 0; j < N_VARIANCES; j++)
                for (int k = 0; k < 3; k++) {
                        const double d = VARIANCES[j], h = 0.8 * sqrt(d), bias = 1 - h * h / (4 * d);
                        struct phase a = {.xx = 3, .pp = 1}, b = a;
                        for (int i = 0; i < 20000; i++) {
                                baoab(&a, d, h, frictions[k]);
                                obabo(&b, d, h, frictions[k]);
                        }
                        assert_true(fabs(a.xx / d - 1) < 1e-12 && fabs(a.pp - bias) < 1e-12 && fabs(a.xp) < 1e-12);
                        assert_true(fabs(b.xx * bias / d - 1) < 1e-12 && fabs(b.pp - 1) < 1e-12 && fabs(b.xp) < 1e-12);
                }
}

/* ---- the samplers against the recursion ---- */

/* The product of two normals with these covariances has variance xx pp + xp^2. */
static void assert_phase(const char *what, const struct lab *lab, const struct phase *expected)
{
        const double *x = lab->population->x, *p = lab->population->velocity, n = (double)lab->population->n_global;
        for (int64_t j = 0; j < lab->population->n_dim; j++) {
                const struct phase *m = &expected[j];
                assert_mean(what, lab, x, j, m->x, m->xx);
                assert_mean(what, lab, p, j, m->p, m->pp);
                assert_variance(what, lab, x, j, m->xx);
                assert_variance(what, lab, p, j, m->pp);
                double xp = lab_average(lab, x, p, j, product_of) - lab_mean(lab, x, j) * lab_mean(lab, p, j);
                assert_z("covariance of x and p", (xp - m->xp) / sqrt((m->xx * m->pp + m->xp * m->xp) / n));
        }
}

static void check(const char *text, splitting step, double h, double friction)
{
        /* 2%: h = 0.4 shifts one of the moments by 16%, 4% and 1% at the three d. */
        struct lab *lab = lab_open(text, NULL, enough_for_bias(0.02), N_VARIANCES, VARIANCES, 0);
        const double start[] = {2.25, 2.25, 2.25};
        lab_draw(lab, 1.5, start);
        struct phase expected[N_VARIANCES];
        for (int j = 0; j < N_VARIANCES; j++)
                expected[j] = (struct phase){.x = 1.5, .xx = 2.25, .pp = 1};
        assert_phase("at the start", lab, expected);
        const int64_t stops[] = {1, 2, 7, 40};
        int64_t done = 0;
        for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
                lab_advance(lab, 0, done, stops[i]);
                for (; done < stops[i]; done++)
                        for (int j = 0; j < N_VARIANCES; j++)
                                step(&expected[j], VARIANCES[j], h, friction);
                assert_phase(text, lab, expected);
        }
        assert_int_equal(lab->tally.evaluations, 41 * lab->population->n_global);
        lab_close(lab);
}

static void test_baoab_matches_its_exact_moments(void **state)
{
        (void)state;
        check("{type: baoab, step_size: 0.4, friction: 0.5, steps_per_level: 40}", baoab, 0.4, 0.5);
        check("{type: baoab, step_size: 0.4, friction: 20, steps_per_level: 40}", baoab, 0.4, 20);
}

static void test_obabo_matches_its_exact_moments(void **state)
{
        (void)state;
        check("{type: obabo, step_size: 0.4, friction: 0.5, steps_per_level: 40}", obabo, 0.4, 0.5);
        check("{type: obabo, step_size: 0.4, friction: 5, steps_per_level: 40}", obabo, 0.4, 5);
}

/* ---- annealed: h grows and the friction falls with sigma_i/sigma_L; momenta live on ---- */

static void check_annealed(const char *text, splitting step, double h, double friction)
{
        const double sigma[] = {6, 3, 1.5};
        struct lab *lab = lab_open(text, NULL, enough_for_bias(0.02), N_VARIANCES, VARIANCES, sigma[2]);
        const double start[] = {36, 36, 36};
        struct phase expected[N_VARIANCES];
        lab_draw(lab, 2, start);
        for (int j = 0; j < N_VARIANCES; j++)
                expected[j] = (struct phase){.x = 2, .xx = 36, .pp = 1};
        for (uint32_t i = 0; i < 3; i++) {
                lab_set_sigma(lab, sigma[i]);
                lab_advance(lab, i, 0, 5);
                double ratio = sigma[i] / sigma[2];
                for (int n = 0; n < 5; n++)
                        for (int j = 0; j < N_VARIANCES; j++)
                                step(&expected[j], VARIANCES[j] + sigma[i] * sigma[i], h * ratio, friction / ratio);
                assert_phase(text, lab, expected);
        }
        lab_close(lab);
}

static void test_annealed_splittings_match_their_exact_moments(void **state)
{
        (void)state;
        check_annealed("{type: annealed_langevin, scheme: baoab, friction: 0.7, step_size: 0.9, steps_per_level: 5}",
                       baoab, 0.9, 0.7);
        check_annealed("{type: annealed_langevin, scheme: obabo, friction: 0.7, step_size: 0.9, steps_per_level: 5}",
                       obabo, 0.9, 0.7);
}

/* ---- breakdown ---- */

/* Beyond h = 2 sqrt(d) positions and momenta grow without end; the long stretch, replayed from its copy of both,
 * names the step and the particle that single steps find. */
static void test_an_unstable_step_is_told_by_step_and_particle(void **state)
{
        (void)state;
        const char *texts[] = {"{type: baoab, step_size: 2.1, friction: 0.01, steps_per_level: 3000}",
                               "{type: obabo, step_size: 2.1, friction: 0.01, steps_per_level: 3000}"};
        for (int i = 0; i < 2; i++) {
                struct lab *whole = lab_open(texts[i], NULL, 40, 1, NULL, 0);
                struct lab *single = lab_open(texts[i], NULL, 40, 1, NULL, 0);
                lab_draw(whole, 0, NULL);
                lab_draw(single, 0, NULL);
                assert_false(lab_try(whole, 0, 0, 50).found);
                struct breakdown told = lab_try(whole, 0, 50, 3000), seen = {.found = false};
                for (int64_t step = 0; step < 3000 && !seen.found; step++)
                        seen = lab_try(single, 0, step, step + 1);
                assert_true(told.found && seen.found && told.step > 50);
                assert_int_equal(told.step, seen.step);
                assert_int_equal(told.particle, seen.particle);
                lab_close(whole);
                lab_close(single);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_recursions_settle_at_the_closed_forms),
                cmocka_unit_test(test_baoab_matches_its_exact_moments),
                cmocka_unit_test(test_obabo_matches_its_exact_moments),
                cmocka_unit_test(test_annealed_splittings_match_their_exact_moments),
                cmocka_unit_test(test_an_unstable_step_is_told_by_step_and_particle),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
