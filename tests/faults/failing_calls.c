/* Loaded before libc (LD_PRELOAD): fails one of a process's calls that write, or kills the process at it.
 *
 *     FAULT_PATH=TEXT      only calls on files whose path contains TEXT count (needed)
 *     FAULT_CALL=N         the N-th such call, from 1 (0 or unset: none)
 *     FAULT_MODE=fail|kill fail: the call returns -1; kill: the process is gone, as by kill -9
 *     FAULT_ERRNO=NUMBER   the errno of a failed call (default 5, EIO)
 *     FAULT_RANK=R         only on this rank
 *     FAULT_COUNT=FILE     appends the number of calls counted, at exit
 *     FAULT_ROOMY=1        statvfs() tells of plenty of free space, so that a full disk is met later
 *     FAULT_NO_FALLOCATE=1 fallocate() is not supported, so that a full disk is met later still
 *
 * A program may also find fault_arm() by dlsym() and set the call itself, counting from there. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static struct {
        bool ready, kills;
        const char *path;
        long call, counted;
        int error;
        const char *struck; /* the call that was failed */
} fault;

static void prepare(void)
{
        if (fault.ready)
                return;
        fault.ready = true;
        fault.path = getenv("FAULT_PATH");
        const char *call = getenv("FAULT_CALL"), *mode = getenv("FAULT_MODE"), *error = getenv("FAULT_ERRNO");
        const char *rank = getenv("FAULT_RANK"), *here = getenv("OMPI_COMM_WORLD_RANK");
        fault.call = call ? atol(call) : 0;
        fault.kills = mode && strcmp(mode, "kill") == 0;
        fault.error = error ? atoi(error) : EIO;
        if (rank && strcmp(rank, here ? here : "0") != 0)
                fault.call = 0;
}

/* The n-th call from now (0: none) fails with this errno, or kills where it is negative; with 0, the n-th pwrite()
 * says that it wrote and does not. Returns the name of the
 * call failed since the last time, or NULL. */
const char *fault_arm(long call, int error);
const char *fault_arm(long call, int error)
{
        prepare();
        const char *struck = fault.struck;
        fault.struck = NULL;
        fault.counted = 0;
        fault.call = call;
        fault.kills = error < 0;
        fault.error = error;
        return struck;
}

static bool strikes(const char *call, const char *path)
{
        prepare();
        if (!fault.path || !path || !strstr(path, fault.path))
                return false;
        if (fault.error == 0 && strncmp(call, "pwrite", 6) != 0)
                return false;
        if (++fault.counted != fault.call)
                return false;
        if (fault.kills)
                kill(getpid(), SIGKILL);
        fault.struck = call;
        errno = fault.error;
        return true;
}

static bool strikes_fd(const char *call, int fd)
{
        prepare();
        if (!fault.path)
                return false;
        char link[64], path[4096];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, path, sizeof path - 1);
        path[n > 0 ? n : 0] = '\0';
        return strikes(call, path);
}

__attribute__((destructor)) static void tell_count(void)
{
        const char *name = getenv("FAULT_COUNT");
        FILE *out = name ? fopen(name, "a") : NULL;
        if (out) {
                fprintf(out, "%ld\n", fault.counted);
                fclose(out);
        }
}

/* A union, since ISO C does not convert what dlsym() gives into a function. */
#define ON_FD(type, name, parameters, types, ...)                                                                      \
        type name parameters                                                                                           \
        {                                                                                                              \
                union {                                                                                                \
                        void *object;                                                                                  \
                        type(*function) types;                                                                         \
                } real = {dlsym(RTLD_NEXT, #name)};                                                                    \
                return strikes_fd(#name, fd) ? (type)-1 : real.function(__VA_ARGS__);                                  \
        }

ON_FD(ssize_t, write, (int fd, const void *bytes, size_t n), (int, const void *, size_t), fd, bytes, n)

static ssize_t pwrite_real(const char *name, int fd, const void *bytes, size_t n, off_t at)
{
        union {
                void *object;
                ssize_t (*function)(int, const void *, size_t, off_t);
        } real = {dlsym(RTLD_NEXT, name)};
        if (!strikes_fd(name, fd))
                return real.function(fd, bytes, n, at);
        return fault.error ? -1 : (ssize_t)n;
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
        return pwrite_real("pwrite", fd, bytes, n, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off_t at)
{
        return pwrite_real("pwrite64", fd, bytes, n, at);
}

ON_FD(ssize_t, pread, (int fd, void *bytes, size_t n, off_t at), (int, void *, size_t, off_t), fd, bytes, n, at)
ON_FD(ssize_t, pread64, (int fd, void *bytes, size_t n, off_t at), (int, void *, size_t, off_t), fd, bytes, n, at)
ON_FD(int, fsync, (int fd), (int), fd)
ON_FD(int, fdatasync, (int fd), (int), fd)
ON_FD(int, ftruncate, (int fd, off_t size), (int, off_t), fd, size)
ON_FD(int, ftruncate64, (int fd, off_t size), (int, off_t), fd, size)

static int fallocate_real(const char *name, int fd, int mode, off_t at, off_t n)
{
        union {
                void *object;
                int (*function)(int, int, off_t, off_t);
        } real = {dlsym(RTLD_NEXT, name)};
        if (getenv("FAULT_NO_FALLOCATE")) {
                errno = EOPNOTSUPP;
                return -1;
        }
        return strikes_fd(name, fd) ? -1 : real.function(fd, mode, at, n);
}

int fallocate(int fd, int mode, off_t at, off_t n)
{
        return fallocate_real("fallocate", fd, mode, at, n);
}

int fallocate64(int fd, int mode, off_t at, off_t n)
{
        return fallocate_real("fallocate64", fd, mode, at, n);
}

int statvfs(const char *restrict path, struct statvfs *restrict volume)
{
        union {
                void *object;
                int (*function)(const char *, struct statvfs *);
        } real = {dlsym(RTLD_NEXT, "statvfs")};
        int status = real.function(path, volume);
        if (getenv("FAULT_ROOMY"))
                volume->f_bavail = volume->f_bfree = (fsblkcnt_t)1 << 40;
        return status;
}

int close(int fd)
{
        union {
                void *object;
                int (*function)(int);
        } real = {dlsym(RTLD_NEXT, "close")};
        bool read_only = (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY;
        bool fails = strikes_fd(read_only ? "close after reading" : "close",
                                fd); /* as on Linux, the descriptor is gone even where close() fails */
        int error = errno, status = real.function(fd);
        errno = fails ? error : errno;
        return fails ? -1 : status;
}

int rename(const char *from, const char *to)
{
        union {
                void *object;
                int (*function)(const char *, const char *);
        } real = {dlsym(RTLD_NEXT, "rename")};
        return strikes("rename", to) ? -1 : real.function(from, to);
}

/* Only what makes a file is counted: looking at files must not depend on what was counted. */
static int open_real(const char *name, const char *path, int flags, mode_t mode)
{
        union {
                void *object;
                int (*function)(const char *, int, ...);
        } real = {dlsym(RTLD_NEXT, name)};
        return (flags & (O_WRONLY | O_RDWR | O_CREAT)) && strikes(name, path) ? -1 : real.function(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
        va_list arguments;
        va_start(arguments, flags);
        mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
        va_end(arguments);
        return open_real("open", path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
        va_list arguments;
        va_start(arguments, flags);
        mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
        va_end(arguments);
        return open_real("open64", path, flags, mode);
}
