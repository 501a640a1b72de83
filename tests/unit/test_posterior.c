/* The posterior of a Gaussian field: its score against its density, its exact mean, variance and draws against dense
 * linear algebra, what it reads and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gsl/gsl_linalg.h>

#include "field_fixture.h"
#include "score/posterior.h"

#define Z_LIMIT 5.85
#define TWO_PI 6.283185307179586476925286766559

/* ---- a file that is not there: data sets by name, functions of the cell ---- */

static double value_of(const char *name, int64_t cell)
{
        const double i = (double)cell;
        if (!strcmp(name, "data"))
                return cell % 5 == 2 ? NAN : 2 * sin(1.7 * i) + 0.5 * cos(0.3 * i); /* NAN where mask has 0 */
        if (!strcmp(name, "mask"))
                return cell % 5 == 2 || (cell > 10 && cell < 17) ? 0 : 1;
        if (!strcmp(name, "noise"))
                return cell % 5 == 2 ? -1 : 0.2 + 0.1 * (double)(cell % 7);
        if (!strcmp(name, "truth"))
                return cos(i);
        if (!strcmp(name, "zeros"))
                return 0;
        if (!strcmp(name, "halves"))
                return cell == 13 ? 0.5 : 1;
        if (!strcmp(name, "negative"))
                return cell == 8 ? -0.25 : 1;
        return NAN; /* "nans" */
}

static const char *inspect(const char *path, const char *name, const struct mesh *mesh)
{
        (void)mesh;
        static char why[200];
        if (strcmp(name, "absent") != 0)
                return NULL;
        snprintf(why, sizeof why, "%s: has no data set %s", path, name);
        return why;
}

static const char *read_field(const char *path, const char *name, const struct mesh *mesh, double *field)
{
        const char *why = inspect(path, name, mesh);
        for (int64_t cell = 0; !why && cell < mesh->n_cells; cell++)
                field[cell_at(mesh, cell)] = value_of(name, cell);
        return why;
}

static const struct score_context context = {.seed = 5, .inspect_field = inspect, .read_field = read_field};

/* ---- cases ---- */

#define MESH_2 "mesh: {cells: [6, 8], box_size: [6, 10]}\n"
#define MESH_3 "mesh: {cells: [4, 3, 4], box_size: 5}\n"
#define PRIOR "type: posterior\nspectrum: {type: power_law, amplitude: 3, index: -1.5}\n"
#define OBSERVED "file: sky.h5, mask: mask, noise: noise"
#define AMPLITUDE 3
#define INDEX (-1.5)

struct example { const char *text; double beam_fwhm; };
static const struct example examples[] = {
        {PRIOR MESH_2 "observation: {" OBSERVED "}\n", 0},
        {PRIOR MESH_2 "observation: {" OBSERVED ", beam_fwhm: 2.5}\n", 2.5},
        {PRIOR MESH_3 "observation: {" OBSERVED ", beam_fwhm: 1.5}\n", 1.5},
};
enum { N_EXAMPLES = sizeof examples / sizeof *examples };
static const double sigmas[] = {0, 0.7};
enum { N_SIGMAS = sizeof sigmas / sizeof *sigmas };

static void open_field(struct field_fixture *fixture, const char *text)
{
        char *why = field_fixture_open(fixture, text, &context);
        if (why)
                fail_msg("%s", why);
}

static const struct rng_stream drawing = {.seed = 7, .purpose = RNG_TARGET};

/* White numbers: a point like any other. */
static double *some_point(const struct mesh *mesh)
{
        double *x = mesh_allocate(mesh);
        for (int64_t cell = 0; cell < mesh->n_cells; cell++)
                x[cell_at(mesh, cell)] = sin(12.9898 * (double)(cell + 1) + 0.7 * sin((double)cell));
        return x;
}

typedef void claim(const struct field_fixture *fixture, const struct example *example, const struct score_level *level);

static void for_every_level(claim *check)
{
        for (size_t e = 0; e < N_EXAMPLES; e++) {
                struct field_fixture fixture;
                open_field(&fixture, examples[e].text);
                for (size_t s = 0; s < N_SIGMAS; s++) {
                        struct score_level *level = score_level_create(fixture.score, sigmas[s]);
                        check(&fixture, &examples[e], level);
                        score_level_free(level);
                }
                field_fixture_close(&fixture);
        }
}

/* ---- score and density ---- */

/* log p is a quadratic: differences are exact but for rounding, 2^-53 |log p| 64/45/(h/4) with h = 1/2 and
 * |log p| below 10^4. */
static void score_is_gradient(const struct field_fixture *fixture, const struct example *example,
                              const struct score_level *level)
{
        (void)example;
        const struct mesh *mesh = fixture->mesh;
        double *x = some_point(mesh), *s = mesh_allocate(mesh), *both = mesh_allocate(mesh), log_p[LANES];
        score_eval(level, x, s);
        fixture->type->eval_both(level->state, x, both, log_p);
        assert_memory_equal(s, both, mesh->size * sizeof *s);
        assert_true(log_p[0] == field_log_p(level, x, 0) && log_p[LANES - 1] == log_p[0]);
        assert_true(padding_is_zero(mesh, s));
        for (int64_t cell = 0; cell < mesh->n_cells; cell++) {
                const size_t at = cell_at(mesh, cell);
                const double slope = field_slope(field_log_p, level, x, at, 0.5);
                if (!(fabs(s[at] - slope) < 2e-11))
                        fail_msg("cell %d: s %.12g, slope %.12g", (int)cell, s[at], slope);
        }
        free(x);
        free(s);
        free(both);
}

static void test_score_is_gradient_of_log_density(void **state)
{
        (void)state;
        for_every_level(score_is_gradient);
}

static void divergence_is_trace(const struct field_fixture *fixture, const struct example *example,
                                const struct score_level *level)
{
        (void)example;
        double *x = some_point(fixture->mesh), trace = 0, div[LANES];
        for (int64_t cell = 0; cell < fixture->mesh->n_cells; cell++)
                trace += field_slope(field_score_at, level, x, cell_at(fixture->mesh, cell), 0.5);
        fixture->type->divergence(level->state, x, div);
        for (int lane = 0; lane < LANES; lane++)
                assert_true(fabs(div[lane] - trace) < 1e-11 * fabs(trace));
        free(x);
}

static void test_divergence_is_the_trace_of_the_jacobian(void **state)
{
        (void)state;
        for_every_level(divergence_is_trace);
}

static double minus_inverse(double c, const double *parameter)
{
        (void)parameter;
        return c > 0 ? -1 / c : 0;
}

static void remainder_is_the_datas_part(const struct field_fixture *fixture, const struct example *example,
                                        const struct score_level *level)
{
        (void)example;
        const struct mesh *mesh = fixture->mesh;
        const struct score_filter prior = {.gain = minus_inverse};
        double *x = some_point(mesh), *s = mesh_allocate(mesh), *part = mesh_allocate(mesh),
               *rest = mesh_allocate(mesh);
        score_eval(level, x, s);
        fixture->type->filter(level->state, &prior, x, part);
        fixture->type->remainder(level->state, x, rest);
        assert_true(padding_is_zero(mesh, rest) && padding_is_zero(mesh, part));
        for (size_t i = 0; i < mesh->size; i++)
                assert_true(fabs(s[i] - part[i] - rest[i]) < 1e-13 * (fabs(part[i]) + 25)); /* 1/0.2^2 */
        free(x);
        free(s);
        free(part);
        free(rest);
}

static void test_the_score_is_the_priors_and_the_remainder(void **state)
{
        (void)state;
        for_every_level(remainder_is_the_datas_part);
}

/* ---- dense linear algebra, from the formulas ---- */

struct dense {
        size_t n;          /* cells */
        double *mean, *covariance; /* [n], [n][n] */
        double log_evidence;
};

/* sum over modes of gain(k) cos(k (r_i - r_j))/n: a matrix that is diagonal in Fourier space. */
static gsl_matrix *circulant(const struct mesh *mesh, double (*gain)(const struct mesh *, double k, double parameter),
                             double parameter)
{
        const size_t n = (size_t)mesh->n_cells;
        gsl_matrix *matrix = gsl_matrix_calloc(n, n);
        struct mode mode;
        for (size_t b = 0; b < mesh->n_blocks_here; b++)
                for (mode_begin(mesh, (int64_t)b, &mode); mode_next(&mode);) {
                        const double g = mode.weight * gain(mesh, sqrt(mode.k_squared), parameter) / (double)n;
                        for (size_t i = 0; i < n; i++)
                                for (size_t j = 0; j < n; j++) {
                                        double phase = 0;
                                        int64_t a = (int64_t)i, c = (int64_t)j;
                                        for (int axis = mesh->n_axes - 1; axis >= 0; axis--) {
                                                phase += TWO_PI * mode.n[axis] *
                                                         (double)(a % mesh->n[axis] - c % mesh->n[axis]) /
                                                         (double)mesh->n[axis];
                                                a /= mesh->n[axis];
                                                c /= mesh->n[axis];
                                        }
                                        *gsl_matrix_ptr(matrix, i, j) += g * cos(phase);
                                }
                }
        return matrix;
}

static double prior_variance(const struct mesh *mesh, double k, double sigma)
{
        return (k > 0 ? AMPLITUDE * pow(k, INDEX) / mesh->cell_volume : 0) + sigma * sigma;
}

static double beam_gain(const struct mesh *mesh, double k, double fwhm)
{
        (void)mesh;
        return exp(-0.5 * k * k * fwhm * fwhm / (8 * log(2)));
}

static gsl_matrix *product(const gsl_matrix *a, const gsl_matrix *b)
{
        gsl_matrix *c = gsl_matrix_calloc(a->size1, b->size2);
        gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, a, b, 0, c);
        return c;
}

/* m = C A' K^-1 y, S = C - C A' K^-1 A C, K = A C A' + N on the observed cells; elsewhere K is the identity. */
static struct dense solve_densely(const struct mesh *mesh, double fwhm, double sigma)
{
        const size_t n = (size_t)mesh->n_cells;
        struct dense dense = {.n = n};
        dense.mean = allocate(n, sizeof(double));
        dense.covariance = allocate(n * n, sizeof(double));
        gsl_matrix *c = circulant(mesh, prior_variance, sigma), *a = circulant(mesh, beam_gain, fwhm);
        gsl_vector *y = gsl_vector_calloc(n), *x = gsl_vector_calloc(n);
        size_t n_observed = 0;
        for (size_t i = 0; i < n; i++) {
                const bool observed = value_of("mask", (int64_t)i) > 0;
                n_observed += observed;
                gsl_vector_set(y, i, observed ? value_of("data", (int64_t)i) : 0);
                for (size_t j = 0; j < n && !observed; j++)
                        gsl_matrix_set(a, i, j, 0);
        }
        gsl_matrix *ac = product(a, c), *k = gsl_matrix_calloc(n, n);
        gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, ac, a, 0, k);
        for (size_t i = 0; i < n; i++) {
                const double noise = value_of("noise", (int64_t)i);
                *gsl_matrix_ptr(k, i, i) += value_of("mask", (int64_t)i) > 0 ? noise * noise + sigma * sigma : 1;
        }
        gsl_linalg_cholesky_decomp1(k);
        gsl_linalg_cholesky_solve(k, y, x);
        double chi, log_det = 0;
        gsl_blas_ddot(x, y, &chi);
        for (size_t i = 0; i < n; i++)
                log_det += 2 * log(gsl_matrix_get(k, i, i));
        dense.log_evidence = -0.5 * (chi + log_det + (double)n_observed * log(TWO_PI));
        gsl_vector *mean = gsl_vector_calloc(n), *column = gsl_vector_calloc(n);
        gsl_blas_dgemv(CblasTrans, 1, ac, x, 0, mean);
        memcpy(dense.mean, mean->data, n * sizeof(double));
        for (size_t i = 0; i < n; i++) {
                gsl_matrix_get_col(column, ac, i);
                gsl_linalg_cholesky_svx(k, column);
                gsl_blas_dgemv(CblasTrans, 1, ac, column, 0, mean);
                for (size_t j = 0; j < n; j++)
                        dense.covariance[i * n + j] = gsl_matrix_get(c, i, j) - gsl_vector_get(mean, j);
        }
        gsl_vector_free(y);
        gsl_vector_free(x);
        gsl_vector_free(mean);
        gsl_vector_free(column);
        gsl_matrix_free(c);
        gsl_matrix_free(a);
        gsl_matrix_free(ac);
        gsl_matrix_free(k);
        return dense;
}

static void dense_free(struct dense *dense)
{
        free(dense->mean);
        free(dense->covariance);
}

/* ---- exact answers ---- */

static void mean_and_variance_are_exact(const struct field_fixture *fixture, const struct example *example,
                                        const struct score_level *level)
{
        const struct mesh *mesh = fixture->mesh;
        struct dense dense = solve_densely(mesh, example->beam_fwhm, level->sigma);
        double *mean = mesh_allocate(mesh), *variance = mesh_allocate(mesh), largest = 0;
        const struct wiener_report report = posterior_mean(fixture->score->model, level->sigma, mean);
        assert_true(report.converged && report.iterations > 0 && report.iterations < 200);
        assert_true(report.residual < 1e-12);
        assert_true(posterior_variance(fixture->score->model, level->sigma, variance).converged);
        assert_true(padding_is_zero(mesh, mean) && padding_is_zero(mesh, variance));
        for (size_t i = 0; i < dense.n; i++)
                largest = fmax(largest, fabs(dense.mean[i]));
        for (size_t i = 0; i < dense.n; i++) {
                const double m = mean[cell_at(mesh, (int64_t)i)], v = variance[cell_at(mesh, (int64_t)i)];
                if (!(fabs(m - dense.mean[i]) < 1e-11 * largest))
                        fail_msg("mean %.15g, dense %.15g", m, dense.mean[i]);
                if (!(fabs(v - dense.covariance[i * dense.n + i]) < 1e-11 * dense.covariance[i * dense.n + i]))
                        fail_msg("variance %.15g, dense %.15g", v, dense.covariance[i * dense.n + i]);
        }
        dense_free(&dense);
        free(mean);
        free(variance);
}

static void test_wiener_mean_and_variance_equal_the_dense_solution(void **state)
{
        (void)state;
        for_every_level(mean_and_variance_are_exact);
}

/* At the mean the score is 0 where the prior has width, that is, but for the mean mode at sigma = 0. */
static void score_vanishes_at_the_mean(const struct field_fixture *fixture, const struct example *example,
                                       const struct score_level *level)
{
        (void)example;
        const struct mesh *mesh = fixture->mesh;
        double *mean = mesh_allocate(mesh), *s = mesh_allocate(mesh), *mode = allocate(mesh_modes_here(mesh), 8);
        posterior_mean(fixture->score->model, level->sigma, mean);
        score_eval(level, mean, s);
        field_modes(mesh, s, mode);
        if (level->sigma == 0)
                mode[0] = 0;
        for (size_t i = 0; i < mesh_modes_here(mesh); i++)
                assert_true(sqrt(mode[i]) < 1e-10);
        free(mean);
        free(s);
        free(mode);
}

static void test_the_score_vanishes_at_the_mean(void **state)
{
        (void)state;
        for_every_level(score_vanishes_at_the_mean);
}

/* At its mean, a normal density is -ln det(2 pi S)/2; log p is that and the evidence, ln N(y; 0, K). */
static void log_density_lacks_the_evidence(const struct field_fixture *fixture, const struct example *example,
                                           const struct score_level *level)
{
        if (level->sigma == 0)
                return; /* S has no inverse */
        const struct mesh *mesh = fixture->mesh;
        struct dense dense = solve_densely(mesh, example->beam_fwhm, level->sigma);
        double *mean = mesh_allocate(mesh), log_det = 0;
        gsl_matrix *s = gsl_matrix_calloc(dense.n, dense.n);
        memcpy(s->data, dense.covariance, dense.n * dense.n * sizeof(double));
        gsl_linalg_cholesky_decomp1(s);
        for (size_t i = 0; i < dense.n; i++) {
                log_det += log(TWO_PI) + 2 * log(gsl_matrix_get(s, i, i));
                mean[cell_at(mesh, (int64_t)i)] = dense.mean[i];
        }
        assert_true(fabs(field_log_p(level, mean, 0) - (dense.log_evidence - 0.5 * log_det)) < 1e-10);
        gsl_matrix_free(s);
        dense_free(&dense);
        free(mean);
}

static void test_log_density_is_that_of_the_posterior_and_the_evidence(void **state)
{
        (void)state;
        for_every_level(log_density_lacks_the_evidence);
}

static void assert_z(const char *what, double z)
{
        if (!(fabs(z) < Z_LIMIT))
                fail_msg("%s: z = %.2f", what, z);
}

/* Each cell's mean and variance, masked ones included, and the covariances of one cell with all others:
 * (n - 1) s^2/v ~ chi^2; var of s_ij is (v_i v_j + v_ij^2)/n. */
static void draws_follow_the_posterior(const struct field_fixture *fixture, const struct example *example,
                                       const struct score_level *level)
{
        enum { N_DRAWS = 3000, AT = 12 }; /* a masked cell */
        const struct mesh *mesh = fixture->mesh;
        struct dense dense = solve_densely(mesh, example->beam_fwhm, level->sigma);
        const size_t n = dense.n;
        double *x = mesh_allocate(mesh), *sum = allocate(3 * n, sizeof *sum), *square = sum + n, *cross = sum + 2 * n;
        for (uint64_t d = 0; d < N_DRAWS; d++) {
                assert_true(posterior_draw(fixture->score->model, level->sigma, &drawing, d, x).converged);
                const double there = x[cell_at(mesh, AT)] - dense.mean[AT];
                for (size_t i = 0; i < n; i++) {
                        const double off = x[cell_at(mesh, (int64_t)i)] - dense.mean[i];
                        sum[i] += off;
                        square[i] += off * off;
                        cross[i] += off * there;
                }
        }
        for (size_t i = 0; i < n; i++) {
                const double v = dense.covariance[i * n + i], v_there = dense.covariance[AT * n + AT];
                const double covariance = dense.covariance[i * n + AT];
                assert_z("mean", sum[i] / N_DRAWS / sqrt(v / N_DRAWS));
                assert_z("variance", (square[i] / N_DRAWS / v - 1) * sqrt(N_DRAWS / 2.0));
                assert_z("covariance",
                         (cross[i] / N_DRAWS - covariance) / sqrt((v * v_there + covariance * covariance) / N_DRAWS));
        }
        assert_true(padding_is_zero(mesh, x));
        dense_free(&dense);
        free(x);
        free(sum);
}

static void test_constrained_realisations_are_exact_draws(void **state)
{
        (void)state;
        for_every_level(draws_follow_the_posterior);
}

/* Signal 10^4 times the noise with half the cells masked: hard for conjugate gradients, and still to tolerance. */
static void test_the_solver_converges_at_high_signal_to_noise(void **state)
{
        (void)state;
        struct field_fixture fixture;
        open_field(&fixture, "type: posterior\nspectrum: {type: power_law, amplitude: 100, index: -1}\n"
                             "mesh: {cells: 32, dimensions: 2, box_size: 32}\n"
                             "observation: {mock: true, noise_sigma: 0.001, holes: 8, hole_radius: 5}\n");
        const struct posterior *model = fixture.score->model;
        double *mean = mesh_allocate(fixture.mesh);
        const struct wiener_report report = posterior_mean(model, 0, mean);
        assert_true(report.converged && report.iterations < 2000);
        assert_true(report.residual < 1e-10); /* 10^6 of condition and 2^-53 */
        for (size_t i = 0; i < fixture.mesh->size; i++)
                if (model->observation.mask[i] > 0)
                        assert_true(fabs(mean[i] - model->observation.truth[i]) < 0.01);
        free(mean);
        field_fixture_close(&fixture);
}

/* ---- what it tells ---- */

static void test_products_are_what_was_read_and_computed(void **state)
{
        (void)state;
        struct field_fixture fixture;
        open_field(&fixture, PRIOR MESH_2 "exact_variance: true\nobservation: {" OBSERVED ", truth: truth}\n");
        struct score_product product[SCORE_MAX_PRODUCTS];
        const size_t n = fixture.type->products(fixture.score->model, product);
        static const char *const names[] = {"truth",       "data",        "mask",
                                            "noise_sigma", "wiener_mean", "posterior_variance"};
        assert_int_equal(n, sizeof names / sizeof *names);
        for (size_t i = 0; i < n; i++)
                assert_string_equal(product[i].name, names[i]);
        for (int64_t cell = 0; cell < fixture.mesh->n_cells; cell++) {
                const size_t at = cell_at(fixture.mesh, cell);
                const bool observed = value_of("mask", cell) == 1;
                assert_true(product[0].field[at] == value_of("truth", cell));
                assert_true(product[1].field[at] == (observed ? value_of("data", cell) : 0));
                assert_true(product[2].field[at] == value_of("mask", cell));
                assert_true(!observed || product[3].field[at] == value_of("noise", cell));
        }
        assert_non_null(fixture.type->singular_at(fixture.score->model, 0));
        assert_null(fixture.type->singular_at(fixture.score->model, 0.1));
        field_fixture_close(&fixture);
}

/* Mock data: in the holes nothing; elsewhere data less the truth, over the noise, is N(0, 1). */
static void test_mock_data_are_truth_and_noise_outside_of_the_holes(void **state)
{
        (void)state;
        struct field_fixture fixture;
        open_field(&fixture, PRIOR "mesh: {cells: 64, dimensions: 2, box_size: 64}\n"
                                   "observation: {mock: true, noise_sigma: 0.3, holes: 3, hole_radius: 6}\n");
        const struct observation *observation = &((const struct posterior *)fixture.score->model)->observation;
        struct average noise = {0}, truth = {0};
        double square = 0, n_masked = 0;
        for (int64_t cell = 0; cell < fixture.mesh->n_cells; cell++) {
                const size_t at = cell_at(fixture.mesh, cell);
                average_add(&truth, observation->truth[at]);
                if (observation->mask[at] == 0) {
                        n_masked += 1;
                        assert_true(observation->data[at] == 0);
                        continue;
                }
                const double z = (observation->data[at] - observation->truth[at]) / 0.3;
                average_add(&noise, z);
                square += z * z;
        }
        assert_true(n_masked > 100 && n_masked <= 3 * 113); /* 113 whole numbers (x, y) with x^2 + y^2 <= 6^2 */
        assert_z("noise", noise.sum / sqrt(noise.n));
        assert_z("its variance", (square / noise.n - 1) * sqrt(noise.n / 2));
        assert_true(fabs(truth.sum) < 1e-10 && truth.square / truth.n > 0.1); /* P(0) = 0 */
        field_fixture_close(&fixture);
}

static void test_wrong_observations_are_told_in_a_line(void **state)
{
        (void)state;
        static const struct {
                const char *observation, *reason;
        } wrong[] = {
                {"{}", "file: is needed, or mock: true"},
                {"{file: f}", "noise_sigma: is needed, or noise"},
                {"{file: f, noise: noise, noise_sigma: 1}", "beside noise"},
                {"{file: f, noise_sigma: -1}", "noise_sigma: -1 is not in (0, inf)"},
                {"{mock: true, noise_sigma: 1, mask: mask}", "mask: names a data set, but no file is given"},
                {"{mock: true, noise_sigma: 1, file: f, truth: truth}", "truth: is drawn where mock is true"},
                {"{file: f, mask: mask, noise_sigma: 1, holes: 1, hole_radius: 1}", "holes: are given beside a mask"},
                {"{mock: true, noise_sigma: 1, holes: 1}", "hole_radius: is needed"},
                {"{file: f, noise_sigma: 1, mask: absent}", "f: has no data set absent"},
                {"{file: f, data: truth, noise_sigma: 1, mask: halves}",
                 "observation.mask is 0.5 in cell (y, x) = (2, 1); it must"},
                {"{file: f, noise_sigma: 1, mask: zeros}", "all cells are masked"},
                {"{file: f, mask: mask, noise: negative}",
                 "observation.noise is -0.25 in cell (y, x) = (1, 2); a standard"},
                {"{file: f, mask: mask, noise: zeros}", "observation.noise is 0 in cell"},
                {"{file: f, mask: mask, noise: nans}", "observation.noise is nan in cell"},
                {"{file: f, data: nans, mask: mask, noise: noise}", "observation.data is nan in cell"},
                {"{file: f, noise_sigma: 1}",
                 "observation.data is nan in cell (y, x) = (0, 2); mask cells without data"},
                {"{file: f, mask: mask, noise: noise, truth: nans}", "observation.truth is nan in cell"},
        };
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                char *text = format_text(PRIOR MESH_2 "observation: %s\n", wrong[i].observation);
                struct field_fixture fixture;
                char *why = field_fixture_open(&fixture, text, &context);
                if (!why || !strstr(why, wrong[i].reason) || strchr(why, '\n'))
                        fail_msg("%s: wanted '%s', got %s", wrong[i].observation, wrong[i].reason,
                                 why ? why : "nothing");
                free(why);
                free(text);
                field_fixture_close(&fixture);
        }
        static const struct {
                const char *text, *reason;
        } other[] = {
                {PRIOR MESH_2 "paired: true\nobservation: {mock: true, noise_sigma: 1}\n", "paired: is for draws from"},
                {PRIOR "mesh: {cells: 257, dimensions: 2, box_size: 1}\nexact_variance: true\n"
                       "observation: {mock: true, noise_sigma: 1}\n",
                 "at most 65536"},
        };
        for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
                struct field_fixture fixture;
                char *why = field_fixture_open(&fixture, other[i].text, &context);
                assert_non_null(why);
                assert_non_null(strstr(why, other[i].reason));
                free(why);
                field_fixture_close(&fixture);
        }
}

/* `check` reads no field, and still finds what is not there. */
static void test_a_look_inspects_all_data_sets_and_reads_none(void **state)
{
        (void)state;
        const struct score_context look = {.seed = 5, .look_only = true, .inspect_field = inspect};
        static const char *const keys[] = {"data", "mask", "noise", "truth"};
        for (size_t i = 0; i <= sizeof keys / sizeof *keys; i++) {
                const bool whole = i == sizeof keys / sizeof *keys;
                char *text = format_text(PRIOR MESH_2 "observation: {file: f, %s: %s%s}\n", whole ? "data" : keys[i],
                                         whole ? "data" : "absent", i == 2 ? "" : ", noise_sigma: 1");
                struct field_fixture fixture = {0};
                struct input *input = input_parse("test", text, strlen(text), NULL, 0);
                input_read(input, field_fixture_params, &fixture.settings);
                assert_int_equal(input_problems(input), 0);
                input_free(input);
                fixture.type = fixture.settings.type;
                fixture.score = score_create(fixture.type, fixture.settings.settings);
                const char *why = fixture.type->load(fixture.score->model, &look);
                if (whole)
                        assert_null(why);
                else
                        assert_string_equal(why, "f: has no data set absent");
                free(text);
                field_fixture_close(&fixture);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_score_is_gradient_of_log_density),
                cmocka_unit_test(test_divergence_is_the_trace_of_the_jacobian),
                cmocka_unit_test(test_the_score_is_the_priors_and_the_remainder),
                cmocka_unit_test(test_wiener_mean_and_variance_equal_the_dense_solution),
                cmocka_unit_test(test_the_score_vanishes_at_the_mean),
                cmocka_unit_test(test_log_density_is_that_of_the_posterior_and_the_evidence),
                cmocka_unit_test(test_constrained_realisations_are_exact_draws),
                cmocka_unit_test(test_the_solver_converges_at_high_signal_to_noise),
                cmocka_unit_test(test_products_are_what_was_read_and_computed),
                cmocka_unit_test(test_mock_data_are_truth_and_noise_outside_of_the_holes),
                cmocka_unit_test(test_wrong_observations_are_told_in_a_line),
                cmocka_unit_test(test_a_look_inspects_all_data_sets_and_reads_none),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
