/* The SHA-256 of a file as it lies on disk, or of the ends of a large one. Local. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sculptor/files.h"
#include "sculptor/memory.h"

static const off_t LARGE = (off_t)1 << 30, END = 64 << 20; /* bytes */

/* Of what lies between the first END bytes and the last END of a large file only its length counts, where `ends`. */
static const char *digest(int fd, bool ends, char hex[65])
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
        const int64_t size = file.st_size;
        off_t left = ends && size > LARGE ? END : -1; /* until the jump; none */
        if (left > 0)
                sha256_add(&sha, &size, sizeof size);
        ssize_t n;
        while ((n = read(fd, piece, PIECE)) > 0 || (n < 0 && errno == EINTR))
                if (n > 0) {
                        sha256_add(&sha, piece, (size_t)n);
                        left -= left > 0 ? n : 0;
                        if (left == 0) {
                                left = -1;
                                if (lseek(fd, size - END, SEEK_SET) < 0)
                                        break;
                        }
                }
        const char *why = n < 0 ? strerror(errno) : NULL;
        sha256_end(&sha, hex);
        free(piece);
        return why;
}

static const char *digest_path(const char *path, bool ends, char hex[65])
{
        static char reason[1024];
        const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not make us wait */
        const char *why = digest(fd, ends, hex);
        if (why)
                snprintf(reason, sizeof reason, "cannot read %.800s: %s", path, why);
        if (fd >= 0)
                close(fd);
        return why ? reason : NULL;
}

const char *file_digest(const char *path, char hex[65])
{
        return digest_path(path, false, hex);
}

const char *file_digest_ends(const char *path, char hex[65])
{
        return digest_path(path, true, hex);
}
