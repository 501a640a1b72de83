/* From a path to a model that may be called: every claim of the library is checked before it is relied on, and what is
 * wrong is said in a line. Local. */
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "score/plugin.h"
#include "sculptor/memory.h"
#include "sculptor/mesh.h"

enum { REASON = 1024, MOST_COORDINATES = 1 << 20 };

/* ---- the library ---- */

/* One that a linker's path may hold has no slash; users mean files. */
static void *load(const char *path)
{
        char *at = strchr(path, '/') ? copy_text(path) : format_text("./%s", path);
        plugin_guard_enter(path, "its constructors", "while it was loaded");
        void *handle = dlopen(at, RTLD_NOW | RTLD_LOCAL);
        plugin_guard_leave();
        free(at);
        return handle;
}

static const char *text_of_plugin(const char *text, const char *otherwise)
{
        return text && *text ? text : otherwise;
}

static const char *check_functions(const struct sculptor_plugin *functions, char reason[REASON])
{
        if (functions->abi != SCULPTOR_PLUGIN_ABI)
                snprintf(reason, REASON,
                         "is of plugin ABI %u, and this sculptor of %u; compile it with this "
                         "sculptor's include/sculptor/plugin.h",
                         (unsigned)functions->abi, SCULPTOR_PLUGIN_ABI);
        else if (functions->size < sizeof *functions)
                snprintf(reason, REASON, "has a table sculptor_plugin of %u bytes, where ABI %u has %zu",
                         (unsigned)functions->size, SCULPTOR_PLUGIN_ABI, sizeof *functions);
        else if (!functions->open || !functions->close || !functions->eval)
                snprintf(reason, REASON, "lacks %s(), which every plugin must have",
                         !functions->open    ? "open"
                         : !functions->close ? "close"
                                             : "eval");
        else if (!(functions->kinds & (SCULPTOR_PARTICLES | SCULPTOR_FIELDS)))
                snprintf(reason, REASON, "is for neither particles nor fields (kinds %u)", (unsigned)functions->kinds);
        else
                return NULL;
        return reason;
}

static const struct sculptor_plugin *find_functions(const char *path, char reason[REASON], const char **why)
{
        void *handle = load(path);
        const char *told = handle ? NULL : dlerror();
        if (!handle) {
                snprintf(reason, REASON, "cannot be loaded: %s", told ? told : "the system does not say why");
                *why = reason;
                return NULL;
        }
        /* Never unloaded: libraries leave threads, and functions to be called at exit. */
        const struct sculptor_plugin *functions = dlsym(handle, "sculptor_plugin");
        if (!functions) {
                snprintf(reason, REASON, "has no symbol sculptor_plugin: it is no plugin (docs/plugins.md)");
                *why = reason;
                return NULL;
        }
        *why = check_functions(functions, reason);
        return functions;
}

/* ---- the model ---- */

/* Told by foreign code and shown in a line. */
void plugin_make_a_line(char message[SCULPTOR_MESSAGE])
{
        message[SCULPTOR_MESSAGE - 1] = 0;
        for (char *c = message; *c; c++)
                if ((unsigned char)*c < ' ' || *c == 127)
                        *c = ' ';
        for (size_t n = strlen(message); n > 0 && message[n - 1] == ' '; n--)
                message[n - 1] = 0;
}

static double along(const struct real_vector *vector, int axis)
{
        return vector->value[vector->n == 1 ? 0 : axis];
}

static int axes_of(const struct mesh_settings *mesh)
{
        const size_t n = mesh->cells.n > mesh->box_size.n ? mesh->cells.n : mesh->box_size.n;
        return mesh->dimensions > 0 ? (int)mesh->dimensions : (int)n;
}

static struct sculptor_request request_of(const char *config, const char *file, const struct mesh_settings *mesh)
{
        struct sculptor_request request = {.abi = SCULPTOR_PLUGIN_ABI, .size = sizeof request,
                                           .config = config, .file = file,
                                           .kind = mesh ? SCULPTOR_FIELDS : SCULPTOR_PARTICLES,
                                           .n_axes = mesh ? (uint32_t)axes_of(mesh) : 0, .n_rows = mesh ? 1 : LANES};
        for (int axis = 0; axis < (int)request.n_axes; axis++) { /* the input has x first, arrays have it last */
                request.cells[axis] = (int64_t)along(&mesh->cells, (int)request.n_axes - 1 - axis);
                request.box_size[axis] = along(&mesh->box_size, (int)request.n_axes - 1 - axis);
        }
        return request;
}

static const char *check_model(const struct plugin *plugin, int64_t n_cells, char reason[REASON])
{
        const struct sculptor_model *model = &plugin->model;
        const struct sculptor_plugin *functions = plugin->functions;
        const struct {
                uint32_t can;
                bool there;
                const char *name;
        } claims[] = {
                {SCULPTOR_LOG_DENSITY, functions->log_density, "log_density"},
                {SCULPTOR_VJP, functions->vjp, "vjp"},
                {SCULPTOR_JVP, functions->jvp, "jvp"},
        };
        for (size_t i = 0; i < sizeof claims / sizeof *claims; i++)
                if (model->can & claims[i].can && !claims[i].there) {
                        snprintf(reason, REASON, "says that its model has %s(), and has no such function",
                                 claims[i].name);
                        return reason;
                }
        if (plugin->fields ? model->dimension != n_cells : model->dimension < 1 || model->dimension > MOST_COORDINATES)
                snprintf(reason, REASON,
                         plugin->fields ? "opened a model of %lld numbers for a mesh of %lld cells"
                                        : "opened a model of %lld coordinates; 1 to %lld can be",
                         (long long)model->dimension, (long long)(plugin->fields ? n_cells : MOST_COORDINATES));
        else if (model->precision != SCULPTOR_DOUBLE && model->precision != SCULPTOR_FLOAT)
                snprintf(reason, REASON, "opened a model of precision %u, neither SCULPTOR_DOUBLE nor SCULPTOR_FLOAT",
                         (unsigned)model->precision);
        else if (!(model->sigma_min >= 0 && isfinite(model->sigma_min) && model->sigma_max >= model->sigma_min))
                snprintf(reason, REASON, "opened a model for sigma from %g to %g, which is no range", model->sigma_min,
                         model->sigma_max);
        else
                return NULL;
        return reason;
}

static const char *open_model(struct plugin *plugin, const struct sculptor_request *request, char reason[REASON])
{
        const struct sculptor_plugin *functions = plugin->functions;
        if (!(functions->kinds & request->kind)) {
                snprintf(reason, REASON,
                         plugin->fields ? "%s is of particles: leave out mesh"
                                        : "%s is of fields: give mesh: {cells: ..., box_size: ...}",
                         plugin->name);
                return reason;
        }
        int64_t n_cells = 1;
        for (uint32_t axis = 0; axis < request->n_axes; axis++)
                n_cells *= request->cells[axis];
        struct sculptor_model model = {.size = sizeof model, .precision = SCULPTOR_DOUBLE,
                                       .dimension = plugin->fields ? n_cells : 0, .sigma_max = INFINITY};
        char message[SCULPTOR_MESSAGE] = "";
        plugin_guard_enter(plugin->name, "open()", "");
        const int status = functions->open(request, &model, message);
        plugin_guard_leave();
        plugin_make_a_line(message);
        if (status != 0) {
                snprintf(reason, REASON, "%s: open() failed: %s", plugin->name,
                         text_of_plugin(message, "it does not say why"));
                return reason;
        }
        plugin->model = model;
        return check_model(plugin, n_cells, reason);
}

void plugin_allocate_rows(struct plugin *plugin)
{
        if (plugin->x)
                return;
        const size_t n = plugin->n_rows * plugin->n_dim;
        plugin->x = allocate(n, plugin->model.precision);
        plugin->v = allocate(n, plugin->model.precision);
        plugin->out = allocate(n, plugin->model.precision);
}

const char *plugin_open(const char *path, const char *config, const char *file, const struct mesh_settings *mesh,
                        struct plugin **opened)
{
        static char reason[REASON];
        const char *why = NULL;
        const struct sculptor_plugin *functions = find_functions(path, reason, &why);
        if (why)
                return why;
        struct plugin *plugin = allocate(1, sizeof *plugin);
        plugin->functions = functions;
        plugin->fields = mesh != NULL;
        plugin->name = format_text("%s %s", text_of_plugin(functions->name, "without a name"),
                                   text_of_plugin(functions->version, "0"));
        const struct sculptor_request request = request_of(config, file, mesh);
        why = open_model(plugin, &request, reason);
        if (why) {
                free(plugin->name);
                free(plugin);
                return why;
        }
        plugin->n_rows = (size_t)request.n_rows;
        plugin->n_dim = (size_t)plugin->model.dimension;
        *opened = plugin;
        return NULL;
}

void plugin_close(struct plugin *plugin)
{
        if (!plugin)
                return;
        plugin_guard_enter(plugin->name, "close()", "");
        plugin->functions->close(plugin->model.state);
        plugin_guard_leave();
        free(plugin->x);
        free(plugin->v);
        free(plugin->out);
        free(plugin->name);
        free(plugin);
}
