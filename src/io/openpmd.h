/* Parts of openPMD 1.1.0 that snapshots of particles and of fields share, and views: virtual data sets of the
 * same file, which copy nothing. All local; what is made is the caller's to close. */
#ifndef SCULPTOR_IO_OPENPMD_H
#define SCULPTOR_IO_OPENPMD_H

#include <stdbool.h>

#include "io/hdf5_tools.h"
#include "sculptor/snapshot.h"

/* The root's attributes: a file has meshes or particles. */
void openpmd_put_root(hid_t file, bool meshes);

/* /data/<index> with its times. */
hid_t openpmd_make_iteration(hid_t file, const struct snapshot *snapshot);

hid_t openpmd_make_group(hid_t where, const char *name);
void openpmd_put_record(hid_t object, bool length); /* of a length, or of a number */
void openpmd_put_component(hid_t object);

/* Part of a root array under another name: what is selected of the source is the whole of the view. */
hid_t openpmd_make_view(hid_t where, const char *name, int rank, const hsize_t *shape, const char *source,
                        hid_t source_space, hid_t type);

#endif
