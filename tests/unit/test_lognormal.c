/* The lognormal field: its score against its density, its draws against its exact moments, what it refuses, and what it
 * answers outside of its support. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "field_fixture.h"
#include "sculptor/sampler.h"

#define Z_LIMIT 5.85
#define TWO_PI 6.283185307179586476925286766559

/* Of variances between 0.1 and 1.5 in a cell. */
#define MESH_2 "mesh: {cells: [12, 10], box_size: [12, 11]}\n"
#define MESH_3 "mesh: {cells: [6, 4, 5], box_size: 6}\n"
#define SPECTRUM "spectrum: {type: power_law, amplitude: 2.5, index: -1.5}\n"
#define SPECTRUM_OF_LOG "spectrum: {type: power_law, amplitude: 1, index: -1.5}\n"
static const char *const texts[] = {
        "type: lognormal_field\n" MESH_2 SPECTRUM,
        "type: lognormal_field\n" MESH_3 SPECTRUM,
        "type: lognormal_field\nspectrum_of: log\n" MESH_2 SPECTRUM_OF_LOG,
        "type: lognormal_field\nspectrum_of: log\nmean_power: 0.3\n" MESH_3 SPECTRUM_OF_LOG,
};
enum { N_TEXTS = sizeof texts / sizeof *texts };

static const struct score_context nothing_to_read = {.seed = 1};

static void open_field(struct field_fixture *fixture, const char *text)
{
        char *why = field_fixture_open(fixture, text, &nothing_to_read);
        if (why)
                fail_msg("%s", why);
}

static const struct rng_stream drawing = {.seed = 7, .purpose = RNG_TARGET};

static double *draw_field(const struct field_fixture *fixture, uint64_t particle)
{
        double *x = mesh_allocate(fixture->mesh);
        fixture->type->draw(fixture->score->model, &drawing, particle, x);
        return x;
}

/* h is 2^-6 of the distance to the singularity at x = -1: truncation is (h/4)(h/2)h squared of it, 2^-42; rounding is
 * 2^-53 |log p| 64/45/(h/4), which for the 2000 here is 2^-32. */
static void test_score_is_gradient_of_log_density(void **state)
{
        (void)state;
        for (size_t t = 0; t < N_TEXTS; t++) {
                struct field_fixture fixture;
                open_field(&fixture, texts[t]);
                struct score_level *level = score_level_create(fixture.score, 0);
                double *x = draw_field(&fixture, 3), *s = mesh_allocate(fixture.mesh);
                score_eval(level, x, s);
                assert_true(padding_is_zero(fixture.mesh, x) && padding_is_zero(fixture.mesh, s));
                for (int64_t cell = 0; cell < fixture.mesh->n_cells; cell++) {
                        const size_t at = cell_at(fixture.mesh, cell);
                        const double u = 1 + x[at], slope = field_slope(field_log_p, level, x, at, ldexp(u, -6));
                        if (!(fabs(s[at] - slope) * u < 1e-7))
                                fail_msg("%s, cell %d: s %.12g, slope %.12g", texts[t], (int)cell, s[at], slope);
                }
                free(x);
                free(s);
                score_level_free(level);
                field_fixture_close(&fixture);
        }
}

static void test_divergence_is_the_trace_of_the_jacobian(void **state)
{
        (void)state;
        for (size_t t = 0; t < N_TEXTS; t++) {
                struct field_fixture fixture;
                open_field(&fixture, texts[t]);
                struct score_level *level = score_level_create(fixture.score, 0);
                double *x = draw_field(&fixture, 4), trace = 0, size = 0, div[LANES];
                for (int64_t cell = 0; cell < fixture.mesh->n_cells; cell++) {
                        const size_t at = cell_at(fixture.mesh, cell);
                        const double slope = field_slope(field_score_at, level, x, at, ldexp(1 + x[at], -6));
                        trace += slope;
                        size += fabs(slope);
                }
                fixture.type->divergence(level->state, x, div);
                for (int lane = 0; lane < LANES; lane++)
                        assert_true(fabs(div[lane] - trace) < 1e-9 * size);
                free(x);
                score_level_free(level);
                field_fixture_close(&fixture);
        }
}

/* eval, log_density and eval_both agree to the bit. */
static void test_score_and_density_are_the_same_together_and_apart(void **state)
{
        (void)state;
        struct field_fixture fixture;
        open_field(&fixture, texts[0]);
        struct score_level *level = score_level_create(fixture.score, 0);
        double *x = draw_field(&fixture, 5), *s = mesh_allocate(fixture.mesh), *both = mesh_allocate(fixture.mesh);
        double log_p[LANES], log_both[LANES];
        fixture.type->eval(level->state, x, s);
        fixture.type->log_density(level->state, x, log_p);
        fixture.type->eval_both(level->state, x, both, log_both);
        assert_memory_equal(s, both, fixture.mesh->size * sizeof *s);
        assert_memory_equal(log_p, log_both, sizeof log_p);
        free(x);
        free(s);
        free(both);
        score_level_free(level);
        field_fixture_close(&fixture);
}

/* For a single mode the field is two numbers: log p is that of the normal density of g with Jacobian 1/(1 + x). White g
 * of variance v: independent cells, -ln^2/(2 v) - ln(2 pi v)/2 - ln(1 + x) each. */
static void test_log_density_of_independent_cells_is_the_lognormal_density(void **state)
{
        (void)state;
        struct field_fixture fixture;
        open_field(&fixture, "type: lognormal_field\nspectrum_of: log\nmesh: {cells: [6, 4], box_size: [6, 8]}\n"
                             "spectrum: {type: white, amplitude: 0.5}\n");
        struct score_level *level = score_level_create(fixture.score, 0);
        double *x = draw_field(&fixture, 1), wanted = 0;
        const double v = 0.25; /* V_cell = 2 */
        for (int64_t cell = 0; cell < fixture.mesh->n_cells; cell++) {
                const double log_u = log(1 + x[cell_at(fixture.mesh, cell)]), g = log_u + v / 2;
                wanted += -g * g / (2 * v) - 0.5 * log(TWO_PI * v) - log_u;
        }
        assert_true(fabs(field_log_p(level, x, 0) - wanted) < 1e-12 * fabs(wanted));
        free(x);
        score_level_free(level);
        field_fixture_close(&fixture);
}

/* ---- draws ---- */

static double power_here(const struct field_fixture *fixture, const struct score_level *level, double *power)
{
        fixture->type->power(level->state, power);
        double variance = 0;
        struct mode mode;
        for (size_t b = 0; b < fixture->mesh->n_blocks_here; b++)
                for (mode_begin(fixture->mesh, (int64_t)b, &mode); mode_next(&mode);)
                        variance += mode.weight * power[b * fixture->mesh->block_modes + mode.index];
        return variance / (double)fixture->mesh->n_cells;
}

enum { N_DRAWS = 4000, N_SHIFTS = 5, N_SHELLS = 6 };
static const int shifts[N_SHIFTS][3] = {{0, 1, 0}, {1, 0, 0}, {1, 1, 0}, {2, 2, 0}, {3, 0, 1}};

struct moments {
        struct average mean, square, cube, pair[N_SHIFTS], shell[N_SHELLS];
        double shell_power[N_SHELLS];
};

static int shell_of(const struct mode *mode)
{
        const int shell = mode->zero ? 0 : 1 + (int)sqrt(mode->k_squared);
        return shell < N_SHELLS ? shell : N_SHELLS - 1;
}

static void add_shells(const struct mesh *mesh, const double *power, double *sum)
{
        struct mode mode;
        for (size_t b = 0; b < mesh->n_blocks_here; b++)
                for (mode_begin(mesh, (int64_t)b, &mode); mode_next(&mode);)
                        sum[shell_of(&mode)] += mode.weight * power[b * mesh->block_modes + mode.index];
}

static void add_draw(const struct field_fixture *fixture, uint64_t particle, double *modes, struct moments *moments)
{
        const struct mesh *mesh = fixture->mesh;
        double *x = draw_field(fixture, particle), sum[3] = {0}, pair[N_SHIFTS] = {0}, shell[N_SHELLS] = {0};
        for (int64_t cell = 0; cell < mesh->n_cells; cell++) {
                const double value = x[cell_at(mesh, cell)];
                sum[0] += value;
                sum[1] += value * value;
                sum[2] += value * value * value;
                for (int i = 0; i < N_SHIFTS; i++)
                        pair[i] += value * x[cell_at(mesh, cell_shifted(mesh, cell, shifts[i]))];
        }
        const double n = (double)mesh->n_cells;
        average_add(&moments->mean, sum[0] / n);
        average_add(&moments->square, sum[1] / n);
        average_add(&moments->cube, sum[2] / n);
        field_modes(mesh, x, modes);
        add_shells(mesh, modes, shell);
        for (int i = 0; i < N_SHIFTS; i++)
                average_add(&moments->pair[i], pair[i] / n);
        for (int i = 0; i < N_SHELLS; i++)
                average_add(&moments->shell[i], shell[i]);
        free(x);
}

/* sum over modes of power e^{ikr}/n_cells */
static double correlation_at(const struct mesh *mesh, const double *power, const int *shift)
{
        double sum = 0;
        struct mode mode;
        for (size_t b = 0; b < mesh->n_blocks_here; b++)
                for (mode_begin(mesh, (int64_t)b, &mode); mode_next(&mode);) {
                        double phase = 0;
                        for (int axis = 0; axis < mesh->n_axes; axis++)
                                phase += TWO_PI * mode.n[axis] * shift[axis] / (double)mesh->n[axis];
                        sum += mode.weight * power[b * mesh->block_modes + mode.index] * cos(phase);
                }
        return sum / (double)mesh->n_cells;
}

static void assert_z(const char *what, double z)
{
        if (!(fabs(z) < Z_LIMIT))
                fail_msg("%s: z = %.2f", what, z);
}

/* <x> = 0, <x^2> = e^xi_g - 1, <x^3> = e^(3 xi_g) - 3 e^xi_g + 2, xi_g = ln(1 + <x^2>); power and correlations. */
static void test_draws_have_the_exact_moments(void **state)
{
        (void)state;
        for (size_t t = 0; t < N_TEXTS; t++) {
                struct field_fixture fixture;
                open_field(&fixture, texts[t]);
                struct score_level *level = score_level_create(fixture.score, 0);
                const size_t n_modes = mesh_modes_here(fixture.mesh);
                double *power = allocate(n_modes, sizeof *power), *modes = allocate(n_modes, sizeof *modes);
                const double variance = power_here(&fixture, level, power), e = 1 + variance;
                struct moments moments = {0};
                add_shells(fixture.mesh, power, moments.shell_power);
                for (uint64_t i = 0; i < N_DRAWS; i++)
                        add_draw(&fixture, i, modes, &moments);
                if (!(variance > 0.1 && variance < 1.5))
                        fail_msg("variance %g, where the moments of few draws would be known badly", variance);
                assert_z("mean", average_z(&moments.mean, 0));
                assert_z("variance", average_z(&moments.square, variance));
                assert_z("third moment", average_z(&moments.cube, e * e * e - 3 * e + 2));
                for (int i = 0; i < N_SHIFTS; i++)
                        assert_z("xi", average_z(&moments.pair[i], correlation_at(fixture.mesh, power, shifts[i])));
                for (int i = 0; i < N_SHELLS; i++)
                        if (moments.shell_power[i] > 0)
                                assert_z("P", average_z(&moments.shell[i], moments.shell_power[i]));
                free(power);
                free(modes);
                score_level_free(level);
                field_fixture_close(&fixture);
        }
}

/* What power() promises of the density is what the input says, mean_power included. */
static void test_the_spectrum_of_the_density_is_the_inputs(void **state)
{
        (void)state;
        struct field_fixture fixture;
        open_field(&fixture, "type: lognormal_field\nmean_power: 1.25\n" MESH_3 SPECTRUM);
        struct score_level *level = score_level_create(fixture.score, 0);
        double *power = allocate(mesh_modes_here(fixture.mesh), sizeof *power);
        fixture.type->power(level->state, power);
        struct mode mode;
        for (size_t b = 0; b < fixture.mesh->n_blocks_here; b++)
                for (mode_begin(fixture.mesh, (int64_t)b, &mode); mode_next(&mode);) {
                        const double wanted = mode.zero ? 1.25 : 2.5 * pow(mode.k_squared, -0.75);
                        const double p = power[b * fixture.mesh->block_modes + mode.index] * fixture.mesh->cell_volume;
                        assert_true(fabs(p - wanted) < 1e-14 * wanted);
                }
        free(power);
        score_level_free(level);
        field_fixture_close(&fixture);
}

/* E[s] = 0 and E[x s] = -1 in each cell where the density vanishes at the edge of its support. */
static void test_the_score_of_draws_has_its_exact_mean(void **state)
{
        (void)state;
        struct field_fixture fixture;
        open_field(&fixture, texts[0]);
        struct score_level *level = score_level_create(fixture.score, 0);
        double *s = mesh_allocate(fixture.mesh);
        struct average mean = {0}, product = {0};
        for (uint64_t i = 0; i < N_DRAWS; i++) {
                double *x = draw_field(&fixture, i);
                score_eval(level, x, s);
                const size_t at = cell_at(fixture.mesh, 17);
                average_add(&mean, s[at]);
                average_add(&product, mesh_dot(fixture.mesh, x, s) / (double)fixture.mesh->n_cells);
                free(x);
        }
        assert_z("<s>", average_z(&mean, 0));
        assert_z("<x s>", average_z(&product, -1));
        free(s);
        score_level_free(level);
        field_fixture_close(&fixture);
}

/* ---- the edge of the support ---- */

static void test_outside_of_the_support_the_density_is_0_and_schemes_are_told(void **state)
{
        (void)state;
        struct field_fixture fixture;
        open_field(&fixture, texts[0]);
        struct score_level *level = score_level_create(fixture.score, 0);
        double *x = draw_field(&fixture, 6), *s = mesh_allocate(fixture.mesh), log_p[LANES];
        static const double outside[] = {-1, -1.5, -1e300, NAN, INFINITY, -INFINITY};
        for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
                x[cell_at(fixture.mesh, 23)] = outside[i];
                fixture.type->eval_both(level->state, x, s, log_p);
                for (size_t j = 0; j < fixture.mesh->size; j++)
                        assert_true(s[j] == 0);
                for (int lane = 0; lane < LANES; lane++)
                        assert_true(log_p[lane] == -INFINITY);
                assert_true(field_log_p(level, x, 0) == -INFINITY);
                fixture.type->eval(level->state, x, s);
                for (int64_t cell = 0; cell < fixture.mesh->n_cells; cell++)
                        assert_true(isnan(s[cell_at(fixture.mesh, cell)]));
                assert_true(padding_is_zero(fixture.mesh, s));
        }
        x[cell_at(fixture.mesh, 23)] = 0x1p-53 - 1; /* the last number inside */
        fixture.type->eval_both(level->state, x, s, log_p);
        for (size_t j = 0; j < fixture.mesh->size; j++)
                assert_true(isfinite(s[j]));
        assert_true(isfinite(log_p[0]));
        free(x);
        free(s);
        score_level_free(level);
        field_fixture_close(&fixture);
}

/* One field, moved by a scheme for 400 steps from an exact draw. */
static struct breakdown advance(const struct field_fixture *fixture, const char *sampler_text, struct tally *tally,
                                double *least)
{
        struct input *input = input_parse("test", sampler_text, strlen(sampler_text), NULL, 0);
        struct sampler_settings settings = {0};
        input_read(input, sampler_params, &settings);
        assert_int_equal(input_problems(input), 0);
        const struct mesh *mesh = fixture->mesh;
        const struct field_layout layout = {mesh->n_planes, mesh->plane_begin, mesh->n_planes_here, mesh->plane_cells,
                                            mesh->plane_stride};
        struct population *population = population_create_fields(1, mesh->n_cells, &layout, false, 0);
        struct score_level *level = score_level_create(fixture->score, 0);
        struct sampler *sampler = sampler_create(&settings, settings.step_size, 0, 3);
        fixture->type->draw(fixture->score->model, &drawing, 2, population->x);
        sampler_begin(sampler, population, level);
        const struct breakdown breakdown = sampler_advance(sampler, population, level, 0, 0, 400, tally, NULL, NULL);
        *least = INFINITY;
        for (int64_t cell = 0; cell < mesh->n_cells; cell++)
                *least = fmin(*least, population->x[cell_at(mesh, cell)]);
        sampler_free(sampler);
        score_level_free(level);
        population_free(population);
        params_release(sampler_params, &settings);
        input_free(input);
        return breakdown;
}

/* Steps so large that some lead outside: Metropolis schemes refuse those and go on, also where only a place in the
 * middle of a trajectory is outside; a scheme without a density stops and says at which step. */
static void test_schemes_refuse_or_stop_at_the_edge_of_the_support(void **state)
{
        (void)state;
        struct field_fixture fixture;
        open_field(&fixture, texts[0]);
        double least;
        static const char *const exact[] = {"type: mala\nstep_size: 0.004\nsteps_per_level: 400\n",
                                            "type: hmc\nleapfrog_steps: 5\nstep_size: 0.05\nsteps_per_level: 400\n"};
        for (size_t i = 0; i < sizeof exact / sizeof *exact; i++) {
                struct tally tally = {0};
                assert_false(advance(&fixture, exact[i], &tally, &least).found);
                assert_true(least > -1);
                assert_int_equal(tally.proposed, 400);
                assert_int_equal(tally.non_finite, 0);
                if (!(tally.accepted > 20 && tally.accepted < 380))
                        fail_msg("%s%d of 400 accepted", exact[i], (int)tally.accepted);
        }
        struct tally tally = {0};
        const struct breakdown stopped = advance(&fixture, "type: ula\nstep_size: 0.1\nsteps_per_level: 400\n", &tally,
                                                 &least);
        assert_true(stopped.found && stopped.particle == 0 && stopped.step < 400);
        field_fixture_close(&fixture);
}

/* ---- what there is no lognormal field of ---- */

static void test_spectra_without_a_lognormal_field_are_refused_with_advice(void **state)
{
        (void)state;
        static const struct {
                const char *text, *reason, *advice;
        } wrong[] = {
                /* power that falls steeply: ln(1 + xi) would need less than none where it is gone */
                {"type: lognormal_field\n" MESH_2 "spectrum: {type: white, amplitude: 1, smoothing: 2}\n",
                 "at k = ", "coarser mesh"},
                /* a mean that may not vary */
                {"type: lognormal_field\nmean_power: 0\n" MESH_2 SPECTRUM, "at k = 0,", "raise mean_power"},
                /* alternating cells */
                {"type: lognormal_field\n" MESH_2 "spectrum: {type: power_law, amplitude: 1000, index: 0, k_min: 4}\n",
                 "correlation of -1 or less", "less power"},
                {"type: lognormal_field\nspectrum_of: log\n" MESH_2
                 "spectrum: {type: power_law, amplitude: 1, index: 0, "
                 "k_max: 2}\n",
                 "P = 0 at k = ", "above 0 on the whole mesh"},
        };
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                struct field_fixture fixture;
                char *why = field_fixture_open(&fixture, wrong[i].text, &nothing_to_read);
                if (!why || !strstr(why, wrong[i].reason) || !strstr(why, wrong[i].advice) || strchr(why, '\n'))
                        fail_msg("wanted '%s ... %s', got %s", wrong[i].reason, wrong[i].advice, why ? why : "nothing");
                free(why);
                field_fixture_close(&fixture);
        }
}

static void test_a_fixed_mean_and_noise_are_refused(void **state)
{
        (void)state;
        struct field_fixture fixture;
        open_field(&fixture, "type: lognormal_field\nspectrum_of: log\nmean_power: 0\n" MESH_2 SPECTRUM);
        assert_non_null(strstr(fixture.type->singular_at(fixture.score->model, 0), "mean_power"));
        assert_non_null(fixture.type->undefined_at(fixture.score->model, 0.1));
        assert_null(fixture.type->undefined_at(fixture.score->model, 0));
        field_fixture_close(&fixture);
        open_field(&fixture, texts[2]);
        assert_null(fixture.type->singular_at(fixture.score->model, 0));
        field_fixture_close(&fixture);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_score_is_gradient_of_log_density),
                cmocka_unit_test(test_divergence_is_the_trace_of_the_jacobian),
                cmocka_unit_test(test_score_and_density_are_the_same_together_and_apart),
                cmocka_unit_test(test_log_density_of_independent_cells_is_the_lognormal_density),
                cmocka_unit_test(test_draws_have_the_exact_moments),
                cmocka_unit_test(test_the_spectrum_of_the_density_is_the_inputs),
                cmocka_unit_test(test_the_score_of_draws_has_its_exact_mean),
                cmocka_unit_test(test_outside_of_the_support_the_density_is_0_and_schemes_are_told),
                cmocka_unit_test(test_schemes_refuse_or_stop_at_the_edge_of_the_support),
                cmocka_unit_test(test_spectra_without_a_lognormal_field_are_refused_with_advice),
                cmocka_unit_test(test_a_fixed_mean_and_noise_are_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
