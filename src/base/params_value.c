/* One value of the input: from a node to a number, a word or a list, or to a line that says why not. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/params_engine.h"
#include "sculptor/error.h"
#include "sculptor/memory.h"

/* ---- numbers ---- */

static bool is_plain_text(const struct value *value)
{
        if (value->node->kind != NODE_TEXT) {
                value_expect(value);
                return false;
        }
        if (value->node->quoted) {
                value_problem(value, "\"%s\" in quotes is text; write it without quotes",
                              yaml_show_text(value->node->text).text);
                return false;
        }
        return true;
}

static bool is_automatic(const struct value *value)
{
        return value->row->automatic && value->node->kind == NODE_TEXT &&
               !strcmp(value->node->text, value->row->automatic);
}

static bool read_real(const struct value *value, const struct range *range, double *real)
{
        if (is_automatic(value)) {
                *real = NAN;
                return true;
        }
        double number;
        if (!is_plain_text(value) || !value_is_number(value, number_real(value->node->text, &number)))
                return false;
        if (!range_has_real(range, number)) {
                value_problem(value, "%s is not in %s", yaml_show_text(value->node->text).text, value->row->range);
                return false;
        }
        *real = number;
        return true;
}

static bool read_integer(const struct value *value, int64_t *integer)
{
        if (is_automatic(value)) {
                *integer = -1;
                return true;
        }
        struct range range = range_of(value->row);
        int64_t number;
        if (!is_plain_text(value) || !value_is_number(value, number_integer(value->node->text, &number)))
                return false;
        if (!range_has_integer(&range, number)) {
                value_problem(value, "%s is not in %s", yaml_show_text(value->node->text).text, value->row->range);
                return false;
        }
        *integer = number;
        return true;
}

/* ---- lists of numbers ---- */

static bool is_filled(const struct value *value)
{
        bool may_be_empty = value->row->fallback && !strcmp(value->row->fallback, "[]");
        if (value->node->n > 0 || may_be_empty)
                return true;
        value_problem(value, "the list is empty");
        return false;
}

static bool read_numbers(const struct value *list, double *numbers)
{
        const struct param number = {.key = list->row->key, .kind = PARAM_REAL, .range = list->row->range};
        struct range range = range_of(&number);
        bool all = true;
        size_t i = 0;
        for (const struct node *item = list->node->first; item; item = item->next, i++) {
                struct place place = {list->place, NULL, i};
                struct value value = {list->input, &place, item, &number};
                if (!read_real(&value, &range, &numbers[i]))
                        all = false;
        }
        return all;
}

static bool read_vector(const struct value *value, struct real_vector *vector)
{
        struct range range = range_of(value->row);
        bool is_list = value->node->kind == NODE_LIST;
        if (is_list && !is_filled(value))
                return false;
        size_t n = is_list ? value->node->n : 1;
        double *numbers = allocate(n, sizeof *numbers);
        if (is_list ? !read_numbers(value, numbers) : !read_real(value, &range, numbers)) {
                free(numbers);
                return false;
        }
        *vector = (struct real_vector){n, numbers};
        return true;
}

static bool has_equal_rows(const struct value *value)
{
        const struct node *first = value->node->first;
        size_t i = 0;
        for (const struct node *item = first; item; item = item->next, i++) {
                struct place place = {value->place, NULL, i};
                struct value row = {value->input, &place, item, value->row};
                if (item->kind == NODE_REFUSED)
                        return false;
                if (item->kind != NODE_LIST || item->n == 0) {
                        value_problem(&row, "is not a list of numbers, one row of the matrix");
                        return false;
                }
                if (item->n != first->n) {
                        value_problem(&row, "rows differ in length: %zu here, %zu in the first", item->n, first->n);
                        return false;
                }
        }
        return true;
}

static bool read_matrix(const struct value *value, struct real_matrix *matrix)
{
        if (value->node->kind != NODE_LIST) {
                value_expect(value);
                return false;
        }
        if (!is_filled(value) || !has_equal_rows(value))
                return false;
        size_t n_rows = value->node->n, n_columns = n_rows > 0 ? value->node->first->n : 0, i = 0;
        double *numbers = allocate(n_rows * n_columns, sizeof *numbers);
        bool all = true;
        for (const struct node *item = value->node->first; item; item = item->next, i++) {
                struct place place = {value->place, NULL, i};
                struct value row = {value->input, &place, item, value->row};
                all = read_numbers(&row, numbers + i * n_columns) && all;
        }
        if (!all) {
                free(numbers);
                return false;
        }
        *matrix = (struct real_matrix){n_rows, n_columns, numbers};
        return true;
}

/* ---- words ---- */

static bool read_flag(const struct value *value, bool *flag)
{
        static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
        if (!is_plain_text(value))
                return false;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (!strcasecmp(value->node->text, words[i])) {
                        *flag = i % 2 == 1;
                        return true;
                }
        value_expect(value);
        return false;
}

static bool read_choice(const struct value *value, int *choice)
{
        if (value->node->kind != NODE_TEXT) {
                value_expect(value);
                return false;
        }
        size_t n = 0;
        for (; value->row->choices[n]; n++)
                if (!strcmp(value->node->text, value->row->choices[n])) {
                        *choice = (int)n;
                        return true;
                }
        value_unknown_word(value, value->row->choices, n);
        return false;
}

bool value_read(const struct value *value, void *field)
{
        struct range range;
        switch (value->row->kind) {
        case PARAM_REAL:
                range = range_of(value->row);
                return read_real(value, &range, field);
        case PARAM_INTEGER:
                return read_integer(value, field);
        case PARAM_FLAG:
                return read_flag(value, field);
        case PARAM_TEXT:
                if (value->node->kind != NODE_TEXT) {
                        value_expect(value);
                        return false;
                }
                *(char **)field = copy_text(value->node->text);
                return true;
        case PARAM_CHOICE:
                return read_choice(value, field);
        case PARAM_VECTOR:
                return read_vector(value, field);
        case PARAM_MATRIX:
                return read_matrix(value, field);
        case PARAM_END_MARK:
        case PARAM_TABLE:
        case PARAM_TABLES:
        case PARAM_SELECT:
                break;
        }
        fatal("%s: a row of kind %d holds no single value", value->row->key, (int)value->row->kind);
}

void value_release(const struct param *row, void *field)
{
        if (row->kind == PARAM_TEXT) {
                free(*(char **)field);
                *(char **)field = NULL;
        } else if (row->kind == PARAM_VECTOR) {
                struct real_vector *vector = field;
                free(vector->value);
                *vector = (struct real_vector){0, NULL};
        } else if (row->kind == PARAM_MATRIX) {
                struct real_matrix *matrix = field;
                free(matrix->value);
                *matrix = (struct real_matrix){0, 0, NULL};
        }
}
