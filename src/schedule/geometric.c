/* Geometric levels [Song & Ermon 2019]: sigma_i = sigma_max (sigma_min/sigma_max)^(i/(n - 1)), i = 0 .. n - 1.
 * Each step down removes the same fraction of the noise. */
#include "rules.h"
#include "sculptor/vecmath.h"

static const struct param params[] = {LEVELS_RANGE_ROWS("(0, inf)"), PARAM_END};

void levels_fill_geometric(struct levels *levels, double sigma_max, double sigma_min)
{
        const size_t last = levels->n - 1;
        const double log_ratio = vm_log(sigma_min) - vm_log(sigma_max);
        for (size_t i = 0; i < last; i++)
                levels->sigma[i] = sigma_max * vm_exp((double)i / (double)last * log_ratio);
        levels->sigma[last] = sigma_min;
}

static const char *build(const void *settings, const struct levels_context *context, struct levels *levels)
{
        (void)context;
        const struct levels_range *range = settings;
        levels_allocate(levels, (size_t)range->count);
        levels_fill_geometric(levels, range->sigma_max, range->sigma_min);
        return levels_end(levels, range->to_zero);
}

const struct levels_type levels_geometric = {
        .name = "geometric", .help = "a constant ratio between neighbours, sigma_max down to sigma_min",
        .params = params, .settings_size = sizeof(struct levels_range), .check = levels_range_check, .build = build,
};
