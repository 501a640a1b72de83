#include "sculptor/sample_distance.h"

#include <math.h>
#include <stdlib.h>

#include "sculptor/memory.h"
#include "sculptor/rng.h"

enum { DIRECTIONS = 64 };

static int ascending(const void *a, const void *b)
{
        const double x = *(const double *)a, y = *(const double *)b;
        return (x > y) - (x < y);
}

static double *projected(const double *points, int64_t n, int64_t n_dim, const double *direction)
{
        double *along = allocate((size_t)n, sizeof *along);
        for (int64_t i = 0; i < n; i++)
                for (int64_t c = 0; c < n_dim; c++)
                        along[i] = fma(points[i * n_dim + c], direction[c], along[i]);
        qsort(along, (size_t)n, sizeof *along, ascending);
        return along;
}

double sample_distance_sliced(const double *a, const double *b, int64_t n, int64_t n_dim, uint64_t seed)
{
        double *direction = allocate((size_t)n_dim, sizeof *direction), sum = 0;
        for (uint32_t k = 0; k < DIRECTIONS; k++) {
                const struct rng_stream stream = {.seed = seed, .purpose = RNG_PROBE, .step = k, .stage = 5};
                rng_normal_row(&stream, 0, 0, n_dim, direction);
                double length = 0, square = 0;
                for (int64_t c = 0; c < n_dim; c++)
                        length = fma(direction[c], direction[c], length);
                for (int64_t c = 0; c < n_dim; c++)
                        direction[c] /= sqrt(length);
                double *of_a = projected(a, n, n_dim, direction), *of_b = projected(b, n, n_dim, direction);
                for (int64_t i = 0; i < n; i++)
                        square = fma(of_a[i] - of_b[i], of_a[i] - of_b[i], square);
                sum += square / (double)n;
                free(of_a);
                free(of_b);
        }
        free(direction);
        return sqrt(sum / DIRECTIONS);
}

struct sample_moments sample_distance_moments(const double *value, int64_t n, int64_t stride)
{
        double mean = 0, second = 0, fourth = 0;
        for (int64_t i = 0; i < n; i++)
                mean += value[i * stride] / (double)n;
        for (int64_t i = 0; i < n; i++) {
                const double d = value[i * stride] - mean, square = d * d;
                second += square / (double)(n - 1);
                fourth += square * square / (double)n;
        }
        return (struct sample_moments){mean, sqrt(second / (double)n), second,
                                       sqrt(fmax(fourth - second * second, 0) / (double)n)};
}
