/* A Gaussian random field of power spectrum P(k) on a periodic mesh, exact at every noise level:
 *
 *     x = x_0 + sigma n,   <|F x|^2>/n_cells = c(k) = P(k)/V_cell + sigma^2,
 *     s = -F^-1 [F x / c],   div s = -sum 1/c,   ds/dx has eigenvalues -1/c(k),
 *     log p = -x' C^-1 x/2 - sum ln(2 pi c)/2.
 *
 * P(0) = 0: the mean holds noise only, of variance sigma^2. At sigma = 0 modes without width are left out.
 * One transform there and back an evaluation; log p in the same pass. [Remy et al. 2022] */
#include <math.h>
#include <stdlib.h>

#include "score/field_prior.h"
#include "score/types.h"
#include "sculptor/memory.h"

static const struct param gaussian_field_params[] = {FIELD_ROWS(0), PARAM_END};

struct gaussian_field {
        const struct field_settings *settings;
        struct field_prior prior;
};

static int64_t dimension(const void *settings)
{
        return mesh_settings_cells(&((const struct field_settings *)settings)->mesh);
}

static void *create(const void *settings)
{
        struct gaussian_field *model = allocate(1, sizeof *model);
        model->settings = settings;
        field_prior_create(&model->prior, settings);
        return model;
}

static void free_model(void *model)
{
        field_prior_release(&((struct gaussian_field *)model)->prior);
        free(model);
}

static struct mesh *mesh(const void *model)
{
        return ((const struct gaussian_field *)model)->prior.mesh;
}

static const char *load(void *model, const struct score_context *context)
{
        struct gaussian_field *field = model;
        score_reads(context, "spectrum");
        return field_prior_load(&field->prior, field->settings);
}

static const char *prepare(void *model)
{
        return field_prior_prepare(&((struct gaussian_field *)model)->prior);
}

static const char *singular_at(const void *model, double sigma)
{
        (void)model;
        return sigma > 0 ? NULL : FIELD_SINGULAR;
}

struct gaussian_field_level {
        const struct field_prior *prior;
        double sigma;
        struct field_constants constants;
};

static void *create_level(const void *model, double sigma)
{
        struct gaussian_field_level *level = allocate(1, sizeof *level);
        level->prior = &((const struct gaussian_field *)model)->prior;
        level->sigma = sigma;
        level->constants = field_prior_constants(level->prior, sigma);
        return level;
}

static void eval(const void *state, const double *restrict x, double *restrict score)
{
        const struct gaussian_field_level *level = state;
        field_prior_score(level->prior, level->sigma, x, score);
}

static void eval_both(const void *state, const double *restrict x, double *restrict score, double *restrict log_p)
{
        const struct gaussian_field_level *level = state;
        field_prior_spread(level->constants.log_norm - 0.5 * field_prior_score(level->prior, level->sigma, x, score),
                           log_p);
}

static void log_density(const void *state, const double *restrict x, double *restrict log_p)
{
        eval_both(state, x, NULL, log_p);
}

static void divergence(const void *state, const double *restrict x, double *restrict div)
{
        (void)x;
        field_prior_spread(-((const struct gaussian_field_level *)state)->constants.trace, div);
}

/* The score is linear: -C^-1 v. */
static void jacobian_vector(const void *state, const double *restrict x, const double *restrict v, double *restrict out)
{
        (void)x;
        eval(state, v, out);
}

static void filter(const void *state, const struct score_filter *wanted, const double *x, double *out)
{
        const struct gaussian_field_level *level = state;
        field_prior_filter(level->prior, level->sigma, wanted, x, out);
}

static void mode_variance(const void *state, double *c)
{
        const struct gaussian_field_level *level = state;
        field_prior_mode_variance(level->prior, level->sigma, c);
}

static void draw(const void *model, const struct rng_stream *stream, uint64_t first_particle, double *restrict x)
{
        field_prior_draw(&((const struct gaussian_field *)model)->prior, stream, first_particle, x);
}

const struct score_type score_gaussian_field = {
        .name = "gaussian_field",
        .help = "a Gaussian random field of power spectrum P(k) on a periodic mesh, exact at every noise level",
        .params = gaussian_field_params, .settings_size = sizeof(struct field_settings),
        .dimension = dimension, .create = create, .free = free_model, .mesh = mesh, .load = load, .prepare = prepare,
        .singular_at = singular_at, .create_level = create_level, .free_level = free,
        .eval = eval, .eval_both = eval_both, .log_density = log_density, .divergence = divergence,
        .jacobian_vector = jacobian_vector,
        .filter = filter, .mode_variance = mode_variance, .power = mode_variance, .draw = draw,
        .work_fields = 0.5, /* d, of half the modes */
};
