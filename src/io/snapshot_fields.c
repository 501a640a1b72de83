#include <math.h>
#include <stdlib.h>

#include "io/field_axes.h"
#include "io/field_views.h"
#include "io/snapshot_parts.h"
#include "sculptor/memory.h"

static hid_t density_type(const struct snapshot *snapshot)
{
        return snapshot->single ? H5T_IEEE_F32LE : H5T_IEEE_F64LE;
}

void snapshot_fields_describe(hid_t file, const struct snapshot *snapshot)
{
        const struct mesh *mesh = snapshot->mesh;
        static const char *const realization = "realization";
        hsize_t shape[1 + MESH_MAX_AXES] = {(hsize_t)snapshot->population->n_global};
        for (int i = 0; i < mesh->n_axes; i++)
                shape[1 + i] = (hsize_t)mesh->n[i];
        H5Dclose(hdf5_create_array(file, realization, H5T_STD_I32LE, 1, shape));
        hdf5_describe_array(file, realization, "1", "index of the field");
        hdf5_make_scale(file, realization);
        field_axes_put(file, mesh);
        H5Dclose(hdf5_create_array(file, "density", density_type(snapshot), 1 + mesh->n_axes, shape));
        hdf5_describe_array(file, "density", "1", "value of a field at a cell");
        hdf5_attach_scales(file, "density", &realization, 0, 1);
        hdf5_attach_scales(file, "density", field_axes(mesh), 1, (unsigned)mesh->n_axes);
}

static void fill_ids(const void *owner, int64_t first, int64_t count, void *rows)
{
        (void)owner;
        int32_t *id = rows;
        for (int64_t i = 0; i < count; i++)
                id[i] = (int32_t)(first + i);
}

struct file_array snapshot_fields_ids(const struct snapshot *snapshot)
{
        return (struct file_array){.name = "realization",
                                   .slab = file_slab_particles(snapshot->population, true),
                                   .value_bytes = sizeof(int32_t),
                                   .fill = fill_ids};
}

static void fill_doubles(const void *owner, int64_t first, int64_t count, void *rows)
{
        const struct snapshot *snapshot = owner;
        population_to_rows(snapshot->population, snapshot->population->x, first, count, rows);
}

/* Planes become floats here, in memory: HDF5 never converts. */
static void fill_singles(const void *owner, int64_t first, int64_t count, void *rows)
{
        const struct snapshot *snapshot = owner;
        const struct population *population = snapshot->population;
        const struct field_layout *layout = &population->layout;
        float *next = rows;
        for (int64_t row = first; row < first + count; row++) {
                size_t t = (size_t)(row / layout->n_planes - population->tile_begin);
                size_t plane = (size_t)(row % layout->n_planes - layout->plane_begin);
                const double *from = population_tile(population, t) + plane * layout->plane_stride;
                for (size_t cell = 0; cell < layout->plane_cells; cell++)
                        *next++ = (float)from[cell];
        }
}

struct file_array snapshot_fields_density(const struct snapshot *snapshot)
{
        return (struct file_array){.name = "density",
                                   .slab = population_slab(snapshot->population),
                                   .value_bytes = snapshot->single ? sizeof(float) : sizeof(double),
                                   .fill = snapshot->single ? fill_singles : fill_doubles,
                                   .owner = snapshot};
}

double *snapshot_fields_evaluate(const struct snapshot *snapshot, const struct snapshot_column *column)
{
        const struct population *population = snapshot->population;
        double *number = allocate(population->n_tiles, sizeof *number);
        for (size_t t = 0; t < population->n_tiles; t++) {
                _Alignas(64) double value[LANES] = {0};
                column->evaluate(column->owner, population_tile(population, t), value);
                number[t] = value[0];
        }
        return number;
}

int64_t snapshot_fields_size(const struct mesh *mesh, int64_t n_fields, size_t n_columns, bool single)
{
        const int64_t value = single ? sizeof(float) : sizeof(double), view = 2560; /* of its metadata */
        int64_t planes = 0;
        for (int i = 0; i < mesh->n_axes; i++)
                planes += mesh->n[i];
        /* Parameters, input text and HDF5's own: some tens of KiB. */
        return n_fields * (mesh->n_cells * value + 4 + 8 * (int64_t)n_columns) + 8 * planes +
               (n_fields < FIELD_VIEWS ? n_fields : FIELD_VIEWS) * view + (32 << 10);
}
