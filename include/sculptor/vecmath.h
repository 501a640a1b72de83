/* exp, log, sin and cos for kernels: branch-free, so that gcc -O3 turns a loop over the 64 lanes of a
 * tile into vector code, and made of single IEEE operations (+ - * / fma, integer bits) in a fixed order,
 * so that the bits are the same for every vector width, optimisation level and instruction set.
 *
 *     function            range                  error    remarks
 *     vm_exp              all                    1.2 ulp  2 where the result is subnormal; overflows to inf
 *     vm_exp_flushed      x <= 709               1.2 ulp  0 where x < -708; cheaper
 *     vm_log              all                    1 ulp    log 0 = -inf, log of a negative number is NaN
 *     vm_log_positive     normal numbers > 0     1 ulp
 *     vm_sin, vm_cos      |x| <= 2^30, radians   1.8 ulp  less and less sharp beyond; NaN at inf
 *     vm_sincos_turns     0 <= u < 1             1.8 ulp  sin and cos of 2 pi u
 *
 * NaN gives NaN. tests/unit/test_vecmath.c measures these errors against long double functions.
 *
 * Polynomials are minimax (Remez exchange in 300 bits, relative error < 2^-57.9 of the result); the
 * reductions are the classical ones [Cody & Waite 1980; Muller, Elementary Functions, 2016], with
 * fma in place of split constants. A number rounds to an integer by adding 1.5 2^52, whose low bits then
 * hold it; so no conversion between integers and doubles is needed, which AVX2 lacks. */
#ifndef SCULPTOR_VECMATH_H
#define SCULPTOR_VECMATH_H

#include <stdint.h>
#include <string.h>

#define VM_ROUND 0x1.8p52
#define VM_LOG2_E 0x1.71547652b82fep+0
#define VM_LN_2_HIGH 0x1.62e42fefa39efp-1
#define VM_LN_2_LOW 0x1.abc9e3b39803fp-56

static inline uint64_t vm_bits(double x)
{
        uint64_t bits;
        memcpy(&bits, &x, sizeof bits);
        return bits;
}

static inline double vm_double(uint64_t bits)
{
        double x;
        memcpy(&x, &bits, sizeof x);
        return x;
}

/* ---- exp: x = n ln 2 + r, |r| <= ln 2 / 2, e^x = 2^n e^r ---- */

/* e^r at the r of x; *n_bits gets VM_ROUND + n as it lies in memory. */
static inline double vm_exp_reduced(double x, uint64_t *n_bits)
{
        const double rounded = __builtin_fma(x, VM_LOG2_E, VM_ROUND);
        const double n = rounded - VM_ROUND;
        double r = __builtin_fma(-n, VM_LN_2_HIGH, x);
        r = __builtin_fma(-n, VM_LN_2_LOW, r);
        *n_bits = vm_bits(rounded);

        /* e^r = 1 + r + r^2 q(r); even and odd powers apart, to halve the chain of dependent operations */
        const double z = r * r;
        double even = 0x1.28ad72d4cd81ap-22, odd = 0x1.ad7f6d90175cep-26;
        even = __builtin_fma(even, z, 0x1.a0199a0c5e47bp-16);
        odd = __builtin_fma(odd, z, 0x1.71df255307b38p-19);
        even = __builtin_fma(even, z, 0x1.6c16c1842a150p-10);
        odd = __builtin_fma(odd, z, 0x1.a01a012a5767ap-13);
        even = __builtin_fma(even, z, 0x1.555555555087cp-5);
        odd = __builtin_fma(odd, z, 0x1.1111111127be6p-7);
        even = __builtin_fma(even, z, 0x1.000000000000ap-1);
        odd = __builtin_fma(odd, z, 0x1.55555555554fap-3);
        return 1 + __builtin_fma(__builtin_fma(odd, r, even), z, r);
}

static inline double vm_exp(double x)
{
        /* Beyond these the result is 0 or inf anyway; written so that NaN passes. */
        double clamped = x < -746 ? -746 : x;
        clamped = clamped > 710 ? 710 : clamped;

        /* 2^n as two factors of about 2^(n/2), each a normal number. */
        uint64_t n;
        const double e = vm_exp_reduced(clamped, &n);
        n = n - UINT64_C(0x4338000000000000) + 2046;
        const uint64_t half = n >> 1;
        return e * vm_double(half << 52) * vm_double((n - half) << 52);
}

/* For x <= 709 and weights: below e^-708 it gives 0. */
static inline double vm_exp_flushed(double x)
{
        uint64_t n;
        const double e = vm_exp_reduced(x, &n);
        const double result = e * vm_double((n + 1023) << 52);
        return x < -708 ? 0 : result;
}

/* ---- log: x = 2^e m, sqrt(1/2) <= m < sqrt 2, f = m - 1, s = f/(2 + f) ----
 * ln(1 + f) = f - (f^2/2 - s (f^2/2 + R(s^2))), since ln(1 + f) = 2 atanh s. */

static inline double vm_log_positive(double x)
{
        const uint64_t sqrt_half = UINT64_C(0x3fe6a09e667f3bcd), one = UINT64_C(0x3ff0000000000000);
        const uint64_t shifted = vm_bits(x) + (one - sqrt_half);
        const double e = vm_double((shifted >> 52) | UINT64_C(0x4330000000000000)) - (0x1p52 + 1023);
        const double f = vm_double((shifted & UINT64_C(0x000fffffffffffff)) + sqrt_half) - 1;

        const double s = f / (2 + f);
        const double z = s * s;
        const double w = z * z; /* even and odd powers apart */
        double even = 0x1.2f06369f5debcp-3, odd = 0x1.39a1a6b69c88cp-3;
        even = __builtin_fma(even, w, 0x1.74663fa524011p-3);
        odd = __builtin_fma(odd, w, 0x1.c71c5205f6fdfp-3);
        even = __builtin_fma(even, w, 0x1.24924941f5127p-2);
        odd = __builtin_fma(odd, w, 0x1.999999997fd76p-2);
        even = __builtin_fma(even, w, 0x1.5555555555592p-1);
        const double r = __builtin_fma(odd, z, even);
        const double h = 0.5 * f * f;
        const double tail = h - __builtin_fma(s, __builtin_fma(r, z, h), e * VM_LN_2_LOW);
        return __builtin_fma(e, VM_LN_2_HIGH, f - tail);
}

static inline double vm_log(double x)
{
        const int subnormal = x < 0x1p-1022;
        const double normal = subnormal ? x * 0x1p54 : x;
        double result = vm_log_positive(normal);
        result = subnormal ? result - 54 * VM_LN_2_HIGH : result;
        result = x < __builtin_inf() ? result : x; /* inf and NaN */
        result = x == 0 ? -__builtin_inf() : result;
        return x < 0 ? __builtin_nan("") : result;
}

/* ---- sin and cos: x = k pi/2 + r, |r| <= pi/4; the sign of a zero is not kept ---- */

struct vm_sincos { double sin, cos; };

/* At r + k pi/2, where the two lowest bits of `quadrant` are k's. */
static inline struct vm_sincos vm_sincos_reduced(double r, uint64_t quadrant)
{
        const double z = r * r;
        double s = 0x1.5d932eb15f092p-33, c = -0x1.8faecf6e73562p-37;
        s = __builtin_fma(s, z, -0x1.ae5e66d2ab682p-26);
        c = __builtin_fma(c, z, 0x1.1ee9ec4831192p-29);
        s = __builtin_fma(s, z, 0x1.71de3578714efp-19);
        c = __builtin_fma(c, z, -0x1.27e4f80a771bap-22);
        s = __builtin_fma(s, z, -0x1.a01a019c12675p-13);
        c = __builtin_fma(c, z, 0x1.a01a019cb2701p-16);
        s = __builtin_fma(s, z, 0x1.111111110f880p-7);
        c = __builtin_fma(c, z, -0x1.6c16c16c15184p-10);
        s = __builtin_fma(s, z, -0x1.5555555555549p-3);
        c = __builtin_fma(c, z, 0x1.555555555554cp-5);
        c = __builtin_fma(c, z, -0.5);
        s = __builtin_fma(s, r * z, r);
        c = __builtin_fma(c, z, 1);

        /* k odd: they change places; signs: sin + + - -, cos + - - + for k = 0, 1, 2, 3. */
        const uint64_t swap = (vm_bits(s) ^ vm_bits(c)) & (0 - (quadrant & 1));
        const uint64_t sign = UINT64_C(1) << 63;
        return (struct vm_sincos){
                .sin = vm_double(vm_bits(s) ^ swap ^ ((quadrant << 62) & sign)),
                .cos = vm_double(vm_bits(c) ^ swap ^ (((quadrant + 1) << 62) & sign)),
        };
}

/* r = x - k pi/2: the first fma is exact for |x| <= 2^30, the second rounds once, the third adds what
 * the second constant lacks. */
static inline struct vm_sincos vm_sincos_radians(double x)
{
        const double rounded = __builtin_fma(x, 0x1.45f306dc9c883p-1, VM_ROUND);
        const double k = rounded - VM_ROUND;
        double r = __builtin_fma(-k, 0x1.921fb54442d18p+0, x);
        r = __builtin_fma(-k, 0x1.1a62633145c06p-54, r);
        r = __builtin_fma(-k, 0x1.c1cd129024e09p-107, r);
        return vm_sincos_reduced(r, vm_bits(rounded));
}

static inline double vm_sin(double x)
{
        return vm_sincos_radians(x).sin;
}

static inline double vm_cos(double x)
{
        return vm_sincos_radians(x).cos;
}

/* u - k/4 is exact, so that the reduction costs no precision. */
static inline struct vm_sincos vm_sincos_turns(double u)
{
        const double rounded = __builtin_fma(u, 4, VM_ROUND);
        const double r = __builtin_fma(rounded - VM_ROUND, -0.25, u);
        const double angle = __builtin_fma(r, 0x1.921fb54442d18p+2, r * 0x1.1a62633145c07p-52);
        return vm_sincos_reduced(angle, vm_bits(rounded));
}

#endif
