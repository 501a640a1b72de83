/* Reading tables: every rule of the input with the exact line a user sees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "params_expect.h"

/* The sample with one piece of its text replaced. */
static void expect_change(const char *piece, const char *replacement, const char *messages)
{
        const char *at = strstr(sample_text, piece);
        assert_non_null(at);
        char text[4096];
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - sample_text), sample_text, replacement, at + strlen(piece));
        expect_overridden(sample_rows, sizeof(struct sample), text, NULL, 0, messages);
}

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

/* ---- tables ---- */

static void test_wrong_values_are_told_with_line_and_key(void **state)
{
        (void)state;
        expect_change("step_size: 0.05", "step_size: -1", "toy.yaml:10: sampler.step_size: -1 is not in (0, inf)");
        expect_change("[-5, -5]", "abc", "toy.yaml:8: score.components[1].mean: \"abc\" is not a number");
        expect_change("[-5, -5]", "[-5,\n        abc]",
                      "toy.yaml:9: score.components[1].mean[1]: \"abc\" is not a number");
        expect_change("type: uniform", "type: unifrom",
                      "toy.yaml:3: population.initial.type: \"unifrom\" is unknown; did you mean uniform?");
        expect_change("type: uniform", "type: [uniform]", "toy.yaml:3: population.initial.type: a list is not a word");
        expect_change("scheme: ula", "scheme: verlet",
                      "toy.yaml:10: sampler.scheme: \"verlet\" is not one of ula, baoab");
        expect_change("{every_seconds: 600, keep: 2}", "5", "toy.yaml:12: checkpoint: \"5\" is not a table");
        expect_change("{weight: 0.8, mean: [5, 5], sigma: 0}", "7",
                      "toy.yaml:7: score.components[0]: \"7\" is not a table");
}

static void test_missing_values_say_what_would_be_right(void **state)
{
        (void)state;
        expect_change("particles: 60000, ", "",
                      "toy.yaml:3: population.particles: missing; give an integer in "
                      "[1, 1099511627776]: particles on all ranks together");
        expect_change("seed: 2026\n", "",
                      "toy.yaml:2: seed: missing; give an integer in [0, 9223372036854775807]: every random "
                      "number follows from it");
        expect_change(
                "scheme: ula, ", "",
                "toy.yaml:10: sampler.scheme: missing; give one of ula, baoab: what moves the particles at a level");
        expect_change("{every_seconds: 600, keep: 2}", "",
                      "toy.yaml:12: checkpoint: has no value; give a table, or leave the line out for the default");
        expect_change("keep: 2", "keep: null",
                      "toy.yaml:12: checkpoint.keep: has no value; give an integer in [1, 1000], or leave the line out "
                      "for the "
                      "default");
}

static void test_unknown_keys_are_told_with_what_was_meant(void **state)
{
        (void)state;
        expect_change("step_size: 0.05", "step_sise: 0.05",
                      "toy.yaml:10: sampler.step_sise: unknown key; did you mean step_size?");
        expect_change("step_size:", "stepsize:", "toy.yaml:10: sampler.stepsize: unknown key; did you mean step_size?");
        expect_change("keep: 2", "colour:\n  2",
                      "toy.yaml:12: checkpoint.colour: unknown key; known here: every_seconds, keep");
        expect_change("weight: 0.2", "weight: 0.2, wight: 1",
                      "toy.yaml:8: score.components[1].wight: unknown key; did you mean weight?");
        expect_change("scheme: ula", "scheme: ula, friction: 1",
                      "toy.yaml:10: sampler.friction: is a key of scheme baoab, not of ula");
        expect_change("type: annealed_langevin, ", "type: ula, ",
                      "toy.yaml:10: sampler.scheme: is a key of type annealed_langevin, not of ula");
        expect_change("seed: 2026", "seed: 2026\n\"a\\nb\": 1",
                      "toy.yaml:3: a\\nb: unknown key; known here: seed, population, score, levels, sampler, output, "
                      "checkpoint");
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
        expect_change("low: -8, high: 8", "low: 9, high: x",
                      "toy.yaml:3: population.initial.high: \"x\" is not a number");
        expect_change("[-5, -5]", "[-5]", "toy.yaml:8: score.components[1].mean: has 1 coordinates, the first has 2");
        expect_change("[-5, -5]", "[1, 2, 3]",
                      "toy.yaml:8: score.components[1].mean[2]: the sample is two-dimensional");
        expect_change("steps_per_level: 100", "steps_per_level: 1, denoise: true",
                      "toy.yaml:10: sampler: one step and denoise do not go together");
        expect_change("step_size: 0.05, steps_per_level: 100", "step_size: 0, steps_per_level: 1, denoise: true",
                      "toy.yaml:10: sampler.step_size: 0 is not in (0, inf)");
        expect_change("weight: 0.2, mean: [-5, -5]", "weight: 2, mean: [1, 2, 3]",
                      "toy.yaml:8: score.components[1].weight: 2 is not in (0, 1]");
        expect_change("steps_per_level: 100", "steps_per_level: 1, denoise: true, speed: 1",
                      "toy.yaml:10: sampler.speed: unknown key; known here: type, scheme, step_size, steps_per_level, "
                      "denoise");
}

static void test_all_problems_come_at_once_sorted_by_line(void **state)
{
        (void)state;
        const char *text =
                "seed: 1.5\npopulation: {particles: 0, initial: {type: uniform, low: 1}}\nscore:\n  mean: [a]\n"
                "  type: gaussian\nsampler: {type: ula, friction: 2, steps_per_level: .inf}\nseed: 3\n";
        expect_overridden(
                sample_rows, sizeof(struct sample), text, NULL, 0,
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
        expect_overridden(sample_rows, size, "seed: [1\n", NULL, 0,
                          "toy.yaml:1: not valid YAML: the [ opened on line 1 is not "
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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sample_is_read_into_its_structs),
                cmocka_unit_test(test_defaults_fill_what_is_left_out),
                cmocka_unit_test(test_wrong_values_are_told_with_line_and_key),
                cmocka_unit_test(test_missing_values_say_what_would_be_right),
                cmocka_unit_test(test_unknown_keys_are_told_with_what_was_meant),
                cmocka_unit_test(test_a_bad_type_brings_no_follow_up_noise),
                cmocka_unit_test(test_checks_run_only_on_what_was_read),
                cmocka_unit_test(test_all_problems_come_at_once_sorted_by_line),
                cmocka_unit_test(test_unreadable_inputs_give_one_line),
                cmocka_unit_test(test_a_flood_of_problems_is_cut),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
