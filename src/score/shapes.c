/* Shapes to look at: ring, grid, moons, spiral and checkerboard, each an exact mixture of Gaussians of
 * one sigma and equal weights, so that every score function of mixture.h is theirs. Lengths are in the
 * unit of x. Sines and cosines come from vecmath.h, as all numbers that decide bits of the state. */
#include <math.h>

#include "score/mixture.h"
#include "score/types.h"
#include "sculptor/vecmath.h"

enum { MAX_COMPONENTS = 16384 };

/* For sizes that multiply to the number of components. */
static void check_count(const struct params_scope *scope, const char *key, double n)
{
        if (n > MAX_COMPONENTS)
                params_problem(scope, key, "makes %.0f components, more than %d", n, MAX_COMPONENTS);
}

static int64_t plane(const void *settings)
{
        (void)settings;
        return 2;
}

static void place(struct mixture *mixture, size_t k, double x, double y, double sigma)
{
        mixture->mean[2 * k] = x;
        mixture->mean[2 * k + 1] = y;
        mixture->sigma[2 * k] = mixture->sigma[2 * k + 1] = sigma;
}

/* ---- ring: m_k = radius (cos, sin)(2 pi k/modes) ---- */

struct ring_settings {
        int64_t modes;
        double radius, sigma;
};

static const struct param ring_params[] = {
        {.key = "modes", .kind = PARAM_INTEGER, .offset = offsetof(struct ring_settings, modes), .fallback = "8",
         .range = "[1, 16384]", .help = "Gaussians on the ring, evenly spaced, the first at angle 0"},
        {.key = "radius", .kind = PARAM_REAL, .offset = offsetof(struct ring_settings, radius), .fallback = "4",
         .range = "[0, inf)", .help = "distance of the modes from the origin"},
        {.key = "sigma", .kind = PARAM_REAL, .offset = offsetof(struct ring_settings, sigma), .fallback = "0.5",
         .range = "[0, inf)", .help = "standard deviation of each mode"},
        PARAM_END,
};

static void *ring_create(const void *settings)
{
        const struct ring_settings *set = settings;
        struct mixture *mixture = mixture_allocate((size_t)set->modes, 2);
        for (int64_t k = 0; k < set->modes; k++) {
                const struct vm_sincos at = vm_sincos_turns((double)k / (double)set->modes);
                place(mixture, (size_t)k, set->radius * at.cos, set->radius * at.sin, set->sigma);
        }
        return mixture_create(mixture);
}

const struct score_type score_ring = {
        .name = "ring", .help = "Gaussians evenly spaced on a circle", .params = ring_params,
        .settings_size = sizeof(struct ring_settings), .dimension = plane, .create = ring_create, MIXTURE_FUNCTIONS,
};

/* ---- grid: m_k = spacing (i - (side - 1)/2) in each coordinate, i = 0 .. side - 1 ---- */

struct grid_settings {
        int64_t side, dimension;
        double spacing, sigma;
};

static const struct param grid_params[] = {
        {.key = "side", .kind = PARAM_INTEGER, .offset = offsetof(struct grid_settings, side), .fallback = "5",
         .range = "[1, 16384]", .help = "Gaussians along each coordinate"},
        {.key = "dimension", .kind = PARAM_INTEGER, .offset = offsetof(struct grid_settings, dimension),
         .fallback = "2", .range = "[1, 14]", .help = "coordinates; there are side^dimension Gaussians, at most 16384"},
        {.key = "spacing", .kind = PARAM_REAL, .offset = offsetof(struct grid_settings, spacing), .fallback = "2",
         .range = "[0, inf)", .help = "distance of neighbours; the grid is centred on the origin"},
        {.key = "sigma", .kind = PARAM_REAL, .offset = offsetof(struct grid_settings, sigma), .fallback = "0.2",
         .range = "[0, inf)", .help = "standard deviation of each mode"},
        PARAM_END,
};

static double grid_count(const struct grid_settings *set)
{
        double n = 1;
        for (int64_t i = 0; i < set->dimension; i++)
                n *= (double)set->side;
        return n;
}

static void grid_check(const void *settings, const struct params_scope *scope)
{
        check_count(scope, "side", grid_count(settings));
}

static int64_t grid_dimension(const void *settings)
{
        return ((const struct grid_settings *)settings)->dimension;
}

static void *grid_create(const void *settings)
{
        const struct grid_settings *set = settings;
        struct mixture *mixture = mixture_allocate((size_t)grid_count(set), set->dimension);
        for (size_t k = 0; k < mixture->n; k++) {
                size_t rest = k;
                for (size_t i = (size_t)set->dimension; i-- > 0; rest /= (size_t)set->side) {
                        const double step = (double)(rest % (size_t)set->side) - 0.5 * (double)(set->side - 1);
                        mixture->mean[k * (size_t)set->dimension + i] = set->spacing * step;
                        mixture->sigma[k * (size_t)set->dimension + i] = set->sigma;
                }
        }
        return mixture_create(mixture);
}

const struct score_type score_grid = {
        .name = "grid", .help = "Gaussians on a square grid, in any number of coordinates", .params = grid_params,
        .settings_size = sizeof(struct grid_settings), .check = grid_check, .dimension = grid_dimension,
        .create = grid_create, MIXTURE_FUNCTIONS,
};

/* ---- moons: two interleaved half circles, radius times those of scikit-learn's make_moons,
 *     outer (cos t, sin t),  inner (1 - cos t, 1/2 - sin t),  0 <= t <= pi, ends included ---- */

struct moons_settings {
        int64_t modes;
        double radius, sigma;
};

static const struct param moons_params[] = {
        {.key = "modes", .kind = PARAM_INTEGER, .offset = offsetof(struct moons_settings, modes), .fallback = "64",
         .range = "[2, 16384]", .help = "Gaussians on both moons together, evenly spaced; half of them on each"},
        {.key = "radius", .kind = PARAM_REAL, .offset = offsetof(struct moons_settings, radius), .fallback = "1",
         .range = "[0, inf)", .help = "of the half circles, centred on (0, 0) and on radius (1, 1/2)"},
        {.key = "sigma", .kind = PARAM_REAL, .offset = offsetof(struct moons_settings, sigma), .fallback = "0.1",
         .range = "[0, inf)", .help = "standard deviation across the moons"},
        PARAM_END,
};

static void *moons_create(const void *settings)
{
        const struct moons_settings *set = settings;
        struct mixture *mixture = mixture_allocate((size_t)set->modes, 2);
        const int64_t n_outer = (set->modes + 1) / 2;
        for (int64_t k = 0; k < set->modes; k++) {
                const bool outer = k < n_outer;
                const int64_t i = outer ? k : k - n_outer, n = outer ? n_outer : set->modes - n_outer;
                const struct vm_sincos at = vm_sincos_turns(n > 1 ? 0.5 * (double)i / (double)(n - 1) : 0.25);
                const double x = outer ? at.cos : 1 - at.cos, y = outer ? at.sin : 0.5 - at.sin;
                place(mixture, (size_t)k, set->radius * x, set->radius * y, set->sigma);
        }
        return mixture_create(mixture);
}

const struct score_type score_moons = {
        .name = "moons", .help = "two interleaved half circles made of Gaussians", .params = moons_params,
        .settings_size = sizeof(struct moons_settings), .dimension = plane, .create = moons_create, MIXTURE_FUNCTIONS,
};

/* ---- spiral: arms of Archimedes, r = radius t, angle = 2 pi (turns t + arm/arms); t grows like a root,
 * t_i = sqrt((i + 1/2)/modes), so that Gaussians are about evenly spaced along an arm ---- */

struct spiral_settings {
        int64_t arms, modes;
        double turns, radius, sigma;
};

static const struct param spiral_params[] = {
        {.key = "arms", .kind = PARAM_INTEGER, .offset = offsetof(struct spiral_settings, arms), .fallback = "2",
         .range = "[1, 16384]", .help = "arms, which differ by a rotation"},
        {.key = "modes", .kind = PARAM_INTEGER, .offset = offsetof(struct spiral_settings, modes), .fallback = "48",
         .range = "[1, 16384]", .help = "Gaussians on each arm"},
        {.key = "turns", .kind = PARAM_REAL, .offset = offsetof(struct spiral_settings, turns), .fallback = "1.5",
         .range = "[0, 1000]", .help = "turns of an arm, counterclockwise from the centre"},
        {.key = "radius", .kind = PARAM_REAL, .offset = offsetof(struct spiral_settings, radius), .fallback = "4",
         .range = "[0, inf)", .help = "distance from the origin at which the arms end"},
        {.key = "sigma", .kind = PARAM_REAL, .offset = offsetof(struct spiral_settings, sigma), .fallback = "0.15",
         .range = "[0, inf)", .help = "standard deviation across the arms"},
        PARAM_END,
};

static void spiral_check(const void *settings, const struct params_scope *scope)
{
        const struct spiral_settings *set = settings;
        check_count(scope, "modes", (double)set->arms * (double)set->modes);
}

static void *spiral_create(const void *settings)
{
        const struct spiral_settings *set = settings;
        struct mixture *mixture = mixture_allocate((size_t)(set->arms * set->modes), 2);
        for (int64_t k = 0; k < set->arms * set->modes; k++) {
                const double t = sqrt(((double)(k % set->modes) + 0.5) / (double)set->modes);
                const int64_t arm = k / set->modes;
                const double angle = set->turns * t + (double)arm / (double)set->arms;
                const struct vm_sincos at = vm_sincos_turns(angle - floor(angle));
                place(mixture, (size_t)k, set->radius * t * at.cos, set->radius * t * at.sin, set->sigma);
        }
        return mixture_create(mixture);
}

const struct score_type score_spiral = {
        .name = "spiral", .help = "arms of Archimedes made of Gaussians", .params = spiral_params,
        .settings_size = sizeof(struct spiral_settings), .check = spiral_check, .dimension = plane,
        .create = spiral_create, MIXTURE_FUNCTIONS,
};

/* ---- checkerboard: side^2 cells centred on the origin, every other one (column + row even) filled
 * with fill^2 Gaussians in rows and columns ---- */

struct checkerboard_settings {
        int64_t side, fill;
        double cell, sigma;
};

static const struct param checkerboard_params[] = {
        {.key = "side", .kind = PARAM_INTEGER, .offset = offsetof(struct checkerboard_settings, side), .fallback = "4",
         .range = "[1, 128]", .help = "cells along each coordinate; every other one is filled"},
        {.key = "cell", .kind = PARAM_REAL, .offset = offsetof(struct checkerboard_settings, cell), .fallback = "2",
         .range = "(0, inf)", .help = "size of a cell; the board is centred on the origin"},
        {.key = "fill", .kind = PARAM_INTEGER, .offset = offsetof(struct checkerboard_settings, fill), .fallback = "4",
         .range = "[1, 128]", .help = "Gaussians along each coordinate of a filled cell"},
        {.key = "sigma", .kind = PARAM_REAL, .offset = offsetof(struct checkerboard_settings, sigma),
         .fallback = "auto", .range = "[0, inf)", .automatic = "auto",
         .help = "standard deviation of each Gaussian; auto is half their distance, cell/(2 fill), flat within 3%"},
        PARAM_END,
};

static int64_t checkerboard_cells(const struct checkerboard_settings *set)
{
        return (set->side * set->side + 1) / 2;
}

static void checkerboard_check(const void *settings, const struct params_scope *scope)
{
        const struct checkerboard_settings *set = settings;
        check_count(scope, "fill", (double)(checkerboard_cells(set) * set->fill * set->fill));
}

static void *checkerboard_create(const void *settings)
{
        const struct checkerboard_settings *set = settings;
        struct mixture *mixture = mixture_allocate((size_t)(checkerboard_cells(set) * set->fill * set->fill), 2);
        const double sigma = isnan(set->sigma) ? 0.5 * set->cell / (double)set->fill : set->sigma;
        const int64_t across = set->side * set->fill; /* places of Gaussians along the board */
        size_t k = 0;
        for (int64_t row = 0; row < across; row++)
                for (int64_t column = 0; column < across; column++) {
                        if ((row / set->fill + column / set->fill) % 2 != 0)
                                continue;
                        const double x = (double)column - 0.5 * (double)(across - 1);
                        const double y = (double)row - 0.5 * (double)(across - 1);
                        place(mixture, k++, set->cell * x / (double)set->fill, set->cell * y / (double)set->fill,
                              sigma);
                }
        return mixture_create(mixture);
}

const struct score_type score_checkerboard = {
        .name = "checkerboard", .help = "every other cell of a board, filled with Gaussians",
        .params = checkerboard_params, .settings_size = sizeof(struct checkerboard_settings),
        .check = checkerboard_check, .dimension = plane, .create = checkerboard_create, MIXTURE_FUNCTIONS,
};
