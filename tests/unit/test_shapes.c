/* Where the shapes put their components, and what is said of settings that cannot be. */
#include "score_fixture.h"

#define PI 3.14159265358979323846

struct shape {
        struct score_fixture fixture;
        size_t n;
        double *weight, *mean, *variance;
};

static struct shape shape_open(const char *text)
{
        struct shape shape;
        score_fixture_open(&shape.fixture, text);
        const size_t n_dim = (size_t)shape.fixture.n_dim;
        shape.n = shape.fixture.type->n_modes(shape.fixture.score->model);
        shape.weight = allocate(shape.n, sizeof(double));
        shape.mean = allocate(shape.n * n_dim, sizeof(double));
        shape.variance = allocate(shape.n * n_dim, sizeof(double));
        shape.fixture.type->components(shape.fixture.score->model, shape.weight, shape.mean, shape.variance);
        for (size_t k = 0; k < shape.n; k++)
                assert_true(shape.weight[k] == 1 / (double)shape.n);
        return shape;
}

static void shape_close(struct shape *shape)
{
        free(shape->weight);
        free(shape->mean);
        free(shape->variance);
        score_fixture_close(&shape->fixture);
}

/* Coordinates here are a few operations of 2 ulp on numbers up to 10. */
static void expect_at(const struct shape *shape, size_t k, double x, double y)
{
        if (!(fabs(shape->mean[2 * k] - x) < 1e-14 && fabs(shape->mean[2 * k + 1] - y) < 1e-14))
                fail_msg("component %zu lies at (%.17g, %.17g), not (%.17g, %.17g)", k, shape->mean[2 * k],
                         shape->mean[2 * k + 1], x, y);
}

static double diameter(const struct shape *shape)
{
        return shape->fixture.type->diameter(shape->fixture.score->model);
}

static void test_a_ring_is_evenly_spaced(void **state)
{
        (void)state;
        struct shape ring = shape_open("{type: ring, modes: 12, radius: 3, sigma: 0.25}");
        assert_int_equal(ring.n, 12);
        for (size_t k = 0; k < 12; k++) {
                expect_at(&ring, k, 3 * cos(PI * (double)k / 6), 3 * sin(PI * (double)k / 6));
                assert_true(ring.variance[2 * k] == 0.0625 && ring.variance[2 * k + 1] == 0.0625);
        }
        assert_true(fabs(diameter(&ring) - 6) < 1e-14);
        shape_close(&ring);
}

static void test_a_grid_is_centred_in_any_dimension(void **state)
{
        (void)state;
        struct shape grid = shape_open("{type: grid, side: 3, spacing: 2, dimension: 3, sigma: 0.5}");
        assert_int_equal(grid.n, 27);
        assert_int_equal(grid.fixture.n_dim, 3);
        for (size_t k = 0; k < 27; k++) {
                const size_t index[3] = {k / 9, k / 3 % 3, k % 3};
                for (size_t i = 0; i < 3; i++)
                        assert_true(grid.mean[3 * k + i] == 2 * ((double)index[i] - 1));
        }
        assert_true(fabs(diameter(&grid) - 4 * sqrt(3)) < 1e-14);
        shape_close(&grid);
}

/* numpy.linspace(0, pi, n): (cos t, sin t) and (1 - cos t, 1 - sin t - 1/2). */
static void test_moons_are_those_of_scikit_learn(void **state)
{
        (void)state;
        struct shape moons = shape_open("{type: moons, modes: 11, radius: 2}");
        assert_int_equal(moons.n, 11);
        for (size_t k = 0; k < 6; k++)
                expect_at(&moons, k, 2 * cos(PI * (double)k / 5), 2 * sin(PI * (double)k / 5));
        for (size_t k = 0; k < 5; k++)
                expect_at(&moons, 6 + k, 2 - 2 * cos(PI * (double)k / 4), 1 - 2 * sin(PI * (double)k / 4));
        shape_close(&moons);
}

/* On r = radius t, angle = turns t + arm/arms; radii squared evenly spaced. */
static void test_arms_of_a_spiral_differ_by_a_rotation(void **state)
{
        (void)state;
        struct shape spiral = shape_open("{type: spiral, arms: 3, modes: 20, turns: 2, radius: 4}");
        assert_int_equal(spiral.n, 60);
        for (size_t k = 0; k < 60; k++) {
                const double t = sqrt(((double)(k % 20) + 0.5) / 20);
                const double angle = 2 * PI * (2 * t + (double)(k / 20) / 3);
                expect_at(&spiral, k, 4 * t * cos(angle), 4 * t * sin(angle));
        }
        shape_close(&spiral);
}

/* Cells of one colour only, the corner's, filled alike; and in them the density is flat. */
static void test_every_other_cell_of_a_checkerboard_is_flat(void **state)
{
        (void)state;
        struct shape board = shape_open("{type: checkerboard, side: 3, cell: 2, fill: 4}");
        assert_int_equal(board.n, 5 * 16);
        size_t filled[3][3] = {{0}};
        for (size_t k = 0; k < board.n; k++)
                filled[(int)((board.mean[2 * k] + 3) / 2)][(int)((board.mean[2 * k + 1] + 3) / 2)]++;
        for (size_t i = 0; i < 3; i++)
                for (size_t j = 0; j < 3; j++)
                        assert_int_equal(filled[i][j], (i + j) % 2 ? 0 : 16);
        assert_true(board.variance[0] == 0.0625); /* auto: half of 2/4 */

        /* Along the middle of the central cell, two sigmas off its edges: 2.9% of ripple at most, and the
         * tails beyond the edges, 2 Phi(-2) = 4.6% in each coordinate. */
        struct score_level *level = score_level_create(board.fixture.score, 0);
        double x[2 * LANES], log_p[LANES];
        for (int lane = 0; lane < LANES; lane++) {
                x[lane] = -0.5 + (double)lane / (LANES - 1);
                x[LANES + lane] = 0.1;
        }
        level->score->type->log_density(level->state, x, log_p);
        for (int lane = 0; lane < LANES; lane++) /* five cells of area 4 */
                assert_true(fabs(log_p[lane] - log(1.0 / 20)) < 0.029 + 2 * 0.046);
        score_level_free(level);
        shape_close(&board);
}

static void test_settings_that_cannot_be_are_told_concretely(void **state)
{
        (void)state;
        const struct {
                const char *text, *problem;
        } wrong[] = {
                {"{type: gaussian_mixture, components: []}", "components: the list is empty"},
                {"{type: gaussian_mixture, components: [{mean: []}]}", "components[0].mean: the list is empty"},
                {"{type: gaussian_mixture, components: [{mean: [1, 2]}, {mean: [1, 2, 3]}]}",
                 "components[1].mean: has 3 numbers, but the first component's mean has 2"},
                {"{type: gaussian_mixture, components: [{mean: [1, 2], sigma: [1, 2, 3]}]}",
                 "components[0].sigma: has 3 numbers, needs 1 or 2"},
                {"{type: gaussian_mixture, components: [{mean: 1, sigma: [1, 2]}]}",
                 "components[0].sigma: has 2 numbers, needs 1"},
                {"{type: grid, side: 100, dimension: 3}", "side: makes 1000000 components, more than 16384"},
                {"{type: spiral, arms: 200, modes: 200}", "modes: makes 40000 components, more than 16384"},
                {"{type: checkerboard, side: 100, fill: 10}", "fill: makes 500000 components, more than 16384"},
        };
        for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
                struct selection settings = {0};
                struct input *input = input_parse("test", wrong[i].text, strlen(wrong[i].text), NULL, 0);
                input_read(input, score_fixture_params, &settings);
                if (input_problems(input) != 1 || !strstr(input_problem(input, 0), wrong[i].problem))
                        fail_msg("%s: %s", wrong[i].text,
                                 input_problems(input) ? input_problem(input, 0) : "no problem");
                input_free(input);
                params_release(score_fixture_params, &settings);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_ring_is_evenly_spaced),
                cmocka_unit_test(test_a_grid_is_centred_in_any_dimension),
                cmocka_unit_test(test_moons_are_those_of_scikit_learn),
                cmocka_unit_test(test_arms_of_a_spiral_differ_by_a_rotation),
                cmocka_unit_test(test_every_other_cell_of_a_checkerboard_is_flat),
                cmocka_unit_test(test_settings_that_cannot_be_are_told_concretely),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
