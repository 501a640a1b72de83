/* Mean and variance of the data, for the Gaussian part of a denoiser: of particles the mean of each coordinate and one
 * variance, the mean over coordinates; of fields one mean over all cells, and the mean power |F(x - m)|^2/n_cells of
 * the modes in shells of |k|, one fundamental wide around its multiples. Two passes over the same examples: mean,
 * then what is about it. */
#include <math.h>
#include <stdlib.h>

#include "sculptor/memory.h"
#include "sculptor/mesh.h"
#include "sculptor/parallel.h"
#include "sculptor/tree_sum.h"
#include "training/examples.h"
#include "training/gradient_tree.h"

/* Of the largest variance: what modes without power get, that precisions stay finite. */
#define LEAST_VARIANCE 1e-12

struct pass {
        struct examples *examples;
        const struct network_shape *shape;
        int64_t n;
        double *x;
        const double *mean; /* NULL in the first pass */
        size_t n_sums;
        void (*add)(const struct pass *pass, int64_t n_real, double *sums);
};

/* Collective. The sums over all examples. */
static const char *sum_examples(const struct pass *pass, double *total, char reason[160])
{
        const int64_t n_tiles = examples_tiles(pass->shape, pass->n);
        const struct block_run run = gradient_tree_share(n_tiles, parallel_rank(), parallel_size());
        struct tree_sum *sum = tree_sum_create(pass->n_sums);
        double *sums = allocate(pass->n_sums, sizeof *sums);
        const char *why = NULL;
        for (int64_t block = run.begin; block < run.end; block++) {
                const struct examples_place place = {EXAMPLES_NORMALISATION, 0, pass->n, block};
                const int64_t each = examples_of_tile(pass->shape), left = pass->n - block * each;
                for (size_t i = 0; i < pass->n_sums; i++)
                        sums[i] = 0;
                if (!why)
                        why = examples_tile(pass->examples, &place, pass->x);
                if (!why)
                        pass->add(pass, left < each ? left : each, sums);
                tree_sum_add(sum, block, sums);
        }
        tree_sum_finish(sum, total);
        free(sums);
        return examples_agree(why, reason);
}

/* ---- particles ---- */

/* Of each coordinate x - mean, or its square. */
static void add_particles(const struct pass *pass, int64_t n_real, double *sums)
{
        for (size_t c = 0; c < (size_t)pass->shape->n_dim; c++)
                for (size_t lane = 0; lane < (size_t)n_real; lane++) {
                        const double x = pass->x[c * LANES + lane] - (pass->mean ? pass->mean[c] : 0);
                        sums[c] += pass->mean ? x * x : x;
                }
}

static const char *normalise_particles(struct pass *pass, struct normalisation *normalisation, char reason[160])
{
        const size_t n_dim = (size_t)pass->shape->n_dim;
        double *sums = allocate(n_dim, sizeof *sums), variance = 0;
        pass->n_sums = n_dim;
        pass->add = add_particles;
        const char *why = sum_examples(pass, sums, reason);
        for (size_t c = 0; c < n_dim; c++)
                normalisation->mean[c] = sums[c] / (double)pass->n;
        pass->mean = normalisation->mean;
        why = why ? why : sum_examples(pass, sums, reason);
        for (size_t c = 0; c < n_dim; c++)
                variance += sums[c];
        free(sums);
        normalisation->n_variance = 1;
        normalisation->variance = allocate(1, sizeof *normalisation->variance);
        normalisation->variance[0] = variance / ((double)pass->n * (double)n_dim);
        return why;
}

/* ---- fields ---- */

static size_t shell_of(const struct mesh *mesh, const struct mode *mode)
{
        return mode->zero ? 0 : (size_t)(sqrt(mode->k_squared) / mesh_smallest_wavenumber(mesh) + 0.5);
}

static void add_mean(const struct pass *pass, int64_t n_real, double *sums)
{
        (void)n_real;
        for (size_t i = 0; i < pass->shape->mesh->size; i++)
                sums[0] += pass->x[i]; /* spare cells are 0 */
}

static void add_power(void *sums, const struct mesh_block *block)
{
        double *power = sums;
        struct mode mode;
        for (mode_begin(block->mesh, block->index, &mode); mode_next(&mode);) {
                const double re = block->value[2 * mode.index], im = block->value[2 * mode.index + 1];
                power[shell_of(block->mesh, &mode)] += mode.weight * fma(re, re, im * im);
        }
}

static void add_shells(const struct pass *pass, int64_t n_real, double *sums)
{
        (void)n_real;
        const struct mesh *mesh = pass->shape->mesh;
        for (size_t p = 0; p < mesh->n_planes_here; p++)
                for (size_t i = 0; i < mesh->plane_cells; i++)
                        pass->x[p * mesh->plane_stride + i] -= pass->mean[0];
        mesh_forward(mesh, pass->x, add_power, sums);
}

/* Modes of each shell, and the sum of their |k|. */
static void count_shells(const struct mesh *mesh, double *count, double *wavenumber)
{
        for (int64_t block = 0; block < mesh->n_blocks; block++) {
                struct mode mode;
                for (mode_begin(mesh, block, &mode); mode_next(&mode);) {
                        const size_t shell = shell_of(mesh, &mode);
                        count[shell] += mode.weight;
                        wavenumber[shell] += mode.weight * sqrt(mode.k_squared);
                }
        }
}

static void fill_shells(const struct pass *pass, const double *power, struct normalisation *normalisation)
{
        const struct mesh *mesh = pass->shape->mesh;
        const size_t n = pass->n_sums;
        double *count = allocate(n, sizeof *count), *wavenumber = allocate(n, sizeof *wavenumber), largest = 0;
        count_shells(mesh, count, wavenumber);
        normalisation->variance = allocate(n, sizeof *normalisation->variance);
        normalisation->wavenumber = allocate(n, sizeof *normalisation->wavenumber);
        for (size_t shell = 0; shell < n; shell++) {
                if (count[shell] == 0)
                        continue;
                const double of_mode = power[shell] / (count[shell] * (double)pass->n * (double)mesh->n_cells);
                largest = fmax(largest, of_mode);
                if (shell == 0) {
                        normalisation->zero_variance = of_mode;
                        continue;
                }
                normalisation->variance[normalisation->n_variance] = of_mode;
                normalisation->wavenumber[normalisation->n_variance++] = wavenumber[shell] / count[shell];
        }
        for (size_t i = 0; i < normalisation->n_variance; i++)
                normalisation->variance[i] = fmax(normalisation->variance[i], LEAST_VARIANCE * largest);
        normalisation->zero_variance = fmax(normalisation->zero_variance, LEAST_VARIANCE * largest);
        free(count);
        free(wavenumber);
}

static const char *normalise_fields(struct pass *pass, struct normalisation *normalisation, char reason[160])
{
        const struct mesh *mesh = pass->shape->mesh;
        pass->n_sums = 1;
        pass->add = add_mean;
        const char *why = sum_examples(pass, normalisation->mean, reason);
        normalisation->mean[0] /= (double)pass->n * (double)mesh->n_cells;
        pass->mean = normalisation->mean;
        pass->n_sums = (size_t)(mesh_largest_wavenumber(mesh) / mesh_smallest_wavenumber(mesh) + 0.5) + 1;
        pass->add = add_shells;
        double *power = allocate(pass->n_sums, sizeof *power);
        why = why ? why : sum_examples(pass, power, reason);
        fill_shells(pass, power, normalisation);
        free(power);
        return why;
}

/* ---- both ---- */

static const char *unusable(const struct normalisation *normalisation)
{
        bool finite = true, varies = true;
        double largest = 0;
        for (size_t i = 0; i < normalisation->n_mean; i++) {
                finite &= isfinite(normalisation->mean[i]);
                largest = fmax(largest, fabs(normalisation->mean[i]));
        }
        for (size_t i = 0; i < normalisation->n_variance; i++) {
                finite &= isfinite(normalisation->variance[i]);
                varies &= normalisation->variance[i] > 1e-28 * largest * largest; /* else rounding of the mean */
        }
        if (!finite)
                return "the data are not finite: a mean or variance is NaN or beyond double precision";
        return varies ? NULL : "all examples are the same: their variance is 0";
}

const char *training_normalise(const struct training_source *source, const struct network_shape *shape, uint64_t seed,
                               int64_t examples, struct normalisation *normalisation)
{
        static char reason[160];
        const bool field = shape->mesh != NULL;
        struct pass pass = {.examples = examples_create(source, shape, seed, examples), .shape = shape};
        const int64_t available = examples_available(pass.examples, EXAMPLES_NORMALISATION);
        pass.n = examples < available ? examples : available;
        pass.x = allocate(examples_tile_size(shape), sizeof *pass.x);
        *normalisation = (struct normalisation){.n_mean = field ? 1 : (size_t)shape->n_dim};
        normalisation->mean = allocate(normalisation->n_mean, sizeof *normalisation->mean);
        const char *why = (field ? normalise_fields : normalise_particles)(&pass, normalisation, reason);
        why = why ? why : unusable(normalisation);
        if (why)
                normalisation_release(normalisation);
        examples_free(pass.examples);
        free(pass.x);
        return why;
}
