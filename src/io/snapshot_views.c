#include "io/snapshot_views.h"

#include <hdf5_hl.h>
#include <math.h>
#include <stdlib.h>

#include "io/openpmd.h"
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

/* A component whose value is the same for all n particles. */
static hid_t make_constant(hid_t where, const char *name, double value, hsize_t n)
{
        const uint64_t shape = n;
        hid_t group = openpmd_make_group(where, name);
        hdf5_put_attribute(group, "shape", H5T_STD_U64LE, 1, &shape);
        hdf5_put_real(group, "value", value);
        openpmd_put_component(group);
        return group;
}

/* The whole of a root array of rank 1 or 2, as a particle record. */
static void put_whole(hid_t where, const char *name, const char *source, int rank, const hsize_t *shape, hid_t type)
{
        hid_t space = H5(H5Screate_simple(rank, shape, NULL));
        hid_t view = openpmd_make_view(where, name, rank, shape, source, space, type);
        openpmd_put_record(view, false);
        openpmd_put_component(view);
        H5Dclose(view);
        H5Sclose(space);
}

static void put_position(hid_t particles, const hsize_t shape[2], int n_axes)
{
        hid_t position = openpmd_make_group(particles, "position"),
              offset = openpmd_make_group(particles, "positionOffset");
        openpmd_put_record(position, true);
        openpmd_put_record(offset, true);
        hid_t space = H5(H5Screate_simple(2, shape, NULL));
        for (int j = 0; j < n_axes && j < 3; j++) {
                const hsize_t start[2] = {0, (hsize_t)j}, count[2] = {shape[0], 1};
                H5(H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL));
                hid_t view = openpmd_make_view(position, axes[j], 1, shape, "/state", space, H5T_IEEE_F64LE);
                openpmd_put_component(view);
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
        hid_t patches = openpmd_make_group(particles, "particlePatches");
        for (int i = 0; i < 2; i++) {
                hdf5_put_array(patches, names[i], H5T_STD_U64LE, H5T_NATIVE_UINT64, 1, &one, &counts[i]);
                hid_t count = H5(H5Dopen2(patches, names[i], H5P_DEFAULT));
                openpmd_put_component(count);
                H5Dclose(count);
        }
        hid_t offset = openpmd_make_group(patches, "offset"), extent = openpmd_make_group(patches, "extent");
        openpmd_put_record(offset, true);
        openpmd_put_record(extent, true);
        for (int j = 0; j < box->n; j++) {
                /* A patch holds what is at or above its offset and below its end. */
                double size = nextafter(box->high[j], INFINITY) - box->low[j];
                hdf5_put_array(offset, axes[j], H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 1, &one, &box->low[j]);
                hdf5_put_array(extent, axes[j], H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 1, &one, &size);
                for (int i = 0; i < 2; i++) {
                        hid_t value = H5(H5Dopen2(i ? extent : offset, axes[j], H5P_DEFAULT));
                        openpmd_put_component(value);
                        H5Dclose(value);
                }
        }
        H5Gclose(extent);
        H5Gclose(offset);
        H5Gclose(patches);
}

static void put_openpmd(hid_t file, const struct snapshot *snapshot, const struct snapshot_box *box)
{
        const hsize_t shape[2] = {(hsize_t)snapshot->population->n_global, (hsize_t)snapshot->population->n_dim};
        openpmd_put_root(file, false);
        hid_t iteration = openpmd_make_iteration(file, snapshot);
        hid_t all = openpmd_make_group(iteration, "particles"), particles = openpmd_make_group(all, "population");
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
        openpmd_put_record(weighting, false);
        H5Gclose(weighting);
        put_patch(particles, shape[0], box);
        H5Gclose(particles);
        H5Gclose(all);
        H5Gclose(iteration);
}

/* ArviZ: /posterior/x (chain, draw, x_dim_0), one chain, with scales of its own. */
static void put_posterior(hid_t file, const struct population *population)
{
        static const char *const scales[] = {"chain", "draw", "x_dim_0"};
        const hsize_t source[2] = {(hsize_t)population->n_global, (hsize_t)population->n_dim};
        const hsize_t shape[3] = {1, source[0], source[1]};
        static const char *const from[] = {NULL, "/particle", "/coord"};
        hid_t types[] = {H5T_STD_I32LE, H5T_STD_U64LE, H5T_STD_I32LE};
        hid_t group = openpmd_make_group(file, "posterior"), space = H5(H5Screate_simple(2, source, NULL));
        hid_t view = openpmd_make_view(group, "x", 3, shape, "/state", space, H5T_IEEE_F64LE);
        H5Sclose(space);
        for (unsigned i = 0; i < 3; i++) {
                const int32_t zero = 0;
                if (from[i]) {
                        space = H5(H5Screate_simple(1, &shape[i], NULL));
                        H5Dclose(openpmd_make_view(group, scales[i], 1, &shape[i], from[i], space, types[i]));
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
