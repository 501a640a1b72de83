/* Provenance as attributes of a file's root. Local. */
#ifndef SCULPTOR_IO_PROVENANCE_H
#define SCULPTOR_IO_PROVENANCE_H

#include "io/hdf5_tools.h"
#include "sculptor/provenance.h"

void provenance_put(hid_t file, const char *title, const struct provenance *provenance);

#endif
