/* A lognormal random field on a periodic mesh, x = delta > -1 [Coles & Jones 1991]:
 *
 *     1 + x = exp(g - xi_g(0)/2),   g ~ N(0, C_g),   xi = e^(xi_g) - 1,   <x> = 0,
 *     log p = -g' C_g^-1 g/2 - sum ln(2 pi c_g)/2 - sum ln(1 + x),   g = ln(1 + x) + xi_g(0)/2,
 *     s_i = -(h_i + 1)/(1 + x_i),   h = C_g^-1 g,   div s = -sum ([C_g^-1]_ii - h_i - 1)/(1 + x_i)^2.
 *
 * spectrum_of: density takes P as that of x; C_g then follows on this mesh: xi = F^-1 P/V_cell, xi_g = ln(1 + xi),
 * c_g = F xi_g, exactly, so that x has the power P at every mode. A mode where that gives no variance is refused.
 * The mean mode needs width in g and so in x: were P(0) = 0, sum xi = 0 would make sum ln(1 + xi), c_g(0), negative.
 *
 * Where some x_i <= -1 the density is 0: log p = -inf, and the score of eval_both() is 0, so that Metropolis schemes
 * refuse; eval() alone gives NaN, so that schemes without a density to tell them stop. One transform there and back an
 * evaluation. Clean only. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "score/clean_only.h"
#include "score/field_prior.h"
#include "score/lognormal_map.h"
#include "score/lognormal_posterior.h"
#include "score/types.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"
#include "sculptor/vecmath.h"

enum spectrum_of { OF_DENSITY, OF_LOG };
static const char *const spectrum_of_words[] = {"density", "log", NULL};

struct lognormal_settings {
        struct field_settings field;
        int spectrum_of;
        double mean_power;
};

static const struct param lognormal_field_params[] = {
        FIELD_ROWS(offsetof(struct lognormal_settings, field)),
        {.key = "spectrum_of", .kind = PARAM_CHOICE, .offset = offsetof(struct lognormal_settings, spectrum_of),
         .fallback = "density", .choices = spectrum_of_words,
         .help = "what P(k) is of: the density contrast delta, or the Gaussian field under ln(1 + delta)"},
        {.key = "mean_power", .kind = PARAM_REAL, .offset = offsetof(struct lognormal_settings, mean_power),
         .fallback = "auto", .automatic = "auto", .range = "[0, inf)", .unit = "length^axes",
         .help = "P at k = 0, which a lognormal mean needs; auto: P at the box's smallest wavenumber"},
        PARAM_END};

struct lognormal_field {
        const struct lognormal_settings *settings;
        struct field_prior normal; /* g's */
        double *power;             /* of x: [mesh_modes_here()] */
        double half_variance;      /* xi_g(0)/2 */
        bool mean_is_fixed;        /* c_g(0) = 0 */
};

static int64_t dimension(const void *settings)
{
        return mesh_settings_cells(&((const struct lognormal_settings *)settings)->field.mesh);
}

static void *create(const void *settings)
{
        struct lognormal_field *model = allocate(1, sizeof *model);
        model->settings = settings;
        field_prior_create(&model->normal, &model->settings->field);
        return model;
}

static void free_model(void *model)
{
        field_prior_release(&((struct lognormal_field *)model)->normal);
        free(((struct lognormal_field *)model)->power);
        free(model);
}

static struct mesh *mesh_of(const void *model)
{
        return ((const struct lognormal_field *)model)->normal.mesh;
}

static const char *load(void *model, const struct score_context *context)
{
        struct lognormal_field *field = model;
        score_reads(context, "spectrum");
        return field_prior_load(&field->normal, &field->settings->field);
}

static const char *prepare(void *model)
{
        struct lognormal_field *field = model;
        const struct mesh *mesh = field->normal.mesh;
        const char *why = field_prior_prepare(&field->normal);
        if (parallel_domain_any(why != NULL))
                return why;
        double mean = field->settings->mean_power;
        if (isnan(mean))
                mean = power_spectrum_at(field->normal.spectrum, mesh_smallest_wavenumber(mesh));
        field->mean_is_fixed = field->settings->spectrum_of == OF_LOG && mean == 0;
        if (mesh->block_begin == 0 && mesh->n_blocks_here > 0)
                field->normal.variance[0] = mean / mesh->cell_volume; /* mode (0, 0, 0) is the first of all */
        field->power = allocate(mesh_modes_here(mesh), sizeof *field->power);
        double xi_g = 0;
        if (field->settings->spectrum_of == OF_DENSITY) {
                double *of_density = field->normal.variance;
                field->normal.variance = field->power;
                field->power = of_density;
                why = lognormal_from_density(mesh, of_density, field->normal.variance, &xi_g);
        } else {
                why = lognormal_from_normal(mesh, field->normal.variance, field->power, &xi_g);
        }
        field->half_variance = 0.5 * xi_g;
        return why;
}

static const char *singular_at(const void *model, double sigma)
{
        (void)sigma; /* 0: there is no noised form */
        return ((const struct lognormal_field *)model)->mean_is_fixed
                       ? "mean_power is 0, so that the mean of ln(1 + delta) has no width, and white noise would move "
                         "it; "
                         "use mean_power: auto"
                       : NULL;
}

/* ---- a level ---- */

struct lognormal_level {
        const struct lognormal_field *field;
        struct field_constants constants;
        double *g; /* and h in turn: a field */
};

static void *create_level(const void *model, double sigma)
{
        (void)sigma;
        struct lognormal_level *level = allocate(1, sizeof *level);
        level->field = model;
        level->constants = field_prior_constants(&level->field->normal, 0);
        level->g = mesh_allocate(level->field->normal.mesh);
        return level;
}

static void free_level(void *state)
{
        free(((struct lognormal_level *)state)->g);
        free(state);
}

static void clear_padding(const struct mesh *mesh, double *field)
{
        for (size_t p = 0; p < mesh->n_planes_here; p++)
                memset(field + p * mesh->plane_stride + mesh->plane_cells, 0,
                       (mesh->plane_stride - mesh->plane_cells) * sizeof *field);
}

static void fill(const struct mesh *mesh, double value, double *field)
{
        for (size_t i = 0; i < mesh->size; i++)
                field[i] = value;
        clear_padding(mesh, field);
}

/* g of x; false, on all ranks, where the density is 0: some 1 + x is not above 0, or no finite number. */
static bool take_log(const struct lognormal_level *level, const double *restrict x)
{
        const struct mesh *mesh = level->field->normal.mesh;
        const double half = level->field->half_variance;
        double *restrict g = level->g;
        int64_t outside = 0;
        for (size_t i = 0; i < mesh->size; i++) {
                const double u = 1 + x[i];
                g[i] = lognormal_log_1_plus(x[i]) + half;
                outside |= !((u > 0) & (u < INFINITY));
        }
        clear_padding(mesh, level->g);
        return !parallel_domain_any(outside != 0);
}

static void add_cells(void *owner, size_t begin, size_t end, double *sum)
{
        const double *g = owner;
        for (size_t row = begin; row < end; row += LANES)
                for (size_t i = 0; i < LANES; i++)
                        sum[i] += g[row + i];
}

/* s from -h: (-h - 1)/(1 + x) */
static void score_from(const struct mesh *mesh, const double *restrict x, double *restrict score)
{
        for (size_t i = 0; i < mesh->size; i++)
                score[i] = (score[i] - 1) / (1 + x[i]);
        clear_padding(mesh, score);
}

static void eval(const void *state, const double *restrict x, double *restrict score)
{
        const struct lognormal_level *level = state;
        const struct field_prior *normal = &level->field->normal;
        if (!take_log(level, x)) {
                fill(normal->mesh, NAN, score);
                return;
        }
        field_prior_score(normal, 0, level->g, score);
        score_from(normal->mesh, x, score);
}

/* The sum of ln(1 + x) is that of g less n_cells xi_g(0)/2. */
static void eval_both(const void *state, const double *restrict x, double *restrict score, double *restrict log_p)
{
        const struct lognormal_level *level = state;
        const struct field_prior *normal = &level->field->normal;
        if (!take_log(level, x)) {
                if (score)
                        fill(normal->mesh, 0, score);
                field_prior_spread(-INFINITY, log_p);
                return;
        }
        const double shift = level->field->half_variance * (double)normal->mesh->n_cells;
        const double sum_log = mesh_sum(normal->mesh, add_cells, level->g) - shift;
        field_prior_spread(level->constants.log_norm - 0.5 * field_prior_score(normal, 0, level->g, score) - sum_log,
                           log_p);
        if (score)
                score_from(normal->mesh, x, score);
}

static void log_density(const void *state, const double *restrict x, double *restrict log_p)
{
        eval_both(state, x, NULL, log_p);
}

static void divergence(const void *state, const double *restrict x, double *restrict div)
{
        const struct lognormal_level *level = state;
        const struct mesh *mesh = level->field->normal.mesh;
        if (!take_log(level, x)) {
                field_prior_spread(NAN, div);
                return;
        }
        double *restrict term = level->g; /* -h, then its cell's term */
        field_prior_score(&level->field->normal, 0, level->g, level->g);
        const double diagonal = level->constants.trace / (double)mesh->n_cells;
        for (size_t i = 0; i < mesh->size; i++) {
                const double u = 1 + x[i];
                term[i] = -(diagonal + term[i] - 1) / (u * u);
        }
        clear_padding(mesh, level->g);
        field_prior_spread(mesh_sum(mesh, add_cells, level->g), div);
}

static void power(const void *state, double *power_of_x)
{
        const struct lognormal_field *field = ((const struct lognormal_level *)state)->field;
        memcpy(power_of_x, field->power, mesh_modes_here(field->normal.mesh) * sizeof *power_of_x);
}

static void draw(const void *model, const struct rng_stream *stream, uint64_t first_particle, double *restrict x)
{
        const struct lognormal_field *field = model;
        const struct mesh *mesh = field->normal.mesh;
        field_prior_draw(&field->normal, stream, first_particle, x);
        for (size_t i = 0; i < mesh->size; i++)
                x[i] = vm_exp(x[i] - field->half_variance) - 1;
        clear_padding(mesh, x);
}

static void posterior_means(const void *model, const struct posterior_sampling *sampling, const double *x_0,
                            const double *y, double *const mean[2], double *acceptance)
{
        const struct lognormal_field *field = model;
        const struct lognormal_posterior posterior = {&field->normal, field->half_variance};
        lognormal_posterior_means(&posterior, sampling, x_0, y, mean, acceptance);
}

const struct score_type score_lognormal_field = {
        .name = "lognormal_field",
        .help = "a lognormal random field of power spectrum P(k) on a periodic mesh; clean only",
        .params = lognormal_field_params, .settings_size = sizeof(struct lognormal_settings),
        .dimension = dimension, .create = create, .free = free_model, .mesh = mesh_of, .load = load, .prepare = prepare,
        .singular_at = singular_at, .undefined_at = clean_only, .create_level = create_level, .free_level = free_level,
        .eval = eval, .eval_both = eval_both, .log_density = log_density, .divergence = divergence,
        .power = power, .draw = draw, .posterior_means = posterior_means,
        .work_fields = 2, /* two half spectra and g */
};
