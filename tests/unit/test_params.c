/* Reading: every rule of the input with the exact line a user sees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <limits.h>
#include <locale.h>
#include <math.h>
#include <sys/wait.h>
#include <unistd.h>

#include "params_sample.h"

/* The problems of reading `text`, a line each. */
static void expect_overridden(const struct param *rows, size_t size, const char *text, const char *const *overrides,
                              size_t n, const char *messages)
{
        void *settings = malloc(size);
        memset(settings, 0xa5, size); /* reading must not rely on what is there */
        struct input *input = input_parse("toy.yaml", text, strlen(text), overrides, n);
        input_read(input, rows, settings);
        char found[8192] = "";
        for (size_t i = 0; i < input_problems(input); i++) {
                size_t length = strlen(found);
                snprintf(found + length, sizeof found - length, "%s%s", i > 0 ? "\n" : "", input_problem(input, i));
        }
        assert_null(input_problem(input, input_problems(input)));
        params_release(rows, settings);
        input_free(input);
        free(settings);
        assert_string_equal(found, messages);
}

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

/* The sample with one piece of its text replaced. */
static void expect_change(const char *piece, const char *replacement, const char *messages)
{
        const char *at = strstr(sample_text, piece);
        assert_non_null(at);
        char text[4096];
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - sample_text), sample_text, replacement, at + strlen(piece));
        expect_overridden(sample_rows, sizeof(struct sample), text, NULL, 0, messages);
}

static void expect_override(const char *override, const char *messages)
{
        expect_overridden(sample_rows, sizeof(struct sample), sample_text, &override, 1, messages);
}

static struct input *read_sample(struct sample *sample, const char *const *overrides, size_t n)
{
        struct input *input = input_parse("toy.yaml", sample_text, strlen(sample_text), overrides, n);
        memset(sample, 0xa5, sizeof *sample);
        input_read(input, sample_rows, sample);
        assert_int_equal(input_problems(input), 0);
        return input;
}

/* ---- values ---- */

static void test_sample_is_read_into_its_structs(void **state)
{
        (void)state;
        struct sample sample;
        struct input *input = read_sample(&sample, NULL, 0);
        input_free(input); /* settings own what they hold */
        assert_int_equal(sample.seed, 2026);
        assert_int_equal(sample.population.particles, 60000);
        assert_ptr_equal(sample.population.initial.type.type, &uniform_type);
        const struct uniform *uniform = sample.population.initial.type.settings;
        assert_int_equal(uniform->low.n, 1);
        assert_true(uniform->low.value[0] == -8 && uniform->high.value[0] == 8);
        assert_ptr_equal(sample.score.type.type, &mixture_type);
        const struct mixture *mixture = sample.score.type.settings;
        const struct component *component = mixture->components.items;
        assert_int_equal(mixture->components.n, 2);
        assert_true(component[1].weight == 0.2 && component[1].sigma == 0 && component[1].mean.n == 2);
        assert_true(component[1].mean.value[1] == -5);
        assert_ptr_equal(sample.levels.type.type, &geometric_type);
        const struct annealed *annealed = sample.sampler.type.settings;
        assert_ptr_equal(sample.sampler.type.type, &annealed_type);
        assert_ptr_equal(annealed->scheme.type, &ula_type);
        assert_true(sample.sampler.step_size == 0.05);
        assert_false(sample.sampler.denoise);
        assert_string_equal(sample.output.directory, "runs/ncsn_toy_annealed");
        params_release(sample_rows, &sample);
        assert_null(sample.output.directory);
        assert_null(sample.score.type.settings);
        params_release(sample_rows, &sample); /* nothing left: harmless */
}

static void test_defaults_fill_what_is_left_out(void **state)
{
        (void)state;
        const char *text = "seed: 1\npopulation: {particles: 1e3, initial: {type: target}}\n"
                           "score: {type: gaussian, mean: 3}\nsampler: {type: ula, steps_per_level: 5}\n";
        struct sample sample;
        struct input *input = input_parse("toy.yaml", text, strlen(text), NULL, 0);
        input_read(input, sample_rows, &sample);
        assert_int_equal(input_problems(input), 0);
        assert_int_equal(sample.population.particles, 1000);
        assert_ptr_equal(sample.levels.type.type, &constant_type);
        assert_true(isnan(sample.sampler.step_size)); /* auto */
        assert_string_equal(sample.output.directory, "");
        assert_true(sample.checkpoint.every_seconds == 600 && sample.checkpoint.keep == 2);
        const struct gaussian *gaussian = sample.score.type.settings;
        assert_int_equal(gaussian->copies, -1); /* auto */
        assert_int_equal(gaussian->covariance.n_rows, 0);
        input_free(input);
        params_release(sample_rows, &sample);
}

static void test_numbers_are_decimal_and_finite(void **state)
{
        (void)state;
        const struct param real = {.kind = PARAM_REAL};
        const char *fine[] = {"1", "-1", "+1", "1.", ".5", "1e3", "1E-3", "-1.5e+300", "4.9e-324", "007"};
        for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
                expect_row(real, fine[i], "");
        const char *bad[] = {"abc", "0x10", "1_000", "1:30", "1e", "e5", "1.2.3", "--1", "1 2", ".", "1-", "1f", "1,5", "\xd9\xa3"};
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
        const struct { const char *text; int64_t value; } fine[] = {
                {"0", 0}, {"-0", 0}, {"1e6", 1000000}, {"2.50e2", 250}, {"100.", 100}, {"1000e-3", 1}, {"0e999999", 0},
                {"9223372036854775807", INT64_MAX}, {"-9223372036854775808", INT64_MIN}, {"9.007199254740993e15", 9007199254740993},
                {"0.0000001e7", 1}, {"010", 10}};
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
        const struct param open = {.kind = PARAM_REAL, .range = "(0, 1)"}, closed = {.kind = PARAM_REAL, .range = "[0, 1]"};
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
        expect_row(vector, "[1, x, 2, \"3\"]", "[1]: \"x\" is not a number\n"
                                               "toy.yaml:1: x[3]: \"3\" in quotes is text; write it without quotes");
        expect_row(vector, "[1, [2]]", "[1]: a list is not a number");
        expect_row(vector, "[1, ~]", "[1]: has no value");
        expect_row(matrix, "[[1, 2], [3, 4]]", "");
        expect_row(matrix, "[[1, 2], [3]]", "[1]: rows differ in length: 1 here, 2 in the first");
        expect_row(matrix, "[1, 2]", "[0]: is not a list of numbers, one row of the matrix");
        expect_row(matrix, "5", "\"5\" is not a list of rows of numbers");
        expect_row(matrix, "[[1, a], [b, 4]]", "[0][1]: \"a\" is not a number\ntoy.yaml:1: x[1][0]: \"b\" is not a number");
}

/* ---- tables ---- */

static void test_wrong_values_are_told_with_line_and_key(void **state)
{
        (void)state;
        expect_change("step_size: 0.05", "step_size: -1", "toy.yaml:10: sampler.step_size: -1 is not in (0, inf)");
        expect_change("[-5, -5]", "abc", "toy.yaml:8: score.components[1].mean: \"abc\" is not a number");
        expect_change("[-5, -5]", "[-5,\n        abc]", "toy.yaml:9: score.components[1].mean[1]: \"abc\" is not a number");
        expect_change("type: uniform", "type: unifrom",
                      "toy.yaml:3: population.initial.type: \"unifrom\" is unknown; did you mean uniform?");
        expect_change("type: uniform", "type: [uniform]", "toy.yaml:3: population.initial.type: a list is not a word");
        expect_change("scheme: ula", "scheme: verlet", "toy.yaml:10: sampler.scheme: \"verlet\" is not one of ula, baoab");
        expect_change("{every_seconds: 600, keep: 2}", "5", "toy.yaml:12: checkpoint: \"5\" is not a table");
        expect_change("{weight: 0.8, mean: [5, 5], sigma: 0}", "7", "toy.yaml:7: score.components[0]: \"7\" is not a table");
}

static void test_missing_values_say_what_would_be_right(void **state)
{
        (void)state;
        expect_change("particles: 60000, ", "", "toy.yaml:3: population.particles: missing; give an integer in "
                                                "[1, 1099511627776]: particles on all ranks together");
        expect_change("seed: 2026\n", "", "toy.yaml:2: seed: missing; give an integer in [0, 9223372036854775807]: every random "
                                          "number follows from it");
        expect_change("scheme: ula, ", "",
                      "toy.yaml:10: sampler.scheme: missing; give one of ula, baoab: what moves the particles at a level");
        expect_change("{every_seconds: 600, keep: 2}", "",
                      "toy.yaml:12: checkpoint: has no value; give a table, or leave the line out for the default");
        expect_change("keep: 2", "keep: null",
                      "toy.yaml:12: checkpoint.keep: has no value; give an integer in [1, 1000], or leave the line out for the "
                      "default");
}

static void test_unknown_keys_are_told_with_what_was_meant(void **state)
{
        (void)state;
        expect_change("step_size: 0.05", "step_sise: 0.05", "toy.yaml:10: sampler.step_sise: unknown key; did you mean step_size?");
        expect_change("step_size:", "stepsize:", "toy.yaml:10: sampler.stepsize: unknown key; did you mean step_size?");
        expect_change("keep: 2", "colour:\n  2", "toy.yaml:12: checkpoint.colour: unknown key; known here: every_seconds, keep");
        expect_change("weight: 0.2", "weight: 0.2, wight: 1",
                      "toy.yaml:8: score.components[1].wight: unknown key; did you mean weight?");
        expect_change("scheme: ula", "scheme: ula, friction: 1", "toy.yaml:10: sampler.friction: is a key of scheme baoab, not of ula");
        expect_change("type: annealed_langevin, ", "type: ula, ",
                      "toy.yaml:10: sampler.scheme: is a key of type annealed_langevin, not of ula");
        expect_change("seed: 2026", "seed: 2026\n\"a\\nb\": 1",
                      "toy.yaml:3: a\\nb: unknown key; known here: seed, population, score, levels, sampler, output, checkpoint");
}

static void test_a_bad_type_brings_no_follow_up_noise(void **state)
{
        (void)state;
        expect_change("type: gaussian_mixture", "type: mixture",
                      "toy.yaml:5: score.type: \"mixture\" is not one of gaussian, gaussian_mixture");
        expect_change("  type: gaussian_mixture\n", "",
                      "toy.yaml:4: score.type: missing; give one of gaussian, gaussian_mixture: the target");
        expect_change("type: annealed_langevin", "type: !x annealed",
                      "toy.yaml:10: sampler.type: tags are not taken (!x); write the value alone");
        /* A key no variant knows is still worth a line. */
        expect_change("type: uniform, low", "type: cube, lo",
                      "toy.yaml:3: population.initial.type: \"cube\" is not one of uniform, target\n"
                      "toy.yaml:3: population.initial.lo: unknown key; did you mean low?");
}

static void test_checks_run_only_on_what_was_read(void **state)
{
        (void)state;
        expect_change("high: 8", "high: -9", "toy.yaml:3: population.initial.high: -9 is not above low, -8");
        expect_change("low: -8, high: 8", "low: 9, high: x", "toy.yaml:3: population.initial.high: \"x\" is not a number");
        expect_change("[-5, -5]", "[-5]", "toy.yaml:8: score.components[1].mean: has 1 coordinates, the first has 2");
        expect_change("[-5, -5]", "[1, 2, 3]", "toy.yaml:8: score.components[1].mean[2]: the sample is two-dimensional");
        expect_change("steps_per_level: 100", "steps_per_level: 1, denoise: true",
                      "toy.yaml:10: sampler: one step and denoise do not go together");
        expect_change("steps_per_level: 100", "steps_per_level: 1, denoise: true, speed: 1",
                      "toy.yaml:10: sampler.speed: unknown key; known here: type, scheme, step_size, steps_per_level, denoise");
}

static void test_all_problems_come_at_once_sorted_by_line(void **state)
{
        (void)state;
        const char *text = "seed: 1.5\npopulation: {particles: 0, initial: {type: uniform, low: 1}}\nscore:\n  mean: [a]\n"
                           "  type: gaussian\nsampler: {type: ula, friction: 2, steps_per_level: .inf}\nseed: 3\n";
        expect_overridden(sample_rows, sizeof(struct sample), text, NULL, 0,
                          "toy.yaml:1: seed: 1.5 is not a whole number\n"
                          "toy.yaml:2: population.particles: 0 is not in [1, 1099511627776]\n"
                          "toy.yaml:2: population.initial.high: missing; give a number or a list of numbers: upper edge\n"
                          "toy.yaml:4: score.mean[0]: \"a\" is not a number\n"
                          "toy.yaml:6: sampler.steps_per_level: .inf must be a finite number\n"
                          "toy.yaml:6: sampler.friction: is a key of type baoab, not of ula\n"
                          "toy.yaml:7: seed: given again; first given on line 1");
}

static void test_unreadable_inputs_give_one_line(void **state)
{
        (void)state;
        const size_t size = sizeof(struct sample);
        expect_overridden(sample_rows, size, "", NULL, 0, "toy.yaml:1: the input is empty");
        expect_overridden(sample_rows, size, "# nothing\n", NULL, 0, "toy.yaml:1: the input is empty");
        expect_overridden(sample_rows, size, "seed:1\n", NULL, 0,
                          "toy.yaml:1: the input must be a table, `key: value` lines with a space after the colon");
        expect_overridden(sample_rows, size, "\n- seed: 1\n", NULL, 0,
                          "toy.yaml:2: the input must be a table, `key: value` lines, not a list");
        expect_overridden(sample_rows, size, "seed: [1\n", NULL, 0, "toy.yaml:1: not valid YAML: the [ opened on line 1 is not "
                                                                    "closed, or lacks a comma; expected , or ] here");
}

static void test_a_flood_of_problems_is_cut(void **state)
{
        (void)state;
        char text[64000] = "";
        size_t n = 0;
        for (int i = 0; i < 3000; i++)
                n += (size_t)snprintf(text + n, sizeof text - n, "key%d: %d\n", i, i);
        struct sample sample;
        struct input *input = input_parse("toy.yaml", text, n, NULL, 0);
        input_read(input, sample_rows, &sample);
        assert_int_equal(input_problems(input), 1001);
        assert_non_null(strstr(input_problem(input, 1000), ": there are more problems than are listed here"));
        params_release(sample_rows, &sample);
        input_free(input);
}

/* ---- overrides and problems of others ---- */

static void test_overrides_replace_and_create(void **state)
{
        (void)state;
        const char *overrides[] = {"sampler.step_size=1e-3", "score.components[0].mean=[1, 2]", "levels={type: constant}",
                                   "checkpoint.keep=7", "sampler.scheme=baoab", "sampler.friction=3",
                                   "score.components[2]={weight: 0.1, mean: [0, 0]}", "output.directory='a b'", "seed=1", "seed=2"};
        struct sample sample;
        struct input *input = read_sample(&sample, overrides, sizeof overrides / sizeof *overrides);
        assert_true(sample.sampler.step_size == 1e-3);
        const struct mixture *mixture = sample.score.type.settings;
        const struct component *component = mixture->components.items;
        assert_int_equal(mixture->components.n, 3);
        assert_true(component[0].mean.value[1] == 2);
        assert_true(component[2].weight == 0.1);
        assert_ptr_equal(sample.levels.type.type, &constant_type);
        assert_int_equal(sample.checkpoint.keep, 7);
        const struct annealed *annealed = sample.sampler.type.settings;
        assert_true(((const struct baoab *)annealed->scheme.settings)->friction == 3);
        assert_string_equal(sample.output.directory, "a b");
        assert_int_equal(sample.seed, 2); /* the later one */
        params_release(sample_rows, &sample);
        input_free(input);
}

static void test_overrides_create_missing_tables(void **state)
{
        (void)state;
        const char *overrides[] = {"population.particles=5", "population.initial.type=target", "score.type=gaussian_mixture",
                                   "score.components[0].weight=1", "score.components[0].mean=[2]", "sampler.type=ula",
                                   "sampler.steps_per_level=1"};
        expect_overridden(sample_rows, sizeof(struct sample), "seed: 1\npopulation:\n", overrides, 7, "");
}

static void test_bad_overrides_are_told_as_such(void **state)
{
        (void)state;
        expect_override("sampler.step_size=-1", "--set sampler.step_size: -1 is not in (0, inf)");
        expect_override("sampler.step_size=", "--set sampler.step_size: has no value; give a number in (0, inf), or auto, or "
                                              "leave the line out for the default");
        expect_override("sampler.step_sise=1", "--set sampler.step_sise: unknown key; did you mean step_size?");
        expect_override("score.components[0]={weight: 2, mean: 1}",
                        "--set score.components[0]: score.components[0].weight: 2 is not in (0, 1]");
        expect_override("score.components[4].sigma=1", "--set score.components[4].sigma: score.components has only 2 items, [0] "
                                                       "being the first");
        expect_override("seed.x=1", "--set seed.x: seed is not a table");
        expect_override("levels[0]=1", "--set levels[0]: levels is not a list");
        expect_override("sampler.step_size=[1", "--set sampler.step_size: not valid YAML: the [ opened on line 1 is not closed, or "
                                                "lacks a comma; expected , or ] here");
        expect_override("seed", "--set seed: no = in it; write KEY=VALUE");
        expect_override("=5", "--set =5: no key before the =; write KEY=VALUE");
        expect_override("a..b=5", "--set a..b=5: a key is missing, or a bracket not opened");
        expect_override("a[x]=5", "--set a[x]=5: an index is a whole number in brackets, as in components[0]");
        expect_override("score.type=gaussian",
                        "toy.yaml:4: score.mean: missing; give a number or a list of numbers: its centre\n"
                        "toy.yaml:6: score.components: is a key of type gaussian_mixture, not of gaussian");
        expect_override("levels={type: geometric, sigma_max: 1, sigma_min: 1}",
                        "--set levels: levels.count: missing; give an integer in [1, 4096]: how many levels");
        expect_override("seed=&a 5", "--set seed: anchors are not taken (&a); write the value out where it is used");
}

static void test_problems_of_others_stand_at_the_deepest_line_there_is(void **state)
{
        (void)state;
        struct sample sample;
        struct input *input = read_sample(&sample, NULL, 0);
        input_add_problem(input, "score.components[1].mean", "is %d", 8);
        input_add_problem(input, "score.components[9].mean", "is %d", 6);
        input_add_problem(input, "sampler.nothing", "is %d", 10);
        input_add_problem(input, "other.key", "is %d", 2);
        input_add_problem(input, "", "is %d", 2);
        assert_int_equal(input_problems(input), 5);
        assert_string_equal(input_problem(input, 0), "toy.yaml:2: other.key: is 2");
        assert_string_equal(input_problem(input, 1), "toy.yaml:2: is 2");
        assert_string_equal(input_problem(input, 2), "toy.yaml:6: score.components[9].mean: is 6");
        assert_string_equal(input_problem(input, 3), "toy.yaml:8: score.components[1].mean: is 8");
        assert_string_equal(input_problem(input, 4), "toy.yaml:10: sampler.nothing: is 10");
        params_release(sample_rows, &sample);
        input_free(input);
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
        const char *ranges[] = {"0, 1", "(0,1)", "(0, 1", "[0, inf]", "(, 1)", "(1, 0)", "(0, 0)", "(a, 1)", "(0, 1, 2)", ""};
        for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
                expect_fatal((struct param){.key = "x", .help = "h", .kind = PARAM_REAL, .range = ranges[i]}, "the range of x");
        expect_fatal((struct param){.key = "x", .help = "h", .kind = PARAM_INTEGER, .range = "[0.5, 1]"}, "the range of x");
        expect_fatal((struct param){.key = "x", .help = "h", .kind = PARAM_REAL, .fallback = "-1", .range = "(0, inf)"},
                     "the default of x, \"-1\", is wrong: default:1: -1 is not in (0, inf)");
        expect_fatal((struct param){.key = "x", .help = "h", .kind = PARAM_REAL, .fallback = "[1"}, "the default of x");
        expect_fatal((struct param){.key = "x", .help = "h", .kind = PARAM_SELECT, .variant = score_kinds, .fallback = "y"},
                     "the default of x");
        expect_fatal((struct param){.key = "x", .kind = PARAM_REAL}, "lacks its key or help");
        expect_fatal((struct param){.key = "x", .help = "h", .kind = PARAM_CHOICE}, "a choice without words");
        expect_fatal((struct param){.key = "x", .help = "h", .kind = PARAM_TABLE}, "a table without rows");
        expect_fatal((struct param){.key = "mean", .help = "h", .kind = PARAM_TABLES, .item_size = 8,
                                    .rows = (const struct param[]){{.key = "a", .help = "h", .kind = PARAM_REAL},
                                                                   {.key = "a", .help = "h", .kind = PARAM_REAL}, PARAM_END}},
                     "a: two rows of one table have this key");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sample_is_read_into_its_structs),
                cmocka_unit_test(test_defaults_fill_what_is_left_out),
                cmocka_unit_test(test_numbers_are_decimal_and_finite),
                cmocka_unit_test(test_integers_are_exact_and_whole),
                cmocka_unit_test(test_ranges_hold_at_their_very_ends),
                cmocka_unit_test(test_automatic_words_stand_for_numbers),
                cmocka_unit_test(test_flags_words_and_texts),
                cmocka_unit_test(test_vectors_and_matrices_name_the_element),
                cmocka_unit_test(test_wrong_values_are_told_with_line_and_key),
                cmocka_unit_test(test_missing_values_say_what_would_be_right),
                cmocka_unit_test(test_unknown_keys_are_told_with_what_was_meant),
                cmocka_unit_test(test_a_bad_type_brings_no_follow_up_noise),
                cmocka_unit_test(test_checks_run_only_on_what_was_read),
                cmocka_unit_test(test_all_problems_come_at_once_sorted_by_line),
                cmocka_unit_test(test_unreadable_inputs_give_one_line),
                cmocka_unit_test(test_a_flood_of_problems_is_cut),
                cmocka_unit_test(test_overrides_replace_and_create),
                cmocka_unit_test(test_overrides_create_missing_tables),
                cmocka_unit_test(test_bad_overrides_are_told_as_such),
                cmocka_unit_test(test_problems_of_others_stand_at_the_deepest_line_there_is),
                cmocka_unit_test(test_numbers_do_not_depend_on_the_locale),
                cmocka_unit_test(test_malformed_rows_are_fatal),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
