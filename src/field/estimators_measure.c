/* Fields one after the other, each into a record; then means over realisations in the order of their indices. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "field/estimators.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

void estimators_sum(const struct realisations *realisations, const double *values, size_t stride, size_t width,
                    double *total)
{
        struct tree_sum *sum = tree_sum_create(width);
        for (size_t f = 0; f < realisations->n_here && parallel_domain_rank() == 0; f++)
                tree_sum_add(sum, realisations->first + (int64_t)f, values + f * stride);
        tree_sum_finish(sum, total);
}

/* ---- results ---- */

static double *room(size_t n)
{
        return n > 0 ? allocate(n, sizeof(double)) : NULL;
}

static struct estimates *create(const struct estimators *estimators, int64_t n_fields, bool truth)
{
        const size_t n_shells = estimators->shells.last;
        struct estimates *estimates = allocate(1, sizeof *estimates);
        *estimates = (struct estimates){
                .n_fields = n_fields,
                .power = room(n_shells),
                .power_scatter = room(n_shells),
                .correlation = room(estimators->n_separations),
                .pdf = room(estimators->n_pdf),
                .bispectrum_equilateral = room(estimators->n_bispectrum),
                .bispectrum_squeezed = room(estimators->n_bispectrum),
                .cross_correlation = room(truth ? n_shells : 0),
        };
        return estimates;
}

void estimates_free(struct estimates *estimates)
{
        if (!estimates)
                return;
        free(estimates->power);
        free(estimates->power_scatter);
        free(estimates->correlation);
        free(estimates->pdf);
        free(estimates->bispectrum_equilateral);
        free(estimates->bispectrum_squeezed);
        free(estimates->cross_correlation);
        free(estimates);
}

/* ---- records: what each field gives ---- */

struct records {
        size_t cross, correlation, bispectrum; /* where in a record these begin; the power is first */
        size_t width;                          /* of a record */
        double *value;                         /* [n_here][width] */
};

static struct records records_create(const struct estimators *estimators, size_t n_here, bool truth)
{
        struct records records = {.cross = estimators->shells.last};
        records.correlation = records.cross + (truth ? estimators->shells.last : 0);
        records.bispectrum = records.correlation + estimators->n_separations;
        records.width = records.bispectrum + 2 * estimators->n_bispectrum;
        records.value = allocate(n_here * records.width, sizeof *records.value);
        return records;
}

/* The truth's modes are gone before the bispectrum's memory comes. */
static void measure_two_points(const struct estimators *estimators, const struct realisations *realisations,
                               const double *truth_field, const struct records *records)
{
        struct power_truth truth = {0};
        if (truth_field)
                truth = power_estimate_truth(estimators, truth_field);
        double *products = estimators->n_separations > 0 ? mesh_allocate(estimators->mesh) : NULL;
        for (size_t f = 0; f < realisations->n_here; f++) {
                double *record = records->value + f * records->width;
                power_estimate(estimators, realisations->fields[f], truth_field ? &truth : NULL, record,
                               record + records->cross, products);
                if (products)
                        correlation_of(estimators, products, record + records->correlation);
        }
        free(products);
        power_estimate_release(&truth);
}

static void measure_three_points(struct estimators *estimators, const struct realisations *realisations,
                                 const struct records *records)
{
        struct bispectrum_memory memory = bispectrum_begin(estimators);
        for (size_t f = 0; f < realisations->n_here; f++)
                bispectrum_measure(estimators, &memory, realisations->fields[f],
                                   records->value + f * records->width + records->bispectrum);
        bispectrum_end(&memory);
}

/* ---- means over realisations ---- */

static void take(double *to, const double *from, size_t n)
{
        if (to)
                memcpy(to, from, n * sizeof *to);
}

static void average(const struct estimators *estimators, const struct realisations *realisations,
                    const struct records *records, struct estimates *estimates)
{
        const size_t n_shells = estimators->shells.last, n_bispectrum = estimators->n_bispectrum;
        double *mean = allocate(records->width, sizeof *mean);
        estimators_sum(realisations, records->value, records->width, records->width, mean);
        for (size_t i = 0; i < records->width; i++)
                mean[i] /= (double)realisations->n_global;
        take(estimates->power, mean, n_shells);
        take(estimates->cross_correlation, mean + records->cross, n_shells);
        take(estimates->correlation, mean + records->correlation, estimators->n_separations);
        take(estimates->bispectrum_equilateral, mean + records->bispectrum, n_bispectrum);
        take(estimates->bispectrum_squeezed, mean + records->bispectrum + n_bispectrum, n_bispectrum);
        free(mean);

        for (size_t f = 0; f < realisations->n_here; f++)
                for (size_t s = 0; s < n_shells; s++) {
                        double *power = records->value + f * records->width + s;
                        *power = (*power - estimates->power[s]) * (*power - estimates->power[s]);
                }
        estimators_sum(realisations, records->value, records->width, n_shells, estimates->power_scatter);
        const double free_ones = realisations->n_global > 1 ? (double)(realisations->n_global - 1) : NAN;
        for (size_t s = 0; s < n_shells; s++)
                estimates->power_scatter[s] = sqrt(estimates->power_scatter[s] / free_ones);
}

struct estimates *estimators_measure(struct estimators *estimators, const double *const *fields, size_t n_here,
                                     int64_t first, int64_t n_global, const double *truth)
{
        const struct realisations realisations = {fields, n_here, first, n_global};
        struct estimates *estimates = create(estimators, n_global, truth != NULL);
        struct records records = records_create(estimators, n_here, truth != NULL);
        one_point_measure(estimators, &realisations, estimates);
        measure_two_points(estimators, &realisations, truth, &records);
        if (estimators->n_bispectrum > 0)
                measure_three_points(estimators, &realisations, &records);
        average(estimators, &realisations, &records, estimates);
        free(records.value);
        return estimates;
}
