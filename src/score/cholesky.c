/* Own loops and no library's: what they give decides bits of the state, and GSL's go through whichever
 * CBLAS is linked. Each sum runs in the order written; sqrt and division are exact IEEE. */
#include "score/cholesky.h"

#include <math.h>

#include "sculptor/vecmath.h"

/* Row by row [Cholesky-Banachiewicz]. */
int64_t cholesky_factorise(int64_t n, const double *restrict s, double *restrict l, double *restrict pivot)
{
        for (int64_t i = 0; i < n; i++) {
                for (int64_t j = 0; j <= i; j++) {
                        double sum = s[i * n + j];
                        for (int64_t k = 0; k < j; k++)
                                sum = fma(-l[i * n + k], l[j * n + k], sum);
                        if (j < i) {
                                l[i * n + j] = sum / l[j * n + j];
                                continue;
                        }
                        *pivot = sum;
                        if (!(sum > (double)n * 0x1p-53 * s[i * n + i])) /* a NaN is caught, too */
                                return i;
                        l[i * n + i] = sqrt(sum);
                }
        }
        return n;
}

/* L^-1 in place, by forward substitution. */
static void invert_lower(int64_t n, double *l)
{
        for (int64_t i = 0; i < n; i++) {
                for (int64_t j = 0; j < i; j++) {
                        double sum = 0;
                        for (int64_t k = j; k < i; k++)
                                sum = fma(-l[i * n + k], l[k * n + j], sum);
                        l[i * n + j] = sum / l[i * n + i];
                }
                l[i * n + i] = 1 / l[i * n + i];
        }
}

/* S^-1 = L^-T L^-1 */
double cholesky_invert(int64_t n, double *restrict l, double *restrict inverse)
{
        double log_det = 0;
        for (int64_t i = 0; i < n; i++)
                log_det += 2 * vm_log(l[i * n + i]);

        invert_lower(n, l);
        for (int64_t i = 0; i < n; i++)
                for (int64_t j = 0; j <= i; j++) {
                        double sum = 0;
                        for (int64_t k = i; k < n; k++)
                                sum = fma(l[k * n + i], l[k * n + j], sum);
                        inverse[i * n + j] = inverse[j * n + i] = sum;
                }
        return log_det;
}
