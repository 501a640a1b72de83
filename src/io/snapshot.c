#include "sculptor/snapshot.h"

#include <hdf5_hl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/agree.h"
#include "io/disk.h"
#include "io/hdf5_file.h"
#include "io/path.h"
#include "io/provenance.h"
#include "io/snapshot_views.h"
#include "sculptor/memory.h"

enum { MAX_COLUMNS = 16 };

/* A dimension scale and its name. */
static void make_scale(hid_t file, const char *name, const char *help)
{
        hdf5_describe_array(file, name, "1", help);
        hid_t scale = H5(H5Dopen2(file, name, H5P_DEFAULT));
        H5(H5DSset_scale(scale, name));
        H5Dclose(scale);
}

static void attach(hid_t file, const char *name, const char *const *scales, unsigned n_scales)
{
        hid_t array = H5(H5Dopen2(file, name, H5P_DEFAULT));
        for (unsigned i = 0; i < n_scales; i++) {
                hid_t scale = H5(H5Dopen2(file, scales[i], H5P_DEFAULT));
                H5(H5DSattach_scale(array, scale, i));
                H5(H5DSset_label(array, i, scales[i]));
                H5Dclose(scale);
        }
        H5Dclose(array);
}

struct snapshot_source {
        const struct snapshot *snapshot;
        struct snapshot_box box;
};

static void describe(hid_t file, const void *owner)
{
        static const char *const scales[] = {"particle", "coord"};
        const struct snapshot_source *source = owner;
        const struct snapshot *snapshot = source->snapshot;
        const struct population *population = snapshot->population;
        hsize_t shape[2] = {(hsize_t)population->n_global, (hsize_t)population->n_dim};
        provenance_put(file, "Sculptor: a population at one noise level", snapshot->provenance);
        hdf5_put_integer(file, "index", snapshot->index);
        hdf5_put_real(file, "sigma_first", snapshot->sigma_first);
        hdf5_put_array(file, "sigma", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 0, NULL, &snapshot->sigma);
        hdf5_describe_array(file, "sigma", "1", "noise level");

        H5Dclose(hdf5_create_array(file, "particle", H5T_STD_U64LE, 1, shape));
        make_scale(file, "particle", "particle id");
        int32_t *coordinate = allocate((size_t)population->n_dim, sizeof *coordinate);
        for (int64_t j = 0; j < population->n_dim; j++)
                coordinate[j] = (int32_t)j;
        hdf5_put_array(file, "coord", H5T_STD_I32LE, H5T_NATIVE_INT32, 1, &shape[1], coordinate);
        free(coordinate);
        make_scale(file, "coord", "coordinate");

        H5Dclose(hdf5_create_array(file, "state", H5T_IEEE_F64LE, 2, shape));
        hdf5_describe_array(file, "state", "1", "position of a particle");
        attach(file, "state", scales, 2);
        for (size_t i = 0; i < snapshot->n_columns; i++) {
                const struct snapshot_column *column = &snapshot->columns[i];
                H5Dclose(hdf5_create_array(file, column->name, H5T_IEEE_F64LE, 1, shape));
                hdf5_describe_array(file, column->name, column->unit, column->help);
                attach(file, column->name, scales, 1);
        }
        snapshot_views_put(file, snapshot, &source->box);
}

static void fill_particle(const void *owner, int64_t first, int64_t count, void *rows)
{
        (void)owner; /* an id is its row */
        uint64_t *id = rows;
        for (int64_t i = 0; i < count; i++)
                id[i] = (uint64_t)(first + i);
}

static void fill_state(const void *owner, int64_t first, int64_t count, void *rows)
{
        const struct population *population = owner;
        population_to_rows(population, population->x, first, count, rows);
}

struct column_source {
        const struct snapshot_column *column;
        const struct population *population;
};

static void fill_column(const void *owner, int64_t first, int64_t count, void *rows)
{
        const struct column_source *source = owner;
        const struct population *population = source->population;
        _Alignas(64) double value[LANES];
        double *next = rows;
        for (int64_t particle = first, end = first + count; particle < end;) {
                size_t t = (size_t)(particle / LANES - population->tile_begin);
                int64_t lane = particle % LANES, n = LANES - lane < end - particle ? LANES - lane : end - particle;
                source->column->evaluate(source->column->owner, population_tile(population, t), value);
                memcpy(next, value + lane, (size_t)n * sizeof *value);
                next += n;
                particle += n;
        }
}

const char *snapshot_write(const char *directory, const struct snapshot *snapshot)
{
        const struct population *population = snapshot->population;
        if (snapshot->n_columns > MAX_COLUMNS)
                return agree(reason("a snapshot has at most %d columns", MAX_COLUMNS));
        const struct snapshot_source whole = {snapshot, snapshot_box_measure(population)};
        struct file_array array[2 + MAX_COLUMNS];
        struct column_source source[MAX_COLUMNS];
        const struct file_array particles = {.name = "particle",
                                             .slab = file_slab_particles(population, true),
                                             .value_bytes = sizeof(double),
                                             .fill = fill_particle,
                                             .owner = population};
        array[0] = array[1] = particles;
        array[1].name = "state";
        array[1].slab = population_slab(population);
        array[1].fill = fill_state;
        for (size_t i = 0; i < snapshot->n_columns; i++) {
                source[i] = (struct column_source){&snapshot->columns[i], population};
                array[2 + i] = particles;
                array[2 + i].name = snapshot->columns[i].name;
                array[2 + i].fill = fill_column;
                array[2 + i].owner = &source[i];
        }
        char *name = format_text("snapshot_%04" PRId64 ".h5", snapshot->index), *path = path_join(directory, name);
        struct file_plan plan = {.path = path,
                                 .describe = describe,
                                 .owner = &whole,
                                 .array = array,
                                 .n_arrays = 2 + snapshot->n_columns};
        const char *why = hdf5_file_write(&plan);
        free(name);
        free(path);
        return why;
}

int64_t snapshot_size(int64_t n_particles, int64_t n_dim, size_t n_columns)
{
        /* Parameters, input text and HDF5's own: some tens of KiB. */
        return n_particles * (n_dim + 1 + (int64_t)n_columns) * (int64_t)sizeof(double) + 4 * n_dim + (32 << 10);
}
