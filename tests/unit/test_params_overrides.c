/* Values from the command line, and problems that others find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "params_expect.h"

static void expect_override(const char *override, const char *messages)
{
        expect_overridden(sample_rows, sizeof(struct sample), sample_text, &override, 1, messages);
}

static void test_overrides_replace_and_create(void **state)
{
        (void)state;
        const char *overrides[] = {"sampler.step_size=1e-3",
                                   "score.components[0].mean=[1, 2]",
                                   "levels={type: constant}",
                                   "checkpoint.keep=7",
                                   "sampler.scheme=baoab",
                                   "sampler.friction=3",
                                   "score.components[2]={weight: 0.1, mean: [0, 0]}",
                                   "output.directory='a b'",
                                   "seed=1",
                                   "seed=2"};
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
        const char *overrides[] = {"population.particles=5",       "population.initial.type=target",
                                   "score.type=gaussian_mixture",  "score.components[0].weight=1",
                                   "score.components[0].mean=[2]", "sampler.type=ula",
                                   "sampler.steps_per_level=1"};
        expect_overridden(sample_rows, sizeof(struct sample), "seed: 1\npopulation:\n", overrides, 7, "");
}

static void test_bad_overrides_are_told_as_such(void **state)
{
        (void)state;
        expect_override("sampler.step_size=-1", "--set sampler.step_size: -1 is not in (0, inf)");
        expect_override("sampler.step_size=",
                        "--set sampler.step_size: has no value; give a number in (0, inf), or auto, or "
                        "leave the line out for the default");
        expect_override("sampler.step_sise=1", "--set sampler.step_sise: unknown key; did you mean step_size?");
        expect_override("score.components[0]={weight: 2, mean: 1}",
                        "--set score.components[0]: score.components[0].weight: 2 is not in (0, 1]");
        expect_override("score.components[4].sigma=1",
                        "--set score.components[4].sigma: score.components has only 2 items, [0] "
                        "being the first");
        expect_override("seed.x=1", "--set seed.x: seed is not a table");
        expect_override("levels[0]=1", "--set levels[0]: levels is not a list");
        expect_override("sampler.step_size=[1",
                        "--set sampler.step_size: not valid YAML: the [ opened on line 1 is not closed, or "
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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_overrides_replace_and_create),
                cmocka_unit_test(test_overrides_create_missing_tables),
                cmocka_unit_test(test_bad_overrides_are_told_as_such),
                cmocka_unit_test(test_problems_of_others_stand_at_the_deepest_line_there_is),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
