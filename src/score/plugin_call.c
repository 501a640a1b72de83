/* Calls of a plugin's functions: from tiles, [n_dim][LANES] or the planes of a field, to rows of its precision and
 * back. Every lane goes, spare ones too, so that a call always has as many rows. Outputs hold NaN before a call: what a
 * plugin forgets to write is then met by the check of the population. Local. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "score/plugin.h"
#include "sculptor/error.h"
#include "sculptor/mesh.h"

/* ---- tiles and rows ---- */

/* A run of n numbers that follow each other in rows, and are `stride` apart in the tile: a particle's coordinates, or a
 * field's plane. */
struct runs { size_t count, n, step, stride; };

static struct runs runs_of(const struct plugin_at *at)
{
        const struct mesh *mesh = at->mesh;
        return mesh ? (struct runs){mesh->n_planes_here, mesh->plane_cells, mesh->plane_stride, 1}
                    : (struct runs){LANES, at->plugin->n_dim, 1, LANES};
}

static void to_rows(const struct plugin_at *at, const double *restrict tile, void *rows)
{
        const struct runs runs = runs_of(at);
        const bool single = at->plugin->model.precision == SCULPTOR_FLOAT;
        for (size_t run = 0; run < runs.count; run++) {
                const double *from = tile + run * runs.step;
                float *floats = (float *)rows + run * runs.n;
                double *doubles = (double *)rows + run * runs.n;
                for (size_t i = 0; single && i < runs.n; i++)
                        floats[i] = (float)from[i * runs.stride];
                for (size_t i = 0; !single && i < runs.n; i++)
                        doubles[i] = from[i * runs.stride];
        }
}

/* The spare cells of a field become 0. */
static void from_rows(const struct plugin_at *at, const void *rows, double *restrict tile)
{
        const struct runs runs = runs_of(at);
        const bool single = at->plugin->model.precision == SCULPTOR_FLOAT;
        if (at->mesh)
                memset(tile, 0, at->mesh->size * sizeof *tile);
        for (size_t run = 0; run < runs.count; run++) {
                double *to = tile + run * runs.step;
                const float *floats = (const float *)rows + run * runs.n;
                const double *doubles = (const double *)rows + run * runs.n;
                for (size_t i = 0; single && i < runs.n; i++)
                        to[i * runs.stride] = (double)floats[i];
                for (size_t i = 0; !single && i < runs.n; i++)
                        to[i * runs.stride] = doubles[i];
        }
}

/* ---- calls ---- */

static void *forget(const struct plugin *plugin)
{
        memset(plugin->out, 0xff, plugin->n_rows * plugin->n_dim * plugin->model.precision); /* NaN, float or double */
        return plugin->out;
}

static void begin(const struct plugin_at *at, const char *function)
{
        plugin_guard_enter(at->plugin->name, function, at->where);
}

static void end(const struct plugin_at *at, const char *function, int status, char message[SCULPTOR_MESSAGE])
{
        plugin_guard_leave();
        if (status == 0)
                return;
        plugin_make_a_line(message);
        fatal("plugin %s: %s %s failed: %s", at->plugin->name, function, at->where,
              *message ? message : "it does not say why");
}

void plugin_at_sigma(struct plugin_at *at, struct plugin *plugin, const struct mesh *mesh, const double *sigma)
{
        *at = (struct plugin_at){.plugin = plugin, .mesh = mesh};
        plugin_allocate_rows(plugin);
        memcpy(at->sigma, sigma, sizeof at->sigma);
        double least = sigma[0], most = sigma[0];
        for (size_t lane = 1; lane < LANES; lane++) {
                least = fmin(least, sigma[lane]);
                most = fmax(most, sigma[lane]);
        }
        if (least == most)
                snprintf(at->where, sizeof at->where, "at sigma %.6g", least);
        else
                snprintf(at->where, sizeof at->where, "at sigma from %.6g to %.6g", least, most);
}

void plugin_eval(const struct plugin_at *at, const double *restrict x, double *restrict score)
{
        const struct plugin *plugin = at->plugin;
        char message[SCULPTOR_MESSAGE] = "";
        to_rows(at, x, plugin->x);
        void *out = forget(plugin);
        begin(at, "eval()");
        const int status = plugin->functions->eval(plugin->model.state, (int64_t)plugin->n_rows, at->sigma, plugin->x,
                                                   out, message);
        end(at, "eval()", status, message);
        from_rows(at, out, score);
}

void plugin_log_density(const struct plugin_at *at, const double *restrict x, double *restrict log_p)
{
        const struct plugin *plugin = at->plugin;
        char message[SCULPTOR_MESSAGE] = "";
        to_rows(at, x, plugin->x);
        _Alignas(64) double out[LANES];
        memset(out, 0xff, sizeof out);
        begin(at, "log_density()");
        const int status = plugin->functions->log_density(plugin->model.state, (int64_t)plugin->n_rows, at->sigma,
                                                          plugin->x, out, message);
        end(at, "log_density()", status, message);
        for (size_t lane = 0; lane < LANES; lane++)
                log_p[lane] = out[at->mesh ? 0 : lane];
}

/* J v or J'v of the rows x and v that stand in the plugin's memory, to its rows `out`. */
static void multiply(const struct plugin_at *at, bool transposed)
{
        const struct plugin *plugin = at->plugin;
        const struct sculptor_plugin *functions = plugin->functions;
        char message[SCULPTOR_MESSAGE] = "";
        const char *name = transposed ? "vjp()" : "jvp()";
        void *out = forget(plugin);
        begin(at, name);
        const int status = (transposed ? functions->vjp : functions->jvp)(
                plugin->model.state, (int64_t)plugin->n_rows, at->sigma, plugin->x, plugin->v, out, message);
        end(at, name, status, message);
}

void plugin_jacobian_vector(const struct plugin_at *at, const double *restrict x, const double *restrict v,
                            double *restrict out)
{
        to_rows(at, x, at->plugin->x);
        to_rows(at, v, at->plugin->v);
        multiply(at, !(at->plugin->model.can & SCULPTOR_JVP)); /* a gradient's J is symmetric */
        from_rows(at, at->plugin->out, out);
}

static void unit_vectors(const struct plugin *plugin, size_t i)
{
        memset(plugin->v, 0, plugin->n_rows * plugin->n_dim * plugin->model.precision);
        for (size_t row = 0; row < plugin->n_rows; row++)
                if (plugin->model.precision == SCULPTOR_FLOAT)
                        ((float *)plugin->v)[row * plugin->n_dim + i] = 1;
                else
                        ((double *)plugin->v)[row * plugin->n_dim + i] = 1;
}

/* J'e_i is row i, J e_i column i. */
void plugin_jacobian(const struct plugin_at *at, const double *restrict x, double *restrict j)
{
        const struct plugin *plugin = at->plugin;
        const bool rows = plugin->model.can & SCULPTOR_VJP, single = plugin->model.precision == SCULPTOR_FLOAT;
        const size_t n = plugin->n_dim;
        to_rows(at, x, plugin->x);
        for (size_t i = 0; i < n; i++) {
                unit_vectors(plugin, i);
                multiply(at, rows);
                for (size_t k = 0; k < n; k++) {
                        double *entry = j + (rows ? i * n + k : k * n + i) * LANES;
                        for (size_t lane = 0; lane < LANES; lane++)
                                entry[lane] = single ? (double)((float *)plugin->out)[lane * n + k]
                                                     : ((double *)plugin->out)[lane * n + k];
                }
        }
}
