/* The noised posterior of a Gaussian field: its exact score against the posterior's own Wiener filter, guidance against
 * the density it is the gradient of, and what a reverse sampler makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "field_fixture.h"
#include "sampler/diffusion.h"
#include "score/posterior.h"

#define Z_LIMIT 5.85

static const struct score_context context = {.seed = 5};

#define FIELD                                                                                                          \
        "type: guided_field\nmesh: {cells: [8, 8], box_size: [8, 8]}\n"                                                \
        "spectrum: {type: power_law, amplitude: 3, index: -1.5}\n"
#define SEEN "observation: {mock: true, noise_sigma: 0.5, holes: 1, hole_radius: 1.7"

static void open_field(struct field_fixture *fixture, const char *text)
{
        char *why = field_fixture_open(fixture, text, &context);
        if (why)
                fail_msg("%s", why);
}

/* struct posterior stands first in the model. */
static const struct posterior *posterior_of_model(const struct field_fixture *fixture)
{
        return fixture->score->model;
}

static double *some_point(const struct mesh *mesh, double phase)
{
        double *x = mesh_allocate(mesh);
        for (int64_t cell = 0; cell < mesh->n_cells; cell++)
                x[cell_at(mesh, cell)] = 2 * sin(12.9898 * (double)(cell + 1) + 0.7 * sin((double)cell) + phase);
        return x;
}

/* ---- exact: (S + sigma^2) s = -(x - m), m and S of the posterior; S v = C v - W A C v, W Wiener's filter ---- */

static double variance_itself(double c, const double *parameter)
{
        (void)parameter;
        return c;
}

static void filtered(const struct posterior *posterior, const double *data, double *out)
{
        double *weight = posterior_weight(posterior, 0);
        const struct wiener_problem problem = {.mesh = posterior->prior.mesh, .variance = posterior->prior.variance,
                                               .beam = posterior->observation.beam, .weight = weight};
        struct wiener *wiener = wiener_create(&problem);
        assert_true(wiener_mean(wiener, data, out).converged);
        wiener_free(wiener);
        free(weight);
}

/* The score is linear: s(x + v) - s(x) = J v, to roundings of scores of 10 or so. */
static void derivative_is_linear(const struct score_level *level, const double *x)
{
        const struct mesh *mesh = level->score->type->mesh(level->score->model);
        double *v = some_point(mesh, 7), *moved = mesh_allocate(mesh), *s = mesh_allocate(mesh),
               *t = mesh_allocate(mesh), *along = mesh_allocate(mesh);
        for (size_t i = 0; i < mesh->size; i++)
                moved[i] = x[i] + v[i];
        score_eval(level, x, s);
        score_eval(level, moved, t);
        score_jacobian_vector(level, x, v, along);
        for (size_t i = 0; i < mesh->size; i++)
                assert_true(fabs(t[i] - s[i] - along[i]) < 1e-11);
        free(v);
        free(moved);
        free(s);
        free(t);
        free(along);
}

static void check_exact(const char *text, double sigma)
{
        struct field_fixture fixture;
        open_field(&fixture, text);
        const struct mesh *mesh = fixture.mesh;
        const struct posterior *posterior = posterior_of_model(&fixture);
        const struct score_filter covariance = {.gain = variance_itself};
        struct score_level *level = score_level_create(fixture.score, sigma);
        double *x = some_point(mesh, 0), *s = mesh_allocate(mesh), *cs = mesh_allocate(mesh),
               *seen = mesh_allocate(mesh), *taken = mesh_allocate(mesh);
        score_eval(level, x, s);
        assert_true(padding_is_zero(mesh, s));
        field_prior_filter(&posterior->prior, 0, &covariance, s, cs);
        posterior_observation_smooth(&posterior->observation, mesh, cs, seen);
        filtered(posterior, seen, taken);
        for (int64_t cell = 0; cell < mesh->n_cells; cell++) {
                const size_t i = cell_at(mesh, cell);
                const double left = cs[i] - taken[i] + sigma * sigma * s[i], right = posterior->mean[i] - x[i];
                if (!(fabs(left - right) < 1e-10 * 10)) /* solves to 1e-13 of condition below 100; |x| below 10 */
                        fail_msg("sigma %g, cell %d: %.15g, wanted %.15g", sigma, (int)cell, left, right);
        }
        derivative_is_linear(level, x);
        free(x);
        free(s);
        free(cs);
        free(seen);
        free(taken);
        score_level_free(level);
        field_fixture_close(&fixture);
}

static void test_exact_is_the_score_of_the_noised_posterior(void **state)
{
        (void)state;
        static const double sigmas[] = {0.05, 0.7, 5, 80};
        for (int i = 0; i < 4; i++) {
                check_exact(FIELD SEEN "}\n", sigmas[i]);
                check_exact(FIELD SEEN ", beam_fwhm: 2}\n", sigmas[i]);
        }
}

static double difference_at(const struct field_fixture *a, const struct field_fixture *b, double sigma)
{
        struct score_level *level_a = score_level_create(a->score, sigma),
                           *level_b = score_level_create(b->score, sigma);
        double *x = some_point(a->mesh, 1), *s = mesh_allocate(a->mesh), *t = mesh_allocate(a->mesh), worst = 0;
        score_eval(level_a, x, s);
        score_eval(level_b, x, t);
        for (size_t i = 0; i < a->mesh->size; i++)
                worst = fmax(worst, fabs(s[i] - t[i]));
        free(x);
        free(s);
        free(t);
        score_level_free(level_a);
        score_level_free(level_b);
        return worst;
}

/* At sigma 0 all are the posterior's own score, which has tests of its own; roundings of scores of 10 or so. */
static void test_all_methods_are_the_posterior_without_noise(void **state)
{
        (void)state;
        static const char *const texts[] = {FIELD SEEN ", beam_fwhm: 2}\n",
                                            FIELD SEEN ", beam_fwhm: 2}\nmethod: pigdm\n",
                                            FIELD SEEN ", beam_fwhm: 2}\nmethod: dps\n"};
        struct field_fixture posterior, guided;
        char *text = format_text("type: posterior\n%s", strchr(texts[0], '\n') + 1);
        open_field(&posterior, text);
        for (int m = 0; m < 3; m++) {
                open_field(&guided, texts[m]);
                assert_true(difference_at(&posterior, &guided, 0) < 1e-11);
                assert_true(difference_at(&posterior, &guided, 1) > 0.01); /* tempered, there */
                field_fixture_close(&guided);
        }
        field_fixture_close(&posterior);
        free(text);
}

/* ---- guidance: the gradient of -scale sum_x M (y - B m_0(x))^2/(2 (N + r^2 b2)), m_0 the denoised x ---- */

static double wiener_gain(double c, const double *sigma)
{
        return 1 - *sigma * *sigma / c;
}

static double log_guess(const struct posterior *posterior, double sigma, double added, double scale, const double *x)
{
        const struct mesh *mesh = posterior->prior.mesh;
        const struct observation *observation = &posterior->observation;
        const struct score_filter gain = {wiener_gain, &sigma};
        double *seen = mesh_allocate(mesh), sum = 0;
        field_prior_filter(&posterior->prior, sigma, &gain, x, seen);
        posterior_observation_smooth(observation, mesh, seen, seen);
        for (int64_t cell = 0; cell < mesh->n_cells; cell++) {
                const size_t i = cell_at(mesh, cell);
                const double rest = observation->data[i] - seen[i];
                const double noise = observation->noise_sigma[i];
                sum -= observation->mask[i] * rest * rest / (2 * (noise * noise + added));
        }
        free(seen);
        return scale * sum;
}

/* A quadratic form: its central difference along v is exact, to roundings of 1e-16 of its value over the step. */
static void check_guidance(const char *text, double sigma, double added, double scale)
{
        struct field_fixture fixture;
        open_field(&fixture, text);
        const struct mesh *mesh = fixture.mesh;
        const struct posterior *posterior = posterior_of_model(&fixture);
        struct score_level *level = score_level_create(fixture.score, sigma);
        double *x = some_point(mesh, 0), *s = mesh_allocate(mesh), *prior = mesh_allocate(mesh),
               *rest = mesh_allocate(mesh);
        score_eval(level, x, s);
        field_prior_score(&posterior->prior, sigma, x, prior);
        fixture.type->remainder(level->state, x, rest);
        for (size_t i = 0; i < mesh->size; i++)
                assert_true(fabs(s[i] - prior[i] - rest[i]) < 1e-13 * (fabs(prior[i]) + 10));
        for (int direction = 1; direction < 5; direction++) {
                double *v = some_point(mesh, direction), along = 0, value[2];
                for (int side = 0; side < 2; side++) {
                        double *at = mesh_allocate(mesh);
                        for (size_t i = 0; i < mesh->size; i++)
                                at[i] = x[i] + (side ? 0.5 : -0.5) * v[i];
                        value[side] = log_guess(posterior, sigma, added, scale, at);
                        free(at);
                }
                for (size_t i = 0; i < mesh->size; i++)
                        along += rest[i] * v[i];
                assert_true(fabs(along - (value[1] - value[0])) < 1e-11 * (fabs(value[0]) + 1));
                free(v);
        }
        derivative_is_linear(level, x);
        free(x);
        free(s);
        free(prior);
        free(rest);
        score_level_free(level);
        field_fixture_close(&fixture);
}

static void test_guidance_is_the_gradient_of_what_is_thought_of_the_data(void **state)
{
        (void)state;
        check_guidance(FIELD SEEN "}\nmethod: dps\nscale: 0.3\n", 2, 0, 0.3);
        check_guidance(FIELD SEEN ", beam_fwhm: 2}\nmethod: dps\n", 2, 0, 1);
        check_guidance(FIELD SEEN "}\nmethod: pigdm\nprior_variance: 3\n", 2, 4.0 * 3 / 7, 1);
}

/* ---- samples ---- */

/* Any text, along n Karras steps from sigma 60 to 0. */
static struct population *sampled(const struct field_fixture *fixture, int64_t n_fields, int steps)
{
        struct sampler_settings settings;
        const char *text = "{type: probability_flow}";
        struct input *input = input_parse("test", text, strlen(text), NULL, 0);
        input_read(input, sampler_params, &settings);
        assert_int_equal(input_problems(input), 0);
        double *sigma = allocate((size_t)steps + 1, sizeof *sigma);
        for (int i = 0; i < steps; i++)
                sigma[i] = pow(pow(60, 1.0 / 7) + i / (steps - 1.0) * (pow(0.02, 1.0 / 7) - pow(60, 1.0 / 7)), 7);
        struct param_variant edm;
        assert_true(process_variant(0, &edm));
        const struct process process = {edm.type, NULL};
        struct time_grid *grid = time_grid_create(&process, sigma, (size_t)steps + 1);
        struct sampler *sampler = sampler_create(&settings, NAN, 0, 9);
        sampler_set_grid(sampler, grid);
        const struct mesh *mesh = fixture->mesh;
        const struct field_layout layout = {.n_planes = mesh->n_planes, .n_planes_here = mesh->n_planes_here,
                                            .plane_cells = mesh->plane_cells, .plane_stride = mesh->plane_stride};
        struct population *population = population_create_fields(n_fields, fixture->score->n_dim, &layout, false,
                                                                 scheme_n_memory(sampler->scheme));
        const struct rng_stream stream = {.seed = 21, .purpose = RNG_TEST};
        for (size_t t = 0; t < population->n_tiles; t++) {
                double *x = population_tile(population, t);
                posterior_observation_normal(mesh, &stream, t, x);
                for (size_t i = 0; i < mesh->size; i++)
                        x[i] *= sigma[0];
        }
        struct score_level *level = score_level_create(fixture->score, sigma[0]);
        struct tally tally = {0};
        assert_false(sampler_advance(sampler, population, level, 0, 0, steps, &tally, NULL, NULL).found);
        assert_int_equal(tally.evaluations, n_fields * (2 * steps - 1));
        score_level_free(level);
        sampler_free(sampler);
        time_grid_free(grid);
        params_release(sampler_params, &settings);
        input_free(input);
        free(sigma);
        return population;
}

/* The worst |z| of all cells' means and variances against the exact ones; over cells, the root mean square of the
 * means' errors in posterior standard deviations and the mean ratio of variances. */
struct verdict { double mean, variance, bias, ratio; };

static struct verdict judge(const struct field_fixture *fixture, const struct population *population)
{
        const struct mesh *mesh = fixture->mesh;
        const struct posterior *posterior = posterior_of_model(fixture);
        const double n = (double)population->n_global;
        double *variance = mesh_allocate(mesh);
        struct verdict verdict = {0};
        assert_true(posterior_variance(posterior, 0, variance).converged);
        for (int64_t cell = 0; cell < mesh->n_cells; cell++) {
                const size_t i = cell_at(mesh, cell);
                double sum = 0, square = 0;
                for (size_t t = 0; t < population->n_tiles; t++) {
                        const double value = population_tile(population, t)[i] - posterior->mean[i];
                        sum += value;
                        square += value * value;
                }
                const double s2 = (square - sum * sum / n) / (n - 1);
                verdict.mean = fmax(verdict.mean, fabs(sum / n) / sqrt(variance[i] / n));
                verdict.variance = fmax(verdict.variance, fabs(s2 / variance[i] - 1) * sqrt((n - 1) / 2));
                verdict.bias += sum / n * sum / n / variance[i] / (double)mesh->n_cells;
                verdict.ratio += s2 / variance[i] / (double)mesh->n_cells;
        }
        free(variance);
        verdict.bias = sqrt(verdict.bias);
        return verdict;
}

/* Heun's 40 steps are off by some 1e-3 of a variance; started about 0 and not about the mean m, cells end short of it
 * by some m sqrt(v)/60, a third of m of 400 fields' standard errors. */
static void test_the_flow_ends_in_the_exact_mean_and_variance(void **state)
{
        (void)state;
        struct field_fixture fixture;
        open_field(&fixture, FIELD SEEN "}\n");
        struct population *population = sampled(&fixture, 400, 40);
        const struct verdict verdict = judge(&fixture, population);
        if (!(verdict.mean < 5 && verdict.variance < 5))
                fail_msg("mean %g, variance %g standard errors off", verdict.mean, verdict.variance);
        population_free(population);
        field_fixture_close(&fixture);
}

/* The numbers of docs/conditioning.md, seeds fixed: of 400 fields a bias is known to 1/sqrt(400) = 0.05 at each of 64
 * cells, a ratio to 0.07, and to less in their averages. */
static void test_guidance_is_biased_and_by_how_much(void **state)
{
        (void)state;
        static const struct {
                const char *text;
                double bias, ratio;
        } told[] = {{FIELD SEEN "}\nmethod: pigdm\n", 0.51, 0.96}, {FIELD SEEN "}\nmethod: dps\n", 1.00, 0.30}};
        for (int m = 0; m < 2; m++) {
                struct field_fixture fixture;
                open_field(&fixture, told[m].text);
                struct population *population = sampled(&fixture, 400, 40);
                const struct verdict verdict = judge(&fixture, population);
                if (!(fabs(verdict.bias - told[m].bias) < 0.05 && fabs(verdict.ratio - told[m].ratio) < 0.05))
                        fail_msg("bias %g, ratio of variances %g", verdict.bias, verdict.ratio);
                assert_true(verdict.mean > 5);
                population_free(population);
                field_fixture_close(&fixture);
        }
}

static void test_wrong_settings_are_told_in_a_line(void **state)
{
        (void)state;
        struct field_fixture fixture;
        char *why = field_fixture_open(&fixture, FIELD SEEN "}\nscale: 2\n", &context);
        assert_string_equal(why, "test:5: scale: is for pigdm and dps; exact needs none");
        free(why);
        params_release(field_fixture_params, &fixture.settings);
        why = field_fixture_open(&fixture, FIELD, &context);
        assert_string_equal(why, "test:1: observation: missing; give a table: what is known of the field");
        free(why);
        params_release(field_fixture_params, &fixture.settings);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_exact_is_the_score_of_the_noised_posterior),
                cmocka_unit_test(test_all_methods_are_the_posterior_without_noise),
                cmocka_unit_test(test_guidance_is_the_gradient_of_what_is_thought_of_the_data),
                cmocka_unit_test(test_the_flow_ends_in_the_exact_mean_and_variance),
                cmocka_unit_test(test_guidance_is_biased_and_by_how_much),
                cmocka_unit_test(test_wrong_settings_are_told_in_a_line),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
