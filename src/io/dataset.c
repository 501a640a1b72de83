/* A user's data set as rows: a list of points or numbers. */
#include <math.h>

#include "io/agree.h"
#include "io/dataset_open.h"
#include "sculptor/files.h"

static const char *open_rows(const char *path, const char *name, struct dataset *dataset, struct dataset_shape *shape)
{
        *shape = (struct dataset_shape){0};
        const char *why = dataset_open(path, name, dataset);
        if (!why && dataset->rank != 1 && dataset->rank != 2)
                why = reason("%s: %s has %d dimensions; (rows) or (rows, columns) is wanted", path, name,
                             dataset->rank);
        if (!why)
                why = dataset_check_values(dataset);
        if (!why)
                *shape = (struct dataset_shape){(int64_t)dataset->shape[0],
                                                dataset->rank == 2 ? (int64_t)dataset->shape[1] : 1};
        return why;
}

const char *dataset_inspect(const char *path, const char *name, struct dataset_shape *shape)
{
        struct dataset dataset;
        const char *why = open_rows(path, name, &dataset, shape);
        dataset_close(&dataset);
        return why;
}

static const char *read_rows(hid_t set, const char *path, const char *name, hsize_t first, hsize_t count,
                             hsize_t n_columns, double *rows)
{
        hid_t space = H5(H5Dget_space(set));
        hsize_t start[2] = {first, 0}, size[2] = {count, n_columns};
        hid_t memory = H5(H5Screate_simple(H5Sget_simple_extent_ndims(space), size, NULL));
        H5(H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL));
        H5(H5Dread(set, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, rows));
        H5Sclose(memory);
        H5Sclose(space);
        if (hdf5_failure())
                return reason("%s: %s: %s", path, name, hdf5_failure());
        for (hsize_t i = 0; i < count * n_columns; i++)
                if (!isfinite(rows[i]))
                        return reason("%s: %s: row %llu, column %llu is not finite", path, name,
                                      (unsigned long long)(first + i / n_columns), (unsigned long long)(i % n_columns));
        return NULL;
}

const char *dataset_read_rows(const char *path, const char *name, int64_t first, int64_t count, double *rows)
{
        struct dataset dataset;
        struct dataset_shape shape;
        const char *why = open_rows(path, name, &dataset, &shape);
        if (!why && (first < 0 || count < 0 || first > shape.n_rows || count > shape.n_rows - first))
                why = reason("%s: %s has %lld rows; %lld from row %lld on are wanted", path, name,
                             (long long)shape.n_rows, (long long)count, (long long)first);
        if (!why && count > 0)
                why = read_rows(dataset.set, path, name, (hsize_t)first, (hsize_t)count, (hsize_t)shape.n_columns,
                                rows);
        dataset_close(&dataset);
        return why;
}
