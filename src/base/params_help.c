/* Help on the terminal: the whole input, or what bears one name. */
#include <stdlib.h>
#include <string.h>

#include "base/params_engine.h"
#include "sculptor/error.h"
#include "sculptor/memory.h"

enum { COLUMNS = 100, STEP = 2 };

/* Variants are told once, however many selections offer them. */
bool params_telling_begins(struct telling *telling, const void *type)
{
        for (size_t i = 0; i < telling->n_told; i++)
                if (telling->told[i] == type)
                        return false;
        if (telling->n_told == sizeof telling->told / sizeof *telling->told)
                fatal("more than %zu variants", telling->n_told);
        telling->told[telling->n_told++] = type;
        return true;
}

static void default_describe(const struct param *row, FILE *out)
{
        if (!row->fallback)
                fputs("required", out);
        else if (row->kind == PARAM_TABLE)
                fputs("may be left out", out);
        else if (row->kind == PARAM_TEXT)
                fprintf(out, "default \"%s\"", row->fallback);
        else
                fprintf(out, "default %s", row->fallback);
}

/* Words in lines of at most COLUMNS, all but the first line moved in further. */
static void print_wrapped(FILE *out, int indent, int further, const char *text)
{
        int column = fprintf(out, "%*s", indent, "");
        while (*text) {
                int blanks = (int)strspn(text, " "), length = (int)strcspn(text + blanks, " ");
                if (column > indent + further && column + blanks + length > COLUMNS) {
                        column = fprintf(out, "\n%*s", indent + further, "") - 1;
                        text += blanks;
                        blanks = 0;
                }
                column += fprintf(out, "%.*s", blanks + length, text);
                text += blanks + length;
        }
        fputc('\n', out);
}

static void help_rows(struct telling *telling, const struct param *rows, int indent);

static void help_variants(struct telling *telling, const struct param *row, int indent)
{
        struct param_variant variant;
        for (size_t i = 0; row->variant(i, &variant); i++) {
                bool again = !params_telling_begins(telling, variant.type);
                char *line = format_text("- %s: %s%s", variant.name, variant.help,
                                         again && variant.rows ? " (keys as above)" : "");
                print_wrapped(telling->out, indent, 2 * STEP, line);
                free(line);
                if (!again && variant.rows)
                        help_rows(telling, variant.rows, indent + 2 * STEP);
        }
}

static void help_row(struct telling *telling, const struct param *row, const char *name, int indent)
{
        char *line = format_text("%s: %s", name, row->help), *what = NULL;
        print_wrapped(telling->out, indent, 2 * STEP, line);
        free(line);

        size_t size;
        FILE *stream = open_memstream(&what, &size);
        if (row->kind == PARAM_SELECT)
                fputs("one of the following", stream);
        else
                value_describe(row, stream);
        if (row->unit)
                fprintf(stream, "; unit %s", row->unit);
        fputs("; ", stream);
        default_describe(row, stream);
        fclose(stream);
        print_wrapped(telling->out, indent + 2 * STEP, 0, what);
        free(what);

        if (row->kind == PARAM_TABLE || row->kind == PARAM_TABLES)
                help_rows(telling, row->rows, indent + STEP);
        else if (row->kind == PARAM_SELECT)
                help_variants(telling, row, indent + 2 * STEP);
}

static void help_rows(struct telling *telling, const struct param *rows, int indent)
{
        for (const struct param *row = rows; row->kind != PARAM_END_MARK; row++)
                help_row(telling, row, row->key, indent);
}

void params_help_all(const struct param *rows, FILE *out)
{
        struct telling telling = {.out = out};
        for (const struct param *row = rows; row->kind != PARAM_END_MARK; row++) {
                if (row != rows)
                        fputc('\n', out);
                help_row(&telling, row, row->key, 0);
        }
}

/* ---- topics ---- */

struct search {
        const char *topic;
        struct telling telling;
        size_t found;
        struct words *topics; /* or NULL: gathers all topics there are, instead of telling one */
};

/* Where rows stand: `path` dotted, `table` the last key of it. */
struct location { const char *path, *table; const struct param *rows; };

static void search_rows(struct search *search, const struct location *location, const struct param *rows);

static void begin_match(struct search *search)
{
        if (search->found++ > 0)
                fputc('\n', search->telling.out);
}

/* "samplers" lists what sampler.type may be, "schemes" what scheme may be. */
static bool is_plural(const char *topic, const char *section)
{
        size_t length = strlen(section);
        return (!strncmp(topic, section, length) && !strcmp(topic + length, "s")) ||
               (!strcmp(topic, "schedules") && !strcmp(section, "levels"));
}

static void list_variants(struct search *search, const struct location *location, const struct param *row)
{
        begin_match(search);
        FILE *out = search->telling.out;
        struct param_variant variant;
        int widest = 0;
        for (size_t i = 0; row->variant(i, &variant); i++)
                widest = (int)strlen(variant.name) > widest ? (int)strlen(variant.name) : widest;
        fprintf(out, "%s%s%s: %s\n", location->path, *location->path ? "." : "", row->key, row->help);
        for (size_t i = 0; row->variant(i, &variant); i++) {
                char *line = format_text("%s%*s%s", variant.name, widest + STEP - (int)strlen(variant.name), "",
                                         variant.help);
                print_wrapped(out, STEP, widest + STEP, line);
                free(line);
        }
}

static void tell_variant(struct search *search, const struct location *location, const struct param *row,
                         const struct param_variant *variant)
{
        FILE *out = search->telling.out;
        const char *dot = *location->path ? "." : "";
        if (!params_telling_begins(&search->telling, variant->type)) {
                fprintf(out, "also %s%s%s: %s\n", location->path, dot, row->key, variant->name);
                return;
        }
        begin_match(search);
        fprintf(out, "%s%s%s: %s\n", location->path, dot, row->key, variant->name);
        print_wrapped(out, STEP, 0, variant->help);
        if (variant->rows)
                help_rows(&search->telling, variant->rows, STEP);
        struct words besides = {.n = 0};
        for (const struct param *other = location->rows; other->kind != PARAM_END_MARK; other++)
                if (other->kind != PARAM_SELECT)
                        words_add(&besides, other->key);
        if (besides.n == 0)
                return;
        fprintf(out, "%*sbesides, in every %s: ", STEP, "", location->table);
        words_print(&besides, ", ", out);
        fputc('\n', out);
}

static void search_select(struct search *search, const struct location *location, const struct param *row)
{
        struct param_variant variant;
        const char *section = strcmp(row->key, "type") != 0 ? row->key : location->table;
        if (search->topics) {
                words_add(search->topics, section);
        } else if (is_plural(search->topic, section)) {
                list_variants(search, location, row);
                return;
        }
        for (size_t i = 0; row->variant(i, &variant); i++) {
                if (search->topics)
                        words_add(search->topics, variant.name);
                else if (!strcmp(search->topic, variant.name))
                        tell_variant(search, location, row, &variant);
                search_rows(search, location, variant.rows);
        }
}

static void search_rows(struct search *search, const struct location *location, const struct param *rows)
{
        for (const struct param *row = rows; row && row->kind != PARAM_END_MARK; row++) {
                char *path = format_text("%s%s%s", location->path, *location->path ? "." : "", row->key);
                bool match = search->topic && (!strcmp(search->topic, row->key) || !strcmp(search->topic, path));
                if (search->topics)
                        words_add(search->topics, row->key);
                if (match) {
                        begin_match(search);
                        help_row(&search->telling, row, path, 0);
                } else if (row->kind == PARAM_TABLE || row->kind == PARAM_TABLES) {
                        search_rows(search, &(struct location){path, row->key, row->rows}, row->rows);
                } else if (row->kind == PARAM_SELECT) {
                        search_select(search, location, row);
                }
                free(path);
        }
}

bool params_help_topic(const struct param *rows, const char *topic, FILE *out)
{
        struct search search = {.topic = topic, .telling = {.out = out}};
        search_rows(&search, &(struct location){"", "input", rows}, rows);
        return search.found > 0;
}

const char *params_nearest_topic(const struct param *rows, const char *topic)
{
        struct words topics = {.n = 0};
        struct search search = {.topics = &topics};
        search_rows(&search, &(struct location){"", "input", rows}, rows);
        return nearest_word(topic, topics.word, topics.n);
}
