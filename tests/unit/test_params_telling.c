/* What was read is told so that it reads back; help finds what is asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "params_sample.h"

static char *echo_of(const char *text, const char *const *overrides, size_t n, bool all)
{
        struct sample sample;
        struct input *input = input_parse("toy.yaml", text, strlen(text), overrides, n);
        input_read(input, sample_rows, &sample);
        if (input_problems(input) > 0)
                fail_msg("%s", input_problem(input, 0));
        char *echo = params_echo(sample_rows, &sample, all);
        params_release(sample_rows, &sample);
        input_free(input);
        return echo;
}

static void test_echo_tells_every_leaf_in_the_order_of_the_rows(void **state)
{
        (void)state;
        char *echo = echo_of(sample_text, NULL, 0, true);
        assert_string_equal(echo, "seed: 2026\n"
                                  "population.particles: 60000\n"
                                  "population.initial.type: uniform\n"
                                  "population.initial.low: [-8]\n"
                                  "population.initial.high: [8]\n"
                                  "score.type: gaussian_mixture\n"
                                  "score.components[0].weight: 0.8\n"
                                  "score.components[0].mean: [5, 5]\n"
                                  "score.components[0].sigma: 0\n"
                                  "score.components[1].weight: 0.2\n"
                                  "score.components[1].mean: [-5, -5]\n"
                                  "score.components[1].sigma: 0\n"
                                  "levels.type: geometric\n"
                                  "levels.sigma_max: 20\n"
                                  "levels.sigma_min: 1\n"
                                  "levels.count: 10\n"
                                  "sampler.type: annealed_langevin\n"
                                  "sampler.scheme: ula\n"
                                  "sampler.step_size: 0.05\n"
                                  "sampler.steps_per_level: 100\n"
                                  "sampler.denoise: false\n"
                                  "output.directory: runs/ncsn_toy_annealed\n"
                                  "checkpoint.every_seconds: 600\n"
                                  "checkpoint.keep: 2\n");
        char *physics = echo_of(sample_text, NULL, 0, false);
        assert_int_equal(strlen(physics), strstr(echo, "output.") - echo);
        assert_memory_equal(physics, echo, strlen(physics));
        free(echo);
        free(physics);
}

/* Every line of an echo is an override; all together make the same input again, to the last bit. */
static void expect_echo_reads_back(const char *const *overrides, size_t n)
{
        char *echo = echo_of(sample_text, overrides, n, true), *copy = strdup(echo);
        const char *lines[100];
        size_t n_lines = 0;
        for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n")) {
                char *colon = strstr(line, ": ");
                memcpy(colon, "= ", 2);
                lines[n_lines++] = line;
        }
        char *again = echo_of("{}", lines, n_lines, true);
        assert_string_equal(again, echo);
        free(again);
        free(copy);
        free(echo);
}

static void test_echo_reads_back_to_the_same_bits(void **state)
{
        (void)state;
        expect_echo_reads_back(NULL, 0);
        const char *odd[] = {"sampler.step_size=0.1000000000000000055511151231257827",
                             "score.components[0].mean=[1e-320, -0.0]",
                             "score.components[1].mean=[1.7976931348623157e308, 0.30000000000000004]",
                             "seed=9223372036854775807", "output.directory='a: \"b\" # \\ \xc3\xa9'"};
        expect_echo_reads_back(odd, 5);
        const char *automatic[] = {
                "sampler={type: baoab, friction: 0.1, form: velocity, step_size: auto, steps_per_level: 1}",
                "score={type: gaussian, mean: [1, 2], covariance: [[1, 0.5], [0.5, 1]]}",
                "output.directory=\"line\\nend\\t\""};
        expect_echo_reads_back(automatic, 3);
        const char *words[] = {"''",    "'5'",    "'true'", "'~'",   "'.inf'", "'- a'",
                               "'[a]'", "'null'", "' a '",  "'a#b'", "'*a'"};
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
                char override[40];
                const char *overrides[] = {override};
                snprintf(override, sizeof override, "output.directory=%s", words[i]);
                expect_echo_reads_back(overrides, 1);
        }
}

static void test_echo_uses_the_fewest_digits(void **state)
{
        (void)state;
        const char *overrides[] = {"sampler.step_size=0.1", "levels.sigma_max=0.30000000000000004",
                                   "levels.sigma_min=5e-324", "output.directory='5'"};
        char *echo = echo_of(sample_text, overrides, 4, true);
        assert_non_null(strstr(echo, "sampler.step_size: 0.1\n"));
        assert_non_null(strstr(echo, "levels.sigma_max: 0.30000000000000004\n"));
        assert_non_null(strstr(echo, "levels.sigma_min: 5e-324\n"));
        assert_non_null(strstr(echo, "output.directory: \"5\"\n"));
        free(echo);
        const char *word = "output.directory='true'";
        echo = echo_of(sample_text, &word, 1, true);
        assert_non_null(strstr(echo, "output.directory: \"true\"\n"));
        free(echo);
}

static void expect_difference(const char *here, const char *there, const char *difference)
{
        char *found = params_difference(here, there);
        if (difference)
                assert_string_equal(found, difference);
        else
                assert_null(found);
        free(found);
}

static void test_difference_names_the_first_line_that_differs(void **state)
{
        (void)state;
        expect_difference("a: 1\nb: 2\n", "a: 1\nb: 2\n", NULL);
        expect_difference("", "", NULL);
        expect_difference("a: 1\nb: 2\nc: 3\n", "a: 1\nb: 5\nc: 4\n", "b: 2 here, 5 there");
        expect_difference("a: 1\nb: 2\n", "a: 1\n", "b: 2 here, absent there");
        expect_difference("a: 1\n", "a: 1\nb: 2\n", "b: absent here, 2 there");
        expect_difference("a: 1\nt: x\nc: 3\n", "a: 1\nt: y\nd: 3\n", "t: x here, y there");
        expect_difference("a: 1\nc: 3\n", "a: 1\nb: 2\nc: 3\n", "b: absent here, 2 there");
        expect_difference("ab: 1\n", "a: 1\n", "ab: 1 here, absent there");
        char here[300] = "m: [", there[300];
        for (int i = 0; i < 60; i++)
                strcat(here, "1, ");
        strcat(here, "1]\n");
        strcpy(there, here);
        there[100] = '7';
        expect_difference(here, there,
                          "m: ..., 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1... here, "
                          "..., 1, 1, 1, 1, 1, 1, 7, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1... there");
}

/* ---- help ---- */

static char *topic_of(const char *topic)
{
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);
        bool found = params_help_topic(sample_rows, topic, stream);
        fclose(stream);
        assert_int_equal(found, size > 0);
        return text;
}

static void expect_topic(const char *topic, const char *help)
{
        char *text = topic_of(topic);
        assert_string_equal(text, help);
        free(text);
}

static void test_help_finds_keys_variants_and_plurals(void **state)
{
        (void)state;
        const char *step_size = "sampler.step_size: step e of x + e s + sqrt(2 e) z\n"
                                "    a number in (0, inf), or auto; unit x^2; default auto\n";
        expect_topic("step_size", step_size);
        expect_topic("sampler.step_size", step_size);
        expect_topic("score.components.sigma", "score.components.sigma: its standard deviation\n"
                                               "    a number in [0, inf); unit x; default 1\n");
        expect_topic("mean",
                     "score.mean: its centre\n    a number or a list of numbers; required\n\n"
                     "score.components.mean: its centre\n    a number or a list of numbers; unit x; required\n");
        expect_topic("samplers", "sampler.type: the method\n"
                                 "  ula                unadjusted Langevin\n"
                                 "  baoab              splitting with momenta\n"
                                 "  annealed_langevin  a scheme at every level in turn\n");
        expect_topic("schemes", "sampler.scheme: what moves the particles at a level\n"
                                "  ula    unadjusted Langevin\n  baoab  splitting with momenta\n");
        expect_topic("schedules", "levels.type: how the noise levels follow each other\n"
                                  "  constant   no noise but the target's own\n"
                                  "  geometric  sigma falls by the same factor from level to level\n");
        expect_topic("initials", "population.initial.type: distribution of the first population\n"
                                 "  uniform  uniform in a box\n  target   exact draws from the target\n");
        expect_topic("baoab",
                     "sampler.type: baoab\n  splitting with momenta\n"
                     "  friction: rate at which momenta forget\n      a number in [0, inf); unit 1/t; default 1\n"
                     "  form: what moves first\n      one of position, velocity; default position\n"
                     "  besides, in every sampler: step_size, steps_per_level, denoise\n"
                     "also sampler.scheme: baoab\n");
        expect_topic("population.initial", "population.initial: where the particles start\n    a table; required\n"
                                           "  type: distribution of the first population\n"
                                           "      one of the following; required\n"
                                           "      - uniform: uniform in a box\n"
                                           "          low: lower edge\n"
                                           "              a number or a list of numbers; unit x; required\n"
                                           "          high: upper edge\n"
                                           "              a number or a list of numbers; unit x; required\n"
                                           "      - target: exact draws from the target\n");
}

static void test_unknown_topics_are_not_found_but_guessed(void **state)
{
        (void)state;
        expect_topic("sampler.mean", "");
        expect_topic("", "");
        expect_topic("samplerss", "");
        assert_string_equal(params_nearest_topic(sample_rows, "step_sise"), "step_size");
        assert_string_equal(params_nearest_topic(sample_rows, "annealed"), "annealed_langevin");
        assert_string_equal(params_nearest_topic(sample_rows, "boaab"), "baoab");
        assert_null(params_nearest_topic(sample_rows, "xyzzy"));
}

static void test_help_of_all_stays_in_its_columns_and_has_every_key(void **state)
{
        (void)state;
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);
        params_help_all(sample_rows, stream);
        fclose(stream);
        const char *keys[] = {"seed: every",    "  particles: ",    "- gaussian_mixture: weighted",
                              "weight: share",  "covariance: ",     "- baoab: splitting with momenta (keys as above)",
                              "friction: rate", "keep: checkpoints"};
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
                if (!strstr(text, keys[i]))
                        fail_msg("no \"%s\"", keys[i]);
        for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
                assert_true(strcspn(line, "\n") <= 100);
        free(text);
}

static void test_long_help_is_wrapped_at_a_hundred_columns(void **state)
{
        (void)state;
        char ninety_seven[98], help[120], expected[200]; /* "x: " and these make 100 */
        for (int i = 0; i < 97; i++)
                ninety_seven[i] = i % 7 == 3 ? ' ' : 'w';
        ninety_seven[97] = '\0';
        for (int longer = 0; longer < 2; longer++) {
                snprintf(help, sizeof help, "%s%s end", ninety_seven, longer ? "w" : "");
                const struct param rows[] = {{.key = "x", .kind = PARAM_REAL, .help = help}, PARAM_END};
                char *text = NULL;
                size_t size;
                FILE *stream = open_memstream(&text, &size);
                params_help_all(rows, stream);
                fclose(stream);
                if (longer)
                        snprintf(expected, sizeof expected, "x: %.94s\n    %sw end\n    a number; required\n",
                                 ninety_seven, ninety_seven + 95);
                else
                        snprintf(expected, sizeof expected, "x: %s\n    end\n    a number; required\n", ninety_seven);
                assert_string_equal(text, expected);
                free(text);
        }
}

static void test_markdown_has_a_row_for_every_key_of_every_variant(void **state)
{
        (void)state;
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);
        params_markdown(sample_rows, stream);
        fclose(stream);
        const char *pieces[] = {
                "# Parameters of the input file\n",
                "\n| key | value | unit | default | meaning |\n|---|---|---|---|---|\n",
                "| `seed` | an integer in [0, 9223372036854775807] |  | required | every random number follows from it "
                "|\n",
                "\n## `population`\n",
                "\n#### `population.initial.type: uniform`\n\nuniform in a box.\n",
                "| `low` | a number or a list of numbers | x | required | lower edge |\n",
                "\n#### `score.components[]`\n\nthe Gaussians; of each item:\n",
                "| `weight` | a number in (0, 1] |  | required | share of the component |\n",
                "| `type` | `constant`, `geometric` |  | `constant` | how the noise levels follow each other |\n",
                "| `copies` | an integer in [1, 9], or auto |  | `auto` | how many times |\n",
                "| `form` | `position`, `velocity` |  | `position` | what moves first |\n",
                "\n#### `sampler.scheme: baoab`\n\nsplitting with momenta; keys as above.\n",
                "| `directory` | text |  | `\"\"` | where the run writes |\n"};
        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
                if (!strstr(text, pieces[i]))
                        fail_msg("no \"%s\"", pieces[i]);
        free(text);
}

/* ---- words ---- */

static void test_nearest_word_takes_one_edit_in_three_letters(void **state)
{
        (void)state;
        const char *const words[] = {"step_size", "steps", "gaussian", "hmc", "mala"};
        assert_string_equal(nearest_word("step_sise", words, 5), "step_size");
        assert_string_equal(nearest_word("stpe_size", words, 5), "step_size"); /* exchanged neighbours: one edit */
        assert_string_equal(nearest_word("step", words, 5), "steps");
        assert_string_equal(nearest_word("gaus", words, 5), "gaussian");     /* its beginning */
        assert_string_equal(nearest_word("hcm", words, 5), "hmc");
        assert_null(nearest_word("xyz", words, 5));
        assert_null(nearest_word("", words, 5));
        assert_null(nearest_word("h", words, 5));
        assert_null(nearest_word("step_size", words, 0));
        char endless[500];
        memset(endless, 's', sizeof endless - 1);
        endless[sizeof endless - 1] = '\0';
        assert_null(nearest_word(endless, words, 5));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_echo_tells_every_leaf_in_the_order_of_the_rows),
                cmocka_unit_test(test_echo_reads_back_to_the_same_bits),
                cmocka_unit_test(test_echo_uses_the_fewest_digits),
                cmocka_unit_test(test_difference_names_the_first_line_that_differs),
                cmocka_unit_test(test_help_finds_keys_variants_and_plurals),
                cmocka_unit_test(test_unknown_topics_are_not_found_but_guessed),
                cmocka_unit_test(test_help_of_all_stays_in_its_columns_and_has_every_key),
                cmocka_unit_test(test_long_help_is_wrapped_at_a_hundred_columns),
                cmocka_unit_test(test_markdown_has_a_row_for_every_key_of_every_variant),
                cmocka_unit_test(test_nearest_word_takes_one_edit_in_three_letters),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
