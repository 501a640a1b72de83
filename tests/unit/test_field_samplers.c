/* Samplers on random fields: every mode of a Gaussian field is an oscillator of its own, so that each scheme has an
 * exact answer per mode, bias and transient included. */
#include "field_sampler_lab.h"

#define FIELD_2D                                                                                                       \
        "{type: gaussian_field, mesh: {cells: [24, 20], box_size: [24, 20]}, "                                         \
        "spectrum: {type: power_law, amplitude: 1, index: -1}}"
#define FIELD_3D                                                                                                       \
        "{type: gaussian_field, mesh: {cells: [9, 8, 7], box_size: [18, 16, 14]}, "                                    \
        "spectrum: {type: power_law, amplitude: 8, index: -1}}"
static const char *const fields[] = {FIELD_2D, FIELD_3D};
static const double SIGMA = 0.4; /* the mean has c = 0.16; d begins at about 0.2 */
enum { N_FIELDS = 2, ENSEMBLE = 300 }; /* 144,000 amplitudes: 2.2% of a variance is 5.85 errors */

struct plan { double step, start; int64_t n; };

/* ---- the closed forms: variance of a mode of variance c after n steps from `start` ---- */

static double recursion(double gain, double stationary, const struct plan *plan)
{
        return stationary + pow(gain, 2 * (double)plan->n) * (plan->start - stationary);
}

static double ula(double c, const void *owner)
{
        const struct plan *plan = owner;
        return recursion(1 - plan->step / c, c / (1 - plan->step / (2 * c)), plan);
}

static double fourier_ula(double c, const void *owner)
{
        const struct plan *plan = owner;
        return recursion(1 - plan->step, c / (1 - plan->step / 2), plan);
}

static double exponential(double c, const void *owner)
{
        const struct plan *plan = owner;
        return recursion(exp(-plan->step / c), c, plan);
}

static double fourier_exponential(double c, const void *owner)
{
        const struct plan *plan = owner;
        return recursion(exp(-plan->step), c, plan);
}

static double exact(double c, const void *owner)
{
        (void)owner;
        return c;
}

static double obabo(double c, const void *owner)
{
        const struct plan *plan = owner;
        return c / (1 - plan->step * plan->step / (4 * c));
}

static double baoab_momentum(double c, const void *owner)
{
        const struct plan *plan = owner;
        return 1 - plan->step * plan->step / (4 * c);
}

/* ---- ---- */

static void check_from_white(const char *scheme, double step, int64_t n,
                             double (*variance)(double c, const void *owner))
{
        const struct plan plan = {.step = step, .start = 2.25, .n = n};
        char text[200];
        snprintf(text, sizeof text, "{type: %s, step_size: %.17g, steps_per_level: 1000}", scheme, step);
        for (int i = 0; i < N_FIELDS; i++) {
                struct field_lab *lab = field_lab_open(fields[i], text, ENSEMBLE, SIGMA, NULL);
                field_lab_draw_white(lab, 0, plan.start);
                field_lab_advance(lab, 0, n);
                field_assert_variances(text, lab, lab->population->x, variance, &plan);
                field_lab_close(lab);
        }
}

static void check_stays(const char *text, double step, int64_t n, double (*variance)(double c, const void *owner),
                        double (*momentum)(double c, const void *owner))
{
        const struct plan plan = {.step = step};
        for (int i = 0; i < N_FIELDS; i++) {
                struct field_lab *lab = field_lab_open(fields[i], text, ENSEMBLE, SIGMA, NULL);
                field_lab_draw_target(lab);
                field_lab_advance(lab, 0, n);
                field_assert_variances(text, lab, lab->population->x, variance, &plan);
                /* a chain that hardly moves keeps any target */
                if (lab->tally.proposed > 0 && !(lab->tally.accepted > 0.4 * (double)lab->tally.proposed))
                        fail_msg("%s: %lld of %lld accepted", text, (long long)lab->tally.accepted,
                                 (long long)lab->tally.proposed);
                if (momentum)
                        field_assert_variances(text, lab, lab->population->velocity, momentum, &plan);
                field_lab_close(lab);
        }
}

static void test_exact_draws_have_the_noised_targets_variance_in_every_band(void **state)
{
        (void)state;
        check_stays("{type: ula, step_size: 0.1, steps_per_level: 1000}", 0.1, 0, exact, NULL);
}

static void test_ula_on_fields_matches_its_closed_recursion_per_mode(void **state)
{
        (void)state;
        check_from_white("ula", 0.1, 1, ula);
        check_from_white("ula", 0.1, 7, ula);
        check_from_white("ula", 0.2, 60, ula); /* a bias of 167% at c = 0.16 */
}

static void test_fourier_ula_relaxes_all_modes_alike_to_its_exact_bias(void **state)
{
        (void)state;
        check_from_white("fourier_ula", 0.5, 1, fourier_ula);
        check_from_white("fourier_ula", 0.5, 3, fourier_ula);
        check_from_white("fourier_ula", 1.2, 20, fourier_ula); /* v = 2.5 c */
}

static void test_exponential_is_exact_in_time_at_any_step(void **state)
{
        (void)state;
        check_from_white("exponential", 0.05, 4, exponential);
        check_from_white("exponential", 3, 1, exponential); /* 19 c of the stiffest mode */
        check_from_white("fourier_exponential", 0.3, 2, fourier_exponential);
        check_from_white("fourier_exponential", 5, 1, fourier_exponential);
}

static void test_metropolis_schemes_on_fields_keep_the_exact_target(void **state)
{
        (void)state;
        check_stays("{type: mala, step_size: 0.06, steps_per_level: 1000}", 0, 40, exact, NULL);
        check_stays("{type: hmc, step_size: 0.35, leapfrog_steps: 4, steps_per_level: 1000}", 0, 10, exact, NULL);
        check_stays("{type: fourier_mala, step_size: 0.18, steps_per_level: 1000}", 0, 40, exact, NULL);
        check_stays("{type: fourier_hmc, step_size: 0.5, leapfrog_steps: 3, steps_per_level: 1000}", 0, 10, exact,
                    NULL);
}

static void test_splittings_on_fields_have_their_exact_variances_per_mode(void **state)
{
        (void)state;
        check_stays("{type: baoab, step_size: 0.4, friction: 2, steps_per_level: 1000}", 0.4, 60, exact,
                    baoab_momentum);
        check_stays("{type: obabo, step_size: 0.4, friction: 2, steps_per_level: 1000}", 0.4, 60, obabo, NULL);
        check_stays("{type: leimkuhler_matthews, step_size: 0.1, steps_per_level: 1000}", 0.1, 60, exact, NULL);
}

/* ---- annealed, with denoising: SCIENCE.md section 4 ---- */

static void test_annealed_langevin_and_tweedie_match_their_closed_recursion_per_mode(void **state)
{
        (void)state;
        enum { LEVELS = 5, STEPS = 6 };
        const double e_0 = 0.03, sigma[LEVELS] = {3.2, 1.9, 1.1, 0.7, 0.4};
        for (int i = 0; i < N_FIELDS; i++) {
                struct field_lab *lab = field_lab_open(
                        fields[i], "{type: annealed_langevin, step_size: 0.03, steps_per_level: 6, denoise: true}",
                        ENSEMBLE, sigma[LEVELS - 1], NULL);
                double *clean = allocate(mesh_modes_here(lab->mesh), sizeof *clean),
                       *v = allocate(mesh_modes_here(lab->mesh), sizeof *v);
                field_lab_draw_white(lab, 0, sigma[0] * sigma[0]);
                for (size_t k = 0; k < mesh_modes_here(lab->mesh); k++) {
                        clean[k] = lab->c[k] - sigma[LEVELS - 1] * sigma[LEVELS - 1];
                        v[k] = sigma[0] * sigma[0];
                }
                for (uint32_t level = 0; level < LEVELS; level++) {
                        score_level_free(lab->level);
                        lab->level = score_level_create(lab->score, sigma[level]);
                        assert_false(sampler_advance(lab->sampler, lab->population, lab->level, level, 0, STEPS,
                                                     &lab->tally, NULL, NULL)
                                             .found);
                        const double ratio = sigma[level] / sigma[LEVELS - 1], e = e_0 * ratio * ratio;
                        for (size_t k = 0; k < mesh_modes_here(lab->mesh); k++) {
                                const double s = clean[k] + sigma[level] * sigma[level], a = pow(1 - e / s, 2 * STEPS);
                                v[k] = a * v[k] + (1 - a) * s / (1 - e / (2 * s));
                        }
                }
                memcpy(lab->c, v, mesh_modes_here(lab->mesh) * sizeof *v);
                field_assert_variances("annealed", lab, lab->population->x, exact, NULL);

                assert_false(sampler_denoise(lab->sampler, lab->population, lab->level, &lab->tally).found);
                const double noise = sigma[LEVELS - 1] * sigma[LEVELS - 1];
                for (size_t k = 0; k < mesh_modes_here(lab->mesh); k++)
                        lab->c[k] = v[k] * pow(clean[k] / (clean[k] + noise), 2);
                field_assert_variances("denoised", lab, lab->population->x, exact, NULL);
                free(clean);
                free(v);
                field_lab_close(lab);
        }
}

/* ---- a remainder: data of precision b in every cell, whose answer is known per mode ---- */

static const double PRECISION = 1.5;
static const struct score_type *inner;

static const struct field_lab *lab_here;

static void remainder_here(const void *level, const double *x, double *r)
{
        (void)level;
        for (size_t i = 0; i < lab_here->mesh->size; i++)
                r[i] = -PRECISION * x[i];
}

static void eval_with_data(const void *level, const double *restrict x, double *restrict s)
{
        inner->eval(level, x, s);
        for (size_t i = 0; i < lab_here->mesh->size; i++)
                s[i] -= PRECISION * x[i];
}

static const struct score_type *with_data(const struct score_type *type)
{
        static struct score_type copy;
        inner = type;
        copy = *type;
        copy.eval = eval_with_data;
        copy.remainder = remainder_here;
        return &copy;
}

/* B(h/2) O(h) B(h/2): q = 1 - h M b/2, v = q^2 c (1 - E^2)/(1 - q^4 E^2). */
static double split(double c, double m, double h)
{
        const double q = 1 - h * m * PRECISION / 2, e2 = exp(-2 * h * m / c);
        return q * q * c * (1 - e2) / (1 - q * q * q * q * e2);
}

static double split_plain(double c, const void *owner)
{
        return split(c, 1, ((const struct plan *)owner)->step);
}

static double split_alike(double c, const void *owner)
{
        return split(c, c, ((const struct plan *)owner)->step);
}

static double ula_with_data(double c, const void *owner)
{
        const double posterior = 1 / (1 / c + PRECISION);
        return posterior / (1 - ((const struct plan *)owner)->step / (2 * posterior));
}

static void check_with_data(const char *scheme, double step, int64_t n, double (*variance)(double c, const void *owner))
{
        const struct plan plan = {.step = step};
        char text[200];
        snprintf(text, sizeof text, "{type: %s, step_size: %.17g, steps_per_level: 1000}", scheme, step);
        for (int i = 0; i < N_FIELDS; i++) {
                struct field_lab *lab = field_lab_open(fields[i], text, ENSEMBLE, SIGMA, with_data);
                lab_here = lab;
                field_lab_draw_white(lab, 0, 0.3);
                field_lab_advance(lab, 0, n);
                field_assert_variances(text, lab, lab->population->x, variance, &plan);
                field_lab_close(lab);
        }
}

static void test_exponential_with_a_remainder_has_its_exact_splitting_bias(void **state)
{
        (void)state;
        check_with_data("exponential", 0.3, 40, split_plain);
        check_with_data("fourier_exponential", 0.4, 40, split_alike);
        check_with_data("ula", 0.05, 150, ula_with_data);
}

/* ---- what is deterministic: per cell ---- */

struct gain { const double *c; double h; };

static void euler_block(void *owner, const struct mesh_block *block)
{
        const struct gain *gain = owner;
        for (size_t i = 0; i < block->mesh->block_modes; i++) {
                const double factor = pow(1 - gain->h / gain->c[block->first + i], 20);
                block->value[2 * i] *= factor;
                block->value[2 * i + 1] *= factor;
        }
}

static void test_score_flow_by_euler_matches_its_closed_form_per_cell(void **state)
{
        (void)state;
        for (int i = 0; i < N_FIELDS; i++) {
                struct field_lab *lab = field_lab_open(
                        fields[i], "{type: score_flow, method: euler, step_size: 0.02, steps_per_level: 20}", 2, SIGMA,
                        NULL);
                field_lab_draw_white(lab, 0.3, 1);
                double *expected = allocate(lab->population->tile_size, sizeof *expected);
                struct gain gain = {lab->c, 0.02};
                mesh_filter(lab->mesh, population_tile(lab->population, 1), expected, euler_block, &gain);
                field_lab_advance(lab, 0, 20);
                for (size_t k = 0; k < lab->population->tile_size; k++)
                        assert_true(fabs(population_tile(lab->population, 1)[k] - expected[k]) < 1e-12);
                free(expected);
                field_lab_close(lab);
        }
}

/* ---- bookkeeping ---- */

static void test_a_field_that_breaks_down_is_named_with_its_step(void **state)
{
        (void)state;
        struct field_lab *lab = field_lab_open(FIELD_2D, "{type: ula, step_size: 1e250, steps_per_level: 9}", 3, SIGMA,
                                               NULL);
        field_lab_draw_white(lab, 0, 1);
        struct breakdown breakdown = sampler_advance(lab->sampler, lab->population, lab->level, 0, 0, 9, &lab->tally,
                                                     NULL, NULL);
        assert_true(breakdown.found);
        assert_int_equal(breakdown.particle, 0);
        assert_int_equal(breakdown.step, 1); /* 1e250 after one step, beyond 1e308 after two */
        field_lab_close(lab);
}

static void test_a_field_counts_as_one_particle(void **state)
{
        (void)state;
        struct field_lab *lab = field_lab_open(FIELD_2D, "{type: mala, step_size: 0.01, steps_per_level: 9}", 3, SIGMA,
                                               NULL);
        field_lab_draw_target(lab);
        field_lab_advance(lab, 0, 9);
        assert_int_equal(lab->tally.proposed, 27);
        assert_int_equal(lab->tally.evaluations, 30);
        field_lab_close(lab);
}

/* Cut anywhere, a chain has the same bits. */
static void test_stretches_of_fields_may_be_cut_anywhere(void **state)
{
        (void)state;
        static const char *const samplers[] = {
                "{type: fourier_ula, step_size: 0.3, steps_per_level: 9}",
                "{type: fourier_mala, step_size: 0.3, steps_per_level: 9}",
                "{type: fourier_hmc, step_size: 0.7, leapfrog_steps: 2, steps_per_level: 9}",
                "{type: exponential, step_size: 0.3, steps_per_level: 9}",
                "{type: fourier_exponential, step_size: 0.3, steps_per_level: 9}",
                "{type: mala, step_size: 0.1, steps_per_level: 9}",
                "{type: hmc, step_size: 0.2, leapfrog_steps: 2, steps_per_level: 9}",
                "{type: score_flow, method: dormand_prince, step_size: 0.2, steps_per_level: 9}",
        };
        for (size_t i = 0; i < sizeof samplers / sizeof *samplers; i++) {
                struct field_lab *lab[2];
                for (int cut = 0; cut < 2; cut++) {
                        lab[cut] = field_lab_open(FIELD_3D, samplers[i], 2, SIGMA, NULL);
                        field_lab_draw_white(lab[cut], 0, 1);
                        field_lab_advance(lab[cut], 0, cut ? 4 : 9);
                        field_lab_advance(lab[cut], cut ? 4 : 9, 9);
                }
                const size_t bytes = 2 * lab[0]->population->tile_size * sizeof(double);
                assert_memory_equal(lab[0]->population->x, lab[1]->population->x, bytes);
                field_lab_close(lab[0]);
                field_lab_close(lab[1]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_exact_draws_have_the_noised_targets_variance_in_every_band),
                cmocka_unit_test(test_ula_on_fields_matches_its_closed_recursion_per_mode),
                cmocka_unit_test(test_fourier_ula_relaxes_all_modes_alike_to_its_exact_bias),
                cmocka_unit_test(test_exponential_is_exact_in_time_at_any_step),
                cmocka_unit_test(test_metropolis_schemes_on_fields_keep_the_exact_target),
                cmocka_unit_test(test_splittings_on_fields_have_their_exact_variances_per_mode),
                cmocka_unit_test(test_annealed_langevin_and_tweedie_match_their_closed_recursion_per_mode),
                cmocka_unit_test(test_exponential_with_a_remainder_has_its_exact_splitting_bias),
                cmocka_unit_test(test_score_flow_by_euler_matches_its_closed_form_per_cell),
                cmocka_unit_test(test_a_field_that_breaks_down_is_named_with_its_step),
                cmocka_unit_test(test_a_field_counts_as_one_particle),
                cmocka_unit_test(test_stretches_of_fields_may_be_cut_anywhere),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
