/* Wavevectors or separations in bins of |k| or |r|, centred on whole multiples of a width. Bin 0 holds the
 * origin alone. */
#ifndef SCULPTOR_FIELD_BINS_H
#define SCULPTOR_FIELD_BINS_H

#include <math.h>

#include "sculptor/mesh.h"

struct bins {
        size_t last;                   /* bins 0 .. last; last + 1 stands for all beyond */
        double *square[MESH_MAX_AXES]; /* [n[axis]] along an axis, in widths; {0} for a missing one */
        double *count, *mean;          /* [last + 2] how many; mean distance; the bin beyond is left 0 */
};

/* unit[axis]: from one place on an axis to the next, in the units of width. */
struct bins bins_create(const struct mesh *mesh, const double *unit, double width, size_t last);
void bins_release(struct bins *bins);

/* Of a squared distance, the squares added from the last axis on, so that it is one bin whoever asks. */
static inline size_t bins_of(const struct bins *bins, double square)
{
        const double distance = sqrt(square) + 0.5;
        if (!(distance < (double)bins->last + 1))
                return bins->last + 1;
        return square > 0 && distance < 1 ? 1 : (size_t)distance;
}

#endif
