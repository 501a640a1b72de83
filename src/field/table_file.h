/* A table of P(k) as CLASS, CAMB and others write it. */
#ifndef SCULPTOR_FIELD_TABLE_FILE_H
#define SCULPTOR_FIELD_TABLE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "sculptor/power_spectrum.h"

struct table_columns { int64_t k, power; }; /* counted from 1 */

/* As logarithms, ln k strictly rising. */
struct table_rows {
        size_t n;
        double k_low, k_high; /* of the first and the last row, as read */
        double *log_k, *log_power; /* [n] */
};

/* Collective. Text lines of numbers between blanks, tabs or commas; # begins a comment. At least 4 rows with k > 0
 * rising and P > 0, all with as many columns as the first. False with *fault set, as "FILE:LINE: why", where a row
 * is not so. */
bool table_file_read(const char *path, struct table_columns columns, struct table_rows *rows,
                     struct power_spectrum_fault *fault);
void table_rows_release(struct table_rows *rows);

#endif
