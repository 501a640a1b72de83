/* The registry of noising processes, and what follows from their functions. Local. */
#include "sculptor/process.h"

#include "processes.h"
#include "sculptor/vecmath.h"

static const struct process_type *const registry[] = {&process_edm, &process_ve, &process_vp, &process_subvp};

bool process_variant(size_t i, struct param_variant *variant)
{
        if (i >= sizeof registry / sizeof *registry)
                return false;
        const struct process_type *type = registry[i];
        *variant = (struct param_variant){.name = type->name, .help = type->help, .rows = type->params,
                                          .settings_size = type->settings_size, .check = type->check, .type = type};
        return true;
}

struct time_point process_at_sigma(const struct process *process, double sigma)
{
        if (sigma == 0)
                return (struct time_point){.sigma = 0, .scale = 1, .time = 0};
        const double t = process->type->time(process->settings, sigma);
        return (struct time_point){.sigma = sigma, .scale = process->type->scale(process->settings, t), .time = t};
}

struct time_point process_at_time(const struct process *process, double t)
{
        return (struct time_point){.sigma = process->type->sigma(process->settings, t),
                                   .scale = process->type->scale(process->settings, t), .time = t};
}

double process_standard_deviation(const struct time_point *point)
{
        return point->scale * point->sigma;
}

double process_log_snr(const struct time_point *point)
{
        return -2 * vm_log(point->sigma);
}

double process_prior_deviation(const struct process *process, const struct time_point *first)
{
        return process->type->unit_prior ? 1 : process_standard_deviation(first);
}
