/* The effective values as text, a line each, and how two such texts differ. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/params_engine.h"
#include "sculptor/error.h"
#include "sculptor/memory.h"

/* ---- values ---- */

/* Words that mean themselves in YAML, and nothing else, go without quotes. */
static bool is_plain(const char *text)
{
        static const char *const taken[] = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
        double number;
        if (!(isalpha((unsigned char)*text) || *text == '/' || *text == '.' || *text == '_') ||
            number_real(text, &number) != NUMBER_NONE)
                return false;
        for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
                if (!strcasecmp(text, taken[i]))
                        return false;
        for (; *text; text++)
                if (!isalnum((unsigned char)*text) && !strchr("/._+-", *text))
                        return false;
        return true;
}

static void print_text(const char *text, FILE *out)
{
        if (is_plain(text)) {
                fputs(text, out);
                return;
        }
        fputc('"', out);
        for (const unsigned char *c = (const unsigned char *)text; *c; c++)
                if (*c == '"' || *c == '\\')
                        fprintf(out, "\\%c", *c);
                else if (*c == '\n')
                        fputs("\\n", out);
                else if (*c < 0x20 || *c == 0x7f)
                        fprintf(out, "\\x%02x", *c);
                else
                        fputc(*c, out);
        fputc('"', out);
}

static void print_numbers(const double *value, size_t n, FILE *out)
{
        fputc('[', out);
        for (size_t i = 0; i < n; i++) {
                fputs(i > 0 ? ", " : "", out);
                number_print(value[i], out);
        }
        fputc(']', out);
}

static void print_matrix(const struct real_matrix *matrix, FILE *out)
{
        fputc('[', out);
        for (size_t i = 0; i < matrix->n_rows; i++) {
                fputs(i > 0 ? ", " : "", out);
                print_numbers(matrix->value + i * matrix->n_columns, matrix->n_columns, out);
        }
        fputc(']', out);
}

static void print_value(const struct param *row, const void *field, FILE *out)
{
        const struct real_vector *vector = field;
        switch (row->kind) {
        case PARAM_REAL:
                if (isnan(*(const double *)field))
                        fputs(row->automatic ? row->automatic : "nan", out);
                else
                        number_print(*(const double *)field, out);
                return;
        case PARAM_INTEGER:
                if (row->automatic && *(const int64_t *)field == -1)
                        fputs(row->automatic, out);
                else
                        fprintf(out, "%lld", (long long)*(const int64_t *)field);
                return;
        case PARAM_FLAG:
                fputs(*(const bool *)field ? "true" : "false", out);
                return;
        case PARAM_TEXT:
                print_text(*(char *const *)field ? *(char *const *)field : "", out);
                return;
        case PARAM_CHOICE:
                fputs(row->choices[*(const int *)field], out);
                return;
        case PARAM_VECTOR:
                print_numbers(vector->value, vector->n, out);
                return;
        case PARAM_MATRIX:
                print_matrix(field, out);
                return;
        default:
                fatal("%s: a row of kind %d holds no single value", row->key, (int)row->kind);
        }
}

/* ---- rows ---- */

struct echo { FILE *out; bool all; };

static void echo_rows(const struct echo *echo, const struct place *above, const struct param *rows,
                      const void *settings);

static void begin_line(const struct echo *echo, const struct place *place)
{
        place_print(place, echo->out);
        fputs(": ", echo->out);
}

static void echo_tables(const struct echo *echo, const struct place *place, const struct param *row,
                        const struct table_list *list)
{
        if (list->n == 0) {
                begin_line(echo, place);
                fputs("[]\n", echo->out);
        }
        for (size_t i = 0; i < list->n; i++) {
                struct place item = {place, NULL, i};
                echo_rows(echo, &item, row->rows, (const char *)list->items + i * row->item_size);
        }
}

static void echo_rows(const struct echo *echo, const struct place *above, const struct param *rows,
                      const void *settings)
{
        for (const struct param *row = rows; row && row->kind != PARAM_END_MARK; row++) {
                struct place place = {above, row->key, 0};
                const void *field = (const char *)settings + row->offset;
                struct param_variant variant;
                if (row->elsewhere || (row->operational && !echo->all))
                        continue;
                if (row->kind == PARAM_TABLE) {
                        echo_rows(echo, &place, row->rows, field);
                } else if (row->kind == PARAM_TABLES) {
                        echo_tables(echo, &place, row, field);
                } else if (row->kind == PARAM_SELECT) {
                        const struct selection *selection = field;
                        if (!selection->type || !variant_of(row, selection, &variant))
                                fatal("%s: nothing was selected", row->key);
                        begin_line(echo, &place);
                        fprintf(echo->out, "%s\n", variant.name);
                        echo_rows(echo, above, variant.rows, selection->settings);
                } else {
                        begin_line(echo, &place);
                        print_value(row, field, echo->out);
                        fputc('\n', echo->out);
                }
        }
}

char *params_echo(const struct param *rows, const void *settings, bool all)
{
        char *text = NULL;
        size_t size;
        struct echo echo = {open_memstream(&text, &size), all};
        if (!echo.out)
                fatal("out of memory");
        const struct place top = {NULL, NULL, 0};
        echo_rows(&echo, &top, rows, settings);
        fclose(echo.out);
        return text;
}

/* ---- differences ---- */

struct line { const char *key, *value; size_t key_length, value_length; };

/* The line at *text, which moves on; false at the end. */
static bool next_line(const char **text, struct line *line)
{
        if (!**text)
                return false;
        const char *start = *text, *end = strchr(start, '\n'), *colon = strstr(start, ": ");
        if (!end)
                end = start + strlen(start);
        if (!colon || colon > end)
                colon = end;
        const char *value = colon == end ? end : colon + 2;
        *line = (struct line){start, value, (size_t)(colon - start), (size_t)(end - value)};
        *text = *end ? end + 1 : end;
        return true;
}

static bool equal(const char *a, size_t n_a, const char *b, size_t n_b)
{
        return n_a == n_b && memcmp(a, b, n_a) == 0;
}

static bool find_line(const char *text, const struct line *wanted, struct line *found)
{
        while (next_line(&text, found))
                if (equal(found->key, found->key_length, wanted->key, wanted->key_length))
                        return true;
        return false;
}

/* A value, or of a long one the part around where it differs. */
static char *excerpt(const struct line *line, size_t differs)
{
        enum { MOST = 60, BEFORE = 20 };
        if (line->value_length <= MOST)
                return format_text("%.*s", (int)line->value_length, line->value);
        size_t from = differs > BEFORE ? differs - BEFORE : 0, left = line->value_length - from;
        return format_text("%s%.*s%s", from > 0 ? "..." : "", (int)(left < MOST ? left : MOST), line->value + from,
                           left > MOST ? "..." : "");
}

static char *difference(const struct line *here, const struct line *there)
{
        size_t i = 0;
        while (i < here->value_length && i < there->value_length && here->value[i] == there->value[i])
                i++;
        char *value_here = excerpt(here, i), *value_there = excerpt(there, i);
        char *text = format_text("%.*s: %s here, %s there", (int)here->key_length, here->key, value_here, value_there);
        free(value_here);
        free(value_there);
        return text;
}

static char *one_sided(const struct line *line, bool is_here)
{
        char *value = excerpt(line, 0);
        char *text = format_text(is_here ? "%.*s: %s here, absent there" : "%.*s: absent here, %s there",
                                 (int)line->key_length, line->key, value);
        free(value);
        return text;
}

char *params_difference(const char *here, const char *there)
{
        struct line line, other;
        const char *rest_here = here, *rest_there = there;
        /* What both begin with needs no search. */
        while (*rest_here && next_line(&rest_here, &line) && next_line(&rest_there, &other) &&
               equal(line.key, (size_t)(rest_here - line.key), other.key, (size_t)(rest_there - other.key)))
                here = rest_here, there = rest_there;
        for (rest_here = here; next_line(&rest_here, &line);) {
                if (!find_line(there, &line, &other))
                        return one_sided(&line, true);
                if (!equal(line.value, line.value_length, other.value, other.value_length))
                        return difference(&line, &other);
        }
        for (rest_there = there; next_line(&rest_there, &line);)
                if (!find_line(here, &line, &other))
                        return one_sided(&line, false);
        return NULL;
}
