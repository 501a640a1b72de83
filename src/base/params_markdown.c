/* docs/parameters.md: every row of every table and variant. */
#include <stdlib.h>
#include <string.h>

#include "base/params_engine.h"
#include "sculptor/memory.h"

static void section(struct telling *telling, const char *path, const struct param *rows, int depth);

static char *joined(const char *path, const char *key, const char *end)
{
        return format_text("%s%s%s%s", path, *path ? "." : "", key, end);
}

static void heading(struct telling *telling, int depth, const char *path, const char *end)
{
        enum { DEEPEST = 6 };
        fprintf(telling->out, "\n%.*s `%s%s`\n\n", depth < DEEPEST ? depth : DEEPEST, "######", path, end);
}

/* Markdown would take a bar for the cell's end, stars for emphasis and < for a tag. */
static void cell(FILE *out, const char *text)
{
        for (; *text; text++)
                fprintf(out, strchr("|*<", *text) ? "\\%c" : "%c", *text);
}

static void print_choices(const struct param *row, FILE *out)
{
        struct param_variant variant;
        bool first = true;
        for (size_t i = 0; row->kind == PARAM_SELECT && row->variant(i, &variant); i++, first = false)
                fprintf(out, "%s`%s`", first ? "" : ", ", variant.name);
        for (size_t i = 0; row->kind == PARAM_CHOICE && row->choices[i]; i++, first = false)
                fprintf(out, "%s`%s`", first ? "" : ", ", row->choices[i]);
}

static void table_row(FILE *out, const struct param *row)
{
        fprintf(out, "| `%s` | ", row->key);
        if (row->kind == PARAM_SELECT || row->kind == PARAM_CHOICE)
                print_choices(row, out);
        else
                value_describe(row, out);
        fputs(" | ", out);
        cell(out, row->unit ? row->unit : "");
        fputs(" | ", out);
        if (!row->fallback)
                fputs("required", out);
        else if (row->kind == PARAM_TABLE)
                fputs("may be left out", out);
        else if (row->kind == PARAM_TEXT)
                fprintf(out, "`\"%s\"`", row->fallback);
        else
                fprintf(out, "`%s`", row->fallback);
        fputs(" | ", out);
        cell(out, row->help);
        fputs(" |\n", out);
}

static void variants(struct telling *telling, const char *path, const struct param *row, int depth)
{
        struct param_variant variant;
        char *select = joined(path, row->key, "");
        for (size_t i = 0; row->variant(i, &variant); i++) {
                bool again = !params_telling_begins(telling, variant.type);
                char *value = format_text(": %s", variant.name);
                heading(telling, depth, select, value);
                cell(telling->out, variant.help);
                fputs(again && variant.rows ? "; keys as above.\n" : ".\n", telling->out);
                if (!again && variant.rows)
                        section(telling, path, variant.rows, depth);
                free(value);
        }
        free(select);
}

/* The rows as one table, then what nests in them. */
static void section(struct telling *telling, const char *path, const struct param *rows, int depth)
{
        fputs("\n| key | value | unit | default | meaning |\n|---|---|---|---|---|\n", telling->out);
        for (const struct param *row = rows; row->kind != PARAM_END_MARK; row++)
                table_row(telling->out, row);
        for (const struct param *row = rows; row->kind != PARAM_END_MARK; row++) {
                if (row->kind == PARAM_SELECT) {
                        variants(telling, path, row, depth + 1);
                } else if (row->kind == PARAM_TABLE || row->kind == PARAM_TABLES) {
                        char *name = joined(path, row->key, row->kind == PARAM_TABLES ? "[]" : "");
                        heading(telling, depth + 1, name, "");
                        cell(telling->out, row->help);
                        fputs(row->kind == PARAM_TABLES ? "; of each item:\n" : ".\n", telling->out);
                        section(telling, name, row->rows, depth + 1);
                        free(name);
                }
        }
}

void params_markdown(const struct param *rows, FILE *out)
{
        struct telling telling = {.out = out};
        fputs("# Parameters of the input file\n\n"
              "Written by the program from the rows its code declares; change them there, not here.\n"
              "Where a unit is given, values are plain numbers in that unit. Indices in `[]` count from 0.\n",
              out);
        section(&telling, "", rows, 1);
}
