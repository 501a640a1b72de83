/* A series' rows in HDF5: shared by the series file and checkpoints. Local. */
#ifndef SCULPTOR_IO_SERIES_FILE_H
#define SCULPTOR_IO_SERIES_FILE_H

#include <stdbool.h>

#include "io/hdf5_tools.h"
#include "sculptor/series.h"

/* A data set (level, ...) per column under `where`. Where not `exact`, integer columns become int64 (a
 * value that is not a number its lowest value); exact keeps every column's doubles to the bit. */
void series_put_columns(hid_t where, const struct series *series, bool exact);

/* Reads what series_put_columns(exact) wrote as n_rows rows [width] of this series' columns into *rows,
 * which the caller frees. NULL or why. */
const char *series_get_columns(hid_t where, const struct series *series, size_t *n_rows, double **rows);

#endif
