/* Bananas: normals bent along a parabola, normalised and drawn from exactly. A pair (x_1, x_2) is
 *
 *     x_1 = m + sigma_1 z_1,   x_2 = b (x_1^2 - c) + sigma_2 z_2,
 *
 * so that with r = x_2 - b (x_1^2 - c), of Jacobian determinant 1,
 *
 *     ln p = -(x_1 - m)^2/(2 sigma_1^2) - r^2/(2 sigma_2^2) - ln(2 pi sigma_1 sigma_2),
 *     s_1 = -(x_1 - m)/sigma_1^2 + 2 b x_1 r/sigma_2^2,   s_2 = -r/sigma_2^2.
 *
 * The first `pairs` pairs of coordinates are such pairs, the rest N(0, 1). One pair with m = 0 and
 * c = sigma_1^2 is the banana of Haario, Saksman & Tamminen 1999 (their b is -b here); pairs = n/2 with
 * m = 1, b = 1, c = 0 the even Rosenbrock density of Pagani, Wiegand & Nadarajah 2022, whose a and b
 * are 1/(2 sigma_1^2) and 1/(2 sigma_2^2). */
#include <math.h>
#include <stdlib.h>

#include "score/clean_only.h"
#include "score/types.h"
#include "sculptor/memory.h"
#include "sculptor/vecmath.h"

#define LN_2_PI 1.8378770664093454836

struct banana {
        int64_t dimension, pairs;
        double mean, sigma_1, sigma_2, bend, offset;
};

static const struct param banana_params[] = {
        {.key = "dimension", .kind = PARAM_INTEGER, .offset = offsetof(struct banana, dimension), .fallback = "2",
         .range = "[2, 1048576]", .help = "coordinates: the pairs, then standard normals"},
        {.key = "pairs", .kind = PARAM_INTEGER, .offset = offsetof(struct banana, pairs), .fallback = "1",
         .range = "[1, 524288]", .help = "how many pairs of coordinates are bent"},
        {.key = "mean", .kind = PARAM_REAL, .offset = offsetof(struct banana, mean), .fallback = "0",
         .help = "mean m of x_1"},
        {.key = "sigma_1", .kind = PARAM_REAL, .offset = offsetof(struct banana, sigma_1), .fallback = "10",
         .range = "(0, inf)", .help = "standard deviation of x_1"},
        {.key = "sigma_2", .kind = PARAM_REAL, .offset = offsetof(struct banana, sigma_2), .fallback = "1",
         .range = "(0, inf)", .help = "standard deviation of x_2 about the parabola"},
        {.key = "bend", .kind = PARAM_REAL, .offset = offsetof(struct banana, bend), .fallback = "-0.03",
         .help = "b of the parabola x_2 = b (x_1^2 - c)"},
        {.key = "offset", .kind = PARAM_REAL, .offset = offsetof(struct banana, offset), .fallback = "100",
         .help = "c of the parabola x_2 = b (x_1^2 - c); mean^2 + sigma_1^2 gives x_2 zero mean"},
        PARAM_END,
};

static void check(const void *settings, const struct params_scope *scope)
{
        const struct banana *set = settings;
        if (2 * set->pairs > set->dimension)
                params_problem(scope, "pairs", "%lld pairs need dimension >= %lld, not %lld", (long long)set->pairs,
                               2 * (long long)set->pairs, (long long)set->dimension);
}

static int64_t dimension(const void *settings)
{
        return ((const struct banana *)settings)->dimension;
}

static void *create(const void *settings)
{
        struct banana *model = allocate(1, sizeof *model);
        *model = *(const struct banana *)settings;
        return model;
}

static void draw(const void *model, const struct rng_stream *stream, uint64_t first_particle, double *restrict x)
{
        const struct banana *banana = model;

        rng_normal(stream, first_particle, banana->dimension, x);
        for (int64_t pair = 0; pair < banana->pairs; pair++) {
                double *x1 = x + 2 * pair * LANES, *x2 = x1 + LANES;
                for (int lane = 0; lane < LANES; lane++) {
                        x1[lane] = fma(banana->sigma_1, x1[lane], banana->mean);
                        const double parabola = banana->bend * fma(x1[lane], x1[lane], -banana->offset);
                        x2[lane] = fma(banana->sigma_2, x2[lane], parabola);
                }
        }
}

struct banana_level {
        int64_t n_dim, n_bent; /* n_bent = 2 pairs */
        double mean, bend, offset;
        double precision_1, precision_2; /* 1/sigma_1^2, 1/sigma_2^2 */
        double log_norm;                 /* -n_dim ln(2 pi)/2 - pairs ln(sigma_1 sigma_2) */
};

static void *create_level(const void *model, double sigma)
{
        const struct banana *banana = model;
        (void)sigma;
        struct banana_level *level = allocate(1, sizeof *level);
        level->n_dim = banana->dimension;
        level->n_bent = 2 * banana->pairs;
        level->mean = banana->mean;
        level->bend = banana->bend;
        level->offset = banana->offset;
        level->precision_1 = 1 / (banana->sigma_1 * banana->sigma_1);
        level->precision_2 = 1 / (banana->sigma_2 * banana->sigma_2);
        const double log_sigmas = vm_log(banana->sigma_1) + vm_log(banana->sigma_2);
        level->log_norm = fma(-0.5 * LN_2_PI, (double)banana->dimension, -(double)banana->pairs * log_sigmas);
        return level;
}

/* r = x_2 - b (x_1^2 - c) */
static inline double residual(const struct banana_level *level, double x1, double x2)
{
        return fma(-level->bend, fma(x1, x1, -level->offset), x2);
}

static void eval(const void *level, const double *restrict x, double *restrict score)
{
        const struct banana_level *banana = level;

        for (int64_t i = 0; i < banana->n_bent; i += 2) {
                const double *x1 = x + i * LANES, *x2 = x1 + LANES;
                double *s1 = score + i * LANES, *s2 = s1 + LANES;
                for (int lane = 0; lane < LANES; lane++) {
                        const double pull = banana->precision_2 * residual(banana, x1[lane], x2[lane]);
                        s1[lane] = fma(2 * banana->bend * x1[lane], pull,
                                       -banana->precision_1 * (x1[lane] - banana->mean));
                        s2[lane] = -pull;
                }
        }
        for (int64_t k = banana->n_bent * LANES; k < banana->n_dim * LANES; k++)
                score[k] = -x[k];
}

static void log_density(const void *level, const double *restrict x, double *restrict log_p)
{
        const struct banana_level *banana = level;

        for (int lane = 0; lane < LANES; lane++)
                log_p[lane] = banana->log_norm;
        for (int64_t i = 0; i < banana->n_bent; i += 2) {
                const double *x1 = x + i * LANES, *x2 = x1 + LANES;
                for (int lane = 0; lane < LANES; lane++) {
                        const double along = x1[lane] - banana->mean, r = residual(banana, x1[lane], x2[lane]);
                        log_p[lane] = fma(-0.5 * banana->precision_1 * along, along, log_p[lane]);
                        log_p[lane] = fma(-0.5 * banana->precision_2 * r, r, log_p[lane]);
                }
        }
        for (int64_t i = banana->n_bent; i < banana->n_dim; i++)
                for (int lane = 0; lane < LANES; lane++)
                        log_p[lane] = fma(-0.5 * x[i * LANES + lane], x[i * LANES + lane], log_p[lane]);
}

/* J_11 = -1/sigma_1^2 + (2 b r - 4 b^2 x_1^2)/sigma_2^2 */
static inline double bent_entry(const struct banana_level *level, double x1, double x2)
{
        const double slope = 2 * level->bend * x1; /* of the parabola */
        const double curve = fma(-slope, slope, 2 * level->bend * residual(level, x1, x2));
        return fma(level->precision_2, curve, -level->precision_1);
}

static void divergence(const void *level, const double *restrict x, double *restrict div)
{
        const struct banana_level *banana = level;
        const double straight = -(double)(banana->n_dim - banana->n_bent);

        for (int lane = 0; lane < LANES; lane++)
                div[lane] = fma(-banana->precision_2, 0.5 * (double)banana->n_bent, straight);
        for (int64_t i = 0; i < banana->n_bent; i += 2)
                for (int lane = 0; lane < LANES; lane++)
                        div[lane] += bent_entry(banana, x[i * LANES + lane], x[(i + 1) * LANES + lane]);
}

static void jacobian(const void *level, const double *restrict x, double *restrict j)
{
        const struct banana_level *banana = level;
        const int64_t n = banana->n_dim;

        for (int64_t k = 0; k < n * n * LANES; k++)
                j[k] = 0;
        for (int64_t i = 0; i < banana->n_bent; i += 2)
                for (int lane = 0; lane < LANES; lane++) {
                        const double x1 = x[i * LANES + lane], x2 = x[(i + 1) * LANES + lane];
                        const double cross = 2 * banana->bend * x1 * banana->precision_2;
                        j[(i * n + i) * LANES + lane] = bent_entry(banana, x1, x2);
                        j[(i * n + i + 1) * LANES + lane] = cross;
                        j[((i + 1) * n + i) * LANES + lane] = cross;
                        j[((i + 1) * n + i + 1) * LANES + lane] = -banana->precision_2;
                }
        for (int64_t i = banana->n_bent; i < n; i++)
                for (int lane = 0; lane < LANES; lane++)
                        j[(i * n + i) * LANES + lane] = -1;
}

const struct score_type score_banana = {
        .name = "banana", .help = "normals bent along a parabola (Haario's banana, Rosenbrock's valley); clean only",
        .params = banana_params, .settings_size = sizeof(struct banana), .check = check,
        .dimension = dimension, .create = create, .free = free, .undefined_at = clean_only,
        .create_level = create_level, .free_level = free,
        .eval = eval, .log_density = log_density, .divergence = divergence, .jacobian = jacobian, .draw = draw,
};
