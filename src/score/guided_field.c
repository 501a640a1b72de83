/* A Gaussian random field given masked, smoothed, noisy data y = M B x_0 + n, noised: the score that reverse samplers
 * need (`posterior` is a tempered path for samplers at fixed noise). With m_0 = C (C + sigma^2)^-1 x the Wiener
 * denoiser and C_0 = C sigma^2/(C + sigma^2) the covariance of x_0 given x, both diagonal in Fourier space,
 *
 *     exact   s = -(C + sigma^2)^-1 x + C (C + sigma^2)^-1 B M (M B C_0 B M + N)^-1 (y - M B m_0),
 *             the inverse by conjugate gradients, to 1e-13: one transform there and back an iteration, few of them
 *             where sigma^2 is small beside the noise, and three more transforms;
 *     pigdm   A C_0 A^T replaced by r^2 b2 M, r^2 = sigma^2 v/(v + sigma^2), b2 the mean of b^2 over modes;
 *     dps     by 0. Both biased: three transforms there and back, two without a beam.
 *
 * Collective over the domain. [Wiener 1949; Song et al. 2023; Chung et al. 2023] */
#include <math.h>
#include <stdlib.h>

#include "score/posterior_level.h"
#include "score/types.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

enum method { EXACT, PIGDM, DPS };

struct guided_field_settings {
        struct field_settings field;
        struct observation_settings observation;
        int method;
        double prior_variance, scale;
};

#define FIELD(member) offsetof(struct guided_field_settings, member)

static const char *const methods[] = {[EXACT] = "exact", [PIGDM] = "pigdm", [DPS] = "dps", NULL};

static const struct param guided_field_params[] = {
        FIELD_ROWS(FIELD(field)),
        {.key = "observation", .kind = PARAM_TABLE, .offset = FIELD(observation), .rows = posterior_observation_params,
         .check = posterior_observation_check, .help = "what is known of the field"},
        {.key = "method", .kind = PARAM_CHOICE, .offset = FIELD(method), .choices = methods, .fallback = "exact",
         .help = "how data act on a noised field: exact, a linear system an evaluation; or guidance by its denoised "
                 "mean, biased"},
        {.key = "prior_variance", .kind = PARAM_REAL, .offset = FIELD(prior_variance), .fallback = "1",
         .range = "(0, inf)",
         .help = "pigdm: v of r^2 = sigma^2 v/(v + sigma^2), the assumed variance of a cell given the noised field"},
        {.key = "scale", .kind = PARAM_REAL, .offset = FIELD(scale), .fallback = "1", .range = "[0, inf)",
         .help = "pigdm, dps: what the guidance is multiplied by"},
        PARAM_END};

static void check(const void *configured, const struct params_scope *scope)
{
        const struct guided_field_settings *settings = configured;
        const struct random_field_options *draws = &settings->field.draws;
        if (draws->fixed_amplitude || draws->paired)
                params_problem(scope, draws->paired ? "paired" : "fixed_amplitude",
                               "is for draws from the prior; those from a posterior are exact only without");
        if (settings->method == EXACT && settings->scale != 1)
                params_problem(scope, "scale", "is for pigdm and dps; exact needs none");
}

static int64_t dimension(const void *settings)
{
        return mesh_settings_cells(&((const struct guided_field_settings *)settings)->field.mesh);
}

/* ---- the model ---- */

struct guided_field {
        struct posterior posterior; /* first: posterior_products() */
        const struct guided_field_settings *settings;
        double *weight;             /* M/N */
};

static void *create(const void *settings)
{
        struct guided_field *model = allocate(1, sizeof *model);
        model->settings = settings;
        model->posterior.observation.settings = &model->settings->observation;
        field_prior_create(&model->posterior.prior, &model->settings->field);
        return model;
}

static void free_model(void *configured)
{
        struct guided_field *model = configured;
        field_prior_release(&model->posterior.prior);
        posterior_observation_release(&model->posterior.observation);
        free(model->posterior.mean);
        free(model->weight);
        free(model);
}

static struct mesh *mesh_of(const void *model)
{
        return ((const struct guided_field *)model)->posterior.prior.mesh;
}

static const char *load(void *configured, const struct score_context *context)
{
        struct guided_field *model = configured;
        score_reads(context, "spectrum");
        const char *why = field_prior_load(&model->posterior.prior, &model->settings->field);
        if (parallel_any(why != NULL))
                return why;
        score_reads(context, "observation");
        return posterior_observation_load(&model->posterior.observation, model->posterior.prior.mesh, context);
}

/* That the Wiener mean converges is told here: the systems of all levels are easier, C_0 being below C. */
static const char *prepare(void *configured)
{
        struct guided_field *model = configured;
        struct posterior *posterior = &model->posterior;
        const char *why = field_prior_prepare(&posterior->prior);
        if (parallel_domain_any(why != NULL))
                return why;
        posterior_observation_prepare(&posterior->observation, &posterior->prior);
        model->weight = posterior_weight(posterior, 0);
        posterior->mean = mesh_allocate(posterior->prior.mesh);
        const struct wiener_report report = posterior_mean(posterior, 0, posterior->mean);
        return posterior_told("Wiener mean", &report);
}

static const char *singular_at(const void *model, double sigma)
{
        (void)model;
        return sigma > 0 ? NULL : FIELD_SINGULAR;
}

static void draw(const void *model, const struct rng_stream *stream, uint64_t first_particle, double *restrict x)
{
        posterior_draw(&((const struct guided_field *)model)->posterior, 0, stream, first_particle, x);
}

/* ---- the level ---- */

struct guided_field_level {
        const struct guided_field *model;
        double sigma;
        double *weight;   /* pigdm, dps: scale M/(N + r^2 b2); else the model's */
        double *variance; /* exact: c_0 of each mode */
        double *seen;     /* m_0, B m_0, then y - B m_0 */
        double *pull;     /* what the data add to x_0's mean, or its pull on it */
};

static double *guidance_weight(const struct guided_field *model, double sigma)
{
        const struct guided_field_settings *settings = model->settings;
        const struct mesh *mesh = model->posterior.prior.mesh;
        const struct observation *observation = &model->posterior.observation;
        const double v = settings->prior_variance;
        const double spread = settings->method == PIGDM ? sigma * sigma * v / fma(sigma, sigma, v) : 0;
        const double added = spread > 0 ? spread * posterior_beam_square(observation, mesh) : 0;
        double *weight = mesh_allocate(mesh);
        for (size_t i = 0; i < mesh->size; i++) {
                const double noise = observation->noise_sigma[i];
                weight[i] = observation->mask[i] > 0 ? settings->scale / fma(noise, noise, added) : 0;
        }
        return weight;
}

static void *create_level(const void *configured, double sigma)
{
        struct guided_field_level *level = allocate(1, sizeof *level);
        const struct guided_field *model = level->model = configured;
        const struct field_prior *prior = &model->posterior.prior;
        level->sigma = sigma;
        level->weight = model->settings->method == EXACT ? model->weight : guidance_weight(model, sigma);
        level->seen = mesh_allocate(prior->mesh);
        level->pull = mesh_allocate(prior->mesh);
        if (model->settings->method != EXACT || sigma == 0)
                return level;
        const size_t n = mesh_modes_here(prior->mesh);
        level->variance = allocate(n, sizeof *level->variance);
        for (size_t i = 0; i < n; i++)
                level->variance[i] = prior->variance[i] * (sigma * sigma) / fma(sigma, sigma, prior->variance[i]);
        return level;
}

static void free_level(void *state)
{
        struct guided_field_level *level = state;
        if (level->weight != level->model->weight)
                free(level->weight);
        free(level->variance);
        free(level->seen);
        free(level->pull);
        free(level);
}

/* c -> (c - sigma^2)/c: the Wiener denoiser. Modes without width stay 0. */
static double denoise(double c, const double *sigma)
{
        return c > 0 ? fmax(fma(-*sigma, *sigma, c), 0) / c : 0;
}

/* seen = y - B m_0, where there are data; without y (the derivative) less that. */
static void look(const struct guided_field_level *level, const double *x, bool with_data)
{
        const struct posterior *posterior = &level->model->posterior;
        const struct mesh *mesh = posterior->prior.mesh;
        const struct score_filter filter = {denoise, &level->sigma};
        const double *restrict data = posterior->observation.data, *restrict mask = posterior->observation.mask;
        double *restrict seen = level->seen;
        const double *denoised = x;
        if (level->sigma > 0) {
                field_prior_filter(&posterior->prior, level->sigma, &filter, x, seen);
                denoised = seen;
        }
        posterior_observation_smooth(&posterior->observation, mesh, denoised, seen);
        for (size_t i = 0; i < mesh->size; i++)
                seen[i] = mask[i] > 0 ? (with_data ? data[i] : 0) - seen[i] : 0;
}

/* out = C_0 B M (M B C_0 B M + N)^-1 seen/sigma^2: NaN where that fails, so that the run stops there. */
static void solve(const struct guided_field_level *level, double *out)
{
        const struct posterior *posterior = &level->model->posterior;
        const struct mesh *mesh = posterior->prior.mesh;
        const struct wiener_problem problem = {.mesh = mesh, .variance = level->variance,
                                               .beam = posterior->observation.beam, .weight = level->weight};
        struct wiener *wiener = wiener_create(&problem);
        const struct wiener_report report = wiener_mean(wiener, level->seen, out);
        wiener_free(wiener);
        const double back = report.converged ? 1 / (level->sigma * level->sigma) : NAN;
        for (size_t i = 0; i < mesh->size; i++)
                out[i] *= back;
}

/* The data's part of the score, or of its derivative along x: the score is linear in x and y. */
static void pull_of_data(const struct guided_field_level *level, const double *x, bool with_data, double *out)
{
        const struct posterior *posterior = &level->model->posterior;
        const struct mesh *mesh = posterior->prior.mesh;
        const struct score_filter filter = {denoise, &level->sigma};
        look(level, x, with_data);
        if (level->variance) {
                solve(level, out);
                return;
        }
        for (size_t i = 0; i < mesh->size; i++)
                level->seen[i] *= level->weight[i];
        posterior_observation_smooth(&posterior->observation, mesh, level->seen, out);
        if (level->sigma > 0)
                field_prior_filter(&posterior->prior, level->sigma, &filter, out, out);
}

static void whole(const struct guided_field_level *level, const double *x, bool with_data, double *out)
{
        const struct field_prior *prior = &level->model->posterior.prior;
        pull_of_data(level, x, with_data, level->pull);
        field_prior_score(prior, level->sigma, x, out);
        for (size_t i = 0; i < prior->mesh->size; i++)
                out[i] += level->pull[i];
}

static void eval(const void *state, const double *restrict x, double *restrict score)
{
        whole(state, x, true, score);
}

static void jacobian_vector(const void *state, const double *restrict x, const double *restrict v, double *restrict out)
{
        (void)x;
        whole(state, v, false, out);
}

static void remainder_of(const void *state, const double *x, double *out)
{
        pull_of_data(state, x, true, out);
}

static void filter(const void *state, const struct score_filter *wanted, const double *x, double *out)
{
        const struct guided_field_level *level = state;
        field_prior_filter(&level->model->posterior.prior, level->sigma, wanted, x, out);
}

static void mode_variance(const void *state, double *c)
{
        const struct guided_field_level *level = state;
        field_prior_mode_variance(&level->model->posterior.prior, level->sigma, c);
}

const struct score_type score_guided_field = {
        .name = "guided_field",
        .help = "a Gaussian random field given masked, smoothed, noisy data, noised: for reverse samplers",
        .params = guided_field_params, .settings_size = sizeof(struct guided_field_settings), .check = check,
        .dimension = dimension, .create = create, .free = free_model, .mesh = mesh_of, .load = load, .prepare = prepare,
        .products = posterior_products, .singular_at = singular_at,
        .create_level = create_level, .free_level = free_level, .eval = eval,
        .jacobian_vector = jacobian_vector, .filter = filter,
        .remainder = remainder_of, .mode_variance = mode_variance, .draw = draw,
        .work_fields = 30, /* data, mask, noise, truth, mean, weight; 8 levels of 2.5; the solver's 6 while it works */
};
