/* Wiener filtering of a Gaussian field seen through a linear instrument, exact to a tolerance:
 *
 *     y = A x + n,   A = M B,   x ~ N(0, C),   n ~ N(0, N),
 *     mean     <x|y> = S A' N^-1 y,   S = (C^-1 + A' N^-1 A)^-1
 *                    = C^1/2 (I + C^1/2 A' N^-1 A C^1/2)^-1 C^1/2 A' N^-1 y,
 *     variance S_ii of each cell.
 *
 * C and the beam B are diagonal in Fourier space, the noise N and the mask M in cells. The second form needs no C^-1:
 * modes without prior variance stay 0. It is solved by preconditioned conjugate gradients on the modes, one transform
 * there and back an iteration; sums are taken in an order that does not depend on the number of ranks.
 * [Wiener 1949; Hestenes & Stiefel 1952; Zaroubi et al. 1995] All but wiener_free() is collective over the domain. */
#ifndef SCULPTOR_WIENER_H
#define SCULPTOR_WIENER_H

#include <stdbool.h>

#include "sculptor/mesh.h"

struct wiener_problem {
        const struct mesh *mesh;
        const double *variance; /* d of this rank's modes, [mesh_modes_here()] */
        double added_variance;  /* C = F^-1 (d + this) F */
        const double *beam;     /* b of the same modes; NULL: 1 */
        const double *weight;   /* [size]: M/N of each cell, 0 where masked and in padding */
};

struct wiener_report {
        int64_t iterations; /* the most of any solve */
        double residual;    /* |b - A u|/|b|, computed afresh at the end; 0 of wiener_variance() */
        bool converged;
};

struct wiener; /* a problem and the memory to solve it: nine doubles a mode, one a cell */

struct wiener *wiener_create(const struct wiener_problem *problem); /* copies the problem, not its arrays */
void wiener_free(struct wiener *wiener);

/* mean[size] of data y[size], which is not looked at where the weight is 0. */
struct wiener_report wiener_mean(struct wiener *wiener, const double *data, double *mean);
/* variance[size]: as many solves as there are cells. */
struct wiener_report wiener_variance(struct wiener *wiener, double *variance);

#endif
