/* The mesh: its transform against direct sums and against itself, its modes, its plans. */
#include "field_lab.h"

/* Larger ones, for the figures promised: round trip below 1e-15, Parseval below 1e-13. */
static const struct lab_shape large[] = {
        {2, {256, 256}, {1, 1}}, {2, {243, 250}, {1, 2}}, {3, {64, 64, 64}, {1, 1, 1}}, {3, {45, 64, 49}, {1, 2, 3}}};
enum { LARGE = sizeof large / sizeof *large };

static void keep(void *owner, const struct mesh_block *block)
{
        memcpy((double *)owner + 2 * block->first, block->value, 2 * block->mesh->block_modes * sizeof *block->value);
}

static void put(void *owner, const struct mesh_block *block)
{
        memcpy(block->value, (double *)owner + 2 * block->first, 2 * block->mesh->block_modes * sizeof *block->value);
}

static double *modes_of(const struct mesh *mesh, const double *field)
{
        double *modes = allocate(2 * mesh_modes_here(mesh), sizeof *modes);
        mesh_forward(mesh, field, keep, modes);
        return modes;
}

static void test_modes_equal_direct_sums(void **state)
{
        (void)state;
        for (int s = 0; s < LAB_SHAPES; s++) {
                struct mesh *mesh = lab_mesh(lab_shapes[s]);
                double *field = lab_noise(mesh, 1), *modes = modes_of(mesh, field);
                double complex *expected = lab_transform(mesh, field);
                const double rounding = 1e-14 * (double)mesh->n_cells; /* of the sums: |x| < 5 */
                for (int64_t block = 0; block < mesh->n_blocks; block++) {
                        struct mode mode;
                        for (mode_begin(mesh, block, &mode); mode_next(&mode);) {
                                int64_t at[MESH_MAX_AXES];
                                for (int axis = 0; axis < mesh->n_axes; axis++)
                                        at[axis] = mode.n[axis];
                                const double *value = modes + 2 * ((size_t)block * mesh->block_modes + mode.index);
                                const double complex sum = expected[lab_join(mesh, at)];
                                lab_near("real part", value[0], creal(sum), rounding);
                                lab_near("imaginary part", value[1], cimag(sum), rounding);
                                if (mode.self_conjugate)
                                        lab_near("a real mode's", value[1], 0, rounding);
                        }
                }
                free(expected);
                free(field);
                free(modes);
                mesh_free(mesh);
        }
}

static void test_modes_are_each_wavevector_once(void **state)
{
        (void)state;
        for (int s = 0; s < LAB_SHAPES; s++) {
                struct mesh *mesh = lab_mesh_unplanned(lab_shapes[s]);
                int64_t n_modes = 0, n_real = 0;
                bool *seen = allocate((size_t)mesh->n_cells, sizeof *seen);
                for (int64_t block = 0; block < mesh->n_blocks; block++) {
                        struct mode mode;
                        for (mode_begin(mesh, block, &mode); mode_next(&mode);) {
                                int64_t place = 0;
                                double k_squared = 0;
                                for (int axis = 0; axis < mesh->n_axes; axis++) {
                                        const int64_t n = mesh->n[axis];
                                        assert_true(2 * mode.n[axis] <= n && 2 * mode.n[axis] > -n);
                                        place = place * n + (mode.n[axis] + n) % n;
                                        k_squared += pow(LAB_TWO_PI * mode.n[axis] / mesh->length[axis], 2);
                                }
                                assert_false(seen[place]);
                                seen[place] = true;
                                assert_true(fabs(mode.k_squared - k_squared) <= 1e-14 * k_squared);
                                assert_true(mode.zero == (place == 0));
                                n_modes += mode.weight;
                                n_real += mode.self_conjugate;
                        }
                }
                assert_true(n_modes == mesh->n_cells);
                int64_t expected = 1;
                for (int axis = 0; axis < mesh->n_axes; axis++)
                        expected *= mesh->n[axis] % 2 == 0 ? 2 : 1;
                assert_true(n_real == expected);
                free(seen);
                mesh_free(mesh);
        }
}

static void test_round_trip_and_parseval_hold_to_rounding(void **state)
{
        (void)state;
        for (int s = 0; s < LARGE; s++) {
                struct mesh *mesh = lab_mesh(large[s]);
                double *field = lab_noise(mesh, 2), *modes = modes_of(mesh, field), *back = mesh_allocate(mesh);
                long double power = 0, square = 0, error = 0;
                for (int64_t block = 0; block < mesh->n_blocks; block++) {
                        struct mode mode;
                        for (mode_begin(mesh, block, &mode); mode_next(&mode);) {
                                const double *value = modes + 2 * ((size_t)block * mesh->block_modes + mode.index);
                                power += mode.weight *
                                         ((long double)value[0] * value[0] + (long double)value[1] * value[1]);
                        }
                }
                mesh_inverse(mesh, put, modes, back);
                for (size_t i = 0; i < mesh->size; i++) {
                        square += (long double)field[i] * field[i];
                        error += ((long double)field[i] - back[i]) * ((long double)field[i] - back[i]);
                }
                assert_true(sqrtl(error / square) < 1e-15L);
                assert_true(fabsl(power / (square * mesh->n_cells) - 1) < 1e-13L);
                free(field);
                free(modes);
                free(back);
                mesh_free(mesh);
        }
}

static void shrink(void *owner, const struct mesh_block *block)
{
        (void)owner;
        struct mode mode;
        for (mode_begin(block->mesh, block->index, &mode); mode_next(&mode);) {
                const double gain = 1 / (1 + mode.k_squared);
                block->value[2 * mode.index] *= gain;
                block->value[2 * mode.index + 1] *= gain;
        }
}

/* The same filter by hand, the spare cells being zero after it; also in place. */
static void test_a_filter_is_forward_gain_and_back_to_the_same_bits(void **state)
{
        (void)state;
        for (int s = 0; s < LAB_SHAPES; s++) {
                struct mesh *mesh = lab_mesh(lab_shapes[s]);
                double *field = lab_noise(mesh, 3), *modes = modes_of(mesh, field), *out = mesh_allocate(mesh);
                double *by_hand = mesh_allocate(mesh);
                for (size_t i = 0; i < mesh->size; i++)
                        out[i] = 7;
                mesh_filter(mesh, field, out, shrink, NULL);
                for (int64_t b = 0; b < mesh->n_blocks; b++) {
                        const struct mesh_block block = {.mesh = mesh, .index = b,
                                                         .value = modes + 2 * (size_t)b * mesh->block_modes};
                        shrink(NULL, &block);
                }
                mesh_inverse(mesh, put, modes, by_hand);
                assert_memory_equal(out, by_hand, mesh->size * sizeof *out);
                mesh_filter(mesh, field, field, shrink, NULL);
                assert_memory_equal(out, field, mesh->size * sizeof *out);
                for (size_t p = 0; p < mesh->n_planes_here; p++)
                        for (size_t i = mesh->plane_cells; i < mesh->plane_stride; i++)
                                assert_true(out[p * mesh->plane_stride + i] == 0);
                free(field);
                free(modes);
                free(out);
                free(by_hand);
                mesh_free(mesh);
        }
}

static void test_remembered_plans_give_the_same_bits_and_suffice(void **state)
{
        (void)state;
        const struct lab_shape shape = {3, {20, 18, 15}, {1, 1, 1}};
        struct mesh *first = lab_mesh_unplanned(shape), *second = lab_mesh_unplanned(shape);
        char *known = mesh_plan(first, MESH_MEASURE, NULL, false);
        assert_non_null(known);
        assert_true(*known);
        char *again = mesh_plan(second, MESH_MEASURE, known, true);
        assert_non_null(again);
        double *field = lab_noise(first, 4), *a = modes_of(first, field), *b = modes_of(second, field);
        assert_memory_equal(a, b, 2 * mesh_modes_here(first) * sizeof *a);
        free(again);
        free(known);
        free(a);
        free(b);
        free(field);
        mesh_free(first);
        mesh_free(second);
}

static void test_plans_of_another_mesh_or_no_plans_do_not_suffice(void **state)
{
        (void)state;
        struct mesh *one = lab_mesh_unplanned((struct lab_shape){2, {30, 28}, {1, 1}});
        struct mesh *other = lab_mesh_unplanned((struct lab_shape){2, {34, 26}, {1, 1}});
        char *known = mesh_plan(one, MESH_MEASURE, NULL, false);
        assert_null(mesh_plan(other, MESH_MEASURE, known, true));
        assert_null(mesh_plan(other, MESH_MEASURE, "(fftw-9.9 no_such_plans)", true));
        char *fresh = mesh_plan(other, MESH_MEASURE, "(fftw-9.9 no_such_plans)", false);
        assert_non_null(fresh);
        char *estimated = mesh_plan(other, MESH_ESTIMATE, NULL, false);
        assert_string_equal(estimated, "");
        free(estimated);
        free(fresh);
        free(known);
        mesh_free(one);
        mesh_free(other);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_modes_equal_direct_sums),
                cmocka_unit_test(test_modes_are_each_wavevector_once),
                cmocka_unit_test(test_round_trip_and_parseval_hold_to_rounding),
                cmocka_unit_test(test_a_filter_is_forward_gain_and_back_to_the_same_bits),
                cmocka_unit_test(test_remembered_plans_give_the_same_bits_and_suffice),
                cmocka_unit_test(test_plans_of_another_mesh_or_no_plans_do_not_suffice),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
