/* Averages of the weights theta over steps t = 1, 2, ...: average <- kept average + (1 - kept) theta, with
 *
 *     warm_up   kept = min(limit, (1 + t)/(10 + t)): the start is soon forgotten
 *     power     kept = (1 - 1/t)^(gamma + 1): the profile of weights over time is (t'/t)^gamma, whose relative width is
 *               sigma_rel = (gamma + 1)^(1/2) (gamma + 2)^-1 (gamma + 3)^(-1/2) [Karras et al. 2024, sec. 3.1] */
#include "training/ema.h"

#include <math.h>

#include "sculptor/vecmath.h"

struct warm_up_settings { double limit; };
struct power_settings { double sigma_rel; };

static const struct param warm_up_rows[] = {
        {.key = "limit", .kind = PARAM_REAL, .offset = offsetof(struct warm_up_settings, limit), .fallback = "0.999",
         .range = "[0, 1)", .help = "kept of the average at each step, in the end"},
        PARAM_END};

static const struct param power_rows[] = {
        {.key = "sigma_rel", .kind = PARAM_REAL, .offset = offsetof(struct power_settings, sigma_rel),
         .fallback = "0.05", .range = "[0.001, 0.28]",
         .help = "width of the average in time over the length of the training so far"},
        PARAM_END};

static const struct param_variant variants[] = {
        {.name = "warm_up", .help = "exponential, its memory growing to 1/(1 - limit) steps", .rows = warm_up_rows,
         .settings_size = sizeof(struct warm_up_settings), .type = "warm_up"},
        {.name = "power", .help = "power function of time: a fixed share of the training so far", .rows = power_rows,
         .settings_size = sizeof(struct power_settings), .type = "power"},
};

bool ema_variant(size_t i, struct param_variant *variant)
{
        if (i >= sizeof variants / sizeof *variants)
                return false;
        *variant = variants[i];
        return true;
}

/* sigma_rel falls as gamma grows, from 0.2887 at 0; at 10^7 it is below the least allowed. Bisection to the last
 * bit. */
static double exponent_of(double sigma_rel)
{
        double low = 0, high = 1e7;
        for (int i = 0; i < 100; i++) {
                const double gamma = 0.5 * (low + high);
                const double width = sqrt((gamma + 1) / (gamma + 3)) / (gamma + 2);
                *(width > sigma_rel ? &low : &high) = gamma;
        }
        return 0.5 * (low + high);
}

double ema_kept(const struct selection *ema, int64_t steps)
{
        const double t = (double)steps;
        if (ema->type == variants[0].type) {
                const double rising = (1 + t) / (10 + t),
                             limit = ((const struct warm_up_settings *)ema->settings)->limit;
                return rising < limit ? rising : limit;
        }
        const double gamma = exponent_of(((const struct power_settings *)ema->settings)->sigma_rel);
        return steps > 1 ? vm_exp((gamma + 1) * vm_log(1 - 1 / t)) : 0;
}

void ema_update(double kept, size_t n, const float *restrict theta, float *restrict average)
{
        const float taken = (float)(1 - kept);
        for (size_t i = 0; i < n; i++)
                average[i] = __builtin_fmaf(taken, theta[i] - average[i], average[i]);
}
