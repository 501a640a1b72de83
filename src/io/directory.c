#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/agree.h"
#include "io/disk.h"
#include "io/path.h"
#include "sculptor/files.h"
#include "sculptor/log.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

/* The names a run gives its files; none but these are ever moved or removed. */
static const char *const ours[] = {"snapshot_[0-9]*.h5",
                                   "checkpoint_[0-9]*.h5",
                                   "checkpoint_[0-9]*.manifest",
                                   "series.h5",
                                   "parameters.txt",
                                   "sculptor.log",
                                   "snapshots.xdmf",
                                   "wiener.h5",
                                   "likelihood.h5"};
static const char *const our_parts[] = {
        ".snapshot_[0-9]*.h5.part", ".checkpoint_[0-9]*.h5.part", ".checkpoint_[0-9]*.manifest.part",
        ".series.h5.part",          ".parameters.txt.part",       ".snapshots.xdmf.part",
        ".wiener.h5.part",          ".likelihood.h5.part"};

static bool matches(const char *name, const char *const *patterns, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (fnmatch(patterns[i], name, FNM_PERIOD) == 0)
                        return true;
        return false;
}

/* ---- making ---- */

/* Rank 0. The path with all its parents; a parent's name is made durable too. */
static const char *make(const char *path)
{
        struct stat status;
        if (stat(path, &status) == 0)
                return S_ISDIR(status.st_mode) ? NULL : reason("cannot make %s: a file of that name is there", path);
        char *parent = path_directory(path);
        const char *why = strcmp(parent, path) == 0 ? NULL : make(parent);
        if (!why && mkdir(path, 0777) != 0 && errno != EEXIST)
                why = reason_errno("make", path);
        else if (!why && !disk_sync_directory(parent))
                why = reason("cannot make %s durable: %s", path, strerror(errno));
        free(parent);
        return why;
}

static const char *make_writable(const char *path)
{
        char *trimmed = copy_text(path); /* "run/" and "run//" are "run" */
        for (size_t n = strlen(trimmed); n > 1 && trimmed[n - 1] == '/'; n--)
                trimmed[n - 1] = '\0';
        const char *why = *trimmed ? make(trimmed) : reason("the directory has no name");
        free(trimmed);
        if (!why && access(path, R_OK | W_OK | X_OK) != 0)
                why = reason_errno("write in", path);
        return why;
}

const char *directory_make(const char *path)
{
        return agree(parallel_rank() == 0 ? make_writable(path) : NULL);
}

/* ---- the lock ---- */

static int lock_fd = -1; /* rank 0's, for as long as the process lives */

/* Who holds it, in the holder's own words, else as the system knows. */
static const char *in_use(const char *path, int fd)
{
        char holder[256] = "";
        ssize_t n = pread(fd, holder, sizeof holder - 1, 0);
        if (n > 0)
                holder[strcspn(holder, "\n")] = '\0';
        if (n > 0 && strncmp(holder, "process ", 8) == 0)
                return reason("%s is in use by %s", path, holder);
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0)
                return reason("%s is in use by process %ld", path, (long)lock.l_pid);
        return reason("%s is in use by another run", path);
}

/* Parts of files of runs that were killed; the lock says that nobody is writing them. */
static void remove_parts(const char *path)
{
        DIR *stream = opendir(path);
        if (!stream)
                return;
        for (struct dirent *entry; (entry = readdir(stream));) {
                if (!matches(entry->d_name, our_parts, sizeof our_parts / sizeof *our_parts))
                        continue;
                char *part = path_join(path, entry->d_name);
                unlink(part);
                free(part);
        }
        closedir(stream);
}

/* Rank 0. */
static const char *lock_here(const char *path)
{
        if (lock_fd >= 0)
                close(lock_fd);
        char *name = path_join(path, ".lock");
        lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        const char *why = NULL;
        if (lock_fd < 0) {
                why = reason_errno("open", name);
        } else if (fcntl(lock_fd, F_SETLK, &lock) == 0) {
                char host[128] = "?", line[192];
                gethostname(host, sizeof host - 1);
                int n = snprintf(line, sizeof line, "process %ld on %s\n", (long)getpid(), host);
                if (ftruncate(lock_fd, 0) != 0 || !disk_write(lock_fd, line, (size_t)n, 0))
                        errno = 0; /* only the message to others is the poorer */
                remove_parts(path);
        } else if (errno == EACCES || errno == EAGAIN) {
                why = in_use(path, lock_fd);
        } else {
                log_warning("cannot lock %s: %s; going on without: start no second run there", path, strerror(errno));
        }
        free(name);
        if (why)
                directory_unlock();
        return why;
}

const char *directory_lock(const char *path)
{
        return agree(parallel_rank() == 0 ? lock_here(path) : NULL);
}

void directory_unlock(void)
{
        if (lock_fd >= 0)
                close(lock_fd);
        lock_fd = -1;
}

/* ---- setting aside ---- */

/* Rank 0. Moves our files from path to aside, which is made when the first one is found. */
static const char *move_files(const char *path, const char *aside, bool *moved)
{
        DIR *stream = opendir(path);
        if (!stream)
                return reason_errno("read", path);
        const char *why = NULL;
        for (struct dirent *entry; !why && (entry = readdir(stream));) {
                if (!matches(entry->d_name, ours, sizeof ours / sizeof *ours))
                        continue;
                char *from = path_join(path, entry->d_name), *to = path_join(aside, entry->d_name);
                if (!*moved && mkdir(aside, 0777) != 0)
                        why = reason_errno("make", aside);
                *moved = *moved || !why;
                if (!why && rename(from, to) != 0)
                        why = reason("cannot move %s to %s: %s", from, to, strerror(errno));
                free(from);
                free(to);
        }
        closedir(stream);
        if (!why && *moved && (!disk_sync_directory(aside) || !disk_sync_directory(path)))
                why = reason_errno("move files to", aside);
        return why;
}

static const char *set_aside_here(const char *path, char **moved_to)
{
        char *aside = NULL;
        struct stat status;
        for (int i = 1; i <= 9999; i++) {
                char name[32];
                snprintf(name, sizeof name, "previous_%04d", i);
                free(aside);
                aside = path_join(path, name);
                if (lstat(aside, &status) != 0 && errno == ENOENT)
                        break;
                if (i == 9999) {
                        free(aside);
                        return reason("%s holds 9999 earlier runs: remove some", path);
                }
        }
        bool moved = false;
        const char *why = move_files(path, aside, &moved);
        if (!why && moved)
                *moved_to = copy_text(aside);
        free(aside);
        return why;
}

const char *directory_set_aside(const char *path, char **moved_to)
{
        *moved_to = NULL;
        const char *why = agree(parallel_rank() == 0 ? set_aside_here(path, moved_to) : NULL);
        if (why)
                return why;
        uint64_t length = *moved_to ? strlen(*moved_to) + 1 : 0;
        parallel_broadcast(&length, sizeof length, 0);
        if (length > 0) {
                if (!*moved_to)
                        *moved_to = allocate((size_t)length, 1);
                parallel_broadcast(*moved_to, (size_t)length, 0);
        }
        return NULL;
}
