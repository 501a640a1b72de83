#include "run/data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/files.h"
#include "sculptor/memory.h"
#include "sculptor/score.h"

static const double BUFFER_BYTES = 256 << 20;

static const struct param target_rows[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = 0, .variant = score_drawn_variant,
         .help = "a target that can be drawn from exactly"},
        PARAM_END};

static const struct param data_target_params[] = {
        {.key = "target", .kind = PARAM_TABLE, .offset = offsetof(struct data_target_settings, target),
         .rows = target_rows, .help = "what examples are drawn from, afresh at every step"},
        PARAM_END};

#define FIELD(member) offsetof(struct data_file_settings, member)
static const struct param data_file_params[] = {
        {.key = "path", .kind = PARAM_TEXT, .offset = FIELD(path), .help = "an HDF5 file"},
        {.key = "dataset", .kind = PARAM_TEXT, .offset = FIELD(dataset), .fallback = "state",
         .help = "the data set in it: a row is an example; of fields the other axes are z, y, x, or one of all cells"},
        {.key = "sha256",
         .kind = PARAM_TEXT,
         .offset = FIELD(sha256),
         .fallback = "",
         .help = "SHA-256 of the file (over 1 GiB: of its length and its first and last 64 MiB); empty: what is found, "
                 "and "
                 "a training goes on with no other"},
        {.key = "cells", .kind = PARAM_VECTOR, .offset = FIELD(cells), .fallback = "0", .range = "[0, 1048576]",
         .help = "of fields: cells along x, y[, z]; 0: examples are particles"},
        {.key = "box_size", .kind = PARAM_VECTOR, .offset = FIELD(box_size), .fallback = "0", .range = "[0, inf)",
         .unit = "Mpc/h", .help = "of fields: lengths of the periodic box along x, y[, z]; 0: cells of length 1"},
        {.key = "validation", .kind = PARAM_REAL, .offset = FIELD(validation), .fallback = "0.1", .range = "[0, 1)",
         .help = "the part of the rows, the last ones, that is held out to validate with"},
        {.key = "buffer_rows",
         .kind = PARAM_INTEGER,
         .offset = FIELD(buffer_rows),
         .fallback = "auto",
         .automatic = "auto",
         .range = "[1, 1e12]",
         .help = "rows each rank holds in memory at a time, or twice as many, shuffled among each other; auto: 256 MiB "
                 "of them"},
        PARAM_END};

static void data_file_check(const void *configured, const struct params_scope *scope)
{
        const struct data_file_settings *settings = configured;
        const size_t n = settings->cells.n;
        if (n == 1 && settings->cells.value[0] == 0)
                return;
        if (n != 2 && n != 3)
                params_problem(scope, "cells", "has %zu numbers; give those along x and y, or x, y and z", n);
        for (size_t i = 0; i < n; i++)
                if (settings->cells.value[i] < 2 || settings->cells.value[i] != floor(settings->cells.value[i]))
                        params_problem(scope, "cells", "%g is no number of cells; give a whole number of 2 or more",
                                       settings->cells.value[i]);
        const struct real_vector *box = &settings->box_size;
        const bool given = box->n > 1 || box->value[0] > 0;
        if (given && box->n != 1 && box->n != n)
                params_problem(scope, "box_size",
                               "has %zu numbers, but cells has %zu; give one number, or one for each", box->n, n);
        for (size_t i = 0; i < box->n && given; i++)
                if (!(box->value[i] > 0))
                        params_problem(scope, "box_size", "is %g along an axis; give a length above 0", box->value[i]);
}

static const enum data_kind kinds[] = {DATA_TARGET, DATA_FILE};

static bool data_variant(size_t i, struct param_variant *variant)
{
        const struct param_variant variants[] = {
                {.name = "target", .help = "drawn from a target afresh at every step", .rows = data_target_params,
                 .settings_size = sizeof(struct data_target_settings), .type = &kinds[DATA_TARGET]},
                {.name = "file", .help = "the rows of a data set, which may be larger than memory",
                 .rows = data_file_params, .settings_size = sizeof(struct data_file_settings),
                 .check = data_file_check, .type = &kinds[DATA_FILE]}};
        if (i >= sizeof variants / sizeof *variants)
                return false;
        *variant = variants[i];
        return true;
}

const struct param data_params[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = offsetof(struct data_settings, type), .variant = data_variant,
         .help = "where examples come from"},
        PARAM_END};

enum data_kind data_kind_of(const struct data_settings *settings)
{
        return *(const enum data_kind *)settings->type.type;
}

static const char *read_rows(void *owner, int64_t first, int64_t count, double *rows)
{
        const struct data_file_settings *settings = owner;
        return dataset_read_flat(settings->path, settings->dataset, first, count, rows);
}

bool data_is_of_fields(const struct data_file_settings *settings)
{
        return settings->cells.n > 1;
}

/* A row has all cells, flat, or along z, y and x as the mesh has them. */
static const char *check_cells(const struct data_file_settings *settings, const struct dataset_shape *shape)
{
        static char reason[300];
        const struct real_vector *cells = &settings->cells;
        const size_t n = cells->n;
        double wanted = 1;
        bool same = shape->rank == (int)n + 1;
        for (size_t axis = 0; axis < n; axis++) {
                wanted *= cells->value[axis];
                same = same && cells->value[axis] == (double)shape->size[n - axis];
        }
        if (wanted != (double)shape->n_columns) {
                snprintf(reason, sizeof reason, "make %.0f cells, but a row of %s has %lld", wanted, settings->dataset,
                         (long long)shape->n_columns);
                return reason;
        }
        if (same || shape->rank == 2)
                return NULL;
        size_t used = (size_t)snprintf(reason, sizeof reason,
                                       "of a row of %s must be its sizes from the last axis on:", settings->dataset);
        for (int axis = shape->rank - 1; axis > 0 && used < sizeof reason; axis--)
                used += (size_t)snprintf(reason + used, sizeof reason - used, " %lld", (long long)shape->size[axis]);
        return reason;
}

static const char *check_rows(const struct data_file_settings *settings, const struct dataset_shape *shape,
                              int64_t n_validation)
{
        static char reason[300];
        if (shape->rank > 2 && !data_is_of_fields(settings)) {
                snprintf(reason, sizeof reason,
                         "%s has %d axes, not (particle, coordinate); of fields data.cells says how many",
                         settings->dataset, shape->rank);
                return reason;
        }
        if (shape->n_rows - n_validation >= 2)
                return NULL;
        snprintf(reason, sizeof reason, "%s has %lld rows, %lld of them held out; two or more are needed to train with",
                 settings->dataset, (long long)shape->n_rows, (long long)n_validation);
        return reason;
}

/* What is found becomes a parameter: other data are another training. */
static const char *record_digest(struct data_file_settings *settings)
{
        char hex[65];
        const char *why = file_digest_ends(settings->path, hex);
        if (!why && *settings->sha256 && strcmp(settings->sha256, hex) != 0)
                why = "is not that of the file; leave it out, or give the file it is of";
        if (why)
                return why;
        free(settings->sha256);
        settings->sha256 = copy_text(hex);
        return NULL;
}

const char *data_open(struct data_file_settings *settings, struct training_source *source, int64_t *n_numbers,
                      const char **key)
{
        struct dataset_shape shape;
        *key = "path";
        const char *why = dataset_inspect_flat(settings->path, settings->dataset, &shape);
        if (why)
                return why;
        *n_numbers = shape.n_columns;
        *source = (struct training_source){.n_rows = shape.n_rows, .read = read_rows,
                                           .owner = settings};
        source->n_validation = (int64_t)floor(settings->validation * (double)shape.n_rows);
        *key = "dataset";
        why = check_rows(settings, &shape, source->n_validation);
        *key = why ? *key : "cells";
        why = !why && data_is_of_fields(settings) ? check_cells(settings, &shape) : why;
        if (why)
                return why;
        *key = "sha256";
        why = record_digest(settings);
        if (why)
                return why;
        const int64_t most = (int64_t)fmax(1, BUFFER_BYTES / (8 * (double)shape.n_columns));
        source->buffer_rows = settings->buffer_rows > 0 ? settings->buffer_rows : most;
        return NULL;
}
