#include "sculptor/checkpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/agree.h"
#include "io/checkpoint_file.h"
#include "io/generations.h"
#include "io/hdf5_file.h"
#include "io/provenance.h"
#include "io/series_file.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

#define MARK(member) offsetof(struct progress_mark, member)
const struct mark_field checkpoint_mark_fields[] = {
        {"level", MARK(level), false, true},
        {"step", MARK(step), false, true},
        {"steps_done", MARK(steps_done), false, true},
        {"level_accepted", MARK(tally.accepted), false, true},
        {"level_proposed", MARK(tally.proposed), false, true},
        {"level_evaluations", MARK(tally.evaluations), false, true},
        {"level_non_finite", MARK(tally.non_finite), false, true},
        {"total_accepted", MARK(total.accepted), false, true},
        {"total_proposed", MARK(total.proposed), false, true},
        {"total_evaluations", MARK(total.evaluations), false, true},
        {"total_non_finite", MARK(total.non_finite), false, true},
        {"step_log_factor", MARK(controller.log_factor), true, true},
        {"window_accepted", MARK(controller.accepted), false, true},
        {"window_proposed", MARK(controller.proposed), false, true},
        {"wall_seconds", MARK(wall_seconds), true, false},
        {"level_seconds", MARK(level_seconds), true, false},
};
const size_t checkpoint_n_mark_fields = sizeof checkpoint_mark_fields / sizeof *checkpoint_mark_fields;

const char *const checkpoint_history_names[POPULATION_MAX_HISTORY] = {"history_1", "history_2"};

size_t checkpoint_arrays(const struct population *population, struct checkpoint_array array[CHECKPOINT_MOST_ARRAYS])
{
        size_t n = 0;
        array[n++] = (struct checkpoint_array){"state", {population, population->x}};
        if (population->velocity)
                array[n++] = (struct checkpoint_array){"velocity", {population, population->velocity}};
        for (size_t k = 0; k < POPULATION_MAX_HISTORY; k++)
                if (population->history[k])
                        array[n++] = (struct checkpoint_array){checkpoint_history_names[k],
                                                               {population, population->history[k]}};
        return n;
}

struct source {
        const struct population *population;
        const struct progress_mark *mark;
        const struct series *series;
        const struct provenance *provenance;
        const char *wisdom;
};

static void put_mark(hid_t file, const struct progress_mark *mark)
{
        hid_t group = H5(H5Gcreate2(file, "progress", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        for (size_t i = 0; i < checkpoint_n_mark_fields; i++) {
                const void *value = (const char *)mark + checkpoint_mark_fields[i].offset;
                if (checkpoint_mark_fields[i].real)
                        hdf5_put_real(group, checkpoint_mark_fields[i].name, *(const double *)value);
                else
                        hdf5_put_integer(group, checkpoint_mark_fields[i].name, *(const int64_t *)value);
        }
        H5Gclose(group);
}

static void describe(hid_t file, const void *owner)
{
        const struct source *source = owner;
        const struct population *population = source->population;
        provenance_put(file, "Sculptor: checkpoint", source->provenance);
        put_mark(file, source->mark);
        if (source->wisdom)
                hdf5_put_text(file, "wisdom", source->wisdom);
        if (population_is_field(population))
                hdf5_put_integer(file, "n_planes", population->layout.n_planes);
        hid_t group = H5(H5Gcreate2(file, "series", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        if (source->series)
                series_put_columns(group, source->series, true);
        H5Gclose(group);
        hsize_t shape[2] = {(hsize_t)population->n_global, (hsize_t)population->n_dim};
        struct checkpoint_array array[CHECKPOINT_MOST_ARRAYS];
        const size_t n_arrays = checkpoint_arrays(population, array);
        for (size_t i = 0; i < n_arrays; i++)
                H5Dclose(hdf5_create_array(file, array[i].name, H5T_IEEE_F64LE, 2, shape));
        hsize_t tiles[2] = {(hsize_t)population->n_tiles_global, population->n_memory};
        if (population->n_memory > 0)
                H5Dclose(hdf5_create_array(file, "tile_memory", H5T_IEEE_F64LE, 2, tiles));
}

static void fill_memory(const void *owner, int64_t first, int64_t count, void *rows)
{
        const struct population *population = owner;
        memcpy(rows, population_memory(population, (size_t)(first - population->tile_begin)),
               (size_t)count * population->n_memory * sizeof(double));
}

static const char *write_file(const char *path, const struct source *source)
{
        const struct population *population = source->population;
        struct checkpoint_array wanted[CHECKPOINT_MOST_ARRAYS];
        struct file_array array[CHECKPOINT_MOST_ARRAYS + 1];
        size_t n_arrays = checkpoint_arrays(population, wanted);
        for (size_t i = 0; i < n_arrays; i++)
                array[i] = (struct file_array){.name = wanted[i].name,
                                               .slab = population_slab(population),
                                               .value_bytes = sizeof(double),
                                               .fill = file_fill_particles,
                                               .owner = &wanted[i].particles};
        if (population->n_memory > 0)
                array[n_arrays++] = (struct file_array){.name = "tile_memory",
                                                        .slab = file_slab_tiles(population, population->n_memory, true),
                                                        .value_bytes = sizeof(double),
                                                        .fill = fill_memory,
                                                        .owner = population};
        struct file_plan plan = {
                .path = path, .describe = describe, .owner = source, .array = array, .n_arrays = n_arrays};
        return hdf5_file_write(&plan);
}

const char *checkpoint_write(const char *directory, const struct population *population,
                             const struct progress_mark *mark, const struct series *series,
                             const struct provenance *provenance, const char *wisdom, int keep, char **path)
{
        struct source source = {population, mark, series, provenance, wisdom};
        char *name = NULL;
        const char *why = generations_next(directory, mark->steps_done, &name);
        if (!why)
                why = write_file(name, &source);
        const struct manifest manifest = {.level = mark->level, .step = mark->step, .steps_done = mark->steps_done};
        if (!why)
                why = generations_finish(directory, name, &manifest, keep);
        if (path)
                *path = why ? NULL : name;
        if (why || !path)
                free(name);
        return why;
}

int64_t checkpoint_size(int64_t n_particles, int64_t n_dim, size_t n_arrays)
{
        /* Parameters, input text, series and HDF5's own: some tens of KiB. */
        return n_particles * n_dim * (int64_t)sizeof(double) * (int64_t)n_arrays + (32 << 10);
}
