/* The bispectrum against its definition as a sum over triangles of wavevectors, and of fields g + f g^2 against its
 * exact expectation. */
#include "field_lab.h"
#include "sculptor/estimators.h"

static const struct estimators_settings only = {-1, 0, false, true, -1};

/* ---- triangles, by their definition ---- */

static size_t shell_of(const struct mesh *mesh, int64_t k)
{
        return (size_t)floor(sqrt(lab_k_squared(mesh, k)) / mesh_smallest_wavenumber(mesh) * (1 + 1e-12) + 0.5);
}

/* -(p + q) where that is on the mesh, or its image there with `aliased`; else -1. */
static int64_t third(const struct mesh *mesh, int64_t p, int64_t q, bool aliased)
{
        int64_t at_p[3], at_q[3], sum[3];
        lab_split(mesh, p, at_p);
        lab_split(mesh, q, at_q);
        for (int axis = 0; axis < mesh->n_axes; axis++) {
                const int64_t n = mesh->n[axis];
                sum[axis] = -lab_folded(at_p[axis], n) - lab_folded(at_q[axis], n);
                if (!aliased && 2 * llabs(sum[axis]) > n)
                        return -1;
        }
        return lab_join(mesh, sum);
}

/* The mean of f(p, q, r) over triangles with p and q in shell s and r in shell c. */
static double mean_over_triangles(const struct mesh *mesh, size_t s, size_t c, bool aliased,
                                  double (*f)(const void *owner, const int64_t k[3]), const void *owner, double *count)
{
        double sum = 0;
        *count = 0;
        for (int64_t p = 1; p < mesh->n_cells; p++)
                for (int64_t q = 1; q < mesh->n_cells && shell_of(mesh, p) == s; q++) {
                        const int64_t r = shell_of(mesh, q) == s ? third(mesh, p, q, aliased) : -1;
                        if (r < 0 || shell_of(mesh, r) != c)
                                continue;
                        sum += f(owner, (const int64_t[3]){p, q, r});
                        ++*count;
                }
        return sum / *count;
}

static double product_of_modes(const void *owner, const int64_t k[3])
{
        const double complex *modes = owner;
        return creal(modes[k[0]] * modes[k[1]] * modes[k[2]]);
}

static const struct lab_shape shapes[] = {
        {2, {8, 8}, {10, 10}},     {2, {12, 9}, {2, 1}},      {2, {13, 13}, {1, 1}},
        {3, {6, 5, 4}, {6, 5, 4}}, {3, {8, 8, 8}, {3, 3, 3}}, {3, {7, 9, 8}, {8, 8, 9}},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* Skewed noise, so that the sums are not small. Rounding: 1e-14 of the largest products that are summed. */
static void test_bispectrum_equals_the_sum_over_triangles(void **state)
{
        (void)state;
        for (size_t i = 0; i < SHAPES; i++) {
                struct mesh *mesh = lab_mesh(shapes[i]);
                struct estimators *estimators = estimators_create(mesh, &only);
                const double *field = lab_noise(mesh, i);
                for (int64_t x = 0; x < mesh->n_cells; x++) {
                        double *value = (double *)(uintptr_t)field + lab_place(mesh, x);
                        *value += 0.5 * *value * *value;
                }
                double complex *modes = lab_transform(mesh, field);
                struct estimates *estimates = estimators_measure(estimators, &field, 1, 0, 1, NULL);
                assert_true(estimators_n_bispectrum(estimators) > 0);
                const double scale = pow(mesh->cell_volume, 3) / mesh->volume; /* delta_k = V_cell F_k */
                const double large = pow((double)mesh->n_cells * 2, 1.5) * scale;
                for (size_t b = 0; b < estimators_n_bispectrum(estimators); b++) {
                        double n;
                        const double all = mean_over_triangles(mesh, b + 1, b + 1, false, product_of_modes, modes, &n);
                        if (n > 0)
                                lab_near("equilateral", estimates->bispectrum_equilateral[b], scale * all,
                                         1e-13 * large);
                        else
                                assert_true(isnan(estimates->bispectrum_equilateral[b]));
                        const double low = mean_over_triangles(mesh, b + 1, 1, false, product_of_modes, modes, &n);
                        if (n > 0)
                                lab_near("squeezed", estimates->bispectrum_squeezed[b], scale * low, 1e-13 * large);
                        else
                                assert_true(isnan(estimates->bispectrum_squeezed[b]));
                        assert_true(estimators_bispectrum_wavenumber(estimators)[b] ==
                                    estimators_wavenumber(estimators)[b]);
                }
                estimates_free(estimates);
                free(modes);
                free((double *)(uintptr_t)field);
                estimators_free(estimators);
                mesh_free(mesh);
        }
}

static double one(const void *owner, const int64_t k[3])
{
        (void)owner;
        (void)k;
        return 1;
}

static void test_bins_end_where_aliasing_begins(void **state)
{
        (void)state;
        for (double cells = 4; cells < 14; cells++) {
                struct mesh *mesh = lab_mesh_unplanned(lab_cube(2, cells, 1));
                struct estimators *estimators = estimators_create(mesh, &only);
                const size_t n = estimators_n_bispectrum(estimators);
                assert_int_equal(n, ((size_t)cells - 1) / 3); /* 3 s < N */
                for (size_t s = 1; s <= n + 1; s++) {
                        double closed, aliased;
                        mean_over_triangles(mesh, s, s, false, one, NULL, &closed);
                        mean_over_triangles(mesh, s, s, true, one, NULL, &aliased);
                        assert_true(s <= n ? closed == aliased : closed < aliased);
                }
                estimators_free(estimators);
                mesh_free(mesh);
        }
        struct mesh *tiny = lab_mesh(lab_cube(3, 3, 1));
        struct estimators *none = estimators_create(tiny, &only);
        const double *field = mesh_allocate(tiny);
        struct estimates *estimates = estimators_measure(none, &field, 1, 0, 1, NULL);
        assert_int_equal(estimators_n_bispectrum(none), 0);
        assert_null(estimates->bispectrum_equilateral);
        estimates_free(estimates);
        free((double *)(uintptr_t)field);
        estimators_free(none);
        mesh_free(tiny);
}

/* ---- expectations ---- */

struct quadratic {
        const struct mesh *mesh;
        double f;
        double *power; /* P of g at each wavevector */
};

/* x = g + f g^2, g Gaussian of power P, products of cells: for p + q + r = 0, sums over all wavevectors of the mesh,
 *     B = 2 f (P_p P_q + P_q P_r + P_r P_p) + 8 f^3/V sum_l P_l P_{p-l} P_{q+l}. */
static double expected_of(const void *owner, const int64_t k[3])
{
        const struct quadratic *quadratic = owner;
        const struct mesh *mesh = quadratic->mesh;
        const double *power = quadratic->power, f = quadratic->f;
        const double pairs = power[k[0]] * power[k[1]] + power[k[1]] * power[k[2]] + power[k[2]] * power[k[0]];
        double loop = 0;
        for (int64_t l = 0; l < mesh->n_cells; l++) {
                int64_t at_p[3], at_q[3], at_l[3];
                lab_split(mesh, k[0], at_p);
                lab_split(mesh, k[1], at_q);
                lab_split(mesh, l, at_l);
                for (int axis = 0; axis < mesh->n_axes; axis++) {
                        at_p[axis] -= at_l[axis];
                        at_q[axis] += at_l[axis];
                }
                loop += power[l] * power[lab_join(mesh, at_p)] * power[lab_join(mesh, at_q)];
        }
        return 2 * f * pairs + 8 * f * f * f / mesh->volume * loop;
}

enum { BATCHES = 64, FIELDS = 200 };

/* Means over 64 batches, and their own scatter: Student's t with 63 degrees of freedom exceeds the limit once in
 * 5 10^6. Where f is not 0 the mean must also stand out by 15 deviations, so that no factor could hide. */
static void expect_bispectrum(struct lab_shape shape, double amplitude, double index, double f)
{
        struct mesh *mesh = lab_mesh(shape);
        struct estimators *estimators = estimators_create(mesh, &only);
        const size_t n = estimators_n_bispectrum(estimators);
        struct quadratic quadratic = {mesh, f, allocate((size_t)mesh->n_cells, sizeof(double))};
        for (int64_t k = 1; k < mesh->n_cells; k++)
                quadratic.power[k] = amplitude * pow(lab_k_squared(mesh, k), index / 2);
        double *variance = lab_variances(mesh, amplitude, index), *field[FIELDS];
        double *sum = allocate(4 * n, sizeof *sum); /* equilateral, squeezed; squares */
        for (size_t i = 0; i < FIELDS; i++)
                field[i] = mesh_allocate(mesh);
        for (uint64_t batch = 0; batch < BATCHES; batch++) {
                for (uint64_t i = 0; i < FIELDS; i++) {
                        lab_draw(mesh, variance, batch * FIELDS + i, field[i]);
                        for (size_t x = 0; x < mesh->size; x++)
                                field[i][x] += f * field[i][x] * field[i][x];
                }
                struct estimates *estimates = estimators_measure(estimators, (const double *const *)field, FIELDS, 0,
                                                                 FIELDS, NULL);
                for (size_t b = 0; b < 2 * n; b++) {
                        const double value = b < n ? estimates->bispectrum_equilateral[b]
                                                   : estimates->bispectrum_squeezed[b - n];
                        sum[b] += value / BATCHES;
                        sum[2 * n + b] += value * value / BATCHES;
                }
                estimates_free(estimates);
        }
        for (size_t b = 0; b < 2 * n; b++) {
                double count;
                const double expected = mean_over_triangles(mesh, b % n + 1, b < n ? b + 1 : 1, false, expected_of,
                                                            &quadratic, &count);
                const double error = sqrt((sum[2 * n + b] - sum[b] * sum[b]) / (BATCHES - 1));
                lab_z(b < n ? "equilateral" : "squeezed", (sum[b] - expected) / error);
                if (f != 0 && !(fabs(expected) > 15 * error))
                        fail_msg("bin %zu: only %.1f deviations from 0", b, expected / error);
        }
        for (size_t i = 0; i < FIELDS; i++)
                free(field[i]);
        free(sum);
        free(variance);
        free(quadratic.power);
        estimators_free(estimators);
        mesh_free(mesh);
}

static void test_quadratic_fields_have_their_exact_bispectrum(void **state)
{
        (void)state;
        expect_bispectrum((struct lab_shape){2, {8, 9}, {8, 8}}, 1, -1, 0.25);
        expect_bispectrum((struct lab_shape){3, {6, 5, 4}, {6, 6, 5}}, 1, -1, 0.25);
}

static void test_gaussian_fields_have_none(void **state)
{
        (void)state;
        expect_bispectrum((struct lab_shape){2, {8, 9}, {8, 8}}, 1, -1, 0);
        expect_bispectrum((struct lab_shape){3, {8, 8, 8}, {1, 1, 1}}, 1e-3, 0, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bispectrum_equals_the_sum_over_triangles),
                cmocka_unit_test(test_bins_end_where_aliasing_begins),
                cmocka_unit_test(test_quadratic_fields_have_their_exact_bispectrum),
                cmocka_unit_test(test_gaussian_fields_have_none),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
