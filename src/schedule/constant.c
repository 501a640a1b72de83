/* The same level again and again: plain chains. More than one cuts a chain into parts, with a snapshot and
 * a row of the series after each. */
#include "rules.h"

struct settings {
        double sigma;
        int64_t count;
};

static const struct param params[] = {
        {.key = "sigma", .kind = PARAM_REAL, .offset = offsetof(struct settings, sigma), .fallback = "0",
         .range = "[0, inf)", .unit = "x", .help = "noise of every level; 0: the data itself"},
        {.key = "count", .kind = PARAM_INTEGER, .offset = offsetof(struct settings, count), .fallback = "1",
         .range = "[1, " LEVELS_MOST "]", .help = "number of levels"},
        PARAM_END};

static const char *build(const void *configured, const struct levels_context *context, struct levels *levels)
{
        (void)context;
        const struct settings *settings = configured;
        levels_allocate(levels, (size_t)settings->count);
        for (size_t i = 0; i < levels->n; i++)
                levels->sigma[i] = settings->sigma;
        return NULL;
}

const struct levels_type levels_constant = {
        .name = "constant", .help = "one noise, for plain chains",
        .params = params, .settings_size = sizeof(struct settings), .build = build,
};
