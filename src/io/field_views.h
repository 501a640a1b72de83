/* Fields under the names other tools look for: openPMD mesh records, one a realisation, and in three dimensions
 * VTK's image data. Views of /density, of the first realisations only: readers list each by name. */
#ifndef SCULPTOR_IO_FIELD_VIEWS_H
#define SCULPTOR_IO_FIELD_VIEWS_H

#include "io/hdf5_tools.h"
#include "sculptor/snapshot.h"

enum { FIELD_VIEWS = 16 }; /* realisations that have one */

/* Local. */
void field_views_put(hid_t file, const struct snapshot *snapshot);

#endif
