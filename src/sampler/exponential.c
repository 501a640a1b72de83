/* Langevin dynamics whose Gaussian part is integrated exactly. With s = -C^-1 x + r(x), C diagonal in Fourier space,
 *
 *     dX = -M C^-1 X dt + sqrt(2 M) dW   (O, an Ornstein-Uhlenbeck process, exact)
 *        +  M r(X) dt                    (B, x <- x + t M r(x)),
 *
 * a step of h is B(h/2) O(h) B(h/2), with E = exp(-h M/c) per mode
 *
 *     O:  x <- E x + sqrt(c (1 - E^2)) z.
 *
 * `exponential` has M = I, a time in units x^2; `fourier_exponential` M = C, without dimension: all modes relax
 * alike. Without a remainder (gaussian_field) steps of any size are exact, also in time. With r = -b (x - y) per mode,
 * q = 1 - h M b/2, the variance is v = q^2 c (1 - E^2)/(1 - q^4 E^2), whose bias is O(h^2); stable for q^4 E^2 < 1.
 *
 * A step is counted as two evaluations, those of r; it takes two filters, and M = C two more. A mode with c = 0 is
 * set to 0 at the start of a level and never moves. Collective over the domain.
 * [Strang 1968; Cox & Matthews 2002 (exponential integrators); Cotter et al. 2013 (the Gaussian part exact)] */
#include "fourier.h"
#include "sculptor/vecmath.h"

static int64_t evaluations_per_step(const void *settings)
{
        (void)settings;
        return 2;
}

/* ---- O ---- */

static double decay(double c, const double *h)
{
        return c > 0 ? vm_exp(-*h / c) : 0;
}

/* 1 - exp(-y), y >= 0, without cancellation. */
static double one_minus_exp(double y)
{
        return y < 1e-3 ? y * (1 - y / 2 * (1 - y / 3 * (1 - y / 4))) : 1 - vm_exp(-y);
}

static double spread(double c, const double *h)
{
        return c > 0 ? sqrt(c * one_minus_exp(2 * *h / c)) : 0;
}

static double decay_alike(double c, const double *h)
{
        (void)c;
        return vm_exp(-*h);
}

static double spread_alike(double c, const double *h)
{
        return sqrt(c * one_minus_exp(2 * *h));
}

static void relax(const struct stretch *stretch, bool alike, int64_t step, double *z)
{
        const struct score_type *type = stretch->level->score->type;
        const double *h = &stretch->step_size;
        const struct score_filter keep = {alike ? decay_alike : decay, h}, noise = {alike ? spread_alike : spread, h};
        stretch_normal(stretch, RNG_NOISE, step, 0, z);
        type->filter(stretch->level->state, &noise, z, z);
        type->filter(stretch->level->state, &keep, stretch->x, stretch->x);
        add_scaled(stretch_size(stretch), 1, z, stretch->x);
}

/* ---- B ---- */

static void kick(const struct stretch *stretch, bool alike, double *r)
{
        const struct score_type *type = stretch->level->score->type;
        if (!type->remainder)
                return;
        type->remainder(stretch->level->state, stretch->x, r);
        if (alike)
                fourier_covariance(stretch, r, r);
        else
                fourier_settle(stretch, r); /* nothing moves a mode without width */
        add_scaled(stretch_size(stretch), stretch->step_size / 2, r, stretch->x);
}

static void advance(const struct stretch *stretch, bool alike)
{
        double *work = stretch_work(stretch, 0);
        if (stretch->step_begin == 0)
                fourier_settle(stretch, stretch->x);
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                kick(stretch, alike, work);
                relax(stretch, alike, step, work);
                kick(stretch, alike, work);
                if (stretch_broken(stretch, step))
                        return;
        }
        stretch_count(stretch, 2 * (stretch->step_end - stretch->step_begin));
}

static void advance_plain(const void *settings, const struct stretch *stretch)
{
        (void)settings;
        advance(stretch, false);
}

static void advance_alike(const void *settings, const struct stretch *stretch)
{
        (void)settings;
        advance(stretch, true);
}

const struct scheme scheme_exponential = {
        .name = "exponential",
        .help = "fields: the Gaussian part exactly (Ornstein-Uhlenbeck), the rest by splitting; no limit on the step "
                "from "
                "the power spectrum",
        .langevin = true, .needs_filter = true, .step_power = 2, .n_work = 1,
        .evaluations_per_step = evaluations_per_step, .advance = advance_plain,
};

const struct scheme scheme_fourier_exponential = {
        .name = "fourier_exponential",
        .help = "exponential, preconditioned by the power spectrum: all modes of the Gaussian part relax alike",
        .langevin = true, .needs_filter = true, .n_work = 1,
        .evaluations_per_step = evaluations_per_step, .advance = advance_alike,
};
