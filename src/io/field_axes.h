/* What every file of fields says of its mesh: scales z, y, x of cell centres, BoxSize and Nmesh. Local. */
#ifndef SCULPTOR_IO_FIELD_AXES_H
#define SCULPTOR_IO_FIELD_AXES_H

#include "io/hdf5_tools.h"
#include "sculptor/mesh.h"

/* The names of its axes, in the order of arrays: z, y, x or y, x. */
const char *const *field_axes(const struct mesh *mesh);

/* Data sets z, y, x at the root, dimension scales, and the root's attributes. */
void field_axes_put(hid_t file, const struct mesh *mesh);

#endif
