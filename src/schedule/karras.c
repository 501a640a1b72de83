/* The levels of EDM [Karras et al. 2022, eq. 5], i = 0 .. n - 1:
 *
 *     sigma_i = (sigma_max^(1/rho) + i/(n - 1) (sigma_min^(1/rho) - sigma_max^(1/rho)))^rho.
 *
 * rho = 1 is linear, rho -> inf geometric; 7 is theirs. Their grid ends with a 0, where reverse samplers may go:
 * to_zero appends it. Langevin chains have nothing to sample there; sampler.denoise takes their last noise away. */
#include "functions.h"
#include "rules.h"

struct settings {
        struct levels_range range;
        double rho;
};

static const struct param params[] = {
        LEVELS_RANGE_ROWS("(0, inf)"),
        {.key = "rho", .kind = PARAM_REAL, .offset = offsetof(struct settings, rho), .fallback = "7",
         .range = "[1, 100]", .help = "1: linear; the larger, the nearer to geometric"},
        PARAM_END};

static const char *build(const void *configured, const struct levels_context *context, struct levels *levels)
{
        (void)context;
        const struct settings *settings = configured;
        const double rho = settings->rho;
        const double first = schedule_power(settings->range.sigma_max, 1 / rho),
                     end = schedule_power(settings->range.sigma_min, 1 / rho);
        levels_allocate(levels, (size_t)settings->range.count);
        const size_t last = levels->n - 1;
        levels->sigma[0] = settings->range.sigma_max;
        for (size_t i = 1; i < last; i++)
                levels->sigma[i] = schedule_power(fma((double)i / (double)last, end - first, first), rho);
        levels->sigma[last] = settings->range.sigma_min;
        return levels_end(levels, settings->range.to_zero);
}

const struct levels_type levels_karras = {
        .name = "karras", .help = "EDM's levels, equal distances in sigma^(1/rho)",
        .params = params, .settings_size = sizeof(struct settings), .check = levels_range_check, .build = build,
};
