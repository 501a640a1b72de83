/* The command `inspect`: what the table `inspect:` says, and the pieces of its file. */
#ifndef SCULPTOR_RUN_INSPECT_H
#define SCULPTOR_RUN_INSPECT_H

#include <stdint.h>

#include "sculptor/inspection.h"
#include "sculptor/params.h"
#include "sculptor/series.h"

struct run;

struct inspect_settings {
        struct {
                struct selection type;
        } against;
        int64_t examples, trajectories, probes, points; /* examples, probes -1: chosen */
        double half_width;                              /* NAN: chosen */
        char *samples;
        double samples_sigma;
};
extern const struct param inspect_params[];

/* inspect_maps.c: pictures of a level, arrays of the file. */
struct inspect_maps {
        size_t rows, columns;  /* of a picture; 0: none */
        size_t n;              /* arrays, the first ones of these; of fields the last four of the list */
        const struct series_column *column;
        double *value[9];      /* [rows * columns], as the columns say */
        double *field[4];      /* of fields, in their own layout */
};
struct inspect_maps inspect_maps_create(const struct run *run);
void inspect_maps_free(struct inspect_maps *maps);
/* Collective. The next level, measured and drawn. */
struct inspection_level inspect_maps_measure(const struct run *run, const struct inspection *inspection, uint32_t level,
                                             struct inspect_maps *maps);

/* inspect_samples.c. Collective. Samples against exact draws: told, and arrays for the file, which it owns. */
enum { INSPECT_MOST_ARRAYS = 24 };
struct inspect_samples { struct series_constant array[INSPECT_MOST_ARRAYS]; size_t n; };
struct inspect_samples inspect_samples_compare(const struct run *run, const struct inspection *inspection);
void inspect_samples_free(struct inspect_samples *samples);

/* A copy of value as one more array. */
void inspect_samples_keep(struct inspect_samples *samples, struct series_constant array);

/* inspect_fields.c: of fields. */
void inspect_samples_of_fields(const struct run *run, const struct inspection *inspection, int64_t n,
                               struct inspect_samples *samples);
const char *inspect_samples_read(const struct run *run, int64_t first, int64_t count, double *rows);
void inspect_samples_draw(const struct run *run, const struct inspection *inspection, uint32_t set, int64_t first,
                          int64_t count, double *rows); /* as rows of numbers; first a multiple of a tile */

#endif
