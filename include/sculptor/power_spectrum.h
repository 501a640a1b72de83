/* Power spectra P(k) of random fields, isotropic: <delta_k delta_k'*> = (2 pi)^n P(k) delta(k - k') on n axes.
 *
 * k is in the inverse of the box's unit of length and P in that unit to the power of n; the cosmological types
 * give h/Mpc and (Mpc/h)^3. Every spectrum may be smoothed by a Gaussian of width R: P(k) e^(-k^2 R^2).
 *
 *     spectrum: {type: eisenstein_hu, cosmology: {Omega_m: 0.31, ...}, redshift: 0, smoothing: 2}
 *
 * docs/fields.md has the formulas and their sources. */
#ifndef SCULPTOR_POWER_SPECTRUM_H
#define SCULPTOR_POWER_SPECTRUM_H

#include "sculptor/params.h"

struct power_spectrum; /* a configured P(k) */

struct power_spectrum_settings {
        struct selection type;
        double smoothing; /* R */
};

/* Rows of a table `spectrum:`, and its check, which makes the spectrum to see that it can be made:
 * collective where the spectrum is read from a file. */
extern const struct param power_spectrum_params[];
void power_spectrum_check(const void *settings, const struct params_scope *scope);

/* NULL with *why set where it cannot be made (valid until the next call). Collective where a file is read,
 * else local. */
struct power_spectrum *power_spectrum_create(const struct power_spectrum_settings *settings, const char **why);
void power_spectrum_free(struct power_spectrum *spectrum); /* NULL is fine */

/* Local. P at k > 0, finite. P(0) is the mesh's business. NAN where covers() says that P is not defined. */
double power_spectrum_at(const struct power_spectrum *spectrum, double k);

/* Local. NULL, or why P is not defined everywhere between two wavenumbers (valid until the next call). */
const char *power_spectrum_covers(const struct power_spectrum *spectrum, double k_low, double k_high);

/* Local. The variance of a field on 3 axes averaged in spheres of this radius, wherever P is defined:
 *     int k^2 P(k) W^2(k radius) dk / (2 pi^2),   W(y) = 3 (sin y - y cos y)/y^3
 * to a relative 1e-9; NAN where the integral does not converge, or hardly (slopes of P below -2.8 at small k, above
 * 0.8 at large k). */
double power_spectrum_variance(const struct power_spectrum *spectrum, double radius);

/* ---- a type of spectrum ---- */

struct power_spectrum_fault { const char *key, *why; }; /* the key of the input that is to blame, and why */

struct power_spectrum_type {
        const char *name, *help;
        const struct param *params;
        size_t settings_size;
        void (*check)(const void *settings, const struct params_scope *scope); /* may be NULL */
        void *(*create)(const void *settings, struct power_spectrum_fault *fault); /* NULL with *fault set */
        void (*free)(void *model);
        double (*at)(const void *model, double k);
        /* Where P is defined, and beyond where it is 0 or not defined; NULL: 0 to infinity. */
        void (*range)(const void *model, double *k_low, double *k_high);
        const char *(*covers)(const void *model, double k_low, double k_high); /* NULL: everything */
};

#endif
