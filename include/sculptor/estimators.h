/* What is measured of fields on a mesh: one-point moments and density, power spectrum and its scatter, correlation
 * function, bispectrum, and the correlation with a truth. docs/estimators.md has the definitions.
 *
 * Fields are density contrasts or anything else real. The input's table `estimators:`
 *
 *     estimators: {shells: 20, separations: 0, bispectrum: true}
 *
 * All results have the same bits on every grid of ensemble x domain ranks: sums go by block, plane and
 * realisation, never by rank. */
#ifndef SCULPTOR_ESTIMATORS_H
#define SCULPTOR_ESTIMATORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sculptor/mesh.h"

struct estimators_settings {
        int64_t shells;          /* of the power spectrum, at most; -1: all */
        int64_t separations;     /* bins of the correlation function beside r = 0; 0: none, -1: up to 64 */
        bool pdf, bispectrum;
        int64_t bispectrum_bins; /* at most; -1: all that are free of aliasing */
};
extern const struct param estimators_params[];

struct estimators; /* the bins of a mesh */

/* Local, also where the mesh is split: counts one orthant. `mesh` must outlive it, and needs no plans yet. */
struct estimators *estimators_create(const struct mesh *mesh, const struct estimators_settings *settings);
void estimators_free(struct estimators *estimators); /* NULL is fine */

/* ---- what does not depend on fields; local ---- */

/* Sizes; 0 where not asked for. Only the number of shells is never 0; a mesh of 3 cells or less along an axis has no
 * bispectrum. */
size_t estimators_n_shells(const struct estimators *estimators);
size_t estimators_n_separations(const struct estimators *estimators);
size_t estimators_n_pdf(const struct estimators *estimators);
size_t estimators_n_bispectrum(const struct estimators *estimators);

const double *estimators_wavenumber(const struct estimators *estimators); /* [n_shells] mean |k|, h/Mpc */
const double *estimators_modes(const struct estimators *estimators);      /* [n_shells] N_k: wavevectors, k and -k */
const double *estimators_separation(const struct estimators *estimators); /* [n_separations] mean |r|, Mpc/h; first 0 */
const double *estimators_pdf_edges(const struct estimators *estimators);  /* [n_pdf + 1] standard deviations, or NULL */
const double *estimators_bispectrum_wavenumber(const struct estimators *estimators); /* [n_bispectrum] as shells */

/* ---- measuring ---- */

struct estimates {
        int64_t n_fields;
        double mean, variance;      /* over all cells of all fields */
        double skewness, kurtosis;  /* <d^3>/<d^2>^(3/2) and <d^4>/<d^2>^2 - 3; NaN where the variance is 0 */
        double *power;              /* [n_shells] (Mpc/h)^n_axes, mean over realisations */
        double *power_scatter;      /* [n_shells] standard deviation between realisations; NaN for one */
        double *correlation;        /* [n_separations] of each field less its own mean; or NULL */
        double *pdf;                /* [n_pdf] per standard deviation; or NULL */
        double *bispectrum_equilateral, *bispectrum_squeezed; /* [n_bispectrum] (Mpc/h)^(2 n_axes); or NULL. NaN where
                                       no triangle closes, as in the first shells of a long box */
        double *cross_correlation;  /* [n_shells] r(k), mean over realisations; NULL without truth */
};

/* Collective over all ranks; the mesh must be planned. fields: the n_here of this domain, their local slabs, of
 * which the first is number `first` of n_global >= 1. truth: local slab, or NULL on all ranks. Needs memory of
 * at most 3 more fields: none for moments and power, 1 for the correlation function, 1 for a truth, and when that
 * is done 3 for the bispectrum. */
struct estimates *estimators_measure(struct estimators *estimators, const double *const *fields, size_t n_here,
                                     int64_t first, int64_t n_global, const double *truth);
void estimates_free(struct estimates *estimates); /* NULL is fine */

/* Collective over the domain. Shell averages, times V_cell, of a known power per mode, mode_power[mesh_modes_here()]
 * in the unitary view (random_field.h): what `power` estimates. power[n_shells]. */
void estimators_target(const struct estimators *estimators, const double *mode_power, double *power);

/* Local. sum over shells of n_fields N_k (power/target - 1)^2/2, about chi^2(n_shells) for Gaussian fields of this
 * power; NaN where a target is NaN. */
double estimators_chi2(const struct estimators *estimators, const struct estimates *estimates, const double *target);

#endif
