/* Distributions of sigma over a range [min, max]:
 *
 *     log_uniform   ln sigma uniform over [ln min, ln max]
 *     log_normal    ln sigma ~ N(mean, deviation^2), what is beyond the range set to its end [Karras et al. 2022,
 *                   tab. 1] */
#include "training/sigma_sampling.h"

#include <math.h>

#include "sculptor/vecmath.h"

struct settings { struct sigma_range range; double mean, deviation; };

#define RANGE_ROWS                                                                                                     \
        {.key = "min",                                                                                                 \
         .kind = PARAM_REAL,                                                                                           \
         .offset = offsetof(struct settings, range.min),                                                               \
         .range = "(0, inf)",                                                                                          \
         .unit = "x",                                                                                                  \
         .help = "least noise trained at"},                                                                            \
        {                                                                                                              \
                .key = "max", .kind = PARAM_REAL, .offset = offsetof(struct settings, range.max), .range = "(0, inf)", \
                .unit = "x", .help = "most noise trained at"                                                           \
        }

static const struct param uniform_rows[] = {RANGE_ROWS, PARAM_END};

static const struct param normal_rows[] = {
        RANGE_ROWS,
        {.key = "mean", .kind = PARAM_REAL, .offset = offsetof(struct settings, mean), .fallback = "-1.2",
         .help = "mean of ln sigma"},
        {.key = "deviation", .kind = PARAM_REAL, .offset = offsetof(struct settings, deviation), .fallback = "1.2",
         .range = "(0, inf)", .help = "standard deviation of ln sigma"},
        PARAM_END};

static void check(const void *configured, const struct params_scope *scope)
{
        const struct sigma_range *range = &((const struct settings *)configured)->range;
        if (range->min >= range->max)
                params_problem(scope, "min", "is %g, not below max, %g", range->min, range->max);
}

static const struct param_variant variants[] = {
        {.name = "log_uniform", .help = "ln sigma uniform from ln min to ln max", .rows = uniform_rows,
         .settings_size = sizeof(struct settings), .check = check, .type = "log_uniform"},
        {.name = "log_normal", .help = "ln sigma normal, clipped to the range", .rows = normal_rows,
         .settings_size = sizeof(struct settings), .check = check, .type = "log_normal"},
};

bool sigma_sampling_variant(size_t i, struct param_variant *variant)
{
        if (i >= sizeof variants / sizeof *variants)
                return false;
        *variant = variants[i];
        return true;
}

bool sigma_sampling_is_log_uniform(const struct selection *sampling)
{
        return sampling->type == variants[0].type;
}

struct sigma_range sigma_sampling_range(const struct selection *sampling)
{
        return ((const struct settings *)sampling->settings)->range;
}

void sigma_sampling_draw(const struct selection *sampling, const struct rng_stream *stream, uint64_t first_particle,
                         bool one, double sigma[LANES])
{
        const struct settings *settings = sampling->settings;
        const bool uniform = sigma_sampling_is_log_uniform(sampling);
        const double lowest = vm_log(settings->range.min);
        const double offset = uniform ? lowest : settings->mean;
        const double scale = uniform ? vm_log(settings->range.max) - lowest : settings->deviation;
        if (one && uniform)
                rng_uniform_one(stream, first_particle, 1, sigma);
        else if (one)
                rng_normal_row(stream, first_particle, 0, 1, sigma);
        else
                (uniform ? rng_uniform : rng_normal)(stream, first_particle, 1, sigma);
        for (size_t lane = 1; one && lane < LANES; lane++)
                sigma[lane] = sigma[0];
        for (size_t lane = 0; lane < LANES; lane++) {
                const double drawn = vm_exp(fma(scale, sigma[lane], offset));
                const double above = drawn < settings->range.min ? settings->range.min : drawn;
                sigma[lane] = above > settings->range.max ? settings->range.max : above;
        }
}
