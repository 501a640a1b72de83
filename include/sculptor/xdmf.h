/* RUN/snapshots.xdmf: the snapshots of a run as one series in time, for ParaView (its XDMF2 reader) and VisIt.
 * It holds no values, only where they are in the snapshots beside it. */
#ifndef SCULPTOR_XDMF_H
#define SCULPTOR_XDMF_H

#include <stdint.h>

/* What is known of the snapshots already there, so that each is looked at once. */
struct xdmf;
struct xdmf *xdmf_create(const char *directory);
void xdmf_free(struct xdmf *xdmf);

/* Collective, after snapshot `index` was written: rewrites the file for all snapshots in the directory, whichever
 * part of the run wrote them; one that cannot be read is left out, with a warning. NULL on success; else why, the
 * same on every rank, and the older file is untouched. */
const char *xdmf_write(struct xdmf *xdmf, int64_t index);

#endif
