/* Estimators against their definitions as sums over cells and wavevectors of small meshes, and, for what random fields
 * should give on average, against exact expectations. */
#include "field_lab.h"
#include "sculptor/estimators.h"

static const struct estimators_settings all = {-1, -1, true, true, -1};

/* The shell of a wavevector, or of a separation in cells: the nearest whole number. */
static size_t shell_of(const struct mesh *mesh, double k_squared)
{
        return (size_t)floor(sqrt(k_squared) / mesh_smallest_wavenumber(mesh) * (1 + 1e-12) + 0.5);
}

static struct estimates *measure_one(struct estimators *estimators, const double *field, const double *truth)
{
        return estimators_measure(estimators, &field, 1, 0, 1, truth);
}

/* ---- bins ---- */

static void test_shells_hold_every_wavevector_of_their_width(void **state)
{
        (void)state;
        for (size_t i = 0; i < LAB_SHAPES; i++) {
                struct mesh *mesh = lab_mesh_unplanned(lab_shapes[i]);
                struct estimators *estimators = estimators_create(mesh, &all);
                const size_t n = estimators_n_shells(estimators);
                double nyquist = INFINITY, *count = allocate(n + 2, sizeof *count), *sum = allocate(n + 2, sizeof *sum);
                for (int axis = 0; axis < mesh->n_axes; axis++)
                        nyquist = fmin(nyquist, LAB_TWO_PI / 2 * (double)mesh->n[axis] / mesh->length[axis]);
                assert_int_equal(n, (size_t)(nyquist / mesh_smallest_wavenumber(mesh) * (1 + 1e-12)));
                for (int64_t k = 1; k < mesh->n_cells; k++) {
                        const double k_squared = lab_k_squared(mesh, k);
                        const size_t shell = shell_of(mesh, k_squared);
                        assert_true(shell > 0);
                        count[shell <= n ? shell : 0]++;
                        sum[shell <= n ? shell : 0] += sqrt(k_squared);
                }
                for (size_t s = 0; s < n; s++) {
                        assert_true(count[s + 1] > 0);
                        assert_true(estimators_modes(estimators)[s] == count[s + 1]);
                        lab_near("mean k", estimators_wavenumber(estimators)[s], sum[s + 1] / count[s + 1],
                                 1e-13 * sum[s + 1] / count[s + 1]);
                }
                free(count);
                free(sum);
                estimators_free(estimators);
                mesh_free(mesh);
        }
}

static void test_settings_limit_the_bins(void **state)
{
        (void)state;
        struct mesh *mesh = lab_mesh_unplanned(lab_cube(3, 30, 10));
        struct estimators *every = estimators_create(mesh, &all);
        assert_int_equal(estimators_n_shells(every), 15);
        assert_int_equal(estimators_n_separations(every), 16);
        assert_int_equal(estimators_n_pdf(every), 72);
        assert_int_equal(estimators_n_bispectrum(every), 9); /* 3 s < 30 */
        assert_true(estimators_pdf_edges(every)[0] == -6 && estimators_pdf_edges(every)[72] == 12);
        struct estimators *few = estimators_create(mesh, &(struct estimators_settings){4, 0, false, false, -1});
        assert_int_equal(estimators_n_shells(few), 4);
        assert_int_equal(estimators_n_separations(few) + estimators_n_pdf(few) + estimators_n_bispectrum(few), 0);
        estimators_free(few);
        estimators_free(every);
        mesh_free(mesh);
}

/* ---- against sums ---- */

/* mean over a shell of Re x_k conj(t_k), times V_cell/n_cells; of all cells O(n^2) but small. */
static double shell_mean(const struct mesh *mesh, const double complex *x, const double complex *t, size_t shell)
{
        double sum = 0, count = 0;
        for (int64_t k = 1; k < mesh->n_cells; k++)
                if (shell_of(mesh, lab_k_squared(mesh, k)) == shell) {
                        sum += creal(x[k] * conj(t[k]));
                        count++;
                }
        return sum / count * mesh->cell_volume * mesh->cell_volume / mesh->volume;
}

/* 1e-13: a transform's rounding is below 10 ulps of the largest amplitude, twice in a square. */
static void test_power_and_cross_correlation_equal_direct_sums(void **state)
{
        (void)state;
        for (size_t i = 0; i < LAB_SHAPES; i++) {
                struct mesh *mesh = lab_mesh(lab_shapes[i]);
                struct estimators *estimators = estimators_create(mesh, &all);
                double *field = lab_noise(mesh, 1), *truth = lab_noise(mesh, 2);
                double complex *x = lab_transform(mesh, field), *t = lab_transform(mesh, truth);
                struct estimates *estimates = measure_one(estimators, field, truth);
                for (size_t s = 0; s < estimators_n_shells(estimators); s++) {
                        const double p_x = shell_mean(mesh, x, x, s + 1), p_t = shell_mean(mesh, t, t, s + 1);
                        lab_near("power", estimates->power[s], p_x, 1e-13 * mesh->cell_volume);
                        lab_near("cross-correlation", estimates->cross_correlation[s],
                                 shell_mean(mesh, x, t, s + 1) / sqrt(p_x * p_t),
                                 1e-13 * mesh->cell_volume / fmin(p_x, p_t));
                        assert_true(isnan(estimates->power_scatter[s]));
                }
                estimates_free(estimates);
                free(x);
                free(t);
                free(field);
                free(truth);
                estimators_free(estimators);
                mesh_free(mesh);
        }
}

static void test_correlation_equals_direct_sum(void **state)
{
        (void)state;
        for (size_t i = 0; i < LAB_SHAPES; i++) {
                struct mesh *mesh = lab_mesh(lab_shapes[i]);
                struct estimators *estimators = estimators_create(mesh, &all);
                const size_t n = estimators_n_separations(estimators);
                double *field = lab_noise(mesh, 3), mean = 0, longest = 0;
                double *sum = allocate(n, sizeof *sum), *count = allocate(n, sizeof *count),
                       *far = allocate(n, sizeof *far);
                for (int64_t x = 0; x < mesh->n_cells; x++)
                        mean += field[lab_place(mesh, x)] / (double)mesh->n_cells;
                for (int axis = 0; axis < mesh->n_axes; axis++)
                        longest = fmax(longest, mesh->length[axis] / (double)mesh->n[axis]);
                for (int64_t r = 0; r < mesh->n_cells; r++) {
                        int64_t at[3], from[3], to[3];
                        double distance = 0, products = 0;
                        lab_split(mesh, r, at);
                        for (int axis = 0; axis < mesh->n_axes; axis++)
                                distance = hypot(distance, (double)lab_folded(at[axis], mesh->n[axis]) *
                                                                   mesh->length[axis] / (double)mesh->n[axis]);
                        size_t bin = (size_t)(distance / longest * (1 + 1e-12) + 0.5);
                        bin = r > 0 && bin == 0 ? 1 : bin;
                        if (bin >= n)
                                continue;
                        for (int64_t x = 0; x < mesh->n_cells; x++) {
                                lab_split(mesh, x, from);
                                for (int axis = 0; axis < mesh->n_axes; axis++)
                                        to[axis] = from[axis] + at[axis];
                                products += (field[lab_place(mesh, x)] - mean) *
                                            (field[lab_place(mesh, lab_join(mesh, to))] - mean);
                        }
                        sum[bin] += products / (double)mesh->n_cells;
                        far[bin] += distance;
                        count[bin]++;
                }
                struct estimates *estimates = measure_one(estimators, field, NULL);
                for (size_t b = 0; b < n; b++) {
                        lab_near("correlation", estimates->correlation[b], sum[b] / count[b], 1e-13);
                        lab_near("separation", estimators_separation(estimators)[b], far[b] / count[b],
                                 1e-13 * longest);
                }
                lab_near("xi(0)", estimates->correlation[0], estimates->variance, 1e-14 * (1 + estimates->variance));
                assert_null(estimates->cross_correlation);
                estimates_free(estimates);
                free(sum);
                free(count);
                free(far);
                free(field);
                estimators_free(estimators);
                mesh_free(mesh);
        }
}

/* ---- one point ---- */

static void test_moments_equal_long_double_sums_far_from_zero(void **state)
{
        (void)state;
        enum { FIELDS = 3 };
        struct mesh *mesh = lab_mesh((struct lab_shape){3, {9, 7, 5}, {1, 1, 1}});
        struct estimators *estimators = estimators_create(mesh, &all);
        const double offset = 1048576; /* so that sums of squares would have lost 12 digits */
        double *field[FIELDS];
        long double n = FIELDS * (long double)mesh->n_cells, mean = 0, moment[5] = {0};
        for (int pass = 0; pass < 2; pass++)
                for (size_t f = 0; f < FIELDS; f++) {
                        if (pass == 0)
                                field[f] = lab_noise(mesh, f);
                        for (int64_t x = 0; x < mesh->n_cells; x++) {
                                double *value = field[f] + lab_place(mesh, x);
                                if (pass == 0)
                                        *value = offset + *value * *value;
                                mean += pass == 0 ? *value / n : 0;
                                for (int p = 1; p < 5; p++)
                                        moment[p] += pass == 0 ? 0 : powl(*value - mean, p) / n;
                        }
                }
        struct estimates *estimates = estimators_measure(estimators, (const double *const *)field, FIELDS, 0, FIELDS,
                                                         NULL);
        assert_int_equal(estimates->n_fields, FIELDS);
        lab_near("mean", estimates->mean, (double)mean, 1e-15 * offset);
        /* the mean is off by half an ulp, 1.2e-10, which enters squared, and third and fourth powers linearly */
        lab_near("variance", estimates->variance, (double)moment[2], 1e-14 * (double)moment[2]);
        lab_near("skewness", estimates->skewness, (double)(moment[3] / powl(moment[2], 1.5L)), 1e-8);
        lab_near("kurtosis", estimates->kurtosis, (double)(moment[4] / (moment[2] * moment[2]) - 3), 1e-8);
        estimates_free(estimates);
        for (size_t f = 0; f < FIELDS; f++)
                free(field[f]);
        estimators_free(estimators);
        mesh_free(mesh);
}

static void test_pdf_counts_cells_in_standard_deviations(void **state)
{
        (void)state;
        struct mesh *mesh = lab_mesh(lab_cube(2, 30, 1));
        struct estimators *estimators = estimators_create(mesh, &all);
        double *field = lab_noise(mesh, 5), total = 0;
        struct estimates *estimates = measure_one(estimators, field, NULL);
        const double *edge = estimators_pdf_edges(estimators);
        for (size_t b = 0; b < estimators_n_pdf(estimators); b++) {
                double count = 0;
                for (int64_t x = 0; x < mesh->n_cells; x++) {
                        const double d = (field[lab_place(mesh, x)] - estimates->mean) / sqrt(estimates->variance);
                        count += d >= edge[b] && d < edge[b + 1];
                }
                lab_near("pdf", estimates->pdf[b], count / (900 * 0.25), 1e-15);
                total += estimates->pdf[b] * 0.25;
        }
        lab_near("norm", total, 1, 1e-14); /* nothing lies beyond 6 deviations here */
        estimates_free(estimates);
        free(field);
        estimators_free(estimators);
        mesh_free(mesh);
}

static void test_a_constant_field_has_no_shape(void **state)
{
        (void)state;
        struct mesh *mesh = lab_mesh(lab_cube(3, 6, 1));
        struct estimators *estimators = estimators_create(mesh, &all);
        double *field = mesh_allocate(mesh);
        for (int64_t x = 0; x < mesh->n_cells; x++)
                field[lab_place(mesh, x)] = 0.5;
        struct estimates *estimates = measure_one(estimators, field, field);
        assert_true(estimates->mean == 0.5 && estimates->variance == 0);
        assert_true(isnan(estimates->skewness) && isnan(estimates->kurtosis) && isnan(estimates->pdf[24]));
        assert_true(estimates->power[0] == 0 && estimates->correlation[0] == 0 &&
                    isnan(estimates->cross_correlation[0]));
        estimates_free(estimates);
        free(field);
        estimators_free(estimators);
        mesh_free(mesh);
}

/* ---- several fields ---- */

static void test_means_and_scatter_are_over_realisations(void **state)
{
        (void)state;
        enum { FIELDS = 5 };
        struct mesh *mesh = lab_mesh((struct lab_shape){3, {6, 8, 5}, {3, 4, 5}});
        struct estimators *estimators = estimators_create(mesh, &all);
        double *field[FIELDS], *truth = lab_noise(mesh, 99);
        struct estimates *each[FIELDS];
        for (size_t f = 0; f < FIELDS; f++) {
                field[f] = lab_noise(mesh, 10 + f);
                each[f] = measure_one(estimators, field[f], truth);
        }
        struct estimates *together = estimators_measure(estimators, (const double *const *)field, FIELDS, 0, FIELDS,
                                                        truth);
        const double volume = mesh->cell_volume; /* about the power of this noise */
        for (size_t s = 0; s < estimators_n_shells(estimators); s++) {
                double power = 0, cross = 0, square = 0;
                for (size_t f = 0; f < FIELDS; f++) {
                        power += each[f]->power[s] / FIELDS;
                        cross += each[f]->cross_correlation[s] / FIELDS;
                }
                for (size_t f = 0; f < FIELDS; f++)
                        square += pow(each[f]->power[s] - power, 2) / (FIELDS - 1);
                lab_near("power", together->power[s], power, 1e-14 * volume);
                lab_near("scatter", together->power_scatter[s], sqrt(square), 1e-14 * volume);
                lab_near("cross-correlation", together->cross_correlation[s], cross, 1e-14);
        }
        for (size_t f = 0; f < FIELDS; f++) {
                estimates_free(each[f]);
                free(field[f]);
        }
        estimates_free(together);
        free(truth);
        estimators_free(estimators);
        mesh_free(mesh);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_shells_hold_every_wavevector_of_their_width),
                cmocka_unit_test(test_settings_limit_the_bins),
                cmocka_unit_test(test_power_and_cross_correlation_equal_direct_sums),
                cmocka_unit_test(test_correlation_equals_direct_sum),
                cmocka_unit_test(test_moments_equal_long_double_sums_far_from_zero),
                cmocka_unit_test(test_pdf_counts_cells_in_standard_deviations),
                cmocka_unit_test(test_a_constant_field_has_no_shape),
                cmocka_unit_test(test_means_and_scatter_are_over_realisations),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
