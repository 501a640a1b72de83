/* Bytes on disk, one process at a time: whole transfers, and what makes a file durable.
 * All functions are local. Those that return bool leave the cause in errno. */
#ifndef SCULPTOR_IO_DISK_H
#define SCULPTOR_IO_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All n bytes, however many calls that takes. A file that ends early is ENODATA. */
bool disk_write(int fd, const void *bytes, size_t n, int64_t offset);
bool disk_read(int fd, void *bytes, size_t n, int64_t offset);

/* Asks the system to begin writing these bytes out, so that the disk works while the next ones are made. Only
 * a wish: fsync() still makes them durable and tells whether they are. */
void disk_start_writing(int fd, size_t n, int64_t offset);

/* A new, empty file for writing and reading; one left there by a killed run is replaced. -1 on failure. */
int disk_create(const char *part);

/* Gives the file its final size and its blocks, so that a full disk says so now and not to one of many
 * writers later. File systems that cannot reserve only set the size. */
bool disk_reserve(int fd, int64_t size);

/* Bytes an ordinary user may still write there, or -1. */
int64_t disk_free_space(const char *directory);

/* Makes the names in a directory durable. */
bool disk_sync_directory(const char *directory);

/* Gives a durable .part its name, durably. On failure neither name is left. */
bool disk_publish(const char *part, const char *path);

/* A 64-bit checksum of bytes for comparing what was written with what is read back, at the speed of memory.
 * Each step can be undone, so a change of one word always changes it. */
uint64_t disk_checksum(const void *bytes, size_t n);

#endif
