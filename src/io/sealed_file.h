/* Small HDF5 files that end in a seal: the SHA-256 of all bytes before it, as a line of text after the end of what
 * HDF5 reads. It is checked before HDF5 sees the file, whose parser is not proof against damage; nothing is read
 * without
 * one.
 *
 *     <HDF5 file>sculptor seal 1 sha256 <64 hex digits> size <16 digits>\n
 *
 * A seal tells damage, not an attacker, who would write a seal as well: what is read is checked besides. */
#ifndef SCULPTOR_IO_SEALED_FILE_H
#define SCULPTOR_IO_SEALED_FILE_H

#include <stdbool.h>

#include "io/hdf5_tools.h"

/* Collective. Rank 0 lets describe() fill the file in memory and writes it whole: temporary, fsync, rename. NULL or
 * why, the same on every rank. */
const char *sealed_file_write(const char *path, void (*describe)(hid_t file, const void *owner), const void *owner);

/* Local. Whether a file ends in what looks like a seal, right or wrong. */
bool sealed_file_bears(const char *path);
/* Local. NULL where the file bears a seal and the seal is right, else why not. */
const char *sealed_file_check(const char *path);

#endif
