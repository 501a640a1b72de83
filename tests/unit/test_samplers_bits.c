/* What must not change a bit: where stretches are cut, saving and going on, how many other particles there
 * are, what the spare lanes hold. And what is counted must be what was done. */
#include "sampler_lab.h"

enum { N_DIM = 3, STEPS = 50, N_LEVELS = 2 };
static const double VARIANCES[N_DIM] = {0.25, 1, 4}, SIGMA[N_LEVELS] = {2, 1};

/* score evaluations of a particle: per step, and once a level. 0: as many as it takes. */
struct subject { const char *text; int64_t per_step, per_level; };

static const struct subject subjects[] = {
        {"{type: ula, step_size: 0.1, steps_per_level: 50}", 1, 0},
        {"{type: leimkuhler_matthews, step_size: 0.1, steps_per_level: 50}", 1, 0},
        {"{type: mala, step_size: 0.3, steps_per_level: 50}", 1, 1},
        {"{type: mala, step_size: 0.3, steps_per_level: 50, adapt_steps: 45}", 1, 1},
        {"{type: hmc, step_size: 0.5, leapfrog_steps: 3, steps_per_level: 50}", 3, 1},
        {"{type: hmc, step_size: 0.5, leapfrog_steps: 3, steps_per_level: 50, adapt_steps: 50}", 3, 1},
        {"{type: baoab, step_size: 0.3, friction: 2, steps_per_level: 50}", 1, 1},
        {"{type: obabo, step_size: 0.3, friction: 2, steps_per_level: 50}", 1, 1},
        {"{type: annealed_langevin, step_size: 0.1, steps_per_level: 50}", 1, 0},
        {"{type: annealed_langevin, scheme: leimkuhler_matthews, step_size: 0.1, steps_per_level: 50}", 1, 0},
        {"{type: annealed_langevin, scheme: baoab, step_size: 0.3, steps_per_level: 50}", 1, 1},
        {"{type: annealed_langevin, scheme: obabo, step_size: 0.3, steps_per_level: 50}", 1, 1},
        {"{type: annealed_langevin, scheme: mala, step_size: 0.3, steps_per_level: 50, adapt_steps: 30}", 1, 1},
        {"{type: annealed_langevin, scheme: hmc, step_size: 0.3, leapfrog_steps: 2, steps_per_level: 50, "
         "adapt_steps: 50}",
         2, 1},
        {"{type: score_flow, method: euler, step_size: 0.01, steps_per_level: 50}", 1, 0},
        {"{type: score_flow, method: rk4, step_size: 0.01, steps_per_level: 50}", 4, 0},
        {"{type: score_flow, step_size: 0.7, steps_per_level: 50, relative_tolerance: 1e-3, "
         "absolute_tolerance: 1e-4}",
         0, 0},
        {"{type: score_flow, step_size: 0.002, steps_per_level: 50, relative_tolerance: 1e-9}", 0, 0},
};
enum { N_SUBJECTS = sizeof subjects / sizeof *subjects };

static struct lab *open_subject(const struct subject *subject, int64_t n)
{
        struct lab *lab = lab_open(subject->text, NULL, n, N_DIM, VARIANCES, SIGMA[N_LEVELS - 1]);
        lab_set_sigma(lab, SIGMA[0]);
        lab_draw(lab, 0.5, NULL);
        return lab;
}

static uint64_t next_random(uint64_t *state) /* xorshift64 [Marsaglia 2003] */
{
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        return *state;
}

/* All levels; cut at random places where `cuts` is not 0. */
static void run_levels(struct lab *lab, uint64_t cuts)
{
        for (uint32_t level = 0; level < N_LEVELS; level++) {
                lab_set_sigma(lab, SIGMA[level]);
                for (int64_t step = 0; step < STEPS;) {
                        int64_t stretch = cuts ? (int64_t)(next_random(&cuts) % 13) + 1 : STEPS;
                        int64_t end = step + stretch < STEPS ? step + stretch : STEPS;
                        lab_advance(lab, level, step, end);
                        step = end;
                }
        }
}

/* Real particles' x, p, and the tiles' memories. */
static void assert_same_particles(const struct lab *a, const struct lab *b, int64_t n)
{
        size_t bytes = (size_t)n * N_DIM * sizeof(double);
        double *rows_a = allocate(1, bytes), *rows_b = allocate(1, bytes);
        population_to_rows(a->population, a->population->x, 0, n, rows_a);
        population_to_rows(b->population, b->population->x, 0, n, rows_b);
        assert_memory_equal(rows_a, rows_b, bytes);
        if (a->population->velocity) {
                population_to_rows(a->population, a->population->velocity, 0, n, rows_a);
                population_to_rows(b->population, b->population->velocity, 0, n, rows_b);
                assert_memory_equal(rows_a, rows_b, bytes);
        }
        free(rows_a);
        free(rows_b);
}

static void assert_same_run(const struct lab *a, const struct lab *b)
{
        assert_same_particles(a, b, a->population->n_global);
        assert_memory_equal(&a->tally, &b->tally, sizeof a->tally);
        assert_memory_equal(&a->sampler->controller, &b->sampler->controller, sizeof a->sampler->controller);
        if (a->population->memory)
                assert_memory_equal(a->population->memory, b->population->memory,
                                    a->population->n_tiles * a->population->n_memory * sizeof(double));
}

static void test_cuts_at_random_places_change_no_bit_and_no_count(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_SUBJECTS; i++) {
                struct lab *whole = open_subject(&subjects[i], 130);
                run_levels(whole, 0);
                for (uint64_t cuts = 1; cuts <= 5; cuts++) {
                        struct lab *cut = open_subject(&subjects[i], 130);
                        run_levels(cut, cuts);
                        assert_same_run(whole, cut);
                        lab_close(cut);
                }
                lab_close(whole);
        }
}

/* What a checkpoint keeps is enough, in the middle of an adaptation window too: real particles, memories,
 * controller. */
static void test_a_new_sampler_goes_on_from_what_is_kept(void **state)
{
        (void)state;
        const int64_t breaks[] = {1, 7, 20, 33, 49};
        for (size_t i = 0; i < N_SUBJECTS; i++)
                for (size_t k = 0; k < sizeof breaks / sizeof *breaks; k++) {
                        struct lab *whole = open_subject(&subjects[i], 65), *after = open_subject(&subjects[i], 65);
                        lab_advance(whole, 0, 0, breaks[k]);
                        double rows[65 * N_DIM];
                        population_to_rows(whole->population, whole->population->x, 0, 65, rows);
                        population_from_rows(after->population, after->population->x, 0, 65, rows);
                        if (whole->population->velocity) {
                                population_to_rows(whole->population, whole->population->velocity, 0, 65, rows);
                                population_from_rows(after->population, after->population->velocity, 0, 65, rows);
                        }
                        if (whole->population->memory)
                                memcpy(after->population->memory, whole->population->memory,
                                       2 * whole->population->n_memory * sizeof(double));
                        population_pad(after->population);
                        after->sampler->controller = whole->sampler->controller;
                        after->tally = whole->tally;
                        lab_advance(whole, 0, breaks[k], STEPS);
                        lab_advance(after, 0, breaks[k], STEPS);
                        assert_same_run(whole, after);
                        lab_close(whole);
                        lab_close(after);
                }
}

/* A particle's path depends on its id alone (score_flow: on its tile), as long as no step size adapts to all. */
static void test_other_tiles_do_not_matter(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_SUBJECTS; i++) {
                struct lab *few = open_subject(&subjects[i], 64), *many = open_subject(&subjects[i], 300);
                if (few->settings.adapt_steps == 0) {
                        run_levels(few, 0);
                        run_levels(many, 0);
                        assert_same_particles(few, many, 64);
                }
                lab_close(few);
                lab_close(many);
        }
}

/* Spare lanes are computed with, but neither counted nor looked at, even where they hold no numbers. */
static void test_spare_lanes_change_nothing(void **state)
{
        (void)state;
        const int64_t sizes[] = {1, 63, 65};
        for (size_t i = 0; i < N_SUBJECTS; i++)
                for (size_t k = 0; k < 3; k++) {
                        int64_t n = sizes[k];
                        struct lab *padded = open_subject(&subjects[i], n), *wild = open_subject(&subjects[i], n);
                        double *last = population_tile(wild->population, wild->population->n_tiles - 1);
                        for (int64_t spare = n % LANES; spare < LANES; spare++)
                                for (int64_t j = 0; j < N_DIM; j++)
                                        last[j * LANES + spare] = spare % 3 == 0 ? NAN : spare % 3 == 1 ? 1e200 : 0.3;
                        run_levels(padded, 0);
                        run_levels(wild, 4);
                        assert_same_run(padded, wild);
                        lab_close(padded);
                        lab_close(wild);
                }
}

static void test_evaluations_are_counted_as_documented(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_SUBJECTS; i++) {
                struct lab *lab = open_subject(&subjects[i], 3);
                run_levels(lab, 2);
                int64_t each = lab->tally.evaluations / 3, per_step = subjects[i].per_step;
                assert_int_equal(lab->tally.evaluations % 3, 0);
                if (per_step > 0)
                        assert_int_equal(each, N_LEVELS * (STEPS * per_step + subjects[i].per_level));
                const struct scheme *scheme = lab->sampler->scheme;
                int64_t predicted = scheme->evaluations_per_step
                                            ? scheme->evaluations_per_step(lab->sampler->scheme_settings)
                                            : 1;
                assert_int_equal(predicted, per_step > 0 ? per_step : 6);
                lab_close(lab);
        }
}

/* In one stretch from a level's start nothing is computed twice: calls are counts. */
static void test_evaluations_counted_are_evaluations_made(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_SUBJECTS; i++) {
                struct lab *lab = open_subject(&subjects[i], 64);
                if (lab->settings.adapt_steps == 0) {
                        lab_advance(lab, 0, 0, STEPS);
                        assert_int_equal(lab->tally.evaluations, 64 * lab->target.calls);
                }
                lab_close(lab);
        }
}

/* Levels, steps and seeds give other numbers. */
static void test_levels_and_seeds_draw_their_own_noise(void **state)
{
        (void)state;
        struct lab *a = open_subject(&subjects[0], 64), *b = open_subject(&subjects[0], 64);
        struct lab *c = open_subject(&subjects[0], 64);
        c->sampler->seed++;
        lab_advance(a, 0, 0, 1);
        lab_advance(b, 1, 0, 1);
        lab_advance(c, 0, 0, 1);
        for (int i = 0; i < 64 * N_DIM; i++) {
                assert_true(a->population->x[i] != b->population->x[i]);
                assert_true(a->population->x[i] != c->population->x[i]);
        }
        lab_close(a);
        lab_close(b);
        lab_close(c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cuts_at_random_places_change_no_bit_and_no_count),
                cmocka_unit_test(test_a_new_sampler_goes_on_from_what_is_kept),
                cmocka_unit_test(test_other_tiles_do_not_matter),
                cmocka_unit_test(test_spare_lanes_change_nothing),
                cmocka_unit_test(test_evaluations_are_counted_as_documented),
                cmocka_unit_test(test_evaluations_counted_are_evaluations_made),
                cmocka_unit_test(test_levels_and_seeds_draw_their_own_noise),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
