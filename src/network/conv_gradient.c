/* Gradients of convolutions: a register tile is a few (column of taps, channel of in) by one chunk of channels of d, and
 * stays through as many cells as leave both fields in the first-level cache. */
#include "network/conv.h"
#include "network/conv_tile.h"

#include <string.h>

enum { CUT_CELLS = 128 };

struct pass { size_t n_rows, width, in_row, d_row; /* rows of cells, and floats from one to the next */ };

static CONV_INLINE void gradient_tile(int rows, const struct pass *pass, size_t lanes, const float *restrict in,
                                      const float *restrict d, float *restrict product)
{
        vector acc[VECTOR_ROWS][CONV_NV];
        conv_tile_load(rows, product, acc);
        for (size_t y = 0; y < pass->n_rows; y++)
                conv_accumulate(rows, pass->width, in + y * pass->in_row, lanes, 1, d + y * pass->d_row, acc);
        conv_tile_store(rows, acc, product);
}

/* Three columns of taps. */
static void gradient_columns(const struct pass *pass, size_t lanes, const float *restrict in, const float *restrict d,
                             float *restrict product)
{
        for (size_t i = 0, rows; i < 3 * lanes; i += rows) {
                rows = conv_tile_rows(3 * lanes - i);
                if (lanes == 1)
                        CONV_WITH_ROWS(rows, gradient_tile, pass, 1, in + i, d, product + i * CONV_CHUNK)
                else
                        CONV_WITH_ROWS(rows, gradient_tile, pass, CONV_CHUNK, in + i, d, product + i * CONV_CHUNK)
        }
}

/* product[z, y, x][channel of in][16] of one chunk of in and one of d. */
static void chunk_product(const struct conv_grid *grid, size_t lanes, const float *restrict in, const float *restrict d,
                          float *restrict product)
{
        struct pass pass = {.width = grid->width, .in_row = conv_row_cells(grid) * lanes,
                            .d_row = conv_row_cells(grid) * CONV_CHUNK};
        const size_t most = grid->width >= CUT_CELLS ? 1 : CUT_CELLS / grid->width;
        const size_t in_plane = conv_plane_cells(grid) * lanes;
        for (size_t z = 0; z < grid->planes; z++)
                for (size_t y = 0; y < grid->rows; y += pass.n_rows) {
                        pass.n_rows = grid->rows - y < most ? grid->rows - y : most;
                        const float *of_d = d + conv_row(grid, z, y) * CONV_CHUNK;
                        for (size_t tap = 0; tap < 3 * grid->depth; tap++) {
                                const float *of_in = in + (z + tap / 3) * in_plane + (y + tap % 3) * pass.in_row;
                                gradient_columns(&pass, lanes, of_in, of_d, product + tap * 3 * lanes * CONV_CHUNK);
                        }
                }
}

void conv_gradient(const struct conv_grid *grid, struct conv_shape shape, const float *restrict in,
                   const float *restrict d, float *restrict work, float *restrict gradient)
{
        const size_t taps = conv_taps(grid), cells = conv_cells(grid);
        const bool swapped = shape.n_out == 1; /* the narrow field is the one that is shifted */
        const size_t n_shifted = swapped ? 1 : shape.n_in, n_fixed = swapped ? shape.n_in : shape.n_out;
        const float *shifted = swapped ? d : in, *fixed = swapped ? in : d;
        const size_t lanes = conv_lanes(n_shifted);
        for (size_t f = 0; f < n_fixed; f += CONV_CHUNK)
                for (size_t s = 0; s < n_shifted; s += lanes) {
                        memset(work, 0, taps * lanes * CONV_CHUNK * sizeof *work);
                        chunk_product(grid, lanes, shifted + s * cells, fixed + f * cells, work);
                        for (size_t i = f; i < n_fixed && i < f + CONV_CHUNK; i++)
                                for (size_t j = s; j < n_shifted && j < s + lanes; j++)
                                        for (size_t tap = 0; tap < taps; tap++) {
                                                const float sum = work[(tap * lanes + j - s) * CONV_CHUNK + i - f];
                                                const size_t at = swapped ? i * taps + (taps - 1 - tap)
                                                                          : (i * n_shifted + j) * taps + tap;
                                                gradient[at] += sum;
                                        }
                }
}

void conv_bias_gradient(const struct conv_grid *grid, size_t n, const float *restrict d, float *restrict gradient)
{
        const size_t lanes = conv_lanes(n);
        for (size_t first = 0; first < n; first += lanes, d += conv_cells(grid) * lanes) {
                float sum[CONV_CHUNK] = {0};
                for (size_t z = 0; z < grid->planes; z++)
                        for (size_t y = 0; y < grid->rows; y++) {
                                const float *from = d + conv_row(grid, z, y) * lanes;
                                float of_row[CONV_CHUNK] = {0};
                                for (size_t x = 0; x < grid->width; x++)
                                        for (size_t i = 0; i < lanes; i++)
                                                of_row[i] += from[x * lanes + i];
                                for (size_t i = 0; i < lanes; i++)
                                        sum[i] += of_row[i];
                        }
                for (size_t i = 0; i < lanes && first + i < n; i++)
                        gradient[first + i] += sum[i];
        }
}
