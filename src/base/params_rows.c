/* Rows as such: their variants, what they allocated, and whether they make sense. */
#include <stdlib.h>
#include <string.h>

#include "base/params_engine.h"
#include "sculptor/error.h"
#include "sculptor/memory.h"

bool variant_find(const struct param *row, const char *name, struct param_variant *variant)
{
        for (size_t i = 0; row->variant(i, variant); i++)
                if (!strcmp(variant->name, name))
                        return true;
        return false;
}

bool variant_of(const struct param *row, const struct selection *selection, struct param_variant *variant)
{
        for (size_t i = 0; row->variant(i, variant); i++)
                if (variant->type == selection->type)
                        return true;
        return false;
}

void params_release(const struct param *rows, void *settings)
{
        for (const struct param *row = rows; row && row->kind != PARAM_END_MARK; row++) {
                void *field = (char *)settings + row->offset;
                if (row->elsewhere)
                        continue;
                if (row->kind == PARAM_TABLE) {
                        params_release(row->rows, field);
                } else if (row->kind == PARAM_TABLES) {
                        struct table_list *list = field;
                        for (size_t i = 0; i < list->n; i++)
                                params_release(row->rows, (char *)list->items + i * row->item_size);
                        free(list->items);
                        *list = (struct table_list){0, NULL};
                } else if (row->kind == PARAM_SELECT) {
                        struct selection *selection = field;
                        struct param_variant variant;
                        if (selection->type && variant_of(row, selection, &variant))
                                params_release(variant.rows, selection->settings);
                        free(selection->settings);
                        *selection = (struct selection){NULL, NULL};
                } else {
                        value_release(row, field);
                }
        }
}

/* ---- mistakes of whoever wrote the rows: better found by the first run than by a user ---- */

union any_value {
        double real;
        int64_t integer;
        bool flag;
        char *text;
        int choice;
        struct real_vector vector;
        struct real_matrix matrix;
};

static void report_mistake(void *owner, int source, int line, const struct place *place, const char *reason)
{
        (void)source, (void)line, (void)place;
        const struct param *row = *(const struct param *const *)owner;
        fatal("the default of %s, \"%s\", is wrong: %s", row->key, row->fallback, reason);
}

static void settle(struct node *node, const struct node *where)
{
        node->source = where->source;
        node->line = node->key_line = where->line;
        for (struct node *child = node->first; child; child = child->next)
                settle(child, where);
}

/* The default, standing where its table stands. Text needs no quotes in a default. */
struct node *params_default_node(struct node_store *store, const struct param *row, const struct node *where)
{
        struct node *node;
        if (row->kind == PARAM_TEXT) {
                node = node_create(store, NODE_TEXT, 0, 1);
                node->text = row->fallback;
        } else {
                node = yaml_parse(store, row->fallback, strlen(row->fallback), 0, report_mistake, &row);
        }
        settle(node, where);
        return node;
}

static void verify_default(const struct param *row)
{
        char name[] = "default";
        struct input input = {.name = name, .store = node_store_create()};
        const struct node *node = params_default_node(input.store, row, &(struct node){.line = 1});
        const struct place top = {NULL, NULL, 0};
        const struct value value = {&input, &top, node, row};
        union any_value scratch = {.integer = 0};
        struct param_variant variant;
        bool right;
        if (row->kind == PARAM_TABLE)
                right = node->kind == NODE_TABLE;
        else if (row->kind == PARAM_TABLES)
                right = node->kind == NODE_LIST;
        else if (row->kind == PARAM_SELECT)
                right = node->kind == NODE_TEXT && variant_find(row, node->text, &variant);
        else
                right = value_read(&value, &scratch);
        if (!right)
                report_mistake(&row, 0, 1, &top,
                               input_problems(&input) > 0 ? input_problem(&input, 0) : "of another kind");
        value_release(row, &scratch);
        node_store_free(input.store);
}

static void verify_rows(const struct param *rows, const struct words *outer, int depth);

static void verify_variants(const struct param *row, const struct words *keys, int depth)
{
        struct param_variant variant, other;
        if (!row->variant)
                fatal("%s: a selection without variants", row->key);
        for (size_t i = 0; row->variant(i, &variant); i++) {
                if (!variant.name || !variant.help || !variant.type || (variant.rows && variant.settings_size == 0))
                        fatal("%s: variant %zu lacks its name, help, type or settings_size", row->key, i);
                for (size_t j = 0; j < i && row->variant(j, &other); j++)
                        if (!strcmp(other.name, variant.name) || other.type == variant.type)
                                fatal("%s: variants %zu and %zu have the same name or type", row->key, j, i);
                if (variant.rows)
                        verify_rows(variant.rows, keys, depth + 1);
        }
}

static void verify_rows(const struct param *rows, const struct words *outer, int depth)
{
        if (depth > YAML_MOST_DEPTH)
                fatal("rows are nested without end");
        struct words keys = {.n = 0};
        for (size_t i = 0; outer && i < outer->n; i++)
                words_add(&keys, outer->word[i]);
        for (const struct param *row = rows; row->kind != PARAM_END_MARK; row++) {
                size_t before = keys.n;
                if (!row->key || !row->help)
                        fatal("row %td of a table lacks its key or help", row - rows);
                words_add(&keys, row->key);
                if (keys.n == before)
                        fatal("%s: two rows of one table have this key", row->key);
        }
        for (const struct param *row = rows; row->kind != PARAM_END_MARK; row++) {
                bool real = row->kind == PARAM_REAL || row->kind == PARAM_VECTOR || row->kind == PARAM_MATRIX;
                bool table = row->kind == PARAM_TABLE || row->kind == PARAM_TABLES;
                if (row->range && !real && row->kind != PARAM_INTEGER)
                        fatal("%s: a range of what is no number", row->key);
                if (row->automatic && row->kind != PARAM_REAL && row->kind != PARAM_INTEGER)
                        fatal("%s: an automatic word for what is no single number", row->key);
                if (row->kind == PARAM_CHOICE && !(row->choices && row->choices[0]))
                        fatal("%s: a choice without words", row->key);
                if ((table && !row->rows) || (row->kind == PARAM_TABLES && row->item_size == 0))
                        fatal("%s: a table without rows or item_size", row->key);
                range_of(row);
                if (table)
                        verify_rows(row->rows, NULL, depth + 1);
                if (row->kind == PARAM_SELECT)
                        verify_variants(row, &keys, depth);
                if (row->fallback)
                        verify_default(row);
        }
}

void rows_verify(const struct param *rows)
{
        verify_rows(rows, NULL, 0);
}
