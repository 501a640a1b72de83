/* Jacobi's method with cyclic rows [Jacobi 1846; Golub & Van Loan, Matrix Computations, 8.5]: a rotation by the smaller
 * angle annuls each element above the diagonal in turn, again and again; the sum of their squares falls quadratically
 * in the end. The work of a library's tridiagonal method is less, but not its bits the same. */
#include "score/jacobi.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { MOST_SWEEPS = 60 }; /* 6 to 10 are usual */

/* Columns p and r of m[n][n], turned by the angle of sine s and cosine c. */
static void turn_columns(int64_t n, double *restrict m, int64_t p, int64_t r, double c, double s)
{
        for (int64_t i = 0; i < n; i++) {
                const double a = m[i * n + p], b = m[i * n + r];
                m[i * n + p] = fma(c, a, -(s * b));
                m[i * n + r] = fma(s, a, c * b);
        }
}

static void turn_rows(int64_t n, double *restrict m, int64_t p, int64_t r, double c, double s)
{
        for (int64_t i = 0; i < n; i++) {
                const double a = m[p * n + i], b = m[r * n + i];
                m[p * n + i] = fma(c, a, -(s * b));
                m[r * n + i] = fma(s, a, c * b);
        }
}

void jacobi_diagonalise(int64_t n, double *restrict s, double *restrict value, double *restrict q)
{
        memset(q, 0, (size_t)(n * n) * sizeof *q);
        for (int64_t i = 0; i < n; i++)
                q[i * n + i] = 1;

        for (int sweep = 0; sweep < MOST_SWEEPS; sweep++) {
                int64_t turned = 0;
                for (int64_t p = 0; p < n; p++)
                        for (int64_t r = p + 1; r < n; r++) {
                                const double off = s[p * n + r], a = s[p * n + p], b = s[r * n + r];
                                if (!(fabs(off) > 0.5 * DBL_EPSILON * sqrt(fabs(a)) * sqrt(fabs(b))))
                                        continue;
                                const double cot = (b - a) / (2 * off); /* of twice the angle */
                                const double tangent = (cot < 0 ? -1 : 1) / (fabs(cot) + sqrt(fma(cot, cot, 1)));
                                const double cosine = 1 / sqrt(fma(tangent, tangent, 1)), sine = tangent * cosine;
                                turn_columns(n, s, p, r, cosine, sine);
                                turn_rows(n, s, p, r, cosine, sine);
                                s[p * n + r] = s[r * n + p] = 0;
                                turn_columns(n, q, p, r, cosine, sine);
                                turned++;
                        }
                if (turned == 0)
                        break;
        }
        for (int64_t i = 0; i < n; i++)
                value[i] = s[i * n + i];
}
