/* Vectors of floats for the kernels of networks, and the one operation that decides their bits: a b + c rounded once.
 * Where the processor has no such instruction fmaf() computes the same, slowly. */
#ifndef SCULPTOR_NETWORK_VECTOR_H
#define SCULPTOR_NETWORK_VECTOR_H

#if defined __AVX512F__
#include <immintrin.h>
typedef __m512 vector;
enum { VECTOR_FLOATS = 16, VECTOR_ROWS = 12 }; /* rows of a register tile */
#define VECTOR_HIGH_TILES
static inline vector vector_load(const float *p)
{
        return _mm512_loadu_ps(p);
}
static inline void vector_store(float *p, vector a)
{
        _mm512_storeu_ps(p, a);
}
static inline vector vector_all(float a)
{
        return _mm512_set1_ps(a);
}
static inline vector vector_fma(vector a, vector b, vector c)
{
        return _mm512_fmadd_ps(a, b, c);
}
static inline vector vector_add(vector a, vector b)
{
        return _mm512_add_ps(a, b);
}
#elif defined __AVX2__ && defined __FMA__
#include <immintrin.h>
typedef __m256 vector;
enum { VECTOR_FLOATS = 8, VECTOR_ROWS = 6 };
static inline vector vector_load(const float *p)
{
        return _mm256_loadu_ps(p);
}
static inline void vector_store(float *p, vector a)
{
        _mm256_storeu_ps(p, a);
}
static inline vector vector_all(float a)
{
        return _mm256_set1_ps(a);
}
static inline vector vector_fma(vector a, vector b, vector c)
{
        return _mm256_fmadd_ps(a, b, c);
}
static inline vector vector_add(vector a, vector b)
{
        return _mm256_add_ps(a, b);
}
#else
typedef float vector __attribute__((vector_size(16)));
enum { VECTOR_FLOATS = 4, VECTOR_ROWS = 6 };
static inline vector vector_load(const float *p)
{
        vector a;
        __builtin_memcpy(&a, p, sizeof a);
        return a;
}
static inline void vector_store(float *p, vector a)
{
        __builtin_memcpy(p, &a, sizeof a);
}
static inline vector vector_all(float a)
{
        return (vector){a, a, a, a};
}
static inline vector vector_fma(vector a, vector b, vector c)
{
        for (int i = 0; i < VECTOR_FLOATS; i++)
                c[i] = __builtin_fmaf(a[i], b[i], c[i]);
        return c;
}
static inline vector vector_add(vector a, vector b)
{
        return a + b;
}
#endif

/* out[i][j] = in[j][i], 16 by 16. */
#if defined __AVX2__
static inline void vector_transpose_8(const float *restrict in, float *restrict out)
{
        __m256 a[8], b[8];
        for (int i = 0; i < 8; i++) /* rows i and i + 4 by halves, so that the rest stays within halves */
                a[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(in + 16 * (i % 4) + 4 * (i / 4))),
                                            _mm_loadu_ps(in + 16 * (i % 4 + 4) + 4 * (i / 4)), 1);
        for (int i = 0; i < 8; i += 2) {
                b[i] = _mm256_unpacklo_ps(a[i], a[i + 1]);
                b[i + 1] = _mm256_unpackhi_ps(a[i], a[i + 1]);
        }
        for (int half = 0; half < 8; half += 4) {
                _mm256_storeu_ps(out + 16 * half, _mm256_shuffle_ps(b[half], b[half + 2], 0x44));
                _mm256_storeu_ps(out + 16 * (half + 1), _mm256_shuffle_ps(b[half], b[half + 2], 0xee));
                _mm256_storeu_ps(out + 16 * (half + 2), _mm256_shuffle_ps(b[half + 1], b[half + 3], 0x44));
                _mm256_storeu_ps(out + 16 * (half + 3), _mm256_shuffle_ps(b[half + 1], b[half + 3], 0xee));
        }
}
static inline void vector_transpose_16(const float *restrict in, float *restrict out)
{
        for (int i = 0; i < 16; i += 8)
                for (int j = 0; j < 16; j += 8)
                        vector_transpose_8(in + 16 * j + i, out + 16 * i + j);
}
#else
static inline void vector_transpose_16(const float *restrict in, float *restrict out)
{
        for (int i = 0; i < 16; i++)
                for (int j = 0; j < 16; j++)
                        out[16 * i + j] = in[16 * j + i];
}
#endif

#endif
