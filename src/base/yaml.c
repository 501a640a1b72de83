/* From libyaml's events to nodes. */
#include "base/yaml.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "sculptor/error.h"
#include "sculptor/memory.h"

struct builder {
        struct node_store *store;
        yaml_parser_t parser;
        const char *text;
        size_t length, n_nodes;
        int source;
        bool stopped; /* reported; nothing more can be read */
        yaml_report *report;
        void *owner;
};

static void report(struct builder *builder, int line, const struct place *place, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

static void report(struct builder *builder, int line, const struct place *place, const char *format, ...)
{
        char reason[512];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(reason, sizeof reason, format, arguments);
        va_end(arguments);
        builder->report(builder->owner, builder->source, line, place, reason);
}

static bool next_event(struct builder *builder, yaml_event_t *event)
{
        if (builder->stopped)
                return false;
        if (yaml_parser_parse(&builder->parser, event))
                return true;
        builder->stopped = true;
        if (builder->parser.error == YAML_MEMORY_ERROR)
                fatal("out of memory while reading YAML");
        const struct place top = {NULL, NULL, 0};
        char reason[256];
        int line;
        yaml_reason(&builder->parser, builder->text, builder->length, reason, sizeof reason, &line);
        report(builder, line, &top, "not valid YAML: %s", reason);
        return false;
}

static int line_of(const yaml_event_t *event)
{
        return (int)event->start_mark.line + 1;
}

/* ---- what YAML offers and an input file has no use for ---- */

static bool refuse_decorations(struct builder *builder, const yaml_event_t *event, const struct place *place)
{
        const yaml_char_t *anchor = NULL, *tag = NULL;
        switch (event->type) {
        case YAML_SCALAR_EVENT:
                anchor = event->data.scalar.anchor, tag = event->data.scalar.tag;
                break;
        case YAML_SEQUENCE_START_EVENT:
                anchor = event->data.sequence_start.anchor, tag = event->data.sequence_start.tag;
                break;
        case YAML_MAPPING_START_EVENT:
                anchor = event->data.mapping_start.anchor, tag = event->data.mapping_start.tag;
                break;
        case YAML_ALIAS_EVENT:
                report(builder, line_of(event), place, "aliases are not taken (*%s); write the value out",
                       yaml_show_text((const char *)event->data.alias.anchor).text);
                return true;
        default:
                break;
        }
        if (anchor)
                report(builder, line_of(event), place,
                       "anchors are not taken (&%s); write the value out where it is used",
                       yaml_show_text((const char *)anchor).text);
        if (tag)
                report(builder, line_of(event), place, "tags are not taken (%s); write the value alone",
                       yaml_show_text((const char *)tag).text);
        return anchor || tag;
}

/* ---- nodes ---- */

static struct node *build(struct builder *builder, const yaml_event_t *event, const struct place *place, int depth);

static bool is_null(const char *text)
{
        return !*text || !strcmp(text, "~") || !strcmp(text, "null") || !strcmp(text, "Null") || !strcmp(text, "NULL");
}

static void build_scalar(struct builder *builder, const yaml_event_t *event, const struct place *place,
                         struct node *node)
{
        const char *text = (const char *)event->data.scalar.value;
        size_t length = event->data.scalar.length;
        node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        if (strlen(text) != length) {
                report(builder, line_of(event), place, "holds a NUL character, which no value here can");
                node->kind = NODE_REFUSED;
        } else if (!node->quoted && is_null(text)) {
                node->kind = NODE_NULL;
        } else {
                node->text = node_store_text(builder->store, text, length);
        }
}

static void build_list(struct builder *builder, struct node *list, const struct place *place, int depth)
{
        yaml_event_t event;
        while (next_event(builder, &event)) {
                bool end = event.type == YAML_SEQUENCE_END_EVENT;
                if (!end) {
                        const struct place here = {place, NULL, list->n};
                        node_append(list, build(builder, &event, &here, depth + 1));
                }
                yaml_event_delete(&event);
                if (end)
                        return;
        }
}

/* NULL where this cannot be a key; then it is reported. */
static const char *build_key(struct builder *builder, const yaml_event_t *event, const struct place *place, int depth)
{
        if (event->type != YAML_SCALAR_EVENT) {
                report(builder, line_of(event), place, "a key must be a single word");
                build(builder, event, place, depth + 1);
                return NULL;
        }
        if (refuse_decorations(builder, event, place))
                return NULL;
        const char *text = (const char *)event->data.scalar.value;
        size_t length = event->data.scalar.length;
        if (length == 0 || strlen(text) != length) {
                report(builder, line_of(event), place,
                       length == 0 ? "a key is missing before the colon" : "a key holds a NUL character");
                return NULL;
        }
        return node_store_text(builder->store, text, length);
}

struct entry { struct node *node; size_t order; };

static int compare_entries(const void *one, const void *other)
{
        const struct entry *a = one, *b = other;
        int by_key = strcmp(a->node->key, b->node->key);
        return by_key ? by_key : (a->order > b->order) - (a->order < b->order);
}

static int compare_orders(const void *one, const void *other)
{
        const struct entry *a = one, *b = other;
        return (a->order > b->order) - (a->order < b->order);
}

/* Reports every key given before, and keeps the first of its kind. Sorted, so that a hostile table of a
 * million keys takes no quadratic time. */
static void drop_duplicates(struct builder *builder, struct node *table, const struct place *place)
{
        if (table->n < 2)
                return;
        struct entry *entries = allocate(table->n, sizeof *entries);
        size_t n = 0, kept = 0;
        for (struct node *child = table->first; child; child = child->next, n++)
                entries[n] = (struct entry){child, n};
        qsort(entries, n, sizeof *entries, compare_entries);
        for (size_t i = 0; i < n; i++) {
                const struct node *child = entries[i].node;
                if (kept > 0 && !strcmp(entries[kept - 1].node->key, child->key)) {
                        const struct place here = {place, child->key, 0};
                        report(builder, child->key_line, &here, "given again; first given on line %d",
                               entries[kept - 1].node->key_line);
                } else {
                        entries[kept++] = entries[i];
                }
        }
        if (kept < n) {
                qsort(entries, kept, sizeof *entries, compare_orders);
                table->first = table->last = NULL;
                table->n = 0;
                for (size_t i = 0; i < kept; i++)
                        node_append(table, entries[i].node);
        }
        free(entries);
}

static void build_table(struct builder *builder, struct node *table, const struct place *place, int depth)
{
        yaml_event_t event;
        while (next_event(builder, &event)) {
                bool end = event.type == YAML_MAPPING_END_EVENT;
                int line = line_of(&event);
                const char *key = end ? NULL : build_key(builder, &event, place, depth);
                yaml_event_delete(&event);
                if (end || !next_event(builder, &event))
                        break;
                const struct place here = {place, key ? key : "?", 0};
                struct node *child = build(builder, &event, &here, depth + 1);
                yaml_event_delete(&event);
                child->key = key;
                child->key_line = line;
                if (child->kind != NODE_TEXT)
                        child->line = line;
                if (key)
                        node_append(table, child);
        }
        drop_duplicates(builder, table, place);
}

static struct node *build(struct builder *builder, const yaml_event_t *event, const struct place *place, int depth)
{
        int line = line_of(event);
        struct node *node = node_create(builder->store, NODE_REFUSED, builder->source, line);
        if (depth > YAML_MOST_DEPTH || ++builder->n_nodes > YAML_MOST_NODES) {
                if (!builder->stopped && depth > YAML_MOST_DEPTH)
                        report(builder, line, place, "nested deeper than %d levels", (int)YAML_MOST_DEPTH);
                else if (!builder->stopped)
                        report(builder, line, place, "more than %d values; large data belong in an HDF5 file",
                               (int)YAML_MOST_NODES);
                builder->stopped = true;
                return node;
        }

        bool refused = refuse_decorations(builder, event, place);
        switch (event->type) {
        case YAML_SCALAR_EVENT:
                node->kind = NODE_TEXT;
                build_scalar(builder, event, place, node);
                break;
        case YAML_SEQUENCE_START_EVENT:
                node->kind = NODE_LIST;
                build_list(builder, node, place, depth);
                break;
        case YAML_MAPPING_START_EVENT:
                node->kind = NODE_TABLE;
                build_table(builder, node, place, depth);
                break;
        default:
                break;
        }
        if (refused)
                node->kind = NODE_REFUSED;
        return node;
}

/* ---- the document ---- */

struct node *yaml_parse(struct node_store *store, const char *text, size_t length, int source, yaml_report *listener,
                        void *owner)
{
        struct builder builder = {.store = store, .text = text, .length = length, .source = source,
                                  .report = listener, .owner = owner};
        const struct place top = {NULL, NULL, 0};
        if (length > YAML_MOST_BYTES) {
                report(&builder, 1, &top,
                       "%.1f MiB are too large for an input file (at most %d MiB); large data belong in "
                       "an HDF5 file",
                       (double)length / 1048576.0, (int)(YAML_MOST_BYTES >> 20));
                return NULL;
        }
        if (!yaml_parser_initialize(&builder.parser))
                fatal("out of memory while reading YAML");
        yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&builder.parser, (const unsigned char *)text, length);

        struct node *root = NULL;
        yaml_event_t event;
        bool end = false;
        while (!end && next_event(&builder, &event)) {
                end = event.type == YAML_STREAM_END_EVENT;
                bool is_value = event.type == YAML_SCALAR_EVENT || event.type == YAML_SEQUENCE_START_EVENT ||
                                event.type == YAML_MAPPING_START_EVENT || event.type == YAML_ALIAS_EVENT;
                if (event.type == YAML_DOCUMENT_START_EVENT && root) {
                        report(&builder, line_of(&event), &top,
                               "a second document starts here; an input is one document");
                        builder.stopped = true;
                } else if (is_value) {
                        root = build(&builder, &event, &top, 1);
                }
                yaml_event_delete(&event);
        }
        yaml_parser_delete(&builder.parser);
        if (builder.stopped)
                return NULL;
        return root ? root : node_create(store, NODE_NULL, source, 1);
}
