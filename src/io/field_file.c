#include "sculptor/field_file.h"

#include <string.h>

#include "io/agree.h"
#include "io/field_axes.h"
#include "io/hdf5_file.h"
#include "io/provenance.h"
#include "sculptor/parallel.h"

enum { MAX_FIELDS = 32 };

struct field_source {
        const struct mesh *mesh;
        const struct field_output *output;
};

struct file_source {
        const struct field_source *field;
        size_t n;
        const struct mesh *mesh;
        const struct provenance *provenance;
};

static void describe(hid_t file, const void *owner)
{
        const struct file_source *source = owner;
        const struct mesh *mesh = source->mesh;
        hsize_t shape[MESH_MAX_AXES] = {0};
        for (int i = 0; i < mesh->n_axes; i++)
                shape[i] = (hsize_t)mesh->n[i];
        provenance_put(file, "Sculptor: fields on a mesh", source->provenance);
        field_axes_put(file, mesh);
        for (size_t i = 0; i < source->n; i++) {
                const struct field_output *output = source->field[i].output;
                H5Dclose(hdf5_create_array(file, output->name, output->single ? H5T_IEEE_F32LE : H5T_IEEE_F64LE,
                                           mesh->n_axes, shape));
                hdf5_describe_array(file, output->name, output->unit, output->help);
                hdf5_attach_scales(file, output->name, field_axes(mesh), 0, (unsigned)mesh->n_axes);
        }
}

static void fill_planes(const void *owner, int64_t first, int64_t count, void *rows)
{
        const struct field_source *source = owner;
        const struct mesh *mesh = source->mesh;
        const size_t cells = mesh->plane_cells;
        for (size_t i = 0; i < (size_t)count; i++) {
                const double *from = source->output->field +
                                     ((size_t)(first - mesh->plane_begin) + i) * mesh->plane_stride;
                if (!source->output->single)
                        memcpy((double *)rows + i * cells, from, cells * sizeof *from);
                for (size_t cell = 0; source->output->single && cell < cells; cell++)
                        ((float *)rows)[i * cells + cell] = (float)from[cell];
        }
}

const char *fields_write(const char *path, const struct mesh *mesh, const struct field_output *outputs, size_t n,
                         const struct provenance *provenance)
{
        struct file_array array[MAX_FIELDS];
        struct field_source field[MAX_FIELDS];
        if (n > MAX_FIELDS)
                return agree(reason("%s: a file has at most %d fields", path, MAX_FIELDS));
        const struct population_slab slab = {.n_rows = mesh->n_planes,
                                             .row_values = mesh->plane_cells,
                                             .first = mesh->plane_begin,
                                             .count = (int64_t)mesh->n_planes_here,
                                             .n_runs = parallel_ensemble_rank() == 0 ? 1 : 0};
        for (size_t i = 0; i < n; i++) {
                field[i] = (struct field_source){mesh, &outputs[i]};
                array[i] = (struct file_array){.name = outputs[i].name,
                                               .slab = slab,
                                               .value_bytes = outputs[i].single ? sizeof(float) : sizeof(double),
                                               .fill = fill_planes,
                                               .owner = &field[i]};
        }
        const struct file_source source = {field, n, mesh, provenance};
        struct file_plan plan = {.path = path, .describe = describe, .owner = &source, .array = array, .n_arrays = n};
        return hdf5_file_write(&plan);
}
