/* The fitting formulas of Eisenstein & Hu 1998, in the letters of the paper. Equation numbers are the paper's. */
#include <math.h>

#include "field/eisenstein_hu.h"
#include "sculptor/vecmath.h"

static double power(double x, double exponent)
{
        return vm_exp(exponent * vm_log(x));
}

/* Equation 15. */
static double g_of(double y)
{
        const double root = sqrt(1 + y);
        return y * (-6 * root + (2 + 3 * y) * vm_log((root + 1) / (root - 1)));
}

static double redshift_of_drag(double m, double b) /* m = Omega_m h^2, b = Omega_b h^2; equation 4 */
{
        const double b1 = 0.313 * power(m, -0.419) * (1 + 0.607 * power(m, 0.674)), b2 = 0.238 * power(m, 0.223);
        return 1291 * power(m, 0.251) / (1 + 0.659 * power(m, 0.828)) * (1 + b1 * power(b, b2));
}

/* What is there only with baryons. Equation 5 is printed with 1/z; the authors' program, and most others after it,
 * has 1/(1 + z) and takes equation 2 for 1 + z_eq. */
static void fit_baryons(struct eisenstein_hu_fit *fit, double m, double b)
{
        const double theta_4 = fit->theta_squared * fit->theta_squared;
        const double z_equality = 2.5e4 * m / theta_4, z_drag = redshift_of_drag(m, b);
        const double r_drag = 31.5 * b / theta_4 * (1000 / (1 + z_drag)); /* equation 5 */
        const double r_equality = 31.5 * b / theta_4 * (1000 / z_equality);
        fit->sound_horizon = 2 / (3 * fit->k_equality) * sqrt(6 / r_equality) *
                             vm_log((sqrt(1 + r_drag) + sqrt(r_drag + r_equality)) / (1 + sqrt(r_equality)));
        fit->k_silk = 1.6 * power(b, 0.52) * power(m, 0.73) * (1 + power(10.4 * m, -0.95));

        const double f = fit->baryons;
        const double a1 = power(46.9 * m, 0.670) * (1 + power(32.1 * m, -0.532)); /* equation 11 */
        const double a2 = power(12.0 * m, 0.424) * (1 + power(45.0 * m, -0.582));
        fit->alpha_c = power(a1, -f) * power(a2, -f * f * f);
        const double b1 = 0.944 / (1 + power(458 * m, -0.708)), b2 = power(0.395 * m, -0.0266); /* equation 12 */
        fit->beta_c = 1 / (1 + b1 * (power(1 - f, b2) - 1));

        fit->alpha_b = 2.07 * fit->k_equality * fit->sound_horizon * power(1 + r_drag, -0.75) *
                       g_of(z_equality / (1 + z_drag)); /* equation 14 */
        fit->beta_b = 0.5 + f + (3 - 2 * f) * sqrt((17.2 * m) * (17.2 * m) + 1); /* equation 24 */
        fit->beta_node = 8.41 * power(m, 0.435);                                 /* equation 23 */
}

struct eisenstein_hu_fit eisenstein_hu_fit(const struct cosmology_settings *cosmology)
{
        const double h = cosmology->h, m = cosmology->omega_m * h * h, b = cosmology->omega_b * h * h;
        const double f = b / m, theta = cosmology->t_cmb / 2.7;
        struct eisenstein_hu_fit fit = {
                .h = h, .baryons = f, .gamma = cosmology->omega_m * h, .theta_squared = theta * theta,
                .alpha_c = 1, .beta_c = 1,
        };
        fit.k_equality = 7.46e-2 * m / fit.theta_squared;
        if (b > 0)
                fit_baryons(&fit, m, b);

        const double root = sqrt(b) * sqrt(sqrt(b)); /* b^(3/4) */
        fit.sound_horizon_simple = 44.5 * vm_log(9.83 / m) / sqrt(1 + 10 * root);
        fit.alpha_gamma = 1 - 0.328 * vm_log(431 * m) * f + 0.38 * vm_log(22.3 * m) * f * f;
        return fit;
}

static double fourth_power(double x)
{
        return (x * x) * (x * x);
}

static const double E = 0x1.5bf0a8b145769p+1;

/* Equations 19 and 20: T~_0(q; alpha_c, beta_c). */
static double pressureless(double q, double alpha, double beta)
{
        const double l = vm_log(E + 1.8 * beta * q), c = 14.2 / alpha + 386 / (1 + 69.9 * power(q, 1.08));
        return l / (l + c * q * q);
}

double eisenstein_hu_transfer(const void *configured, double k_per_h)
{
        const struct eisenstein_hu_fit *fit = configured;
        const double k = k_per_h * fit->h, q = k / (13.41 * fit->k_equality), ks = k * fit->sound_horizon;
        const double mix = 1 / (1 + fourth_power(ks / 5.4)); /* equations 17 and 18 */
        const double matter = mix * pressureless(q, 1, fit->beta_c) +
                              (1 - mix) * pressureless(q, fit->alpha_c, fit->beta_c);
        if (fit->baryons == 0)
                return matter;

        const double node = fit->beta_node / ks, b = fit->beta_b / ks; /* equations 21 and 22 */
        const double phase = ks / vm_exp(vm_log(1 + node * node * node) / 3);
        const double sine = phase > 1e-4 ? vm_sin(phase) / phase : 1 - phase * phase / 6;
        const double drag = fit->alpha_b / (1 + b * b * b) * vm_exp(-power(k / fit->k_silk, 1.4));
        const double baryons = (pressureless(q, 1, 1) / (1 + (ks / 5.2) * (ks / 5.2)) + drag) * sine;
        return fit->baryons * baryons + (1 - fit->baryons) * matter;
}

double eisenstein_hu_smooth_transfer(const void *configured, double k)
{
        const struct eisenstein_hu_fit *fit = configured;
        const double step = 1 + fourth_power(0.43 * k * fit->h * fit->sound_horizon_simple);
        const double gamma = fit->gamma * (fit->alpha_gamma + (1 - fit->alpha_gamma) / step); /* equation 30 */
        const double q = k * fit->theta_squared / gamma;                                      /* equation 28 */
        const double l = vm_log(2 * E + 1.8 * q), c = 14.2 + 731 / (1 + 62.5 * q);            /* equation 29 */
        return l / (l + c * q * q);
}
