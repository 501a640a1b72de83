/* Two wells at x_1 = -a and a, h kT deep, and normals across:
 *
 *     U = h (w^2 - 1)^2 + sum_{i > 1} x_i^2/(2 s^2),   w = x_1/a,   p = e^-U/Z,
 *     s_1 = -4 h w (w^2 - 1)/a,   s_i = -x_i/s^2.
 *
 * Z = a I(h) (2 pi s^2)^((n-1)/2) with
 *     I(h) = integral of exp(-h (w^2 - 1)^2) over w = (pi/2) e^(-h/2) (I_{-1/4}(h/2) + I_{1/4}(h/2)).
 * Kramers' time to cross is (pi a^2/(2^(3/2) h)) e^h in the overdamped dynamics [Kramers 1940; Risken 1989].
 *
 * I(h) and the draws come from one table of the distribution of |w|, integrated by Gauss and Legendre's
 * rule on cells across which U changes by less than 0.7: exact to rounding, and the same bits wherever
 * it is built, as a library's special functions and quadrature would not be. */
#include <math.h>
#include <stdlib.h>

#include "score/clean_only.h"
#include "score/types.h"
#include "sculptor/memory.h"
#include "sculptor/vecmath.h"

#define LN_2_PI 1.8378770664093454836

struct double_well_settings {
        int64_t dimension;
        double barrier, half_distance, sigma;
};

static const struct param double_well_params[] = {
        {.key = "dimension", .kind = PARAM_INTEGER, .offset = offsetof(struct double_well_settings, dimension),
         .fallback = "1", .range = "[1, 1048576]", .help = "coordinates; the wells lie along the first"},
        {.key = "barrier", .kind = PARAM_REAL, .offset = offsetof(struct double_well_settings, barrier),
         .fallback = "4",
         .range = "[1e-6, 1e6]", .unit = "kT", .help = "height h of the barrier above the wells"},
        {.key = "half_distance", .kind = PARAM_REAL, .offset = offsetof(struct double_well_settings, half_distance),
         .fallback = "1", .range = "(0, inf)", .help = "the wells lie at -a and a"},
        {.key = "sigma", .kind = PARAM_REAL, .offset = offsetof(struct double_well_settings, sigma), .fallback = "1",
         .range = "(0, inf)", .help = "standard deviation of the other coordinates"},
        PARAM_END,
};

static int64_t dimension(const void *settings)
{
        return ((const struct double_well_settings *)settings)->dimension;
}

/* ---- the distribution of |w| ---- */

enum { CELLS = 256 };

struct double_well {
        int64_t n_dim;
        double barrier, half_distance, sigma;
        double begin, cell;           /* |w| in begin + cell [0, CELLS]; what lies outside has mass < 2^-53 */
        double integral;              /* I(h)/2 */
        double below[CELLS + 1];      /* P(|w| < begin + cell i) */
};

static double boltzmann(double barrier, double w)
{
        const double u = fma(w, w, -1);
        return vm_exp(-barrier * u * u);
}

/* The integral of exp(-h (w^2 - 1)^2) over part of a cell: 6 points, exact to degree 11. */
static double cell_integral(double barrier, double from, double to)
{
        static const double node[3] = {0.23861918608319690863, 0.66120938646626451366, 0.93246951420315202781};
        static const double weight[3] = {0.46791393457269104739, 0.36076157304813860757, 0.17132449237917034504};
        const double centre = 0.5 * (from + to), half = 0.5 * (to - from);

        double sum = 0;
        for (int i = 0; i < 3; i++) {
                const double pair = boltzmann(barrier, fma(-half, node[i], centre)) +
                                    boltzmann(barrier, fma(half, node[i], centre));
                sum = fma(weight[i], pair, sum);
        }
        return half * sum;
}

static void *create(const void *settings)
{
        const struct double_well_settings *set = settings;
        struct double_well *model = allocate(1, sizeof *model);
        model->n_dim = set->dimension;
        model->barrier = set->barrier;
        model->half_distance = set->half_distance;
        model->sigma = set->sigma;

        /* U <= 40 holds all but e^-40 < 2^-57 of the mass. */
        const double reach = sqrt(40 / set->barrier);
        model->begin = reach < 1 ? sqrt(1 - reach) : 0;
        model->cell = (sqrt(1 + reach) - model->begin) / CELLS;

        for (int i = 0; i < CELLS; i++) {
                const double from = fma(model->cell, i, model->begin), to = fma(model->cell, i + 1, model->begin);
                model->below[i + 1] = model->below[i] + cell_integral(set->barrier, from, to);
        }
        model->integral = model->below[CELLS];
        for (int i = 0; i <= CELLS; i++)
                model->below[i] /= model->integral;
        return model;
}

/* |w| with P(|w| < w) = u. Within a cell ln p changes by less than 0.7, so Newton's steps from linear
 * interpolation shrink the error as 0.09, 3e-3, 3e-6, 3e-12, 0 of a cell. */
static double quantile(const struct double_well *model, double u)
{
        int i = 0;
        for (int step = CELLS / 2; step > 0; step /= 2)
                i += model->below[i + step] <= u ? step : 0;

        const double from = fma(model->cell, i, model->begin);
        const double share = (u - model->below[i]) / (model->below[i + 1] - model->below[i]);
        const double mass = (u - model->below[i]) * model->integral;
        double w = fma(model->cell, share, from);
        for (int newton = 0; newton < 5; newton++)
                w -= (cell_integral(model->barrier, from, w) - mass) / boltzmann(model->barrier, w);
        return w;
}

static void draw(const void *model, const struct rng_stream *stream, uint64_t first_particle, double *restrict x)
{
        const struct double_well *well = model;
        struct rng_stream wells = *stream;
        wells.stage++;
        _Alignas(64) double u[2 * LANES]; /* the place in a well; which well */

        rng_normal(stream, first_particle, well->n_dim, x);
        rng_uniform(&wells, first_particle, 2, u);
        for (int lane = 0; lane < LANES; lane++) {
                const double w = well->half_distance * quantile(well, u[lane]);
                x[lane] = u[LANES + lane] < 0.5 ? -w : w;
        }
        for (int64_t k = LANES; k < well->n_dim * LANES; k++)
                x[k] *= well->sigma;
}

/* ---- the level ---- */

struct double_well_level {
        int64_t n_dim;
        double barrier;
        double per_distance; /* 1/a */
        double precision;    /* 1/s^2 */
        double log_norm;     /* -ln Z */
};

static void *create_level(const void *model, double sigma)
{
        const struct double_well *well = model;
        (void)sigma;
        struct double_well_level *level = allocate(1, sizeof *level);
        level->n_dim = well->n_dim;
        level->barrier = well->barrier;
        level->per_distance = 1 / well->half_distance;
        level->precision = 1 / (well->sigma * well->sigma);
        const double across = fma(0.5, LN_2_PI, vm_log(well->sigma));
        level->log_norm = fma(-(double)(well->n_dim - 1), across, -vm_log(2 * well->half_distance * well->integral));
        return level;
}

static void eval(const void *level, const double *restrict x, double *restrict score)
{
        const struct double_well_level *well = level;

        for (int lane = 0; lane < LANES; lane++) {
                const double w = x[lane] * well->per_distance;
                score[lane] = -4 * well->barrier * well->per_distance * w * fma(w, w, -1);
        }
        for (int64_t k = LANES; k < well->n_dim * LANES; k++)
                score[k] = -well->precision * x[k];
}

static void log_density(const void *level, const double *restrict x, double *restrict log_p)
{
        const struct double_well_level *well = level;

        for (int lane = 0; lane < LANES; lane++) {
                const double w = x[lane] * well->per_distance, u = fma(w, w, -1);
                log_p[lane] = fma(-well->barrier * u, u, well->log_norm);
        }
        for (int64_t i = 1; i < well->n_dim; i++)
                for (int lane = 0; lane < LANES; lane++)
                        log_p[lane] = fma(-0.5 * well->precision * x[i * LANES + lane], x[i * LANES + lane],
                                          log_p[lane]);
}

/* J_11 = -4 h (3 w^2 - 1)/a^2 */
static inline double along(const struct double_well_level *level, double x)
{
        const double w = x * level->per_distance;
        return -4 * level->barrier * level->per_distance * level->per_distance * fma(3 * w, w, -1);
}

static void divergence(const void *level, const double *restrict x, double *restrict div)
{
        const struct double_well_level *well = level;
        for (int lane = 0; lane < LANES; lane++)
                div[lane] = fma(-(double)(well->n_dim - 1), well->precision, along(well, x[lane]));
}

static void jacobian(const void *level, const double *restrict x, double *restrict j)
{
        const struct double_well_level *well = level;
        const int64_t n = well->n_dim;

        for (int64_t k = 0; k < n * n * LANES; k++)
                j[k] = 0;
        for (int lane = 0; lane < LANES; lane++)
                j[lane] = along(well, x[lane]);
        for (int64_t i = 1; i < n; i++)
                for (int lane = 0; lane < LANES; lane++)
                        j[(i * n + i) * LANES + lane] = -well->precision;
}

const struct score_type score_double_well = {
        .name = "double_well", .help = "two wells and a barrier along the first coordinate; clean only",
        .params = double_well_params, .settings_size = sizeof(struct double_well_settings),
        .dimension = dimension, .create = create, .free = free, .undefined_at = clean_only,
        .create_level = create_level, .free_level = free,
        .eval = eval, .log_density = log_density, .divergence = divergence, .jacobian = jacobian, .draw = draw,
};
