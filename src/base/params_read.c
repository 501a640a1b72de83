/* Rows and nodes walked together. A selected variant's rows belong to the table its word stands in, so
 * a table is read in three passes: all rows, then keys nobody knows, then the checks of what was read. */
#include <stdlib.h>
#include <string.h>

#include "base/params_engine.h"
#include "sculptor/error.h"
#include "sculptor/memory.h"

typedef void check_function(const void *settings, const struct params_scope *scope);

struct pending { check_function *check; const void *settings; };

/* A table while it is read. */
struct reading {
        struct params_scope scope;
        size_t n_pending;
        struct pending pending[8]; /* checks of variants whose rows were read */
};

static bool read_table(struct input *input, const struct place *place, const struct node *node,
                       const struct param *rows, void *settings, check_function *check);
static bool read_rows(struct reading *reading, const struct param *rows, void *settings);

/* ---- absent values ---- */

static void report_absent(const struct reading *reading, const struct value *value, bool given_empty)
{
        char *wanted = NULL;
        size_t size;
        FILE *stream = open_memstream(&wanted, &size);
        value_describe(value->row, stream);
        if (value->row->fallback && given_empty)
                fputs(", or leave the line out for the default", stream);
        else
                fprintf(stream, ": %s", value->row->help);
        fclose(stream);
        const struct node *at = given_empty ? value->node : reading->scope.table;
        char *reason = format_text("%s; give %s", given_empty ? "has no value" : "missing", wanted);
        input_report(reading->scope.input, at->source, at->line, value->place, reason);
        free(reason);
        free(wanted);
}

/* ---- one row ---- */

static bool read_select(struct reading *reading, const struct value *value, struct selection *selection)
{
        const struct param *row = value->row;
        struct param_variant variant;
        if (value->node->kind != NODE_TEXT) {
                value_expect(value);
                return false;
        }
        if (!variant_find(row, value->node->text, &variant)) {
                struct words words = {.n = 0};
                words_variants(&words, row);
                value_unknown_word(value, words.word, words.n);
                return false;
        }
        selection->type = variant.type;
        selection->settings = allocate(1, variant.settings_size);
        if (variant.rows && !read_rows(reading, variant.rows, selection->settings))
                return false;
        if (variant.check) {
                if (reading->n_pending == sizeof reading->pending / sizeof *reading->pending)
                        fatal("%s: too many selections in one table", row->key);
                reading->pending[reading->n_pending++] = (struct pending){variant.check, selection->settings};
        }
        return true;
}

static bool read_tables(const struct value *value, struct table_list *list)
{
        if (value->node->kind != NODE_LIST) {
                value_expect(value);
                return false;
        }
        if (value->node->n == 0 && !(value->row->fallback && !strcmp(value->row->fallback, "[]"))) {
                value_problem(value, "the list is empty");
                return false;
        }
        *list = (struct table_list){value->node->n, allocate(value->node->n, value->row->item_size)};
        bool all = true;
        size_t i = 0;
        for (const struct node *item = value->node->first; item && !input_is_full(value->input);
             item = item->next, i++) {
                struct place place = {value->place, NULL, i};
                void *settings = (char *)list->items + i * value->row->item_size;
                all = read_table(value->input, &place, item, value->row->rows, settings, value->row->check) && all;
        }
        return all;
}

static bool read_row(struct reading *reading, const struct param *row, void *settings)
{
        struct input *input = reading->scope.input;
        const struct node *table = reading->scope.table, *node = node_child(table, row->key);
        struct place place = {&reading->scope.place, row->key, 0};
        struct value value = {input, &place, node, row};
        void *field = (char *)settings + row->offset;
        if (row->elsewhere)
                return true;
        if (node && node->kind == NODE_REFUSED)
                return false;
        if ((node && node->kind == NODE_NULL) || (!node && !row->fallback)) {
                report_absent(reading, &value, node != NULL);
                return false;
        }
        if (!node)
                value.node = params_default_node(input->store, row, table);
        switch (row->kind) {
        case PARAM_TABLE:
                return read_table(input, &place, value.node, row->rows, field, row->check);
        case PARAM_TABLES:
                return read_tables(&value, field);
        case PARAM_SELECT:
                return read_select(reading, &value, field);
        default:
                return value_read(&value, field);
        }
}

static bool read_rows(struct reading *reading, const struct param *rows, void *settings)
{
        bool all = true;
        for (const struct param *row = rows; row->kind != PARAM_END_MARK; row++)
                all = read_row(reading, row, settings) && all;
        return all;
}

/* ---- keys nobody knows ---- */

/* Keys that may stand in a table. Where a selection failed nobody can tell, and any variant's may. */
static void collect_keys(const struct param *rows, const void *settings, struct words *known)
{
        for (const struct param *row = rows; row && row->kind != PARAM_END_MARK; row++) {
                words_add(known, row->key);
                if (row->kind != PARAM_SELECT)
                        continue;
                const struct selection *selection = settings ? (const void *)((const char *)settings + row->offset)
                                                             : NULL;
                struct param_variant variant;
                if (selection && selection->type) {
                        if (variant_of(row, selection, &variant))
                                collect_keys(variant.rows, selection->settings, known);
                } else {
                        for (size_t i = 0; row->variant(i, &variant); i++)
                                collect_keys(variant.rows, NULL, known);
                }
        }
}

static bool has_row(const struct param *rows, const char *key)
{
        for (const struct param *row = rows; row && row->kind != PARAM_END_MARK; row++)
                if (!strcmp(row->key, key))
                        return true;
        return false;
}

/* Whether the key belongs to variants that were not selected; then it says so. */
static bool report_foreign(const struct value *value, const struct param *rows, const void *settings)
{
        for (const struct param *row = rows; row && row->kind != PARAM_END_MARK; row++) {
                struct param_variant variant, selected;
                if (row->kind != PARAM_SELECT)
                        continue;
                const struct selection *selection = (const void *)((const char *)settings + row->offset);
                if (!selection->type || !variant_of(row, selection, &selected))
                        continue;
                if (report_foreign(value, selected.rows, selection->settings))
                        return true;
                struct words owners = {.n = 0};
                for (size_t i = 0; row->variant(i, &variant); i++)
                        if (has_row(variant.rows, value->node->key))
                                words_add(&owners, variant.name);
                if (owners.n == 0)
                        continue;
                char *names = NULL;
                size_t size;
                FILE *stream = open_memstream(&names, &size);
                words_print(&owners, " or ", stream);
                fclose(stream);
                value_problem(value, "is a key of %s %s, not of %s", row->key, names, selected.name);
                free(names);
                return true;
        }
        return false;
}

static void report_unknown(const struct value *value, const struct words *known)
{
        enum { FEW = 16 };
        const char *nearest = nearest_word(value->node->key, known->word, known->n);
        if (nearest || known->n > FEW) {
                value_problem(value, nearest ? "unknown key; did you mean %s?" : "unknown key", nearest);
                return;
        }
        char *names = NULL;
        size_t size;
        FILE *stream = open_memstream(&names, &size);
        words_print(known, ", ", stream);
        fclose(stream);
        value_problem(value, "unknown key; known here: %s", names);
        free(names);
}

static bool knows_all_keys(const struct reading *reading, const struct param *rows, const void *settings)
{
        struct words known = {.n = 0};
        collect_keys(rows, settings, &known);
        bool all = true;
        for (const struct node *child = reading->scope.table->first; child; child = child->next) {
                size_t i = 0;
                while (i < known.n && strcmp(known.word[i], child->key) != 0)
                        i++;
                if (i < known.n)
                        continue;
                all = false;
                if (input_is_full(reading->scope.input))
                        break;
                struct place place = {&reading->scope.place, child->key, 0};
                struct node at_key = *child; /* what is wrong is the key, wherever its value stands */
                at_key.line = child->key_line;
                struct value value = {reading->scope.input, &place, &at_key, NULL};
                if (!report_foreign(&value, rows, settings))
                        report_unknown(&value, &known);
        }
        return all;
}

/* ---- tables ---- */

static bool read_table(struct input *input, const struct place *place, const struct node *node,
                       const struct param *rows, void *settings, check_function *check)
{
        if (node->kind != NODE_TABLE) {
                const struct param a_table = {.kind = PARAM_TABLE};
                const struct value value = {input, place, node, &a_table};
                value_expect(&value);
                return false;
        }
        struct reading reading = {.scope = {input, *place, node}};
        bool read = read_rows(&reading, rows, settings);
        if (!knows_all_keys(&reading, rows, settings))
                return false;
        size_t before = input_problems(input);
        for (size_t i = 0; i < reading.n_pending; i++)
                reading.pending[i].check(reading.pending[i].settings, &reading.scope);
        if (check && read && input_problems(input) == before)
                check(settings, &reading.scope);
        return read && input_problems(input) == before;
}

static void clear(const struct param *rows, void *settings)
{
        static const size_t sizes[] = {
                [PARAM_REAL] = sizeof(double), [PARAM_INTEGER] = sizeof(int64_t), [PARAM_FLAG] = sizeof(bool),
                [PARAM_TEXT] = sizeof(char *), [PARAM_CHOICE] = sizeof(int),
                [PARAM_VECTOR] = sizeof(struct real_vector),
                [PARAM_MATRIX] = sizeof(struct real_matrix), [PARAM_TABLES] = sizeof(struct table_list),
                [PARAM_SELECT] = sizeof(struct selection)};
        for (const struct param *row = rows; row->kind != PARAM_END_MARK; row++) {
                if (row->kind == PARAM_TABLE)
                        clear(row->rows, (char *)settings + row->offset);
                else
                        memset((char *)settings + row->offset, 0, sizes[row->kind]);
        }
}

void input_read(struct input *input, const struct param *rows, void *settings)
{
        const struct place top = {NULL, NULL, 0};
        rows_verify(rows);
        clear(rows, settings);
        if (input->root)
                read_table(input, &top, input->root, rows, settings, NULL);
}
