#include "score/likelihood.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "score/cholesky.h"
#include "sculptor/memory.h"

#define FIELD(member) offsetof(struct likelihood_settings, member)

const struct param likelihood_params[] = {
        {.key = "observed", .kind = PARAM_VECTOR, .offset = FIELD(observed), .fallback = "[]", .range = "[0, 1048575]",
         .help = "coordinates that were observed, counted from 0, one for each datum; in place of matrix"},
        {.key = "matrix", .kind = PARAM_MATRIX, .offset = FIELD(matrix), .fallback = "[]",
         .help = "A of y = A x + n, a row for each datum; in place of observed"},
        {.key = "data", .kind = PARAM_VECTOR, .offset = FIELD(data), .help = "y, what was observed"},
        {.key = "noise", .kind = PARAM_VECTOR, .offset = FIELD(noise), .range = "(0, inf)",
         .help = "standard deviation of n; a single number holds for every datum"},
        PARAM_END};

void likelihood_check(const void *settings, const struct params_scope *scope)
{
        const struct likelihood_settings *set = settings;
        if (set->observed.n == 0 && set->matrix.n_rows == 0) {
                params_problem(scope, "observed", "is needed, or matrix in its place: what the data are of");
                return;
        }
        if (set->observed.n > 0 && set->matrix.n_rows > 0) {
                params_problem(scope, "matrix", "cannot be given beside observed: one of the two");
                return;
        }
        const size_t n = set->observed.n + set->matrix.n_rows;
        if (set->data.n != n)
                params_problem(scope, "data", "has %zu number%s, %s has %zu%s", set->data.n,
                               set->data.n == 1 ? "" : "s", set->observed.n > 0 ? "observed" : "matrix", n,
                               set->observed.n > 0 ? ""
                               : n == 1            ? " row"
                                                   : " rows");
        if (set->noise.n != 1 && set->noise.n != n)
                params_problem(scope, "noise", n == 1 ? "has %zu numbers, needs 1" : "has %zu numbers, needs 1 or %zu",
                               set->noise.n, n);
}

const char *likelihood_unfit(const struct likelihood_settings *set, int64_t n_dim)
{
        if (set->matrix.n_rows > 0 && (int64_t)set->matrix.n_columns != n_dim)
                return "likelihood.matrix needs as many columns as the prior has coordinates";
        for (size_t i = 0; i < set->observed.n; i++)
                if (!(set->observed.value[i] < (double)n_dim) ||
                    set->observed.value[i] != floor(set->observed.value[i]))
                        return "likelihood.observed names a coordinate that the prior does not have";
        return NULL;
}

void likelihood_check_fit(const struct likelihood_settings *set, int64_t n_dim, const struct params_scope *scope)
{
        if (set->matrix.n_rows > 0 && (int64_t)set->matrix.n_columns != n_dim)
                params_problem(scope, "likelihood.matrix", "has %zu column%s, but the prior has %lld coordinate%s",
                               set->matrix.n_columns, set->matrix.n_columns == 1 ? "" : "s", (long long)n_dim,
                               n_dim == 1 ? "" : "s");
        for (size_t i = 0; i < set->observed.n; i++) {
                const double at = set->observed.value[i];
                char key[64];
                snprintf(key, sizeof key, "likelihood.observed[%zu]", i);
                bool twice = false;
                for (size_t j = 0; j < i; j++)
                        twice = twice || set->observed.value[j] == at;
                if (at != floor(at))
                        params_problem(scope, key, "%g is no whole number, and coordinates are counted from 0", at);
                else if (at >= (double)n_dim)
                        params_problem(scope, key, "%g is no coordinate: the prior has %lld, counted from 0", at,
                                       (long long)n_dim);
                else if (twice)
                        params_problem(scope, key, "coordinate %g stands here twice; give each one datum", at);
        }
}

void likelihood_create(struct likelihood *likelihood, const struct likelihood_settings *set, int64_t n_dim)
{
        const int64_t n = (int64_t)(set->observed.n + set->matrix.n_rows);
        *likelihood = (struct likelihood){.n_dim = n_dim, .n_data = n};
        likelihood->matrix = allocate((size_t)(n * n_dim), sizeof(double));
        likelihood->data = allocate((size_t)n, sizeof(double));
        likelihood->variance = allocate((size_t)n, sizeof(double));
        memcpy(likelihood->data, set->data.value, (size_t)n * sizeof(double));
        for (int64_t d = 0; d < n; d++) {
                const double noise = set->noise.value[set->noise.n == 1 ? 0 : d];
                likelihood->variance[d] = noise * noise;
                if (set->observed.n > 0)
                        likelihood->matrix[d * n_dim + (int64_t)set->observed.value[d]] = 1;
        }
        if (set->matrix.n_rows > 0)
                memcpy(likelihood->matrix, set->matrix.value, (size_t)(n * n_dim) * sizeof(double));
}

void likelihood_release(struct likelihood *likelihood)
{
        free(likelihood->matrix);
        free(likelihood->data);
        free(likelihood->variance);
}

bool likelihood_precision(const struct likelihood *likelihood, const double *s, double spread, double *inverse,
                          double *log_det)
{
        const int64_t m = likelihood->n_data, n = likelihood->n_dim;
        const double *a = likelihood->matrix;
        double *k = allocate((size_t)(m * m), sizeof *k), *factor = allocate((size_t)(m * m), sizeof *factor);
        double *row = allocate((size_t)n, sizeof *row), pivot;
        for (int64_t d = 0; d < m; d++) {
                for (int64_t j = 0; j < n; j++) {
                        row[j] = s ? 0 : spread * a[d * n + j];
                        for (int64_t i = 0; i < n && s; i++)
                                row[j] = fma(a[d * n + i], s[i * n + j], row[j]);
                }
                for (int64_t e = 0; e < m; e++) {
                        double sum = e == d ? likelihood->variance[d] : 0;
                        for (int64_t j = 0; j < n; j++)
                                sum = fma(row[j], a[e * n + j], sum);
                        k[d * m + e] = sum;
                }
        }
        const bool regular = cholesky_factorise(m, k, factor, &pivot) == m;
        const double log = regular ? cholesky_invert(m, factor, inverse) : 0;
        if (log_det)
                *log_det = log;
        free(k);
        free(factor);
        free(row);
        return regular;
}
