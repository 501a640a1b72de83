/* Functions that vecmath.h lacks, for the few numbers of a schedule: one at a time, to a few units in the last place,
 * of its exp, log, sin and cos, so that their bits are the same everywhere too. Local. */
#ifndef SCULPTOR_SCHEDULE_FUNCTIONS_H
#define SCULPTOR_SCHEDULE_FUNCTIONS_H

#include <math.h>

#include "sculptor/vecmath.h"

#define SCHEDULE_PI 0x1.921fb54442d18p+1

/* e^x - 1 and ln(1 + x) without cancellation: the rounding of u divides out [Kahan, in Higham, Accuracy and Stability
 * of Numerical Algorithms, 2002, sec. 1.14]. */
static inline double schedule_expm1(double x)
{
        const double u = vm_exp(x);
        if (u == 1)
                return x;
        return isinf(u) ? u : (u - 1) * (x / vm_log(u));
}

static inline double schedule_log1p(double x)
{
        const double u = 1 + x;
        if (u == 1)
                return x;
        return isinf(u) ? u : vm_log(u) * (x / (u - 1));
}

static inline double schedule_asinh(double x) /* x >= 0 */
{
        return schedule_log1p(x + x * x / (1 + sqrt(fma(x, x, 1))));
}

/* The angle whose tangent is y, by steps whose error is the error's cube: tan(atan y - a) = (y cos a - sin a)/(cos a +
 * y sin a). Up to y = 1 the first guess is within 0.005, so two steps would do. */
static inline double schedule_atan(double y) /* y >= 0 */
{
        if (y > 1)
                return SCHEDULE_PI / 2 - schedule_atan(1 / y);
        double a = y / fma(0.28 * y, y, 1);
        for (int i = 0; i < 3; i++) {
                const double s = vm_sin(a), c = vm_cos(a);
                a += fma(y, c, -s) / fma(y, s, c);
        }
        return a;
}

/* x^exponent, x > 0 */
static inline double schedule_power(double x, double exponent)
{
        return exponent == 1 ? x : vm_exp(exponent * vm_log(x));
}

#endif
