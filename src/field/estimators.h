/* What the estimators share. Each measures one field and leaves its results in a record, which are then
 * averaged over realisations. */
#ifndef SCULPTOR_FIELD_ESTIMATORS_H
#define SCULPTOR_FIELD_ESTIMATORS_H

#include "field/bins.h"
#include "sculptor/estimators.h"
#include "sculptor/tree_sum.h"

#define ESTIMATORS_PDF_FROM (-6.0)
#define ESTIMATORS_PDF_WIDTH 0.25
enum { ESTIMATORS_PDF_BINS = 72 };

struct estimators {
        const struct mesh *mesh;
        struct bins shells, separations;
        double *line_square;          /* [n_blocks * width] squared k but for axis 0; inf in spare lines */
        size_t n_separations, n_pdf, n_bispectrum;
        double pdf_edges[ESTIMATORS_PDF_BINS + 1];
        double *triangles;            /* [2 n_bispectrum] equilateral, squeezed; NULL until counted */
};

/* The fields measured together, as estimators_measure() has them. */
struct realisations {
        const double *const *fields;
        size_t n_here;
        int64_t first, n_global;
};

/* Collective over all ranks. Sums over realisations: values[n_here][stride], of which the first `width` of each. */
void estimators_sum(const struct realisations *realisations, const double *values, size_t stride, size_t width,
                    double *total);

/* The bin of a mode, by its plane and its line in the mesh. */
static inline size_t estimators_shell(const struct estimators *estimators, size_t plane, size_t line)
{
        return bins_of(&estimators->shells, estimators->shells.square[0][plane] + estimators->line_square[line]);
}

/* ---- one-point: collective over all ranks ---- */

void one_point_measure(const struct estimators *estimators, const struct realisations *realisations,
                       struct estimates *estimates);

/* ---- power: collective over the domain ---- */

/* The modes of a truth, and its power. */
struct power_truth {
        double *modes; /* [mesh_modes_here()][2] */
        double *power; /* [n_shells] */
};
struct power_truth power_estimate_truth(const struct estimators *estimators, const double *truth);
void power_estimate_release(struct power_truth *truth);

/* power[n_shells]. Where truth is not NULL, cross[n_shells] = r(k). Where `products` is not NULL it becomes, cell x,
 * sum_y f(y) f(y + x) of the field f less its mean. */
void power_estimate(const struct estimators *estimators, const double *field, const struct power_truth *truth,
                    double *power, double *cross, double *products);

/* ---- correlation: collective over the domain ---- */

/* Bins of `products`, as above, over the number of cells: correlation[n_separations]. */
void correlation_of(const struct estimators *estimators, const double *products, double *correlation);

/* ---- bispectrum: collective over the domain ---- */

/* Three fields of memory. */
struct bispectrum_memory { double *modes, *low, *shell; };
/* Also counts triangles where that is not done yet. */
struct bispectrum_memory bispectrum_begin(struct estimators *estimators);
void bispectrum_end(struct bispectrum_memory *memory);
/* bispectrum[2 n_bispectrum]: equilateral, squeezed. */
void bispectrum_measure(const struct estimators *estimators, const struct bispectrum_memory *memory,
                        const double *field, double *bispectrum);

#endif
