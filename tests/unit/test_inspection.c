/* Holding scores against the truth: distances of points, shells of fields, errors against closed forms, and the
 * sampled truth of noised lognormal fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "field_fixture.h"
#include "sculptor/field_spectra.h"
#include "sculptor/inspection.h"
#include "sculptor/sample_distance.h"

#define Z_LIMIT 5.85
#define TWO_PI 6.283185307179586476925286766559

/* ---- distances ---- */

static void test_sliced_distance_of_a_shift_is_the_shift(void **state)
{
        (void)state;
        enum { N = 500, D = 3 };
        const struct rng_stream stream = {.seed = 3, .purpose = RNG_TEST};
        double a[N * D], b[N * D], shift[D] = {1, -2, 0.5}, square = 0;
        rng_normal_row(&stream, 0, 0, N * D, a);
        for (size_t i = 0; i < N; i++)
                for (size_t c = 0; c < D; c++)
                        b[(N - 1 - i) * D + c] = a[i * D + c] + shift[c]; /* in another order */
        /* on a line exactly so */
        double line[2][N];
        for (size_t i = 0; i < N; i++) {
                line[0][i] = a[i];
                line[1][N - 1 - i] = a[i] - 0.7;
        }
        assert_true(fabs(sample_distance_sliced(line[0], line[1], N, 1, 5) - 0.7) < 1e-13);
        /* along a direction u the shift is shift.u, whose square has mean |shift|^2/3 and variance 4 |shift|^4/45 */
        for (size_t c = 0; c < D; c++)
                square += shift[c] * shift[c];
        const double found = sample_distance_sliced(a, b, N, D, 5), directions = 64;
        assert_true(fabs(found * found - square / D) < Z_LIMIT * square * sqrt(4.0 / 45 / directions));
        assert_true(sample_distance_sliced(a, a, N, D, 5) == 0);
}

/* Twice as wide: on a line the distance is that of each point to its double. */
static void test_sliced_distance_of_a_dilation(void **state)
{
        (void)state;
        enum { N = 400 };
        const struct rng_stream stream = {.seed = 4, .purpose = RNG_TEST};
        double a[N], b[N], square = 0;
        rng_normal_row(&stream, 0, 0, N, a);
        for (size_t i = 0; i < N; i++) {
                b[i] = 2 * a[i];
                square += a[i] * a[i] / N;
        }
        assert_true(fabs(sample_distance_sliced(a, b, N, 1, 1) / sqrt(square) - 1) < 1e-12);
}

/* ---- shells ---- */

#define WHITE_MESH "mesh: {cells: [16, 12], box_size: [16, 12]}\nspectrum: {type: white, amplitude: 1}\n"

static void open_field(struct field_fixture *fixture, const char *text)
{
        static const struct score_context context = {.seed = 1};
        char *why = field_fixture_open(fixture, text, &context);
        if (why)
                fail_msg("%s", why);
}

/* cos and sin of 3 y wavelengths on 12 cells: k = 2 pi 3/12, four times the box's smallest 2 pi/16. Each holds N/4
 * of power in k and -k. */
static void test_a_wave_is_in_its_shell(void **state)
{
        (void)state;
        struct field_fixture fixture;
        open_field(&fixture, "type: gaussian_field\n" WHITE_MESH);
        const struct mesh *mesh = fixture.mesh;
        struct field_spectra *spectra = field_spectra_create(mesh);
        const size_t n = field_spectra_shells(spectra);
        double *wave[2] = {mesh_allocate(mesh), mesh_allocate(mesh)};
        for (int64_t cell = 0; cell < mesh->n_cells; cell++) {
                const double turn = TWO_PI * 3 * (double)(cell / 16) / 12;
                wave[0][cell_at(mesh, cell)] = 2 * cos(turn);
                wave[1][cell_at(mesh, cell)] = sin(turn);
        }
        double *power = allocate(3 * n, sizeof *power);
        field_spectra_measure(spectra, (const double *const *)wave, 2, power);
        assert_int_equal(n, 8); /* as many times the smallest wavenumber is what both axes hold, pi */
        for (size_t shell = 0; shell < n; shell++) {
                const double modes = field_spectra_modes(spectra)[shell], each = 192.0 / 4;
                const double wanted = shell == 3 ? 2 * each / modes : 0;
                assert_true(fabs(power[shell] - 4 * wanted) < 1e-12);
                assert_true(fabs(power[n + shell]) < 1e-12);
                assert_true(fabs(power[2 * n + shell] - wanted) < 1e-12);
        }
        free(power);
        free(wave[0]);
        free(wave[1]);
        field_spectra_free(spectra);
        field_fixture_close(&fixture);
}

/* ---- errors of Gaussian fields, in closed form ---- */

#define SMALL "mesh: {cells: [12, 10], box_size: [12, 10]}\n"
#define POWER(amplitude) "spectrum: {type: power_law, amplitude: " amplitude ", index: -1.5}\n"

/* sigma^2 E|ds|^2 a cell of two Gaussian fields, c the model's and d the truth's variance of a mode:
 * sigma^2 <(1/c - 1/d)^2 d>, all with sigma^2 added. */
static double exact_eps(const struct mesh *mesh, const double *c, const double *d)
{
        double sum = 0;
        for (size_t i = 0; i < mesh_modes_here(mesh); i++) {
                const double weight = mesh->line_weight[i / mesh->block_modes * mesh->width + i % mesh->width];
                sum += weight > 0 ? weight * (1 / c[i] - 1 / d[i]) * (1 / c[i] - 1 / d[i]) * d[i] : 0;
        }
        return sum / (double)mesh->n_cells;
}

static double closed_form(const struct field_fixture *model, const struct field_fixture *truth, double sigma)
{
        const size_t n = mesh_modes_here(model->mesh);
        double *c = allocate(n, sizeof *c), *d = allocate(n, sizeof *d);
        struct score_level *levels[2] = {score_level_create(model->score, sigma),
                                         score_level_create(truth->score, sigma)};
        model->type->mode_variance(levels[0]->state, c);
        truth->type->mode_variance(levels[1]->state, d);
        const double eps = sigma * sigma * exact_eps(model->mesh, c, d);
        score_level_free(levels[0]);
        score_level_free(levels[1]);
        free(c);
        free(d);
        return eps;
}

static void test_error_of_a_gaussian_field_is_its_closed_form(void **state)
{
        (void)state;
        struct field_fixture model, truth;
        open_field(&model, "type: gaussian_field\n" SMALL POWER("2"));
        open_field(&truth, "type: gaussian_field\n" SMALL POWER("1"));
        const struct inspection inspection = {.score = model.score, .truth = truth.score, .seed = 3, .examples = 64,
                                              .probes = 1};
        for (uint32_t level = 0; level < 2; level++) {
                const double sigma = level ? 0.3 : 1, wanted = closed_form(&model, &truth, sigma);
                struct inspection_level found = inspection_measure(&inspection, sigma, level, NULL);
                assert_true(found.eps.error < 0.1 * wanted);
                assert_true(fabs(found.eps.value - wanted) < Z_LIMIT * found.eps.error);
                assert_true(found.asymmetry.value < 1e-12);
                assert_true(fabs(found.gaussian_eps.value / found.eps.value - 1) < 1e-9); /* all of it is linear */
                inspection_level_release(&found);
        }
        field_fixture_close(&model);
        field_fixture_close(&truth);
}

/* ---- a score that turns: s = -(x[0] + a x[1], x[1] - a x[0]), no gradient; a = 0 in the truth ---- */

static const double turning = 0.5, still = 0;

static void *plane_level(const void *model, double sigma)
{
        (void)sigma;
        return (void *)model;
}

static void plane_free_level(void *level)
{
        (void)level;
}

static void plane_eval(const void *level, const double *restrict x, double *restrict s)
{
        const double a = *(const double *)level;
        for (size_t lane = 0; lane < LANES; lane++) {
                s[lane] = -(x[lane] + a * x[LANES + lane]);
                s[LANES + lane] = -(x[LANES + lane] - a * x[lane]);
        }
}

static void plane_jacobian_vector(const void *level, const double *restrict x, const double *restrict v,
                                  double *restrict out)
{
        (void)x;
        plane_eval(level, v, out);
}

static void plane_draw(const void *model, const struct rng_stream *stream, uint64_t first, double *restrict x)
{
        (void)model;
        rng_normal(stream, first, 2, x);
}

/* J = -(1, a; -a, 1): |J - J'|_F^2 = 8 a^2, |J|_F^2 = 2 + 2 a^2. |ds|^2 = a^2 |y|^2 and |s|^2 = |y|^2. */
static void test_asymmetry_of_a_turning_score_is_its_closed_form(void **state)
{
        (void)state;
        static const struct score_type plane = {.name = "plane", .create_level = plane_level,
                                                .free_level = plane_free_level, .eval = plane_eval,
                                                .jacobian_vector = plane_jacobian_vector, .draw = plane_draw};
        const struct score score = {&plane, 2, (void *)&turning}, truth = {&plane, 2, (void *)&still};
        const struct inspection inspection = {.score = &score, .truth = &truth, .seed = 3, .examples = 4000,
                                              .probes = 2};
        const double a = turning, sigma = 0.7, square = 1 + sigma * sigma; /* of a coordinate of y */
        const struct inspection_level found = inspection_measure(&inspection, sigma, 0, NULL);
        const double wanted = sqrt(8 * a * a / (2 + 2 * a * a));
        assert_true(found.asymmetry.error > 0 && found.asymmetry.error < 0.03 * wanted);
        assert_true(fabs(found.asymmetry.value - wanted) < Z_LIMIT * found.asymmetry.error);
        assert_true(fabs(found.relative.value - a) < 1e-12);
        assert_true(fabs(found.eps.value - sigma * sigma * a * a * square) < Z_LIMIT * found.eps.error);
        for (size_t c = 0; c < 2; c++) { /* y, of 4000 */
                assert_true(fabs(found.mean[c]) < Z_LIMIT * sqrt(square / 4000));
                assert_true(fabs(found.deviation[c] / sqrt(square) - 1) < Z_LIMIT / sqrt(2.0 * 4000));
        }
}

/* ---- the sampled truth ---- */

/* Where the variance v of g is small the lognormal field is g but for g^2/2, of variance v^2/2 a cell; so its denoised
 * field is Wiener's but for as much, and eps of any Gaussian score is the closed form but for about v/sigma^2 v/2
 * and the cross term, at most twice the root of the product. With three times the variance that is a few per cent
 * of v. */
static void test_sampled_truth_becomes_wieners(void **state)
{
        (void)state;
        struct field_fixture model, truth, same;
        open_field(&model, "type: gaussian_field\n" SMALL POWER("0.003"));
        open_field(&same, "type: gaussian_field\n" SMALL POWER("0.001"));
        open_field(&truth, "type: lognormal_field\nspectrum_of: log\nmean_power: 0\n" SMALL POWER("0.001"));
        const double v = 0.001, sigma = 0.03;
        const struct field_fixture *fields[] = {&model, &same};
        for (size_t i = 0; i < 2; i++) {
                const struct inspection inspection = {.score = fields[i]->score, .truth = truth.score, .seed = 3,
                                                      .examples = 24, .trajectories = 40};
                struct inspection_level found = inspection_measure(&inspection, sigma, 0, NULL);
                const double wanted = closed_form(fields[i], &same, sigma), bound = v * v / (sigma * sigma) / 2;
                assert_true(fabs(found.eps.value - wanted) <
                            Z_LIMIT * found.eps.error + bound + 2 * sqrt(bound * wanted));
                assert_true(found.eps.error < 0.02 && (i == 1 || wanted > 0.02));
                assert_true(found.acceptance > 0.6);
                inspection_level_release(&found);
        }
        field_fixture_close(&model);
        field_fixture_close(&same);
        field_fixture_close(&truth);
}

struct mean { double sum, square; int64_t n; };

static void add(struct mean *mean, double value)
{
        mean->sum += value;
        mean->square += value * value;
        mean->n++;
}

/* The mean over its standard error. */
static double z_of(const struct mean *mean)
{
        const double n = (double)mean->n, m = mean->sum / n;
        return m / sqrt((mean->square / n - m * m) / (n - 1));
}

/* Of draws from the posterior, means A and B and the x_0 that made y, each independent given y:
 *     E (x_0 - A).B = 0,   E (x_0 - A).y = 0,
 * which a chain that samples something else, or one that has not forgotten where it began, does not fulfil; a cell of
 * power 1.5, far from Gaussian. And E (W - A).(W - B) = E|W - D|^2 > 0, W any linear denoiser. */
static void test_sampled_truth_is_the_mean_of_the_posterior(void **state)
{
        (void)state;
        struct field_fixture truth;
        open_field(&truth, "type: lognormal_field\n" SMALL POWER("2.5"));
        const struct mesh *mesh = truth.mesh;
        double *x = mesh_allocate(mesh), *y = mesh_allocate(mesh), *d = mesh_allocate(mesh);
        double *mean[2] = {mesh_allocate(mesh), mesh_allocate(mesh)};
        for (uint32_t level = 0; level < 2; level++) {
                const double sigma = level ? 0.3 : 1;
                struct mean of_mean = {0}, of_data = {0}, of_noise = {0};
                for (uint64_t particle = 0; particle < 32; particle++) {
                        const struct rng_stream draws = {.seed = 9, .purpose = RNG_TARGET, .level = level};
                        const struct rng_stream noise = {.seed = 9, .purpose = RNG_TEST, .level = level};
                        truth.type->draw(truth.score->model, &draws, particle, x);
                        for (size_t p = 0; p < mesh->n_planes_here; p++)
                                rng_normal_row(&noise, particle, (int64_t)(p * mesh->plane_cells),
                                               (int64_t)mesh->plane_cells, y + p * mesh->plane_stride);
                        for (size_t i = 0; i < mesh->size; i++)
                                y[i] = x[i] + sigma * y[i];
                        const struct posterior_sampling sampling = {.seed = 9, .particle = particle, .level = level,
                                                                    .sigma = sigma, .trajectories = 60};
                        double acceptance;
                        truth.type->posterior_means(truth.score->model, &sampling, x, y, mean, &acceptance);
                        assert_true(acceptance > 0.5 && acceptance <= 1);
                        for (size_t i = 0; i < mesh->size; i++)
                                d[i] = x[i] - mean[0][i];
                        add(&of_mean, mesh_dot(mesh, d, mean[1]));
                        add(&of_data, mesh_dot(mesh, d, y));
                        for (size_t i = 0; i < mesh->size; i++)
                                mean[1][i] = x[i] - mean[1][i];
                        add(&of_noise, mesh_dot(mesh, d, mean[1]) / (double)mesh->n_cells);
                }
                assert_true(fabs(z_of(&of_mean)) < Z_LIMIT);
                assert_true(fabs(z_of(&of_data)) < Z_LIMIT);
                /* the posterior's variance is there, and below the noise's, which the data alone would leave */
                assert_true(z_of(&of_noise) > Z_LIMIT);
                assert_true(of_noise.sum / (double)of_noise.n < sigma * sigma);
        }
        free(x);
        free(y);
        free(d);
        free(mean[0]);
        free(mean[1]);
        field_fixture_close(&truth);
}

/* ---- over levels ---- */

static void test_bound_is_the_integral_over_levels(void **state)
{
        (void)state;
        enum { N = 4 };
        struct inspection_level levels[N] = {{.sigma = 8}, {.sigma = 2}, {.sigma = 1}, {.sigma = 0}};
        for (size_t i = 0; i < N; i++)
                levels[i].eps = (struct inspection_number){3 + log(levels[i].sigma), 0.1}; /* linear: no error */
        levels[3].eps = (struct inspection_number){100, 100};                             /* sigma 0 is left out */
        const struct inspection_number bound = inspection_kl_bound(levels, N, 5);
        assert_true(fabs(bound.value - 5 * (3 * log(8) + log(8) * log(8) / 2)) < 1e-12);
        const double w[3] = {0.5 * log(4), 0.5 * log(8), 0.5 * log(2)};
        assert_true(fabs(bound.error - 5 * 0.1 * sqrt(w[0] * w[0] + w[1] * w[1] + w[2] * w[2])) < 1e-12);
        assert_true(inspection_kl_bound(levels, 1, 5).value == 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sliced_distance_of_a_shift_is_the_shift),
                cmocka_unit_test(test_sliced_distance_of_a_dilation),
                cmocka_unit_test(test_a_wave_is_in_its_shell),
                cmocka_unit_test(test_error_of_a_gaussian_field_is_its_closed_form),
                cmocka_unit_test(test_asymmetry_of_a_turning_score_is_its_closed_form),
                cmocka_unit_test(test_sampled_truth_becomes_wieners),
                cmocka_unit_test(test_sampled_truth_is_the_mean_of_the_posterior),
                cmocka_unit_test(test_bound_is_the_integral_over_levels),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
