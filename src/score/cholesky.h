/* Cholesky factors whose bits are the same wherever the code is built. Local. */
#ifndef SCULPTOR_SCORE_CHOLESKY_H
#define SCULPTOR_SCORE_CHOLESKY_H

#include <stdint.h>

/* S = L L^T, both [n][n] row by row; of S the lower triangle is read, L's upper one is left as it is.
 * Returns n, or the first row whose pivot (left in *pivot) is not above its rounding error: S is not
 * positive definite then. n^3/3 operations. */
int64_t cholesky_factorise(int64_t n, const double *restrict s, double *restrict l, double *restrict pivot);

/* The inverse of S from its factor, symmetric to the last bit; returns ln det S. L is used up. */
double cholesky_invert(int64_t n, double *restrict l, double *restrict inverse);

#endif
