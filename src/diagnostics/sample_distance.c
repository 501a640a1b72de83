#include "sculptor/sample_distance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/memory.h"
#include "sculptor/mesh.h"
#include "sculptor/rng.h"

enum { DIRECTIONS = 64 };

static int ascending(const void *a, const void *b)
{
        const double x = *(const double *)a, y = *(const double *)b;
        return (x > y) - (x < y);
}

/* n numbers, sorted; the caller frees. */
static double *sorted(const double *value, int64_t n)
{
        double *copy = allocate((size_t)n, sizeof *copy);
        memcpy(copy, value, (size_t)n * sizeof *copy);
        qsort(copy, (size_t)n, sizeof *copy, ascending);
        return copy;
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

double sample_distance_cells(const double *a, const double *b, int64_t n)
{
        double *of_a = sorted(a, n), *of_b = sorted(b, n), sum = 0;
        for (int64_t i = 0; i < n; i++)
                sum += fabs(of_a[i] - of_b[i]);
        free(of_a);
        free(of_b);
        return sum / (double)n;
}

double sample_distance_field_variance(const double *cells, int64_t n)
{
        return sample_distance_moments(cells, n, 1).variance;
}

double sample_distance_field_skewness(const double *cells, int64_t n)
{
        const struct sample_moments moments = sample_distance_moments(cells, n, 1);
        double third = 0;
        for (int64_t i = 0; i < n; i++) {
                const double d = cells[i] - moments.mean;
                third = fma(d * d, d, third);
        }
        return third / (double)n / pow(moments.variance, 1.5);
}

double sample_distance_field_tail(const double *cells, int64_t n)
{
        const struct sample_moments moments = sample_distance_moments(cells, n, 1);
        int64_t above = 0;
        for (int64_t i = 0; i < n; i++)
                above += cells[i] > moments.mean + 2 * sqrt(moments.variance);
        return (double)above / (double)n;
}

struct shell { double low, high, power, modes; };

static void add_block(void *owner, const struct mesh_block *block)
{
        struct shell *shell = owner;
        struct mode mode;
        for (mode_begin(block->mesh, block->index, &mode); mode_next(&mode);) {
                const double k = sqrt(mode.k_squared), re = block->value[2 * mode.index], im = block->value[2 * mode.index + 1];
                if (!(k >= shell->low && k < shell->high))
                        continue;
                shell->power += mode.weight * (re * re + im * im);
                shell->modes += mode.weight;
        }
}

double sample_distance_shell_power(const struct mesh *mesh, const double *cells, double low, double high)
{
        struct shell shell = {.low = low, .high = high};
        double *field = mesh_allocate(mesh);
        for (size_t p = 0; p < mesh->n_planes_here; p++)
                memcpy(field + p * mesh->plane_stride, cells + p * mesh->plane_cells, mesh->plane_cells * sizeof *field);
        mesh_forward(mesh, field, add_block, &shell);
        free(field);
        return shell.modes > 0 ? shell.power / shell.modes / (double)mesh->n_cells : NAN;
}
