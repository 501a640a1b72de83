/* The two kinds of snapshot, of particles and of fields: what differs between them. */
#ifndef SCULPTOR_IO_SNAPSHOT_PARTS_H
#define SCULPTOR_IO_SNAPSHOT_PARTS_H

#include "io/hdf5_file.h"
#include "sculptor/snapshot.h"

/* Of /realization, /density and its scales. Local. */
void snapshot_fields_describe(hid_t file, const struct snapshot *snapshot);

/* A rank's values of /realization and /density, as plan entries whose owner is the snapshot. Local. */
struct file_array snapshot_fields_ids(const struct snapshot *snapshot);
struct file_array snapshot_fields_density(const struct snapshot *snapshot);

/* A column's number for each of this rank's fields. Collective over the domain. The caller frees. */
double *snapshot_fields_evaluate(const struct snapshot *snapshot, const struct snapshot_column *column);

#endif
