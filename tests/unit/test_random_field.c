/* Random fields: modes by wavevector, their variances, what is fixed and what is paired; the numbers behind them. */
#include "field_lab.h"

static void keep(void *owner, const struct mesh_block *block)
{
        memcpy((double *)owner + 2 * block->first, block->value, 2 * block->mesh->block_modes * sizeof *block->value);
}

static double *modes_of(const struct mesh *mesh, const double *field)
{
        double *modes = allocate(2 * mesh_modes_here(mesh), sizeof *modes);
        mesh_forward(mesh, field, keep, modes);
        return modes;
}

/* The mode of a wavevector with n_x >= 0; NULL where the mesh has none. */
static const double *find_mode(const struct mesh *mesh, const double *modes, const int32_t *n)
{
        for (int64_t block = 0; block < mesh->n_blocks; block++) {
                struct mode mode;
                for (mode_begin(mesh, block, &mode); mode_next(&mode);) {
                        bool same = true;
                        for (int axis = 0; axis < mesh->n_axes; axis++)
                                same = same && mode.n[axis] == n[axis];
                        if (same)
                                return modes + 2 * ((size_t)block * mesh->block_modes + mode.index);
                }
        }
        return NULL;
}

/* delta_k = V_cell F_k of every mode below the coarse mesh's Nyquist wavenumber. */
static void test_large_scales_are_the_same_on_every_mesh_of_a_box(void **state)
{
        (void)state;
        for (int n_axes = 2; n_axes <= 3; n_axes++) {
                const double cells[] = {8, 12, 15};
                struct mesh *coarse = lab_mesh(lab_cube(n_axes, cells[0], 100));
                double *variance = lab_variances(coarse, 50, -1), *field = mesh_allocate(coarse);
                lab_draw(coarse, variance, 3, field);
                double *coarse_modes = modes_of(coarse, field);
                for (int i = 1; i < 3; i++) {
                        struct mesh *fine = lab_mesh(lab_cube(n_axes, cells[i], 100));
                        double *fine_variance = lab_variances(fine, 50, -1), *fine_field = mesh_allocate(fine);
                        lab_draw(fine, fine_variance, 3, fine_field);
                        double *fine_modes = modes_of(fine, fine_field);
                        int compared = 0;
                        for (int64_t block = 0; block < coarse->n_blocks; block++) {
                                struct mode mode;
                                for (mode_begin(coarse, block, &mode); mode_next(&mode);) {
                                        bool below = !mode.zero;
                                        for (int axis = 0; axis < n_axes; axis++)
                                                below = below && 2 * abs(mode.n[axis]) < (int)cells[0];
                                        if (!below)
                                                continue;
                                        const double *a = coarse_modes +
                                                          2 * ((size_t)block * coarse->block_modes + mode.index);
                                        const double *b = find_mode(fine, fine_modes, mode.n);
                                        for (int part = 0; part < 2;
                                             part++) /* delta_k is about sqrt(P V), 1e3 to 1e5 */
                                                lab_near("delta_k", b[part] * fine->cell_volume,
                                                         a[part] * coarse->cell_volume, 1e-9 * sqrt(coarse->volume));
                                        compared++;
                                }
                        }
                        assert_true(compared > 20);
                        free(fine_modes);
                        free(fine_field);
                        free(fine_variance);
                        mesh_free(fine);
                }
                free(coarse_modes);
                free(field);
                free(variance);
                mesh_free(coarse);
        }
}

/* A mode and its conjugate are two real amplitudes, a self-conjugate mode is one: each is chi^2 with so many degrees of
 * freedom. A field that forgot that its modes at k_x = 0 come in pairs, or that some are real, fails here. */
static void test_power_of_each_mode_is_chi_squared(void **state)
{
        (void)state;
        enum { FIELDS = 400 };
        for (int s = 0; s < LAB_SHAPES; s++) {
                struct mesh *mesh = lab_mesh(lab_shapes[s]);
                double *variance = lab_variances(mesh, 2, -1), *field = mesh_allocate(mesh);
                double *sum = allocate(mesh_modes_here(mesh), sizeof *sum);
                for (uint64_t particle = 0; particle < FIELDS; particle++) {
                        lab_draw(mesh, variance, particle, field);
                        double *modes = modes_of(mesh, field);
                        for (size_t i = 0; i < mesh_modes_here(mesh); i++)
                                sum[i] += (modes[2 * i] * modes[2 * i] + modes[2 * i + 1] * modes[2 * i + 1]) /
                                          (double)mesh->n_cells;
                        free(modes);
                }
                for (int64_t block = 0; block < mesh->n_blocks; block++) {
                        struct mode mode;
                        for (mode_begin(mesh, block, &mode); mode_next(&mode);) {
                                const size_t i = (size_t)block * mesh->block_modes + mode.index;
                                if (mode.zero) {
                                        assert_true(sum[i] < 1e-25 * FIELDS);
                                        continue;
                                }
                                const double n = (mode.self_conjugate ? 1 : 2) * FIELDS;
                                const double ratio = sum[i] / FIELDS / variance[i];
                                /* Wilson & Hilferty 1931 */
                                lab_z("a mode's power", (cbrt(ratio) - (1 - 2 / (9 * n))) / sqrt(2 / (9 * n)));
                        }
                }
                free(sum);
                free(field);
                free(variance);
                mesh_free(mesh);
        }
}

static void test_pairs_are_negatives_and_fixed_amplitudes_are_exact(void **state)
{
        (void)state;
        for (int s = 0; s < LAB_SHAPES; s++) {
                struct mesh *mesh = lab_mesh(lab_shapes[s]);
                double *variance = lab_variances(mesh, 2, -1), *field[2] = {mesh_allocate(mesh), mesh_allocate(mesh)};
                const struct random_field_options options = {.fixed_amplitude = true, .paired = true};
                const struct rng_stream stream = {.seed = 99, .purpose = RNG_MODES};
                for (int i = 0; i < 2; i++)
                        random_field_draw(mesh, variance, &options, &stream, 6 + (uint64_t)i, field[i]);
                for (size_t i = 0; i < mesh->size; i++)
                        assert_true(field[0][i] == -field[1][i]);
                double *modes = modes_of(mesh, field[0]);
                for (int64_t block = 0; block < mesh->n_blocks; block++) {
                        struct mode mode;
                        for (mode_begin(mesh, block, &mode); mode_next(&mode);) {
                                const size_t i = (size_t)block * mesh->block_modes + mode.index;
                                const double power = (modes[2 * i] * modes[2 * i] +
                                                      modes[2 * i + 1] * modes[2 * i + 1]) /
                                                     (double)mesh->n_cells;
                                lab_near("|F|^2/n", power, variance[i], 1e-13 * (variance[i] + 1));
                        }
                }
                free(modes);
                free(field[0]);
                free(field[1]);
                free(variance);
                mesh_free(mesh);
        }
}

static void test_a_row_of_one_particle_has_the_numbers_its_tile_has(void **state)
{
        (void)state;
        enum { N = 300, PARTICLE = 64 * 5 + 17 };
        const struct rng_stream stream = {.seed = 5, .purpose = RNG_NOISE, .level = 3, .step = 77, .stage = 2};
        double *tile = allocate((size_t)N * 64, sizeof *tile), row[N];
        rng_normal(&stream, PARTICLE / 64 * 64, N, tile);
        const int64_t begins[] = {0, 1, 64, 127, 130}, lengths[] = {N, 7, 128, 129, 170};
        for (int i = 0; i < 5; i++) {
                rng_normal_row(&stream, PARTICLE, begins[i], lengths[i], row);
                for (int64_t k = 0; k < lengths[i]; k++)
                        assert_true(row[k] == tile[(begins[i] + k) * 64 + PARTICLE % 64]);
        }
        rng_uniform(&stream, PARTICLE / 64 * 64, N, tile);
        rng_uniform_one(&stream, PARTICLE, N, row);
        for (int64_t k = 0; k < N; k++)
                assert_true(row[k] == tile[k * 64 + PARTICLE % 64]);
        free(tile);
}

/* No two wavevectors share a key, nor does a sign get lost. */
static void test_keys_of_wavevectors_differ(void **state)
{
        (void)state;
        const int32_t most = RNG_MAX_WAVENUMBER, some[] = {0, 1, -1, 2, -2, 1023, -1024, most - 1, -most};
        enum { SOME = sizeof some / sizeof *some, ALL = SOME * SOME * SOME };
        static uint64_t low[ALL], high[ALL];
        for (int i = 0; i < ALL; i++)
                rng_mode_key(some[i % SOME], some[i / SOME % SOME], some[i / SOME / SOME], &low[i], &high[i]);
        for (int i = 0; i < ALL; i++) {
                assert_true(low[i] <= UINT32_MAX && high[i] <= UINT32_MAX);
                for (int j = 0; j < i; j++)
                        assert_true(low[i] != low[j] || high[i] != high[j]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_large_scales_are_the_same_on_every_mesh_of_a_box),
                cmocka_unit_test(test_power_of_each_mode_is_chi_squared),
                cmocka_unit_test(test_pairs_are_negatives_and_fixed_amplitudes_are_exact),
                cmocka_unit_test(test_a_row_of_one_particle_has_the_numbers_its_tile_has),
                cmocka_unit_test(test_keys_of_wavevectors_differ),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
