#include "sculptor/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sculptor/memory.h"
#include "sculptor/parallel.h"

enum { REASON_SIZE = 4096 };

/* What rank 0 found; the others learn it by one broadcast. */
struct outcome {
        bool failed;
        uint64_t length;
        char reason[REASON_SIZE];
};

static void fail_errno(struct outcome *outcome, const char *path)
{
        const int cause = errno;
        outcome->failed = true;
        snprintf(outcome->reason, REASON_SIZE, "cannot read %s: %s", path,
                 cause == ENODATA ? "it ends early" : strerror(cause));
}

static bool read_whole(int fd, char *next, size_t n)
{
        off_t offset = 0;
        while (n > 0) {
                ssize_t done = pread(fd, next, n, offset);
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

/* Rank 0. The text, or NULL where the outcome says why not. */
static char *read_here(const char *path, size_t limit, struct outcome *outcome)
{
        struct stat file;
        char *text = NULL;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not make us wait */
        if (fd < 0 || fstat(fd, &file) != 0) {
                fail_errno(outcome, path);
        } else if (!S_ISREG(file.st_mode)) {
                outcome->failed = true;
                snprintf(outcome->reason, REASON_SIZE, "cannot read %s: it is %s", path,
                         S_ISDIR(file.st_mode) ? "a directory" : "not a file");
        } else if ((uint64_t)file.st_size > limit) {
                outcome->failed = true;
                snprintf(outcome->reason, REASON_SIZE, "cannot read %s: its %lld bytes are more than the %zu allowed",
                         path, (long long)file.st_size, limit);
        } else {
                outcome->length = (uint64_t)file.st_size;
                text = allocate((size_t)outcome->length + 1, 1);
                if (!read_whole(fd, text, (size_t)outcome->length))
                        fail_errno(outcome, path);
        }
        if (fd >= 0)
                close(fd);
        return text;
}

char *text_read_all(const char *path, size_t limit, size_t *length, const char **why)
{
        static char reason[REASON_SIZE];
        struct outcome outcome = {.failed = false};
        char *text = parallel_rank() == 0 ? read_here(path, limit, &outcome) : NULL;
        parallel_broadcast(&outcome, sizeof outcome, 0);
        *length = 0;
        *why = NULL;
        if (outcome.failed) {
                free(text);
                *why = memcpy(reason, outcome.reason, sizeof reason);
                return NULL;
        }
        *length = (size_t)outcome.length;
        if (!text)
                text = allocate(*length + 1, 1);
        parallel_broadcast(text, *length, 0);
        return text;
}
