/* A user's data set as a field on our mesh. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "io/agree.h"
#include "io/dataset_open.h"
#include "sculptor/field_file.h"

enum { SHAPE_TEXT = 24 * DATASET_MAX_RANK };

/* "(64, 32)" */
static void print_shape(char text[SHAPE_TEXT], int rank, const hsize_t *shape)
{
        int n = snprintf(text, SHAPE_TEXT, "(");
        for (int i = 0; i < rank; i++)
                n += snprintf(text + n, (size_t)(SHAPE_TEXT - n), "%s%llu", i ? ", " : "",
                              (unsigned long long)shape[i]);
        snprintf(text + n, (size_t)(SHAPE_TEXT - n), ")");
}

/* One field, or, where `n_fields` is not NULL, any number of them along a first axis. */
static const char *check_shape(const struct dataset *dataset, const struct mesh *mesh, int64_t *n_fields)
{
        hsize_t wanted[MESH_MAX_AXES];
        const int extra = n_fields && dataset->rank == mesh->n_axes + 1 ? 1 : 0;
        bool same = dataset->rank == mesh->n_axes + extra;
        for (int i = 0; i < mesh->n_axes; i++) {
                wanted[i] = (hsize_t)mesh->n[i];
                same = same && dataset->shape[i + extra] == wanted[i];
        }
        if (n_fields)
                *n_fields = extra ? (int64_t)dataset->shape[0] : 1;
        if (same)
                return NULL;
        char found[SHAPE_TEXT], mesh_shape[SHAPE_TEXT];
        print_shape(found, dataset->rank, dataset->shape);
        print_shape(mesh_shape, mesh->n_axes, wanted);
        return reason("%s in %s has shape %s, but the mesh is %s", dataset->name, dataset->path, found, mesh_shape);
}

static const char *open_field(const char *path, const char *name, const struct mesh *mesh, int64_t *n_fields,
                              struct dataset *dataset)
{
        const char *why = dataset_open(path, name, dataset);
        if (!why)
                why = check_shape(dataset, mesh, n_fields);
        return why ? why : dataset_check_values(dataset);
}

const char *field_inspect(const char *path, const char *name, const struct mesh *mesh)
{
        struct dataset dataset;
        const char *why = open_field(path, name, mesh, NULL, &dataset);
        dataset_close(&dataset);
        return why;
}

const char *fields_inspect(const char *path, const char *name, const struct mesh *mesh, int64_t *n_fields)
{
        struct dataset dataset;
        const char *why = open_field(path, name, mesh, n_fields, &dataset);
        dataset_close(&dataset);
        return why;
}

static const char *check_finite(const struct dataset *dataset, const struct mesh *mesh, const double *field)
{
        for (size_t plane = 0; plane < mesh->n_planes_here; plane++)
                for (size_t i = 0; i < mesh->plane_cells; i++) {
                        if (isfinite(field[plane * mesh->plane_stride + i]))
                                continue;
                        const hsize_t n_x = (hsize_t)mesh->n[mesh->n_axes - 1], z = (hsize_t)mesh->plane_begin + plane;
                        const hsize_t cell[MESH_MAX_AXES] = {z, mesh->n_axes == 3 ? i / n_x : i, i % n_x};
                        char text[SHAPE_TEXT];
                        print_shape(text, mesh->n_axes, cell);
                        return reason("%s: %s: cell %s is not finite", dataset->path, dataset->name, text);
                }
        return NULL;
}

/* All planes in one read, so that a chunk that holds several is unpacked once. */
static const char *read_planes(const struct dataset *dataset, const struct mesh *mesh, int64_t index, bool finite,
                               double *field)
{
        const hsize_t lines[2] = {mesh->n_planes_here, mesh->plane_stride}, zero[2] = {0};
        const hsize_t cells[2] = {mesh->n_planes_here, mesh->plane_cells};
        const int extra = dataset->rank - mesh->n_axes;
        hsize_t start[MESH_MAX_AXES + 1] = {(hsize_t)index}, count[MESH_MAX_AXES + 1] = {1};
        for (int i = 0; i < mesh->n_axes; i++) {
                start[i + extra] = i == 0 ? (hsize_t)mesh->plane_begin : 0;
                count[i + extra] = i == 0 ? mesh->n_planes_here : (hsize_t)mesh->n[i];
        }
        hid_t space = H5(H5Dget_space(dataset->set)), memory = H5(H5Screate_simple(2, lines, NULL));
        H5(H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL));
        H5(H5Sselect_hyperslab(memory, H5S_SELECT_SET, zero, NULL, cells, NULL));
        H5(H5Dread(dataset->set, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, field));
        H5Sclose(memory);
        H5Sclose(space);
        if (hdf5_failure())
                return reason("%s: %s: %s", dataset->path, dataset->name, hdf5_failure());
        return finite ? check_finite(dataset, mesh, field) : NULL;
}

static const char *read_one(const char *path, const char *name, const struct mesh *mesh, int64_t *n_fields,
                            int64_t index, bool finite, double *field)
{
        struct dataset dataset;
        const char *why = open_field(path, name, mesh, n_fields, &dataset);
        if (!why && mesh->n_planes_here > 0) {
                memset(field, 0, mesh->size * sizeof *field);
                why = read_planes(&dataset, mesh, index, finite, field);
        }
        dataset_close(&dataset);
        return why;
}

const char *field_read(const char *path, const char *name, const struct mesh *mesh, double *field)
{
        return agree(read_one(path, name, mesh, NULL, 0, true, field));
}

const char *field_read_any(const char *path, const char *name, const struct mesh *mesh, double *field)
{
        return agree(read_one(path, name, mesh, NULL, 0, false, field));
}

const char *fields_read_one(const char *path, const char *name, const struct mesh *mesh, int64_t index, double *field)
{
        int64_t n_fields;
        return read_one(path, name, mesh, &n_fields, index, true, field);
}
