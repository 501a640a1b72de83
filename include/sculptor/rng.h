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

enum rng_purpose {
        RNG_INITIAL,  /* the first population */
        RNG_TARGET,   /* draws from a target: which component, where in it */
        RNG_NOISE,    /* the Brownian increments of a sampler */
        RNG_MOMENTUM, /* momenta: of HMC at each trajectory, the first ones of BAOAB and OBABO */
        RNG_ACCEPT,   /* Metropolis decisions */
        RNG_TEST,     /* for tests and benchmarks only */
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

#endif
