/* A user's data set as rows: a list of points or numbers. */
#include <math.h>
#include <stdbool.h>

#include "io/agree.h"
#include "io/dataset_open.h"
#include "sculptor/files.h"

/* `flat`: of any rank, all axes but the first as columns. */
static const char *open_rows(const char *path, const char *name, bool flat, struct dataset *dataset,
                             struct dataset_shape *shape)
{
        *shape = (struct dataset_shape){0};
        const char *why = dataset_open(path, name, dataset);
        if (!why && (dataset->rank < 1 || (!flat && dataset->rank > 2)))
                why = reason("%s: %s has %d dimensions; (rows) or (rows, columns) is wanted", path, name,
                             dataset->rank);
        if (!why)
                why = dataset_check_values(dataset); /* their number too: its product does not overflow */
        if (why)
                return why;
        *shape = (struct dataset_shape){.n_rows = (int64_t)dataset->shape[0], .n_columns = 1, .rank = dataset->rank};
        for (int axis = 0; axis < dataset->rank; axis++) {
                shape->size[axis] = (int64_t)dataset->shape[axis];
                shape->n_columns *= axis > 0 ? shape->size[axis] : 1;
        }
        return NULL;
}

static const char *inspect(const char *path, const char *name, bool flat, struct dataset_shape *shape)
{
        struct dataset dataset;
        const char *why = open_rows(path, name, flat, &dataset, shape);
        dataset_close(&dataset);
        return why;
}

const char *dataset_inspect(const char *path, const char *name, struct dataset_shape *shape)
{
        return inspect(path, name, false, shape);
}

const char *dataset_inspect_flat(const char *path, const char *name, struct dataset_shape *shape)
{
        return inspect(path, name, true, shape);
}

static const char *read_values(const struct dataset *dataset, hsize_t first, hsize_t count, hsize_t n_columns,
                               double *rows)
{
        hid_t space = H5(H5Dget_space(dataset->set));
        hsize_t start[DATASET_MAX_RANK] = {first}, size[DATASET_MAX_RANK] = {count};
        for (int axis = 1; axis < dataset->rank; axis++)
                size[axis] = dataset->shape[axis];
        hid_t memory = H5(H5Screate_simple(dataset->rank, size, NULL));
        H5(H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL));
        H5(H5Dread(dataset->set, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, rows));
        H5Sclose(memory);
        H5Sclose(space);
        if (hdf5_failure())
                return reason("%s: %s: %s", dataset->path, dataset->name, hdf5_failure());
        for (hsize_t i = 0; i < count * n_columns; i++)
                if (!isfinite(rows[i]))
                        return reason("%s: %s: row %llu, column %llu is not finite", dataset->path, dataset->name,
                                      (unsigned long long)(first + i / n_columns), (unsigned long long)(i % n_columns));
        return NULL;
}

static const char *read_some(const char *path, const char *name, bool flat, int64_t first, int64_t count, double *rows)
{
        struct dataset dataset;
        struct dataset_shape shape;
        const char *why = open_rows(path, name, flat, &dataset, &shape);
        if (!why && (first < 0 || count < 0 || first > shape.n_rows || count > shape.n_rows - first))
                why = reason("%s: %s has %lld rows; %lld from row %lld on are wanted", path, name,
                             (long long)shape.n_rows, (long long)count, (long long)first);
        if (!why && count > 0)
                why = read_values(&dataset, (hsize_t)first, (hsize_t)count, (hsize_t)shape.n_columns, rows);
        dataset_close(&dataset);
        return why;
}

const char *dataset_read_rows(const char *path, const char *name, int64_t first, int64_t count, double *rows)
{
        return read_some(path, name, false, first, count, rows);
}

const char *dataset_read_flat(const char *path, const char *name, int64_t first, int64_t count, double *rows)
{
        return read_some(path, name, true, first, count, rows);
}
