/* Fields between levels, and between the mesh and the network. Local. */
#include <string.h>

#include "network/unet.h"

/* to[x] = factor * (the sum so far + a pair of cells), or only adds the pair to it */
static void gather_row(size_t width, const float *restrict from, float *restrict to, bool first)
{
        for (size_t x = 0; x < width * CONV_CHUNK; x += CONV_CHUNK)
                for (size_t i = 0; i < CONV_CHUNK; i++) {
                        const float pair = from[2 * x + i] + from[2 * x + CONV_CHUNK + i];
                        to[x + i] = first ? pair : to[x + i] + pair;
                }
}

void unet_gather(const struct conv_grid *fine, const struct conv_grid *coarse, size_t n, float factor,
                 const float *restrict from, float *restrict to)
{
        const size_t sheets = coarse->depth > 1 ? 2 : 1; /* of the fine one in one of the coarse */
        for (size_t chunk = 0; chunk < conv_chunks(n); chunk++)
                for (size_t row = 0; row < coarse->planes * coarse->rows; row++) {
                        const size_t z = row / coarse->rows, y = row % coarse->rows;
                        float *out = to + (chunk * conv_cells(coarse) + conv_row(coarse, z, y)) * CONV_CHUNK;
                        for (size_t part = 0; part < 2 * sheets; part++) {
                                const size_t cell = conv_row(fine, sheets * z + part / 2, 2 * y + part % 2);
                                gather_row(coarse->width, from + (chunk * conv_cells(fine) + cell) * CONV_CHUNK, out,
                                           part == 0);
                        }
                        for (size_t i = 0; i < coarse->width * CONV_CHUNK; i++)
                                out[i] *= factor;
                }
}

static void spread_row(size_t width, float factor, const float *restrict from, const float *base, float *to)
{
        for (size_t x = 0; x < width * CONV_CHUNK; x += CONV_CHUNK)
                for (size_t i = 0; i < CONV_CHUNK; i++) {
                        const float value = factor * from[x + i];
                        to[2 * x + i] = base[2 * x + i] + value;
                        to[2 * x + CONV_CHUNK + i] = base[2 * x + CONV_CHUNK + i] + value;
                }
}

void unet_spread(const struct conv_grid *fine, const struct conv_grid *coarse, size_t n, float factor,
                 const float *restrict from, const float *base, float *to)
{
        const size_t sheets = coarse->depth > 1 ? 2 : 1;
        for (size_t chunk = 0; chunk < conv_chunks(n); chunk++)
                for (size_t row = 0; row < fine->planes * fine->rows; row++) {
                        const size_t z = row / fine->rows, y = row % fine->rows;
                        const size_t cell = (chunk * conv_cells(fine) + conv_row(fine, z, y)) * CONV_CHUNK;
                        const size_t above = chunk * conv_cells(coarse) + conv_row(coarse, z / sheets, y / 2);
                        spread_row(coarse->width, factor, from + above * CONV_CHUNK, base + cell, to + cell);
                }
}

/* ---- the mesh ---- */

/* Where a row of cells lies in memory of the mesh: a plane of two dimensions is one row. */
static size_t mesh_row(const struct mesh *mesh, const struct conv_grid *grid, size_t z, size_t y)
{
        return mesh->n_axes == 3 ? z * mesh->plane_stride + y * grid->width : y * mesh->plane_stride;
}

void unet_pack(const struct mesh *mesh, const struct conv_grid *grid, const double *restrict field, float *restrict to)
{
        for (size_t z = 0; z < grid->planes; z++)
                for (size_t y = 0; y < grid->rows; y++) {
                        const double *from = field + mesh_row(mesh, grid, z, y);
                        float *row = to + conv_row(grid, z, y);
                        for (size_t x = 0; x < grid->width; x++)
                                row[x] = (float)from[x];
                }
}

void unet_unpack(const struct mesh *mesh, const struct conv_grid *grid, const float *restrict from,
                 double *restrict field)
{
        for (size_t plane = 0; plane < mesh->n_planes_here; plane++)
                for (size_t i = mesh->plane_cells; i < mesh->plane_stride; i++)
                        field[plane * mesh->plane_stride + i] = 0;
        for (size_t z = 0; z < grid->planes; z++)
                for (size_t y = 0; y < grid->rows; y++) {
                        const float *row = from + conv_row(grid, z, y);
                        double *to = field + mesh_row(mesh, grid, z, y);
                        for (size_t x = 0; x < grid->width; x++)
                                to[x] = (double)row[x];
                }
}
