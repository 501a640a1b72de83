/* Philox4x32-10 for 64 particles at a time, and what is drawn from it.
 *
 * A 32-bit word of the counter lies in the low half of a 64-bit lane, so that a round's two widening
 * products are one instruction each (vpmuludq reads low halves only) and their high and low words need
 * a shift and nothing. The high halves hold rubbish meanwhile, which is masked once at the end. Integers
 * give the same bits at every vector width; the doubles made of them go through vecmath.h. */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#if defined __AVX512F__ || defined __AVX2__ || defined __SSE2__
#include <immintrin.h>
#endif

#include "sculptor/error.h"
#include "sculptor/rng.h"
#include "sculptor/vecmath.h"

enum { ROUNDS = 10, WORDS = 4, LANES = 64 };
#define LOW_WORD UINT64_C(0xffffffff)
#define MULTIPLIER_0 UINT32_C(0xD2511F53)
#define MULTIPLIER_1 UINT32_C(0xCD9E8D57)
#define WEYL_0 UINT32_C(0x9E3779B9) /* the golden ratio */
#define WEYL_1 UINT32_C(0xBB67AE85) /* sqrt 3 - 1 */

/* ---- one block, as published ---- */

void philox4x32_10(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
        uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
        for (uint32_t r = 0; r < ROUNDS; r++) {
                const uint64_t p0 = (uint64_t)MULTIPLIER_0 * c0, p1 = (uint64_t)MULTIPLIER_1 * c2;
                c0 = (uint32_t)(p1 >> 32) ^ c1 ^ (key[0] + r * WEYL_0);
                c2 = (uint32_t)(p0 >> 32) ^ c3 ^ (key[1] + r * WEYL_1);
                c1 = (uint32_t)p1;
                c3 = (uint32_t)p0;
        }
        out[0] = c0;
        out[1] = c1;
        out[2] = c2;
        out[3] = c3;
}

/* ---- the blocks of 64 particles ---- */

#if defined __AVX512F__
typedef uint64_t words __attribute__((vector_size(64)));
static inline words multiply_low(words a, words b)
{
        return (words)_mm512_mul_epu32((__m512i)a, (__m512i)b);
}
#elif defined __AVX2__
typedef uint64_t words __attribute__((vector_size(32)));
static inline words multiply_low(words a, words b)
{
        return (words)_mm256_mul_epu32((__m256i)a, (__m256i)b);
}
#elif defined __SSE2__
typedef uint64_t words __attribute__((vector_size(16)));
static inline words multiply_low(words a, words b)
{
        return (words)_mm_mul_epu32((__m128i)a, (__m128i)b);
}
#else
typedef uint64_t words __attribute__((vector_size(16)));
static inline words multiply_low(words a, words b)
{
        return (a & LOW_WORD) * (b & LOW_WORD);
}
#endif

/* The counters of 64 particles for coordinates 2 block and 2 block + 1, but for word 1: the block. */
struct counters {
        uint32_t particle, step, rest; /* words 0 (of lane 0), 2 and 3 */
        uint32_t key[2];
};

static struct counters counters_of(const struct rng_stream *stream, uint64_t first_particle, int64_t n_dim)
{
        if (stream->level >= RNG_MAX_LEVELS || stream->stage >= RNG_MAX_STAGES ||
            first_particle >= (uint64_t)RNG_MAX_PARTICLES || n_dim > RNG_MAX_COORDINATES)
                fatal("no random numbers for level %u, stage %u, particle %llu, %lld coordinates: outside the counter",
                      (unsigned)stream->level, (unsigned)stream->stage, (unsigned long long)first_particle,
                      (long long)n_dim);

        return (struct counters){
                .particle = (uint32_t)first_particle,
                .step = stream->step,
                .rest = (uint32_t)(first_particle >> 32) << 24 | stream->level << 12 | stream->stage << 6
                        | (uint32_t)stream->purpose,
                .key = {(uint32_t)stream->seed, (uint32_t)(stream->seed >> 32)},
        };
}

/* A word of the counter: base + lane * slope, or of[lane] where given. */
struct counter_word {
        uint32_t base, slope;
        const uint64_t *of;
};

/* word[i][lane]: the i-th 32-bit word of the lane's output, for counters of the words c. A round waits for the one
 * before it, so four vectors go side by side to keep the multipliers busy. */
static inline void draw_words(const struct counters *counters, const struct counter_word c[WORDS],
                              uint64_t word[restrict WORDS][LANES])
{
        enum { WIDTH = sizeof(words) / sizeof(uint64_t), SIDE = 4 };
        const words multiplier_0 = (words){0} + MULTIPLIER_0, multiplier_1 = (words){0} + MULTIPLIER_1;
        words count, key_0[ROUNDS], key_1[ROUNDS];
        for (unsigned i = 0; i < WIDTH; i++)
                count[i] = i;
        for (uint32_t r = 0; r < ROUNDS; r++) {
                key_0[r] = (words){0} + (counters->key[0] + r * WEYL_0);
                key_1[r] = (words){0} + (counters->key[1] + r * WEYL_1);
        }

        for (unsigned lane = 0; lane < LANES; lane += SIDE * WIDTH) {
                words x[WORDS][SIDE];
                for (unsigned i = 0; i < SIDE; i++) {
                        for (int k = 0; k < WORDS; k++) {
                                if (c[k].of)
                                        memcpy(&x[k][i], c[k].of + lane + i * WIDTH, sizeof x[k][i]);
                                else
                                        x[k][i] = (words){0} + c[k].base;
                                if (c[k].slope)
                                        x[k][i] += count + (lane + i * WIDTH);
                        }
                }
#pragma GCC unroll 10
                for (int r = 0; r < ROUNDS; r++)
#pragma GCC unroll 4
                        for (int i = 0; i < SIDE; i++) {
                                const words p0 = multiply_low(multiplier_0, x[0][i]);
                                const words p1 = multiply_low(multiplier_1, x[2][i]);
                                x[0][i] = (p1 >> 32) ^ (x[1][i] ^ key_0[r]);
                                x[2][i] = (p0 >> 32) ^ (x[3][i] ^ key_1[r]);
                                x[1][i] = p1;
                                x[3][i] = p0;
                        }
#pragma GCC unroll 4
                for (int k = 0; k < WORDS; k++)
#pragma GCC unroll 4
                        for (unsigned i = 0; i < SIDE; i++) {
                                const words out = x[k][i] & LOW_WORD;
                                memcpy(&word[k][lane + i * WIDTH], &out, sizeof out);
                        }
        }
}

/* The blocks of 64 particles for one pair of coordinates. */
static inline void draw_block(const struct counters *counters, uint32_t block, uint64_t word[restrict WORDS][LANES])
{
        const struct counter_word c[WORDS] = {{.base = counters->particle, .slope = 1}, {.base = block},
                                              {.base = counters->step}, {.base = counters->rest}};
        draw_words(counters, c, word);
}

/* ---- doubles: a word or-ed into the bits of a power of two is added, scaled to its last places ---- */

#define TWO_20 UINT64_C(0x4130000000000000)       /* the bits of 2^20: adds word 2^-32 */
#define TWO_MINUS_12 UINT64_C(0x3f30000000000000) /* of 2^-12: adds word 2^-64 */

/* (high 2^32 + low + 1/2) 2^-64, rounded once, so that small values keep 53 bits: from 2^-65 to 1, which
 * it is with probability 2^-54. */
static inline double unit_64(uint64_t high, uint64_t low)
{
        const double a = vm_double(high | TWO_20) - 0x1p20;
        const double b = vm_double(low | TWO_MINUS_12) - (0x1p-12 - 0x1p-65);
        return a + b;
}

/* The upper 53 bits of high 2^32 + low, times 2^-53: exact, in [0, 1). */
static inline double unit_53(uint64_t high, uint64_t low)
{
        const double a = vm_double(high | TWO_20) - (0x1p20 + 0x1p-12);
        const double b = vm_double((low & UINT64_C(0xfffff800)) | TWO_MINUS_12);
        return a + b;
}

/* Box & Muller 1958: r = sqrt(-2 ln u), z_0 = r cos 2 pi v, z_1 = r sin 2 pi v. */
static inline void box_muller(uint64_t word[restrict WORDS][LANES], double *restrict z_0, double *restrict z_1)
{
        double r[LANES];
        for (int lane = 0; lane < LANES; lane++)
                r[lane] = sqrt(-2 * vm_log_positive(unit_64(word[0][lane], word[1][lane])));
        for (int lane = 0; lane < LANES; lane++) {
                const struct vm_sincos angle = vm_sincos_turns(unit_53(word[2][lane], word[3][lane]));
                z_0[lane] = r[lane] * angle.cos;
                z_1[lane] = r[lane] * angle.sin;
        }
}

/* Tiles of 64 begin at multiples of 64, so that the low word of the particle does not overflow inside one. */
static void require_tile(uint64_t first_particle)
{
        if (first_particle % LANES != 0)
                fatal("no tile begins at particle %llu", (unsigned long long)first_particle);
}

void rng_normal(const struct rng_stream *stream, uint64_t first_particle, int64_t n_dim, double *restrict z)
{
        const struct counters counters = counters_of(stream, first_particle, n_dim);
        require_tile(first_particle);
        uint64_t word[WORDS][LANES] __attribute__((aligned(64)));
        double unpaired[LANES];

        for (int64_t c = 0; c < n_dim; c += 2) {
                draw_block(&counters, (uint32_t)(c / 2), word);
                box_muller(word, z + c * LANES, c + 1 < n_dim ? z + (c + 1) * LANES : unpaired);
        }
}

/* 1, which rounding may give, becomes the largest double below it. */
void rng_uniform(const struct rng_stream *stream, uint64_t first_particle, int64_t n_dim, double *restrict u)
{
        const struct counters counters = counters_of(stream, first_particle, n_dim);
        uint64_t word[WORDS][LANES] __attribute__((aligned(64)));
        require_tile(first_particle);

        for (int64_t c = 0; c < n_dim; c++) {
                const int64_t pair = 2 * (c % 2);
                if (c % 2 == 0)
                        draw_block(&counters, (uint32_t)(c / 2), word);
                for (int lane = 0; lane < LANES; lane++) {
                        const double value = unit_64(word[pair][lane], word[pair + 1][lane]);
                        u[c * LANES + lane] = value < 1 ? value : 1 - 0x1p-53;
                }
        }
}

/* ---- one particle, its coordinates side by side ---- */

/* The normals of 64 pairs of coordinates of one particle, in order: z[128]. */
static inline void normal_pairs(const struct counters *counters, uint32_t first_pair, double *restrict z)
{
        const struct counter_word c[WORDS] = {{.base = counters->particle}, {.base = first_pair, .slope = 1},
                                              {.base = counters->step}, {.base = counters->rest}};
        uint64_t word[WORDS][LANES] __attribute__((aligned(64)));
        double even[LANES] __attribute__((aligned(64))), odd[LANES] __attribute__((aligned(64)));
        draw_words(counters, c, word);
        box_muller(word, even, odd);
        for (int i = 0; i < LANES; i++) {
                z[2 * i] = even[i];
                z[2 * i + 1] = odd[i];
        }
}

void rng_normal_row(const struct rng_stream *stream, uint64_t particle, int64_t first, int64_t n, double *restrict z)
{
        const struct counters counters = counters_of(stream, particle, first + n);
        double block[2 * LANES] __attribute__((aligned(64)));
        const int64_t end = first + n;
        for (int64_t at = first - first % 2; at < end; at += 2 * LANES) {
                if (at >= first && at + 2 * LANES <= end) {
                        normal_pairs(&counters, (uint32_t)(at / 2), z + (at - first));
                        continue;
                }
                normal_pairs(&counters, (uint32_t)(at / 2), block);
                for (int64_t i = at < first ? first : at; i < at + 2 * LANES && i < end; i++)
                        z[i - first] = block[i - at];
        }
}

void rng_uniform_one(const struct rng_stream *stream, uint64_t particle, int64_t n, double *restrict u)
{
        const struct counters counters = counters_of(stream, particle, n);
        const uint32_t key[2] = {counters.key[0], counters.key[1]};
        for (int64_t c = 0; c < n; c++) {
                const uint32_t counter[4] = {counters.particle, (uint32_t)(c / 2), counters.step, counters.rest};
                uint32_t out[4];
                philox4x32_10(counter, key, out);
                const double value = unit_64(out[2 * (c % 2)], out[2 * (c % 2) + 1]);
                u[c] = value < 1 ? value : 1 - 0x1p-53;
        }
}

/* ---- any 64 particles, each at a place of its own ---- */

void rng_normal_each(uint64_t seed, enum rng_purpose purpose, const struct rng_each *each, int64_t n_dim,
                     double *restrict z)
{
        const struct counters counters = {.key = {(uint32_t)seed, (uint32_t)(seed >> 32)}};
        _Alignas(64) uint64_t particle[LANES], step[LANES], rest[LANES], word[WORDS][LANES];
        double unpaired[LANES];
        bool outside = n_dim > RNG_MAX_COORDINATES;
        for (int lane = 0; lane < LANES; lane++) {
                outside |= each->level[lane] >= RNG_MAX_LEVELS || each->stage[lane] >= RNG_MAX_STAGES ||
                           each->particle[lane] >= (uint64_t)RNG_MAX_PARTICLES;
                particle[lane] = each->particle[lane] & LOW_WORD;
                step[lane] = each->step[lane];
                rest[lane] = each->particle[lane] >> 32 << 24 | (uint64_t)each->level[lane] << 12 |
                             (uint64_t)each->stage[lane] << 6 | (uint64_t)purpose;
        }
        if (outside)
                fatal("no random numbers for one of 64 particles: outside the counter");

        for (int64_t c = 0; c < n_dim; c += 2) {
                const struct counter_word counter[WORDS] = {{.of = particle}, {.base = (uint32_t)(c / 2)},
                                                            {.of = step}, {.of = rest}};
                draw_words(&counters, counter, word);
                box_muller(word, z + c * LANES, c + 1 < n_dim ? z + (c + 1) * LANES : unpaired);
        }
}

/* ---- modes: keyed by wavevector ---- */

void rng_normal_modes(const struct rng_stream *stream, uint64_t particle, const uint64_t *restrict low,
                      const uint64_t *restrict high, double *restrict z_0, double *restrict z_1)
{
        const struct counters counters = counters_of(stream, particle, 0);
        const struct counter_word c[WORDS] = {{.base = counters.particle}, {.of = low}, {.of = high},
                                              {.base = counters.rest}};
        uint64_t word[WORDS][LANES] __attribute__((aligned(64)));
        draw_words(&counters, c, word);
        box_muller(word, z_0, z_1);
}
