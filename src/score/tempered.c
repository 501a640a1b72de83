/* A target at another temperature: s_beta = beta s, ln p_beta = beta ln p but for a constant.
 *
 * At sigma = 0 it is the score of p^beta. Above, p_sigma^beta is not (p^beta)_sigma: of N(0, d) one has the variance
 * (d + sigma^2)/beta, the other d/beta + sigma^2, and reverse samplers, which need the latter, are biased. An
 * evaluation. Local. [Du et al. 2023] */
#include <math.h>
#include <stdlib.h>

#include "score/nested.h"
#include "score/types.h"
#include "sculptor/memory.h"

struct tempered_settings {
        struct nested_settings target;
        double inverse_temperature, temperature;
};

static const struct param tempered_params[] = {
        {.key = "target", .kind = PARAM_TABLE, .offset = offsetof(struct tempered_settings, target),
         .rows = nested_params, .help = "the density at temperature 1"},
        {.key = "inverse_temperature", .kind = PARAM_REAL,
         .offset = offsetof(struct tempered_settings, inverse_temperature), .fallback = "none", .automatic = "none",
         .range = "(0, inf)", .help = "beta of p^beta: above 1 narrows, below 1 widens; in place of temperature"},
        {.key = "temperature", .kind = PARAM_REAL, .offset = offsetof(struct tempered_settings, temperature),
         .fallback = "none", .automatic = "none", .range = "(0, inf)",
         .help = "1/beta, in place of inverse_temperature"},
        PARAM_END};

static int64_t dimension(const void *settings)
{
        return nested_dimension(&((const struct tempered_settings *)settings)->target);
}

static void check(const void *settings, const struct params_scope *scope)
{
        const struct tempered_settings *set = settings;
        if (isnan(set->inverse_temperature) && isnan(set->temperature))
                params_problem(scope, "inverse_temperature", "is needed, or temperature in its place");
        if (!isnan(set->inverse_temperature) && !isnan(set->temperature))
                params_problem(scope, "temperature", "cannot be given beside inverse_temperature: one of the two");
}

static const char *open_nested(void *settings, const struct score_context *context)
{
        return nested_open(&((struct tempered_settings *)settings)->target, context);
}

struct tempered {
        double beta;
        struct score *target;
};

static void *create(const void *settings)
{
        const struct tempered_settings *set = settings;
        struct tempered *tempered = allocate(1, sizeof *tempered);
        tempered->beta = isnan(set->temperature) ? set->inverse_temperature : 1 / set->temperature;
        tempered->target = nested_create(&set->target);
        return tempered;
}

static void free_model(void *model)
{
        struct tempered *tempered = model;
        score_free(tempered->target);
        free(tempered);
}

static const char *undefined_at(const void *model, double sigma)
{
        return nested_undefined_at(((const struct tempered *)model)->target, sigma);
}

static double diameter(const void *model)
{
        return nested_diameter(((const struct tempered *)model)->target);
}

/* ---- the level ---- */

struct tempered_level {
        double beta;
        struct score_level *target;
};

static void *create_level(const void *model, double sigma)
{
        const struct tempered *tempered = model;
        struct tempered_level *level = allocate(1, sizeof *level);
        *level = (struct tempered_level){tempered->beta, score_level_create(tempered->target, sigma)};
        return level;
}

static void free_level(void *state)
{
        score_level_free(((struct tempered_level *)state)->target);
        free(state);
}

static void multiply(double beta, size_t n, double *restrict values)
{
        for (size_t i = 0; i < n; i++)
                values[i] *= beta;
}

static void eval(const void *state, const double *restrict x, double *restrict score)
{
        const struct tempered_level *level = state;
        score_eval(level->target, x, score);
        multiply(level->beta, (size_t)level->target->score->n_dim * LANES, score);
}

static void log_density(const void *state, const double *restrict x, double *restrict log_p)
{
        const struct tempered_level *level = state;
        score_log_density(level->target, x, log_p);
        multiply(level->beta, LANES, log_p);
}

static void divergence(const void *state, const double *restrict x, double *restrict div)
{
        const struct tempered_level *level = state;
        score_divergence(level->target, x, div);
        multiply(level->beta, LANES, div);
}

static void jacobian(const void *state, const double *restrict x, double *restrict j)
{
        const struct tempered_level *level = state;
        const size_t n = (size_t)level->target->score->n_dim;
        score_jacobian(level->target, x, j);
        multiply(level->beta, n * n * LANES, j);
}

static void jacobian_vector(const void *state, const double *restrict x, const double *restrict v, double *restrict out)
{
        const struct tempered_level *level = state;
        score_jacobian_vector(level->target, x, v, out);
        multiply(level->beta, (size_t)level->target->score->n_dim * LANES, out);
}

const struct score_type score_tempered = {
        .name = "tempered", .help = "a target at another temperature, beta times its score",
        .params = tempered_params, .settings_size = sizeof(struct tempered_settings), .check = check,
                .open = open_nested, .composite = true,
        .dimension = dimension, .create = create, .free = free_model,
        .undefined_at = undefined_at, .diameter = diameter, .create_level = create_level, .free_level = free_level,
        .eval = eval, .log_density = log_density, .log_density_unnormalised = true,
        .divergence = divergence, .jacobian = jacobian, .jacobian_vector = jacobian_vector,
};
