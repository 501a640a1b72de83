/* Paths between latents a and b, for samplers that are deterministic: what lies between two samples. At t from 0 to 1,
 *
 *     linear               (1 - t) a + t b
 *     spherical            [sin((1 - t) w) a + sin(t w) b]/sin w,   cos w = a.b/(|a| |b|)
 *     variance_preserving  cos(pi t/2) a + sin(pi t/2) b
 *
 * The latents of a flow are normal, and in many dimensions lie near a sphere of radius sigma sqrt(n_dim): the linear
 * path leaves it (by 1/sqrt 2 in the middle), the spherical one [Shoemake 1985; White 2016] goes along it, the third
 * has N(0, sigma^2) everywhere where a and b are independent draws of it; that is the spherical path of a right angle.
 * Neither means anything for points that are not normal about 0. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "initial_types.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"
#include "sculptor/tree_sum.h"
#include "sculptor/vecmath.h"

#define HALF_PI 1.5707963267948966192

enum method { LINEAR, SPHERICAL, VARIANCE_PRESERVING };

struct interpolation_settings {
        struct initial_file_settings file; /* first: .from_file */
        struct real_matrix pairs;
        int64_t points;
        int method;
};

static const char *const methods[] = {
        [LINEAR] = "linear", [SPHERICAL] = "spherical", [VARIANCE_PRESERVING] = "variance_preserving", NULL};

#define FIELD(member) offsetof(struct interpolation_settings, member)

static const struct param interpolation_params[] = {
        {.key = "path", .kind = PARAM_TEXT, .offset = FIELD(file.path),
         .help = "HDF5 file of the latents, such as the last snapshot of an inversion"},
        {.key = "dataset", .kind = PARAM_TEXT, .offset = FIELD(file.dataset), .fallback = "state",
         .help = "data set in it of shape (particle, coordinate), or (realization, [z,] y, x) for fields"},
        {.key = "pairs", .kind = PARAM_MATRIX, .offset = FIELD(pairs), .fallback = "[]",
         .help = "rows of the data set to join, e.g. [[0, 1], [0, 2]]; empty: 0 and 1, 2 and 3, ..."},
        {.key = "points", .kind = PARAM_INTEGER, .offset = FIELD(points), .range = "[2, 1048576]",
         .help = "particles of each path, its ends included"},
        {.key = "method", .kind = PARAM_CHOICE, .offset = FIELD(method), .choices = methods, .fallback = "spherical",
         .help = "the path: along the sphere on which normal latents lie, straight, or keeping their variance"},
        PARAM_END};

static void interpolation_check(const void *configured, const struct params_scope *scope)
{
        const struct interpolation_settings *settings = configured;
        const struct real_matrix *pairs = &settings->pairs;
        if (pairs->n_rows > 0 && pairs->n_columns != 2) {
                params_problem(scope, "pairs", "has rows of %zu numbers; each joins two: [[0, 1], [2, 3]]",
                               pairs->n_columns);
                return;
        }
        for (size_t i = 0; i < 2 * pairs->n_rows; i++)
                if (!(pairs->value[i] >= 0 && pairs->value[i] < 0x1p53 && pairs->value[i] == floor(pairs->value[i]))) {
                        params_problem(scope, "pairs", "%g is not the number of a row, counted from 0",
                                       pairs->value[i]);
                        return;
                }
}

static int64_t any_dimension(const void *settings)
{
        (void)settings;
        return 0;
}

static int64_t interpolation_particles(const void *configured, int64_t n_dim, int64_t asked)
{
        const struct interpolation_settings *settings = configured;
        (void)n_dim;
        if (settings->pairs.n_rows > 0)
                return (int64_t)settings->pairs.n_rows * settings->points;
        return (asked + settings->points - 1) / settings->points * settings->points;
}

static int64_t interpolation_rows(const void *configured, int64_t n_particles)
{
        const struct interpolation_settings *settings = configured;
        double most = -1;
        for (size_t i = 0; i < 2 * settings->pairs.n_rows; i++)
                most = settings->pairs.value[i] > most ? settings->pairs.value[i] : most;
        return settings->pairs.n_rows > 0 ? (int64_t)most + 1 : 2 * (n_particles / settings->points);
}

/* ---- one path after the other ---- */

struct ends {
        const struct interpolation_settings *settings;
        const struct initial_context *context;
        const struct population *population;
        int64_t pair; /* which a and b are; -1: none yet */
        size_t size;
        double *a, *b;
        double angle; /* spherical: between them */
};

static void add_products(void *owner, size_t begin, size_t end, double *sum)
{
        const double *const *pair = owner;
        for (size_t row = begin; row < end; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        sum[lane] = fma(pair[0][row + lane], pair[1][row + lane], sum[lane]);
}

static double dot(const struct ends *ends, const double *a, const double *b)
{
        const struct field_layout *layout = &ends->population->layout;
        const double *pair[] = {a, b};
        if (population_is_field(ends->population))
                return tree_sum_planes(layout->plane_begin, layout->n_planes_here, layout->plane_stride, add_products,
                                       pair);
        double sum = 0;
        for (size_t i = 0; i < ends->size; i++)
                sum = fma(a[i], b[i], sum);
        return sum;
}

static const char *read_row(const struct ends *ends, int64_t row, double *values)
{
        const struct initial_file_settings *file = &ends->settings->file;
        if (population_is_field(ends->population))
                return ends->context->read_field(ends->context->owner, file->path, file->dataset, row, values);
        return ends->context->read_rows(file->path, file->dataset, row, 1, values);
}

/* The angle whose tangent is y in [0, 1]: each step leaves the cube of the error before it, at first below 0.22. By
 * vecmath's functions alone, since the C library's may differ in bits from machine to machine. */
static double arc_tangent(double y)
{
        double angle = y;
        for (int i = 0; i < 4; i++) {
                const double c = vm_cos(angle), s = vm_sin(angle);
                angle += (y * c - s) / (c + y * s);
        }
        return angle;
}

/* The angle between two vectors: tan(angle/2)^2 = (1 - cosine)/(1 + cosine). */
static double arc_cosine(double cosine)
{
        const double square = (1 - cosine) / (1 + cosine);
        return square <= 1 ? 2 * arc_tangent(sqrt(square)) : 2 * (HALF_PI - arc_tangent(1 / sqrt(square)));
}

/* a, b and what lies between them are ready, or why not. */
static const char *take_pair(struct ends *ends, int64_t pair)
{
        if (ends->pair == pair)
                return NULL;
        const struct real_matrix *pairs = &ends->settings->pairs;
        const int64_t first = pairs->n_rows > 0 ? (int64_t)pairs->value[2 * pair] : 2 * pair,
                      second = pairs->n_rows > 0 ? (int64_t)pairs->value[2 * pair + 1] : 2 * pair + 1;
        const char *why = read_row(ends, first, ends->a);
        if (!why)
                why = read_row(ends, second, ends->b);
        if (parallel_domain_any(why != NULL))
                return why ? why : "another rank cannot read its part of a latent";
        ends->pair = pair;
        if (ends->settings->method != SPHERICAL)
                return NULL;
        const double lengths = sqrt(dot(ends, ends->a, ends->a)) * sqrt(dot(ends, ends->b, ends->b));
        const double cosine = dot(ends, ends->a, ends->b) / lengths;
        if (!(lengths > 0) || !(cosine > -1 + 1e-12))
                return "two latents are opposite, or one is 0: no great circle joins them; use method: linear";
        ends->angle = arc_cosine(cosine < 1 ? cosine : 1);
        return NULL;
}

/* Of a and b at point i of a path; its ends are a and b themselves. */
static void weights(const struct ends *ends, int64_t i, double *of_a, double *of_b)
{
        const int64_t last = ends->settings->points - 1;
        const double t = (double)i / (double)last;
        *of_a = i < last ? 1 - t : 0;
        *of_b = t;
        if (i == 0 || i == last)
                return;
        if (ends->settings->method == VARIANCE_PRESERVING) {
                *of_a = vm_cos(HALF_PI * t);
                *of_b = vm_sin(HALF_PI * t);
        } else if (ends->settings->method == SPHERICAL && ends->angle > 1e-6) { /* or else the path is straight */
                *of_a = vm_sin((1 - t) * ends->angle) / vm_sin(ends->angle);
                *of_b = vm_sin(t * ends->angle) / vm_sin(ends->angle);
        }
}

static const char *draw_tile(struct ends *ends, size_t t, double *x)
{
        const int64_t first = population_first_particle(ends->population, t), points = ends->settings->points;
        const size_t stride = population_is_field(ends->population) ? 1 : LANES;
        const int n = stride == 1 ? 1 : population_lanes(ends->population, t);
        for (int lane = 0; lane < n; lane++) {
                double of_a, of_b;
                const char *why = take_pair(ends, (first + lane) / points);
                if (why)
                        return why;
                weights(ends, (first + lane) % points, &of_a, &of_b);
                for (size_t j = 0; j < ends->size; j++)
                        x[j * stride + (size_t)lane] = fma(of_b, ends->b[j], of_a * ends->a[j]);
        }
        return NULL;
}

static const char *interpolation_draw(const void *configured, const struct initial_context *context,
                                      struct population *population)
{
        const bool is_field = population_is_field(population);
        struct ends ends = {.settings = configured,
                            .context = context,
                            .population = population,
                            .pair = -1,
                            .size = is_field ? population->tile_size : (size_t)population->n_dim};
        ends.a = allocate(ends.size, sizeof(double));
        ends.b = allocate(ends.size, sizeof(double));
        const char *why = NULL;
        for (size_t t = 0; t < population->n_tiles && !why; t++)
                why = draw_tile(&ends, t, population_tile(population, t));
        free(ends.a);
        free(ends.b);
        population_pad(population);
        return why;
}

const struct initial_type initial_interpolation = {
        .name = "interpolation", .help = "paths between latents, from which a deterministic sampler draws what lies "
                                         "between two samples",
        .params = interpolation_params, .settings_size = sizeof(struct interpolation_settings),
        .check = interpolation_check, .dimension = any_dimension, .of_fields = true, .from_file = true,
        .particles = interpolation_particles, .rows = interpolation_rows, .draw = interpolation_draw,
};
