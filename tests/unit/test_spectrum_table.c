/* Power spectra from tables: what a spline promises, scaling, and every way in which a file can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sculptor/cosmology.h"
#include "spectrum_lab.h"

static const char place[] = "/tmp/sculptor_test_spectrum_table.txt";

static void write_file(const char *text)
{
        FILE *file = fopen(place, "w");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
}

/* n rows of a function of k, equally far apart in ln k, the ends included. */
static void write_curve(double (*power)(const void *curve, double k), const void *curve, double from, double to, int n)
{
        FILE *file = fopen(place, "w");
        assert_non_null(file);
        fprintf(file, "# k (h/Mpc)  P ((Mpc/h)^3)\n");
        for (int i = 0; i < n; i++) {
                const double k = from * pow(to / from, (double)i / (n - 1));
                fprintf(file, "%.17g %.17g\n", k, power(curve, k));
        }
        fclose(file);
}

/* "{type: table, file: ..., EXTRA}" */
static struct power_spectrum *table_with(const char *extra)
{
        char text[1000];
        snprintf(text, sizeof text, "{type: table, file: %s%s}", place, extra);
        return spectrum_of(text);
}

static double spectrum_curve(const void *spectrum, double k)
{
        return power_spectrum_at(spectrum, k);
}

static double power_law_curve(const void *index, double k)
{
        return 12 * pow(k, *(const double *)index);
}

/* ---- the curve ---- */

/* Exponents up to 28 magnify half an ulp of ln k and ln P by as much, and the spline adds a few: 1e-14 each. */
static void test_a_power_law_is_reproduced_inside_and_beyond_its_table(void **state)
{
        (void)state;
        const double index[] = {-3, -1.7, 0, 0.96};
        for (size_t i = 0; i < 4; i++) {
                write_curve(power_law_curve, &index[i], 1e-4, 10, 37);
                struct power_spectrum *table = table_with(", extrapolate: power_law");
                for (double k = 1.1e-4; k < 10; k *= 1.07)
                        assert_close(power_spectrum_at(table, k), power_law_curve(&index[i], k), 1e-12);
                for (double k = 1e-6; k < 1e4; k *= 3)
                        assert_close(power_spectrum_at(table, k), power_law_curve(&index[i], k), 1e-11);
                power_spectrum_free(table);
        }
}

static double worst_between_rows(const struct power_spectrum *exact, int n_rows)
{
        write_curve(spectrum_curve, exact, 1e-4, 10, n_rows);
        struct power_spectrum *table = table_with("");
        double worst = 0;
        for (double k = 1e-3; k < 0.5; k *= 1.0007)
                worst = fmax(worst, fabs(power_spectrum_at(table, k) / power_spectrum_at(exact, k) - 1));
        assert_close(power_spectrum_at(table, 1e-4), power_spectrum_at(exact, 1e-4), 1e-13);
        assert_close(power_spectrum_at(table, 10), power_spectrum_at(exact, 10), 1e-13);
        power_spectrum_free(table);
        return worst;
}

/* At most (5/384) H^4 times the fourth derivative of ln P in ln k [Hall & Meyer 1976], which wiggles a cos(ks) have as
 * a (ks)^4: with 120 rows a decade, s = 104 Mpc/h, a = 0.02 at k = 0.2 h/Mpc, 6e-6. Half the H, a sixteenth. */
static void test_a_spline_through_wiggles_errs_as_the_fourth_power_of_its_spacing(void **state)
{
        (void)state;
        struct power_spectrum *exact = spectrum_of("{type: eisenstein_hu, " COSMOLOGY "}");
        const double coarse = worst_between_rows(exact, 601), fine = worst_between_rows(exact, 1201);
        assert_true(coarse < 6e-6 && coarse > 13 * fine && coarse < 20 * fine);
        power_spectrum_free(exact);
}

static void test_comments_columns_and_separators_are_understood(void **state)
{
        (void)state;
        write_file("# from some program\r\n"
                   "#  k  other  P\r\n"
                   "\r\n"
                   "   0.1\tnan   1e1   # a comment\r\n"
                   "0.2, -7, 20\n"
                   "0.4 none 4E+01\n"
                   "8.0e-1 0 80."); /* no end of line */
        struct power_spectrum *table = table_with(", P_column: 3");
        for (double k = 0.1; k < 0.8; k *= 1.3)
                assert_close(power_spectrum_at(table, k), 100 * k, 1e-14);
        power_spectrum_free(table);

        write_file("1 10\n2 20\n4 40\n8 80\n"); /* P first */
        table = table_with(", k_column: 2, P_column: 1");
        assert_close(power_spectrum_at(table, 30), 3, 1e-14);
        power_spectrum_free(table);
}

/* ---- its ends ---- */

static void test_beyond_its_ends_a_table_does_as_it_is_told(void **state)
{
        (void)state;
        write_file("0.001 1\n0.1 2\n1 1\n3.2 0.5\n");
        struct power_spectrum *table = table_with("");
        assert_null(power_spectrum_covers(table, 0.001, 3.2));
        char why[1000];
        snprintf(why, sizeof why,
                 "the table %s ends at k = 3.2, the mesh needs 12.1; set extrapolate to power_law or zero, or give a "
                 "longer table",
                 place);
        assert_string_equal(power_spectrum_covers(table, 0.01, 12.1), why);
        snprintf(why, sizeof why,
                 "the table %s begins at k = 0.001, the mesh needs 0.0005; set extrapolate to power_law or zero, or "
                 "give "
                 "a longer table",
                 place);
        assert_string_equal(power_spectrum_covers(table, 5e-4, 1), why);
        assert_true(isnan(power_spectrum_at(table, 12.1)) && isnan(power_spectrum_at(table, 5e-4)));
        power_spectrum_free(table);

        table = table_with(", extrapolate: zero");
        assert_null(power_spectrum_covers(table, 1e-9, 1e9));
        assert_true(power_spectrum_at(table, 12.1) == 0 && power_spectrum_at(table, 5e-4) == 0);
        assert_true(power_spectrum_at(table, 3.2) > 0.4 && power_spectrum_at(table, 0.001) > 0.9);
        power_spectrum_free(table);

        table = table_with(", extrapolate: power_law");
        assert_null(power_spectrum_covers(table, 1e-9, 1e9));
        for (int end = 0; end < 2; end++) { /* value and slope go on */
                const double k = end ? 3.2 : 0.001, h = 1e-5;
                const double here = power_spectrum_at(table, k);
                const double up = log(power_spectrum_at(table, k * (1 + h)) / here) / log1p(h);
                const double down = log(power_spectrum_at(table, k * (1 - h)) / here) / log1p(-h);
                assert_true(fabs(up - down) < 1e-4);
        }
        power_spectrum_free(table);
}

/* ---- its amplitude ---- */

/* The table is exact at its rows; growth in both ways to 1e-10. */
static void test_a_table_is_scaled_to_another_redshift_by_growth(void **state)
{
        (void)state;
        struct power_spectrum *now = spectrum_of("{type: eisenstein_hu, " COSMOLOGY "}");
        struct power_spectrum *then = spectrum_of("{type: eisenstein_hu, redshift: 3, " COSMOLOGY "}");
        write_curve(spectrum_curve, now, 1e-3, 1, 31);
        struct power_spectrum *table = table_with(", redshift: 3, cosmology: {Omega_m: 0.3}");
        assert_close(power_spectrum_at(table, 1e-3), power_spectrum_at(then, 1e-3), 1e-12);
        power_spectrum_free(table);

        write_curve(spectrum_curve, then, 1e-3, 1, 31);
        table = table_with(", file_redshift: 3, redshift: 0, cosmology: {Omega_m: 0.3}");
        assert_close(power_spectrum_at(table, 1), power_spectrum_at(now, 1), 1e-12);
        power_spectrum_free(table);

        table = table_with(", file_redshift: 3"); /* as it is */
        assert_close(power_spectrum_at(table, 1), power_spectrum_at(then, 1), 1e-12);
        power_spectrum_free(table);
        power_spectrum_free(now);
        power_spectrum_free(then);
}

static void test_a_table_is_normalised_to_sigma8_today(void **state)
{
        (void)state;
        struct power_spectrum *exact = spectrum_of("{type: eisenstein_hu, " COSMOLOGY "}");
        write_curve(spectrum_curve, exact, 1e-5, 100, 701);
        const char *extra[] = {", sigma8: 1.1", ", sigma8: 1.1, extrapolate: zero",
                               ", sigma8: 1.1, extrapolate: power_law"};
        for (size_t i = 0; i < 3; i++) {
                struct power_spectrum *table = table_with(extra[i]);
                assert_close(sqrt(power_spectrum_variance(table, 8)), 1.1, 1e-10);
                /* what a table to k = 100 leaves out of the variance: 1e-9; the spline: 1e-5 at worst */
                assert_close(power_spectrum_at(table, 0.01), 1.21 / 0.64 * power_spectrum_at(exact, 0.01), 1e-5);
                power_spectrum_free(table);
        }
        /* sigma8 is one at redshift 0, wherever the table was and wherever the spectrum is wanted */
        struct power_spectrum *table = table_with(", sigma8: 1.1, file_redshift: 2, cosmology: {Omega_m: 0.3}");
        struct cosmology_settings flat = {.omega_m = 0.3, .omega_lambda = NAN, .w0 = -1};
        assert_close(sqrt(power_spectrum_variance(table, 8)), 1.1 * cosmology_growth(&flat, 2), 1e-10);
        power_spectrum_free(table);
        power_spectrum_free(exact);
}

/* ---- what is wrong with files ---- */

/* Of the table in `place`; a reason that begins with a colon has its name before it. */
static void expect_refusal(const char *extra, int line, const char *key, const char *why)
{
        char text[1000], expected[1000];
        snprintf(text, sizeof text, "spectrum:\n  type: table\n  file: %s\n%s", place, extra);
        snprintf(expected, sizeof expected, "toy.yaml:%d: spectrum.%s: %s%s", line, key, why[0] == ':' ? place : "",
                 why);
        expect_problems(text, expected);
}

static void test_rows_that_make_no_spectrum_are_named_by_file_and_line(void **state)
{
        (void)state;
        const struct {
                const char *text, *why;
        } cases[] = {
                {"1 1\n2 1\n3 1\n2.5 1\n4 1\n", ":4: k = 2.5 is not above that of the row before, 3"},
                {"1 1\n2 1\n2 1\n4 1\n", ":3: k = 2 is not above that of the row before, 2"},
                {"# k P\n0 1\n2 1\n3 1\n4 1\n", ":2: k = 0 is not above 0"},
                {"-1 1\n2 1\n3 1\n4 1\n", ":1: k = -1 is not above 0"},
                {"1 1\n2 -1\n3 1\n4 1\n", ":2: P = -1 is not above 0"},
                {"1 1\n2 0\n3 1\n4 1\n", ":2: P = 0 is not above 0"},
                {"1 1\n2 nan\n3 1\n4 1\n", ":2: nan is not finite"},
                {"1 1\n2 1\ninf 1\n4 1\n", ":3: inf is not finite"},
                {"1 1\n2 1e999\n3 1\n4 1\n", ":2: 1e999 is too large for a double"},
                {"1 1\n2 1e-999\n3 1\n4 1\n", ":2: 1e-999 is too small for a double"},
                {"1 1\n2 x1\n3 1\n4 1\n", ":2: x1 is not a number"},
                {"1 1\n2 1 1\n3 1\n4 1\n", ":2: 3 columns, the first row has 2"},
                {"1 1\n2\n3 1\n4 1\n", ":2: 1 columns, the first row has 2"},
                {"1 1\n2 1\n3 1\n# 4 1\n", ": 3 rows of numbers, a spline needs 4"},
                {"# nothing\n", ": 0 rows of numbers, a spline needs 4"},
                {"", ": 0 rows of numbers, a spline needs 4"},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                write_file(cases[i].text);
                expect_refusal("", 3, "file", cases[i].why);
        }
        write_file("1 1\n2 1\n3 1\n4 1\n");
        expect_refusal("  P_column: 3\n", 4, "P_column", ":1: 2 columns, none is number 3");
        expect_refusal("  k_column: 4\n", 4, "k_column", ":1: 2 columns, none is number 4");
        expect_refusal("  P_column: 1\n", 4, "P_column", "1 is the column of k");
}

static void test_files_that_are_no_texts_are_refused(void **state)
{
        (void)state;
        FILE *file = fopen(place, "w");
        fwrite("1 1\n2 1\n\0 1\n", 1, 12, file);
        fclose(file);
        expect_refusal("", 3, "file", ": has bytes that are zero; a table is a text");

        assert_int_equal(truncate(place, ((off_t)1 << 26) + 1), 0);
        char why[300];
        snprintf(why, sizeof why, "cannot read %s: its 67108865 bytes are more than the 67108864 allowed", place);
        expect_refusal("", 3, "file", why);

        assert_int_equal(unlink(place), 0);
        snprintf(why, sizeof why, "cannot read %s: No such file or directory", place);
        expect_refusal("", 3, "file", why);

        assert_int_equal(mkdir(place, 0700), 0);
        snprintf(why, sizeof why, "cannot read %s: it is a directory", place);
        expect_refusal("", 3, "file", why);
        assert_int_equal(rmdir(place), 0);
}

static void test_scaling_that_cannot_be_done_is_refused(void **state)
{
        (void)state;
        write_file("0.01 1\n0.02 1\n0.03 1\n0.04 1\n");
        expect_refusal("  redshift: 2\n", 1, "cosmology.Omega_m",
                       "missing; growth from redshift 0 to 2 follows from it");
        expect_refusal("  sigma8: 0.8\n  file_redshift: 3\n", 1, "cosmology.Omega_m",
                       "missing; growth from redshift 0 to 3 follows from it");
        char why[400];
        snprintf(why, sizeof why,
                 "%s cannot be normalised to it: between k = 0.01 and 0.04 lies not all of the variance in spheres of "
                 "8; "
                 "set extrapolate or give a longer table",
                 place);
        expect_refusal("  sigma8: 0.8\n", 4, "sigma8", why);
        write_file("1 1\n2 8\n3 27\n4 64\n");
        snprintf(why, sizeof why,
                 "%s cannot be normalised to it: between k = 1 and 4 lies not all of the variance in spheres of 8, and "
                 "beyond it does not converge",
                 place);
        expect_refusal("  sigma8: 0.8\n  extrapolate: power_law\n", 4, "sigma8", why);
}

static int remove_file(void **state)
{
        (void)state;
        unlink(place);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_power_law_is_reproduced_inside_and_beyond_its_table),
                cmocka_unit_test(test_a_spline_through_wiggles_errs_as_the_fourth_power_of_its_spacing),
                cmocka_unit_test(test_comments_columns_and_separators_are_understood),
                cmocka_unit_test(test_beyond_its_ends_a_table_does_as_it_is_told),
                cmocka_unit_test(test_a_table_is_scaled_to_another_redshift_by_growth),
                cmocka_unit_test(test_a_table_is_normalised_to_sigma8_today),
                cmocka_unit_test(test_rows_that_make_no_spectrum_are_named_by_file_and_line),
                cmocka_unit_test(test_files_that_are_no_texts_are_refused),
                cmocka_unit_test(test_scaling_that_cannot_be_done_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, remove_file);
}
