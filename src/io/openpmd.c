#include "io/openpmd.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

void openpmd_put_root(hid_t file, bool meshes)
{
        const uint32_t extension = 0;
        hdf5_put_attribute(file, "openPMDextension", H5T_STD_U32LE, 0, &extension);
        hdf5_put_text(file, "openPMD", "1.1.0");
        hdf5_put_text(file, "basePath", "/data/%T/");
        hdf5_put_text(file, meshes ? "meshesPath" : "particlesPath", meshes ? "meshes/" : "particles/");
        hdf5_put_text(file, "iterationEncoding", "fileBased");
        hdf5_put_text(file, "iterationFormat", "snapshot_%04T.h5");
}

/* Strictly increasing with the index: ln(sigma_1/sigma) where the noise falls, else levels. */
static double snapshot_time(const struct snapshot *snapshot)
{
        if (!(snapshot->sigma < snapshot->sigma_first))
                return (double)(snapshot->index - 1);
        return log(snapshot->sigma_first) - log(fmax(snapshot->sigma, DBL_MIN)); /* finite for a denoised one too */
}

hid_t openpmd_make_iteration(hid_t file, const struct snapshot *snapshot)
{
        char name[32];
        snprintf(name, sizeof name, "%" PRId64, snapshot->index);
        hid_t data = openpmd_make_group(file, "data"), iteration = openpmd_make_group(data, name);
        hdf5_put_real(iteration, "time", snapshot_time(snapshot));
        hdf5_put_real(iteration, "dt", 0.0); /* levels are not evenly spaced */
        hdf5_put_real(iteration, "timeUnitSI", 1.0);
        hdf5_put_real(iteration, "sigma", snapshot->sigma);
        H5Gclose(data);
        return iteration;
}

hid_t openpmd_make_group(hid_t where, const char *name)
{
        return H5(H5Gcreate2(where, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}

void openpmd_put_record(hid_t object, bool length)
{
        const double dimension[7] = {length ? 1.0 : 0.0};
        hdf5_put_reals(object, "unitDimension", dimension, 7);
        hdf5_put_real(object, "timeOffset", 0.0);
}

void openpmd_put_component(hid_t object)
{
        hdf5_put_real(object, "unitSI", 1.0);
}

hid_t openpmd_make_view(hid_t where, const char *name, int rank, const hsize_t *shape, const char *source,
                        hid_t source_space, hid_t type)
{
        hid_t space = H5(H5Screate_simple(rank, shape, NULL)), creation = H5(H5Pcreate(H5P_DATASET_CREATE));
        H5(H5Pset_virtual(creation, space, ".", source, source_space));
        hid_t view = H5(H5Dcreate2(where, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT));
        H5Pclose(creation);
        H5Sclose(space);
        return view;
}
