/* Virtual Brownian trees: the law of Brownian motion at any points, and the same path whoever asks for what. Seeds are
 * fixed; a statistic scaled to a normal deviate stays below Z_LIMIT, which one in 2 10^8 exceeds by chance. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel_bits.h"
#include "sampler/brownian.h"
#include "sculptor/memory.h"

static const double Z_LIMIT = 5.85;
enum { SEED = 4711, TILES = 400, N_DIM = 2, N_PATHS = TILES * LANES * N_DIM };

static void expect_deviate(const char *what, double z)
{
        if (!(fabs(z) < Z_LIMIT))
                fail_msg("%s: z = %.2f", what, z);
}

/* b[N_PATHS]: B at a point, of particles 0 .. TILES LANES - 1 of a tree. */
static double *paths_at(uint32_t tree, uint32_t at)
{
        double *b = allocate(N_PATHS, sizeof *b), scratch[3][N_DIM * LANES];
        for (uint64_t t = 0; t < TILES; t++) {
                struct brownian_places places = {.seed = SEED};
                for (uint64_t lane = 0; lane < LANES; lane++) {
                        places.particle[lane] = t * LANES + lane;
                        places.tree[lane] = tree;
                        places.at[lane] = at;
                }
                brownian_lanes(&places, N_DIM, scratch[0], scratch[1], scratch[2], b + t * N_DIM * LANES);
        }
        return b;
}

static double length(uint32_t from, uint32_t to)
{
        return (double)(to - from) / (double)BROWNIAN_END;
}

/* sum x y/sd_x/sd_y of independent normal numbers has variance n; of one with itself (chi^2 - n)/sqrt(2 n). */
static double correlation(const double *x, double variance_x, const double *y, double variance_y)
{
        double sum = 0;
        for (int i = 0; i < N_PATHS; i++)
                sum += x[i] * y[i];
        sum /= sqrt(variance_x * variance_y);
        return x == y ? (sum - N_PATHS) / sqrt(2.0 * N_PATHS) : sum / sqrt((double)N_PATHS);
}

/* Uneven points, dyadic ones and the finest. */
static const uint32_t POINTS[] = {0,           1,         5,        12345,
                                  1 << 20,     123456789, 1u << 28, (1u << 28) + 1,
                                  1u << 29,    700000001, 3u << 28, BROWNIAN_END - 1,
                                  BROWNIAN_END};
enum { N_POINTS = sizeof POINTS / sizeof *POINTS, N_STEPS = N_POINTS - 1 };

static void test_increments_are_independent_normal_numbers_of_variance_h(void **state)
{
        (void)state;
        double *b[N_POINTS], *step[N_STEPS], variance[N_STEPS];
        for (int k = 0; k < N_POINTS; k++)
                b[k] = paths_at(3, POINTS[k]);
        for (int i = 0; i < N_PATHS; i++)
                assert_true(b[0][i] == 0);
        for (int k = 0; k < N_STEPS; k++) {
                step[k] = allocate(N_PATHS, sizeof(double));
                variance[k] = length(POINTS[k], POINTS[k + 1]);
                double sum = 0, fourth = 0;
                for (int i = 0; i < N_PATHS; i++) {
                        step[k][i] = b[k + 1][i] - b[k][i];
                        const double z = step[k][i] / sqrt(variance[k]);
                        sum += z;
                        fourth += z * z * z * z;
                }
                expect_deviate("mean", sum / sqrt((double)N_PATHS));
                expect_deviate("fourth moment", (fourth / N_PATHS - 3) * sqrt(N_PATHS / 96.0));
                for (int l = 0; l <= k; l++)
                        expect_deviate(l == k ? "variance" : "correlation",
                                       correlation(step[k], variance[k], step[l], variance[l]));
        }
        for (int k = 0; k < N_POINTS; k++)
                free(b[k]);
        for (int k = 0; k < N_STEPS; k++)
                free(step[k]);
}

/* Between any two points: mean on the chord, variance (m - a)(b - m)/(b - a), whatever the ends. */
static void test_between_two_points_lies_a_bridge(void **state)
{
        (void)state;
        const uint32_t triples[][3] = {{0, 1u << 29, BROWNIAN_END},
                                       {100000000, 300000000, 900000000},
                                       {1u << 27, (1u << 27) + 77, (1u << 27) + 1000}};
        for (int k = 0; k < 3; k++) {
                const uint32_t *at = triples[k];
                double *a = paths_at(9, at[0]), *m = paths_at(9, at[1]), *b = paths_at(9, at[2]);
                const double before = length(at[0], at[1]), after = length(at[1], at[2]), whole = before + after;
                const double variance = before * after / whole;
                for (int i = 0; i < N_PATHS; i++) {
                        m[i] -= (after * a[i] + before * b[i]) / whole;
                        b[i] -= a[i];
                }
                expect_deviate("variance", correlation(m, variance, m, variance));
                expect_deviate("with the increment", correlation(m, variance, b, whole));
                if (at[0] > 0)
                        expect_deviate("with the beginning", correlation(m, variance, a, length(0, at[0])));
                free(a);
                free(m);
                free(b);
        }
}

static void test_trees_particles_and_coordinates_are_independent(void **state)
{
        (void)state;
        double *b = paths_at(0, 1u << 29), *other = paths_at(1, 1u << 29), *far = paths_at(64, 1u << 29);
        const double v = 0.5;
        expect_deviate("next tree", correlation(b, v, other, v));
        expect_deviate("tree of another level", correlation(b, v, far, v));
        double particles = 0, coordinates = 0;
        for (int t = 0; t < TILES; t++)
                for (int lane = 0; lane < LANES; lane += 2) {
                        const double *tile = b + t * N_DIM * LANES;
                        particles += tile[lane] * tile[lane + 1] / v;
                        coordinates += tile[lane] * tile[LANES + lane] / v;
                }
        expect_deviate("particles", particles / sqrt(TILES * LANES / 2.0));
        expect_deviate("coordinates", coordinates / sqrt(TILES * LANES / 2.0));
        free(b);
        free(other);
        free(far);
}

/* Any particles at any points of any trees, side by side. */
static void test_a_path_does_not_depend_on_what_else_is_asked(void **state)
{
        (void)state;
        enum { DIM = 3 };
        double scratch[3][DIM * LANES], together[DIM * LANES], alone[DIM * LANES];
        for (uint64_t round = 0; round < 10; round++) {
                struct brownian_places places = {.seed = SEED}, one;
                for (uint64_t lane = 0; lane < LANES; lane++) {
                        const uint64_t i = 1000 * round + 3 * lane;
                        places.particle[lane] = mixed_bits(i) % (UINT64_C(1) << 40);
                        places.tree[lane] = (uint32_t)(mixed_bits(i + 1) % (uint64_t)BROWNIAN_MAX_TREES);
                        places.at[lane] = (uint32_t)(mixed_bits(i + 2) % BROWNIAN_END) >> lane % 31 << lane % 31;
                        if (lane % 16 == 5)
                                places.at[lane] = BROWNIAN_END;
                }
                brownian_lanes(&places, DIM, scratch[0], scratch[1], scratch[2], together);
                for (int lane = 0; lane < LANES; lane++) {
                        one = places;
                        for (int k = 0; k < LANES; k++) {
                                one.particle[k] = places.particle[lane];
                                one.tree[k] = places.tree[lane];
                                one.at[k] = places.at[lane];
                        }
                        brownian_lanes(&one, DIM, scratch[0], scratch[1], scratch[2], alone);
                        for (int j = 0; j < DIM; j++)
                                assert_true(alone[j * LANES + (63 - lane)] == together[j * LANES + lane]);
                }
        }
}

/* 5 planes of 1500 cells, of which two are here: cells are coordinates. */
static void test_a_field_has_the_path_of_a_particle_with_as_many_coordinates(void **state)
{
        (void)state;
        enum { CELLS = 1500, STRIDE = 1536, PLANES = 5, ALL = PLANES * CELLS };
        const struct field_layout layout = {.n_planes = PLANES, .plane_begin = 2, .n_planes_here = 2,
                                            .plane_cells = CELLS, .plane_stride = STRIDE};
        double *scratch = allocate((size_t)4 * ALL * LANES, sizeof *scratch);
        const size_t size = (size_t)ALL * LANES;
        const uint32_t at[] = {0, 12345678, 1u << 29, BROWNIAN_END};
        for (int k = 0; k < 4; k++) {
                double field[2 * STRIDE] = {0};
                struct brownian_places places = {.seed = SEED};
                for (int lane = 0; lane < LANES; lane++) {
                        places.particle[lane] = 3;
                        places.tree[lane] = 70;
                        places.at[lane] = at[k];
                }
                brownian_lanes(&places, ALL, scratch, scratch + size, scratch + 2 * size, scratch + 3 * size);
                brownian_field(SEED, 3, 70, at[k], &layout, field);
                for (size_t p = 0; p < 2; p++)
                        for (size_t i = 0; i < STRIDE; i++)
                                assert_true(field[p * STRIDE + i] ==
                                            (i < CELLS ? scratch[3 * size + ((2 + p) * CELLS + i) * LANES] : 0));
        }
        free(scratch);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_increments_are_independent_normal_numbers_of_variance_h),
                cmocka_unit_test(test_between_two_points_lies_a_bridge),
                cmocka_unit_test(test_trees_particles_and_coordinates_are_independent),
                cmocka_unit_test(test_a_path_does_not_depend_on_what_else_is_asked),
                cmocka_unit_test(test_a_field_has_the_path_of_a_particle_with_as_many_coordinates),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
