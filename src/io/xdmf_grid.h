/* One snapshot as an XDMF grid. */
#ifndef SCULPTOR_IO_XDMF_GRID_H
#define SCULPTOR_IO_XDMF_GRID_H

#include <stdint.h>

/* Local. The <Grid> of DIRECTORY/NAME, a snapshot; the caller frees it. NULL, or why there is none. */
const char *xdmf_grid(const char *directory, const char *name, int64_t index, char **grid);

#endif
