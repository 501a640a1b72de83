/* An input, and the list of what is wrong with it. */
#include "sculptor/params.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/params_engine.h"
#include "sculptor/memory.h"

static const struct place top = {NULL, NULL, 0};

struct input *input_parse(const char *name, const char *text, size_t length, const char *const *overrides,
                          size_t n_overrides)
{
        struct input *input = allocate(1, sizeof *input);
        input->name = copy_text(name);
        input->store = node_store_create();
        input->override_path = allocate(n_overrides, sizeof *input->override_path);
        input->root = yaml_parse(input->store, text, length, 0, input_report, input);
        if (input->root && input->root->kind == NODE_NULL)
                input_report(input, 0, 1, &top, "the input is empty");
        else if (input->root && input->root->kind == NODE_TEXT)
                input_report(input, 0, input->root->line, &top,
                             "the input must be a table, `key: value` lines with a space after the colon");
        else if (input->root && input->root->kind == NODE_LIST)
                input_report(input, 0, input->root->line, &top,
                             "the input must be a table, `key: value` lines, not a list");
        if (input->root && input->root->kind != NODE_TABLE)
                input->root = NULL;
        for (size_t i = 0; i < n_overrides; i++) {
                input->n_overrides = i + 1;
                input_apply_override(input, i, overrides[i]);
        }
        return input;
}

void input_free(struct input *input)
{
        if (!input)
                return;
        for (size_t i = 0; i < input->n_problems; i++)
                free(input->problem[i].text);
        free(input->problem);
        for (size_t i = 0; i < input->n_overrides; i++)
                free(input->override_path[i]);
        free(input->override_path);
        node_store_free(input->store);
        free(input->name);
        free(input);
}

bool input_has(const struct input *input, const char *key)
{
        const struct node *node = input->root ? node_child(input->root, key) : NULL;
        return node && node->kind != NODE_NULL;
}

/* ---- problems ---- */

size_t input_problems(const struct input *input)
{
        return input->n_problems;
}

const char *input_problem(const struct input *input, size_t i)
{
        return i < input->n_problems ? input->problem[i].text : NULL;
}

bool input_is_full(const struct input *input)
{
        return input->n_problems > PROBLEMS_LISTED;
}

/* Keeps the list in order of source and line, and in the order found within a line. */
static void insert(struct input *input, struct problem problem)
{
        if (input->n_problems == input->capacity) {
                size_t capacity = input->capacity > 0 ? 2 * input->capacity : 16;
                struct problem *larger = allocate(capacity, sizeof *larger);
                if (input->n_problems > 0)
                        memcpy(larger, input->problem, input->n_problems * sizeof *larger);
                free(input->problem);
                input->problem = larger;
                input->capacity = capacity;
        }
        size_t i = input->n_problems++;
        for (; i > 0; i--) {
                const struct problem *before = &input->problem[i - 1];
                if (before->source < problem.source ||
                    (before->source == problem.source && before->line <= problem.line))
                        break;
                input->problem[i] = *before;
        }
        input->problem[i] = problem;
}

/* "toy.yaml:9: sampler.step_size: reason" or "--set sampler.step_size: reason". */
static char *problem_text(const struct input *input, int source, int line, const struct place *place,
                          const char *reason)
{
        char *path = NULL, *text;
        size_t size;
        FILE *stream = open_memstream(&path, &size);
        place_print(place, stream);
        fclose(stream);
        const char *override = source > 0 ? input->override_path[source - 1] : NULL;
        if (!override)
                text = format_text("%s:%d: %s%s%s", input->name, line, path, *path ? ": " : "", reason);
        else if (!*path || !strcmp(path, override))
                text = format_text("--set %s: %s", override, reason);
        else
                text = format_text("--set %s: %s: %s", override, path, reason);
        free(path);
        return text;
}

void input_report(void *owner, int source, int line, const struct place *place, const char *reason)
{
        struct input *input = owner;
        if (input->n_problems < PROBLEMS_LISTED)
                insert(input, (struct problem){source, line, problem_text(input, source, line, place, reason)});
        else if (!input_is_full(input))
                insert(input, (struct problem){INT_MAX, line,
                                               problem_text(input, source, line, &top,
                                                            "there are more problems than are listed here")});
}

/* ---- problems others find ---- */

static void report_at(struct input *input, const struct node *from, const struct place *place, const char *key_path,
                      const char *format, va_list arguments)
{
        char reason[1024];
        vsnprintf(reason, sizeof reason, format, arguments);

        struct path path;
        path_parse(key_path, &path);
        struct place places[YAML_MOST_DEPTH];
        const struct node *deepest = from;
        bool exists = from != NULL;
        for (size_t i = 0; i < path.n; i++) {
                places[i] = (struct place){i > 0 ? &places[i - 1] : place, path.step[i].key, path.step[i].index};
                const struct node *next = exists ? path_step(deepest, &path.step[i]) : NULL;
                exists = next != NULL;
                deepest = exists ? next : deepest;
        }
        input_report(input, deepest ? deepest->source : 0, deepest ? deepest->line : 1,
                     path.n > 0 ? &places[path.n - 1] : place, reason);
        path_release(&path);
}

void input_add_problem(struct input *input, const char *key_path, const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        report_at(input, input->root, &top, key_path, format, arguments);
        va_end(arguments);
}

void params_problem(const struct params_scope *scope, const char *key, const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        report_at(scope->input, scope->table, &scope->place, key, format, arguments);
        va_end(arguments);
}
