/* Tiles, rows, padding; sums in a fixed tree; memory. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sculptor/memory.h"
#include "sculptor/population.h"
#include "sculptor/tree_sum.h"

static double value_of(int64_t particle, int64_t coordinate)
{
        return (double)particle + 0.001 * (double)coordinate;
}

static struct population *numbered(int64_t n, int64_t n_dim)
{
        struct population *population = population_create(n, n_dim, false, 0);
        for (int64_t i = 0; i < n; i++)
                for (int64_t j = 0; j < n_dim; j++)
                        population_tile(population, (size_t)(i / LANES))[j * LANES + i % LANES] = value_of(i, j);
        population_pad(population);
        return population;
}

static void test_rows_are_in_the_order_of_particle_id(void **state)
{
        (void)state;
        const int64_t sizes[] = {1, 63, 64, 65, 200}, dims[] = {1, 2, 5};
        for (size_t s = 0; s < 5; s++) {
                for (size_t d = 0; d < 3; d++) {
                        int64_t n = sizes[s], n_dim = dims[d];
                        struct population *population = numbered(n, n_dim);
                        double *rows = allocate((size_t)(n * n_dim), sizeof *rows);
                        population_to_rows(population, population->x, 0, n, rows);
                        for (int64_t i = 0; i < n * n_dim; i++)
                                assert_true(rows[i] == value_of(i / n_dim, i % n_dim));
                        free(rows);
                        population_free(population);
                }
        }
}

static void test_rows_read_back_in_pieces_restore_every_lane(void **state)
{
        (void)state;
        enum { N = 150, D = 3, PIECE = 37 };
        struct population *from = numbered(N, D), *to = population_create(N, D, false, 0);
        double rows[PIECE * D];
        for (int64_t first = 0; first < N; first += PIECE) {
                int64_t count = N - first < PIECE ? N - first : PIECE;
                population_to_rows(from, from->x, first, count, rows);
                population_from_rows(to, to->x, first, count, rows);
        }
        population_pad(to);
        assert_memory_equal(from->x, to->x, from->n_tiles * D * LANES * sizeof(double));
        population_free(from);
        population_free(to);
}

static void test_spare_lanes_copy_the_last_particle(void **state)
{
        (void)state;
        struct population *population = numbered(65, 2);
        assert_int_equal(population->n_tiles, 2);
        assert_int_equal(population_lanes(population, 0), 64);
        assert_int_equal(population_lanes(population, 1), 1);
        for (int lane = 1; lane < LANES; lane++)
                for (int j = 0; j < 2; j++)
                        assert_true(population_tile(population, 1)[j * LANES + lane] == value_of(64, j));
        population_free(population);
}

/* Tiles 70,312,500 and 70,312,501 of five billion particles, as their rank would hold them. */
static void test_particle_ids_beyond_32_bits_find_their_lanes(void **state)
{
        (void)state;
        double x[2 * LANES] = {0};
        struct population population = {.n_global = INT64_C(4500000100), .n_dim = 1, .n_tiles_global = 70312502,
                                        .tile_particles = LANES, .tile_size = LANES,
                                        .tile_begin = 70312500, .n_tiles = 2, .x = x};
        assert_true(population_first(&population) == INT64_C(4500000000));
        assert_int_equal(population_count(&population), 100);
        assert_true(population_first_particle(&population, 1) == INT64_C(4500000064));
        assert_int_equal(population_lanes(&population, 1), 36);
        const double row = 7;
        population_from_rows(&population, x, INT64_C(4500000099), 1, &row);
        assert_true(x[99] == 7);
        double back = 0;
        population_to_rows(&population, x, INT64_C(4500000099), 1, &back);
        assert_true(back == 7);
}

/* The sum of 1/(i + 1), far from exact in floating point, so that another order shows. */
static double harmonic(int64_t n, double *plain)
{
        struct tree_sum *sum = tree_sum_create(1);
        *plain = 0;
        for (int64_t i = 0; i < n; i++) {
                double leaf = 1 / (double)(i + 1);
                tree_sum_add(sum, i, &leaf);
                *plain += leaf;
        }
        double total;
        tree_sum_finish(sum, &total);
        return total;
}

static void test_tree_sum_is_right_for_any_number_of_leaves(void **state)
{
        (void)state;
        for (int64_t n = 0; n < 300; n++) {
                double plain, total = harmonic(n, &plain);
                assert_true(fabs(total - plain) <= (double)n * 0x1p-53 * (plain + 1));
        }
}

static void test_tree_sum_of_a_million_is_nearer_than_the_plain_sum(void **state)
{
        (void)state;
        const int64_t n = 1000000;
        double plain, total = harmonic(n, &plain);
        long double exact = 0;
        for (int64_t i = n; i > 0; i--)
                exact += 1 / (long double)i;
        /* pairwise: the error is bounded by log2(n) roundings of the total, 20 * 2^-53 * 14.4 */
        assert_true(fabsl(total - exact) < 20 * 0x1p-53L * exact);
        assert_true(fabsl(total - exact) < fabsl(plain - exact));
}

static void test_allocated_memory_is_zeroed_and_aligned(void **state)
{
        (void)state;
        for (size_t n = 0; n < 300; n += 7) {
                unsigned char *memory = allocate(n, 1);
                assert_int_equal((uintptr_t)memory % 64, 0);
                for (size_t i = 0; i < n; i++)
                        assert_int_equal(memory[i], 0);
                free(memory);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows_are_in_the_order_of_particle_id),
                cmocka_unit_test(test_rows_read_back_in_pieces_restore_every_lane),
                cmocka_unit_test(test_spare_lanes_copy_the_last_particle),
                cmocka_unit_test(test_particle_ids_beyond_32_bits_find_their_lanes),
                cmocka_unit_test(test_tree_sum_is_right_for_any_number_of_leaves),
                cmocka_unit_test(test_tree_sum_of_a_million_is_nearer_than_the_plain_sum),
                cmocka_unit_test(test_allocated_memory_is_zeroed_and_aligned),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
