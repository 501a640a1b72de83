#define _GNU_SOURCE /* fallocate */
#include "io/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "io/path.h"

bool disk_write(int fd, const void *bytes, size_t n, int64_t offset)
{
        const char *next = bytes;
        while (n > 0) {
                ssize_t done = pwrite(fd, next, n, (off_t)offset);
                if (done < 0 && errno == EINTR)
                        continue;
                if (done == 0)
                        errno = ENOSPC;
                if (done <= 0)
                        return false;
                next += done;
                n -= (size_t)done;
                offset += done;
        }
        return true;
}

void disk_start_writing(int fd, size_t n, int64_t offset)
{
#ifdef SYNC_FILE_RANGE_WRITE
        int before = errno;
        (void)sync_file_range(fd, (off_t)offset, (off_t)n, SYNC_FILE_RANGE_WRITE);
        errno = before;
#else
        (void)fd, (void)n, (void)offset;
#endif
}

bool disk_read(int fd, void *bytes, size_t n, int64_t offset)
{
        char *next = bytes;
        while (n > 0) {
                ssize_t done = pread(fd, next, n, (off_t)offset);
                if (done < 0 && errno == EINTR)
                        continue;
                if (done == 0)
                        errno = ENODATA;
                if (done <= 0)
                        return false;
                next += done;
                n -= (size_t)done;
                offset += done;
        }
        return true;
}

int disk_create(const char *part)
{
        if (unlink(part) != 0 && errno != ENOENT)
                return -1;
        return open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

bool disk_reserve(int fd, int64_t size)
{
        int done;
        do
                done = fallocate(fd, 0, 0, (off_t)size);
        while (done != 0 && errno == EINTR);
        if (done == 0)
                return true;
        return (errno == EOPNOTSUPP || errno == ENOSYS) && ftruncate(fd, (off_t)size) == 0;
}

int64_t disk_free_space(const char *directory)
{
        struct statvfs volume;
        if (statvfs(directory, &volume) != 0)
                return -1;
        uint64_t bytes;
        if (__builtin_mul_overflow((uint64_t)volume.f_bavail, (uint64_t)volume.f_frsize, &bytes) || bytes > INT64_MAX)
                return INT64_MAX;
        return (int64_t)bytes;
}

bool disk_sync_directory(const char *directory)
{
        int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return false;
        bool ok = fsync(fd) == 0 || errno == EINVAL || errno == EOPNOTSUPP; /* some file systems have no such thing */
        int cause = errno;
        close(fd);
        errno = cause;
        return ok;
}

bool disk_publish(const char *part, const char *path)
{
        if (rename(part, path) != 0) {
                int cause = errno;
                unlink(part);
                errno = cause;
                return false;
        }
        char *directory = path_directory(path);
        bool ok = disk_sync_directory(directory);
        int cause = errno;
        free(directory);
        if (!ok)
                unlink(path);
        errno = cause;
        return ok;
}

enum { CHAINS = 4, TURN = 23 };
static const uint64_t odd = 0x9e3779b97f4a7c15u;

/* Four words to a vector, and four vectors to hide the latency of a step. */
typedef uint64_t words __attribute__((vector_size(32)));

static void add_words(words sum[CHAINS], const unsigned char *bytes)
{
        for (int i = 0; i < CHAINS; i++) {
                words mixed;
                memcpy(&mixed, bytes + (size_t)i * sizeof mixed, sizeof mixed);
                mixed ^= sum[i];
                sum[i] = (mixed << TURN | mixed >> (64 - TURN)) + odd;
        }
}

uint64_t disk_checksum(const void *bytes, size_t n)
{
        words sum[CHAINS] = {{0}};
        unsigned char rest[sizeof sum] = {0};
        const unsigned char *next = bytes;
        for (size_t blocks = n / sizeof sum; blocks > 0; blocks--, next += sizeof sum)
                add_words(sum, next);
        memcpy(rest, next, n % sizeof sum);
        add_words(sum, rest);
        uint64_t all = n;
        for (int i = 0; i < CHAINS * 4; i++) {
                all = (all ^ sum[i / 4][i % 4]) * odd;
                all ^= all >> 32;
        }
        return all;
}
