/* One tile of examples of an inspection: 64 particles, or a field. */
#ifndef SCULPTOR_DIAGNOSTICS_INSPECTION_TILE_H
#define SCULPTOR_DIAGNOSTICS_INSPECTION_TILE_H

#include "sculptor/field_spectra.h"
#include "sculptor/inspection.h"

/* Sums over examples; of a quantity its square comes next. */
enum inspection_sum {
        ERROR,
        ERROR_SQUARED,
        NORM,
        NORM_SQUARED,
        ERROR_NORM,
        LINEAR,
        LINEAR_SQUARED,
        LINEAR_NORM,
        CURL,
        CURL_SQUARED,
        JACOBIAN,
        JACOBIAN_SQUARED,
        CURL_JACOBIAN,
        NOISE,
        ACCEPTED,
        FIRST, /* y[0], its square, y[1], its square */
        INSPECTION_SUMS = FIRST + 4
};
enum { INSPECTION_POWERS = 4 }; /* then those of struct inspection_powers, [n_shells] each */

struct inspection_work {
        const struct inspection *inspection;
        const struct mesh *mesh;
        double sigma;
        uint32_t level;
        size_t n_shells;
        struct score_level *score, *truth; /* truth NULL: it is sampled */
        size_t size;
        double *x_0, *y, *s, *exact, *other, *a, *b, *c, *d; /* tiles */
};
#define INSPECTION_TILES(work)                                                                                         \
        {                                                                                                              \
                &(work)->x_0, &(work)->y, &(work)->s, &(work)->exact, &(work)->other, &(work)->a, &(work)->b,          \
                        &(work)->c, &(work)->d                                                                         \
        }

/* Draws the examples from `first` on, x_0, y, s and the truth as two scores, exact and other, which stay in
 * `work`. Sums over the n_real first lanes, [INSPECTION_SUMS + INSPECTION_POWERS n_shells]. Collective over the
 * domain. */
void inspection_tile(struct inspection_work *work, uint64_t first, int64_t n_real, double *sums);

#endif
