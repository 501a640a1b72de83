/* The SHA-256 of a file as it lies on disk. Local. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sculptor/files.h"
#include "sculptor/memory.h"

static const char *digest(int fd, char hex[65])
{
        enum { PIECE = 1 << 20 };
        struct stat file;
        if (fd < 0 || fstat(fd, &file) != 0)
                return strerror(errno);
        if (!S_ISREG(file.st_mode))
                return "it is no regular file";
        char *piece = allocate(PIECE, 1);
        struct sha256 sha;
        sha256_begin(&sha);
        ssize_t n;
        while ((n = read(fd, piece, PIECE)) > 0 || (n < 0 && errno == EINTR))
                if (n > 0)
                        sha256_add(&sha, piece, (size_t)n);
        const char *why = n < 0 ? strerror(errno) : NULL;
        sha256_end(&sha, hex);
        free(piece);
        return why;
}

const char *file_digest(const char *path, char hex[65])
{
        static char reason[1024];
        const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not make us wait */
        const char *why = digest(fd, hex);
        if (why)
                snprintf(reason, sizeof reason, "cannot read %.800s: %s", path, why);
        if (fd >= 0)
                close(fd);
        return why ? reason : NULL;
}
