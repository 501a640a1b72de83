/* SHA-256 [FIPS 180-4]: in plain C, and by the processor's own instructions where it has them. */
#include <stdio.h>
#include <string.h>

#include "sculptor/files.h"

static const uint32_t K[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, int n)
{
        return x >> n | x << (32 - n);
}

/* Section 6.2.2: one block after another into h. */
static void add_blocks(uint32_t h[8], const unsigned char *bytes, size_t n_blocks)
{
        for (; n_blocks > 0; n_blocks--, bytes += 64) {
                uint32_t w[64];
                for (int t = 0; t < 16; t++)
                        w[t] = (uint32_t)bytes[4 * t] << 24 | (uint32_t)bytes[4 * t + 1] << 16 |
                               (uint32_t)bytes[4 * t + 2] << 8 | bytes[4 * t + 3];
                for (int t = 16; t < 64; t++) {
                        uint32_t s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3;
                        uint32_t s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10;
                        w[t] = w[t - 16] + s0 + w[t - 7] + s1;
                }
                uint32_t v[8]; /* a b c d e f g h */
                memcpy(v, h, sizeof v);
                for (int t = 0; t < 64; t++) {
                        uint32_t s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
                        uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
                        uint32_t t1 = v[7] + s1 + choice + K[t] + w[t];
                        uint32_t s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
                        uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
                        memmove(v + 1, v, 7 * sizeof *v);
                        v[4] += t1;
                        v[0] = t1 + s0 + majority;
                }
                for (int i = 0; i < 8; i++)
                        h[i] += v[i];
        }
}

#if defined __x86_64__ && (defined __GNUC__ || defined __clang__)
#include <immintrin.h>

/* The same by the SHA extensions: sha256rnds2 does two rounds on the state held as (a b e f) and
 * (c d g h), sha256msg1 and sha256msg2 the message schedule four words at a time
 * [Intel, SHA Extensions, 2013]. Five times as fast. */
__attribute__((target("sha,sse4.1,ssse3"))) static void add_blocks_sha(uint32_t h[8], const unsigned char *bytes,
                                                                       size_t n_blocks)
{
        const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
        __m128i abcd = _mm_loadu_si128((const __m128i *)(const void *)h);
        __m128i efgh = _mm_loadu_si128((const __m128i *)(const void *)(h + 4));
        abcd = _mm_shuffle_epi32(abcd, 0xb1); /* lanes, high to low: c d a b */
        efgh = _mm_shuffle_epi32(efgh, 0x1b); /* e f g h */
        __m128i abef = _mm_alignr_epi8(abcd, efgh, 8);
        __m128i cdgh = _mm_blend_epi16(efgh, abcd, 0xf0);
        for (; n_blocks > 0; n_blocks--, bytes += 64) {
                const __m128i abef_before = abef, cdgh_before = cdgh;
                __m128i w[4];
                for (int i = 0; i < 4; i++)
                        w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(bytes + 16 * i)),
                                                big_endian);
#pragma GCC unroll 16
                for (int i = 0; i < 16; i++) { /* four rounds each; w[i % 4] holds words 4 i .. 4 i + 3 */
                        __m128i wk = _mm_add_epi32(w[i % 4],
                                                   _mm_loadu_si128((const __m128i *)(const void *)(K + 4 * i)));
                        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk);
                        abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0x0e));
                        if (i < 12) { /* the words of round i + 4 take the place of these */
                                __m128i next = _mm_sha256msg1_epu32(w[i % 4], w[(i + 1) % 4]);
                                next = _mm_add_epi32(next, _mm_alignr_epi8(w[(i + 3) % 4], w[(i + 2) % 4], 4));
                                w[i % 4] = _mm_sha256msg2_epu32(next, w[(i + 3) % 4]);
                        }
                }
                abef = _mm_add_epi32(abef, abef_before);
                cdgh = _mm_add_epi32(cdgh, cdgh_before);
        }
        __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
        _mm_storeu_si128((__m128i *)(void *)h, _mm_blend_epi16(feba, dchg, 0xf0));
        _mm_storeu_si128((__m128i *)(void *)(h + 4), _mm_alignr_epi8(dchg, feba, 8));
}

/* CPUID leaf 7, EBX bit 29: gcc 12's __builtin_cpu_supports() does not know "sha". */
#include <cpuid.h>

static void add_blocks_best(uint32_t h[8], const unsigned char *bytes, size_t n_blocks)
{
        static int has_sha = -1;
        if (has_sha < 0) {
                unsigned a, b = 0, c, d;
                has_sha = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & 1u << 29) && __builtin_cpu_supports("sse4.1");
        }
        if (has_sha)
                add_blocks_sha(h, bytes, n_blocks);
        else
                add_blocks(h, bytes, n_blocks);
}
#else
static void add_blocks_best(uint32_t h[8], const unsigned char *bytes, size_t n_blocks)
{
        add_blocks(h, bytes, n_blocks);
}
#endif

void sha256_begin(struct sha256 *sha)
{
        *sha = (struct sha256){.h = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
                                     0x5be0cd19}};
}

void sha256_add(struct sha256 *sha, const void *bytes, size_t n)
{
        const unsigned char *next = bytes;
        size_t held = sha->n_bytes % 64;
        sha->n_bytes += n;
        if (held > 0) {
                size_t take = n < 64 - held ? n : 64 - held;
                memcpy(sha->block + held, next, take);
                if (held + take < 64)
                        return;
                add_blocks_best(sha->h, sha->block, 1);
                next += take;
                n -= take;
        }
        add_blocks_best(sha->h, next, n / 64);
        if (n % 64 > 0)
                memcpy(sha->block, next + n / 64 * 64, n % 64);
}

void sha256_end(struct sha256 *sha, char hex[65])
{
        static const unsigned char padding[64] = {0x80};
        uint64_t n_bits = sha->n_bytes * 8;
        sha256_add(sha, padding, 1 + (119 - sha->n_bytes % 64) % 64);
        unsigned char length[8];
        for (int i = 0; i < 8; i++)
                length[i] = (unsigned char)(n_bits >> (56 - 8 * i));
        sha256_add(sha, length, sizeof length);
        for (int i = 0; i < 8; i++)
                snprintf(hex + 8 * i, 9, "%08x", (unsigned)sha->h[i]);
}
