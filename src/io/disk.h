/* Bytes on disk, one process at a time: whole transfers, names, and what makes a file durable.
 * All functions are local. Those that return bool leave the cause in errno. */
#ifndef SCULPTOR_IO_DISK_H
#define SCULPTOR_IO_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Names; the caller frees. path_part("run/a.h5") is "run/.a.h5.part", where a file grows until it is whole. */
char *path_directory(const char *path); /* "." where there is none */
const char *path_name(const char *path); /* what follows the last '/': points into path */
char *path_join(const char *directory, const char *name);
char *path_part(const char *path);

/* All n bytes, however many calls that takes. A file that ends early is ENODATA. */
bool write_at(int fd, const void *bytes, size_t n, int64_t offset);
bool read_at(int fd, void *bytes, size_t n, int64_t offset);

/* A new, empty file for writing and reading; one left there by a killed run is replaced. -1 on failure. */
int create_part(const char *part);

/* Gives the file its final size and its blocks, so that a full disk says so now and not to one of many
 * writers later. File systems that cannot reserve only set the size. */
bool reserve_space(int fd, int64_t size);

/* Bytes an ordinary user may still write there, or -1. */
int64_t free_space(const char *directory);

/* Makes the names in a directory durable. */
bool sync_directory(const char *directory);

/* Gives a durable .part its name, durably. On failure neither name is left. */
bool publish(const char *part, const char *path);

/* A 64-bit checksum of bytes for comparing what was written with what is read back. Every changed word
 * changes it (xor and multiplication by an odd number can be undone); 24 bytes a nanosecond. */
uint64_t checksum(const void *bytes, size_t n);

#endif
