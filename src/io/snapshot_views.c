#include "io/snapshot_views.h"

#include <float.h>
#include <hdf5_hl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sculptor/memory.h"
#include "sculptor/parallel.h"

static const char *const axes[] = {"x", "y", "z"};

struct snapshot_box snapshot_box_measure(const struct population *population)
{
        struct snapshot_box box = {.n = population->n_dim < 3 ? (int)population->n_dim : 3};
        for (int j = 0; j < box.n; j++) {
                double low[LANES], high[LANES]; /* a pair per lane, so that whole vectors are compared */
                for (int lane = 0; lane < LANES; lane++) {
                        low[lane] = INFINITY;
                        high[lane] = -INFINITY;
                }
                for (size_t t = 0; t < population->n_tiles; t++) {
                        const double *x = population_tile(population, t) + j * LANES; /* spare lanes are copies */
                        for (int lane = 0; lane < LANES; lane++) {
                                low[lane] = x[lane] < low[lane] ? x[lane] : low[lane];
                                high[lane] = x[lane] > high[lane] ? x[lane] : high[lane];
                        }
                }
                for (int lane = 1; lane < LANES; lane++) {
                        low[0] = fmin(low[0], low[lane]);
                        high[0] = fmax(high[0], high[lane]);
                }
                box.low[j] = parallel_min(low[0]);
                box.high[j] = parallel_max(high[0]);
        }
        return box;
}

/* ---- parts of openPMD 1.1.0 ---- */

static void put_record(hid_t object, bool length)
{
        const double dimension[7] = {length ? 1.0 : 0.0};
        hdf5_put_reals(object, "unitDimension", dimension, 7);
        hdf5_put_real(object, "timeOffset", 0.0);
}

static void put_component(hid_t object)
{
        hdf5_put_real(object, "unitSI", 1.0);
}

static hid_t make_group(hid_t where, const char *name)
{
        return H5(H5Gcreate2(where, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}

/* A component whose value is the same for all n particles. */
static hid_t make_constant(hid_t where, const char *name, double value, hsize_t n)
{
        const hsize_t one = 1;
        hid_t group = make_group(where, name), space = H5(H5Screate_simple(1, &one, NULL));
        hid_t shape = H5(H5Acreate2(group, "shape", H5T_STD_U64LE, space, H5P_DEFAULT, H5P_DEFAULT));
        H5(H5Awrite(shape, H5T_NATIVE_HSIZE, &n));
        H5Aclose(shape);
        H5Sclose(space);
        hdf5_put_real(group, "value", value);
        put_component(group);
        return group;
}

/* Part of a root array under another name: what is selected of the source is the whole of the view. */
static hid_t make_view(hid_t where, const char *name, int rank, const hsize_t *shape, const char *source,
                       hid_t source_space, hid_t type)
{
        hid_t space = H5(H5Screate_simple(rank, shape, NULL)), creation = H5(H5Pcreate(H5P_DATASET_CREATE));
        H5(H5Pset_virtual(creation, space, ".", source, source_space));
        hid_t view = H5(H5Dcreate2(where, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT));
        H5Pclose(creation);
        H5Sclose(space);
        return view;
}

/* The whole of a root array of rank 1 or 2, as a particle record. */
static void put_whole(hid_t where, const char *name, const char *source, int rank, const hsize_t *shape, hid_t type)
{
        hid_t space = H5(H5Screate_simple(rank, shape, NULL));
        hid_t view = make_view(where, name, rank, shape, source, space, type);
        put_record(view, false);
        put_component(view);
        H5Dclose(view);
        H5Sclose(space);
}

static void put_position(hid_t particles, const hsize_t shape[2], int n_axes)
{
        hid_t position = make_group(particles, "position"), offset = make_group(particles, "positionOffset");
        put_record(position, true);
        put_record(offset, true);
        hid_t space = H5(H5Screate_simple(2, shape, NULL));
        for (int j = 0; j < n_axes && j < 3; j++) {
                const hsize_t start[2] = {0, (hsize_t)j}, count[2] = {shape[0], 1};
                H5(H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL));
                hid_t view = make_view(position, axes[j], 1, shape, "/state", space, H5T_IEEE_F64LE);
                put_component(view);
                H5Dclose(view);
                H5Gclose(make_constant(offset, axes[j], 0.0, shape[0]));
        }
        H5Sclose(space);
        H5Gclose(offset);
        H5Gclose(position);
}

/* One patch, which holds all particles: patches by rank would tell how the run was split. */
static void put_patch(hid_t particles, hsize_t n, const struct snapshot_box *box)
{
        const hsize_t one = 1;
        const uint64_t counts[2] = {n, 0};
        static const char *const names[] = {"numParticles", "numParticlesOffset"};
        hid_t patches = make_group(particles, "particlePatches");
        for (int i = 0; i < 2; i++) {
                hdf5_put_array(patches, names[i], H5T_STD_U64LE, H5T_NATIVE_UINT64, 1, &one, &counts[i]);
                hid_t count = H5(H5Dopen2(patches, names[i], H5P_DEFAULT));
                put_component(count);
                H5Dclose(count);
        }
        hid_t offset = make_group(patches, "offset"), extent = make_group(patches, "extent");
        put_record(offset, true);
        put_record(extent, true);
        for (int j = 0; j < box->n; j++) {
                /* A patch holds what is at or above its offset and below its end. */
                double size = nextafter(box->high[j], INFINITY) - box->low[j];
                hdf5_put_array(offset, axes[j], H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 1, &one, &box->low[j]);
                hdf5_put_array(extent, axes[j], H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 1, &one, &size);
                for (int i = 0; i < 2; i++) {
                        hid_t value = H5(H5Dopen2(i ? extent : offset, axes[j], H5P_DEFAULT));
                        put_component(value);
                        H5Dclose(value);
                }
        }
        H5Gclose(extent);
        H5Gclose(offset);
        H5Gclose(patches);
}

/* Strictly increasing with the index: ln(sigma_1/sigma) where the noise falls, else levels. */
static double snapshot_time(const struct snapshot *snapshot)
{
        if (!(snapshot->sigma < snapshot->sigma_first))
                return (double)(snapshot->index - 1);
        return log(snapshot->sigma_first) - log(fmax(snapshot->sigma, DBL_MIN)); /* finite for a denoised one too */
}

static void put_openpmd(hid_t file, const struct snapshot *snapshot, const struct snapshot_box *box)
{
        const hsize_t shape[2] = {(hsize_t)snapshot->population->n_global, (hsize_t)snapshot->population->n_dim};
        const uint32_t extension = 0;
        hid_t space = H5(H5Screate(H5S_SCALAR));
        hid_t attribute = H5(H5Acreate2(file, "openPMDextension", H5T_STD_U32LE, space, H5P_DEFAULT, H5P_DEFAULT));
        H5(H5Awrite(attribute, H5T_NATIVE_UINT32, &extension));
        H5Aclose(attribute);
        H5Sclose(space);
        hdf5_put_text(file, "openPMD", "1.1.0");
        hdf5_put_text(file, "basePath", "/data/%T/");
        hdf5_put_text(file, "particlesPath", "particles/");
        hdf5_put_text(file, "iterationEncoding", "fileBased");
        hdf5_put_text(file, "iterationFormat", "snapshot_%04T.h5");

        char name[32];
        snprintf(name, sizeof name, "%" PRId64, snapshot->index);
        hid_t data = make_group(file, "data"), iteration = make_group(data, name);
        hdf5_put_real(iteration, "time", snapshot_time(snapshot));
        hdf5_put_real(iteration, "dt", 0.0); /* levels are not evenly spaced */
        hdf5_put_real(iteration, "timeUnitSI", 1.0);
        hdf5_put_real(iteration, "sigma", snapshot->sigma);
        hid_t all = make_group(iteration, "particles"), particles = make_group(all, "population");
        put_position(particles, shape, box->n);
        put_whole(particles, "id", "/particle", 1, shape, H5T_STD_U64LE);
        for (size_t i = 0; i < snapshot->n_columns; i++) {
                char *source = format_text("/%s", snapshot->columns[i].name);
                put_whole(particles, snapshot->columns[i].name, source, 1, shape, H5T_IEEE_F64LE);
                free(source);
        }
        if (snapshot->population->n_dim > 3)
                put_whole(particles, "state", "/state", 2, shape, H5T_IEEE_F64LE);
        hid_t weighting = make_constant(particles, "weighting", 1.0, shape[0]);
        put_record(weighting, false);
        H5Gclose(weighting);
        put_patch(particles, shape[0], box);
        H5Gclose(particles);
        H5Gclose(all);
        H5Gclose(iteration);
        H5Gclose(data);
}

/* ArviZ: /posterior/x (chain, draw, x_dim_0), one chain, with scales of its own. */
static void put_posterior(hid_t file, const struct population *population)
{
        static const char *const scales[] = {"chain", "draw", "x_dim_0"};
        const hsize_t source[2] = {(hsize_t)population->n_global, (hsize_t)population->n_dim};
        const hsize_t shape[3] = {1, source[0], source[1]};
        static const char *const from[] = {NULL, "/particle", "/coord"};
        hid_t types[] = {H5T_STD_I32LE, H5T_STD_U64LE, H5T_STD_I32LE};
        hid_t group = make_group(file, "posterior"), space = H5(H5Screate_simple(2, source, NULL));
        hid_t view = make_view(group, "x", 3, shape, "/state", space, H5T_IEEE_F64LE);
        H5Sclose(space);
        for (unsigned i = 0; i < 3; i++) {
                const int32_t zero = 0;
                if (from[i]) {
                        space = H5(H5Screate_simple(1, &shape[i], NULL));
                        H5Dclose(make_view(group, scales[i], 1, &shape[i], from[i], space, types[i]));
                        H5Sclose(space);
                } else {
                        hdf5_put_array(group, scales[i], types[i], H5T_NATIVE_INT32, 1, &shape[i], &zero);
                }
                hid_t scale = H5(H5Dopen2(group, scales[i], H5P_DEFAULT));
                H5(H5DSset_scale(scale, scales[i]));
                H5(H5DSattach_scale(view, scale, i));
                H5(H5DSset_label(view, i, scales[i]));
                H5Dclose(scale);
        }
        H5Dclose(view);
        H5Gclose(group);
}

void snapshot_views_put(hid_t file, const struct snapshot *snapshot, const struct snapshot_box *box)
{
        put_openpmd(file, snapshot, box);
        put_posterior(file, snapshot->population);
}
