/* Gaussian mixtures: the score type gaussian_mixture, and the model that the shapes share with it. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "score/mixture.h"
#include "score/types.h"
#include "sculptor/memory.h"
#include "sculptor/vecmath.h"

/* ---- settings ---- */

struct component {
        double weight;
        struct real_vector mean, sigma;
};

struct mixture_settings {
        struct table_list components;
};

static const struct param component_params[] = {
        {.key = "weight", .kind = PARAM_REAL, .offset = offsetof(struct component, weight), .fallback = "1",
         .range = "(0, inf)", .help = "relative weight; all weights are scaled to sum 1"},
        {.key = "mean", .kind = PARAM_VECTOR, .offset = offsetof(struct component, mean),
         .help = "where the component lies; its length is the number of coordinates"},
        {.key = "sigma", .kind = PARAM_VECTOR, .offset = offsetof(struct component, sigma), .fallback = "1",
         .range = "[0, inf)",
         .help = "standard deviation, one for all coordinates or one for each; 0 is a point, for levels above 0"},
        PARAM_END,
};

static const struct param mixture_params[] = {
        {.key = "components", .kind = PARAM_TABLES, .offset = offsetof(struct mixture_settings, components),
         .rows = component_params, .item_size = sizeof(struct component), .help = "the Gaussians, at least one"},
        PARAM_END,
};

/* Lists and vectors are not empty: they have no such default. */
static void check(const void *settings, const struct params_scope *scope)
{
        const struct table_list *list = &((const struct mixture_settings *)settings)->components;
        const struct component *component = list->items;
        const size_t n_dim = component[0].mean.n;
        char key[64];

        for (size_t k = 0; k < list->n; k++) {
                const size_t n_mean = component[k].mean.n, n_sigma = component[k].sigma.n;
                if (n_mean != n_dim) {
                        snprintf(key, sizeof key, "components[%zu].mean", k);
                        params_problem(scope, key, "has %zu numbers, but the first component's mean has %zu", n_mean,
                                       n_dim);
                }
                if (n_sigma != 1 && n_sigma != n_dim) {
                        snprintf(key, sizeof key, "components[%zu].sigma", k);
                        params_problem(scope, key,
                                       n_dim == 1 ? "has %zu numbers, needs 1" : "has %zu numbers, needs 1 or %zu",
                                       n_sigma, n_dim);
                }
        }
}

static int64_t dimension(const void *settings)
{
        const struct mixture_settings *set = settings;
        return (int64_t)((const struct component *)set->components.items)->mean.n;
}

static void *create(const void *settings)
{
        const struct mixture_settings *set = settings;
        const struct component *component = set->components.items;
        const size_t n_dim = component[0].mean.n;
        struct mixture *mixture = mixture_allocate(set->components.n, (int64_t)n_dim);

        for (size_t k = 0; k < mixture->n; k++, component++) {
                mixture->weight[k] = component->weight;
                for (size_t i = 0; i < n_dim; i++) {
                        mixture->mean[k * n_dim + i] = component->mean.value[i];
                        mixture->sigma[k * n_dim + i] = component->sigma.value[component->sigma.n == 1 ? 0 : i];
                }
        }
        return mixture_create(mixture);
}

/* ---- the model ---- */

struct mixture *mixture_allocate(size_t n, int64_t n_dim)
{
        struct mixture *mixture = allocate(1, sizeof *mixture);
        mixture->n = n;
        mixture->n_dim = n_dim;
        mixture->weight = allocate(n, sizeof(double));
        mixture->log_weight = allocate(n, sizeof(double));
        mixture->mean = allocate(n * (size_t)n_dim, sizeof(double));
        mixture->sigma = allocate(n * (size_t)n_dim, sizeof(double));
        for (size_t k = 0; k < n; k++)
                mixture->weight[k] = 1;
        return mixture;
}

static enum mixture_shape find_shape(const struct mixture *mixture)
{
        const size_t n_dim = (size_t)mixture->n_dim;
        enum mixture_shape shape = MIXTURE_EQUAL;
        for (size_t k = 0; k < mixture->n; k++) {
                const double *sigma = mixture->sigma + k * n_dim;
                for (size_t i = 1; i < n_dim; i++)
                        if (sigma[i] != sigma[0])
                                return MIXTURE_DIAGONAL;
                if (sigma[0] != mixture->sigma[0])
                        shape = MIXTURE_ISOTROPIC;
        }
        return shape;
}

void *mixture_create(struct mixture *mixture)
{
        double sum = 0;
        for (size_t k = 0; k < mixture->n; k++)
                sum += mixture->weight[k];
        for (size_t k = 0; k < mixture->n; k++) {
                mixture->weight[k] /= sum;
                mixture->log_weight[k] = vm_log(mixture->weight[k]);
        }
        mixture->shape = find_shape(mixture);
        return mixture;
}

void mixture_free(void *model)
{
        struct mixture *mixture = model;
        free(mixture->weight);
        free(mixture->log_weight);
        free(mixture->mean);
        free(mixture->sigma);
        free(mixture);
}

/* A variance below the normal numbers counts as none: its inverse is not finite. */
const char *mixture_undefined_at(const void *model, double sigma)
{
        const struct mixture *mixture = model;
        for (size_t at = 0; at < mixture->n * (size_t)mixture->n_dim; at++)
                if (!(mixture->sigma[at] * mixture->sigma[at] + sigma * sigma >= DBL_MIN))
                        return "a component with sigma 0 is a point without density";
        return NULL;
}

double mixture_diameter(const void *model)
{
        const struct mixture *mixture = model;
        const size_t n_dim = (size_t)mixture->n_dim;
        double largest = 0;
        for (size_t a = 0; a < mixture->n; a++)
                for (size_t b = 0; b < a; b++) {
                        double square = 0;
                        for (size_t i = 0; i < n_dim; i++) {
                                const double apart = mixture->mean[a * n_dim + i] - mixture->mean[b * n_dim + i];
                                square = fma(apart, apart, square);
                        }
                        largest = square > largest ? square : largest;
                }
        return sqrt(largest);
}

size_t mixture_n_modes(const void *model)
{
        return ((const struct mixture *)model)->n;
}

void mixture_components(const void *model, double *weight, double *mean, double *variance)
{
        const struct mixture *mixture = model;
        const size_t size = mixture->n * (size_t)mixture->n_dim;
        memcpy(weight, mixture->weight, mixture->n * sizeof *weight);
        memcpy(mean, mixture->mean, size * sizeof *mean);
        for (size_t at = 0; at < size; at++)
                variance[at] = mixture->sigma[at] * mixture->sigma[at];
}

/* The component whose share of (0, 1) holds u, by the sums of weights; the last one takes the rounding. */
static size_t choose_component(const double *cumulative, size_t n, double u)
{
        size_t low = 0, high = n - 1;
        while (low < high) {
                const size_t middle = low + (high - low) / 2;
                if (u < cumulative[middle])
                        high = middle;
                else
                        low = middle + 1;
        }
        return low;
}

void mixture_draw(const void *model, const struct rng_stream *stream, uint64_t first_particle, double *restrict x)
{
        const struct mixture *mixture = model;
        struct rng_stream choice = *stream, place = *stream;
        choice.stage = 0;
        place.stage = 1;
        double u[LANES];
        rng_uniform(&choice, first_particle, 1, u);
        rng_normal(&place, first_particle, mixture->n_dim, x);

        double *cumulative = allocate(mixture->n, sizeof *cumulative);
        double sum = 0;
        for (size_t k = 0; k < mixture->n; k++)
                cumulative[k] = sum += mixture->weight[k];
        for (int lane = 0; lane < LANES; lane++) {
                const size_t k = choose_component(cumulative, mixture->n, u[lane]);
                for (int64_t i = 0; i < mixture->n_dim; i++) {
                        const size_t at = k * (size_t)mixture->n_dim + (size_t)i;
                        x[i * LANES + lane] = fma(mixture->sigma[at], x[i * LANES + lane], mixture->mean[at]);
                }
        }
        free(cumulative);
}

const struct score_type score_gaussian_mixture = {
        .name = "gaussian_mixture", .help = "weighted Gaussian components, exact at every noise level",
        .params = mixture_params, .settings_size = sizeof(struct mixture_settings), .check = check,
        .dimension = dimension, .create = create, MIXTURE_FUNCTIONS,
};
