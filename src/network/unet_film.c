/* What knows sigma: its embedding, linear layers of that, and scales and shifts of channels. Embeddings are in double,
 * fields in float. Local. */
#include <math.h>
#include <string.h>

#include "network/activation.h"
#include "network/unet.h"
#include "sculptor/vecmath.h"

#define PI 3.14159265358979323846

/* ---- the embedding ---- */

static void fill_features(struct unet *unet, double sigma)
{
        const double c = 0.25 * vm_log(sigma);
        const size_t n = unet_features(unet->settings);
        unet->feature[0] = c;
        for (size_t q = 1; 2 * q < n; q++) {
                const struct vm_sincos at = vm_sincos_radians(PI * (double)q * c);
                unet->feature[2 * q - 1] = at.cos;
                unet->feature[2 * q] = at.sin;
        }
}

static double linear(const struct unet *unet, const struct unet_layer *layer, size_t o, const double *x)
{
        const float *w = unet->theta + layer->weight + o * layer->n_in;
        double sum = (double)unet->theta[layer->bias + o];
        for (size_t i = 0; i < layer->n_in; i++)
                sum = fma((double)w[i], x[i], sum);
        return sum;
}

void unet_embed(struct unet *unet, double sigma)
{
        fill_features(unet, sigma);
        for (size_t e = 0; e < unet->embed.n_out; e++) {
                const double z = linear(unet, &unet->embed, e, unet->feature), gate = 1 / (1 + vm_exp(-z));
                unet->embedding[e] = z * gate;
                unet->embedding_slope[e] = fma(unet->embedding[e], 1 - gate, gate);
        }
        for (size_t i = 0; i < unet->n_films; i++) {
                const struct unet_film *film = unet->film[i];
                for (size_t c = 0; c < film->n; c++) {
                        film->scale[c] = (float)(1 + linear(unet, &film->at, c, unet->embedding));
                        film->shift[c] = (float)linear(unet, &film->at, film->n + c, unet->embedding);
                }
        }
        unet->sigma = sigma;
}

/* d is of the layer's results; to may be NULL, else gets their part of what comes before added. */
static void linear_backward(const struct unet *unet, const struct unet_layer *layer, const double *x, const double *d,
                            double *to, float *gradient)
{
        for (size_t o = 0; o < layer->n_out; o++) {
                const size_t row = layer->weight + o * layer->n_in;
                for (size_t i = 0; i < layer->n_in; i++) {
                        gradient[row + i] += (float)(d[o] * x[i]);
                        if (to)
                                to[i] = fma((double)unet->theta[row + i], d[o], to[i]);
                }
                gradient[layer->bias + o] += (float)d[o];
        }
}

void unet_embed_backward(struct unet *unet, float *gradient)
{
        const size_t n = unet->embed.n_out;
        memset(unet->embedding_gradient, 0, n * sizeof *unet->embedding_gradient);
        for (size_t i = 0; i < unet->n_films; i++) {
                const struct unet_film *film = unet->film[i];
                linear_backward(unet, &film->at, unet->embedding, film->gradient, unet->embedding_gradient, gradient);
                memset(film->gradient, 0, 2 * film->n * sizeof *film->gradient);
        }
        for (size_t e = 0; e < n; e++)
                unet->embedding_gradient[e] *= unet->embedding_slope[e];
        linear_backward(unet, &unet->embed, unet->feature, unet->embedding_gradient, NULL, gradient);
}

/* ---- of fields, row by row; the halo is left as it is ---- */

struct row { size_t at, n; }; /* floats of a chunk's row of cells */

static struct row row_of(const struct conv_grid *grid, size_t chunk, size_t row)
{
        const size_t cell = chunk * conv_cells(grid) + conv_row(grid, row / grid->rows, row % grid->rows);
        return (struct row){cell * CONV_CHUNK, grid->width * CONV_CHUNK};
}

static void forward_row(const struct row row, const float *restrict scale, const float *restrict shift,
                        const float *restrict h, float *restrict a, float *restrict slope)
{
        for (size_t x = row.at; x < row.at + row.n; x += CONV_CHUNK)
                for (size_t i = 0; i < CONV_CHUNK; i++) {
                        const struct act_gated act = act_silu_gated(__builtin_fmaf(scale[i], h[x + i], shift[i]));
                        a[x + i] = act.value;
                        slope[x + i] = act_silu_slope(act.value, act.gate);
                }
}

static void linear_row(const struct row row, const float *restrict scale, const float *restrict shift,
                       const float *restrict h, float *restrict a)
{
        for (size_t x = row.at; x < row.at + row.n; x += CONV_CHUNK)
                for (size_t i = 0; i < CONV_CHUNK; i++)
                        a[x + i] = __builtin_fmaf(scale[i], h[x + i], shift[i]);
}

void unet_film_forward(const struct unet_film *film, const struct conv_grid *grid)
{
        for (size_t chunk = 0; chunk < conv_chunks(film->n); chunk++)
                for (size_t r = 0; r < grid->planes * grid->rows; r++) {
                        const struct row row = row_of(grid, chunk, r);
                        const float *scale = film->scale + chunk * CONV_CHUNK,
                                    *shift = film->shift + chunk * CONV_CHUNK;
                        if (film->linear)
                                linear_row(row, scale, shift, film->h, film->a);
                        else
                                forward_row(row, scale, shift, film->h, film->a, film->slope);
                }
}

static void tangent_row(const struct row row, const float *restrict scale, const float *restrict slope,
                        float *restrict h)
{
        for (size_t x = row.at; x < row.at + row.n; x += CONV_CHUNK)
                for (size_t i = 0; i < CONV_CHUNK; i++)
                        h[x + i] *= slope ? scale[i] * slope[x + i] : scale[i];
}

void unet_film_tangent(const struct unet_film *film, const struct conv_grid *grid, float *h)
{
        for (size_t chunk = 0; chunk < conv_chunks(film->n); chunk++)
                for (size_t r = 0; r < grid->planes * grid->rows; r++)
                        tangent_row(row_of(grid, chunk, r), film->scale + chunk * CONV_CHUNK, film->slope, h);
}

/* d scale += sum of d act' h, d shift += sum of d act', over a row */
static void gradient_row(const struct row row, const float *restrict d, const float *restrict slope,
                         const float *restrict h, float *restrict of_scale, float *restrict of_shift)
{
        for (size_t x = row.at; x < row.at + row.n; x += CONV_CHUNK)
                for (size_t i = 0; i < CONV_CHUNK; i++) {
                        const float at_z = slope ? d[x + i] * slope[x + i] : d[x + i];
                        of_scale[i] = __builtin_fmaf(at_z, h[x + i], of_scale[i]);
                        of_shift[i] += at_z;
                }
}

void unet_film_gradient(const struct unet_film *film, const struct conv_grid *grid, const float *d)
{
        for (size_t first = 0; first < film->n; first += CONV_CHUNK)
                for (size_t r = 0; r < grid->planes * grid->rows; r++) {
                        float of_scale[CONV_CHUNK] = {0}, of_shift[CONV_CHUNK] = {0};
                        gradient_row(row_of(grid, first / CONV_CHUNK, r), d, film->slope, film->h, of_scale, of_shift);
                        for (size_t i = 0; i < CONV_CHUNK && first + i < film->n; i++) {
                                film->gradient[first + i] += (double)of_scale[i];
                                film->gradient[film->n + first + i] += (double)of_shift[i];
                        }
                }
}
