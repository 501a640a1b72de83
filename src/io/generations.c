#include "io/generations.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/agree.h"
#include "io/disk.h"
#include "io/manifest.h"
#include "io/path.h"
#include "sculptor/checkpoint.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

struct generation {
        int64_t steps, suffix; /* suffix 1 where the name has none */
};

struct listing {
        size_t n;
        struct generation *generation; /* newest first */
};

static char *generation_path(const char *directory, struct generation generation)
{
        char suffix[32] = "";
        if (generation.suffix > 1)
                snprintf(suffix, sizeof suffix, "_%" PRId64, generation.suffix);
        char *name = format_text("checkpoint_%012" PRId64 "%s.h5", generation.steps, suffix);
        char *path = path_join(directory, name);
        free(name);
        return path;
}

/* Whether this is such a name, and no other spelling of one; .h5 and .manifest both count. */
static bool parse_name(const char *name, struct generation *generation)
{
        *generation = (struct generation){.suffix = 1};
        const char *dot = strrchr(name, '.');
        if (!dot || (strcmp(dot, ".h5") != 0 && strcmp(dot, ".manifest") != 0))
                return false;
        const char prefix[] = "checkpoint_";
        if (strncmp(name, prefix, sizeof prefix - 1) != 0)
                return false;
        char *end;
        generation->steps = strtoll(name + sizeof prefix - 1, &end, 10);
        if (*end == '_')
                generation->suffix = strtoll(end + 1, &end, 10);
        char *path = generation_path("", *generation);
        bool same = strncmp(path_name(path), name, (size_t)(dot - name)) == 0 &&
                    strcmp(path_name(path) + (dot - name), ".h5") == 0;
        free(path);
        return same;
}

static int newer_first(const void *left, const void *right)
{
        const struct generation *a = left, *b = right;
        if (a->steps != b->steps)
                return a->steps < b->steps ? 1 : -1;
        return (a->suffix < b->suffix) - (a->suffix > b->suffix);
}

/* Rank 0. */
static const char *read_names(const char *directory, struct listing *listing)
{
        DIR *stream = opendir(directory);
        if (!stream)
                return reason_errno("read", directory);
        size_t capacity = 0;
        errno = 0;
        for (struct dirent *entry; (entry = readdir(stream)); errno = 0) {
                struct generation generation;
                if (!parse_name(entry->d_name, &generation))
                        continue;
                if (listing->n == capacity) {
                        capacity = capacity ? 2 * capacity : 16;
                        struct generation *larger = allocate(capacity, sizeof *larger);
                        if (listing->n > 0)
                                memcpy(larger, listing->generation, listing->n * sizeof *larger);
                        free(listing->generation);
                        listing->generation = larger;
                }
                listing->generation[listing->n++] = generation;
        }
        const char *why = errno ? reason_errno("read", directory) : NULL;
        closedir(stream);
        if (listing->n > 1)
                qsort(listing->generation, listing->n, sizeof *listing->generation, newer_first);
        size_t kept = 0; /* a file and its manifest are one generation */
        for (size_t i = 0; i < listing->n; i++)
                if (i == 0 || newer_first(&listing->generation[i], &listing->generation[kept - 1]) != 0)
                        listing->generation[kept++] = listing->generation[i];
        listing->n = kept;
        return why;
}

static const char *list(const char *directory, struct listing *listing)
{
        *listing = (struct listing){0};
        const char *why = agree(parallel_rank() == 0 ? read_names(directory, listing) : NULL);
        if (why) {
                free(listing->generation);
                *listing = (struct listing){0};
                return why;
        }
        parallel_broadcast(&listing->n, sizeof listing->n, 0);
        if (!listing->generation)
                listing->generation = allocate(listing->n, sizeof *listing->generation);
        parallel_broadcast(listing->generation, listing->n * sizeof *listing->generation, 0);
        return NULL;
}

/* ---- generations this process has written or seen verify, so that keeping them costs no second reading ---- */

enum { REMEMBERED = 16 };

static struct {
        char *path[REMEMBERED];
        int64_t size[REMEMBERED], seconds[REMEMBERED], nanoseconds[REMEMBERED]; /* as rank 0 saw them */
        size_t next;
} verified;

static struct stat look(const char *path)
{
        struct stat file = {0};
        if (parallel_rank() == 0 && stat(path, &file) != 0)
                file.st_size = -1;
        return file;
}

static void remember(const char *path)
{
        size_t i = verified.next++ % REMEMBERED;
        struct stat file = look(path);
        free(verified.path[i]);
        verified.path[i] = copy_text(path);
        verified.size[i] = file.st_size;
        verified.seconds[i] = file.st_mtim.tv_sec;
        verified.nanoseconds[i] = file.st_mtim.tv_nsec;
}

static bool known_good(const char *path)
{
        struct stat file = look(path);
        bool here = parallel_rank() != 0;
        for (size_t i = 0; i < REMEMBERED; i++)
                if (verified.path[i] && strcmp(verified.path[i], path) == 0 && verified.size[i] == file.st_size &&
                    verified.seconds[i] == file.st_mtim.tv_sec && verified.nanoseconds[i] == file.st_mtim.tv_nsec)
                        here = true;
        return parallel_all(here);
}

/* ---- what others call ---- */

const char *generations_next(const char *directory, int64_t steps_done, char **path)
{
        struct listing listing;
        *path = NULL;
        const char *why = list(directory, &listing);
        if (why)
                return why;
        struct generation next = {.steps = steps_done, .suffix = 1};
        for (size_t i = 0; i < listing.n; i++)
                if (listing.generation[i].steps == steps_done && listing.generation[i].suffix >= next.suffix)
                        next.suffix = listing.generation[i].suffix + 1;
        free(listing.generation);
        *path = generation_path(directory, next);
        return NULL;
}

void generations_remove(const char *path)
{
        if (parallel_rank() != 0)
                return;
        char *manifest = manifest_path(path);
        unlink(manifest);
        unlink(path);
        free(manifest);
}

void generations_prune(const char *directory, const char *newest, int keep)
{
        remember(newest);
        struct listing listing;
        if (list(directory, &listing))
                return; /* nothing is removed; the next checkpoint tries again */
        int kept = 1;
        for (size_t i = 0; i < listing.n; i++) {
                char *path = generation_path(directory, listing.generation[i]);
                if (strcmp(path, newest) != 0) {
                        struct manifest manifest;
                        if (kept >= keep)
                                generations_remove(path);
                        else if (!manifest_read(path, &manifest) && (known_good(path) || !checkpoint_verify(path)))
                                kept++;
                }
                free(path);
        }
        free(listing.generation);
}

const char *checkpoint_verify(const char *path)
{
        struct manifest wanted, found;
        const char *why = manifest_read(path, &wanted);
        if (!why)
                why = manifest_digest(path, &found);
        if (!why && (found.size != wanted.size || strcmp(found.digest, wanted.digest) != 0))
                why = agree(reason("%s: its bytes are not those its manifest was written for", path));
        if (!why)
                remember(path);
        return why;
}

char *checkpoint_newest(const char *directory, void (*complain)(const char *line))
{
        struct listing listing;
        const char *why = list(directory, &listing);
        if (why && complain && parallel_rank() == 0)
                complain(why);
        char *newest = NULL;
        for (size_t i = 0; !newest && i < listing.n; i++) {
                char *path = generation_path(directory, listing.generation[i]);
                why = checkpoint_verify(path);
                if (!why)
                        newest = path;
                else
                        free(path);
                if (why && complain && parallel_rank() == 0)
                        complain(why);
        }
        free(listing.generation);
        return newest;
}

const char *generations_finish(const char *directory, const char *path, const struct manifest *where, int keep)
{
        struct manifest manifest = *where, found;
        /* The file's bytes were compared with memory; now they get their digest, then the manifest. */
        const char *why = manifest_digest(path, &manifest);
        if (!why)
                why = manifest_write(path, &manifest);
        if (!why)
                why = manifest_read(path, &found);
        if (!why && memcmp(manifest.digest, found.digest, sizeof found.digest) != 0)
                why = agree(reason("%s: its manifest was not kept", path));
        if (why)
                generations_remove(path);
        else
                generations_prune(directory, path, keep);
        return why;
}
