/* Eigenvalues and vectors whose bits are the same wherever the code is built. Local. */
#ifndef SCULPTOR_SCORE_JACOBI_H
#define SCULPTOR_SCORE_JACOBI_H

#include <stdint.h>

/* S = Q diag(value) Q^T, S symmetric, [n][n], used up; q[n][n] has eigenvector k in its column k. In no order.
 * Cyclic Jacobi rotations: about 50 n^3 operations. */
void jacobi_diagonalise(int64_t n, double *restrict s, double *restrict value, double *restrict q);

#endif
