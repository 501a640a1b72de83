#include "sculptor/training_checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/agree.h"
#include "io/dataset_open.h"
#include "io/generations.h"
#include "io/provenance.h"
#include "io/sealed_file.h"
#include "io/series_file.h"
#include "io/weights_file.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

enum { LONGEST_TEXT = 64 << 20 };

static const char *const numbers[TRAINING_CHECKPOINT_NUMBERS] = {"number_0", "number_1"};

/* ---- writing ---- */

struct contents { const struct training_checkpoint *checkpoint; const struct provenance *provenance; };

static void describe(hid_t file, const void *owner)
{
        const struct contents *contents = owner;
        const struct training_checkpoint *checkpoint = contents->checkpoint;
        const hsize_t shape[1] = {checkpoint->weights->n_parameters};
        provenance_put(file, "Sculptor: checkpoint of a training", contents->provenance);
        weights_describe(file, checkpoint->weights);
        if (checkpoint->wisdom)
                hdf5_put_text(file, "wisdom", checkpoint->wisdom);
        hid_t group = H5(H5Gcreate2(file, "training", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        hdf5_put_integer(group, "step", checkpoint->step);
        for (size_t i = 0; i < TRAINING_CHECKPOINT_NUMBERS; i++)
                hdf5_put_real(group, numbers[i], checkpoint->number[i]);
        hdf5_put_real(group, "wall_seconds", checkpoint->wall_seconds);
        for (size_t i = 0; i < checkpoint->n_arrays; i++)
                hdf5_put_array(group, checkpoint->array[i].name, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, 1, shape,
                               checkpoint->array[i].values);
        H5Gclose(group);
        group = H5(H5Gcreate2(file, "series", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        series_put_columns(group, checkpoint->series, true);
        H5Gclose(group);
}

const char *training_checkpoint_write(const char *directory, const struct training_checkpoint *checkpoint,
                                      const struct provenance *provenance, int keep, char **path)
{
        const struct contents contents = {checkpoint, provenance};
        const struct manifest manifest = {.step = checkpoint->step, .steps_done = checkpoint->step};
        char *name = NULL;
        *path = NULL;
        const char *why = generations_next(directory, checkpoint->step, &name);
        if (!why)
                why = sealed_file_write(name, describe, &contents);
        if (!why)
                why = generations_finish(directory, name, &manifest, keep);
        if (why)
                free(name);
        else
                *path = name;
        return why;
}

/* ---- reading ---- */

/* Rank 0. */
static const char *get_header(const char *path, struct training_checkpoint_header *header)
{
        const char *why = sealed_file_check(path);
        if (why)
                return why;
        hdf5_begin();
        hid_t file = H5(H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT));
        if (file >= 0 && H5Lexists(file, "training", H5P_DEFAULT) <= 0)
                why = reason("%s is no checkpoint of a training", path);
        if (file >= 0 && !why) {
                hid_t group = H5(H5Gopen2(file, "training", H5P_DEFAULT));
                header->step = hdf5_get_integer(group, "step");
                H5Gclose(group);
                header->parameters = hdf5_get_text(file, "parameters", LONGEST_TEXT);
                if (H5Aexists(file, "wisdom") > 0)
                        header->wisdom = hdf5_get_text(file, "wisdom", LONGEST_TEXT);
        }
        if (file >= 0)
                H5Fclose(file);
        return why ? why : hdf5_failure() ? reason("%s: %s", path, hdf5_failure()) : NULL;
}

const char *training_checkpoint_read_header(const char *path, struct training_checkpoint_header *header)
{
        *header = (struct training_checkpoint_header){0};
        const char *why = agree(parallel_rank() == 0 ? get_header(path, header) : NULL);
        parallel_broadcast(&header->step, sizeof header->step, 0);
        header->parameters = parallel_share_text(header->parameters);
        header->wisdom = parallel_share_text(header->wisdom);
        return why;
}

static const char *get_floats(const char *path, const char *name, size_t n, float *values)
{
        struct dataset set;
        const char *why = dataset_open(path, name, &set);
        if (!why && (set.rank != 1 || set.shape[0] != n))
                why = reason("%s: %s does not have %zu numbers", path, name, n);
        if (!why)
                why = dataset_check_values(&set);
        if (!why) {
                H5(H5Dread(set.set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values));
                why = hdf5_failure() ? reason("%s: %s: %s", path, name, hdf5_failure()) : NULL;
        }
        dataset_close(&set);
        for (size_t i = 0; i < n && !why; i++)
                if (!isfinite(values[i]))
                        why = reason("%s: %s: number %zu is not finite", path, name, i);
        return why;
}

static const char *get_rest(const char *path, struct training_checkpoint *checkpoint)
{
        hdf5_begin();
        hid_t file = H5(H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT));
        if (file < 0)
                return reason("cannot open %s: %s", path, hdf5_failure());
        hid_t group = H5(H5Gopen2(file, "training", H5P_DEFAULT));
        checkpoint->step = hdf5_get_integer(group, "step");
        for (size_t i = 0; i < TRAINING_CHECKPOINT_NUMBERS; i++)
                checkpoint->number[i] = hdf5_get_real(group, numbers[i]);
        checkpoint->wall_seconds = hdf5_get_real(group, "wall_seconds");
        H5Gclose(group);
        group = H5(H5Gopen2(file, "series", H5P_DEFAULT));
        size_t n_rows = 0;
        double *rows = NULL;
        const char *why = series_get_columns(group, checkpoint->series, &n_rows, &rows);
        for (size_t i = 0; i < n_rows && !why; i++)
                memcpy(series_append(checkpoint->series), rows + i * checkpoint->series->width,
                       checkpoint->series->width * sizeof *rows);
        free(rows);
        H5Gclose(group);
        H5Fclose(file);
        if (why)
                return reason("%s: %s", path, why);
        if (hdf5_failure())
                return reason("%s: %s", path, hdf5_failure());
        return checkpoint->step < 0 ? reason("%s: step is out of range", path) : NULL;
}

const char *training_checkpoint_read(const char *path, size_t n_parameters, struct training_checkpoint *checkpoint)
{
        const char *why = sealed_file_check(path);
        for (size_t i = 0; i < checkpoint->n_arrays && !why; i++) {
                char name[64];
                snprintf(name, sizeof name, "training/%s", checkpoint->array[i].name);
                why = get_floats(path, name, n_parameters, checkpoint->array[i].values);
        }
        return why ? why : get_rest(path, checkpoint);
}
