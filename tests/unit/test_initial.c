/* Where populations start: grids and paths between latents, against their formulas. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sculptor/initial.h"
#include "sculptor/memory.h"
#include "sculptor/rng.h"

static const struct param rows[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = 0, .variant = initial_variant, .help = "the distribution"},
        PARAM_END,
};

/* The latents of these tests: row r is normal, but row 8 is minus row 0, row 9 twice row 0. */
enum { N_DIM = 40, N_ROWS = 10 };

static double latent(int64_t row, int64_t j)
{
        const struct rng_stream stream = {.seed = 5, .purpose = RNG_TEST};
        double z[N_DIM];
        rng_normal_row(&stream, (uint64_t)(row >= 8 ? 0 : row), 0, N_DIM, z);
        return row == 8 ? -z[j] : row == 9 ? 2 * z[j] : z[j];
}

static const char *read_latents(const char *path, const char *name, int64_t first, int64_t count, double *values)
{
        assert_string_equal(path, "there.h5");
        assert_string_equal(name, "state");
        assert_true(first >= 0 && first + count <= N_ROWS);
        for (int64_t i = 0; i < count * N_DIM; i++)
                values[i] = latent(first + i / N_DIM, i % N_DIM);
        return NULL;
}

/* NULL, or the first problem of the table; the caller frees. */
static char *problem_with(const char *text)
{
        struct selection settings = {0};
        struct input *input = input_parse("test", text, strlen(text), NULL, 0);
        input_read(input, rows, &settings);
        char *problem = input_problems(input) > 0 ? copy_text(input_problem(input, 0)) : NULL;
        input_free(input);
        params_release(rows, &settings);
        return problem;
}

static struct population *start(const char *text, int64_t n_particles, int64_t n_dim, const char **why)
{
        struct selection settings = {0};
        struct input *input = input_parse("test", text, strlen(text), NULL, 0);
        input_read(input, rows, &settings);
        assert_int_equal(input_problems(input), 0);
        input_free(input);
        const struct initial_type *type = settings.type;
        struct population *population = population_create(n_particles, n_dim, false, 0);
        const struct initial_context context = {.seed = 1, .read_rows = read_latents};
        assert_int_equal(type->particles(settings.settings, n_dim, n_particles), n_particles);
        *why = type->draw(settings.settings, &context, population);
        params_release(rows, &settings);
        return population;
}

static double coordinate(const struct population *population, int64_t particle, int64_t j)
{
        return population_tile(population, (size_t)(particle / LANES))[j * LANES + particle % LANES];
}

static int64_t particles_of(const char *text, int64_t n_dim, int64_t asked)
{
        struct selection settings = {0};
        struct input *input = input_parse("test", text, strlen(text), NULL, 0);
        input_read(input, rows, &settings);
        input_free(input);
        const int64_t n = ((const struct initial_type *)settings.type)->particles(settings.settings, n_dim, asked);
        params_release(rows, &settings);
        return n;
}

static void test_a_grid_reaches_from_corner_to_corner(void **state)
{
        (void)state;
        const char *why, text[] = "{type: grid, low: [-1, 2], high: [1, 8], points_per_axis: 13}";
        struct population *population = start(text, 169, 2, &why);
        assert_null(why);
        for (int64_t p = 0; p < 169; p++) {
                assert_true(fabs(coordinate(population, p, 0) - (-1 + (double)(p % 13) / 6)) < 1e-15);
                assert_true(fabs(coordinate(population, p, 1) - (2 + (double)(p / 13) / 2)) < 2e-15);
        }
        assert_true(coordinate(population, 168, 0) == 1 && coordinate(population, 168, 1) == 8);
        assert_true(coordinate(population, 191, 1) == 8); /* a spare lane */
        population_free(population);
        assert_int_equal(particles_of(text, 2, 100), 169);
        assert_int_equal(particles_of("{type: grid, low: 0, high: 1, points_per_axis: 100}", 40, 1), INT64_MAX);
}

/* ---- paths ---- */

enum { POINTS = 5 };

static double dot(int64_t a, int64_t b)
{
        double sum = 0;
        for (int64_t j = 0; j < N_DIM; j++)
                sum += latent(a, j) * latent(b, j);
        return sum;
}

static void weights(const char *method, int64_t a, int64_t b, double t, double *of_a, double *of_b)
{
        *of_a = 1 - t;
        *of_b = t;
        if (strcmp(method, "variance_preserving") == 0) {
                *of_a = cos(acos(0) * t);
                *of_b = sin(acos(0) * t);
        } else if (strcmp(method, "spherical") == 0) {
                const double w = acos(dot(a, b) / sqrt(dot(a, a) * dot(b, b)));
                *of_a = sin((1 - t) * w) / sin(w);
                *of_b = sin(t * w) / sin(w);
        }
}

static void check_path(const struct population *population, int64_t first, int64_t a, int64_t b, const char *method)
{
        for (int64_t i = 0; i < POINTS; i++) {
                double of_a, of_b;
                weights(method, a, b, (double)i / (POINTS - 1), &of_a, &of_b);
                for (int64_t j = 0; j < N_DIM; j++) {
                        const double x = coordinate(population, first + i, j);
                        assert_true(fabs(x - of_a * latent(a, j) - of_b * latent(b, j)) < 1e-13);
                        if (i == 0 || i == POINTS - 1) /* the ends to the bit */
                                assert_true(x == latent(i == 0 ? a : b, j));
                }
        }
}

static void test_paths_follow_their_formulas(void **state)
{
        (void)state;
        const char *const methods[] = {"linear", "spherical", "variance_preserving"};
        for (int m = 0; m < 3; m++) {
                const char *why;
                char *text = format_text("{type: interpolation, path: there.h5, points: 5, method: %s}", methods[m]);
                struct population *population = start(text, 20, N_DIM, &why);
                assert_null(why);
                for (int64_t pair = 0; pair < 4; pair++)
                        check_path(population, pair * POINTS, 2 * pair, 2 * pair + 1, methods[m]);
                population_free(population);
                free(text);
                text = format_text("{type: interpolation, path: there.h5, points: 5, method: %s, "
                                   "pairs: [[3, 1], [7, 0], [3, 5]]}",
                                   methods[m]);
                population = start(text, 15, N_DIM, &why);
                check_path(population, 0, 3, 1, methods[m]);
                check_path(population, 5, 7, 0, methods[m]);
                check_path(population, 10, 3, 5, methods[m]);
                population_free(population);
                free(text);
        }
}

/* Between points of one length a great circle keeps it; between parallel ones it is the straight line. */
static void test_a_spherical_path_keeps_length(void **state)
{
        (void)state;
        const char *why;
        struct population *population = start("{type: interpolation, path: there.h5, points: 5, pairs: [[0, 9]]}", 5,
                                              N_DIM, &why);
        assert_null(why);
        check_path(population, 0, 0, 9, "linear");
        population_free(population);

        population = start("{type: interpolation, path: there.h5, points: 5, pairs: [[0, 1]]}", 5, N_DIM, &why);
        const double a = sqrt(dot(0, 0)), b = sqrt(dot(1, 1));
        for (int64_t i = 0; i < POINTS; i++) {
                double of_a, of_b, square = 0;
                weights("spherical", 0, 1, (double)i / (POINTS - 1), &of_a, &of_b);
                for (int64_t j = 0; j < N_DIM; j++) {
                        const double x = coordinate(population, i, j) + of_b * (a / b - 1) * latent(1, j);
                        square += x * x;
                }
                assert_true(fabs(square - a * a) < 1e-12 * a * a);
        }
        population_free(population);
}

static void test_opposite_latents_have_no_great_circle(void **state)
{
        (void)state;
        const char *why;
        population_free(start("{type: interpolation, path: there.h5, points: 5, pairs: [[0, 8]]}", 5, N_DIM, &why));
        assert_non_null(strstr(why, "opposite"));
        population_free(start("{type: interpolation, path: there.h5, points: 5, pairs: [[0, 8]], method: linear}", 5,
                              N_DIM, &why));
        assert_null(why);
}

static void expect_problem(const char *text, const char *words)
{
        char *problem = problem_with(text);
        assert_non_null(problem);
        if (!strstr(problem, words))
                fail_msg("\"%s\" does not say \"%s\"", problem, words);
        free(problem);
}

static void test_what_makes_no_path_is_refused(void **state)
{
        (void)state;
        expect_problem("{type: interpolation, path: x, points: 1}", "points");
        expect_problem("{type: interpolation, path: x, points: 3, pairs: [[0, 1, 2]]}", "each joins two");
        expect_problem("{type: interpolation, path: x, points: 3, pairs: [[0, 1.5]]}", "is not the number of a row");
        expect_problem("{type: interpolation, path: x, points: 3, pairs: [[-1, 0]]}", "is not the number of a row");
        expect_problem("{type: grid, low: 1, high: 0, points_per_axis: 3}", "not above low");
        assert_int_equal(particles_of("{type: interpolation, path: x, points: 4}", 2, 11), 12);
        assert_int_equal(particles_of("{type: interpolation, path: x, points: 4, pairs: [[0, 1]]}", 2, 12), 4);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_grid_reaches_from_corner_to_corner),
                cmocka_unit_test(test_paths_follow_their_formulas),
                cmocka_unit_test(test_a_spherical_path_keeps_length),
                cmocka_unit_test(test_opposite_latents_have_no_great_circle),
                cmocka_unit_test(test_what_makes_no_path_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
