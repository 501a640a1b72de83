/* The score of a Gaussian random field against its own density, its divergence and the spectrum of its Jacobian. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "field_fixture.h"
#include "sculptor/rng.h"

#define TWO_PI 6.283185307179586476925286766559

static const char *const fields[] = {
        "{type: gaussian_field, mesh: {cells: [6, 5], box_size: [6, 10]}, "
        "spectrum: {type: power_law, amplitude: 2, index: -1}}",
        "{type: gaussian_field, mesh: {cells: [4, 3, 2], box_size: [4, 3, 4]}, "
        "spectrum: {type: power_law, amplitude: 2, index: -1.5}}",
};
static const double sigmas[] = {0.3, 2};
enum { FIELDS = 2, SIGMAS = 2 };

/* Calls check() for each field at each sigma, with a point where density is high. */
static void for_each(void (*check)(const struct field_fixture *field, const struct score_level *level, double *x))
{
        for (int i = 0; i < FIELDS * SIGMAS; i++) {
                struct field_fixture field;
                const struct score_context context = {.seed = 1};
                char *why = field_fixture_open(&field, fields[i / SIGMAS], &context);
                assert_null(why);
                struct score_level *level = score_level_create(field.score, sigmas[i % SIGMAS]);
                double *x = mesh_allocate(field.mesh);
                const struct rng_stream stream = {.seed = 3, .purpose = RNG_TARGET};
                field.type->draw(field.score->model, &stream, 2, x);
                x[0] += 0.5; /* the mean holds something too */
                check(&field, level, x);
                free(x);
                score_level_free(level);
                field_fixture_close(&field);
        }
}

static void assert_near(double value, double expected, double tolerance)
{
        if (!(fabs(value - expected) <= tolerance))
                fail_msg("%.17g, expected %.17g within %.3g", value, expected, tolerance);
}

/* log p is quadratic: differences are exact but for rounding, about 1e-15 |log p|/h with h = 0.1. */
static void check_gradient(const struct field_fixture *field, const struct score_level *level, double *x)
{
        double *s = mesh_allocate(field->mesh), *both = mesh_allocate(field->mesh), log_p[LANES], log_p_both[LANES];
        score_eval(level, x, s);
        field->type->eval_both(level->state, x, both, log_p_both);
        field->type->log_density(level->state, x, log_p);
        assert_true(padding_is_zero(field->mesh, s));
        assert_near(log_p_both[0], log_p[0], 1e-13 * fabs(log_p[0]));
        for (int64_t cell = 0; cell < field->mesh->n_cells; cell++) {
                const size_t at = cell_at(field->mesh, cell);
                assert_true(s[at] == both[at]);
                assert_near(field_slope(field_log_p, level, x, at, 0.1), s[at], 1e-10 * (1 + fabs(s[at])));
        }
        for (int lane = 1; lane < LANES; lane++)
                assert_true(log_p[lane] == log_p[0]);
        free(s);
        free(both);
}

static void test_score_is_gradient_of_log_density(void **state)
{
        (void)state;
        for_each(check_gradient);
}

/* Linear, so that a difference of any step is the Jacobian's diagonal, which is the same in every cell. */
static void check_divergence(const struct field_fixture *field, const struct score_level *level, double *x)
{
        double divergence[LANES];
        field->type->divergence(level->state, x, divergence);
        const double diagonal = field_slope(field_score_at, level, x, 0, 1);
        assert_near(divergence[0], diagonal * (double)field->mesh->n_cells, 1e-11 * fabs(divergence[0]));
}

static void test_divergence_is_the_trace_of_the_jacobian(void **state)
{
        (void)state;
        for_each(check_divergence);
}

/* A plane wave cos(k x) is an eigenvector: s(x + wave) - s(x) = -wave/c(k), mode by mode. */
static void check_spectrum(const struct field_fixture *field, const struct score_level *level, double *x)
{
        const struct mesh *mesh = field->mesh;
        double *c = allocate(mesh_modes_here(mesh), sizeof *c), *wave = mesh_allocate(mesh), *s = mesh_allocate(mesh);
        (void)x;
        field->type->mode_variance(level->state, c);
        for (int64_t block = 0; block < mesh->n_blocks; block++) {
                struct mode mode;
                for (mode_begin(mesh, block, &mode); mode_next(&mode);) {
                        for (int64_t cell = 0; cell < mesh->n_cells; cell++) {
                                int64_t rest = cell;
                                double turns = 0;
                                for (int axis = mesh->n_axes - 1; axis >= 0; axis--) {
                                        turns += (double)(rest % mesh->n[axis] * mode.n[axis]) / (double)mesh->n[axis];
                                        rest /= mesh->n[axis];
                                }
                                wave[cell_at(mesh, cell)] = cos(TWO_PI * turns);
                        }
                        const double variance = c[(size_t)block * mesh->block_modes + mode.index];
                        const double k = sqrt(mode.k_squared);
                        const double power = mode.zero ? 0 : 2 * pow(k, mesh->n_axes == 2 ? -1 : -1.5);
                        assert_near(variance, power / mesh->cell_volume + level->sigma * level->sigma,
                                    1e-13 * variance);
                        score_eval(level, wave, s);
                        for (int64_t cell = 0; cell < mesh->n_cells; cell++)
                                assert_near(s[cell_at(mesh, cell)], -wave[cell_at(mesh, cell)] / variance,
                                            1e-12 / variance + 1e-13);
                }
        }
        free(c);
        free(wave);
        free(s);
}

static void test_plane_waves_are_eigenvectors_of_the_jacobian(void **state)
{
        (void)state;
        for_each(check_spectrum);
}

/* log N(x; 0, C) = -x' C^-1 x/2 - sum over the n_cells real amplitudes of ln(2 pi c)/2, by the modes' own c. */
static void check_constant(const struct field_fixture *field, const struct score_level *level, double *x)
{
        const struct mesh *mesh = field->mesh;
        double *c = allocate(mesh_modes_here(mesh), sizeof *c), *power = allocate(mesh_modes_here(mesh), sizeof *power);
        double log_p[LANES], expected = 0;
        field->type->mode_variance(level->state, c);
        field_modes(mesh, x, power);
        for (int64_t block = 0; block < mesh->n_blocks; block++) {
                struct mode mode;
                for (mode_begin(mesh, block, &mode); mode_next(&mode);) {
                        const size_t i = (size_t)block * mesh->block_modes + mode.index;
                        expected -= mode.weight * (power[i] / c[i] + log(TWO_PI * c[i])) / 2;
                }
        }
        field->type->log_density(level->state, x, log_p);
        assert_near(log_p[0], expected, 1e-12 * fabs(expected));
        free(c);
        free(power);
}

static void test_log_density_is_normalised(void **state)
{
        (void)state;
        for_each(check_constant);
}

static void test_white_noise_is_refused_at_sigma_0_only(void **state)
{
        (void)state;
        struct field_fixture field;
        const struct score_context context = {.seed = 1};
        char *why = field_fixture_open(&field, fields[0], &context);
        assert_null(why);
        assert_non_null(field.type->singular_at(field.score->model, 0));
        assert_null(field.type->singular_at(field.score->model, 1e-9));
        /* there the mean, which has no width, is left alone */
        struct score_level *level = score_level_create(field.score, 0);
        double *x = mesh_allocate(field.mesh), *s = mesh_allocate(field.mesh);
        for (int64_t cell = 0; cell < field.mesh->n_cells; cell++)
                x[cell_at(field.mesh, cell)] = 3;
        score_eval(level, x, s);
        for (int64_t cell = 0; cell < field.mesh->n_cells; cell++)
                assert_near(s[cell_at(field.mesh, cell)], 0, 1e-12);
        free(x);
        free(s);
        score_level_free(level);
        field_fixture_close(&field);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_score_is_gradient_of_log_density),
                cmocka_unit_test(test_divergence_is_the_trace_of_the_jacobian),
                cmocka_unit_test(test_plane_waves_are_eigenvectors_of_the_jacobian),
                cmocka_unit_test(test_log_density_is_normalised),
                cmocka_unit_test(test_white_noise_is_refused_at_sigma_0_only),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
