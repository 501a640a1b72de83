/* Levels at equal distances: sigma_i = sigma_max + i/(n - 1) (sigma_min - sigma_max), i = 0 .. n - 1. The last
 * may be 0, the data itself. */
#include "rules.h"

static const struct param params[] = {LEVELS_RANGE_ROWS("[0, inf)"), PARAM_END};

static const char *build(const void *settings, const struct levels_context *context, struct levels *levels)
{
        (void)context;
        const struct levels_range *range = settings;
        levels_allocate(levels, (size_t)range->count);
        const size_t last = levels->n - 1;
        for (size_t i = 0; i < last; i++)
                levels->sigma[i] = fma((double)i / (double)last, range->sigma_min - range->sigma_max, range->sigma_max);
        levels->sigma[last] = range->sigma_min;
        return levels_end(levels, range->to_zero);
}

const struct levels_type levels_linear = {
        .name = "linear", .help = "equal distances, sigma_max down to sigma_min, which may be 0",
        .params = params, .settings_size = sizeof(struct levels_range), .check = levels_range_check, .build = build,
};
