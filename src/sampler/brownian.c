#include "brownian.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "sculptor/rng.h"

/* Where a lane goes from a node: what the middle becomes. */
enum turn { ARRIVED = 0, TO_LEFT = 1, TO_RIGHT = 2, IS_MIDDLE = 3 }; /* bits: it is the new right, left end */

/* A descent: at halvings of 2^-depth every lane that has not arrived stands at a node of that depth. */
struct descent {
        uint32_t low[LANES], at[LANES];
        uint64_t turn[LANES];
        struct rng_each node;
};

/* Node 0 at the root. Lanes at 0 have arrived; those at the end stay as if they had, and take the right end. */
static void begin(const struct brownian_places *places, struct descent *descent)
{
        for (int lane = 0; lane < LANES; lane++) {
                descent->node.particle[lane] = places->particle[lane];
                descent->node.level[lane] = places->tree[lane] >> 6;
                descent->node.stage[lane] = places->tree[lane] & 63;
                descent->node.step[lane] = 0;
                descent->low[lane] = 0;
                descent->at[lane] = places->at[lane] == BROWNIAN_END ? 0 : places->at[lane];
        }
}

/* Chooses each lane's turn at the middle of its interval of `size` points; false where all have arrived. */
static bool turn(struct descent *descent, uint32_t size)
{
        uint32_t moving = 0;
        for (int lane = 0; lane < LANES; lane++) {
                const uint32_t low = descent->low[lane], middle = low + size / 2, at = descent->at[lane];
                const bool arrived = at == low;
                descent->turn[lane] = arrived ? ARRIVED : at < middle ? TO_LEFT : at > middle ? TO_RIGHT : IS_MIDDLE;
                moving |= !arrived;
        }
        return moving;
}

/* Down to the halves; a lane that has arrived, or stands at the middle, stays for good: its interval begins there. */
static void go_down(struct descent *descent, uint32_t size)
{
        for (int lane = 0; lane < LANES; lane++) {
                const bool right = descent->turn[lane] & TO_RIGHT;
                descent->low[lane] += right ? size / 2 : 0;
                descent->node.step[lane] = 2 * descent->node.step[lane] + right;
        }
}

/* sqrt(l)/2 at `depth` halvings, exact where depth is even. */
static double deviation(int depth)
{
        return sqrt(ldexp(1, -depth)) / 2;
}

void brownian_lanes(const struct brownian_places *places, int64_t n_dim, double *restrict left, double *restrict right,
                    double *restrict z, double *restrict b)
{
        struct descent descent;
        const size_t n = (size_t)n_dim * LANES;
        begin(places, &descent);
        rng_normal_each(places->seed, RNG_BROWNIAN, &descent.node, n_dim, right);
        memset(left, 0, n * sizeof *left);
        for (int lane = 0; lane < LANES; lane++)
                descent.node.step[lane] = 1;

        uint32_t size = BROWNIAN_END;
        for (int depth = 0; turn(&descent, size); depth++, size /= 2) {
                const double sd = deviation(depth);
                rng_normal_each(places->seed, RNG_BROWNIAN, &descent.node, n_dim, z);
                for (size_t row = 0; row < n; row += LANES)
                        for (size_t lane = 0; lane < LANES; lane++) {
                                const double l = left[row + lane], r = right[row + lane];
                                const double middle = fma(sd, z[row + lane], 0.5 * (l + r));
                                left[row + lane] = descent.turn[lane] & TO_RIGHT ? middle : l;
                                right[row + lane] = descent.turn[lane] & TO_LEFT ? middle : r;
                        }
                go_down(&descent, size);
        }
        for (size_t row = 0; row < n; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        b[row + lane] = places->at[lane] == BROWNIAN_END ? right[row + lane] : left[row + lane];
}

/* ---- fields: a few pages at a time ---- */

enum { PIECE = 1024 };

static void field_piece(const struct rng_stream *root, uint64_t particle, uint32_t at, int64_t first, size_t n,
                        double *restrict b)
{
        _Alignas(64) double right[PIECE], z[PIECE];
        struct rng_stream node = *root;
        node.step = 0;
        rng_normal_row(&node, particle, first, (int64_t)n, right);
        if (at == BROWNIAN_END) {
                memcpy(b, right, n * sizeof *b);
                return;
        }
        for (size_t i = 0; i < n; i++) /* b is the left end */
                b[i] = 0;
        uint32_t low = 0, size = BROWNIAN_END;
        node.step = 1;
        for (int depth = 0; low != at; depth++, size /= 2) {
                const double sd = deviation(depth);
                const bool to_right = at >= low + size / 2;
                double *restrict end = to_right ? b : right;
                rng_normal_row(&node, particle, first, (int64_t)n, z);
                for (size_t i = 0; i < n; i++)
                        z[i] = fma(sd, z[i], 0.5 * (b[i] + right[i]));
                memcpy(end, z, n * sizeof *end);
                low += to_right ? size / 2 : 0;
                node.step = 2 * node.step + to_right;
        }
}

void brownian_field(uint64_t seed, uint64_t particle, uint32_t tree, uint32_t at, const struct field_layout *layout,
                    double *restrict b)
{
        const struct rng_stream root = {.seed = seed, .purpose = RNG_BROWNIAN, .level = tree >> 6, .stage = tree & 63};
        for (size_t p = 0; p < layout->n_planes_here; p++)
                for (size_t cell = 0; cell < layout->plane_cells; cell += PIECE) {
                        const size_t left = layout->plane_cells - cell;
                        const int64_t plane = layout->plane_begin + (int64_t)p;
                        field_piece(&root, particle, at, plane * (int64_t)layout->plane_cells + (int64_t)cell,
                                    left < PIECE ? left : PIECE, b + p * layout->plane_stride + cell);
                }
}
