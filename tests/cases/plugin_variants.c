/* Plugins for tests, of which the compiler's options make variants: N(0, v_i) in coordinate i, v_i = 1 + i/dimension,
 * whole or broken somewhere. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sculptor/plugin.h"

#ifndef ABI
#define ABI SCULPTOR_PLUGIN_ABI
#endif
#ifndef SIZE
#define SIZE sizeof(struct sculptor_plugin)
#endif
#ifndef KINDS
#define KINDS SCULPTOR_PARTICLES
#endif
#ifndef OPEN /* statements in open(), and first and last in eval() */
#define OPEN
#endif
#ifndef FIRST
#define FIRST
#endif
#ifndef EVAL
#define EVAL
#endif

#ifndef NO_SYMBOL
struct normal { int64_t dimension; };

static int open_model(const struct sculptor_request *request, struct sculptor_model *model, char *message)
{
        if (request->kind == SCULPTOR_FIELDS) { /* config tells what a test expects to see */
                char seen[64];
                snprintf(seen, sizeof seen, "%d %d of %g %g", (int)request->cells[0], (int)request->cells[1],
                         request->box_size[0], request->box_size[1]);
                for (const char *a = seen, *b = request->config; *a || *b; a++, b++)
                        if (*a != *b)
                                return snprintf(message, SCULPTOR_MESSAGE, "cells and box are %s", seen);
        } else {
                model->dimension = 2;
        }
        OPEN;
        struct normal *normal = malloc(sizeof *normal);
        normal->dimension = model->dimension;
        model->state = normal;
        return 0;
}

static int eval(void *state, int64_t n, const double *sigma, const void *x, void *score, char *message)
{
        const struct normal *normal = state;
        (void)message;
        FIRST;
        for (int64_t row = 0; row < n; row++)
                for (int64_t i = 0; i < normal->dimension; i++) {
                        const int64_t k = row * normal->dimension + i;
                        const double v = 1 + (double)i / (double)normal->dimension + sigma[row] * sigma[row];
                        ((double *)score)[k] = -((const double *)x)[k] / v;
                }
        EVAL;
        return 0;
}

const struct sculptor_plugin sculptor_plugin = {
        .abi = ABI, .size = SIZE, .name = "variant", .version = "0.1", .kinds = KINDS, .open = open_model,
        .close = free, .eval = eval,
};
#endif
