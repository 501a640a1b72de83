#include "score/nested.h"

const struct param nested_params[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = 0, .variant = score_plain_variant,
         .help = "a score of particles that is not made of others"},
        PARAM_END};

int64_t nested_dimension(const struct nested_settings *settings)
{
        const struct score_type *type = settings->type.type;
        return type->dimension(settings->type.settings);
}

const char *nested_open(struct nested_settings *settings, const struct score_context *context)
{
        const struct score_type *type = settings->type.type;
        const char *why = score_open(type, settings->type.settings, context);
        if (why)
                return why;
        if (type->configured)
                type = type->configured(settings->type.settings);
        return type->mesh ? "is of fields, and conditioning here is of particles" : NULL;
}

struct score *nested_create(const struct nested_settings *settings)
{
        return score_create(settings->type.type, settings->type.settings);
}

const char *nested_undefined_at(const struct score *score, double sigma)
{
        return score->type->undefined_at ? score->type->undefined_at(score->model, sigma) : NULL;
}

double nested_diameter(const struct score *score)
{
        return score->type->diameter ? score->type->diameter(score->model) : 0;
}
