/* Convolutions, forward: a register tile is a run of cells of a row by one chunk of channels. Sums are cut so
 * that weights stay in the first-level cache for a row; that changes no bit. */
#include "network/conv.h"

#include <string.h>

#include "network/conv_tile.h"

/* ---- halo ---- */

void conv_halo(const struct conv_grid *grid, size_t n_channels, float *field)
{
        const size_t lanes = conv_lanes(n_channels), row = conv_row_cells(grid) * lanes;
        const size_t plane = conv_plane_cells(grid) * lanes, cell = lanes * sizeof *field;
        for (size_t chunk = 0; chunk < conv_chunks(n_channels); chunk++, field += conv_cells(grid) * lanes) {
                for (size_t z = 0; z < grid->planes; z++) {
                        for (size_t y = 0; y < grid->rows; y++) {
                                float *first = field + conv_row(grid, z, y) * lanes;
                                memcpy(first - lanes, first + (grid->width - 1) * lanes, cell);
                                memcpy(first + grid->width * lanes, first, cell);
                        }
                        float *sheet = field + (z + grid->depth / 2) * plane;
                        memcpy(sheet, sheet + grid->rows * row, row * sizeof *field);
                        memcpy(sheet + (grid->rows + 1) * row, sheet + row, row * sizeof *field);
                }
                if (grid->depth > 1) {
                        memcpy(field, field + grid->planes * plane, plane * sizeof *field);
                        memcpy(field + (grid->planes + 1) * plane, field + plane, plane * sizeof *field);
                }
        }
}

/* ---- packing: [chunk of out][chunk of in][z, y, x][channel of in][16], narrow: [chunk of in][z, y, x][16] ---- */

size_t conv_packed_size(struct conv_shape shape, size_t taps)
{
        const size_t in = conv_chunks(shape.n_in) * conv_lanes(shape.n_in);
        return taps * in * conv_chunks(shape.n_out) * conv_lanes(shape.n_out);
}

/* w of (o, i, tap) at o * of_out + i * of_in + tap. */
static void pack(struct conv_shape shape, size_t taps, const float *restrict w, size_t of_out, size_t of_in,
                 bool reverse, float *restrict packed)
{
        const size_t in_lanes = conv_lanes(shape.n_in), out_lanes = conv_lanes(shape.n_out);
        for (size_t out = 0; out < shape.n_out; out += out_lanes)
                for (size_t in = 0; in < shape.n_in; in += in_lanes)
                        for (size_t tap = 0; tap < taps; tap++)
                                for (size_t i = in; i < in + in_lanes; i++)
                                        for (size_t o = out; o < out + out_lanes; o++)
                                                *packed++ = i < shape.n_in && o < shape.n_out
                                                                    ? w[o * of_out + i * of_in +
                                                                        (reverse ? taps - 1 - tap : tap)]
                                                                    : 0;
}

void conv_pack(struct conv_shape shape, size_t taps, const float *restrict w, float *restrict packed)
{
        pack(shape, taps, w, shape.n_in * taps, taps, false, packed);
}

void conv_pack_transposed(struct conv_shape shape, size_t taps, const float *restrict w, float *restrict packed)
{
        pack((struct conv_shape){shape.n_out, shape.n_in}, taps, w, taps, shape.n_in * taps, true, packed);
}

/* ---- application ---- */

/* What tiles of one chunk of out have in common. A slab is one chunk of in and one z of the taps. */
struct pass {
        size_t slabs, depth;
        size_t chunk, plane, row; /* floats from one of in to the next */
        const float *bias;        /* of this chunk, or NULL */
};

enum { CUT_SLABS = 2 }; /* whose weights, 18 KiB, stay in the first-level cache for the tiles of a row */

/* Slabs first .. last - 1 of the sum; `in` is at the tile's first tap, w at the first of these slabs. Sums begin from
 * base and bias or, `further`, from what out holds. */
static CONV_INLINE void apply_tile(int rows, const struct pass *pass, size_t lanes, size_t first, size_t last,
                                   const float *restrict in, const float *restrict w, const float *base, float *out)
{
        vector acc[VECTOR_ROWS][CONV_NV];
        if (first > 0)
                conv_tile_load(rows, out, acc);
        else
#pragma GCC unroll 4
                for (int v = 0; v < CONV_NV; v++) {
                        const vector bias = pass->bias ? vector_load(pass->bias + v * VECTOR_FLOATS) : vector_all(0);
#pragma GCC unroll 16
                        for (int r = 0; r < rows; r++)
                                acc[r][v] = base ? vector_add(vector_load(base + r * CONV_CHUNK + v * VECTOR_FLOATS),
                                                              bias)
                                                 : bias;
                }
        for (size_t slab = first; slab < last; slab++) {
                const float *from = in + slab / pass->depth * pass->chunk + slab % pass->depth * pass->plane;
                for (size_t y = 0; y < 3; y++, w += 3 * lanes * CONV_CHUNK)
                        conv_accumulate(rows, 3 * lanes, from + y * pass->row, 1, lanes, w, acc);
        }
        conv_tile_store(rows, acc, out);
}

static void apply_row(const struct pass *pass, size_t width, size_t lanes, const float *restrict in,
                      const float *restrict w, const float *base, float *out)
{
        for (size_t s = 0, last; s < pass->slabs; s = last, w += CUT_SLABS * 9 * lanes * CONV_CHUNK) {
                last = pass->slabs - s < CUT_SLABS ? pass->slabs : s + CUT_SLABS;
                for (size_t x = 0, rows; x < width; x += rows) {
                        rows = conv_tile_rows(width - x);
                        const float *b = base ? base + x * CONV_CHUNK : NULL;
                        float *to = out + x * CONV_CHUNK;
                        if (lanes == 1)
                                CONV_WITH_ROWS(rows, apply_tile, pass, 1, s, last, in + x, w, b, to)
                        else
                                CONV_WITH_ROWS(rows, apply_tile, pass, CONV_CHUNK, s, last, in + x * CONV_CHUNK, w, b,
                                               to)
                }
        }
}

/* One channel of results: sums of lanes, then over them. */
static CONV_INLINE void narrow_tile(int rows, const struct pass *pass, const float *restrict in,
                                    const float *restrict w, float *restrict out)
{
        vector acc[VECTOR_ROWS][CONV_NV];
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
                for (int v = 0; v < CONV_NV; v++)
                        acc[r][v] = vector_all(0);
        for (size_t line = 0; line < 3 * pass->slabs; line++) { /* of three taps */
                const float *from = in + line / 3 / pass->depth * pass->chunk + line / 3 % pass->depth * pass->plane +
                                    line % 3 * pass->row;
                for (size_t x = 0; x < 3; x++, from += CONV_CHUNK, w += CONV_CHUNK)
#pragma GCC unroll 4
                        for (int v = 0; v < CONV_NV; v++) {
                                const vector factor = vector_load(w + v * VECTOR_FLOATS);
#pragma GCC unroll 16
                                for (int r = 0; r < rows; r++)
                                        acc[r][v] = vector_fma(vector_load(from + r * CONV_CHUNK + v * VECTOR_FLOATS),
                                                               factor, acc[r][v]);
                        }
        }
        float sum[VECTOR_ROWS][CONV_CHUNK];
        conv_tile_store(rows, acc, sum[0]);
        for (int r = 0; r < rows; r++) {
                for (int half = CONV_CHUNK / 2; half > 0; half /= 2)
                        for (int i = 0; i < half; i++)
                                sum[r][i] += sum[r][i + half];
                out[r] = sum[r][0] + (pass->bias ? pass->bias[0] : 0);
        }
}

static void narrow_row(const struct pass *pass, size_t width, const float *restrict in, const float *restrict w,
                       float *restrict out)
{
        for (size_t x = 0, rows; x < width; x += rows) {
                rows = conv_tile_rows(width - x);
                CONV_WITH_ROWS(rows, narrow_tile, pass, in + x * CONV_CHUNK, w, out + x)
        }
}

void conv_apply(const struct conv_grid *grid, struct conv_shape shape, const float *restrict packed, const float *bias,
                const float *restrict in, const float *base, float *out)
{
        const size_t lanes = conv_lanes(shape.n_in), out_lanes = conv_lanes(shape.n_out), cells = conv_cells(grid);
        struct pass pass = {.slabs = conv_chunks(shape.n_in) * grid->depth, .depth = grid->depth, .chunk = cells * lanes,
                            .plane = conv_plane_cells(grid) * lanes, .row = conv_row_cells(grid) * lanes};
        const size_t of_weights = conv_packed_size(shape, conv_taps(grid)) / conv_chunks(shape.n_out);
        for (size_t chunk = 0; chunk < conv_chunks(shape.n_out); chunk++, packed += of_weights) {
                pass.bias = bias ? bias + chunk * CONV_CHUNK : NULL;
                for (size_t z = 0; z < grid->planes; z++)
                        for (size_t y = 0; y < grid->rows; y++) {
                                const float *first = in + z * pass.plane +
                                                     y * pass.row; /* the tap before it along each axis */
                                const size_t to = (chunk * cells + conv_row(grid, z, y)) * out_lanes;
                                if (out_lanes == 1)
                                        narrow_row(&pass, grid->width, first, packed, out + to);
                                else
                                        apply_row(&pass, grid->width, lanes, first, packed, base ? base + to : NULL,
                                                  out + to);
                        }
        }
}
