/* The variance of a field in spheres, whatever its spectrum: Gauss-Legendre panels in an order that depends on
 * nothing but the ends of the range, so that the bits are the same everywhere.
 *
 * With y = k R, in three parts:
 *     y < pi            panels of a quarter in ln y, downwards until they add nothing;
 *     pi < y < 1024 pi  four panels for each period of W^2, pi, so that baryon oscillations are followed too;
 *     beyond            W^2's mean over a period, (9/2)(1 + y^2)/y^6, in panels of a quarter in ln y. What
 *                       oscillates adds at most about y^-3 there, since its phase is 0 at 1024 pi: 3e-11 of the
 *                       whole for P = constant, and far less for what falls as cosmological spectra do. */
#include <math.h>

#include <gsl/gsl_integration.h>

#include "field/spectra.h"
#include "sculptor/error.h"
#include "sculptor/vecmath.h"

static const double PI = 0x1.921fb54442d18p+1;

enum {
        NODES = 16,
        PERIODS = 1024,
        MOST_PANELS = 600, /* of a quarter: to e^150, where powers of y are still numbers */
};

struct panels {
        const struct variance_integrand *integrand;
        double radius;
        double position[NODES], weight[NODES]; /* on -1..1 */
};

/* W(y) = 3 (sin y - y cos y)/y^3 = 3 sum_n (-1)^n (2n + 2)/(2n + 3)! y^2n */
static double window(double y)
{
        if (y >= 1)
                return 3 * (vm_sin(y) - y * vm_cos(y)) / (y * y * y);
        double term = 1, sum = 1;
        for (int n = 1; n <= 8; n++) {
                term *= -y * y * (n + 1) / (n * (2.0 * n + 2) * (2.0 * n + 3));
                sum += term;
        }
        return sum;
}

static double window_squared(double y)
{
        const double w = window(y);
        return w * w;
}

static double window_squared_mean(double y)
{
        const double inverse = 1 / (y * y);
        return 4.5 * (1 + inverse) * inverse * inverse;
}

/* int k^2 P W^2 dk over y from..to, clipped to where P is defined. */
static double panel(const struct panels *panels, double from, double to, double (*weight)(double))
{
        const struct variance_integrand *integrand = panels->integrand;
        from = fmax(from, integrand->k_low * panels->radius);
        to = fmin(to, integrand->k_high * panels->radius);
        if (!(from < to))
                return 0;
        double sum = 0;
        for (int i = 0; i < NODES; i++) {
                const double y = 0.5 * (to + from) + 0.5 * (to - from) * panels->position[i], k = y / panels->radius;
                sum += panels->weight[i] * k * k * integrand->power(integrand->model, k) * weight(y);
        }
        return sum * 0.5 * (to - from) / panels->radius;
}

/* Panels whose ends grow or shrink by e^(1/4), until what the rest would add, were it to go on falling as it
 * does, is below 1e-12 of the whole. NAN where that does not happen. */
static double panels_towards(const struct panels *panels, double begin, double factor, double whole,
                             double (*weight)(double))
{
        double sum = 0, before = 0, edge = begin;
        for (int i = 0; i < MOST_PANELS; i++) {
                const double next = edge * factor;
                const double here = panel(panels, fmin(edge, next), fmax(edge, next), weight);
                const bool outside = factor > 1 ? next >= panels->integrand->k_high * panels->radius
                                                : next <= panels->integrand->k_low * panels->radius;
                sum += here;
                if (outside || (here < before && here * here < 1e-12 * (whole + sum) * (before - here)))
                        return sum;
                if (!isfinite(here))
                        return NAN;
                before = here;
                edge = next;
        }
        return NAN;
}

double variance_in_spheres(const struct variance_integrand *integrand, double radius)
{
        struct panels panels = {.integrand = integrand, .radius = radius};
        gsl_integration_glfixed_table *table = gsl_integration_glfixed_table_alloc(NODES);
        if (!table)
                fatal("out of memory");
        for (size_t i = 0; i < NODES; i++)
                gsl_integration_glfixed_point(-1, 1, i, &panels.position[i], &panels.weight[i], table);
        gsl_integration_glfixed_table_free(table);

        const double quarter = 0x1.48b5e3c3e8186p+0; /* e^(1/4) */
        double sum = 0;
        for (int i = 4; i < 4 * PERIODS; i++)
                sum += panel(&panels, i * (PI / 4), (i + 1) * (PI / 4), window_squared);
        sum += panels_towards(&panels, PI, 1 / quarter, sum, window_squared);
        sum += panels_towards(&panels, PERIODS * PI, quarter, sum, window_squared_mean);
        return sum / (2 * PI * PI);
}
