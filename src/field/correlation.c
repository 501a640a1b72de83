/* The correlation function xi(r) = <f(y) f(y + x)> over y and over the separations x of a bin, |x| to the nearest of
 * the periodic images. From sums over y that a transform made of |F_k|^2. */
#include <stdlib.h>
#include <string.h>

#include "field/estimators.h"
#include "sculptor/memory.h"

static void add_plane(const struct estimators *estimators, size_t plane, const double *products, double *leaf)
{
        const struct mesh *mesh = estimators->mesh;
        const struct bins *bins = &estimators->separations;
        const double plane_square = bins->square[0][(size_t)mesh->plane_begin + plane];
        const size_t n_x = (size_t)mesh->n[mesh->n_axes - 1], n_rows = mesh->plane_cells / n_x;
        const double *x_square = bins->square[mesh->n_axes - 1];
        for (size_t y = 0; y < n_rows; y++)
                for (size_t x = 0; x < n_x; x++) {
                        const double in_plane = mesh->n_axes == 3 ? bins->square[1][y] + x_square[x] : x_square[x];
                        leaf[bins_of(bins, plane_square + in_plane)] += products[y * n_x + x];
                }
}

void correlation_of(const struct estimators *estimators, const double *products, double *correlation)
{
        const struct mesh *mesh = estimators->mesh;
        const struct bins *bins = &estimators->separations;
        const size_t n = bins->last + 2;
        double *leaf = allocate(n, sizeof *leaf);
        struct tree_sum *sum = tree_sum_create(n);
        for (size_t p = 0; p < mesh->n_planes_here; p++) {
                memset(leaf, 0, n * sizeof *leaf);
                add_plane(estimators, p, products + p * mesh->plane_stride, leaf);
                tree_sum_add(sum, mesh->plane_begin + (int64_t)p, leaf);
        }
        tree_sum_finish_domain(sum, leaf);
        for (size_t b = 0; b <= bins->last; b++)
                correlation[b] = leaf[b] / (bins->count[b] * (double)mesh->n_cells);
        free(leaf);
}
