/* Activations and their derivatives in float32, branch-free, of single IEEE operations in a fixed order: gcc -O3 makes
 * vector code of loops over them, with the same bits for any width.
 *
 *     act_exp   e^x, |x| <= 87 (clamped there)       error < 1.1e-7 of the result, 2 ulps
 *     silu      x/(1 + e^-x) and two derivatives     2e-7, derivatives 2e-7 and 3e-7, of the larger of |x| and 1
 *     tanh      and two derivatives                  2e-7, 3e-7 and 6e-7, absolute
 * tests/unit/test_activation.c measures these. */
#ifndef SCULPTOR_NETWORK_ACTIVATION_H
#define SCULPTOR_NETWORK_ACTIVATION_H

#include <stdint.h>
#include <string.h>

#include "sculptor/vecmath.h"

/* x = n ln 2 + r; e^r a polynomial (minimax on |r| <= ln 2/2), 2^n by the exponent's bits. */
static inline float act_exp(float x)
{
        x = x < -87.0f ? -87.0f : x;
        x = x > 87.0f ? 87.0f : x;
        const float rounded = __builtin_fmaf(x, 0x1.715476p+0f, 0x1.8p23f);
        const float n = rounded - 0x1.8p23f;
        float r = __builtin_fmaf(n, -0x1.62e400p-1f, x);
        r = __builtin_fmaf(n, -0x1.7f7d1cp-20f, r);
        float p = 0x1.6a2434p-10f;
        p = __builtin_fmaf(p, r, 0x1.1239e2p-7f);
        p = __builtin_fmaf(p, r, 0x1.5558f2p-5f);
        p = __builtin_fmaf(p, r, 0x1.555492p-3f);
        p = __builtin_fmaf(p, r, 0x1.fffffcp-2f);
        p = __builtin_fmaf(p, r * r, r) + 1.0f;
        uint32_t bits;
        memcpy(&bits, &rounded, sizeof bits);
        bits = (bits - UINT32_C(0x4b400000) + 127) << 23;
        float scale;
        memcpy(&scale, &bits, sizeof scale);
        return p * scale;
}

/* What an activation leaves behind: its derivatives follow from its value h and its gate, without the argument.
 *     silu   h = x s, s = 1/(1 + e^-x) the gate;   h' = s + h (1 - s),   h'' = (1 - s) (2 s + h (1 - 2 s))
 *     tanh   h, the gate is h;                     h' = 1 - h^2,         h'' = -2 h h' */
struct act_gated { float value, gate; };

static inline struct act_gated act_silu_gated(float x)
{
        const float s = 1.0f / (1.0f + act_exp(-x));
        return (struct act_gated){x * s, s};
}

static inline float act_silu_slope(float value, float gate)
{
        return __builtin_fmaf(value, 1.0f - gate, gate);
}

static inline float act_silu_curvature(float value, float gate)
{
        return (1.0f - gate) * __builtin_fmaf(value, __builtin_fmaf(-2.0f, gate, 1.0f), 2.0f * gate);
}

static inline struct act_gated act_tanh_gated(float x)
{
        const float value = 1.0f - 2.0f / (act_exp(2.0f * x) + 1.0f);
        return (struct act_gated){value, value};
}

static inline float act_tanh_slope(float value)
{
        return __builtin_fmaf(-value, value, 1.0f);
}

static inline float act_tanh_curvature(float value)
{
        return -2.0f * value * act_tanh_slope(value);
}

struct activated { float value, slope, curvature; };

static inline struct activated act_silu(float x)
{
        const struct act_gated h = act_silu_gated(x);
        return (struct activated){h.value, act_silu_slope(h.value, h.gate), act_silu_curvature(h.value, h.gate)};
}

static inline struct activated act_tanh(float x)
{
        const float h = act_tanh_gated(x).value;
        return (struct activated){h, act_tanh_slope(h), act_tanh_curvature(h)};
}

/* ln cosh x = |x| + ln(1 + e^-2|x|) - ln 2, whose slope is tanh; in double, for energies. */
static inline double act_ln_cosh(double x)
{
        const double size = x < 0 ? -x : x;
        return size + vm_log_positive(1 + vm_exp(-2 * size)) - 0.69314718055994530942;
}

#endif
