#define _GNU_SOURCE /* memfd_create */
#include "io/sealed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/agree.h"
#include "io/disk.h"
#include "sculptor/files.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

#define SEAL "sculptor seal 1 sha256 %s size %016" PRIu64 "\n"
enum { BEGINNING = 23, SEAL_BYTES = BEGINNING + 64 + 6 + 16 + 1, BLOCK = 1 << 20 };

static void make_seal(char seal[SEAL_BYTES + 1], const char *hex, uint64_t size)
{
        char line[SEAL_BYTES + 8]; /* no file has as many bytes as would make it longer */
        snprintf(line, sizeof line, SEAL, hex, size);
        memcpy(seal, line, SEAL_BYTES);
        seal[SEAL_BYTES] = '\0';
}

/* Rank 0. The file's bytes as HDF5 makes them, in memory, with room for the seal; NULL on failure. The image that HDF5
 * gives of an open file has a superblock with a wrong checksum: so it is closed first. */
static unsigned char *make_image(void (*describe)(hid_t file, const void *owner), const void *owner, size_t *size)
{
        char name[64];
        const int memory = memfd_create("sculptor-sealed", MFD_CLOEXEC);
        snprintf(name, sizeof name, "/proc/self/fd/%d", memory);
        hdf5_begin();
        hid_t access = H5(H5Pcreate(H5P_FILE_ACCESS));
        H5(H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V110)); /* holds attributes over 64 KiB */
        H5(H5Pset_fapl_stdio(access)); /* the driver that takes a name that is a link into /proc */
        hid_t file = H5(H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, access));
        describe(file, owner);
        H5(H5Fclose(file));
        H5Pclose(access);
        struct stat status;
        *size = memory >= 0 && fstat(memory, &status) == 0 ? (size_t)status.st_size : 0;
        unsigned char *bytes = allocate(*size + SEAL_BYTES + 1, 1);
        const bool ok = !hdf5_failure() && *size > 0 && disk_read(memory, bytes, *size, 0);
        if (memory >= 0)
                close(memory);
        if (ok)
                return bytes;
        free(bytes);
        return NULL;
}

const char *sealed_file_write(const char *path, void (*describe)(hid_t file, const void *owner), const void *owner)
{
        unsigned char *bytes = NULL;
        size_t size = 0;
        const char *why = NULL;
        if (parallel_rank() == 0) {
                bytes = make_image(describe, owner, &size);
                if (bytes) {
                        struct sha256 sha;
                        char hex[65];
                        sha256_begin(&sha);
                        sha256_add(&sha, bytes, size);
                        sha256_end(&sha, hex);
                        make_seal((char *)bytes + size, hex, size);
                } else {
                        why = reason("cannot lay out %s: %s", path, hdf5_failure() ? hdf5_failure() : strerror(errno));
                }
        }
        why = agree(why);
        if (!why)
                why = bytes_write_atomic(path, bytes, size + SEAL_BYTES);
        free(bytes);
        return why;
}

/* The digest of the first `size` bytes. */
static bool digest_of(int fd, uint64_t size, char hex[65])
{
        unsigned char *block = allocate(BLOCK, 1);
        struct sha256 sha;
        sha256_begin(&sha);
        bool ok = true;
        for (uint64_t at = 0; at < size && ok; at += BLOCK) {
                const size_t n = size - at < BLOCK ? (size_t)(size - at) : BLOCK;
                ok = disk_read(fd, block, n, (int64_t)at);
                sha256_add(&sha, block, n);
        }
        sha256_end(&sha, hex);
        free(block);
        return ok;
}

static const char *check_open(int fd, const char *path)
{
        struct stat status;
        char seal[SEAL_BYTES + 1] = "", found[SEAL_BYTES + 1] = "", hex[65];
        if (fstat(fd, &status) != 0)
                return reason_errno("read", path);
        if (!S_ISREG(status.st_mode)) /* opening a pipe would wait for its writer */
                return reason("cannot read %s: it is %s", path, S_ISDIR(status.st_mode) ? "a directory" : "not a file");
        if (status.st_size < SEAL_BYTES)
                return reason("%s is too short to be a sealed file of ours", path);
        const uint64_t size = (uint64_t)(status.st_size - SEAL_BYTES);
        if (!disk_read(fd, found, SEAL_BYTES, (int64_t)size))
                return reason_errno("read", path);
        if (strncmp(found, SEAL, BEGINNING) != 0)
                return reason("%s has no seal at its end: it is cut short, or was not written by sculptor or "
                              "sculptor_weights",
                              path);
        if (!digest_of(fd, size, hex))
                return reason_errno("read", path);
        make_seal(seal, hex, size);
        if (memcmp(seal, found, SEAL_BYTES) != 0)
                return reason("%s is damaged: its bytes are not those that were sealed", path);
        return NULL;
}

const char *sealed_file_check(const char *path)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return reason_errno("read", path);
        const char *why = check_open(fd, path);
        close(fd);
        return why;
}

bool sealed_file_bears(const char *path)
{
        struct stat status;
        char start[BEGINNING];
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        const bool bears = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
                           status.st_size >= SEAL_BYTES &&
                           disk_read(fd, start, BEGINNING, status.st_size - SEAL_BYTES) &&
                           memcmp(start, SEAL, BEGINNING) == 0;
        if (fd >= 0)
                close(fd);
        return bears;
}
