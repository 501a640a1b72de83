#include "sculptor/particle_file.h"

#include <string.h>

#include "io/agree.h"
#include "io/field_axes.h"
#include "io/hdf5_file.h"
#include "io/provenance.h"

enum { MAX_COLUMNS = 16 };

struct column_source {
        const struct particle_column *column;
        const struct population *population;
};

/* ---- what is in the file ---- */

static const char *id_name(const struct particle_file *wanted)
{
        return wanted->mesh ? "realization" : "particle";
}

static void describe_state(hid_t file, const struct particle_file *wanted)
{
        const struct population *population = wanted->population;
        const char *const id = id_name(wanted);
        hsize_t shape[1 + MESH_MAX_AXES] = {(hsize_t)population->n_global, (hsize_t)population->n_dim};
        int rank = 2;
        if (wanted->mesh) {
                rank = 1 + wanted->mesh->n_axes;
                for (int i = 0; i < wanted->mesh->n_axes; i++)
                        shape[1 + i] = (hsize_t)wanted->mesh->n[i];
                field_axes_put(file, wanted->mesh);
        }
        H5Dclose(hdf5_create_array(file, wanted->state, H5T_IEEE_F64LE, rank, shape));
        hdf5_describe_array(file, wanted->state, "1", wanted->state_help);
        hdf5_attach_scales(file, wanted->state, &id, 0, 1);
        if (wanted->mesh)
                hdf5_attach_scales(file, wanted->state, field_axes(wanted->mesh), 1, (unsigned)wanted->mesh->n_axes);
}

static void describe(hid_t file, const void *owner)
{
        const struct particle_file *wanted = owner;
        const char *const id = id_name(wanted);
        const hsize_t n = (hsize_t)wanted->population->n_global;
        provenance_put(file, wanted->title, wanted->provenance);
        for (size_t i = 0; i < wanted->n_constants; i++)
                hdf5_put_real(file, wanted->constant[i].name, wanted->constant[i].value);
        H5Dclose(hdf5_create_array(file, id, H5T_STD_U64LE, 1, &n));
        hdf5_describe_array(file, id, "1", wanted->mesh ? "index of the field" : "particle id");
        hdf5_make_scale(file, id);
        describe_state(file, wanted);
        for (size_t i = 0; i < wanted->n_columns; i++) {
                const struct particle_column *column = &wanted->column[i];
                H5Dclose(hdf5_create_array(file, column->name, column->value ? H5T_IEEE_F64LE : H5T_STD_I64LE, 1, &n));
                hdf5_describe_array(file, column->name, column->unit, column->help);
                hdf5_attach_scales(file, column->name, &id, 0, 1);
        }
}

/* ---- its values ---- */

static void fill_column(const void *owner, int64_t first, int64_t count, void *rows)
{
        const struct column_source *source = owner;
        const int64_t at = first - population_first(source->population);
        if (source->column->value)
                memcpy(rows, source->column->value + at, (size_t)count * sizeof(double));
        else
                memcpy(rows, source->column->count + at, (size_t)count * sizeof(int64_t));
}

const char *particle_file_write(const char *path, const struct particle_file *wanted)
{
        struct file_array array[2 + MAX_COLUMNS];
        struct column_source source[MAX_COLUMNS];
        const struct file_particles particles = {wanted->population, wanted->population->x};
        if (wanted->n_columns > MAX_COLUMNS)
                return agree(reason("%s: a file has at most %d columns", path, MAX_COLUMNS));
        const struct file_array numbers = {.slab = file_slab_particles(wanted->population, true),
                                           .value_bytes = sizeof(double)};
        array[0] = array[1] = numbers;
        array[0].name = id_name(wanted);
        array[0].fill = file_fill_ids;
        array[1].name = wanted->state;
        array[1].slab = population_slab(wanted->population);
        array[1].fill = file_fill_particles;
        array[1].owner = &particles;
        for (size_t i = 0; i < wanted->n_columns; i++) {
                source[i] = (struct column_source){&wanted->column[i], wanted->population};
                array[2 + i] = numbers;
                array[2 + i].name = wanted->column[i].name;
                array[2 + i].fill = fill_column;
                array[2 + i].owner = &source[i];
        }
        const struct file_plan plan = {.path = path, .describe = describe, .owner = wanted, .array = array,
                                       .n_arrays = 2 + wanted->n_columns};
        return hdf5_file_write(&plan);
}
