/* Vectors of floats for the kernels of networks, and the one operation that decides their bits: a b + c rounded once.
 * Where the processor has no such instruction fmaf() computes the same, slowly. */
#ifndef SCULPTOR_NETWORK_VECTOR_H
#define SCULPTOR_NETWORK_VECTOR_H

#if defined __AVX512F__
#include <immintrin.h>
typedef __m512 vector;
enum { VECTOR_FLOATS = 16, VECTOR_ROWS = 8 }; /* rows of a register tile */
static inline vector vector_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void vector_store(float *p, vector a) { _mm512_storeu_ps(p, a); }
static inline vector vector_all(float a) { return _mm512_set1_ps(a); }
static inline vector vector_fma(vector a, vector b, vector c) { return _mm512_fmadd_ps(a, b, c); }
static inline vector vector_add(vector a, vector b) { return _mm512_add_ps(a, b); }
#elif defined __AVX2__ && defined __FMA__
#include <immintrin.h>
typedef __m256 vector;
enum { VECTOR_FLOATS = 8, VECTOR_ROWS = 6 };
static inline vector vector_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void vector_store(float *p, vector a) { _mm256_storeu_ps(p, a); }
static inline vector vector_all(float a) { return _mm256_set1_ps(a); }
static inline vector vector_fma(vector a, vector b, vector c) { return _mm256_fmadd_ps(a, b, c); }
static inline vector vector_add(vector a, vector b) { return _mm256_add_ps(a, b); }
#else
typedef float vector __attribute__((vector_size(16)));
enum { VECTOR_FLOATS = 4, VECTOR_ROWS = 4 };
static inline vector vector_load(const float *p)
{
        vector a;
        __builtin_memcpy(&a, p, sizeof a);
        return a;
}
static inline void vector_store(float *p, vector a) { __builtin_memcpy(p, &a, sizeof a); }
static inline vector vector_all(float a) { return (vector){a, a, a, a}; }
static inline vector vector_fma(vector a, vector b, vector c)
{
        for (int i = 0; i < VECTOR_FLOATS; i++)
                c[i] = __builtin_fmaf(a[i], b[i], c[i]);
        return c;
}
static inline vector vector_add(vector a, vector b) { return a + b; }
#endif

#endif
