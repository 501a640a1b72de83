/* YAML text as a tree of nodes that know their lines. Strict on purpose: no tags, no anchors, no
 * aliases (so nothing can grow when it is read), one document, no key twice in a table. */
#ifndef SCULPTOR_BASE_YAML_H
#define SCULPTOR_BASE_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
        YAML_MOST_BYTES = 16 << 20,
        YAML_MOST_NODES = 1 << 21, /* some 200 MiB of tree at most */
        YAML_MOST_DEPTH = 32,
};

enum node_kind {
        NODE_NULL, /* no value, ~ or null */
        NODE_TEXT, /* a word or number, as written */
        NODE_LIST,
        NODE_TABLE,
        NODE_REFUSED, /* already reported; of no use */
};

struct node {
        enum node_kind kind;
        bool quoted;        /* NODE_TEXT in quotes or as a block */
        int source;         /* which text it came from; the caller's number */
        int line, key_line; /* 1-based; a table's or list's line is that of its key */
        const char *key;    /* in a table, else NULL */
        const char *text;   /* NODE_TEXT */
        size_t n;           /* children, in the order written */
        struct node *first, *last, *next;
};

/* Where a value stands, as a chain to the top. The top has neither a key nor anything above. */
struct place {
        const struct place *above;
        const char *key; /* NULL: item `index` of a list */
        size_t index;
};

void place_print(const struct place *place, FILE *out); /* "score.components[1].mean" */

/* Owns nodes and all their text. */
struct node_store;
struct node_store *node_store_create(void);
void node_store_free(struct node_store *store);

struct node *node_create(struct node_store *store, enum node_kind kind, int source, int line);
const char *node_store_text(struct node_store *store, const char *text, size_t length); /* a copy */
void node_append(struct node *parent, struct node *child);
struct node *node_child(const struct node *table, const char *key);  /* NULL: none, or not a table */
struct node *node_item(const struct node *list, size_t index);       /* NULL: none, or not a list */
bool node_replace(struct node *parent, struct node *old, struct node *replacement);

typedef void yaml_report(void *owner, int source, int line, const struct place *place, const char *reason);

/* The tree of one document: NODE_NULL where there is none. What is wrong is reported, all of it up to
 * where the text stops being YAML; NULL where that happens. */
struct node *yaml_parse(struct node_store *store, const char *text, size_t length, int source, yaml_report *listener,
                        void *owner);

/* Why libyaml stopped, in plain words, and where. */
struct yaml_parser_s;
void yaml_reason(const struct yaml_parser_s *parser, const char *text, size_t length, char *reason, size_t size,
                 int *line);

/* Text made fit for one line of a message: control characters escaped, at most 60 bytes. */
struct shown { char text[80]; };
struct shown yaml_show_text(const char *text);

#endif
