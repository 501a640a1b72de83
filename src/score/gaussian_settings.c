/* What an input says of a Gaussian: a mean, and standard deviations or a covariance. */
#include <math.h>
#include <stdlib.h>

#include "score/cholesky.h"
#include "score/gaussian_settings.h"
#include "sculptor/memory.h"

const struct param gaussian_params[] = {
        {.key = "dimension", .kind = PARAM_INTEGER, .offset = offsetof(struct gaussian_settings, dimension),
         .fallback = "auto", .automatic = "auto", .range = "[1, 1048576]",
         .help = "coordinates; by default as many as mean, sigma or covariance have"},
        {.key = "mean", .kind = PARAM_VECTOR, .offset = offsetof(struct gaussian_settings, mean),
         .help = "the mean; a single number holds for every coordinate"},
        {.key = "sigma", .kind = PARAM_VECTOR, .offset = offsetof(struct gaussian_settings, sigma), .fallback = "[]",
         .range = "[0, inf)",
         .help = "standard deviation of each coordinate; a single number holds for every one; in place of covariance"},
        {.key = "covariance", .kind = PARAM_MATRIX, .offset = offsetof(struct gaussian_settings, covariance),
         .fallback = "[]", .help = "the covariance matrix, symmetric and positive definite; in place of sigma"},
        PARAM_END,
};

int64_t gaussian_dimension(const void *settings)
{
        const struct gaussian_settings *set = settings;
        if (set->dimension > 0)
                return set->dimension;

        size_t n = set->mean.n;
        n = set->sigma.n > n ? set->sigma.n : n;
        n = set->covariance.n_rows > n ? set->covariance.n_rows : n;
        return (int64_t)n;
}

static void check_covariance(const struct gaussian_settings *set, int64_t n_dim, const struct params_scope *scope)
{
        const struct real_matrix *s = &set->covariance;
        if (s->n_rows != s->n_columns) {
                params_problem(scope, "covariance", "is %zu by %zu, not square", s->n_rows, s->n_columns);
                return;
        }
        if ((int64_t)s->n_rows != n_dim) {
                params_problem(scope, "covariance", "is %zu by %zu, needs %lld by %lld", s->n_rows, s->n_columns,
                               (long long)n_dim, (long long)n_dim);
                return;
        }

        const size_t n = s->n_rows;
        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < i; j++) {
                        const double a = s->value[i * n + j], b = s->value[j * n + i];
                        if (!(fabs(a - b) <= 1e-12 * (fabs(a) + fabs(b)))) { /* rounded when printed */
                                params_problem(scope, "covariance",
                                               "is not symmetric: %.17g at [%zu][%zu], %.17g at [%zu][%zu]", a, i, j, b,
                                               j, i);
                                return;
                        }
                }

        double pivot;
        double *factor = allocate(n * n, sizeof *factor);
        const int64_t row = cholesky_factorise(n_dim, s->value, factor, &pivot);
        if (row < n_dim)
                params_problem(scope, "covariance",
                               "is not positive definite: pivot %lld of its Cholesky factor is %.3g",
                               (long long)row + 1, pivot);
        free(factor);
}

void gaussian_check(const void *settings, const struct params_scope *scope)
{
        const struct gaussian_settings *set = settings;
        const int64_t n_dim = gaussian_dimension(settings);

        const bool square = set->covariance.n_rows == set->covariance.n_columns; /* else n_dim is anyone's guess */
        if (square && set->mean.n != 1 && (int64_t)set->mean.n != n_dim)
                params_problem(scope, "mean", "has %zu numbers, needs 1 or %lld", set->mean.n, (long long)n_dim);
        if (set->sigma.n > 1 && (int64_t)set->sigma.n != n_dim)
                params_problem(scope, "sigma", "has %zu numbers, needs 1 or %lld", set->sigma.n, (long long)n_dim);

        if (set->sigma.n > 0 && set->covariance.n_rows > 0)
                params_problem(scope, "covariance", "cannot be given beside sigma: one of the two");
        else if (set->covariance.n_rows > 0)
                check_covariance(set, n_dim, scope);
        else if (set->sigma.n == 0)
                params_problem(scope, "sigma", "is needed, or covariance in its place");
}
