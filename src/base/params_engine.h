/* What the files of the input engine share. The way of a value: yaml.c makes nodes, params_override.c
 * changes them, params_read.c walks rows and nodes together, params_value.c turns a node into a number,
 * word or list, params.c collects the problems. */
#ifndef SCULPTOR_BASE_PARAMS_ENGINE_H
#define SCULPTOR_BASE_PARAMS_ENGINE_H

#include <stdint.h>

#include "base/yaml.h"
#include "sculptor/params.h"

/* ---- params.c: the input and its problems ---- */

struct problem {
        int source, line;
        char *text;
};

struct input {
        char *name;
        struct node_store *store;
        struct node *root;     /* NULL: unreadable */
        char **override_path;  /* [n_overrides]; nodes of source i + 1 come from override i */
        size_t n_overrides;
        struct problem *problem; /* by source, then line */
        size_t n_problems, capacity;
};

enum { PROBLEMS_LISTED = 1000 }; /* then one line that says so */

struct params_scope {
        struct input *input;
        struct place place;
        const struct node *table;
};

bool input_is_full(const struct input *input); /* further problems are not listed */

/* Matches yaml_report, the owner being the input. */
void input_report(void *owner, int source, int line, const struct place *place, const char *reason);

/* ---- params_override.c: "score.components[1].mean", and values put there ---- */

struct step { char *key; size_t index; }; /* key NULL: item of a list */
struct path { size_t n; struct step step[YAML_MOST_DEPTH]; };

const char *path_parse(const char *text, struct path *path); /* NULL, or why not; release either way */
void path_release(struct path *path);
struct node *path_step(const struct node *node, const struct step *step);    /* NULL: none there */

void input_apply_override(struct input *input, size_t i, const char *text);

/* ---- params_number.c: numbers as text, the same in every locale ---- */

enum number_state {
        NUMBER_FINE,
        NUMBER_NONE,      /* no number at all */
        NUMBER_INFINITE,  /* inf or nan by name */
        NUMBER_TOO_LARGE,
        NUMBER_TOO_SMALL, /* not zero, but would be read as zero */
        NUMBER_BROKEN,    /* not whole (integers) */
};

enum number_state number_real(const char *text, double *value);
enum number_state number_integer(const char *text, int64_t *value); /* exact: 1e6, 2.50e2 are taken */
void number_print(double value, FILE *out);                       /* the fewest digits that read back the same bits */

/* A row's range. Without one, all finite numbers. Malformed: fatal(). */
struct range {
        bool low_open, high_open;
        double low, high;
        int64_t low_integer, high_integer; /* PARAM_INTEGER: inclusive */
};

struct range range_of(const struct param *row);
bool range_has_real(const struct range *range, double value);
bool range_has_integer(const struct range *range, int64_t value);

/* ---- params_value.c, and params_complaint.c for what it has to say ---- */

/* A node, the row that says what it should be, and where it stands. */
struct value {
        struct input *input;
        const struct place *place;
        const struct node *node;
        const struct param *row;
};

bool value_read(const struct value *value, void *field); /* all kinds but tables and selections */
void value_problem(const struct value *value, const char *format, ...) __attribute__((format(printf, 2, 3)));
void value_expect(const struct value *value);           /* reports "... is not a number" and the like */
void value_unknown_word(const struct value *value, const char *const *words, size_t n);
bool value_is_number(const struct value *value, enum number_state state); /* reports where not */
void value_describe(const struct param *row, FILE *out); /* "a number in (0, inf)" */
void value_release(const struct param *row, void *field);

/* ---- params_words.c, params_rows.c: rows as such ---- */

struct words { size_t n; const char *word[512]; };
void words_add(struct words *words, const char *word); /* once */
void words_print(const struct words *words, const char *last_comma, FILE *out); /* "a, b or c" */

void words_variants(struct words *words, const struct param *row);
bool variant_find(const struct param *row, const char *name, struct param_variant *variant);
bool variant_of(const struct param *row, const struct selection *selection, struct param_variant *variant);
struct node *params_default_node(struct node_store *store, const struct param *row, const struct node *where);
void rows_verify(const struct param *rows); /* fatal() for what a programmer got wrong */

/* ---- params_help.c ---- */

struct telling {
        FILE *out;
        size_t n_told;
        const void *told[256]; /* the types of variants whose rows were printed */
};

bool params_telling_begins(struct telling *telling, const void *type); /* false: told before */

#endif
