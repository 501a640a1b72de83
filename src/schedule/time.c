/* Levels at equal distances of the process's time, to a power p, i = 0 .. n - 1:
 *
 *     t_i = (t_max^(1/p) + i/(n - 1) (t_min^(1/p) - t_max^(1/p)))^p,   sigma_i = sigma(t_i).
 *
 * p = 1 are the steps of Song et al. 2021; a larger p puts more of them near the data. */
#include "functions.h"
#include "rules.h"

struct settings {
        double t_max, t_min, power;
        int64_t count;
        bool to_zero;
};

static const struct param params[] = {
        {.key = "t_max", .kind = PARAM_REAL, .offset = offsetof(struct settings, t_max), .fallback = "auto",
         .automatic = "auto", .range = "(0, inf)", .help = "first, noisiest time; auto: the process's last"},
        {.key = "t_min", .kind = PARAM_REAL, .offset = offsetof(struct settings, t_min), .fallback = "1e-3",
         .range = "(0, inf)", .help = "last time"},
        {.key = "count", .kind = PARAM_INTEGER, .offset = offsetof(struct settings, count), .range = LEVELS_COUNT_RANGE,
         .help = "number of levels, both ends included"},
        {.key = "power", .kind = PARAM_REAL, .offset = offsetof(struct settings, power), .fallback = "1",
         .range = "[1, 100]", .help = "p: distances are equal in t^(1/p)"},
        {.key = "to_zero", .kind = PARAM_FLAG, .offset = offsetof(struct settings, to_zero), .fallback = "false",
         .help = LEVELS_TO_ZERO_HELP},
        PARAM_END};

static void check(const void *configured, const struct params_scope *scope)
{
        const struct settings *settings = configured;
        if (settings->t_min >= settings->t_max) /* false for auto */
                params_problem(scope, "t_min", "%g is not below t_max, %g; levels run from noise to data",
                               settings->t_min, settings->t_max);
}

static const char *build(const void *configured, const struct levels_context *context, struct levels *levels)
{
        const struct settings *settings = configured;
        const struct process *process = context->process;
        if (!process || !process->type)
                return "type time needs a process, whose time it is; use type geometric";
        const double end_of_time = process->type->t_max(process->settings);
        const double t_max = isnan(settings->t_max) ? end_of_time : settings->t_max;
        if (isinf(t_max))
                return "the process has no last time; give t_max";
        if (t_max > end_of_time)
                return "t_max is beyond the last time of the process";
        if (!(settings->t_min < t_max))
                return "t_min is not below the last time of the process";
        const double power = settings->power;
        const double first = schedule_power(t_max, 1 / power), end = schedule_power(settings->t_min, 1 / power);
        levels_allocate(levels, (size_t)settings->count);
        const size_t last = levels->n - 1;
        for (size_t i = 0; i <= last; i++) {
                double t = schedule_power(fma((double)i / (double)last, end - first, first), power);
                t = i == 0 ? t_max : i == last ? settings->t_min : t;
                levels->sigma[i] = process->type->sigma(process->settings, t);
        }
        return levels_end(levels, settings->to_zero);
}

const struct levels_type levels_time = {
        .name = "time", .help = "equal distances in the time of the process, or in a root of it",
        .params = params, .settings_size = sizeof(struct settings), .check = check, .build = build,
};
