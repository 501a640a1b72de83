/* Random numbers without a generator: each is a pure function of
 * (seed, purpose, particle, level, step, stage, coordinate), so nothing needs saving and no rank,
 * restart or order of work can change one.
 *
 * Philox4x32-10 [Salmon, Moraes, Dror & Shaw 2011]: the key is the seed; the 128-bit counter holds, in
 * disjoint bits, so that no two draws of a run share one:
 *     word 0   particle, low 32 bits
 *     word 1   coordinate / 2
 *     word 2   step
 *     word 3   particle bits 32-39 | level (12 bits) | stage (6 bits) | purpose (6 bits)
 */
#ifndef SCULPTOR_RNG_H
#define SCULPTOR_RNG_H

#include <stdint.h>

#define RNG_MAX_PARTICLES (INT64_C(1) << 40)
#define RNG_MAX_LEVELS 4096
#define RNG_MAX_STAGES 64
#define RNG_MAX_STEPS (INT64_C(1) << 32)
#define RNG_MAX_COORDINATES (INT64_C(1) << 33)
#define RNG_MAX_WAVENUMBER (1 << 20) /* of a mode along an axis, in units of the fundamental one */

enum rng_purpose {
        RNG_INITIAL,  /* the first population */
        RNG_TARGET,   /* draws from a target: which component, where in it */
        RNG_NOISE,    /* the Brownian increments of a sampler */
        RNG_MOMENTUM, /* momenta: of HMC at each trajectory, the first ones of BAOAB and OBABO */
        RNG_ACCEPT,   /* Metropolis decisions */
        RNG_TEST,     /* for tests and benchmarks only */
        RNG_MODES,    /* modes of a random field, keyed by wavevector: these take the bits of coordinate and step */
        RNG_DATA,     /* mock observations: their noise */
        RNG_BROWNIAN, /* nodes of a Brownian tree: the step holds the node, level and stage which tree it is */
        RNG_PROBE,    /* probes of the divergence: one a step */
        RNG_FORWARD,  /* noise that is added to data, by the step from level to level */
        RNG_WEIGHTS,  /* first weights of a network: the step is the tensor's index */
        RNG_EXAMPLE,  /* of training: sigma (stage 0), noise (1) and probes (2) of an example of a step's batch */
        RNG_ORDER,    /* of training: the order of a data set's rows, by epoch */
        RNG_PURPOSES
};

struct rng_stream {
        uint64_t seed;
        enum rng_purpose purpose;
        uint32_t level; /* < RNG_MAX_LEVELS */
        uint32_t step;
        uint32_t stage; /* < RNG_MAX_STAGES */
};

/* One application of Philox4x32-10, as published (for known answers and odd needs). */
void philox4x32_10(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* N(0, 1) for the 64 particles first_particle .. first_particle + 63 (first_particle a multiple of
 * 64), z[coordinate][lane], n_dim coordinates. Box-Muller in double; |z| reaches 9.4, the tails of a
 * 64-bit uniform. Coordinates 2c and 2c+1 share one Philox block; they do not depend on n_dim. */
void rng_normal(const struct rng_stream *stream, uint64_t first_particle, int64_t n_dim, double *restrict z);

/* Uniform in (0, 1), 53 bits or better, u[coordinate][lane]. */
void rng_uniform(const struct rng_stream *stream, uint64_t first_particle, int64_t n_dim, double *restrict u);

/* The same numbers for one particle: coordinates first .. first + n - 1, side by side, z[n]. */
void rng_normal_row(const struct rng_stream *stream, uint64_t particle, int64_t first, int64_t n, double *restrict z);
void rng_uniform_one(const struct rng_stream *stream, uint64_t particle, int64_t n, double *restrict u);

/* As rng_normal() of each of 64 particles, any of them and each at its own level, step and stage: the same bits. */
struct rng_each {
        uint64_t particle[64];
        uint32_t level[64], step[64], stage[64];
};
void rng_normal_each(uint64_t seed, enum rng_purpose purpose, const struct rng_each *each, int64_t n_dim,
                     double *restrict z);

/* A pair N(0, 1) for each of 64 modes of one particle. A wavevector (n_x, n_y, n_z), each of
 * |n| <= RNG_MAX_WAVENUMBER, is 63 bits, low (32) and high (31), made by rng_mode_key(). stream.step is unused. */
void rng_normal_modes(const struct rng_stream *stream, uint64_t particle, const uint64_t *restrict low,
                      const uint64_t *restrict high, double *restrict z_0, double *restrict z_1);

static inline void rng_mode_key(int32_t n_x, int32_t n_y, int32_t n_z, uint64_t *low, uint64_t *high)
{
        const uint64_t mask = (UINT64_C(1) << 21) - 1;
        const uint64_t key = ((uint64_t)(uint32_t)n_x & mask) | ((uint64_t)(uint32_t)n_y & mask) << 21 |
                             ((uint64_t)(uint32_t)n_z & mask) << 42;
        *low = key & UINT64_C(0xffffffff);
        *high = key >> 32;
}

#endif
