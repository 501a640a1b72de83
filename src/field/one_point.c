/* Moments and density of the values of cells, pooled over all cells of all fields. First the mean, then powers of
 * what is left, then the histogram in the standard deviations found:
 *
 *     m = <f>,  v = <(f - m)^2>,  skewness <(f - m)^3>/v^(3/2),  kurtosis <(f - m)^4>/v^2 - 3. */
#include <math.h>
#include <stdlib.h>

#include "field/estimators.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

enum { WIDTH = 64, POWERS = 4 };

/* Sums of (f - m)^(1 ... n) over the cells of a plane: 64 columns, then those in a fixed tree. */
static void plane_powers(const struct mesh *mesh, const double *plane, double mean, size_t n, double *power)
{
        _Alignas(64) double sum[POWERS][WIDTH] = {{0}};
        for (size_t row = 0; row < mesh->plane_cells; row += WIDTH) {
                const size_t left = mesh->plane_cells - row, end = left < WIDTH ? left : WIDTH;
                for (size_t i = 0; i < end; i++) {
                        const double d = plane[row + i] - mean;
                        double product = 1;
                        for (size_t p = 0; p < n; p++)
                                sum[p][i] += product *= d;
                }
        }
        for (size_t p = 0; p < n; p++) {
                for (size_t half = WIDTH / 2; half > 0; half /= 2)
                        for (size_t i = 0; i < half; i++)
                                sum[p][i] += sum[p][i + half];
                power[p] = sum[p][0];
        }
}

/* Means over all cells of all fields, power[n]. */
static void pooled_powers(const struct estimators *estimators, const struct realisations *realisations, double mean,
                          size_t n, double *power)
{
        const struct mesh *mesh = estimators->mesh;
        double *values = allocate(realisations->n_here * n, sizeof *values);
        for (size_t f = 0; f < realisations->n_here; f++) {
                struct tree_sum *planes = tree_sum_create(n);
                for (size_t p = 0; p < mesh->n_planes_here; p++) {
                        double leaf[POWERS];
                        plane_powers(mesh, realisations->fields[f] + p * mesh->plane_stride, mean, n, leaf);
                        tree_sum_add(planes, mesh->plane_begin + (int64_t)p, leaf);
                }
                tree_sum_finish_domain(planes, values + f * n);
        }
        estimators_sum(realisations, values, n, n, power);
        for (size_t p = 0; p < n; p++)
                power[p] /= (double)mesh->n_cells * (double)realisations->n_global;
        free(values);
}

/* Counts are exact, whatever the order. Values outside the edges are in no bin but in the norm. */
static void measure_pdf(const struct estimators *estimators, const struct realisations *realisations,
                        struct estimates *estimates)
{
        const struct mesh *mesh = estimators->mesh;
        const double per_deviation = 1 / sqrt(estimates->variance);
        int64_t count[ESTIMATORS_PDF_BINS] = {0};
        for (size_t f = 0; f < realisations->n_here; f++)
                for (size_t p = 0; p < mesh->n_planes_here; p++) {
                        const double *plane = realisations->fields[f] + p * mesh->plane_stride;
                        for (size_t i = 0; i < mesh->plane_cells; i++) {
                                const double deviations = (plane[i] - estimates->mean) * per_deviation;
                                const double bin = (deviations - ESTIMATORS_PDF_FROM) / ESTIMATORS_PDF_WIDTH;
                                if (bin >= 0 && bin < ESTIMATORS_PDF_BINS)
                                        count[(int)bin]++;
                        }
                }
        parallel_sum_integers(count, ESTIMATORS_PDF_BINS);
        const double norm = (double)mesh->n_cells * (double)realisations->n_global * ESTIMATORS_PDF_WIDTH;
        for (size_t i = 0; i < ESTIMATORS_PDF_BINS; i++)
                estimates->pdf[i] = estimates->variance > 0 ? (double)count[i] / norm : NAN;
}

void one_point_measure(const struct estimators *estimators, const struct realisations *realisations,
                       struct estimates *estimates)
{
        double power[POWERS];
        pooled_powers(estimators, realisations, 0, 1, &estimates->mean);
        pooled_powers(estimators, realisations, estimates->mean, POWERS, power);
        estimates->variance = power[1];
        estimates->skewness = power[2] / (power[1] * sqrt(power[1]));
        estimates->kurtosis = power[3] / (power[1] * power[1]) - 3;
        if (estimators->n_pdf > 0)
                measure_pdf(estimators, realisations, estimates);
}
