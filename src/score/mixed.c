/* Two scores mixed with a weight w, as classifier-free guidance does:
 *
 *     s = (1 + w) s_conditional - w s_unconditional,   ln p = the same of the two, but for a constant.
 *
 * At sigma = 0 it is the score of p_c (p_c/p_u)^w. Above, it is not the score of that density noised, nor of any one
 * density noised: reverse samplers go along a path with another end, and their samples are biased.
 * An evaluation of each. Local. [Ho & Salimans 2022; Bradley & Nakkiran 2024] */
#include <math.h>
#include <stdlib.h>

#include "score/nested.h"
#include "score/types.h"
#include "sculptor/memory.h"

struct mixed_settings {
        struct nested_settings conditional, unconditional;
        double weight;
};

static const struct param mixed_params[] = {{.key = "conditional",
                                             .kind = PARAM_TABLE,
                                             .offset = offsetof(struct mixed_settings, conditional),
                                             .rows = nested_params,
                                             .help = "the score that counts 1 + weight times"},
                                            {.key = "unconditional",
                                             .kind = PARAM_TABLE,
                                             .offset = offsetof(struct mixed_settings, unconditional),
                                             .rows = nested_params,
                                             .help = "the score that is taken away weight times"},
                                            {.key = "weight",
                                             .kind = PARAM_REAL,
                                             .offset = offsetof(struct mixed_settings, weight),
                                             .help = "w of (1 + w) s_conditional - w s_unconditional; 0: conditional, "
                                                     "-1: unconditional, above 0: guidance"},
                                            PARAM_END};

static int64_t dimension(const void *settings)
{
        return nested_dimension(&((const struct mixed_settings *)settings)->conditional);
}

static void check(const void *settings, const struct params_scope *scope)
{
        const struct mixed_settings *set = settings;
        const int64_t n_c = nested_dimension(&set->conditional), n_u = nested_dimension(&set->unconditional);
        if (n_c != n_u && n_c > 0 && n_u > 0)
                params_problem(scope, "unconditional", "has %lld coordinate%s, but conditional has %lld",
                               (long long)n_u, n_u == 1 ? "" : "s", (long long)n_c);
}

/* Here dimensions are known that were not when the input was read. */
static const char *open_nested(void *settings, const struct score_context *context)
{
        struct mixed_settings *set = settings;
        const char *why = nested_open(&set->conditional, context);
        why = why ? why : nested_open(&set->unconditional, context);
        return why ? why
               : nested_dimension(&set->conditional) == nested_dimension(&set->unconditional)
                       ? NULL
                       : "conditional and unconditional have different "
                         "numbers of coordinates";
}

struct mixed {
        double weight;
        struct score *conditional, *unconditional;
};

static void *create(const void *settings)
{
        const struct mixed_settings *set = settings;
        struct mixed *mixed = allocate(1, sizeof *mixed);
        *mixed = (struct mixed){set->weight, nested_create(&set->conditional), nested_create(&set->unconditional)};
        return mixed;
}

static void free_model(void *model)
{
        struct mixed *mixed = model;
        score_free(mixed->conditional);
        score_free(mixed->unconditional);
        free(mixed);
}

static const char *undefined_at(const void *model, double sigma)
{
        const struct mixed *mixed = model;
        const char *why = nested_undefined_at(mixed->conditional, sigma);
        return why ? why : nested_undefined_at(mixed->unconditional, sigma);
}

static double diameter(const void *model)
{
        const struct mixed *mixed = model;
        return fmax(nested_diameter(mixed->conditional), nested_diameter(mixed->unconditional));
}

/* ---- the level ---- */

struct mixed_level {
        double weight;
        struct score_level *conditional, *unconditional;
        double *other; /* scratch: the unconditional's score */
};

static void *create_level(const void *model, double sigma)
{
        const struct mixed *mixed = model;
        struct mixed_level *level = allocate(1, sizeof *level);
        level->weight = mixed->weight;
        level->conditional = score_level_create(mixed->conditional, sigma);
        level->unconditional = score_level_create(mixed->unconditional, sigma);
        level->other = allocate((size_t)mixed->conditional->n_dim * LANES, sizeof(double));
        return level;
}

static void free_level(void *state)
{
        struct mixed_level *level = state;
        score_level_free(level->conditional);
        score_level_free(level->unconditional);
        free(level->other);
        free(level);
}

/* a <- (1 + w) a - w b */
static void mix(const struct mixed_level *level, size_t n, const double *restrict b, double *restrict a)
{
        const double w = level->weight;
        for (size_t i = 0; i < n; i++)
                a[i] = fma(w, a[i] - b[i], a[i]);
}

static size_t n_dim_of(const struct mixed_level *level)
{
        return (size_t)level->conditional->score->n_dim;
}

static void eval(const void *state, const double *restrict x, double *restrict score)
{
        const struct mixed_level *level = state;
        score_eval(level->conditional, x, score);
        score_eval(level->unconditional, x, level->other);
        mix(level, n_dim_of(level) * LANES, level->other, score);
}

static void log_density(const void *state, const double *restrict x, double *restrict log_p)
{
        const struct mixed_level *level = state;
        double other[LANES];
        score_log_density(level->conditional, x, log_p);
        score_log_density(level->unconditional, x, other);
        mix(level, LANES, other, log_p);
}

static void divergence(const void *state, const double *restrict x, double *restrict div)
{
        const struct mixed_level *level = state;
        double other[LANES];
        score_divergence(level->conditional, x, div);
        score_divergence(level->unconditional, x, other);
        mix(level, LANES, other, div);
}

static void jacobian(const void *state, const double *restrict x, double *restrict j)
{
        const struct mixed_level *level = state;
        const size_t n = n_dim_of(level);
        double *other = allocate(n * n * LANES, sizeof *other);
        score_jacobian(level->conditional, x, j);
        score_jacobian(level->unconditional, x, other);
        mix(level, n * n * LANES, other, j);
        free(other);
}

static void jacobian_vector(const void *state, const double *restrict x, const double *restrict v, double *restrict out)
{
        const struct mixed_level *level = state;
        score_jacobian_vector(level->conditional, x, v, out);
        score_jacobian_vector(level->unconditional, x, v, level->other);
        mix(level, n_dim_of(level) * LANES, level->other, out);
}

const struct score_type score_mixed = {
        .name = "mixed", .help = "two scores mixed by a weight: classifier-free guidance",
        .params = mixed_params, .settings_size = sizeof(struct mixed_settings), .check = check, .open = open_nested, .composite = true,
        .dimension = dimension, .create = create, .free = free_model,
        .undefined_at = undefined_at, .diameter = diameter, .create_level = create_level, .free_level = free_level,
        .eval = eval, .log_density = log_density, .log_density_unnormalised = true,
        .divergence = divergence, .jacobian = jacobian, .jacobian_vector = jacobian_vector,
};
