/* Powers and cross powers of whole fields in shells of |k|, as wide as the box's smallest wavenumber and centred
 * on its multiples, up to the largest wavenumber that all axes hold. Fields lie on one rank (domain of one). */
#ifndef SCULPTOR_FIELD_SPECTRA_H
#define SCULPTOR_FIELD_SPECTRA_H

#include <stddef.h>

#include "sculptor/mesh.h"

enum { FIELD_SPECTRA_MOST = 4 }; /* fields at once */

struct field_spectra;

struct field_spectra *field_spectra_create(const struct mesh *mesh); /* the mesh is planned before measuring */
void field_spectra_free(struct field_spectra *spectra);              /* NULL is fine */

size_t field_spectra_shells(const struct field_spectra *spectra);
const double *field_spectra_wavenumber(const struct field_spectra *spectra); /* [shells] mean |k| */
const double *field_spectra_modes(const struct field_spectra *spectra);      /* [shells] wavevectors, k and -k */

/* Means over a shell of Re(F a)(F b)conj/n_cells, the variance of a mode in the unitary view: power[a][b][shell]
 * with a <= b of n fields, in the order 00, 01, ..., 11, ... */
void field_spectra_measure(struct field_spectra *spectra, const double *const *fields, size_t n, double *power);

#endif
