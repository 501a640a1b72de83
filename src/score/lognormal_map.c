#include "score/lognormal_map.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sculptor/memory.h"
#include "sculptor/parallel.h"

struct modes { const double *variance; };

static void variance_to_block(void *owner, const struct mesh_block *block)
{
        const double *variance = ((const struct modes *)owner)->variance + block->first;
        for (size_t i = 0; i < block->mesh->block_modes; i++) {
                block->value[2 * i] = variance[i];
                block->value[2 * i + 1] = 0;
        }
}

static void block_to_variance(void *owner, const struct mesh_block *block)
{
        const struct mesh *mesh = block->mesh;
        const double *weight = mesh->line_weight + (size_t)block->index * mesh->width;
        double *variance = (double *)owner + block->first;
        for (size_t i = 0; i < mesh->block_modes; i++)
                variance[i] = weight[i % mesh->width] > 0 ? block->value[2 * i] : 0;
}

/* The least variance, of all ranks of the domain, where it stands, and the largest. */
struct extremes { double least, k, most; };

static struct extremes extremes_of(const struct mesh *mesh, const double *variance, bool without_mean)
{
        struct extremes here = {INFINITY, 0, 0};
        struct mode mode;
        for (size_t b = 0; b < mesh->n_blocks_here; b++)
                for (mode_begin(mesh, mesh->block_begin + (int64_t)b, &mode); mode_next(&mode);) {
                        const double c = variance[b * mesh->block_modes + mode.index];
                        here.most = fmax(here.most, c);
                        if (c < here.least && !(without_mean && mode.zero)) {
                                here.least = c;
                                here.k = sqrt(mode.k_squared);
                        }
                }
        size_t *counts = allocate((size_t)parallel_domain_size(), sizeof *counts);
        double *all = parallel_domain_gather((const double *)&here, 3, counts);
        for (size_t i = 0; i < 3 * (size_t)parallel_domain_size(); i += 3) {
                here.most = fmax(here.most, all[i + 2]);
                if (all[i] < here.least || (all[i] == here.least && all[i + 1] < here.k)) {
                        here.least = all[i];
                        here.k = all[i + 1];
                }
        }
        free(all);
        free(counts);
        return here;
}

/* xi is this rank's part of a field: its first cell is of the domain's first rank. */
static double first_cell(const struct mesh *mesh, const double *field)
{
        size_t *counts = allocate((size_t)parallel_domain_size(), sizeof *counts);
        double *all = parallel_domain_gather(field, mesh->size > 0 ? 1 : 0, counts);
        const double first = all[0];
        free(all);
        free(counts);
        return first;
}

static const char *too_small(const struct mesh *mesh, const struct extremes *found, const char *advice)
{
        static char why[400];
        snprintf(why, sizeof why,
                 "the Gaussian field under ln(1 + delta) would have P = %.4g at k = %.4g, with %.4g its "
                 "largest; it must be above 0 and above rounding: %s",
                 found->least * mesh->cell_volume, found->k, found->most * mesh->cell_volume, advice);
        return why;
}

const char *lognormal_from_density(const struct mesh *mesh, const double *density, double *normal, double *xi_g_0)
{
        double *xi = mesh_allocate(mesh), least = INFINITY;
        mesh_inverse(mesh, variance_to_block, &(struct modes){density}, xi);
        for (size_t i = 0; i < mesh->size; i++) {
                least = fmin(least, 1 + xi[i]);
                xi[i] = lognormal_log_1_plus(xi[i]);
        }
        const bool possible = !parallel_domain_any(!(least > 0));
        if (possible) {
                *xi_g_0 = first_cell(mesh, xi);
                mesh_forward(mesh, xi, block_to_variance, normal);
        }
        free(xi);
        if (!possible)
                return "delta would have a correlation of -1 or less between some cells, which no lognormal field has; "
                       "use less power, or spectrum_of: log";

        const struct extremes found = extremes_of(mesh, normal, false);
        if (found.least > LOGNORMAL_ROUNDING * found.most)
                return NULL;
        return too_small(mesh, &found,
                         found.k > 0 ? "use a coarser mesh, less power or less smoothing, or spectrum_of: log"
                                     : "raise mean_power, or use spectrum_of: log");
}

const char *lognormal_from_normal(const struct mesh *mesh, const double *normal, double *density, double *xi_g_0)
{
        const struct extremes found = extremes_of(mesh, normal, true);
        if (!(found.least > 0))
                return too_small(mesh, &found, "use a spectrum that is above 0 on the whole mesh");
        double *xi = mesh_allocate(mesh);
        mesh_inverse(mesh, variance_to_block, &(struct modes){normal}, xi);
        *xi_g_0 = first_cell(mesh, xi);
        for (size_t i = 0; i < mesh->size; i++)
                xi[i] = vm_exp(xi[i]) - 1;
        mesh_forward(mesh, xi, block_to_variance, density);
        free(xi);
        return NULL;
}
