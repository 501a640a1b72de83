/* What a spectral network does in each cell: z = W h + b, t = W' (a phi(z)), and along a tangent. W, b and a have
 * units of zeros to make up the last four (spectral_rows.h). Spare cells may get anything: transforms do not read
 * them. */
#include <math.h>
#include <string.h>

#include "network/spectral_rows.h"

/* ---- forward, and along a tangent ---- */

void spectral_cells_forward(struct spectral *s)
{
        const size_t n = s->n_channels;
        _Alignas(64) float t[MOST_CHANNELS][ROW], y[UNITS][ROW], z[UNITS][ROW];
        struct bends phi;
        for (size_t row = 0; row < s->mesh->size; row += ROW) {
                memset(t, 0, n * sizeof *t);
                for (size_t m = 0; m < s->n_units; m += UNITS) {
                        const float *w = s->w + m * n, *a = s->scale + m;
                        mix(n, w, s->shift + m, s->h + row * n, z);
                        activate(s->settings->activation, 0, z, &phi);
                        for (int j = 0; j < UNITS; j++)
                                for (int i = 0; i < ROW; i++)
                                        y[j][i] = a[j] * phi.value[j][i];
                        unmix(n, w, y, t);
                }
                memcpy(s->t + row * n, t, n * sizeof *t);
        }
}

/* e = W' (a phi'(z) W p) */
void spectral_cells_tangent(struct spectral *s)
{
        const size_t n = s->n_channels;
        _Alignas(64) float t[MOST_CHANNELS][ROW], y[UNITS][ROW], z[UNITS][ROW], dz[UNITS][ROW];
        struct bends phi;
        for (size_t row = 0; row < s->mesh->size; row += ROW) {
                memset(t, 0, n * sizeof *t);
                for (size_t m = 0; m < s->n_units; m += UNITS) {
                        const float *w = s->w + m * n, *a = s->scale + m;
                        mix(n, w, s->shift + m, s->h + row * n, z);
                        mix(n, w, NULL, s->p + row * n, dz);
                        activate(s->settings->activation, 1, z, &phi);
                        for (int j = 0; j < UNITS; j++)
                                for (int i = 0; i < ROW; i++)
                                        y[j][i] = a[j] * phi.slope[j][i] * dz[j][i];
                        unmix(n, w, y, t);
                }
                memcpy(s->e + row * n, t, n * sizeof *t);
        }
}

/* ---- energy ---- */

static void add_energy(void *owner, size_t begin, size_t end, double *sum)
{
        const struct spectral *s = owner;
        const size_t n = s->n_channels;
        _Alignas(64) float z[UNITS][ROW];
        for (size_t row = begin; row < end; row += ROW)
                for (size_t m = 0; m < s->n_units; m += UNITS) {
                        mix(n, s->w + m * n, s->shift + m, s->h + row * n, z);
                        for (size_t j = 0; j < UNITS; j++)
                                for (size_t i = 0; i < ROW; i++) {
                                        const bool real = (row + i) % s->mesh->plane_stride < s->mesh->plane_cells;
                                        const double a = real ? (double)s->scale[m + j] : 0;
                                        sum[i] = fma(a, act_ln_cosh((double)z[j][i]), sum[i]);
                                }
                }
}

double spectral_cells_energy(struct spectral *s)
{
        return mesh_sum(s->mesh, add_energy, s);
}
