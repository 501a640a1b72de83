/* The temporal collection: a grid for each snapshot, by index. Rank 0 alone knows of them. */
#include "sculptor/xdmf.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "io/agree.h"
#include "io/path.h"
#include "io/xdmf_grid.h"
#include "sculptor/files.h"
#include "sculptor/log.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

struct level {
        int64_t index;
        char *grid; /* NULL where the file cannot be read: said once */
};

struct xdmf {
        char *directory;
        size_t n, capacity;
        struct level *level; /* by index */
};

struct xdmf *xdmf_create(const char *directory)
{
        struct xdmf *xdmf = allocate(1, sizeof *xdmf);
        xdmf->directory = copy_text(directory);
        return xdmf;
}

static void free_levels(struct level *level, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(level[i].grid);
        free(level);
}

void xdmf_free(struct xdmf *xdmf)
{
        if (!xdmf)
                return;
        free_levels(xdmf->level, xdmf->n);
        free(xdmf->directory);
        free(xdmf);
}

/* ---- which snapshots there are ---- */

/* The index in such a name, and in no other spelling of one, else -1. */
static int64_t index_of(const char *name)
{
        const char prefix[] = "snapshot_";
        if (strncmp(name, prefix, sizeof prefix - 1) != 0)
                return -1;
        int64_t index = strtoll(name + sizeof prefix - 1, NULL, 10);
        char *wanted = format_text("snapshot_%04" PRId64 ".h5", index);
        bool same = strcmp(wanted, name) == 0;
        free(wanted);
        return same ? index : -1;
}

static int by_index(const void *left, const void *right)
{
        const struct level *a = left, *b = right;
        return (a->index > b->index) - (a->index < b->index);
}

static void add_level(struct xdmf *found, int64_t index)
{
        if (found->n == found->capacity) {
                found->capacity = found->capacity ? 2 * found->capacity : 64;
                struct level *larger = allocate(found->capacity, sizeof *larger);
                if (found->n > 0)
                        memcpy(larger, found->level, found->n * sizeof *larger);
                free(found->level);
                found->level = larger;
        }
        found->level[found->n++] = (struct level){.index = index};
}

static const char *list_levels(const char *directory, struct xdmf *found)
{
        DIR *stream = opendir(directory);
        if (!stream)
                return reason_errno("read", directory);
        errno = 0;
        for (struct dirent *entry; (entry = readdir(stream)); errno = 0) {
                int64_t index = index_of(entry->d_name);
                if (index >= 0)
                        add_level(found, index);
        }
        const char *why = errno ? reason_errno("read", directory) : NULL;
        closedir(stream);
        if (found->n > 1)
                qsort(found->level, found->n, sizeof *found->level, by_index);
        return why;
}

/* ---- what each of them holds ---- */

static char *look_at(const char *directory, int64_t index)
{
        char *name = format_text("snapshot_%04" PRId64 ".h5", index), *grid = NULL;
        const char *why = xdmf_grid(directory, name, index, &grid);
        if (why)
                log_warning("%s; it is left out of snapshots.xdmf", why);
        free(name);
        return grid;
}

/* Rank 0. Takes over what is known of the snapshots found, and looks at the others and at the one just written. */
static const char *update(struct xdmf *xdmf, int64_t written)
{
        struct xdmf found = {.directory = xdmf->directory};
        const char *why = list_levels(xdmf->directory, &found);
        if (why) {
                free(found.level);
                return why;
        }
        for (size_t i = 0; i < found.n; i++) {
                struct level *known = xdmf->n == 0 || found.level[i].index == written
                                              ? NULL
                                              : bsearch(&found.level[i], xdmf->level, xdmf->n, sizeof *known, by_index);
                if (known) {
                        found.level[i].grid = known->grid;
                        known->grid = NULL;
                } else {
                        found.level[i].grid = look_at(xdmf->directory, found.level[i].index);
                }
        }
        const struct xdmf before = *xdmf;
        *xdmf = found;
        free_levels(before.level, before.n);
        return NULL;
}

/* ---- the file ---- */

static char *build_text(const struct xdmf *xdmf)
{
        static const char begin[] =
                "<?xml version=\"1.0\"?>\n<!DOCTYPE Xdmf SYSTEM \"Xdmf.dtd\" []>\n<Xdmf Version=\"2.0\">"
                "<Domain><Grid Name=\"levels\" GridType=\"Collection\" CollectionType=\"Temporal\">\n";
        static const char end[] = "</Grid></Domain></Xdmf>\n";
        size_t length = sizeof begin + sizeof end;
        for (size_t i = 0; i < xdmf->n; i++)
                length += xdmf->level[i].grid ? strlen(xdmf->level[i].grid) : 0;
        char *text = allocate(length, 1), *next = text;
        next = stpcpy(next, begin);
        for (size_t i = 0; i < xdmf->n; i++)
                next = xdmf->level[i].grid ? stpcpy(next, xdmf->level[i].grid) : next;
        stpcpy(next, end);
        return text;
}

const char *xdmf_write(struct xdmf *xdmf, int64_t index)
{
        const bool first = parallel_rank() == 0;
        const char *why = agree(first ? update(xdmf, index) : NULL);
        if (why)
                return why;
        char *text = first ? build_text(xdmf) : copy_text(""), *path = path_join(xdmf->directory, "snapshots.xdmf");
        why = text_write_atomic(path, text); /* rank 0's text */
        free(path);
        free(text);
        return why;
}
