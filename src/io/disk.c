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

uint64_t disk_checksum(const void *bytes, size_t n)
{
        enum { SUMS = 8 }; /* independent chains, as many as it takes to hide the multiplier's latency */
        const uint64_t odd = 0x9e3779b97f4a7c15u;
        uint64_t sum[SUMS] = {1, 2, 3, 4, 5, 6, 7, 8};
        const unsigned char *next = bytes;
        for (; n >= sizeof sum; n -= sizeof sum, next += sizeof sum) {
                uint64_t word[SUMS];
                memcpy(word, next, sizeof word);
                for (int i = 0; i < SUMS; i++)
                        sum[i] = (sum[i] ^ word[i]) * odd;
        }
        for (; n > 0; n--)
                sum[0] = (sum[0] ^ *next++) * odd;
        uint64_t all = 0;
        for (int i = 0; i < SUMS; i++) {
                sum[i] ^= sum[i] >> 32; /* high bits reach low ones before the next product */
                all = (all ^ sum[i]) * odd;
        }
        return all ^ all >> 29;
}
