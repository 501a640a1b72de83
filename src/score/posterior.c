/* A Gaussian random field given masked, smoothed, noisy data y = M B x + n, on a periodic mesh:
 *
 *     p_sigma(x) ~ N(x; 0, C + sigma^2) N(y; M B x, N + sigma^2),
 *     s = -(C + sigma^2)^-1 x + B M (N + sigma^2)^-1 (y - B x),
 *     div s = -sum 1/c - b2 sum M/(N + sigma^2),   b2 the mean of b^2 over modes.
 *
 * At sigma = 0 this is the posterior; above, a tempered path to it, wide where sigma is large, and not the posterior
 * noised by sigma [Remy et al. 2022]. log p lacks -ln p(y).
 * One transform there and back an evaluation, two with a beam. */
#include "score/posterior_level.h"

#include <stdio.h>
#include <stdlib.h>

#include "score/types.h"
#include "sculptor/log.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

enum { MOST_CELLS_WITH_VARIANCE = 65536 };

struct posterior_settings {
        struct field_settings field;
        struct observation_settings observation;
        bool exact_variance;
};

static const struct param posterior_params[] = {
        FIELD_ROWS(offsetof(struct posterior_settings, field)),
        {.key = "observation", .kind = PARAM_TABLE, .offset = offsetof(struct posterior_settings, observation),
         .rows = posterior_observation_params, .check = posterior_observation_check,
         .help = "what is known of the field"},
        {.key = "exact_variance", .kind = PARAM_FLAG, .offset = offsetof(struct posterior_settings, exact_variance),
         .fallback = "false",
         .help = "also compute the exact variance of each cell, one linear system for each of at most 65536 cells"},
        PARAM_END};

static void check(const void *configured, const struct params_scope *scope)
{
        const struct posterior_settings *settings = configured;
        const struct random_field_options *draws = &settings->field.draws;
        if (draws->fixed_amplitude || draws->paired)
                params_problem(scope, draws->paired ? "paired" : "fixed_amplitude",
                               "is for draws from the prior; those from a posterior are exact only without");
}

static int64_t dimension(const void *settings)
{
        return mesh_settings_cells(&((const struct posterior_settings *)settings)->field.mesh);
}

static void *create(const void *settings)
{
        struct posterior *model = allocate(1, sizeof *model);
        model->settings = settings;
        model->observation.settings = &model->settings->observation;
        field_prior_create(&model->prior, &model->settings->field);
        return model;
}

static void free_model(void *configured)
{
        struct posterior *model = configured;
        field_prior_release(&model->prior);
        posterior_observation_release(&model->observation);
        free(model->mean);
        free(model->variance);
        free(model);
}

static struct mesh *mesh_of(const void *model)
{
        return ((const struct posterior *)model)->prior.mesh;
}

static const char *load(void *configured, const struct score_context *context)
{
        struct posterior *model = configured;
        if (model->settings->exact_variance && model->prior.mesh->n_cells > MOST_CELLS_WITH_VARIANCE)
                return "exact_variance solves a system for each cell and is for at most 65536 of them; estimate the "
                       "variance from exact draws, or use a coarser mesh";
        score_reads(context, "spectrum");
        const char *why = field_prior_load(&model->prior, &model->settings->field);
        if (parallel_any(why != NULL))
                return why;
        score_reads(context, "observation");
        return posterior_observation_load(&model->observation, model->prior.mesh, context);
}

/* ---- exact answers ---- */

const char *posterior_told(const char *what, const struct wiener_report *report)
{
        static char why[200];
        if (report->converged) {
                log_line("posterior: %s in %lld iterations", what, (long long)report->iterations);
                return NULL;
        }
        snprintf(why, sizeof why,
                 "the %s did not converge in %lld iterations: signal and noise are too far apart; raise "
                 "noise_sigma where it is smallest",
                 what, (long long)report->iterations);
        return why;
}

static const char *prepare(void *configured)
{
        struct posterior *model = configured;
        const struct mesh *mesh = model->prior.mesh;
        const char *why = field_prior_prepare(&model->prior);
        if (parallel_domain_any(why != NULL))
                return why;
        posterior_observation_prepare(&model->observation, &model->prior);
        model->mean = mesh_allocate(mesh);
        struct wiener_report report = posterior_mean(model, 0, model->mean);
        why = posterior_told("Wiener mean", &report);
        if (why || !model->settings->exact_variance)
                return why;
        model->variance = mesh_allocate(mesh);
        report = posterior_variance(model, 0, model->variance);
        return posterior_told("exact variance", &report);
}

size_t posterior_products(const void *configured, struct score_product product[SCORE_MAX_PRODUCTS])
{
        const struct posterior *model = configured;
        const struct observation *observation = &model->observation;
        const struct score_product all[] = {
                {"truth", "", "the field that was observed", observation->truth},
                {"data", "", "what was observed of it, 0 where masked", observation->data},
                {"mask", "", "1 where there are data", observation->mask},
                {"noise_sigma", "", "standard deviation of the data's noise", observation->noise_sigma},
                {"wiener_mean", "", "exact mean of the posterior", model->mean},
                {"posterior_variance", "", "exact variance of the posterior", model->variance},
        };
        size_t n = 0;
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
                if (all[i].field)
                        product[n++] = all[i];
        return n;
}

/* Data say something of the mean, but a prior without width in it does not listen. */
static const char *singular_at(const void *model, double sigma)
{
        (void)model;
        return sigma > 0 ? NULL : FIELD_SINGULAR;
}

static void draw(const void *model, const struct rng_stream *stream, uint64_t first_particle, double *restrict x)
{
        posterior_draw(model, 0, stream, first_particle, x);
}

const struct score_type score_posterior = {
        .name = "posterior",
        .help = "a Gaussian random field given masked, smoothed, noisy data; exact at sigma 0, tempered above",
        .params = posterior_params, .settings_size = sizeof(struct posterior_settings), .check = check,
        .dimension = dimension, .create = create, .free = free_model, .mesh = mesh_of, .load = load, .prepare = prepare,
        .products = posterior_products, .singular_at = singular_at,
        .create_level = posterior_level_create, .free_level = posterior_level_free,
        .eval = posterior_level_eval, .eval_both = posterior_level_eval_both,
        .log_density = posterior_level_log_density, .log_density_unnormalised = true, .tempered = true,
        .work_fields = 12, /* data, mask, noise, truth, exact answers, weights; the solver's share beyond a scheme's */
        .divergence = posterior_level_divergence, .filter = posterior_level_filter,
        .remainder = posterior_level_remainder, .mode_variance = posterior_level_mode_variance, .draw = draw,
};
