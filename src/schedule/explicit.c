/* Levels as listed, strictly falling. The last may be 0, the data itself. */
#include <string.h>

#include "rules.h"

enum { MOST_VALUES = 1000000 }; /* as LEVELS_COUNT_RANGE */

struct settings { struct real_vector values; };

static const struct param params[] = {
        {.key = "values", .kind = PARAM_VECTOR, .offset = offsetof(struct settings, values), .range = "[0, inf)",
         .unit = "x", .help = "the levels, each below the one before; the last may be 0"},
        PARAM_END};

static void check(const void *configured, const struct params_scope *scope)
{
        const struct real_vector *values = &((const struct settings *)configured)->values;
        if (values->n == 0)
                params_problem(scope, "values", "is empty; one level at least");
        if (values->n > MOST_VALUES)
                params_problem(scope, "values", "has %zu levels, more than %d", values->n, MOST_VALUES);
        for (size_t i = 1; i < values->n; i++)
                if (!(values->value[i] < values->value[i - 1])) {
                        params_problem(scope, "values",
                                       "level %zu, %g, is not below the one before, %g; levels run from noise to "
                                       "data (type constant repeats one)",
                                       i + 1, values->value[i], values->value[i - 1]);
                        return;
                }
}

static const char *build(const void *configured, const struct levels_context *context, struct levels *levels)
{
        (void)context;
        const struct real_vector *values = &((const struct settings *)configured)->values;
        levels_allocate(levels, values->n);
        memcpy(levels->sigma, values->value, values->n * sizeof *levels->sigma);
        return NULL;
}

const struct levels_type levels_explicit = {
        .name = "explicit", .help = "as listed in values",
        .params = params, .settings_size = sizeof(struct settings), .check = check, .build = build,
};
