#include "sculptor/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/agree.h"
#include "io/hdf5_file.h"
#include "io/provenance.h"
#include "io/series_file.h"
#include "sculptor/error.h"
#include "sculptor/memory.h"

enum { MAX_ROWS = 1 << 20 }; /* far more levels than any schedule has: a bound for what a file may claim */

static size_t column_width(const struct series_column *column)
{
        size_t width = 1;
        for (int i = 0; i < column->rank; i++)
                width *= column->shape[i];
        return width;
}

struct series *series_create(const struct series_column *columns, size_t n_columns)
{
        struct series *series = allocate(1, sizeof *series);
        series->n_columns = n_columns;
        series->column = allocate(n_columns, sizeof *series->column);
        memcpy(series->column, columns, n_columns * sizeof *columns);
        for (size_t i = 0; i < n_columns; i++)
                series->width += column_width(&columns[i]);
        return series;
}

void series_free(struct series *series)
{
        if (!series)
                return;
        free(series->column);
        free(series->row);
        free(series);
}

size_t series_offset(const struct series *series, const char *name)
{
        size_t offset = 0;
        for (size_t i = 0; i < series->n_columns; i++) {
                if (strcmp(series->column[i].name, name) == 0)
                        return offset;
                offset += column_width(&series->column[i]);
        }
        fatal("the series has no column \"%s\"", name);
}

double *series_append(struct series *series)
{
        if (series->n_rows == series->capacity) {
                series->capacity = series->capacity ? 2 * series->capacity : 16;
                double *larger = allocate(series->capacity * series->width, sizeof *larger);
                if (series->n_rows > 0)
                        memcpy(larger, series->row, series->n_rows * series->width * sizeof *larger);
                free(series->row);
                series->row = larger;
        }
        double *row = series->row + series->n_rows++ * series->width;
        for (size_t i = 0; i < series->width; i++)
                row[i] = NAN;
        return row;
}

/* ---- columns as data sets ---- */

/* (level, shape...) of a column. */
static int column_shape(const struct series_column *column, size_t n_rows, hsize_t shape[3])
{
        shape[0] = n_rows;
        for (int i = 0; i < column->rank; i++)
                shape[i + 1] = column->shape[i];
        return column->rank + 1;
}

static void to_integers(double *values, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                bool whole = fabs(values[i]) < 9223372036854775808.0; /* 2^63; false for NaN */
                int64_t integer = whole ? (int64_t)values[i] : INT64_MIN;
                memcpy(&values[i], &integer, sizeof integer);
        }
}

void series_put_columns(hid_t where, const struct series *series, bool exact)
{
        size_t offset = 0;
        for (size_t i = 0; i < series->n_columns; i++) {
                const struct series_column *column = &series->column[i];
                size_t width = column_width(column);
                double *values = allocate(series->n_rows * width, sizeof *values);
                for (size_t row = 0; row < series->n_rows; row++)
                        memcpy(values + row * width, series->row + row * series->width + offset,
                               width * sizeof *values);
                bool integer = column->integer && !exact;
                if (integer)
                        to_integers(values, series->n_rows * width);
                hsize_t shape[3];
                int rank = column_shape(column, series->n_rows, shape);
                hdf5_put_array(where, column->name, integer ? H5T_STD_I64LE : H5T_IEEE_F64LE,
                               integer ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE, rank, shape, values);
                hdf5_describe_array(where, column->name, column->unit, column->help);
                free(values);
                offset += width;
        }
}

/* The levels a column holds, or -1 with a remembered failure where its shape is another. */
static int64_t column_levels(hid_t set, const struct series_column *column)
{
        hid_t space = H5(H5Dget_space(set));
        hsize_t found[3] = {0}, wanted[3];
        int rank = column_shape(column, 0, wanted);
        bool same = H5Sget_simple_extent_ndims(space) == rank && H5Sget_simple_extent_dims(space, found, NULL) == rank;
        for (int i = 1; i < rank; i++)
                same = same && found[i] == wanted[i];
        H5Sclose(space);
        return same && found[0] <= MAX_ROWS ? (int64_t)found[0] : -1;
}

static const char *get_column(hid_t where, const struct series_column *column, int64_t *levels, double **values)
{
        *values = NULL;
        hid_t set = H5(H5Dopen2(where, column->name, H5P_DEFAULT));
        if (set < 0)
                return reason("the series has no column \"%s\"", column->name);
        hid_t type = H5(H5Dget_type(set));
        *levels = column_levels(set, column);
        if (*levels < 0 || H5Tequal(type, H5T_IEEE_F64LE) <= 0)
                *levels = -1;
        H5Tclose(type);
        if (*levels >= 0) {
                *values = allocate((size_t)*levels * column_width(column), sizeof **values);
                if (*levels > 0)
                        H5(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, *values));
        }
        H5Dclose(set);
        if (*levels < 0)
                return reason("the series' column \"%s\" has another shape or type", column->name);
        return hdf5_failure() ? reason("the series' column \"%s\": %s", column->name, hdf5_failure()) : NULL;
}

const char *series_get_columns(hid_t where, const struct series *series, size_t *n_rows, double **rows)
{
        const char *why = NULL;
        size_t offset = 0;
        *n_rows = 0;
        *rows = NULL;
        for (size_t i = 0; !why && i < series->n_columns; i++) {
                const struct series_column *column = &series->column[i];
                size_t width = column_width(column);
                int64_t levels = 0;
                double *values;
                why = get_column(where, column, &levels, &values);
                if (!why && i == 0) {
                        *n_rows = (size_t)levels;
                        *rows = allocate(*n_rows * series->width, sizeof **rows);
                } else if (!why && (size_t)levels != *n_rows) {
                        why = reason("the series' column \"%s\" has %lld levels, others %zu", column->name,
                                     (long long)levels, *n_rows);
                }
                for (size_t row = 0; !why && values && row < *n_rows; row++)
                        memcpy(*rows + row * series->width + offset, values + row * width, width * sizeof **rows);
                free(values);
                offset += width;
        }
        return why;
}

/* ---- the series file ---- */

struct series_source {
        const struct series *series;
        const struct provenance *provenance;
};

static void describe(hid_t file, const void *owner)
{
        const struct series_source *source = owner;
        const struct series *series = source->series;
        provenance_put(file, "Sculptor: one row per noise level", source->provenance);
        series_put_columns(file, series, false);
        for (size_t i = 0; i < series->n_constants; i++) {
                const struct series_constant *constant = &series->constant[i];
                hsize_t shape[2] = {constant->shape[0], constant->shape[1]};
                hdf5_put_array(file, constant->name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, constant->rank, shape,
                               constant->value);
                hdf5_describe_array(file, constant->name, constant->unit, constant->help);
        }
}

const char *series_write(const struct series *series, const char *path, const struct provenance *provenance)
{
        struct series_source source = {series, provenance};
        struct file_plan plan = {.path = path, .describe = describe, .owner = &source};
        return hdf5_file_write(&plan);
}
