/* Reading single values, and what is wrong with them in the words a user sees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <locale.h>
#include <sys/wait.h>
#include <unistd.h>

#include "params_expect.h"

/* One row called x. */
static void expect_row(struct param row, const char *value, const char *reason)
{
        char text[300], message[400] = "";
        row.key = "x";
        row.help = "the number";
        const struct param rows[] = {row, PARAM_END};
        snprintf(text, sizeof text, "x: %s\n", value);
        if (*reason)
                snprintf(message, sizeof message, "toy.yaml:1: x%s%s", *reason == '[' ? "" : ": ", reason);
        expect_overridden(rows, 64, text, NULL, 0, message);
}

static void test_numbers_are_decimal_and_finite(void **state)
{
        (void)state;
        const struct param real = {.kind = PARAM_REAL};
        const char *fine[] = {"1", "-1", "+1", "1.", ".5", "1e3", "1E-3", "-1.5e+300", "4.9e-324", "007"};
        for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
                expect_row(real, fine[i], "");
        const char *bad[] = {"abc", "0x10", "1_000", "1:30", "1e", "e5",  "1.2.3",
                             "--1", "1 2",  ".",     "1-",   "1f", "1,5", "\xd9\xa3"};
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                char reason[100];
                snprintf(reason, sizeof reason, "\"%s\" is not a number", bad[i]);
                expect_row(real, bad[i], reason);
        }
        const char *infinite[] = {".inf", "-.inf", "inf", ".nan", "NaN", "-Infinity"};
        for (size_t i = 0; i < sizeof infinite / sizeof *infinite; i++) {
                char reason[100];
                snprintf(reason, sizeof reason, "%s must be a finite number", infinite[i]);
                expect_row(real, infinite[i], reason);
        }
        expect_row(real, "1e400", "1e400 is too large; must be a finite number");
        expect_row(real, "-1e99999999999999999999", "-1e99999999999999999999 is too large; must be a finite number");
        expect_row(real, "1e-400", "1e-400 is too small for a number of 64 bits; write 0");
        expect_row(real, "0e-400", "");
        expect_row(real, "\"5\"", "\"5\" in quotes is text; write it without quotes");
        expect_row(real, "[1]", "a list is not a number");
        expect_row(real, "{a: 1}", "a table is not a number");
        expect_row(real, "~", "has no value; give a number: the number");
}

static void test_integers_are_exact_and_whole(void **state)
{
        (void)state;
        const struct param whole = {.kind = PARAM_INTEGER};
        const struct {
                const char *text;
                int64_t value;
        } fine[] = {{"0", 0},
                    {"-0", 0},
                    {"1e6", 1000000},
                    {"2.50e2", 250},
                    {"100.", 100},
                    {"1000e-3", 1},
                    {"0e999999", 0},
                    {"9223372036854775807", INT64_MAX},
                    {"-9223372036854775808", INT64_MIN},
                    {"9.007199254740993e15", 9007199254740993},
                    {"0.0000001e7", 1},
                    {"010", 10}};
        for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
                const struct param rows[] = {{.key = "x", .kind = PARAM_INTEGER, .help = "n"}, PARAM_END};
                char text[64];
                int64_t value;
                snprintf(text, sizeof text, "x: %s", fine[i].text);
                struct input *input = input_parse("toy.yaml", text, strlen(text), NULL, 0);
                input_read(input, rows, &value);
                assert_int_equal(input_problems(input), 0);
                assert_true(value == fine[i].value);
                input_free(input);
        }
        expect_row(whole, "0.5", "0.5 is not a whole number");
        expect_row(whole, "1e-1", "1e-1 is not a whole number");
        expect_row(whole, "9223372036854775808", "9223372036854775808 is too large for an integer of 64 bits");
        expect_row(whole, "-9223372036854775809", "-9223372036854775809 is too large for an integer of 64 bits");
        expect_row(whole, "1e19", "1e19 is too large for an integer of 64 bits");
        expect_row(whole, "1e999999999999", "1e999999999999 is too large for an integer of 64 bits");
        expect_row(whole, ".inf", ".inf must be a finite number");
        expect_row(whole, "many", "\"many\" is not an integer");
        expect_row(whole, "0x10", "\"0x10\" is not an integer");
}

static void test_ranges_hold_at_their_very_ends(void **state)
{
        (void)state;
        const struct param open = {.kind = PARAM_REAL, .range = "(0, 1)"};
        const struct param closed = {.kind = PARAM_REAL, .range = "[0, 1]"};
        expect_row(open, "0", "0 is not in (0, 1)");
        expect_row(open, "1.0", "1.0 is not in (0, 1)");
        expect_row(open, "4.9e-324", "");
        expect_row(closed, "0", "");
        expect_row(closed, "1", "");
        expect_row(closed, "1.0000000000000002", "1.0000000000000002 is not in [0, 1]");
        const struct param large = {.kind = PARAM_INTEGER, .range = "[1, 9223372036854775806]"};
        expect_row(large, "9223372036854775806", "");
        expect_row(large, "9223372036854775807", "9223372036854775807 is not in [1, 9223372036854775806]");
        const struct param positive = {.kind = PARAM_INTEGER, .range = "(0, inf)"};
        expect_row(positive, "0", "0 is not in (0, inf)");
        expect_row(positive, "1", "");
        const struct param vector = {.kind = PARAM_VECTOR, .range = "(-inf, 0)"};
        expect_row(vector, "[-1, 0]", "[1]: 0 is not in (-inf, 0)");
}

static void test_automatic_words_stand_for_numbers(void **state)
{
        (void)state;
        const struct param real = {.kind = PARAM_REAL, .automatic = "auto", .range = "(0, inf)"};
        expect_row(real, "auto", "");
        expect_row(real, "2", "");
        expect_row(real, "automatic", "\"automatic\" is neither a number nor auto");
        expect_row(real, "", "has no value; give a number in (0, inf), or auto: the number");
        const struct param integer = {.kind = PARAM_INTEGER, .automatic = "all", .range = "[0, 9]"};
        expect_row(integer, "all", "");
        expect_row(integer, "-1", "-1 is not in [0, 9]");
        expect_row(integer, "auto", "\"auto\" is neither an integer nor all");
}

static void test_flags_words_and_texts(void **state)
{
        (void)state;
        const struct param flag = {.kind = PARAM_FLAG}, text = {.kind = PARAM_TEXT};
        const struct param choice = {.kind = PARAM_CHOICE, .choices = forms};
        const char *flags[] = {"true", "false", "yes", "no", "on", "off", "True", "OFF"};
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
                expect_row(flag, flags[i], "");
        expect_row(flag, "1", "\"1\" is neither true nor false");
        expect_row(flag, "\"true\"", "\"true\" in quotes is text; write it without quotes");
        expect_row(flag, "", "has no value; give true or false: the number");
        expect_row(text, "5", "");
        expect_row(text, "''", "");
        expect_row(text, "[a]", "a list is not text");
        expect_row(choice, "velocity", "");
        expect_row(choice, "\"velocity\"", "");
        expect_row(choice, "velocty", "\"velocty\" is unknown; did you mean velocity?");
        expect_row(choice, "speed", "\"speed\" is not one of position, velocity");
        expect_row(choice, "[position]", "a list is not a word");
}

static void test_vectors_and_matrices_name_the_element(void **state)
{
        (void)state;
        const struct param vector = {.kind = PARAM_VECTOR}, matrix = {.kind = PARAM_MATRIX};
        expect_row(vector, "3", "");
        expect_row(vector, "[1, 2, 3]", "");
        expect_row(vector, "abc", "\"abc\" is not a number");
        expect_row(vector, "[]", "the list is empty");
        expect_row(vector, "[1, x, 2, \"3\"]",
                   "[1]: \"x\" is not a number\n"
                   "toy.yaml:1: x[3]: \"3\" in quotes is text; write it without quotes");
        expect_row(vector, "[1, [2]]", "[1]: a list is not a number");
        expect_row(vector, "[1, ~]", "[1]: has no value");
        expect_row(matrix, "[[1, 2], [3, 4]]", "");
        expect_row(matrix, "[[1, 2], [3]]", "[1]: rows differ in length: 1 here, 2 in the first");
        expect_row(matrix, "[1, 2]", "[0]: is not a list of numbers, one row of the matrix");
        expect_row(matrix, "5", "\"5\" is not a list of rows of numbers");
        expect_row(matrix, "[[1, a], [b, 4]]",
                   "[0][1]: \"a\" is not a number\ntoy.yaml:1: x[1][0]: \"b\" is not a number");
}

/* A locale that writes 0,05: an installed one, or one made for the occasion. */
static bool enter_comma_locale(char *directory)
{
        const char *names[] = {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8"};
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (setlocale(LC_ALL, names[i]))
                        return true;
        char command[300];
        snprintf(command, sizeof command, "localedef -f UTF-8 -i de_DE %s/de_DE.UTF-8 >/dev/null 2>&1", directory);
        if (system(command) != 0)
                return false;
        setenv("LOCPATH", directory, 1);
        bool entered = setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
        unsetenv("LOCPATH");
        return entered;
}

static void test_numbers_do_not_depend_on_the_locale(void **state)
{
        (void)state;
        char directory[] = "/tmp/sculptor-locale-XXXXXX", text[16], command[300];
        assert_non_null(mkdtemp(directory));
        bool entered = enter_comma_locale(directory);
        snprintf(command, sizeof command, "rm -rf %s", directory);
        assert_int_equal(system(command), 0);
        if (!entered)
                skip();
        snprintf(text, sizeof text, "%g", 0.5);
        assert_string_equal(text, "0,5"); /* the locale is in force */
        struct sample sample;
        struct input *input = read_sample(&sample, NULL, 0);
        assert_true(sample.sampler.step_size == 0.05);
        char *echo = params_echo(sample_rows, &sample, true);
        assert_non_null(strstr(echo, "sampler.step_size: 0.05\n"));
        free(echo);
        params_release(sample_rows, &sample);
        input_free(input);
        setlocale(LC_ALL, "C");
}

/* ---- mistakes in the rows themselves ---- */

static void expect_fatal(struct param row, const char *message)
{
        const struct param rows[] = {row, PARAM_END};
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
                dup2(ends[1], STDERR_FILENO);
                close(STDOUT_FILENO);
                double settings[16];
                struct input *input = input_parse("toy.yaml", "x: 1", 4, NULL, 0);
                input_read(input, rows, settings);
                _exit(0);
        }
        close(ends[1]);
        char text[2000] = "";
        ssize_t n = read(ends[0], text, sizeof text - 1);
        close(ends[0]);
        assert_true(n > 0);
        int status;
        waitpid(child, &status, 0);
        assert_int_equal(WEXITSTATUS(status), 3);
        if (!strstr(text, message))
                assert_string_equal(text, message);
}

static void test_malformed_rows_are_fatal(void **state)
{
        (void)state;
        const char *ranges[] = {"0, 1",   "(0,1)",  "(0, 1",  "[0, inf]",  "(, 1)",
                                "(1, 0)", "(0, 0)", "(a, 1)", "(0, 1, 2)", ""};
        for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
                expect_fatal((struct param){.key = "x", .help = "h", .kind = PARAM_REAL, .range = ranges[i]},
                             "the range of x");
        expect_fatal((struct param){.key = "x", .help = "h", .kind = PARAM_INTEGER, .range = "[0.5, 1]"},
                     "the range of x");
        expect_fatal((struct param){.key = "x", .help = "h", .kind = PARAM_REAL, .fallback = "-1", .range = "(0, inf)"},
                     "the default of x, \"-1\", is wrong: default:1: -1 is not in (0, inf)");
        expect_fatal((struct param){.key = "x", .help = "h", .kind = PARAM_REAL, .fallback = "[1"}, "the default of x");
        expect_fatal((struct param){.key = "x", .help = "h", .kind = PARAM_SELECT, .variant = score_kinds,
                .fallback = "y"},
                     "the default of x");
        expect_fatal((struct param){.key = "x", .kind = PARAM_REAL}, "lacks its key or help");
        expect_fatal((struct param){.key = "x", .help = "h", .kind = PARAM_CHOICE}, "a choice without words");
        expect_fatal((struct param){.key = "x", .help = "h", .kind = PARAM_TABLE}, "a table without rows");
        expect_fatal((struct param){.key = "mean", .help = "h", .kind = PARAM_TABLES, .item_size = 8,
                                    .rows = (const struct param[]){{.key = "a", .help = "h", .kind = PARAM_REAL},
                                                                   {.key = "a",
                                                                    .help = "h", .kind = PARAM_REAL}, PARAM_END}},
                     "a: two rows of one table have this key");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_numbers_are_decimal_and_finite),
                cmocka_unit_test(test_integers_are_exact_and_whole),
                cmocka_unit_test(test_ranges_hold_at_their_very_ends),
                cmocka_unit_test(test_automatic_words_stand_for_numbers),
                cmocka_unit_test(test_flags_words_and_texts),
                cmocka_unit_test(test_vectors_and_matrices_name_the_element),
                cmocka_unit_test(test_numbers_do_not_depend_on_the_locale),
                cmocka_unit_test(test_malformed_rows_are_fatal),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
