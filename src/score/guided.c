/* A prior given linear-Gaussian data y = A x_0 + n: the score of p(x_0 | y), noised, exactly or by guidance.
 *
 *     exact   Gaussians and their mixtures: guided_exact.c
 *     pigdm   reconstruction guidance with r^2 = sigma^2 v/(v + sigma^2): guided_reconstruction.c [Song et al. 2023]
 *     dps     the same with r^2 = 0 [Chung et al. 2023; Ho et al. 2022] */
#include "score/guided.h"

#include "score/types.h"

enum { MOST_COORDINATES = 256, MOST_ENTRIES = 1 << 18 };

#define FIELD(member) offsetof(struct guided_settings, member)

static const char *const methods[] = {
        [GUIDED_EXACT] = "exact", [GUIDED_PIGDM] = "pigdm", [GUIDED_DPS] = "dps", NULL};

static const struct param guided_params[] = {
        {.key = "prior", .kind = PARAM_TABLE, .offset = FIELD(prior), .rows = nested_params,
         .help = "the target before there are data"},
        {.key = "likelihood",
         .kind = PARAM_TABLE,
         .offset = FIELD(likelihood),
         .rows = likelihood_params,
         .check = likelihood_check,
         .help = "the data y = A x + n, n ~ N(0, noise^2)"},
        {.key = "method",
         .kind = PARAM_CHOICE,
         .offset = FIELD(method),
         .choices = methods,
         .fallback = "exact",
         .help = "how data act on noised x: exact (Gaussian priors and mixtures), or guidance by the denoised x, "
                 "biased"},
        {.key = "prior_variance",
         .kind = PARAM_REAL,
         .offset = FIELD(prior_variance),
         .fallback = "1",
         .range = "(0, inf)",
         .unit = "x^2",
         .help = "pigdm: v of r^2 = sigma^2 v/(v + sigma^2), the assumed variance of x_0 given x"},
        {.key = "scale", .kind = PARAM_REAL, .offset = FIELD(scale), .fallback = "1", .range = "[0, inf)",
         .help = "pigdm, dps: what the guidance is multiplied by; 1 is the likelihood's own"},
        PARAM_END};

int64_t guided_dimension(const void *settings)
{
        return nested_dimension(&((const struct guided_settings *)settings)->prior);
}

static void check_prior(const struct guided_settings *set, const struct params_scope *scope)
{
        const int64_t n_dim = guided_dimension(set);
        if (n_dim == 0) { /* not known before it is opened, and so no mixture */
                if (set->method == GUIDED_EXACT)
                        params_problem(scope, "method",
                                       "exact is for Gaussians and their mixtures, and %s is neither; use pigdm or dps",
                                       ((const struct score_type *)set->prior.type.type)->name);
                return;
        }
        if (n_dim > MOST_COORDINATES) {
                params_problem(scope, "prior",
                               "has %lld coordinates; matrices of more than %d squared are not for this",
                               (long long)n_dim, MOST_COORDINATES);
                return;
        }
        if (set->method != GUIDED_EXACT)
                return;
        struct score *prior = nested_create(&set->prior);
        const size_t n = guided_exact_components(prior);
        if (n == 0)
                params_problem(scope, "method",
                               "exact is for Gaussians and their mixtures, and %s is neither; use pigdm or dps",
                               prior->type->name);
        else if (n * (size_t)(n_dim * n_dim) > MOST_ENTRIES)
                params_problem(
                        scope, "method",
                        "exact keeps a matrix for each of the %zu components, more than %d numbers; use pigdm or dps",
                        n, MOST_ENTRIES);
        score_free(prior);
}

static void check(const void *settings, const struct params_scope *scope)
{
        const struct guided_settings *set = settings;
        if (guided_dimension(set) > 0)
                likelihood_check_fit(&set->likelihood, guided_dimension(set), scope);
        if (set->method == GUIDED_EXACT && set->scale != 1)
                params_problem(scope, "scale", "is for pigdm and dps; exact needs none");
        check_prior(set, scope);
}

/* Here the dimension is known where it was not when the input was read. */
static const char *open_nested(void *settings, const struct score_context *context)
{
        struct guided_settings *set = settings;
        const bool unknown = guided_dimension(set) == 0;
        const char *why = nested_open(&set->prior, context);
        return why ? why : unknown ? likelihood_unfit(&set->likelihood, guided_dimension(set)) : NULL;
}

static const struct score_type *configured(const void *settings)
{
        return ((const struct guided_settings *)settings)->method == GUIDED_EXACT ? &guided_exact
                                                                                  : &guided_reconstruction;
}

const struct score_type score_guided = {
        .name = "guided", .help = "a prior given linear-Gaussian data of it, exactly or by guidance",
        .params = guided_params, .settings_size = sizeof(struct guided_settings), .check = check, .open = open_nested,
        .configured = configured, .dimension = guided_dimension, .composite = true,
};
