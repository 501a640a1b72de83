/* Scores from shared libraries: what a plugin gives to `score: {type: plugin, library: ./myscore.so}`.
 *
 * A plugin is a shared library that exports one symbol, `sculptor_plugin`, of the type below. This header is all it
 * needs: it includes nothing of Sculptor's and is C99 and C++. plugins/example_mixture.c is a whole plugin.
 *
 * What is computed. x = x_0 + sigma n, x_0 of the target, n ~ N(0, I); the score is s(x; sigma) = grad_x ln p_sigma(x)
 * of that x. A denoiser D(x; sigma) = E[x_0 | x] gives s = (D - x)/sigma^2.
 *
 * Arrays. n examples a call, each a row of `dimension` numbers of the model's precision, rows one after the other:
 * x[n][dimension]. A particle's row is its coordinates; a field's is its cells in C order, (y, x) or (z, y, x). Each
 * row has a sigma of its own, always double. Arrays are aligned to 64 bytes and valid during the call; every number of
 * an output must be written (it holds NaN before). Do not write to inputs.
 *
 * Failures. A function returns 0, or anything else after writing a line that says why to message[SCULPTOR_MESSAGE].
 * In open() that line is shown as a mistake of the input; later it stops the run. No exception may leave a function.
 *
 * Threads and lives. Each rank (process) loads the library and opens a model for each score that names it. Calls to a
 * model come from one thread, one at a time; a plugin may compute with threads of its own. A model lives until close(),
 * which is called where the run ends in good order; the library is never unloaded. `request` and its texts are valid
 * during open() only. A plugin must not call MPI, exit() or fork(), nor change the working directory, the locale or the
 * signal handlers; the floating-point environment is put back after each call.
 *
 * Bits. The run gives the same bits on any number of ranks, and after any restart, where each output row is a
 * function of its own row of x and sigma, whichever the processor: that is the plugin's to keep. Calls always have
 * 64 rows of particles (copies fill the last), or one field. A call costs about 4 us beside what the plugin does. */
#ifndef SCULPTOR_PLUGIN_H
#define SCULPTOR_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SCULPTOR_PLUGIN_ABI 1u /* changes where old plugins would no longer work */
#define SCULPTOR_MESSAGE 512   /* bytes, its final 0 included */

#if defined(__GNUC__)
#define SCULPTOR_EXPORT __attribute__((visibility("default")))
#else
#define SCULPTOR_EXPORT
#endif

/* What a plugin, or a model of it, is for. */
#define SCULPTOR_PARTICLES 1u
#define SCULPTOR_FIELDS 2u

/* Numbers in x, score, v and out. */
#define SCULPTOR_DOUBLE 8u
#define SCULPTOR_FLOAT 4u

/* What a model can beside eval(). */
#define SCULPTOR_LOG_DENSITY 1u /* log_density() works */
#define SCULPTOR_NORMALISED 2u  /* ... and has its constant */
#define SCULPTOR_VJP 4u         /* vjp() works */
#define SCULPTOR_JVP 8u         /* jvp() works */
#define SCULPTOR_GRADIENT 16u   /* the score is a gradient: its Jacobian is symmetric, jvp and vjp are the same */

/* What is wanted of a model. */
struct sculptor_request {
        uint32_t abi, size;  /* the host's SCULPTOR_PLUGIN_ABI; sizeof(struct sculptor_request) there */
        const char *config;  /* the input's text `config`, never NULL */
        const char *file;    /* the input's path `file`, a file that can be read; "" where none is given */
        uint32_t kind;       /* SCULPTOR_PARTICLES, or SCULPTOR_FIELDS where the input has a mesh */
        uint32_t n_axes;     /* of fields: 2 or 3; of particles 0 */
        int64_t cells[3];    /* of fields, in the order of arrays: (y, x) or (z, y, x) */
        double box_size[3];  /* their lengths, likewise */
        int64_t n_rows;      /* the largest n of a call */
};

/* A model, as open() leaves it. Everything is set to the default named here before. */
struct sculptor_model {
        uint32_t size;       /* sizeof(struct sculptor_model) of the host */
        uint32_t precision;  /* SCULPTOR_DOUBLE (the default) or SCULPTOR_FLOAT */
        uint32_t can;        /* SCULPTOR_LOG_DENSITY | ...; 0 */
        uint32_t reserved;   /* 0 */
        int64_t dimension;   /* of particles: must be set. Of fields: the number of cells, as is the default */
        double sigma_min;    /* the score is defined between these: 0 */
        double sigma_max;    /* infinity */
        void *state;         /* handed to every function; NULL */
};

struct sculptor_plugin {
        uint32_t abi, size;  /* SCULPTOR_PLUGIN_ABI, sizeof(struct sculptor_plugin): so later members can be told */
        const char *name;    /* of a word or two, for messages and files */
        const char *version; /* of the plugin */
        uint32_t kinds;      /* SCULPTOR_PARTICLES | SCULPTOR_FIELDS: what it can be opened for */
        uint32_t reserved;   /* 0 */

        int (*open)(const struct sculptor_request *request, struct sculptor_model *model, char *message);
        void (*close)(void *state);

        /* score[n][dimension] */
        int (*eval)(void *state, int64_t n, const double *sigma, const void *x, void *score, char *message);

        /* Those below may be NULL. ln p_sigma(x) of each row: out[n], always double. */
        int (*log_density)(void *state, int64_t n, const double *sigma, const void *x, double *out, char *message);
        /* out_j = sum_i v_i ds_i/dx_j: a row of v and of out for each of x. */
        int (*vjp)(void *state, int64_t n, const double *sigma, const void *x, const void *v, void *out, char *message);
        /* out_i = sum_j ds_i/dx_j v_j */
        int (*jvp)(void *state, int64_t n, const double *sigma, const void *x, const void *v, void *out, char *message);
};

extern SCULPTOR_EXPORT const struct sculptor_plugin sculptor_plugin;

#ifdef __cplusplus
}
#endif

#endif
