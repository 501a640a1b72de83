/* A homogeneous universe of matter, curvature and dark energy, and the growth of small perturbations in
 * it. Radiation is left out: at z = 5 that changes growth by 1e-3 (docs/fields.md).
 *
 *     E^2(a) = Omega_m a^-3 + Omega_k a^-2 + Omega_lambda f(a),   Omega_k = 1 - Omega_m - Omega_lambda
 *     f(a)   = a^(-3 (1 + w0 + wa)) e^(-3 wa (1 - a))             w(a) = w0 + wa (1 - a)
 *
 * [Chevallier & Polarski 2001; Linder 2003]. All local. */
#ifndef SCULPTOR_COSMOLOGY_H
#define SCULPTOR_COSMOLOGY_H

#include "sculptor/params.h"

struct cosmology_settings {
        double omega_m;      /* all matter, baryons included, today, in units of the critical density */
        double omega_lambda; /* dark energy today; NAN: 1 - omega_m, a flat universe */
        double w0, wa;       /* its pressure over its density: -1, 0 for a cosmological constant */
        double omega_b;      /* baryons today */
        double h;            /* Hubble's constant in 100 km/s/Mpc */
        double n_s;          /* index of the primordial P(k), k^n_s */
        double sigma8;       /* standard deviation of the linear density at z = 0 in spheres of 8 Mpc/h */
        double t_cmb;        /* K */
};

/* Rows and check of a table `cosmology:`, in a struct cosmology_settings. */
extern const struct param cosmology_params[];
void cosmology_check(const void *settings, const struct params_scope *scope);

/* The same for growth alone: Omega_m, Omega_lambda, w0 and wa, Omega_m being NAN where it is not given. */
extern const struct param cosmology_growth_params[];
void cosmology_growth_check(const void *settings, const struct params_scope *scope);

/* Densities at a = 1/(1 + z) over that of matter: dark energy and curvature. Multiply by Omega_m a^-3. */
struct cosmology_ratios { double dark_energy, curvature; };
struct cosmology_ratios cosmology_ratios_at(const struct cosmology_settings *settings, double a);

/* H(z)/H(0). */
double cosmology_expansion(const struct cosmology_settings *settings, double redshift);

/* D(z)/D(0) of the growing mode, for settings that passed a check; z >= 0; relative error below 1e-10.
 *
 * For w = -1, flat or curved, Heath's integral is exact [Heath 1977]:
 *     D(a) = (5/2) Omega_m E(a) int_0^a da' / (a' E(a'))^3
 * For other dark energy it is not, and the equation of growth itself is integrated:
 *     D'' + (2 + E'/E) D' - (3/2) Omega_m a^-3 E^-2 D = 0,   ' = d/d ln a */
double cosmology_growth(const struct cosmology_settings *settings, double redshift);

#endif
