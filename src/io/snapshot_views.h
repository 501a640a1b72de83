/* The snapshot's arrays under the names other tools look for: openPMD particles and, for ArviZ,
 * /posterior/x. Virtual data sets of the same file, which copy nothing. */
#ifndef SCULPTOR_IO_SNAPSHOT_VIEWS_H
#define SCULPTOR_IO_SNAPSHOT_VIEWS_H

#include "io/hdf5_tools.h"
#include "sculptor/snapshot.h"

/* The box the first coordinates lie in. */
struct snapshot_box { int n; double low[3], high[3]; };

/* Collective. The box of all particles, of the first n = min(d, 3) coordinates. */
struct snapshot_box snapshot_box_measure(const struct population *population);

/* Local. */
void snapshot_views_put(hid_t file, const struct snapshot *snapshot, const struct snapshot_box *box);

#endif
