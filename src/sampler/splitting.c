/* Splittings of underdamped Langevin dynamics, mass 1, kT = 1, friction gamma:
 *
 *     dx = p dt,   dp = s(x) dt - gamma p dt + sqrt(2 gamma) dW,
 *
 * into the parts, each of them exact,
 *
 *     B: p <- p + t s(x);   A: x <- x + t p;   O: p <- c p + sqrt(1 - c^2) R, c = exp(-gamma t), R ~ N(0, I).
 *
 * In a step of size h,
 *
 *     BAOAB: B(h/2) A(h/2) O(h) A(h/2) B(h/2)    on N(0, d): <x^2> = d exactly, <p^2> = 1 - h^2/(4d)
 *     OBABO: O(h/2) B(h/2) A(h) B(h/2) O(h/2)    on N(0, d): <x^2> = d/(1 - h^2/(4d)), <p^2> = 1
 *
 * at any friction; both of weak order 2, stable for h < 2 sqrt(d). One score evaluation a step, one more
 * at the start of a level. Momenta live in the population from level to level. Inside annealed Langevin
 * the friction is divided by sigma_i/sigma_L, so that gamma h stays. Local.
 * [Leimkuhler & Matthews 2013; Bussi & Parrinello 2007 (OBABO)] */
#include "schemes.h"
#include "sculptor/vecmath.h"

struct settings { double friction; };

static const struct param params[] = {
        {.key = "friction", .kind = PARAM_REAL, .offset = offsetof(struct settings, friction), .fallback = "1",
         .range = "(0, inf)", .unit = "1/time",
         .help = "friction gamma; critical for a mode of variance d at 2/sqrt(d)"},
        PARAM_END};

/* O over a time t. (1 - c)(1 + c) loses nothing where c is near 1. */
struct bath { double keep, noise; };

static struct bath bath_over(const void *settings, const struct stretch *stretch, double t)
{
        const double friction = ((const struct settings *)settings)->friction / stretch->time_scale;
        const double c = vm_exp(-friction * t);
        return (struct bath){.keep = c, .noise = sqrt((1 - c) * (1 + c))};
}

static void bath_apply(const struct bath *bath, size_t n, const double *restrict r, double *restrict p)
{
        for (size_t i = 0; i < n; i++)
                p[i] = fma(bath->noise, r[i], bath->keep * p[i]);
}

static void begin(const void *settings, const struct stretch *tile)
{
        (void)settings;
        stretch_normal(tile, RNG_MOMENTUM, 0, 0, tile->velocity);
}

static void count_evaluations(const struct stretch *stretch)
{
        stretch_count(stretch, stretch->step_end - stretch->step_begin + (stretch->step_begin == 0));
}

static void advance_baoab(const void *settings, const struct stretch *stretch)
{
        const size_t n = stretch_size(stretch);
        const double h = stretch->step_size;
        const struct bath bath = bath_over(settings, stretch, h);
        double *x = stretch->x, *p = stretch->velocity, *s = stretch_work(stretch, 0), *r = stretch_work(stretch, 1);

        score_eval(stretch->level, x, s);
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                stretch_normal(stretch, RNG_NOISE, step, 0, r);
                add_scaled(n, h / 2, s, p);
                add_scaled(n, h / 2, p, x);
                bath_apply(&bath, n, r, p);
                add_scaled(n, h / 2, p, x);
                score_eval(stretch->level, x, s);
                add_scaled(n, h / 2, s, p);
                if (stretch_broken(stretch, step))
                        return;
        }
        count_evaluations(stretch);
}

static void advance_obabo(const void *settings, const struct stretch *stretch)
{
        const size_t n = stretch_size(stretch);
        const double h = stretch->step_size;
        const struct bath bath = bath_over(settings, stretch, h / 2);
        double *x = stretch->x, *p = stretch->velocity, *s = stretch_work(stretch, 0), *r = stretch_work(stretch, 1);

        score_eval(stretch->level, x, s);
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                stretch_normal(stretch, RNG_NOISE, step, 0, r);
                bath_apply(&bath, n, r, p);
                add_scaled(n, h / 2, s, p);
                add_scaled(n, h, p, x);
                score_eval(stretch->level, x, s);
                add_scaled(n, h / 2, s, p);
                stretch_normal(stretch, RNG_NOISE, step, 1, r);
                bath_apply(&bath, n, r, p);
                if (stretch_broken(stretch, step))
                        return;
        }
        count_evaluations(stretch);
}

const struct scheme scheme_baoab = {
        .name = "baoab", .help = "underdamped Langevin, BAOAB: one evaluation a step, positions nearly free of bias",
        .params = params, .settings_size = sizeof(struct settings),
        .has_velocity = true, .langevin = true, .step_power = 1, .n_work = 2,
        .begin = begin, .advance = advance_baoab,
};

const struct scheme scheme_obabo = {
        .name = "obabo", .help = "underdamped Langevin, OBABO: one evaluation a step, momenta free of bias",
        .params = params, .settings_size = sizeof(struct settings),
        .has_velocity = true, .langevin = true, .step_power = 1, .n_work = 2,
        .begin = begin, .advance = advance_obabo,
};
