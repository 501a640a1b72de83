/* The levels and the step of NCSNv2 [Song & Ermon 2020], for D coordinates and T steps a level:
 *
 *   sigma_1   the largest distance between data (technique 1);
 *   L         as few geometric levels as keep, for the ratio gamma = sigma_{i-1}/sigma_i,
 *                 Phi(sqrt(2D) (gamma - 1) + 3 gamma) - Phi(sqrt(2D) (gamma - 1) - 3 gamma) >= overlap,
 *             the probability that level i's noise has a length usual at level i-1 (technique 2);
 *   step      with u = e/sigma_L^2 and R = 2u/(1 - (1 - u)^2) = 1/(1 - u/2), the variance left after T steps
 *             that start from the level before, in units of the right one (technique 4),
 *                 f(u) = (1 - u)^(2T) (gamma^2 - R) + R ~ 1.
 *
 * f is a weighted mean of gamma^2 > 1 and R > 1, so f = 1 has no root with u > 0: the step is where f
 * is least, as in the paper's own numbers. On 0 < u < 1
 *     f'(u) = R' (1 - q) - 2T (1 - u)^(2T-1) (gamma^2 - R),   q = (1 - u)^(2T),   R' = R^2/2
 * has exactly one root: while R < gamma^2 the first term grows and the second falls, then both are positive.
 *
 * In up to 4 dimensions the overlap stays above 1/2 at any ratio, and the rule says nothing. */
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_roots.h>

#include "rules.h"
#include "sculptor/error.h"
#include "sculptor/rng.h"
#include "sculptor/vecmath.h"

struct settings { double sigma_min, diameter, overlap; };

static const struct param params[] = {
        {.key = "sigma_min", .kind = PARAM_REAL, .offset = offsetof(struct settings, sigma_min), .range = "(0, inf)",
         .unit = "x", .help = "last level"},
        {.key = "diameter", .kind = PARAM_REAL, .offset = offsetof(struct settings, diameter), .fallback = "auto",
         .automatic = "auto", .range = "(0, inf)", .unit = "x",
         .help = "first level: the largest distance between two data; auto: as the score tells"},
        {.key = "overlap", .kind = PARAM_REAL, .offset = offsetof(struct settings, overlap), .fallback = "0.5",
         .range = "(0, 0.99]", .help = "least overlap of neighbouring levels"},
        PARAM_END};

static void check(const void *configured, const struct params_scope *scope)
{
        const struct settings *settings = configured;
        if (settings->diameter <= settings->sigma_min) /* false for auto */
                params_problem(scope, "sigma_min", "%g is not below the diameter, %g", settings->sigma_min,
                               settings->diameter);
}

/* ---- the ratio ---- */

struct overlap_equation { double root_2d, overlap; };

static double overlap_excess(double gamma, void *equation)
{
        const struct overlap_equation *e = equation;
        const double centre = e->root_2d * (gamma - 1);
        return gsl_cdf_ugaussian_P(centre + 3 * gamma) - gsl_cdf_ugaussian_P(centre - 3 * gamma) - e->overlap;
}

static void check_gsl(int status)
{
        if (status != GSL_SUCCESS)
                fatal("root of the overlap: %s", gsl_strerror(status));
}

static double overlap_root(struct overlap_equation *equation, double low, double high)
{
        gsl_function function = {.function = overlap_excess, .params = equation};
        gsl_root_fsolver *solver = gsl_root_fsolver_alloc(gsl_root_fsolver_brent);
        if (!solver)
                fatal("out of memory");
        check_gsl(gsl_root_fsolver_set(solver, &function, low, high));
        int status = GSL_CONTINUE;
        for (int i = 0; i < 200 && status == GSL_CONTINUE; i++) {
                check_gsl(gsl_root_fsolver_iterate(solver));
                status = gsl_root_test_interval(gsl_root_fsolver_x_lower(solver), gsl_root_fsolver_x_upper(solver), 0,
                                                1e-14);
        }
        double root = gsl_root_fsolver_root(solver);
        gsl_root_fsolver_free(solver);
        return root;
}

/* INFINITY where the overlap is reached at any ratio that matters. */
static double widest_ratio(int64_t n_dim, double overlap)
{
        struct overlap_equation equation = {.root_2d = sqrt(2 * (double)n_dim), .overlap = overlap};
        double high = 2;
        while (overlap_excess(high, &equation) >= 0) {
                high *= 2;
                if (high > 1e6)
                        return INFINITY;
        }
        return overlap_root(&equation, 1, high);
}

/* ---- the step ---- */

static double variance_slope(double u, double gamma, double steps)
{
        const double r = 1 / (1 - u / 2), log_keep = vm_log(1 - u);
        const double q = vm_exp(2 * steps * log_keep), q_slope = 2 * steps * vm_exp((2 * steps - 1) * log_keep);
        return r * r / 2 * (1 - q) - q_slope * (gamma * gamma - r);
}

/* u = e/sigma_L^2 where f is least, by bisection: arithmetic alone, so the bits are the same everywhere. */
static double best_step(double gamma, int64_t steps)
{
        double low = 0, high = 1;
        for (int i = 0; i < 60; i++) {
                double middle = 0.5 * (low + high);
                if (variance_slope(middle, gamma, (double)steps) < 0)
                        low = middle;
                else
                        high = middle;
        }
        return 0.5 * (low + high);
}

/* ---- the rule ---- */

static const char *build(const void *configured, const struct levels_context *context, struct levels *levels)
{
        const struct settings *settings = configured;
        const double sigma_max = isnan(settings->diameter) ? context->diameter : settings->diameter;
        const double sigma_min = settings->sigma_min;
        if (!(sigma_max > 0))
                return "this score does not tell its diameter; give levels.diameter";
        if (!(sigma_max > sigma_min))
                return "sigma_min is not below the diameter of the target";

        const double gamma = widest_ratio(context->n_dim, settings->overlap);
        if (isinf(gamma))
                return "in so few dimensions all levels overlap and ncsnv2's rule has no answer; use type geometric";
        /* 1e-9: where levels fit exactly, rounding does not add another. */
        const double count = ceil((vm_log(sigma_max) - vm_log(sigma_min)) / vm_log(gamma) - 1e-9) + 1;
        if (!(count <= RNG_MAX_LEVELS - 2))
                return "ncsnv2's rule asks for more than " LEVELS_MOST " levels; raise sigma_min or lower overlap";
        levels_allocate(levels, count > 2 ? (size_t)count : 2);
        levels_fill_geometric(levels, sigma_max, sigma_min);
        const double ratio = vm_exp((vm_log(sigma_max) - vm_log(sigma_min)) / (double)(levels->n - 1));
        levels->step_size = best_step(ratio, context->steps_per_level) * sigma_min * sigma_min;
        return levels_strictly_fall(levels);
}

const struct levels_type levels_ncsnv2 = {
        .name = "ncsnv2", .help = "as Song & Ermon 2020 choose sigma_1, the number of levels and the step",
        .params = params, .settings_size = sizeof(struct settings), .check = check, .build = build,
};
