#include "io/field_axes.h"

#include <stdlib.h>

#include "sculptor/memory.h"

const char *const *field_axes(const struct mesh *mesh)
{
        static const char *const names[MESH_MAX_AXES] = {"z", "y", "x"};
        return names + MESH_MAX_AXES - mesh->n_axes;
}

static void put_scale(hid_t file, const char *name, const char *capital, int64_t n, double length)
{
        double *centre = allocate((size_t)n, sizeof *centre);
        for (int64_t i = 0; i < n; i++)
                centre[i] = ((double)i + 0.5) * length / (double)n;
        const hsize_t shape = (hsize_t)n;
        hdf5_put_array(file, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 1, &shape, centre);
        free(centre);
        hdf5_describe_array(file, name, "Mpc/h", "centres of cells");
        hdf5_make_scale(file, name);
        hid_t scale = H5(H5Dopen2(file, name, H5P_DEFAULT));
        hdf5_put_text(scale, "axis", capital);
        H5Dclose(scale);
}

void field_axes_put(hid_t file, const struct mesh *mesh)
{
        static const char *const capitals[MESH_MAX_AXES] = {"Z", "Y", "X"};
        int32_t n[MESH_MAX_AXES];
        for (int i = 0; i < mesh->n_axes; i++) {
                n[i] = (int32_t)mesh->n[i];
                put_scale(file, field_axes(mesh)[i], capitals[MESH_MAX_AXES - mesh->n_axes + i], mesh->n[i],
                          mesh->length[i]);
        }
        hdf5_put_reals(file, "BoxSize", mesh->length, (size_t)mesh->n_axes);
        hdf5_put_attribute(file, "Nmesh", H5T_STD_I32LE, (hsize_t)mesh->n_axes, n);
}
