/* Periodic convolutions of 3 x 3 or 3 x 3 x 3 cells in float32, whose bits do not depend on the processor: every result
 * is one chain of fmaf() in the order written below.
 *
 * A field of several channels lies in chunks of 16 of them, value[chunk][cell][16]; channels that fill up the last chunk
 * are 0 and stay it. One channel alone is value[cell], "narrow". Cells are those of a box with a halo of one cell around
 * it, (z, y, x) with x fastest; two dimensions have one z without halo. So what a tap reads of a row of cells, its three
 * columns and 16 channels, is one run of 48 floats, and the next cell's begins 16 further. [Georganas et al. 2018] */
#ifndef SCULPTOR_NETWORK_CONV_H
#define SCULPTOR_NETWORK_CONV_H

#include <stdbool.h>
#include <stddef.h>

enum { CONV_CHUNK = 16 };

/* The box. `depth` is how many planes a tap has: 3, or 1 in two dimensions. */
struct conv_grid { size_t planes, rows, width, depth; };

/* n along z, y, x; n[0] is not looked at in two dimensions. */
static inline struct conv_grid conv_grid(int n_axes, size_t planes, size_t rows, size_t width)
{
        return (struct conv_grid){n_axes == 3 ? planes : 1, rows, width, n_axes == 3 ? 3 : 1};
}

static inline size_t conv_row_cells(const struct conv_grid *grid) /* with halo */
{
        return grid->width + 2;
}

static inline size_t conv_plane_cells(const struct conv_grid *grid)
{
        return (grid->rows + 2) * conv_row_cells(grid);
}

static inline size_t conv_cells(const struct conv_grid *grid)
{
        return (grid->planes + grid->depth - 1) * conv_plane_cells(grid);
}

/* Where row y of plane z begins, without halo: its cell x = 0. */
static inline size_t conv_row(const struct conv_grid *grid, size_t z, size_t y)
{
        return (z + grid->depth / 2) * conv_plane_cells(grid) + (y + 1) * conv_row_cells(grid) + 1;
}

static inline size_t conv_taps(const struct conv_grid *grid)
{
        return 9 * grid->depth;
}

static inline size_t conv_chunks(size_t n_channels)
{
        return (n_channels + CONV_CHUNK - 1) / CONV_CHUNK;
}

static inline size_t conv_lanes(size_t n_channels) /* floats of a cell in a chunk */
{
        return n_channels == 1 ? 1 : CONV_CHUNK;
}

static inline size_t conv_size(const struct conv_grid *grid, size_t n_channels) /* floats of a field */
{
        return conv_chunks(n_channels) * conv_cells(grid) * conv_lanes(n_channels);
}

/* Copies the box's faces to the halo of the other side. */
void conv_halo(const struct conv_grid *grid, size_t n_channels, float *field);

/* ---- weights: w[out][in][z][y][x], as PyTorch has them; not both numbers of channels are 1 ---- */

struct conv_shape { size_t n_in, n_out; };

size_t conv_packed_size(struct conv_shape shape, size_t taps);
void conv_pack(struct conv_shape shape, size_t taps, const float *restrict w, float *restrict packed);
/* For the transpose, which is a convolution of shape {n_out, n_in} with the taps in reverse. */
void conv_pack_transposed(struct conv_shape shape, size_t taps, const float *restrict w, float *restrict packed);

/* out(x, o) = (base(x, o) + bias(o)) + sum over (chunk of in, z, y, x, channel of it), in this order, of w in(x + tap).
 * bias[16 * chunks of n_out] or NULL: 0; base is a field like out, may be out, or NULL: 0. in has its halo; that of out is
 * left as it is. Where n_out is 1: 16 such chains, one of each channel of a chunk and each from 0, over (chunk, z, y, x),
 * whose ends are added i with i + 8, then with i + 4, i + 2, i + 1, and bias[0] to that; no base. */
void conv_apply(const struct conv_grid *grid, struct conv_shape shape, const float *restrict packed, const float *bias,
                const float *restrict in, const float *base, float *out);

/* ---- gradients of them ---- */

/* Adds to gradient[n_out][n_in][taps] the sums over cells of in(x + tap, i) d(x, o), each one chain from 0 over (z, y, x).
 * in has its halo; where n_out is 1 d has, and the sum is over in(x) d(x - tap). work[256 * taps] is overwritten. */
void conv_gradient(const struct conv_grid *grid, struct conv_shape shape, const float *restrict in,
                   const float *restrict d, float *restrict work, float *restrict gradient);

/* Adds to gradient[n] the sums over cells of d: of each row, then of rows. */
void conv_bias_gradient(const struct conv_grid *grid, size_t n, const float *restrict d, float *restrict gradient);

#endif
