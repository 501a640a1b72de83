/* The types of power spectra there are. A new one is a new file, a line here and a line in power_spectrum.c.
 * What they compute decides bits of fields: exp, log, sin and cos come from vecmath.h. */
#ifndef SCULPTOR_FIELD_SPECTRA_H
#define SCULPTOR_FIELD_SPECTRA_H

#include "sculptor/cosmology.h"
#include "sculptor/power_spectrum.h"

extern const struct power_spectrum_type power_spectrum_white;
extern const struct power_spectrum_type power_spectrum_power_law;
extern const struct power_spectrum_type power_spectrum_table;
extern const struct power_spectrum_type power_spectrum_bbks;
extern const struct power_spectrum_type power_spectrum_eisenstein_hu;

/* ---- variance.c ---- */

struct variance_integrand {
        double (*power)(const void *model, double k);
        const void *model;
        double k_low, k_high; /* P is 0 beyond; 0 and INFINITY where it goes on */
};

/* As power_spectrum_variance(). */
double variance_in_spheres(const struct variance_integrand *integrand, double radius);

/* ---- linear.c: P(k, z) = A k^n_s T^2(k) D^2(z), A from sigma8 ---- */

struct linear_settings {
        double redshift;
        struct cosmology_settings cosmology;
};

/* To be the first member of a type's settings. */
#define LINEAR_ROWS                                                                                                    \
        {.key = "redshift",                                                                                            \
         .kind = PARAM_REAL,                                                                                           \
         .offset = offsetof(struct linear_settings, redshift),                                                         \
         .fallback = "0",                                                                                              \
         .range = "[0, 1100]",                                                                                         \
         .help = "when: P grows as the square of the growth factor until redshift 0"},                                 \
        {                                                                                                              \
                .key = "cosmology", .kind = PARAM_TABLE, .offset = offsetof(struct linear_settings, cosmology),        \
                .rows = cosmology_params, .check = cosmology_check, .help = "the universe"                             \
        }

/* k^n_s T^2(k) of some type, k in h/Mpc. */
struct linear_shape {
        double (*transfer)(const void *fit, double k);
        const void *fit;
        double n_s;
};

/* A D^2(z), so that P = linear_amplitude() k^n_s T^2. NAN with *fault set where sigma8's integral is no number. */
double linear_amplitude(const struct linear_settings *settings, const struct linear_shape *shape,
                        struct power_spectrum_fault *fault);
double linear_power(const void *shape, double k); /* k^n_s T^2 of a struct linear_shape */

#endif
