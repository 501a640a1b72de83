/* What laboratories have in common: reading a table that must be right, or wrong in one way. Include cmocka.h first. */
#ifndef SCULPTOR_TESTS_LAB_INPUT_H
#define SCULPTOR_TESTS_LAB_INPUT_H

#include <string.h>

#include "sculptor/params.h"
#include "sculptor/process.h"

/* The caller frees the input, and releases the settings. */
static inline struct input *lab_read(const char *text, const struct param *rows, void *settings)
{
        struct input *input = input_parse("lab", text, strlen(text), NULL, 0);
        input_read(input, rows, settings);
        for (size_t i = 0; i < input_problems(input); i++)
                print_error("%s\n", input_problem(input, i));
        assert_int_equal(input_problems(input), 0);
        return input;
}

/* One problem, which tells the key and the reason. */
static inline void lab_assert_refused(const char *text, const struct param *rows, void *settings, const char *key,
                                      const char *reason)
{
        struct input *input = input_parse("lab", text, strlen(text), NULL, 0);
        input_read(input, rows, settings);
        if (input_problems(input) != 1)
                print_error("%zu problems with %s\n", input_problems(input), text);
        assert_int_equal(input_problems(input), 1);
        const char *problem = input_problem(input, 0);
        if (!strstr(problem, key) || !strstr(problem, reason))
                print_error("%s lacks \"%s\" or \"%s\"\n", problem, key, reason);
        assert_true(strstr(problem, key) && strstr(problem, reason));
        input_free(input);
        params_release(rows, settings);
}

/* The process without parameters. */
static inline struct process lab_process_edm(void)
{
        struct param_variant variant;
        for (size_t i = 0; process_variant(i, &variant); i++)
                if (strcmp(variant.name, "edm") == 0)
                        return (struct process){.type = variant.type};
        fail();
        return (struct process){0};
}

#endif
