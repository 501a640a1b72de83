/* Neal's funnel [Neal 2003, Slice sampling, section 8]: a log variance and n - 1 normals that share it,
 *
 *     v = x_1 ~ N(0, sigma_v^2),   x_i | v ~ N(0, e^v), i = 2 .. n,
 *     s_1 = -v/sigma_v^2 - (n - 1)/2 + e^-v R/2,   s_i = -e^-v x_i,   R = sum x_i^2.
 *
 * Its widths span e^(-sigma_v) to e^(sigma_v): no one step size suits both neck and mouth.
 * e^-v leaves the range of doubles below v = -709, far outside the density. */
#include <math.h>
#include <stdlib.h>

#include "score/clean_only.h"
#include "score/types.h"
#include "sculptor/memory.h"
#include "sculptor/vecmath.h"

#define LN_2_PI 1.8378770664093454836

struct funnel {
        int64_t dimension;
        double sigma_v;
};

static const struct param funnel_params[] = {
        {.key = "dimension", .kind = PARAM_INTEGER, .offset = offsetof(struct funnel, dimension), .fallback = "10",
         .range = "[2, 1048576]", .help = "coordinates: the log variance v, then those it scales"},
        {.key = "sigma_v", .kind = PARAM_REAL, .offset = offsetof(struct funnel, sigma_v), .fallback = "3",
         .range = "(0, inf)", .help = "standard deviation of v"},
        PARAM_END,
};

static int64_t dimension(const void *settings)
{
        return ((const struct funnel *)settings)->dimension;
}

static void *create(const void *settings)
{
        struct funnel *model = allocate(1, sizeof *model);
        *model = *(const struct funnel *)settings;
        return model;
}

static void draw(const void *model, const struct rng_stream *stream, uint64_t first_particle, double *restrict x)
{
        const struct funnel *funnel = model;

        rng_normal(stream, first_particle, funnel->dimension, x);
        for (int lane = 0; lane < LANES; lane++)
                x[lane] *= funnel->sigma_v;
        double scale[LANES];
        for (int lane = 0; lane < LANES; lane++)
                scale[lane] = vm_exp(0.5 * x[lane]);
        for (int64_t i = 1; i < funnel->dimension; i++)
                for (int lane = 0; lane < LANES; lane++)
                        x[i * LANES + lane] *= scale[lane];
}

struct funnel_level {
        int64_t n_dim;
        double precision_v; /* 1/sigma_v^2 */
        double half_rest;   /* (n_dim - 1)/2 */
        double log_norm;    /* -n_dim ln(2 pi)/2 - ln sigma_v */
};

static void *create_level(const void *model, double sigma)
{
        const struct funnel *funnel = model;
        (void)sigma;
        struct funnel_level *level = allocate(1, sizeof *level);
        level->n_dim = funnel->dimension;
        level->precision_v = 1 / (funnel->sigma_v * funnel->sigma_v);
        level->half_rest = 0.5 * (double)(funnel->dimension - 1);
        level->log_norm = fma(-0.5 * LN_2_PI, (double)funnel->dimension, -vm_log(funnel->sigma_v));
        return level;
}

/* e^-v and R, [LANES] each. */
static void width_and_radius(const struct funnel_level *level, const double *restrict x, double *restrict inverse,
                             double *restrict radius)
{
        for (int lane = 0; lane < LANES; lane++) {
                inverse[lane] = vm_exp(-x[lane]);
                radius[lane] = 0;
        }
        for (int64_t i = 1; i < level->n_dim; i++)
                for (int lane = 0; lane < LANES; lane++)
                        radius[lane] = fma(x[i * LANES + lane], x[i * LANES + lane], radius[lane]);
}

static void eval(const void *level, const double *restrict x, double *restrict score)
{
        const struct funnel_level *funnel = level;
        double inverse[LANES], radius[LANES];

        width_and_radius(funnel, x, inverse, radius);
        for (int lane = 0; lane < LANES; lane++)
                score[lane] = fma(0.5 * inverse[lane], radius[lane],
                                  fma(-funnel->precision_v, x[lane], -funnel->half_rest));
        for (int64_t i = 1; i < funnel->n_dim; i++)
                for (int lane = 0; lane < LANES; lane++)
                        score[i * LANES + lane] = -inverse[lane] * x[i * LANES + lane];
}

static void log_density(const void *level, const double *restrict x, double *restrict log_p)
{
        const struct funnel_level *funnel = level;
        double inverse[LANES], radius[LANES];

        width_and_radius(funnel, x, inverse, radius);
        for (int lane = 0; lane < LANES; lane++) {
                const double v = x[lane];
                const double rest = fma(-0.5 * inverse[lane], radius[lane], -funnel->half_rest * v);
                log_p[lane] = fma(-0.5 * funnel->precision_v * v, v, rest) + funnel->log_norm;
        }
}

static void divergence(const void *level, const double *restrict x, double *restrict div)
{
        const struct funnel_level *funnel = level;
        double inverse[LANES], radius[LANES];

        width_and_radius(funnel, x, inverse, radius);
        for (int lane = 0; lane < LANES; lane++)
                div[lane] = -fma(inverse[lane], fma(0.5, radius[lane], 2 * funnel->half_rest), funnel->precision_v);
}

/* J_11 = -1/sigma_v^2 - e^-v R/2,   J_1i = J_i1 = e^-v x_i,   J_ii = -e^-v, and 0 elsewhere. */
static void jacobian(const void *level, const double *restrict x, double *restrict j)
{
        const struct funnel_level *funnel = level;
        const int64_t n = funnel->n_dim;
        double inverse[LANES], radius[LANES];

        width_and_radius(funnel, x, inverse, radius);
        for (int64_t k = 0; k < n * n * LANES; k++)
                j[k] = 0;
        for (int lane = 0; lane < LANES; lane++)
                j[lane] = fma(-0.5 * inverse[lane], radius[lane], -funnel->precision_v);
        for (int64_t i = 1; i < n; i++)
                for (int lane = 0; lane < LANES; lane++) {
                        const double cross = inverse[lane] * x[i * LANES + lane];
                        j[i * LANES + lane] = cross;
                        j[i * n * LANES + lane] = cross;
                        j[(i * n + i) * LANES + lane] = -inverse[lane];
                }
}

const struct score_type score_funnel = {
        .name = "funnel", .help = "Neal's funnel: a log variance and the normals it scales; clean only",
        .params = funnel_params, .settings_size = sizeof(struct funnel),
        .dimension = dimension, .create = create, .free = free, .undefined_at = clean_only,
        .create_level = create_level, .free_level = free,
        .eval = eval, .log_density = log_density, .divergence = divergence, .jacobian = jacobian, .draw = draw,
};
