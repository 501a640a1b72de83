/* Data sets of users: files we did not write and do not trust. Whatever would make HDF5 fetch other
 * files, run plugins, follow pointers or convert without bound is refused before a value is read. All local. */
#ifndef SCULPTOR_IO_DATASET_OPEN_H
#define SCULPTOR_IO_DATASET_OPEN_H

#include "io/hdf5_tools.h"
#include "sculptor/files.h"

enum { DATASET_MAX_RANK = DATASET_SHAPE_AXES };

struct dataset {
        const char *path, *name; /* borrowed */
        hid_t file, set;
        int rank;                /* of its shape; 0 for a scalar */
        hsize_t shape[DATASET_MAX_RANK];
};

/* Finds the data set, and that it holds numbers. NULL, or why not. To be closed either way. */
const char *dataset_open(const char *path, const char *name, struct dataset *dataset);

/* After its shape is known to be the wanted one: whether its values are in the file, and can be read safely. */
const char *dataset_check_values(const struct dataset *dataset);

void dataset_close(struct dataset *dataset);

#endif
