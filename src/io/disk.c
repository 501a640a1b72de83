#define _GNU_SOURCE /* fallocate */
#include "io/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "sculptor/memory.h"

char *path_directory(const char *path)
{
        const char *slash = strrchr(path, '/');
        if (!slash)
                return copy_text(".");
        size_t length = slash == path ? 1 : (size_t)(slash - path);
        return format_text("%.*s", (int)length, path);
}

const char *path_name(const char *path)
{
        const char *slash = strrchr(path, '/');
        return slash ? slash + 1 : path;
}

char *path_join(const char *directory, const char *name)
{
        size_t length = strlen(directory);
        return format_text("%s%s%s", directory, length > 0 && directory[length - 1] == '/' ? "" : "/", name);
}

char *path_part(const char *path)
{
        return format_text("%.*s.%s.part", (int)(path_name(path) - path), path, path_name(path));
}

bool write_at(int fd, const void *bytes, size_t n, int64_t offset)
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

bool read_at(int fd, void *bytes, size_t n, int64_t offset)
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

int create_part(const char *part)
{
        if (unlink(part) != 0 && errno != ENOENT)
                return -1;
        return open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

bool reserve_space(int fd, int64_t size)
{
        int done;
        do
                done = fallocate(fd, 0, 0, (off_t)size);
        while (done != 0 && errno == EINTR);
        if (done == 0)
                return true;
        return (errno == EOPNOTSUPP || errno == ENOSYS) && ftruncate(fd, (off_t)size) == 0;
}

int64_t free_space(const char *directory)
{
        struct statvfs volume;
        if (statvfs(directory, &volume) != 0)
                return -1;
        uint64_t bytes;
        if (__builtin_mul_overflow((uint64_t)volume.f_bavail, (uint64_t)volume.f_frsize, &bytes) || bytes > INT64_MAX)
                return INT64_MAX;
        return (int64_t)bytes;
}

bool sync_directory(const char *directory)
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

bool publish(const char *part, const char *path)
{
        if (rename(part, path) != 0) {
                int cause = errno;
                unlink(part);
                errno = cause;
                return false;
        }
        char *directory = path_directory(path);
        bool ok = sync_directory(directory);
        int cause = errno;
        free(directory);
        if (!ok)
                unlink(path);
        errno = cause;
        return ok;
}

uint64_t checksum(const void *bytes, size_t n)
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
