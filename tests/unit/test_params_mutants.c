/* Hostile input: 5000 mutants of a good one. Each is read, or refused in lines a user can act on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ctype.h>

#include "params_sample.h"

enum { MUTANTS = 5000, ROOM = 8192 };

/* xorshift64* [Vigna 2016]: mutants are the same on every machine. */
static uint64_t next_random(uint64_t *state)
{
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        return *state * 0x2545f4914f6cdd1dull;
}

static size_t below(uint64_t *state, size_t n)
{
        return n > 0 ? (size_t)(next_random(state) >> 11) % n : 0;
}

struct text { char bytes[ROOM]; size_t n; };

/* Puts n bytes in place of `removed` bytes at `at`; nothing where there is no room. */
static void splice(struct text *text, size_t at, size_t removed, const char *bytes, size_t n)
{
        if (text->n - removed + n > ROOM)
                return;
        memmove(text->bytes + at + n, text->bytes + at + removed, text->n - at - removed);
        memcpy(text->bytes + at, bytes, n);
        text->n = text->n - removed + n;
}

static void find_line(const struct text *text, size_t near, size_t *start, size_t *length)
{
        *start = near;
        while (*start > 0 && text->bytes[*start - 1] != '\n')
                --*start;
        *length = 0;
        while (*start + *length < text->n && text->bytes[*start + (*length)++] != '\n')
                ;
}

/* The word around `near`: what stands between blanks and punctuation. */
static void find_token(const struct text *text, size_t near, size_t *start, size_t *length)
{
        const char *ends = " \n,:{}[]";
        *start = near;
        while (*start > 0 && !strchr(ends, text->bytes[*start - 1]))
                --*start;
        *length = 0;
        while (*start + *length < text->n && !strchr(ends, text->bytes[*start + *length]))
                ++*length;
}

static const char *const nasty[] = {"",
                                    "~",
                                    "null",
                                    ".inf",
                                    "-.inf",
                                    ".nan",
                                    "1e400",
                                    "-1e400",
                                    "1e-400",
                                    "0x10",
                                    "99999999999999999999",
                                    "-1",
                                    "0",
                                    "0.5",
                                    "1e18",
                                    "\"\"",
                                    "'5'",
                                    "\"\\0\"",
                                    "\"\\n\\e[2J\"",
                                    "[]",
                                    "{}",
                                    "[[1, 2], [3]]",
                                    "[1, [2, [3]]]",
                                    "{a: 1, a: 2}",
                                    "&x 1",
                                    "*x",
                                    "!!float 1",
                                    "!<tag:x> 2",
                                    "<<",
                                    "? x",
                                    "- 1",
                                    "|\n  block",
                                    ">-\n  folded",
                                    "\t",
                                    "---",
                                    "...",
                                    "%YAML 1.1",
                                    "# comment",
                                    ":",
                                    ",",
                                    "type",
                                    "gaussian",
                                    "baoab",
                                    "true",
                                    "yes",
                                    "auto",
                                    "\xff\xfe",
                                    "\xc3\x28",
                                    "\xe2\x80\xa8",
                                    "\xef\xbb\xbf",
                                    "@",
                                    "`",
                                    "%s%n%s%n",
                                    "'unclosed",
                                    "\"unclosed",
                                    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
                                    "{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{"};

static void mutate(struct text *text, uint64_t *state)
{
        size_t at = below(state, text->n), start, length;
        char byte = (char)below(state, 256);
        if (text->n == 0)
                return;
        switch (below(state, 9)) {
        case 0:
                text->bytes[at] = (char)(text->bytes[at] ^ (1 << below(state, 8)));
                break;
        case 1:
                splice(text, at, 0, &byte, 1);
                break;
        case 2:
                splice(text, at, 1, "", 0);
                break;
        case 3:
                byte = " \t\n:,-[]{}\"'#&*!|>%@?"[below(state, 21)];
                splice(text, at, below(state, 2), &byte, 1);
                break;
        case 4: { /* a line again, elsewhere */
                char line[ROOM];
                find_line(text, at, &start, &length);
                memcpy(line, text->bytes + start, length);
                find_line(text, below(state, text->n), &start, &at);
                splice(text, start, 0, line, length);
                break;
        }
        case 5:
                find_line(text, at, &start, &length);
                splice(text, start, length, "", 0);
                break;
        case 6: { /* a line indented otherwise */
                find_line(text, at, &start, &length);
                splice(text, start, 0, "    ", 1 + below(state, 4));
                break;
        }
        case 7: { /* a piece cut off the end */
                if (below(state, 8) == 0)
                        text->n = at;
                break;
        }
        default: {
                const char *word = nasty[below(state, sizeof nasty / sizeof *nasty)];
                find_token(text, at, &start, &length);
                splice(text, start, length, word, strlen(word));
                break;
        }
        }
}

/* "toy.yaml:<a line there is>: ..." in one printable line; returns the line. */
static long check_problem(const char *problem, const struct text *text)
{
        const char *start = "toy.yaml:";
        assert_int_equal(strncmp(problem, start, strlen(start)), 0);
        char *end;
        assert_true(isdigit((unsigned char)problem[strlen(start)]));
        long line = strtol(problem + strlen(start), &end, 10), lines = 1;
        for (size_t i = 0; i < text->n; i++)
                lines += text->bytes[i] == '\n';
        assert_in_range(line, 1, lines);
        assert_int_equal(strncmp(end, ": ", 2), 0);
        assert_true(strlen(end) > 4 && strlen(problem) < 4000);
        for (const char *c = problem; *c; c++)
                assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
        return line;
}

static bool read_mutant(const struct text *text, const char *const *overrides, size_t n)
{
        struct sample sample;
        memset(&sample, 0xa5, sizeof sample);
        /* An exact copy, so that a read past its end is seen. */
        char *copy = malloc(text->n > 0 ? text->n : 1);
        memcpy(copy, text->bytes, text->n);
        struct input *input = input_parse("toy.yaml", copy, text->n, overrides, n);
        free(copy);
        input_read(input, sample_rows, &sample);
        size_t problems = input_problems(input);
        long before = 0;
        for (size_t i = 0; i < problems && n == 0; i++) {
                long line = check_problem(input_problem(input, i), text);
                assert_true(line >= before || i == 1000);
                before = line;
        }
        for (size_t i = 0; i < problems && n > 0; i++)
                assert_null(strpbrk(input_problem(input, i), "\n\r\t\x1b"));
        if (problems == 0)
                free(params_echo(sample_rows, &sample, true)); /* all there is to tell is there */
        params_release(sample_rows, &sample);
        input_free(input);
        return problems == 0;
}

static void test_mutants_are_read_or_refused_in_lines(void **state)
{
        (void)state;
        uint64_t random = 2026;
        size_t n_read = 0;
        for (int i = 0; i < MUTANTS; i++) {
                struct text text = {.n = strlen(sample_text)};
                memcpy(text.bytes, sample_text, text.n);
                for (size_t k = 1 + below(&random, 4); k > 0; k--)
                        mutate(&text, &random);
                n_read += read_mutant(&text, NULL, 0);
        }
        /* Some mutants are good inputs, most are not: the mutator does work. */
        assert_in_range(n_read, MUTANTS / 50, MUTANTS / 2);
}

static void test_mutated_overrides_are_taken_or_refused(void **state)
{
        (void)state;
        static const char *const seeds[] = {"sampler.step_size=1e-3",   "score.components[0].mean=[1, 2]",
                                            "levels={type: geometric}", "sampler.type=baoab",
                                            "output.directory='a b'",   "score.components[2]={weight: 1}"};
        uint64_t random = 7;
        struct text text = {.n = strlen(sample_text)};
        memcpy(text.bytes, sample_text, text.n);
        for (int i = 0; i < MUTANTS / 5; i++) {
                char overrides[2][ROOM + 1];
                for (size_t j = 0; j < 2; j++) {
                        const char *seed = seeds[below(&random, sizeof seeds / sizeof *seeds)];
                        struct text mutant = {.n = strlen(seed)};
                        memcpy(mutant.bytes, seed, mutant.n);
                        for (size_t k = 1 + below(&random, 3); k > 0; k--)
                                mutate(&mutant, &random);
                        memcpy(overrides[j], mutant.bytes, mutant.n);
                        overrides[j][mutant.n] = '\0';
                }
                const char *both[] = {overrides[0], overrides[1]};
                read_mutant(&text, both, 2);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_mutants_are_read_or_refused_in_lines),
                cmocka_unit_test(test_mutated_overrides_are_taken_or_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
