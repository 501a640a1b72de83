#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/agree.h"
#include "io/disk.h"
#include "io/path.h"
#include "sculptor/files.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

/* Rank 0. The part file, whole and durable; its bytes are in the .part when this returns NULL. */
static const char *write_part(const char *part, const void *text, size_t length)
{
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

const char *bytes_write_atomic(const char *path, const void *bytes, size_t n)
{
        const char *why = NULL;
        if (parallel_rank() == 0) {
                char *part = path_part(path);
                why = write_part(part, bytes, n);
                if (why)
                        unlink(part);
                else if (!disk_publish(part, path))
                        why = reason_errno("rename to", path);
                free(part);
        }
        return agree(why);
}

const char *text_write_atomic(const char *path, const char *text)
{
        return bytes_write_atomic(path, text, strlen(text));
}
