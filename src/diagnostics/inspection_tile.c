#include "diagnostics/inspection_tile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/memory.h"
#include "sculptor/mesh.h"
#include "sculptor/population.h"
#include "sculptor/rng.h"

enum { STAGE_OF_NOISE = 4, STAGE_OF_PROBES = 6 }; /* of RNG_EXAMPLE; training has the first ones */

/* ---- the tile ---- */

/* N(0, 1) */
static void make_normals(const struct inspection_work *work, const struct rng_stream *stream, uint64_t first, double *n)
{
        const struct mesh *mesh = work->mesh;
        if (!mesh) {
                rng_normal(stream, first, work->inspection->truth->n_dim, n);
                return;
        }
        for (size_t p = 0; p < mesh->n_planes_here; p++)
                rng_normal_row(stream, first, (mesh->plane_begin + (int64_t)p) * (int64_t)mesh->plane_cells,
                               (int64_t)mesh->plane_cells, n + p * mesh->plane_stride);
}

/* The truth, as two estimates of the score that are one where it is exact. */
static double find_truth(struct inspection_work *work, uint64_t first)
{
        if (work->truth) {
                score_eval(work->truth, work->y, work->exact);
                memcpy(work->other, work->exact, work->size * sizeof *work->other);
                return 0;
        }
        const struct inspection *inspection = work->inspection;
        const struct posterior_sampling sampling = {.seed = inspection->seed, .particle = first, .level = work->level,
                                                    .sigma = work->sigma, .trajectories = inspection->trajectories};
        double acceptance, *const mean[2] = {work->exact, work->other};
        inspection->truth->type->posterior_means(inspection->truth->model, &sampling, work->x_0, work->y, mean,
                                                 &acceptance);
        for (size_t i = 0; i < work->size; i++) {
                work->exact[i] = (work->exact[i] - work->y[i]) / (work->sigma * work->sigma);
                work->other[i] = (work->other[i] - work->y[i]) / (work->sigma * work->sigma);
        }
        return acceptance;
}

/* Returns the acceptance rate of the chains. */
static double make_examples(struct inspection_work *work, uint64_t first)
{
        const struct inspection *inspection = work->inspection;
        /* levels from here on: the lower ones are what trainings and samplers drew */
        const struct rng_stream draws = {.seed = inspection->seed, .purpose = RNG_TARGET, .level = 16 + work->level};
        const struct rng_stream noise = {.seed = inspection->seed, .purpose = RNG_EXAMPLE, .level = work->level,
                                         .stage = STAGE_OF_NOISE};
        inspection->truth->type->draw(inspection->truth->model, &draws, first, work->x_0);
        make_normals(work, &noise, first, work->y);
        for (size_t i = 0; i < work->size; i++)
                work->y[i] = fma(work->sigma, work->y[i], work->x_0[i]);
        score_eval(work->score, work->y, work->s);
        return find_truth(work, first);
}

/* ---- what is measured of it; a number of each lane, of a field the same in all ---- */

static void dot(const struct inspection_work *work, const double *a, const double *b, double *product)
{
        memset(product, 0, LANES * sizeof *product);
        if (work->mesh) {
                const double of_field = mesh_dot(work->mesh, a, b);
                for (size_t lane = 0; lane < LANES; lane++)
                        product[lane] = of_field;
                return;
        }
        for (size_t row = 0; row < work->size; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        product[lane] = fma(a[row + lane], b[row + lane], product[lane]);
}

static void subtract(const struct inspection_work *work, const double *a, const double *b, double *out)
{
        for (size_t i = 0; i < work->size; i++)
                out[i] = a[i] - b[i];
}

/* (s - exact)(s - other) */
static void error_of(struct inspection_work *work, const double *s, double *product)
{
        subtract(work, s, work->exact, work->a);
        subtract(work, s, work->other, work->b);
        dot(work, work->a, work->b, product);
}

/* The best linear score where the trained one knows the variances of modes: -F^-1 [F y/c]. */
static double negative_inverse(double c, const double *parameter)
{
        (void)parameter;
        return c > 0 ? -1 / c : 0;
}

static void measure_linear(struct inspection_work *work, double *product)
{
        const struct score_type *type = work->inspection->score->type;
        const struct score_filter inverse = {negative_inverse, NULL};
        if (!type->filter)
                return;
        type->filter(work->score->state, &inverse, work->y, work->c);
        error_of(work, work->c, product);
}

static void measure_probes(struct inspection_work *work, uint64_t first, double *curl, double *jacobian)
{
        const int64_t n = work->inspection->probes;
        double of_u[LANES], of_v[LANES];
        for (int64_t probe = 0; probe < n; probe++) {
                for (uint32_t which = 0; which < 2; which++) {
                        const struct rng_stream stream = {.seed = work->inspection->seed, .purpose = RNG_EXAMPLE,
                                                          .level = work->level, .step = (uint32_t)probe,
                                                          .stage = STAGE_OF_PROBES + which};
                        make_normals(work, &stream, first, which ? work->b : work->a);
                }
                score_jacobian_vector(work->score, work->y, work->a, work->c);
                score_jacobian_vector(work->score, work->y, work->b, work->d);
                dot(work, work->b, work->c, of_u);
                dot(work, work->a, work->d, of_v);
                for (size_t lane = 0; lane < LANES; lane++)
                        curl[lane] += (of_u[lane] - of_v[lane]) * (of_u[lane] - of_v[lane]) / (double)n;
                dot(work, work->c, work->c, of_u);
                dot(work, work->d, work->d, of_v);
                for (size_t lane = 0; lane < LANES; lane++)
                        jacobian[lane] += 0.5 * (of_u[lane] + of_v[lane]) / (double)n;
        }
}

/* Of D_theta, A and B: what is wanted follows from their six products. */
static void measure_powers(struct inspection_work *work, double *power)
{
        const size_t n = work->n_shells;
        const double square = work->sigma * work->sigma;
        for (size_t i = 0; i < work->size; i++) {
                work->a[i] = fma(square, work->s[i], work->y[i]);
                work->b[i] = fma(square, work->exact[i], work->y[i]);
                work->c[i] = fma(square, work->other[i], work->y[i]);
        }
        const double *const fields[] = {work->a, work->b, work->c};
        double *product = allocate(6 * n, sizeof *product);
        field_spectra_measure(work->inspection->spectra, fields, 3, product);
        for (size_t k = 0; k < n; k++) {
                const double both = product[n + k] + product[2 * n + k], truth = product[4 * n + k];
                power[k] = product[k];
                power[n + k] = truth;
                power[2 * n + k] = 0.5 * both;
                power[3 * n + k] = product[k] - both + truth;
        }
        free(product);
}

/* Of two coordinates. */
static void measure_position(const struct inspection_work *work, double (*product)[LANES])
{
        for (size_t c = 0; c < 2 && !work->mesh && work->inspection->truth->n_dim == 2; c++)
                for (size_t lane = 0; lane < LANES; lane++) {
                        const double y = work->y[c * LANES + lane];
                        product[FIRST + 2 * c][lane] = y;
                        product[FIRST + 2 * c + 1][lane] = y * y;
                }
}

static void measure_lanes(struct inspection_work *work, uint64_t first, double acceptance, double (*product)[LANES])
{
        dot(work, work->exact, work->other, product[NORM]);
        error_of(work, work->s, product[ERROR]);
        measure_linear(work, product[LINEAR]);
        if (!work->truth) {
                subtract(work, work->exact, work->other, work->a);
                dot(work, work->a, work->a, product[NOISE]);
        }
        measure_probes(work, first, product[CURL], product[JACOBIAN]);
        measure_position(work, product);
        for (size_t lane = 0; lane < LANES; lane++) {
                product[NOISE][lane] *= 0.25;
                product[ACCEPTED][lane] = acceptance;
                product[ERROR_SQUARED][lane] = product[ERROR][lane] * product[ERROR][lane];
                product[NORM_SQUARED][lane] = product[NORM][lane] * product[NORM][lane];
                product[ERROR_NORM][lane] = product[ERROR][lane] * product[NORM][lane];
                product[LINEAR_SQUARED][lane] = product[LINEAR][lane] * product[LINEAR][lane];
                product[LINEAR_NORM][lane] = product[LINEAR][lane] * product[NORM][lane];
                product[CURL_SQUARED][lane] = product[CURL][lane] * product[CURL][lane];
                product[JACOBIAN_SQUARED][lane] = product[JACOBIAN][lane] * product[JACOBIAN][lane];
                product[CURL_JACOBIAN][lane] = product[CURL][lane] * product[JACOBIAN][lane];
        }
}

void inspection_tile(struct inspection_work *work, uint64_t first, int64_t n_real, double *sums)
{
        double product[INSPECTION_SUMS][LANES] = {{0}};
        const double acceptance = make_examples(work, first);
        measure_lanes(work, first, acceptance, product);
        if (work->n_shells > 0)
                measure_powers(work, sums + INSPECTION_SUMS);
        memset(sums, 0, INSPECTION_SUMS * sizeof *sums);
        for (size_t k = 0; k < INSPECTION_SUMS; k++)
                for (int64_t lane = 0; lane < n_real; lane++)
                        sums[k] += product[k][lane];
}
