#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/agree.h"
#include "io/checkpoint_file.h"
#include "io/hdf5_file.h"
#include "io/series_file.h"
#include "sculptor/checkpoint.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

enum { LONGEST_TEXT = 64 << 20 };

void checkpoint_mark_get(hid_t file, struct progress_mark *mark)
{
        hid_t group = H5(H5Gopen2(file, "progress", H5P_DEFAULT));
        for (size_t i = 0; i < checkpoint_n_mark_fields; i++) {
                void *value = (char *)mark + checkpoint_mark_fields[i].offset;
                if (checkpoint_mark_fields[i].real)
                        *(double *)value = hdf5_get_real(group, checkpoint_mark_fields[i].name);
                else
                        *(int64_t *)value = hdf5_get_integer(group, checkpoint_mark_fields[i].name);
        }
        H5Gclose(group);
}

/* Counts below zero or numbers that are not finite: no run wrote that. */
static const char *check_mark(const char *path, const struct progress_mark *mark)
{
        for (size_t i = 0; i < checkpoint_n_mark_fields; i++) {
                const void *value = (const char *)mark + checkpoint_mark_fields[i].offset;
                if (checkpoint_mark_fields[i].real ? !isfinite(*(const double *)value) : *(const int64_t *)value < 0)
                        return reason("%s: %s is out of range", path, checkpoint_mark_fields[i].name);
        }
        return NULL;
}

static void get_shape(hid_t file, const char *name, hsize_t shape[2])
{
        shape[0] = shape[1] = 0;
        hid_t set = H5(H5Dopen2(file, name, H5P_DEFAULT)), space = H5(H5Dget_space(set));
        if (H5Sget_simple_extent_ndims(space) == 2)
                H5(H5Sget_simple_extent_dims(space, shape, NULL));
        else
                hdf5_checked(-1, "an array of another rank");
        H5Sclose(space);
        H5Dclose(set);
}

struct shapes { hsize_t state[2], velocity[2], history[POPULATION_MAX_HISTORY][2], memory[2]; };

static const char *check_shapes(const char *path, const struct checkpoint_header *header, const struct shapes *shapes)
{
        const hsize_t *state = shapes->state, *memory = shapes->memory;
        const uint64_t tile_particles = header->n_planes > 0 ? 1 : LANES;
        uint64_t bytes;
        if (state[0] < 1 || state[1] < 1 || memory[1] > 1 << 20 ||
            __builtin_mul_overflow(state[0] + LANES, state[1] * sizeof(double), &bytes) || bytes > INT64_MAX ||
            state[1] > INT64_MAX / sizeof(double))
                return reason("%s: impossible shape", path);
        if (header->n_planes < 0 || (header->n_planes > 0 && state[1] % (uint64_t)header->n_planes != 0))
                return reason("%s: n_planes is out of range", path);
        if (header->with_velocity && (shapes->velocity[0] != state[0] || shapes->velocity[1] != state[1]))
                return reason("%s: velocity and state have different shapes", path);
        for (size_t k = 0; k < header->n_history; k++)
                if (shapes->history[k][0] != state[0] || shapes->history[k][1] != state[1])
                        return reason("%s: history and state have different shapes", path);
        if (memory[1] > 0 && memory[0] != (state[0] + tile_particles - 1) / tile_particles)
                return reason("%s: tile_memory has another number of tiles than state", path);
        return check_mark(path, &header->mark);
}

/* Rank 0. */
static const char *get_header(const char *path, struct checkpoint_header *header)
{
        hdf5_begin();
        hid_t file = H5(H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT));
        if (file < 0)
                return reason("%s: %s", path, hdf5_failure());
        struct shapes shapes = {.state = {0}};
        get_shape(file, "state", shapes.state);
        header->with_velocity = H5(H5Lexists(file, "velocity", H5P_DEFAULT)) > 0;
        if (header->with_velocity)
                get_shape(file, "velocity", shapes.velocity);
        while (header->n_history < POPULATION_MAX_HISTORY &&
               H5(H5Lexists(file, checkpoint_history_names[header->n_history], H5P_DEFAULT)) > 0) {
                get_shape(file, checkpoint_history_names[header->n_history], shapes.history[header->n_history]);
                header->n_history++;
        }
        if (H5(H5Lexists(file, "tile_memory", H5P_DEFAULT)) > 0)
                get_shape(file, "tile_memory", shapes.memory);
        checkpoint_mark_get(file, &header->mark);
        header->parameters = hdf5_get_text(file, "parameters", LONGEST_TEXT);
        if (H5(H5Aexists(file, "n_planes")) > 0)
                header->n_planes = hdf5_get_integer(file, "n_planes");
        if (H5(H5Aexists(file, "wisdom")) > 0)
                header->wisdom = hdf5_get_text(file, "wisdom", LONGEST_TEXT);
        H5Fclose(file);
        if (hdf5_failure())
                return reason("%s: %s", path, hdf5_failure());
        header->n_particles = (int64_t)shapes.state[0];
        header->n_dim = (int64_t)shapes.state[1];
        header->n_memory = (size_t)shapes.memory[1];
        return check_shapes(path, header, &shapes);
}

const char *checkpoint_read_header(const char *path, struct checkpoint_header *header)
{
        *header = (struct checkpoint_header){0};
        const char *why = agree(parallel_rank() == 0 ? get_header(path, header) : NULL);
        if (why) {
                checkpoint_header_release(header);
                return why;
        }
        char *parameters = header->parameters, *wisdom = header->wisdom; /* NULL but on rank 0 */
        parallel_broadcast(header, sizeof *header, 0);
        header->parameters = parallel_share_text(parameters);
        header->wisdom = parallel_share_text(wisdom);
        return NULL;
}

void checkpoint_header_release(struct checkpoint_header *header)
{
        free(header->parameters);
        free(header->wisdom);
        header->parameters = header->wisdom = NULL;
}

static void take_memory(void *owner, int64_t first, int64_t count, const double *rows)
{
        struct population *population = owner;
        memcpy(population_memory(population, (size_t)(first - population->tile_begin)), rows,
               (size_t)count * population->n_memory * sizeof(double));
}

/* Rank 0. */
static const char *get_series(const char *path, const struct series *series, size_t *n_rows, double **rows)
{
        hdf5_begin();
        hid_t file = H5(H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT));
        hid_t group = H5(H5Gopen2(file, "series", H5P_DEFAULT));
        const char *why = hdf5_failure() ? reason("%s: %s", path, hdf5_failure()) : NULL;
        if (!why) {
                why = series_get_columns(group, series, n_rows, rows);
                if (why)
                        why = reason("%s: %s", path, why);
        }
        H5Gclose(group);
        H5Fclose(file);
        return why;
}

static const char *read_series(const char *path, struct series *series)
{
        size_t n_rows = 0;
        double *rows = NULL;
        const char *why = agree(parallel_rank() == 0 ? get_series(path, series, &n_rows, &rows) : NULL);
        if (!why) {
                parallel_broadcast(&n_rows, sizeof n_rows, 0);
                for (size_t i = 0; i < n_rows; i++) {
                        double *row = series_append(series);
                        if (rows)
                                memcpy(row, rows + i * series->width, series->width * sizeof *row);
                        parallel_broadcast(row, series->width * sizeof *row, 0);
                }
        }
        free(rows);
        return why;
}

const char *checkpoint_read(const char *path, struct population *population, struct series *series)
{
        struct file_rows rows = {.path = path, .n_columns = population->n_dim, .slab = population_slab(population),
                                 .take = file_take_particles};
        struct checkpoint_array array[CHECKPOINT_MOST_ARRAYS];
        const size_t n_arrays = checkpoint_arrays(population, array);
        const char *why = NULL;
        for (size_t i = 0; i < n_arrays && !why; i++) {
                rows.name = array[i].name;
                rows.owner = &array[i].particles;
                why = hdf5_file_read_rows(&rows);
        }
        if (!why && population->n_memory > 0) {
                rows.name = "tile_memory";
                rows.take = take_memory;
                rows.owner = population;
                rows.n_columns = (int64_t)population->n_memory;
                rows.slab = file_slab_tiles(population, population->n_memory, false);
                why = hdf5_file_read_rows(&rows);
        }
        if (!why)
                population_pad(population);
        if (!why && series)
                why = read_series(path, series);
        return why;
}
