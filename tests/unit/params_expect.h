/* What the tests of reading share: the problems of a text, exactly. Include cmocka.h first. */
#ifndef SCULPTOR_TESTS_PARAMS_EXPECT_H
#define SCULPTOR_TESTS_PARAMS_EXPECT_H

#include "params_sample.h"

/* The problems of reading `text`, a line each. */
static inline void expect_overridden(const struct param *rows, size_t size, const char *text,
                                     const char *const *overrides, size_t n, const char *messages)
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

static inline struct input *read_sample(struct sample *sample, const char *const *overrides, size_t n)
{
        struct input *input = input_parse("toy.yaml", sample_text, strlen(sample_text), overrides, n);
        memset(sample, 0xa5, sizeof *sample);
        input_read(input, sample_rows, sample);
        assert_int_equal(input_problems(input), 0);
        return input;
}

#endif
