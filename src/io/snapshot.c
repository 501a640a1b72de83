#include "sculptor/snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/agree.h"
#include "io/field_views.h"
#include "io/hdf5_file.h"
#include "io/path.h"
#include "io/provenance.h"
#include "io/snapshot_parts.h"
#include "io/snapshot_views.h"
#include "sculptor/error.h"
#include "sculptor/memory.h"

enum { MAX_COLUMNS = 16 };

struct column_source {
        const struct snapshot_column *column;
        const struct population *population;
        double *number; /* of fields: [n_tiles], evaluated before anything is written */
};

struct snapshot_source {
        const struct snapshot *snapshot;
        struct snapshot_box box; /* of particles */
        struct file_particles state;
        struct column_source column[MAX_COLUMNS];
};

/* ---- what is in the file ---- */

static void describe_particles(hid_t file, const struct population *population)
{
        static const char *const scales[] = {"particle", "coord"};
        hsize_t shape[2] = {(hsize_t)population->n_global, (hsize_t)population->n_dim};
        H5Dclose(hdf5_create_array(file, "particle", H5T_STD_U64LE, 1, shape));
        hdf5_describe_array(file, "particle", "1", "particle id");
        hdf5_make_scale(file, "particle");
        int32_t *coordinate = allocate((size_t)population->n_dim, sizeof *coordinate);
        for (int64_t j = 0; j < population->n_dim; j++)
                coordinate[j] = (int32_t)j;
        hdf5_put_array(file, "coord", H5T_STD_I32LE, H5T_NATIVE_INT32, 1, &shape[1], coordinate);
        free(coordinate);
        hdf5_describe_array(file, "coord", "1", "coordinate");
        hdf5_make_scale(file, "coord");

        H5Dclose(hdf5_create_array(file, "state", H5T_IEEE_F64LE, 2, shape));
        hdf5_describe_array(file, "state", "1", "position of a particle");
        hdf5_attach_scales(file, "state", scales, 0, 2);
}

static void describe(hid_t file, const void *owner)
{
        const struct snapshot_source *source = owner;
        const struct snapshot *snapshot = source->snapshot;
        const char *title = snapshot->mesh ? "Sculptor: random fields at one noise level"
                                           : "Sculptor: a population at one noise level";
        provenance_put(file, title, snapshot->provenance);
        hdf5_put_integer(file, "index", snapshot->index);
        hdf5_put_real(file, "sigma_first", snapshot->sigma_first);
        if (snapshot->process) {
                hdf5_put_text(file, "process", snapshot->process);
                hdf5_put_real(file, "scale", snapshot->scale);
                hdf5_put_real(file, "time", snapshot->time);
        }
        hdf5_put_array(file, "sigma", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 0, NULL, &snapshot->sigma);
        hdf5_describe_array(file, "sigma", "1", "noise level");
        if (snapshot->mesh)
                snapshot_fields_describe(file, snapshot);
        else
                describe_particles(file, snapshot->population);

        const char *const scale = snapshot->mesh ? "realization" : "particle";
        const hsize_t shape = (hsize_t)snapshot->population->n_global;
        for (size_t i = 0; i < snapshot->n_columns; i++) {
                const struct snapshot_column *column = &snapshot->columns[i];
                H5Dclose(hdf5_create_array(file, column->name, H5T_IEEE_F64LE, 1, &shape));
                hdf5_describe_array(file, column->name, column->unit, column->help);
                hdf5_attach_scales(file, column->name, &scale, 0, 1);
        }
        if (snapshot->mesh)
                field_views_put(file, snapshot);
        else
                snapshot_views_put(file, snapshot, &source->box);
}

/* ---- its values ---- */

static void fill_column(const void *owner, int64_t first, int64_t count, void *rows)
{
        const struct column_source *source = owner;
        const struct population *population = source->population;
        if (source->number) {
                memcpy(rows, source->number + (first - population->tile_begin), (size_t)count * sizeof(double));
                return;
        }
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

/* The arrays of all snapshots in the file's order: ids, states, columns. Returns how many. */
static size_t plan_arrays(const struct snapshot_source *source, struct file_array *array)
{
        const struct snapshot *snapshot = source->snapshot;
        const struct population *population = snapshot->population;
        const struct file_array numbers = {.slab = file_slab_particles(population, true),
                                           .value_bytes = sizeof(double)};
        if (snapshot->mesh) {
                array[0] = snapshot_fields_ids(snapshot);
                array[1] = snapshot_fields_density(snapshot);
        } else {
                array[0] = array[1] = numbers;
                array[0].name = "particle";
                array[0].fill = file_fill_ids;
                array[1].name = "state";
                array[1].slab = population_slab(population);
                array[1].fill = file_fill_particles;
                array[1].owner = &source->state;
        }
        for (size_t i = 0; i < snapshot->n_columns; i++) {
                array[2 + i] = numbers;
                array[2 + i].name = snapshot->columns[i].name;
                array[2 + i].fill = fill_column;
                array[2 + i].owner = &source->column[i];
        }
        return 2 + snapshot->n_columns;
}

/* ---- writing ---- */

const char *snapshot_write(const char *directory, const struct snapshot *snapshot)
{
        const struct population *population = snapshot->population;
        if (snapshot->n_columns > MAX_COLUMNS)
                return agree(reason("a snapshot has at most %d columns", MAX_COLUMNS));
        if (population_is_field(population) != (snapshot->mesh != NULL))
                fatal("a snapshot of fields needs their mesh, and one of particles has none");
        struct snapshot_source source = {.snapshot = snapshot, .state = {population, population->x}};
        if (!snapshot->mesh)
                source.box = snapshot_box_measure(population);
        for (size_t i = 0; i < snapshot->n_columns; i++)
                source.column[i] = (struct column_source){
                        &snapshot->columns[i], population,
                        snapshot->mesh ? snapshot_fields_evaluate(snapshot, &snapshot->columns[i]) : NULL};

        struct file_array array[2 + MAX_COLUMNS];
        char *name = format_text("snapshot_%04" PRId64 ".h5", snapshot->index), *path = path_join(directory, name);
        struct file_plan plan = {.path = path, .describe = describe, .owner = &source, .array = array};
        plan.n_arrays = plan_arrays(&source, array);
        const char *why = hdf5_file_write(&plan);
        for (size_t i = 0; i < snapshot->n_columns; i++)
                free(source.column[i].number);
        free(name);
        free(path);
        return why;
}

int64_t snapshot_size(int64_t n_particles, int64_t n_dim, size_t n_columns)
{
        /* Parameters, input text and HDF5's own: some tens of KiB. */
        return n_particles * (n_dim + 1 + (int64_t)n_columns) * (int64_t)sizeof(double) + 4 * n_dim + (32 << 10);
}
