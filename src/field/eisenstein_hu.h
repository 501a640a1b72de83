/* The transfer functions of Eisenstein & Hu 1998 (ApJ 496, 605), and the scales in them. All local. */
#ifndef SCULPTOR_FIELD_EISENSTEIN_HU_H
#define SCULPTOR_FIELD_EISENSTEIN_HU_H

#include "sculptor/cosmology.h"

struct eisenstein_hu_fit {
        double h;
        double k_equality;    /* 1/Mpc; equation 3 */
        double sound_horizon; /* Mpc, at the drag epoch; equation 6. 0 without baryons */
        double k_silk;        /* 1/Mpc; equation 7 */
        double baryons;       /* Omega_b/Omega_m */
        double alpha_c, beta_c, alpha_b, beta_b, beta_node;
        double sound_horizon_simple; /* Mpc; equation 26 */
        double gamma, alpha_gamma;   /* Omega_m h; equation 31 */
        double theta_squared;        /* (T_cmb/2.7 K)^2 */
};

struct eisenstein_hu_fit eisenstein_hu_fit(const struct cosmology_settings *cosmology);

/* T(k), 1 at k = 0; k in h/Mpc. `fit` is a struct eisenstein_hu_fit. */
double eisenstein_hu_transfer(const void *fit, double k);        /* equations 16 to 24, with oscillations */
double eisenstein_hu_smooth_transfer(const void *fit, double k); /* equations 28 to 31, without */

#endif
