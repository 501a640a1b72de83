/* What a value should have been, and how that is told to the user. */
#include <stdarg.h>
#include <stdlib.h>

#include "base/params_engine.h"

void value_problem(const struct value *value, const char *format, ...)
{
        char reason[1024];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(reason, sizeof reason, format, arguments);
        va_end(arguments);
        input_report(value->input, value->node->source, value->node->line, value->place, reason);
}

/* ---- what a row wants ---- */

void value_describe(const struct param *row, FILE *out)
{
        static const char *const nouns[] = {
                [PARAM_REAL] = "a number", [PARAM_INTEGER] = "an integer", [PARAM_FLAG] = "true or false",
                [PARAM_TEXT] = "text", [PARAM_VECTOR] = "a number or a list of numbers",
                [PARAM_MATRIX] = "a list of rows of numbers", [PARAM_TABLE] = "a table",
                [PARAM_TABLES] = "a list of tables"};
        struct words words = {.n = 0};
        if (row->kind == PARAM_SELECT)
                words_variants(&words, row);
        for (size_t i = 0; row->kind == PARAM_CHOICE && row->choices[i]; i++)
                words_add(&words, row->choices[i]);
        if (words.n > 1)
                fputs("one of ", out);
        if (words.n > 0)
                words_print(&words, ", ", out);
        else
                fputs(nouns[row->kind], out);
        if (row->range)
                fprintf(out, " in %s", row->range);
        if (row->automatic)
                fprintf(out, ", or %s", row->automatic);
}

void value_expect(const struct value *value)
{
        static const char *const complaints[] = {
                [PARAM_REAL] = "is not a number", [PARAM_INTEGER] = "is not an integer",
                [PARAM_FLAG] = "is neither true nor false", [PARAM_TEXT] = "is not text",
                [PARAM_CHOICE] = "is not a word",
                [PARAM_VECTOR] = "is not a number", [PARAM_MATRIX] = "is not a list of rows of numbers",
                [PARAM_TABLE] = "is not a table", [PARAM_TABLES] = "is not a list of tables",
                [PARAM_SELECT] = "is not a word"};
        const struct node *node = value->node;
        const char *complaint = complaints[value->row->kind];
        char automatic[100];
        if (value->row->automatic) {
                snprintf(automatic, sizeof automatic, "is neither %s nor %s",
                         value->row->kind == PARAM_INTEGER ? "an integer" : "a number", value->row->automatic);
                complaint = automatic;
        }
        switch (node->kind) {
        case NODE_NULL:
                value_problem(value, "has no value");
                break;
        case NODE_TEXT:
                value_problem(value, "\"%s\" %s", yaml_show_text(node->text).text, complaint);
                break;
        case NODE_LIST:
                value_problem(value, "a list %s", complaint);
                break;
        case NODE_TABLE:
                value_problem(value, "a table %s", complaint);
                break;
        case NODE_REFUSED:
                break;
        }
}

void value_unknown_word(const struct value *value, const char *const *words, size_t n)
{
        const char *given = value->node->text, *nearest = nearest_word(given, words, n);
        if (nearest) {
                value_problem(value, "\"%s\" is unknown; did you mean %s?", yaml_show_text(given).text, nearest);
                return;
        }
        struct words list = {.n = 0};
        for (size_t i = 0; i < n; i++)
                words_add(&list, words[i]);
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);
        words_print(&list, ", ", stream);
        fclose(stream);
        value_problem(value, "\"%s\" is not one of %s", yaml_show_text(given).text, text);
        free(text);
}

bool value_is_number(const struct value *value, enum number_state state)
{
        struct shown shown = yaml_show_text(value->node->text);
        bool whole = value->row->kind == PARAM_INTEGER;
        switch (state) {
        case NUMBER_FINE:
                return true;
        case NUMBER_NONE:
                value_expect(value);
                break;
        case NUMBER_INFINITE:
                value_problem(value, "%s must be a finite number", shown.text);
                break;
        case NUMBER_TOO_LARGE:
                value_problem(value,
                              whole ? "%s is too large for an integer of 64 bits"
                                    : "%s is too large; must be a "
                                      "finite number",
                              shown.text);
                break;
        case NUMBER_TOO_SMALL:
                value_problem(value, "%s is too small for a number of 64 bits; write 0", shown.text);
                break;
        case NUMBER_BROKEN:
                value_problem(value, "%s is not a whole number", shown.text);
                break;
        }
        return false;
}
