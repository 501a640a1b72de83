/* What the input's `likelihood:` may say, and which scores can answer. */
#include <math.h>
#include <stddef.h>

#include "sculptor/log_likelihood.h"

static const char *const traces[] = {
        [LOG_LIKELIHOOD_EXACT] = "exact", [LOG_LIKELIHOOD_HUTCHINSON] = "hutchinson", NULL};
static const char *const probes[] = {
        [LOG_LIKELIHOOD_RADEMACHER] = "rademacher", [LOG_LIKELIHOOD_GAUSSIAN] = "gaussian", NULL};
static const char *const priors[] = {[LOG_LIKELIHOOD_NORMAL] = "normal", [LOG_LIKELIHOOD_OWN] = "exact", NULL};

#define FIELD(member) offsetof(struct log_likelihood_settings, member)

const struct param log_likelihood_params[] = {
        {.key = "data", .kind = PARAM_TEXT, .offset = FIELD(data), .fallback = "", .operational = true,
         .help = "HDF5 file of the data, of which the first population.particles are taken; empty: population.initial"},
        {.key = "dataset", .kind = PARAM_TEXT, .offset = FIELD(dataset), .fallback = "state", .operational = true,
         .help = "data set in it of shape (particle, coordinate), or (realization, [z,] y, x) for fields"},
        {.key = "trace", .kind = PARAM_CHOICE, .offset = FIELD(trace), .choices = traces, .fallback = "exact",
         .operational = true,
         .help = "the divergence of the score: exact, or estimated by random probes [Hutchinson 1990]"},
        {.key = "probes", .kind = PARAM_CHOICE, .offset = FIELD(probes), .choices = probes, .fallback = "rademacher",
         .operational = true, .help = "hutchinson: components of the probes, 1 or -1 at random, or normal"},
        {.key = "n_probes", .kind = PARAM_INTEGER, .offset = FIELD(n_probes), .fallback = "16", .range = "[2, 65536]",
         .operational = true, .help = "hutchinson: probes for each particle, each as much memory as one"},
        {.key = "prior", .kind = PARAM_CHOICE, .offset = FIELD(prior), .choices = priors, .fallback = "normal",
         .operational = true,
         .help = "log density at sigma_max: of N(0, sigma_max^2), as published, or the score's own exact one"},
        {.key = "relative_tolerance", .kind = PARAM_REAL, .offset = FIELD(relative_tolerance), .fallback = "1e-6",
         .range = "[1e-14, 1)", .operational = true, .help = "error of a step of x and of log p, of their size"},
        {.key = "absolute_tolerance", .kind = PARAM_REAL, .offset = FIELD(absolute_tolerance), .fallback = "1e-6",
         .range = "(0, inf)", .unit = "x, nat", .operational = true, .help = "the same where they are near 0"},
        {.key = "sigma_min", .kind = PARAM_REAL, .offset = FIELD(sigma_min), .fallback = "0", .range = "[0, inf)",
         .operational = true, .help = "noise in the data: log p is that of the target noised so far"},
        {.key = "sigma_max", .kind = PARAM_REAL, .offset = FIELD(sigma_max), .fallback = "auto", .automatic = "auto",
         .range = "(0, inf)", .operational = true,
         .help = "where noise has drowned the data; auto: the first level's sigma"},
        PARAM_END};

const char *log_likelihood_unfit(const struct log_likelihood_settings *settings, const struct score *score,
                                 const char **key)
{
        const struct score_type *type = score->type;
        const double ends[] = {settings->sigma_min, settings->sigma_max};
        static const char *const keys[] = {"sigma_min", "sigma_max"};
        *key = "sigma_max";
        if (!(settings->sigma_max > settings->sigma_min))
                return "is not above sigma_min";
        if (type->tempered)
                return "this score above sigma 0 is not that of the noised target, whose density the flow carries";
        for (int i = 0; i < 2; i++) {
                *key = keys[i];
                const char *why = type->undefined_at ? type->undefined_at(score->model, ends[i]) : NULL;
                if (why)
                        return why;
                if (type->singular_at && type->singular_at(score->model, ends[i]))
                        return "at sigma 0 a mode has no width, and data no density: give sigma_min > 0";
        }
        *key = "trace";
        const bool has_divergence = type->divergence || type->jacobian;
        const bool has_products = type->jacobian_vector || type->jacobian;
        if (!has_divergence && !has_products)
                return "this score has no derivatives, so that its likelihood cannot be had";
        if (settings->trace == LOG_LIKELIHOOD_EXACT && !has_divergence)
                return "exact needs a divergence, which this score does not have; use hutchinson";
        if (settings->trace == LOG_LIKELIHOOD_HUTCHINSON && !has_products)
                return "hutchinson needs products with the Jacobian, which this score does not have; use exact";
        *key = "prior";
        if (settings->prior == LOG_LIKELIHOOD_OWN && (!type->log_density || type->log_density_unnormalised))
                return "exact needs the score's own log density; use normal";
        return NULL;
}
