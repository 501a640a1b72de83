/* A model of a shared library, as the score `plugin` sees it: loaded and checked by plugin_library.c, called by
 * plugin_call.c, watched by plugin_guard.c. All local. */
#ifndef SCULPTOR_SCORE_PLUGIN_H
#define SCULPTOR_SCORE_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sculptor/mesh.h"
#include "sculptor/plugin.h"
#include "sculptor/score.h"

/* ---- the library and its model ---- */

struct plugin {
        char *name;                  /* "mixture 1.0" */
        const struct sculptor_plugin *functions;
        struct sculptor_model model;
        struct score_type type;      /* the score's, without what the model cannot */
        bool fields;
        size_t n_rows, n_dim;        /* of a call: LANES particles, or one field */
        void *x, *v, *out;           /* rows in the model's precision */
};

/* Loads the library, opens a model of it for this mesh (NULL: particles). NULL, or why not. */
const char *plugin_open(const char *path, const char *config, const char *file, const struct mesh_settings *mesh,
                        struct plugin **opened);
void plugin_close(struct plugin *plugin);

void plugin_allocate_rows(struct plugin *plugin);        /* before the first call */
void plugin_make_a_line(char message[SCULPTOR_MESSAGE]); /* of what foreign code wrote */

/* ---- calls of one tile, x[n_dim][LANES] or a field on its mesh; a failure stops all ranks ---- */

struct plugin_at {
        struct plugin *plugin;
        const struct mesh *mesh; /* of fields, else NULL */
        double sigma[LANES];
        char where[96];          /* "at sigma 0.3", for messages */
};
void plugin_at_sigma(struct plugin_at *at, struct plugin *plugin, const struct mesh *mesh, const double *sigma);

void plugin_eval(const struct plugin_at *at, const double *restrict x, double *restrict score);
void plugin_log_density(const struct plugin_at *at, const double *restrict x, double *restrict log_p);
void plugin_jacobian_vector(const struct plugin_at *at, const double *restrict x, const double *restrict v,
                            double *restrict out);
void plugin_jacobian(const struct plugin_at *at, const double *restrict x, double *restrict j);

/* ---- the guard ---- */

/* Between these a signal that kills says whose fault it was before it does: "sculptor: rank 1: plugin NAME crashed
 * (SIGSEGV) in FUNCTION WHERE". What a plugin or a library's constructor leaves in the floating-point environment (such
 * as flushing subnormal numbers to 0) is undone. The texts must live as long as the call. Calls do not nest. */
void plugin_guard_enter(const char *plugin, const char *function, const char *where);
void plugin_guard_leave(void);

#endif
