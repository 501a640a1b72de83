/* Brownian paths that are functions of counters: virtual Brownian trees [Levy 1940; Gaines & Lyons 1997; Li et al.
 * 2020].
 *
 * A tree is one standard Brownian motion B(u), 0 <= u <= 1, B(0) = 0, for each coordinate of a particle, on the
 * 2^BROWNIAN_DEPTH + 1 points u = at 2^-BROWNIAN_DEPTH. B(1) is z of node 0; the middle of an interval of length l,
 * node n, is Levy's bridge between its ends, and its halves are nodes 2n and 2n + 1:
 *
 *     B(middle) = (B(left) + B(right))/2 + sqrt(l)/2 z_n.
 *
 * So B is the same whatever points are asked for, and in whatever order, and nothing is kept. A point costs a normal
 * number for each halving down to it: few where `at` ends in many zeros.
 *
 * z_n is RNG_BROWNIAN's of the particle: the counter's step holds n < 2^32, its level and stage (18 bits) the tree. */
#ifndef SCULPTOR_SAMPLER_BROWNIAN_H
#define SCULPTOR_SAMPLER_BROWNIAN_H

#include <stdint.h>

#include "sculptor/population.h"

enum { BROWNIAN_DEPTH = 30 };
#define BROWNIAN_END (UINT32_C(1) << BROWNIAN_DEPTH)
#define BROWNIAN_MAX_TREES (INT64_C(1) << 18)

/* Points of 64 particles' trees. */
struct brownian_places {
        uint64_t seed;
        uint64_t particle[LANES];
        uint32_t tree[LANES], at[LANES]; /* at <= BROWNIAN_END */
};

/* b[n_dim][LANES]; `left`, `right` and `z` are scratch of that size. Local. */
void brownian_lanes(const struct brownian_places *places, int64_t n_dim, double *restrict left, double *restrict right,
                    double *restrict z, double *restrict b);

/* The same for a field's cells here, [plane][plane_stride]; its padding is left alone. Local. */
void brownian_field(uint64_t seed, uint64_t particle, uint32_t tree, uint32_t at, const struct field_layout *layout,
                    double *restrict b);

#endif
