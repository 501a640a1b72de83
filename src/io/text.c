#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/agree.h"
#include "io/disk.h"
#include "io/path.h"
#include "sculptor/files.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

/* Rank 0. The part file, whole and durable; its bytes are in the .part when this returns NULL. */
static const char *write_part(const char *part, const char *text)
{
        size_t length = strlen(text);
        int fd = disk_create(part);
        if (fd < 0)
                return reason_errno("create", part);
        bool ok = disk_write(fd, text, length, 0) && fsync(fd) == 0;
        const char *why = ok ? NULL : reason_errno("write", part);
        char *back = allocate(length + 1, 1);
        if (!why && (!disk_read(fd, back, length, 0) || memcmp(back, text, length) != 0))
                why = reason("%s: what is on disk is not what was written", part);
        free(back);
        if (close(fd) != 0 && !why)
                why = reason_errno("close", part);
        return why;
}

const char *text_write_atomic(const char *path, const char *text)
{
        const char *why = NULL;
        if (parallel_rank() == 0) {
                char *part = path_part(path);
                why = write_part(part, text);
                if (why)
                        unlink(part);
                else if (!disk_publish(part, path))
                        why = reason_errno("rename to", path);
                free(part);
        }
        return agree(why);
}

/* Rank 0. */
static const char *read_text(const char *path, size_t limit, size_t *length, char **text)
{
        struct stat file;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not make us wait */
        const char *why = NULL;
        if (fd < 0 || fstat(fd, &file) != 0) {
                why = reason_errno("read", path);
        } else if (!S_ISREG(file.st_mode)) {
                why = reason("cannot read %s: it is %s", path, S_ISDIR(file.st_mode) ? "a directory" : "not a file");
        } else if ((uint64_t)file.st_size > limit) {
                why = reason("cannot read %s: its %lld bytes are more than the %zu allowed", path,
                             (long long)file.st_size, limit);
        } else {
                *length = (size_t)file.st_size;
                *text = allocate(*length + 1, 1);
                if (!disk_read(fd, *text, *length, 0))
                        why = reason_errno("read", path);
        }
        if (fd >= 0)
                close(fd);
        return why;
}

char *text_read_all(const char *path, size_t limit, size_t *length, const char **why)
{
        char *text = NULL;
        *length = 0;
        *why = agree(parallel_rank() == 0 ? read_text(path, limit, length, &text) : NULL);
        if (*why) {
                free(text);
                *length = 0;
                return NULL;
        }
        uint64_t n = *length;
        parallel_broadcast(&n, sizeof n, 0);
        *length = (size_t)n;
        if (!text)
                text = allocate(*length + 1, 1);
        parallel_broadcast(text, *length, 0);
        return text;
}
