/* The filters of a spectral network: G_c(|k|), piecewise linear between nodes equally spaced in ln |k|.
 *
 * Nodes are placed by the cells alone, at |k| cell = 2 pi/largest_scale ... pi sqrt(n_axes), cell = (cell
 * volume)^(1/n_axes), and filters are constant beyond, the mean mode included: so a network means the same on a larger
 * mesh of such cells. A network's field is made of doubles in Fourier space, as the mesh has them; gains and all that
 * only gradients need are floats. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "network/spectral.h"
#include "sculptor/memory.h"
#include "sculptor/vecmath.h"

#define PI 3.14159265358979323846

void spectral_place_nodes(struct spectral *spectral)
{
        const struct mesh *mesh = spectral->mesh;
        const double log_cell = vm_log(mesh->cell_volume) / mesh->n_axes;
        const double first = vm_log(2 * PI / spectral->settings->largest_scale), last = vm_log(PI * sqrt(mesh->n_axes));
        const double most = (double)(spectral->n_bins - 1);
        for (size_t b = 0; b < mesh->n_blocks_here; b++) {
                struct mode mode;
                for (mode_begin(mesh, mesh->block_begin + (int64_t)b, &mode); mode_next(&mode);) {
                        const size_t i = b * mesh->block_modes + mode.index;
                        double at = 0;
                        if (!mode.zero)
                                at = (0.5 * vm_log(mode.k_squared) + log_cell - first) / (last - first) * most;
                        at = at < 0 ? 0 : at > most ? most : at;
                        const double node = floor(at < most ? at : most - 1);
                        spectral->bin[i] = (uint8_t)node;
                        spectral->fraction[i] = (float)(at - node);
                }
        }
}

void spectral_fill_gain(struct spectral *spectral)
{
        const struct mesh *mesh = spectral->mesh;
        for (size_t c = 0; c < spectral->n_channels; c++) {
                float low[256], rise[256];
                const double *node = spectral->node + c * spectral->n_bins;
                for (size_t j = 0; j + 1 < spectral->n_bins; j++) {
                        low[j] = (float)node[j];
                        rise[j] = (float)(node[j + 1] - node[j]);
                }
                float *restrict gain = spectral->gain + c * spectral->n_modes;
                for (size_t i = 0; i < spectral->n_modes; i++) {
                        const size_t bin = spectral->bin[i];
                        gain[i] = __builtin_fmaf(spectral->fraction[i], rise[bin], low[bin]);
                }
        }
        for (size_t b = 0; b < mesh->n_blocks_here; b++) /* spare lines stay 0 */
                for (size_t j = 0; j < mesh->width; j++)
                        if (mesh->line_weight[(size_t)(mesh->block_begin + (int64_t)b) * mesh->width + j] == 0)
                                for (size_t c = 0; c < spectral->n_channels; c++)
                                        for (size_t i = j; i < mesh->block_modes; i += mesh->width)
                                                spectral->gain[c * spectral->n_modes + b * mesh->block_modes + i] = 0;
}

/* ---- what is done to a block of modes ---- */

struct pass {
        const float *gain;           /* of this channel */
        const double *from;          /* modes that are read */
        double *sum;                 /* modes that are added to, or NULL, as are: */
        float *kept, *product;
};

static void store_block(void *owner, const struct mesh_block *block)
{
        memcpy((double *)owner + 2 * block->first, block->value, 2 * block->mesh->block_modes * sizeof(double));
}

static void load_block(void *owner, const struct mesh_block *block)
{
        const struct pass *pass = owner;
        memcpy(block->value, pass->from + 2 * block->first, 2 * block->mesh->block_modes * sizeof(double));
}

static void filter_block(void *owner, const struct mesh_block *block)
{
        const struct pass *pass = owner;
        const double *restrict from = pass->from + 2 * block->first;
        const float *restrict gain = pass->gain + block->first;
        double *restrict value = block->value;
        for (size_t i = 0; i < block->mesh->block_modes; i++) {
                const double by = (double)gain[i];
                value[2 * i] = by * from[2 * i];
                value[2 * i + 1] = by * from[2 * i + 1];
        }
}

static void multiply_add(size_t n, const double *restrict from, const double *restrict value, float *restrict product)
{
        for (size_t i = 0; i < n; i++)
                product[i] += (float)fma(from[2 * i], value[2 * i], from[2 * i + 1] * value[2 * i + 1]);
}

static void collect_block(void *owner, const struct mesh_block *block)
{
        const struct pass *pass = owner;
        const size_t n = block->mesh->block_modes;
        const double *restrict value = block->value;
        const float *restrict gain = pass->gain + block->first;
        if (pass->sum) {
                double *restrict sum = pass->sum + 2 * block->first;
                for (size_t i = 0; i < n; i++) {
                        const double by = (double)gain[i];
                        sum[2 * i] = fma(by, value[2 * i], sum[2 * i]);
                        sum[2 * i + 1] = fma(by, value[2 * i + 1], sum[2 * i + 1]);
                }
        }
        if (pass->kept) {
                float *restrict kept = pass->kept + 2 * block->first;
                for (size_t i = 0; i < 2 * n; i++)
                        kept[i] = (float)value[i];
        }
        if (pass->product)
                multiply_add(n, pass->from + 2 * block->first, value, pass->product + block->first);
}

/* ---- there and back ---- */

void spectral_analyse(struct spectral *spectral, const double *field, double *modes)
{
        mesh_forward(spectral->mesh, field, store_block, modes);
}

void spectral_spread(struct spectral *spectral, const double *modes, float *channels)
{
        const size_t size = spectral->mesh->size;
        for (size_t c = 0; c < spectral->n_channels; c++) {
                struct pass pass = {.gain = spectral->gain + c * spectral->n_modes, .from = modes};
                const double *restrict cells = spectral->cells;
                mesh_inverse(spectral->mesh, filter_block, &pass, spectral->cells);
                for (size_t row = 0; row < size; row += SPECTRAL_ROW) {
                        float *restrict to = channels + row * spectral->n_channels + c * SPECTRAL_ROW;
                        for (size_t i = 0; i < SPECTRAL_ROW; i++)
                                to[i] = (float)cells[row + i];
                }
        }
}

/* `each` is what is wanted of every channel: its kept and product are those of the first. */
static void collect(struct spectral *spectral, const float *channels, const struct pass *each, double *out)
{
        const size_t size = spectral->mesh->size, n_modes = spectral->n_modes;
        if (out)
                memset(spectral->sum, 0, 2 * n_modes * sizeof *spectral->sum);
        for (size_t c = 0; c < spectral->n_channels; c++) {
                double *restrict cells = spectral->cells;
                for (size_t row = 0; row < size; row += SPECTRAL_ROW) {
                        const float *restrict from = channels + row * spectral->n_channels + c * SPECTRAL_ROW;
                        for (size_t i = 0; i < SPECTRAL_ROW; i++)
                                cells[row + i] = (double)from[i];
                }
                struct pass pass = {.gain = spectral->gain + c * n_modes, .from = each->from,
                                    .sum = out ? spectral->sum : NULL,
                                    .kept = each->kept ? each->kept + 2 * c * n_modes : NULL,
                                    .product = each->product ? each->product + c * n_modes : NULL};
                mesh_forward(spectral->mesh, spectral->cells, collect_block, &pass);
        }
        struct pass pass = {.from = spectral->sum};
        if (out)
                mesh_inverse(spectral->mesh, load_block, &pass, out);
}

void spectral_collect(struct spectral *spectral, const float *channels, float *kept, double *out)
{
        collect(spectral, channels, &(struct pass){.kept = kept}, out);
}

void spectral_multiply(struct spectral *spectral, const float *channels, const double *modes, double *out)
{
        collect(spectral, channels, &(struct pass){.from = modes, .product = spectral->product}, out);
}

void spectral_multiply_kept(struct spectral *spectral, const float *kept, const double *modes)
{
        for (size_t c = 0; c < spectral->n_channels; c++) {
                const float *restrict of = kept + 2 * c * spectral->n_modes;
                float *restrict product = spectral->product + c * spectral->n_modes;
                for (size_t i = 0; i < spectral->n_modes; i++)
                        product[i] = (float)fma(modes[2 * i], (double)of[2 * i],
                                                modes[2 * i + 1] * (double)of[2 * i + 1]);
        }
}

/* ---- gradients ---- */

void spectral_filter_gradient(const struct spectral *spectral, float *gradient)
{
        const struct mesh *mesh = spectral->mesh;
        const size_t n_channels = spectral->n_channels, n_bins = spectral->n_bins, n_features = spectral->n_features;
        double *at_node = allocate(n_bins * n_channels, sizeof *at_node);
        for (size_t i = 0; i < spectral->n_modes; i++) {
                const size_t line = i / mesh->block_modes * mesh->width + i % mesh->width;
                const double weight = mesh->line_weight[line], fraction = (double)spectral->fraction[i];
                double *below = at_node + spectral->bin[i] * n_channels, *above = below + n_channels;
                for (size_t c = 0; c < n_channels; c++) {
                        const double value = weight * (double)spectral->product[c * spectral->n_modes + i];
                        below[c] = fma(1 - fraction, value, below[c]);
                        above[c] = fma(fraction, value, above[c]);
                }
        }
        for (size_t c = 0; c < n_channels; c++)
                for (size_t j = 0; j < n_bins; j++) {
                        const double value = at_node[j * n_channels + c] / (double)mesh->n_cells;
                        float *of = gradient + spectral->filters + (c * n_bins + j) * n_features;
                        for (size_t f = 0; f < n_features; f++)
                                of[f] += (float)(value * spectral->feature[f]);
                }
        free(at_node);
}
