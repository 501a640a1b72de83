#include "io/field_views.h"

#include <stdio.h>

#include "io/field_axes.h"
#include "io/openpmd.h"

static void put_axis_labels(hid_t record, const struct mesh *mesh)
{
        char letters[MESH_MAX_AXES];
        for (int i = 0; i < mesh->n_axes; i++)
                letters[i] = field_axes(mesh)[i][0];
        hid_t letter = H5(H5Tcopy(H5T_C_S1)); /* one character: an array of strings of that length */
        H5(H5Tset_strpad(letter, H5T_STR_NULLPAD));
        hdf5_put_attribute(record, "axisLabels", letter, (hsize_t)mesh->n_axes, letters);
        H5Tclose(letter);
}

/* A mesh record of one component. */
static void put_mesh_record(hid_t record, const struct mesh *mesh)
{
        const double zero[MESH_MAX_AXES] = {0}, half[MESH_MAX_AXES] = {0.5, 0.5, 0.5};
        const size_t n_axes = (size_t)mesh->n_axes;
        double spacing[MESH_MAX_AXES];
        for (size_t i = 0; i < n_axes; i++)
                spacing[i] = mesh->length[i] / (double)mesh->n[i];
        openpmd_put_record(record, false);
        openpmd_put_component(record);
        hdf5_put_text(record, "geometry", "cartesian");
        hdf5_put_text(record, "dataOrder", "C");
        put_axis_labels(record, mesh);
        hdf5_put_reals(record, "gridSpacing", spacing, n_axes);
        hdf5_put_reals(record, "gridGlobalOffset", zero, n_axes);
        hdf5_put_real(record, "gridUnitSI", 1.0);
        hdf5_put_reals(record, "position", half, n_axes); /* a value is its cell's centre's */
}

/* VTK has x first, and gives values to points: cells' centres here (as cell data ParaView 5.11 misreads them). */
static hid_t make_vtk_image(hid_t file, const struct mesh *mesh)
{
        const int64_t version[2] = {1, 0};
        int64_t extent[2 * MESH_MAX_AXES] = {0};
        double origin[MESH_MAX_AXES], spacing[MESH_MAX_AXES];
        const double direction[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
        for (int i = 0; i < MESH_MAX_AXES; i++) {
                int from = MESH_MAX_AXES - 1 - i;
                extent[2 * i + 1] = mesh->n[from] - 1;
                spacing[i] = mesh->length[from] / (double)mesh->n[from];
                origin[i] = 0.5 * spacing[i];
        }
        hid_t image = openpmd_make_group(file, "VTKHDF");
        hdf5_put_attribute(image, "Version", H5T_STD_I64LE, 2, version);
        hdf5_put_text(image, "Type", "ImageData");
        hdf5_put_attribute(image, "WholeExtent", H5T_STD_I64LE, 6, extent);
        hdf5_put_reals(image, "Origin", origin, 3);
        hdf5_put_reals(image, "Spacing", spacing, 3);
        hdf5_put_reals(image, "Direction", direction, 9);
        hid_t points = openpmd_make_group(image, "PointData");
        H5Gclose(image);
        return points;
}

void field_views_put(hid_t file, const struct snapshot *snapshot)
{
        const struct mesh *mesh = snapshot->mesh;
        const hsize_t n_fields = (hsize_t)snapshot->population->n_global;
        const hid_t type = snapshot->single ? H5T_IEEE_F32LE : H5T_IEEE_F64LE;
        const int rank = 1 + mesh->n_axes;
        hsize_t shape[1 + MESH_MAX_AXES] = {n_fields}, start[1 + MESH_MAX_AXES] = {0};
        for (int i = 0; i < mesh->n_axes; i++)
                shape[1 + i] = (hsize_t)mesh->n[i];

        openpmd_put_root(file, true);
        hid_t iteration = openpmd_make_iteration(file, snapshot), meshes = openpmd_make_group(iteration, "meshes");
        /* Two-dimensional images crash ParaView 5.11's reader; the XDMF file serves those. */
        hid_t points = mesh->n_axes == 3 ? make_vtk_image(file, mesh) : -1;
        hid_t space = H5(H5Screate_simple(rank, shape, NULL));
        shape[0] = 1;
        for (hsize_t m = 0; m < n_fields && m < FIELD_VIEWS; m++) {
                char name[32];
                snprintf(name, sizeof name, "density_%04d", (int)m);
                start[0] = m;
                H5(H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, shape, NULL));
                hid_t view = openpmd_make_view(meshes, name, mesh->n_axes, shape + 1, "/density", space, type);
                put_mesh_record(view, mesh);
                H5Dclose(view);
                /* A hard link, safe because scales are attached to /density and not to its views. */
                if (points >= 0)
                        H5(H5Lcreate_hard(meshes, name, points, name, H5P_DEFAULT, H5P_DEFAULT));
        }
        H5Sclose(space);
        if (points >= 0)
                H5Gclose(points);
        H5Gclose(meshes);
        H5Gclose(iteration);
}
