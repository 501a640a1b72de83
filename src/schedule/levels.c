/* The registry of rules for noise levels, and what rules share. Local. */
#include <stdlib.h>
#include <string.h>

#include "rules.h"
#include "sculptor/memory.h"

static const struct levels_type *const registry[] = {&levels_constant, &levels_geometric, &levels_linear,
                                                     &levels_karras,   &levels_explicit,  &levels_ncsnv2,
                                                     &levels_time};

bool levels_variant(size_t i, struct param_variant *variant)
{
        if (i >= sizeof registry / sizeof *registry)
                return false;
        const struct levels_type *type = registry[i];
        *variant = (struct param_variant){.name = type->name, .help = type->help, .rows = type->params,
                                          .settings_size = type->settings_size, .check = type->check, .type = type};
        return true;
}

void levels_release(struct levels *levels)
{
        free(levels->sigma);
        *levels = (struct levels){.n = 0};
}

void levels_allocate(struct levels *levels, size_t n)
{
        levels->n = n;
        levels->sigma = allocate(n, sizeof *levels->sigma);
        levels->step_size = NAN;
}

void levels_range_check(const void *settings, const struct params_scope *scope)
{
        const struct levels_range *range = settings;
        if (!(range->sigma_min < range->sigma_max))
                params_problem(scope, "sigma_min", "%g is not below sigma_max, %g; levels run from noise to data",
                               range->sigma_min, range->sigma_max);
        if (range->to_zero && range->sigma_min == 0)
                params_problem(scope, "to_zero", "has no effect: sigma_min is 0 already");
}

const char *levels_strictly_fall(const struct levels *levels)
{
        for (size_t i = 1; i < levels->n; i++)
                if (!(levels->sigma[i] < levels->sigma[i - 1]))
                        return "neighbouring levels are the same number; fewer levels, or a wider range";
        return NULL;
}

const char *levels_end(struct levels *levels, bool to_zero)
{
        const char *why = levels_strictly_fall(levels);
        if (why || !to_zero)
                return why;
        if (!(levels->sigma[levels->n - 1] > 0))
                return "the last level is 0 already, and to_zero would repeat it";
        struct levels longer;
        levels_allocate(&longer, levels->n + 1);
        memcpy(longer.sigma, levels->sigma, levels->n * sizeof *levels->sigma);
        longer.sigma[levels->n] = 0;
        levels_release(levels);
        *levels = longer;
        return NULL;
}
