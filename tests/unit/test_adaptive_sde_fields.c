/* The adaptive reverse SDE on a random field: modes of a Gaussian field are scalars N(0, d) each, coupled by their
 * common steps only, so that the variance of the linear reverse SDE holds mode by mode. On edm, S = d + sigma^2,
 *
 *     var_b = (S_b/S_a)^2 (var_a - S_a) + S_b. */
#include "field_sampler_lab.h"
#include "sampler/adaptive_sde.h"
#include "sculptor/time_grid.h"

enum { ENSEMBLE = 250, POINTS = 4 };
static const double SIGMA[POINTS] = {5, 2, 1, 0.4};

struct field_case { struct field_lab *lab; struct time_grid *grid; };

static struct process process; /* edm */

static struct field_case open_case(const char *sampler, int64_t n)
{
        struct field_case field = {
                .lab = field_lab_open("{type: gaussian_field, mesh: {cells: [12, 10], box_size: [12, 10]}, "
                                      "spectrum: {type: power_law, amplitude: 1, index: -1}}",
                                      sampler, n, SIGMA[POINTS - 1], NULL)};
        process = lab_process_edm();
        field.grid = time_grid_create(&process, SIGMA, POINTS);
        sampler_set_grid(field.lab->sampler, field.grid);
        field_lab_draw_white(field.lab, 0, 400);
        return field;
}

static void advance(struct field_case *field, int64_t begin, int64_t end)
{
        assert_false(sampler_advance(field->lab->sampler, field->lab->population, field->lab->level, 0, begin, end,
                                     &field->lab->tally, NULL, NULL)
                             .found);
}

static void close_case(struct field_case *field)
{
        time_grid_free(field->grid);
        field_lab_close(field->lab);
}

/* Of a mode whose variance at the last sigma is c, begun with variance 400. */
static double reverse_sde(double c, const void *unused)
{
        (void)unused;
        const double before = c - SIGMA[POINTS - 1] * SIGMA[POINTS - 1] + SIGMA[0] * SIGMA[0];
        return c / before * (c / before) * (400 - before) + c;
}

/* 250 fields of 120 amplitudes know the variance of all modes to 0.8%, that of a band to a few per cent; the tolerances
 * keep the method's own error far below. */
static void test_each_mode_has_the_variance_of_the_reverse_sde(void **state)
{
        (void)state;
        const char *samplers[] = {"{type: adaptive_sde, relative_tolerance: 0.01, absolute_tolerance: 0.01}",
                                  "{type: adaptive_sde, relative_tolerance: 0.05, absolute_tolerance: 0.1, norm: max}"};
        for (int k = 0; k < 2; k++) {
                struct field_case field = open_case(samplers[k], ENSEMBLE);
                advance(&field, 0, POINTS - 1);
                field_assert_variances(samplers[k], field.lab, field.lab->population->x, reverse_sde, NULL);
                close_case(&field);
        }
}

static void test_stretches_may_be_cut_and_evaluations_are_counted(void **state)
{
        (void)state;
        const char *sampler = "{type: adaptive_sde, first_step: 0.5}";
        struct field_case whole = open_case(sampler, 3), cut = open_case(sampler, 3);
        advance(&whole, 0, 3);
        advance(&cut, 0, 1);
        advance(&cut, 1, 3);
        const struct population *a = whole.lab->population, *b = cut.lab->population;
        assert_memory_equal(a->x, b->x, 3 * a->tile_size * sizeof(double));
        assert_memory_equal(a->memory, b->memory, 3 * a->n_memory * sizeof(double));
        double evaluations = 0;
        for (size_t t = 0; t < 3; t++)
                evaluations += population_memory(a, t)[ADAPTIVE_SDE_MEMORY];
        assert_true(evaluations == (double)whole.lab->tally.evaluations && evaluations > 0);
        close_case(&whole);
        close_case(&cut);
}

/* What is no number anywhere in a field ends it in its step. */
static void test_a_field_that_breaks_down_is_named_with_its_step(void **state)
{
        (void)state;
        struct field_case field = open_case("{type: adaptive_sde}", 3);
        advance(&field, 0, 1);
        population_tile(field.lab->population, 1)[7] = (double)NAN;
        const struct breakdown breakdown = sampler_advance(field.lab->sampler, field.lab->population, field.lab->level,
                                                           0, 1, 3, &field.lab->tally, NULL, NULL);
        assert_true(breakdown.found);
        assert_int_equal(breakdown.particle, 1);
        assert_int_equal(breakdown.step, 1);
        close_case(&field);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_mode_has_the_variance_of_the_reverse_sde),
                cmocka_unit_test(test_stretches_may_be_cut_and_evaluations_are_counted),
                cmocka_unit_test(test_a_field_that_breaks_down_is_named_with_its_step),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
