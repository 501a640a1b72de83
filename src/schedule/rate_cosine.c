/* The cosine rate [Nichol & Dhariwal 2021, eq. 17]: with s the offset and theta = (t + s)/(1 + s) pi/2,
 *
 *     abar(t) = cos^2 theta(t)/cos^2 theta(0),   B = -ln abar,   beta = pi/(1 + s) tan theta.
 *
 * abar(1) = 0, so in their T steps beta_i = 1 - abar(i/T)/abar((i - 1)/T) is clipped at `clip`, and abar_i is the
 * product of (1 - beta_i). B is convex: it is always the last K steps that are clipped. Here B follows the cosine up to
 * t_c = 1 - K/T and is linear after it, by -ln(1 - clip) in each 1/T: at every i/T it has their product's value.
 *
 * With delta = theta(t) - theta(0) and phi = pi/2 - theta(t), both products of t or 1 - t, nothing cancels:
 *
 *     e^B - 1 = sin(delta) sin(delta + 2 theta(0))/sin^2(phi),
 *     tan(delta) = C v/((a + S)(C^2 + a S)),   v = e^B - 1,  a^2 = v + S^2,  S = sin theta(0),  C = cos theta(0). */
#include "rates.h"

struct settings {
        double offset, clip;
        int64_t discrete_steps;
};

static const struct param params[] = {
        {.key = "offset", .kind = PARAM_REAL, .offset = offsetof(struct settings, offset), .fallback = "0.008",
         .range = "[0, 1]", .help = "s of the cosine, which keeps the rate from starting at 0"},
        {.key = "clip", .kind = PARAM_REAL, .offset = offsetof(struct settings, clip), .fallback = "0.999",
         .range = "(0, 1)", .help = "largest fraction of the variance that one of the discrete steps takes away"},
        {.key = "discrete_steps", .kind = PARAM_INTEGER, .offset = offsetof(struct settings, discrete_steps),
         .fallback = "1000", .range = "[1, 1000000]", .help = "steps to which clip belongs"},
        PARAM_END};

/* ---- without clipping ---- */

/* The angle of a length of time. */
static double angle(const struct settings *settings, double time)
{
        return time / (1 + settings->offset) * (SCHEDULE_PI / 2);
}

/* At t, `left` = 1 - t before t_max. */
static double cosine_integral(const struct settings *settings, double t, double left)
{
        const double delta = angle(settings, t), first = angle(settings, settings->offset);
        const double s = vm_sin(angle(settings, left));
        return schedule_log1p(vm_sin(delta) * vm_sin(fma(2, first, delta)) / (s * s));
}

static double cosine_time(const struct settings *settings, double b)
{
        const double first = angle(settings, settings->offset), s = vm_sin(first), c = vm_cos(first);
        const double v = schedule_expm1(b), a = sqrt(fma(s, s, v));
        const double delta = schedule_atan(c * v / ((a + s) * fma(a, s, c * c)));
        return delta / (SCHEDULE_PI / 2) * (1 + settings->offset);
}

/* ---- clipped ---- */

struct clipped {
        double begin;    /* t_c */
        double length;   /* 1 - t_c */
        double integral; /* B(t_c) */
        double rate;     /* beta after it */
};

/* abar(i/T)/abar((i - 1)/T) for the step with k more after it, k < T; 0 for the last. */
static bool is_clipped(const struct settings *settings, int64_t k)
{
        const double steps = (double)settings->discrete_steps;
        const double end = vm_sin(angle(settings, (double)k / steps));
        const double begin = vm_sin(angle(settings, (double)(k + 1) / steps));
        return end * end < (1 - settings->clip) * (begin * begin);
}

static struct clipped clipped_part(const struct settings *settings)
{
        int64_t low = 1, high = settings->discrete_steps; /* K; the last step is always clipped */
        if (low < high && !is_clipped(settings, 1))
                high = 1; /* as with the published numbers */
        while (low < high) {
                const int64_t middle = low + (high - low) / 2;
                if (is_clipped(settings, middle))
                        low = middle + 1;
                else
                        high = middle;
        }
        const double steps = (double)settings->discrete_steps;
        const double begin = (steps - (double)low) / steps, length = (double)low / steps;
        return (struct clipped){.begin = begin, .length = length,
                                .integral = cosine_integral(settings, begin, length),
                                .rate = -schedule_log1p(-settings->clip) * steps};
}

static double beta(const void *configured, double t)
{
        const struct settings *settings = configured;
        const struct clipped clipped = clipped_part(settings);
        if (t > clipped.begin)
                return clipped.rate;
        const double tangent = vm_sin(angle(settings, t + settings->offset)) / vm_sin(angle(settings, 1 - t));
        return SCHEDULE_PI / (1 + settings->offset) * tangent;
}

static double integral(const void *configured, double t)
{
        const struct settings *settings = configured;
        const struct clipped clipped = clipped_part(settings);
        /* counted from t = 1, from which distances are exact: t_c is rounded, and the rate large */
        return t > clipped.begin ? fma(clipped.length - (1 - t), clipped.rate, clipped.integral)
                                 : cosine_integral(settings, t, 1 - t);
}

static double time_of(const void *configured, double b)
{
        const struct settings *settings = configured;
        const struct clipped clipped = clipped_part(settings);
        return b > clipped.integral ? 1 - (clipped.length - (b - clipped.integral) / clipped.rate)
                                    : cosine_time(settings, b);
}

const struct noise_rate rate_cosine = {
        .name = "cosine", .help = "the cosine of Nichol & Dhariwal 2021, clipped near t = 1 as published",
        .params = params, .settings_size = sizeof(struct settings), .beta = beta, .integral = integral,
        .time = time_of,
};
