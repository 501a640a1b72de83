/* A score from a shared library (sculptor/plugin.h): any network or formula that another program made,
 *
 *     s(x; sigma) = what the library's eval() says,
 *
 * with its log density, and Jacobian from products with unit vectors, where it has them. An evaluation is one call of
 * 64 particles, each at its own sigma, or of one whole field. Local; the same bits on any number of ranks where the
 * library gives them. The digests of the library and of its file are parameters of the run, so that a run is not
 * resumed with another library than it began with. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "score/plugin.h"
#include "score/types.h"
#include "sculptor/memory.h"
#include "sculptor/mesh.h"
#include "sculptor/parallel.h"

struct plugin_settings {
        char *library, *config, *file, *version, *library_sha256, *file_sha256;
        struct mesh_settings mesh;
        struct plugin *plugin; /* what open() opened, until a model owns it */
};

#define FIELD(member) offsetof(struct plugin_settings, member)
#define MESH(member) offsetof(struct mesh_settings, member)

/* As mesh_params, but may be left out. */
static const struct param mesh_rows[] = {
        {.key = "cells", .kind = PARAM_VECTOR, .offset = MESH(cells), .range = "[2, 1048576]", .fallback = "[]",
         .help = "of fields: cells along x, y and, in three dimensions, z; or one number for all axes"},
        {.key = "dimensions", .kind = PARAM_INTEGER, .offset = MESH(dimensions), .fallback = "auto",
         .automatic = "auto", .range = "[2, 3]", .help = "axes of the box; auto: as many as cells or box_size has"},
        {.key = "box_size", .kind = PARAM_VECTOR, .offset = MESH(box_size), .range = "(0, inf)", .unit = "Mpc/h",
         .fallback = "[]", .help = "lengths of the periodic box along x, y[, z]; or one number for all axes"},
        PARAM_END};

static bool is_given(const struct mesh_settings *mesh)
{
        return mesh->cells.n > 0 || mesh->box_size.n > 0 || mesh->dimensions > 0;
}

static void check_mesh(const void *settings, const struct params_scope *scope)
{
        const struct mesh_settings *mesh = settings;
        if (!is_given(mesh))
                return;
        if (mesh->cells.n == 0)
                params_problem(scope, "cells", "is needed for a mesh");
        else if (mesh->box_size.n == 0)
                params_problem(scope, "box_size", "is needed for a mesh");
        else
                mesh_check(settings, scope);
}

static const struct param plugin_params[] = {
        {.key = "library", .kind = PARAM_TEXT, .offset = FIELD(library), .operational = true,
         .help = "shared library that exports sculptor_plugin (docs/plugins.md)"},
        {.key = "config", .kind = PARAM_TEXT, .offset = FIELD(config), .fallback = "",
         .help = "text handed to the library, which says what it means"},
        {.key = "file", .kind = PARAM_TEXT, .offset = FIELD(file), .fallback = "", .operational = true,
         .help = "file handed to the library, such as a network's weights; empty: none"},
        {.key = "mesh", .kind = PARAM_TABLE, .offset = FIELD(mesh), .rows = mesh_rows, .check = check_mesh,
         .fallback = "{}", .help = "of fields: their mesh; left out: particles"},
        {.key = "version", .kind = PARAM_TEXT, .offset = FIELD(version), .fallback = "",
         .help = "name and version the library must say it is; empty: whatever it says, which is recorded"},
        {.key = "library_sha256",
         .kind = PARAM_TEXT,
         .offset = FIELD(library_sha256),
         .fallback = "",
         .help = "SHA-256 the library must have; empty: whatever it has, which is recorded, and must be so on "
                 "resuming"},
        {.key = "file_sha256",
         .kind = PARAM_TEXT,
         .offset = FIELD(file_sha256),
         .fallback = "",
         .help = "SHA-256 the file must have; empty: whatever it has, likewise"},
        PARAM_END};

/* ---- opening ---- */

/* What is found is recorded where nothing was asked for, and else must be that. */
static const char *record(char **wanted, const char *found, const char *key, const struct score_context *context)
{
        static char reason[512];
        if (!**wanted) {
                free(*wanted);
                *wanted = copy_text(found);
                return NULL;
        }
        if (strcmp(*wanted, found) == 0)
                return NULL;
        score_reads(context, key);
        snprintf(reason, sizeof reason, "%.200s is wanted, and %.200s is there", *wanted, found);
        return reason;
}

static const char *record_digest(const char *path, char **wanted, const char *key, const struct score_context *context)
{
        char hex[65];
        const char *why = context->file_digest(path, hex);
        return why ? why : record(wanted, hex, key, context);
}

static const char *open_library(void *settings, const struct score_context *context)
{
        struct plugin_settings *set = settings;
        score_reads(context, "library");
        if (!context->file_digest)
                return "libraries cannot be loaded here";
        const char *why = record_digest(set->library, &set->library_sha256, "library_sha256", context);
        if (why)
                return why;
        if (*set->file) {
                score_reads(context, "file");
                why = record_digest(set->file, &set->file_sha256, "file_sha256", context);
                if (why)
                        return why;
        }
        score_reads(context, "library");
        why = plugin_open(set->library, set->config, set->file, is_given(&set->mesh) ? &set->mesh : NULL, &set->plugin);
        return why ? why : record(&set->version, set->plugin->name, "version", context);
}

/* ---- the model ---- */

struct plugin_score {
        struct plugin_settings *settings;
        struct plugin *plugin;
        struct mesh *mesh; /* of fields, else NULL */
};

/* 0 where it was not opened yet: not known. */
static int64_t dimension(const void *settings)
{
        const struct plugin *plugin = ((const struct plugin_settings *)settings)->plugin;
        return plugin ? (int64_t)plugin->n_dim : 0;
}

static void *create(const void *settings)
{
        struct plugin_settings *set = (struct plugin_settings *)settings; /* to give back what it owns */
        struct plugin_score *model = allocate(1, sizeof *model);
        model->settings = set;
        model->plugin = set->plugin;
        if (model->plugin->fields)
                model->mesh = mesh_create(&set->mesh);
        return model;
}

static void free_model(void *state)
{
        struct plugin_score *model = state;
        plugin_close(model->plugin);
        model->settings->plugin = NULL;
        mesh_free(model->mesh);
        free(model);
}

static struct mesh *mesh(const void *model)
{
        return ((const struct plugin_score *)model)->mesh;
}

/* Nodes may see different files under one path. */
static const char *load(void *state, const struct score_context *context)
{
        const struct plugin_settings *set = ((const struct plugin_score *)state)->settings;
        const char *const digests[] = {set->library_sha256, set->file_sha256}, *const keys[] = {"library", "file"};
        const char *why = NULL;
        for (int i = 0; i < 2; i++) {
                char first[65] = "";
                snprintf(first, sizeof first, "%s", digests[i]);
                parallel_broadcast(first, sizeof first, 0);
                if (why || strcmp(first, digests[i]) == 0)
                        continue;
                score_reads(context, keys[i]);
                static char reason[256];
                snprintf(reason, sizeof reason, "is another file on rank %d than on rank 0: SHA-256 %.64s, there %.64s",
                         parallel_rank(), digests[i], first);
                why = reason;
        }
        return why;
}

static const char *prepare(void *model)
{
        (void)model;
        return NULL;
}

/* The last digits of a level's sigma do not count. */
static const char *undefined_at(const void *state, double sigma)
{
        const struct plugin *plugin = ((const struct plugin_score *)state)->plugin;
        const struct sculptor_model *model = &plugin->model;
        if (sigma >= model->sigma_min * (1 - 1e-6) && sigma <= model->sigma_max * (1 + 1e-6))
                return NULL;
        static char reason[256];
        snprintf(reason, sizeof reason, "plugin %.128s is defined for sigma from %g to %g", plugin->name,
                 model->sigma_min, model->sigma_max);
        return reason;
}

/* ---- the level ---- */

static void *create_level(const void *state, double sigma)
{
        const struct plugin_score *model = state;
        struct plugin_at *at = allocate(1, sizeof *at);
        double each[LANES];
        for (size_t lane = 0; lane < LANES; lane++)
                each[lane] = sigma;
        plugin_at_sigma(at, model->plugin, model->mesh, each);
        return at;
}

static void eval(const void *level, const double *restrict x, double *restrict score)
{
        plugin_eval(level, x, score);
}

static void eval_each(const void *state, const double *restrict sigma, const double *restrict x, double *restrict score)
{
        const struct plugin_score *model = state;
        struct plugin_at at;
        plugin_at_sigma(&at, model->plugin, model->mesh, sigma);
        plugin_eval(&at, x, score);
}

static void log_density(const void *level, const double *restrict x, double *restrict log_p)
{
        plugin_log_density(level, x, log_p);
}

static void jacobian(const void *level, const double *restrict x, double *restrict j)
{
        plugin_jacobian(level, x, j);
}

static void jacobian_vector(const void *level, const double *restrict x, const double *restrict v, double *restrict out)
{
        plugin_jacobian_vector(level, x, v, out);
}

/* ---- the type: without the functions that the opened model has not ---- */

enum { WORK_FIELDS = 3 }; /* rows of x, v and the result */

static const struct score_type *configured(const void *settings)
{
        struct plugin *plugin = ((const struct plugin_settings *)settings)->plugin;
        if (!plugin)
                return &score_plugin;
        const uint32_t can = plugin->model.can;
        struct score_type *type = &plugin->type;
        *type = score_plugin;
        type->log_density = can & SCULPTOR_LOG_DENSITY ? log_density : NULL;
        type->log_density_unnormalised = !(can & SCULPTOR_NORMALISED);
        const bool symmetric = can & SCULPTOR_GRADIENT && can & SCULPTOR_VJP;
        type->jacobian_vector = can & SCULPTOR_JVP || symmetric ? jacobian_vector : NULL;
        type->jacobian = !plugin->fields && can & (SCULPTOR_VJP | SCULPTOR_JVP) ? jacobian : NULL;
        if (plugin->fields) {
                type->eval_each = NULL;
                type->mesh = mesh;
                type->prepare = prepare;
                type->whole_fields = true;
                type->work_fields = WORK_FIELDS;
        }
        return type;
}

const struct score_type score_plugin = {
        .name = "plugin", .help = "a score from a shared library, such as a network trained elsewhere",
        .params = plugin_params, .settings_size = sizeof(struct plugin_settings), .open = open_library,
        .configured = configured, .dimension = dimension, .create = create, .free = free_model, .load = load,
        .undefined_at = undefined_at, .create_level = create_level, .free_level = free, .eval = eval,
        .eval_each = eval_each,
};
