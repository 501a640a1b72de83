/* What the tests of power spectra share: a spectrum from a line of input. Include cmocka.h first. */
#ifndef SCULPTOR_TESTS_SPECTRUM_LAB_H
#define SCULPTOR_TESTS_SPECTRUM_LAB_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/power_spectrum.h"

#define COSMOLOGY "cosmology: {Omega_m: 0.3, Omega_b: 0.05, h: 0.7, n_s: 0.96, sigma8: 0.8, T_cmb: 2.725}"

static const struct param spectrum_rows[] = {
        {.key = "spectrum", .kind = PARAM_TABLE, .rows = power_spectrum_params, .check = power_spectrum_check,
         .help = "the spectrum"},
        PARAM_END};

/* The problems of reading "spectrum: {...}", a line each. */
static inline void expect_problems(const char *text, const char *expected)
{
        struct power_spectrum_settings settings;
        struct input *input = input_parse("toy.yaml", text, strlen(text), NULL, 0);
        input_read(input, spectrum_rows, &settings);
        char found[2000] = "";
        for (size_t i = 0; i < input_problems(input); i++) {
                size_t n = strlen(found);
                snprintf(found + n, sizeof found - n, "%s%s", i > 0 ? "\n" : "", input_problem(input, i));
        }
        input_free(input);
        params_release(spectrum_rows, &settings);
        assert_string_equal(found, expected);
}

/* Of "{type: ...}", which must be right. */
static inline struct power_spectrum *spectrum_of(const char *text)
{
        struct power_spectrum_settings settings;
        struct input *input = input_parse("toy.yaml", text, strlen(text), NULL, 0);
        input_read(input, power_spectrum_params, &settings);
        for (size_t i = 0; i < input_problems(input); i++)
                print_error("%s\n", input_problem(input, i));
        assert_int_equal(input_problems(input), 0);
        const char *why;
        struct power_spectrum *spectrum = power_spectrum_create(&settings, &why);
        if (!spectrum)
                print_error("%s\n", why);
        assert_non_null(spectrum);
        assert_null(why);
        input_free(input);
        params_release(power_spectrum_params, &settings);
        return spectrum;
}

static inline void assert_close(double a, double b, double tolerance)
{
        if (!(fabs(a - b) <= tolerance * fabs(b)))
                print_error("%.17g is not %.17g\n", a, b);
        assert_true(fabs(a - b) <= tolerance * fabs(b));
}

/* The numbers of a file of tests/data, row by row; *n_rows is set. To be freed. */
static inline double *read_numbers(const char *path, size_t n_columns, size_t *n_rows)
{
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        double *numbers = calloc(1000 * n_columns, sizeof *numbers);
        char line[1000];
        *n_rows = 0;
        while (fgets(line, sizeof line, file) && *n_rows < 1000) {
                if (line[0] == '#')
                        continue;
                char *at = line;
                for (size_t i = 0; i < n_columns; i++)
                        numbers[*n_rows * n_columns + i] = strtod(at, &at);
                ++*n_rows;
        }
        fclose(file);
        return numbers;
}

#endif
