#include "field/bins.h"

#include <stdlib.h>

#include "field/mesh_geometry.h"
#include "sculptor/memory.h"

/* Places +i and -i of an axis, which are one at 0 and in the middle. */
static double twins(int64_t i, int64_t n)
{
        return i == 0 || 2 * i == n ? 1 : 2;
}

/* One orthant stands for all. Sums go plane by plane, which keeps their rounding small. */
static void count_members(struct bins *bins, const int64_t *n, double width)
{
        double *plane = allocate(2 * (bins->last + 2), sizeof *plane), *distance = plane + bins->last + 2;
        for (int64_t i = 0; i <= n[0] / 2; i++) {
                for (size_t b = 0; b <= bins->last + 1; b++)
                        plane[b] = distance[b] = 0;
                for (int64_t j = 0; j <= n[1] / 2; j++)
                        for (int64_t k = 0; k <= n[2] / 2; k++) {
                                const double square = bins->square[0][i] + (bins->square[1][j] + bins->square[2][k]);
                                const double members = twins(j, n[1]) * twins(k, n[2]);
                                const size_t bin = bins_of(bins, square);
                                plane[bin] += members;
                                distance[bin] += members * sqrt(square);
                        }
                for (size_t b = 0; b <= bins->last; b++) {
                        bins->count[b] += twins(i, n[0]) * plane[b];
                        bins->mean[b] += twins(i, n[0]) * distance[b];
                }
        }
        for (size_t b = 0; b <= bins->last; b++)
                bins->mean[b] *= width / bins->count[b];
        free(plane);
}

struct bins bins_create(const struct mesh *mesh, const double *unit, double width, size_t last)
{
        struct bins bins = {.last = last};
        int64_t n[MESH_MAX_AXES];
        for (int axis = 0; axis < MESH_MAX_AXES; axis++) {
                n[axis] = axis < mesh->n_axes ? mesh->n[axis] : 1;
                bins.square[axis] = allocate((size_t)n[axis], sizeof *bins.square[axis]);
                for (int64_t i = 0; axis < mesh->n_axes && i < n[axis]; i++) {
                        const double place = mesh_folded(i, n[axis]) * (unit[axis] / width);
                        bins.square[axis][i] = place * place;
                }
        }
        bins.count = allocate(last + 2, sizeof *bins.count);
        bins.mean = allocate(last + 2, sizeof *bins.mean);
        count_members(&bins, n, width);
        return bins;
}

void bins_release(struct bins *bins)
{
        for (int axis = 0; axis < MESH_MAX_AXES; axis++)
                free(bins->square[axis]);
        free(bins->count);
        free(bins->mean);
}
