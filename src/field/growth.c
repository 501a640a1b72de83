/* The growing mode of small perturbations. Only sums of fixed shape: the bits are the same everywhere. */
#include <math.h>

#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <gsl/gsl_odeiv2.h>

#include "sculptor/cosmology.h"
#include "sculptor/error.h"
#include "sculptor/vecmath.h"

/* ---- w = -1: Heath's integral ----
 * With u^2 = a the integrand is smooth at 0:
 *     int_0^a da' (a' E)^-3 = Omega_m^(-3/2) int_0^sqrt(a) 2 u^4 (1 + r(u^2))^(-3/2) du,
 * r being the other densities over that of matter. */

enum { PANELS = 32, NODES = 20 };

static double heath_integrand(const struct cosmology_settings *settings, double u)
{
        const double a = u * u;
        const struct cosmology_ratios ratio = cosmology_ratios_at(settings, a);
        const double total = 1 + ratio.dark_energy + ratio.curvature;
        return a * a / (total * sqrt(total));
}

static double heath_integral(const struct cosmology_settings *settings, double a)
{
        gsl_integration_glfixed_table *table = gsl_integration_glfixed_table_alloc(NODES);
        if (!table)
                fatal("out of memory");
        const double width = sqrt(a) / PANELS;
        double sum = 0;
        for (int panel = 0; panel < PANELS; panel++)
                for (size_t i = 0; i < NODES; i++) {
                        double u, weight;
                        gsl_integration_glfixed_point(panel * width, (panel + 1) * width, i, &u, &weight, table);
                        sum += weight * heath_integrand(settings, u);
                }
        gsl_integration_glfixed_table_free(table);
        return sum;
}

/* ---- other dark energy: the equation of growth ----
 * For g = D/a, with x and c the densities of dark energy and curvature over that of matter, W = 1 + x + c:
 *     g'' + (4 + E'/E) g' + (2 c + (3/2)(1 - w) x)/W g = 0,   E'/E = -(3 + 2 c + 3 (1 + w) x)/(2 W)
 * While x and c are small both solutions are powers of a, 1 and a^(-5/2): of a beginning at g = 1, g' = 0 only an
 * amplitude is left, which no ratio of two times sees. */

static int growth_slope(double log_a, const double y[], double slope[], void *parameters)
{
        const struct cosmology_settings *settings = parameters;
        const double a = vm_exp(log_a), w = settings->w0 + settings->wa * (1 - a);
        const struct cosmology_ratios ratio = cosmology_ratios_at(settings, a);
        const double x = ratio.dark_energy, c = ratio.curvature, total = 1 + x + c;
        const double expansion = -0.5 * (3 + 2 * c + 3 * (1 + w) * x) / total;
        slope[0] = y[1];
        slope[1] = -(4 + expansion) * y[1] - (2 * c + 1.5 * (1 - w) * x) / total * y[0];
        return GSL_SUCCESS;
}

/* ln a where x, c and a are below 1e-6; the decaying mode begins as small, and is 1e-13 at a = 1e-3. */
static double growth_begin(const struct cosmology_settings *settings)
{
        const double small = 1e-6, power = -3 * (settings->w0 + settings->wa);
        const struct cosmology_ratios today = cosmology_ratios_at(settings, 1);
        double log_a = vm_log(small);
        if (today.curvature != 0)
                log_a = fmin(log_a, vm_log(small / fabs(today.curvature)));
        if (today.dark_energy != 0)
                log_a = fmin(log_a, (vm_log(small / fabs(today.dark_energy)) - 3 * fabs(settings->wa)) / power);
        return log_a;
}

/* Runge-Kutta of order 8 [Prince & Dormand 1981] in equal steps of at most 0.02 in ln a, on which the scales of
 * the solution are a few; their number is no matter of libm, as an adaptive step would be. */
static void growth_advance(gsl_odeiv2_step *step, const gsl_odeiv2_system *system, double from, double to, double y[2])
{
        double error[2];
        const int n = (int)ceil((to - from) / 0.02);
        const double size = n > 0 ? (to - from) / n : 0;
        for (int i = 0; i < n; i++) {
                int status = gsl_odeiv2_step_apply(step, from + i * size, size, y, error, NULL, NULL, system);
                if (status != GSL_SUCCESS)
                        fatal("growth of perturbations: %s", gsl_strerror(status));
        }
}

static double growth_by_equation(const struct cosmology_settings *settings, double a)
{
        struct cosmology_settings parameters = *settings;
        gsl_odeiv2_system system = {.function = growth_slope, .dimension = 2, .params = &parameters};
        gsl_odeiv2_step *step = gsl_odeiv2_step_alloc(gsl_odeiv2_step_rk8pd, 2);
        if (!step)
                fatal("out of memory");
        double y[2] = {1, 0};
        const double begin = growth_begin(settings), log_a = vm_log(a);
        growth_advance(step, &system, begin, log_a, y);
        const double then = y[0];
        growth_advance(step, &system, fmax(begin, log_a), 0, y);
        gsl_odeiv2_step_free(step);
        return a * then / y[0];
}

double cosmology_growth(const struct cosmology_settings *settings, double redshift)
{
        const double a = 1 / (1 + redshift);
        if (settings->w0 != -1 || settings->wa != 0)
                return growth_by_equation(settings, a);
        return cosmology_expansion(settings, redshift) * heath_integral(settings, a) /
               (cosmology_expansion(settings, 0) * heath_integral(settings, 1));
}
