/* A parameter is declared once, as a row beside the code that uses it. From its rows one engine reads
 * the input file, checks types and ranges, rejects unknown keys with the nearest known one, prints the
 * help, echoes the effective values and writes docs/parameters.md.
 *
 *     struct ula_settings { double step_size; int64_t steps; };
 *     const struct param rows[] = {
 *             {.key = "step_size", .kind = PARAM_REAL, .offset = offsetof(struct ula_settings, step_size),
 *              .range = "(0, inf)", .unit = "x^2", .help = "step e of x + e s + sqrt(2 e) z"},
 *             {.key = "steps", .kind = PARAM_INTEGER, .offset = offsetof(struct ula_settings, steps),
 *              .fallback = "100", .range = "[1, 4294967295]", .help = "steps at each level"},
 *             PARAM_END};
 */
#ifndef SCULPTOR_PARAMS_H
#define SCULPTOR_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum param_kind {
        PARAM_END_MARK,
        PARAM_REAL,    /* double; finite */
        PARAM_INTEGER, /* int64_t; 1e6 is taken where it is whole */
        PARAM_FLAG,    /* bool: true false yes no on off */
        PARAM_TEXT,    /* char *, owned by the settings */
        PARAM_CHOICE,  /* int: index into .choices */
        PARAM_VECTOR,  /* struct real_vector; a single number is a vector of one */
        PARAM_MATRIX,  /* struct real_matrix: a list of rows of equal length */
        PARAM_TABLE,   /* a nested table: .rows, its struct embedded at .offset */
        PARAM_TABLES,  /* struct table_list: a list of tables with .rows, each of .item_size bytes */
        PARAM_SELECT,  /* struct selection: the value names a variant, whose rows belong to this same table */
};

struct real_vector { size_t n; double *value; };
struct real_matrix { size_t n_rows, n_columns; double *value; }; /* row by row */
struct table_list { size_t n; void *items; };
struct selection { const void *type; void *settings; };         /* type: as its variant gave it */

struct params_scope; /* one table of the input and where it stands */

/* One thing a PARAM_SELECT row may name. */
struct param_variant {
        const char *name, *help;
        const struct param *rows; /* may be NULL: no rows of its own */
        size_t settings_size;
        /* What rows cannot say (low < high, sizes that must agree): reports by params_problem().
         * Called only when the variant's own rows were all read without a problem. May be NULL. */
        void (*check)(const void *settings, const struct params_scope *scope);
        const void *type;
};

struct param {
        const char *key;
        enum param_kind kind;
        size_t offset;
        const char *fallback;            /* the default as a user would write it; NULL: required */
        const char *range;               /* "(0, inf)", "[1, 40]": of each number; NULL: any finite */
        const char *automatic;           /* a word taken in place of a number ("auto"), stored as NAN
                                            (PARAM_REAL) or -1 (PARAM_INTEGER) */
        const char *unit;                /* printed; NULL: none */
        const char *help;                /* one sentence, no full stop */
        const char *const *choices;      /* PARAM_CHOICE: NULL-terminated */
        const struct param *rows;        /* PARAM_TABLE, PARAM_TABLES */
        size_t item_size;                /* PARAM_TABLES */
        bool (*variant)(size_t i, struct param_variant *variant); /* PARAM_SELECT: false past the last */
        void (*check)(const void *settings, const struct params_scope *scope); /* PARAM_TABLE, TABLES (per item) */
        bool operational;                /* may differ between a run and its continuation */
        bool elsewhere;                  /* another command's: known, but neither read nor echoed here */
};
#define PARAM_END {.kind = PARAM_END_MARK}

/* ---- reading ---- */

struct input; /* a parsed input file with its overrides and the problems found so far */

/* Parses YAML text already in memory; `name` is used in messages ("toy.yaml:3: ..."). `overrides` are
 * "a.b=value" or "a.b[2].c=value" (0-based), the value being YAML; problems in them are reported as
 * "--set a.b: reason". Never NULL. Local. */
struct input *input_parse(const char *name, const char *text, size_t length, const char *const *overrides,
                          size_t n_overrides);

/* Reads the whole input into `settings`, laid out as `rows` say. All problems are collected. A
 * table's fallback "{}" means: filled by its rows' defaults. */
void input_read(struct input *input, const struct param *rows, void *settings);

bool input_has(const struct input *input, const char *key); /* whether it is given at the top, by file or override */
size_t input_problems(const struct input *input);              /* how many so far */
const char *input_problem(const struct input *input, size_t i); /* a line each, in the order of lines */
void input_add_problem(struct input *input, const char *key_path, const char *format, ...)
        __attribute__((format(printf, 3, 4)));                 /* key_path finds the line */
void input_free(struct input *input);

/* From a check(): says that `key` (relative: "components[1].mean"; "" for the table itself) is wrong. */
void params_problem(const struct params_scope *scope, const char *key, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Releases what reading allocated inside settings (not settings itself). */
void params_release(const struct param *rows, void *settings);

/* ---- telling ---- */

/* The effective values, a line each: "sampler.step_size: 0.05\n"; numbers with the fewest digits
 * that read back to the same bits. With `all` false, operational rows are left out: two runs whose texts
 * are equal compute the same bits. The caller frees. */
char *params_echo(const struct param *rows, const void *settings, bool all);

/* The first line in which two echoes differ, as "sampler.step_size: 0.05 here, 0.1 there", or NULL.
 * The caller frees. */
char *params_difference(const char *here, const char *there);

/* Help texts, written to a stream. `topic` is a key ("step_size", "sampler.step_size"), a variant's
 * name ("hmc") or the plural of a section ("samplers", and "schedules" for levels); false where nothing
 * matches. */
void params_help_all(const struct param *rows, FILE *out);
bool params_help_topic(const struct param *rows, const char *topic, FILE *out);
const char *params_nearest_topic(const struct param *rows, const char *topic); /* to suggest, or NULL */
void params_markdown(const struct param *rows, FILE *out);

/* The candidate nearest to `word` by edit distance where it is near enough to suggest, or NULL. */
const char *nearest_word(const char *word, const char *const *candidates, size_t n);

#endif
