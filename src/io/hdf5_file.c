#define _GNU_SOURCE /* memfd_create */
#include "io/hdf5_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/agree.h"
#include "io/disk.h"
#include "io/path.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rows go to the file as they lie in memory");

enum { MARGIN_BYTES = 64 << 10 }; /* left free beside the file: directory entries, the manifest */
enum { MAX_ARRAYS = 32 };

/* Where the file's parts are; rank 0 knows it first. */
struct layout {
        int64_t size;
        int64_t offset[MAX_ARRAYS]; /* of the large arrays, in the plan's order */
};

struct writing {
        const struct file_plan *plan;
        char *part;
        int image;        /* rank 0: the layout in memory, the large arrays being holes */
        int fd;
        struct layout layout;
        void *buffer;     /* one chunk */
        uint64_t *sum;    /* of every chunk this rank wrote, in order */
};

/* ---- step 1: the layout, by HDF5, in memory ---- */

static void find_array(hid_t file, const struct file_array *array, int64_t *offset)
{
        hid_t set = H5(H5Dopen2(file, array->name, H5P_DEFAULT));
        *offset = (int64_t)H5(H5Dget_offset(set));
        if (H5Dget_storage_size(set) != (hsize_t)array->slab.n_rows * hdf5_file_row_bytes(array))
                hdf5_checked(-1, "an array of another size than planned");
        H5Dclose(set);
}

/* Rank 0. HDF5 1.8's format (1.10's where a virtual data set asks for it) also holds attributes over 64 KiB. */
static const char *lay_out(struct writing *writing)
{
        const struct file_plan *plan = writing->plan;
        char image_path[64];
        writing->image = memfd_create("sculptor-layout", MFD_CLOEXEC);
        if (writing->image < 0)
                return reason_errno("lay out", plan->path);
        snprintf(image_path, sizeof image_path, "/proc/self/fd/%d", writing->image);

        hdf5_begin();
        hid_t access = H5(H5Pcreate(H5P_FILE_ACCESS));
        H5(H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V110));
        H5(H5Pset_fapl_stdio(access)); /* the driver that takes a name that is a link into /proc */
        H5(H5Pset_alignment(access, 65536, 4096)); /* large arrays begin at a page */
        hid_t file = H5(H5Fcreate(image_path, H5F_ACC_TRUNC, H5P_DEFAULT, access));
        plan->describe(file, plan->owner);
        for (size_t i = 0; i < plan->n_arrays; i++)
                find_array(file, &plan->array[i], &writing->layout.offset[i]);
        H5(H5Fclose(file));
        H5Pclose(access);
        if (hdf5_failure())
                return reason("cannot lay out %s: %s", plan->path, hdf5_failure());
        struct stat image;
        if (fstat(writing->image, &image) != 0)
                return reason_errno("lay out", plan->path);
        writing->layout.size = image.st_size;
        return NULL;
}

/* ---- steps 2 to 4: the space, then the layout, on disk ---- */

/* The next byte at or after `from` that is no large array's: where the layout goes on; and its end. */
static int64_t layout_run(const struct writing *writing, int64_t from, int64_t *end)
{
        bool moved = true;
        while (moved) {
                moved = false;
                *end = writing->layout.size;
                for (size_t i = 0; i < writing->plan->n_arrays; i++) {
                        const struct file_array *array = &writing->plan->array[i];
                        int64_t begin = writing->layout.offset[i];
                        int64_t after = begin + array->slab.n_rows * (int64_t)hdf5_file_row_bytes(array);
                        if (from >= begin && from < after) {
                                from = after;
                                moved = true;
                        } else if (begin > from && begin < *end) {
                                *end = begin;
                        }
                }
        }
        return from;
}

/* Rank 0. Copies the layout to the file, or compares the two. */
static const char *each_layout_byte(struct writing *writing, bool compare)
{
        enum { PIECE = 64 << 10 };
        char *wanted = allocate(2, PIECE), *found = wanted + PIECE;
        const char *why = NULL;
        int64_t at = 0, end = 0;
        while (!why && (at = layout_run(writing, at, &end)) < writing->layout.size) {
                size_t n = end - at < PIECE ? (size_t)(end - at) : PIECE;
                if (!disk_read(writing->image, wanted, n, at))
                        why = reason_errno("read the layout of", writing->plan->path);
                else if (!compare && !disk_write(writing->fd, wanted, n, at))
                        why = reason_errno("write", writing->part);
                else if (compare && !disk_read(writing->fd, found, n, at))
                        why = reason_errno("read back", writing->part);
                else if (compare && memcmp(wanted, found, n) != 0)
                        why = reason("%s: what is on disk is not what was written", writing->part);
                at += (int64_t)n;
        }
        free(wanted);
        return why;
}

/* Rank 0. */
static const char *reserve(struct writing *writing)
{
        char *directory = path_directory(writing->plan->path);
        int64_t room = disk_free_space(directory);
        int64_t need = writing->layout.size + MARGIN_BYTES;
        const char *why = NULL;
        if (room < 0)
                why = reason_errno("write in", directory);
        else if (room < need)
                why = reason("cannot write %s: %s: %.1f MiB are needed and %.1f MiB are free", writing->plan->path,
                             strerror(ENOSPC), (double)need / 1048576.0, (double)room / 1048576.0);
        free(directory);
        if (why)
                return why;
        writing->fd = disk_create(writing->part);
        if (writing->fd < 0)
                return reason_errno("create", writing->part);
        if (!disk_reserve(writing->fd, writing->layout.size))
                return reason_errno("reserve space for", writing->part);
        return each_layout_byte(writing, false);
}

static const char *begin(struct writing *writing)
{
        bool first = parallel_rank() == 0;
        const char *why = agree(first ? lay_out(writing) : NULL);
        if (why)
                return why;
        parallel_broadcast(&writing->layout, sizeof writing->layout, 0);
        why = agree(first ? reserve(writing) : NULL);
        if (why)
                return why;
        if (!first)
                writing->fd = open(writing->part, O_RDWR | O_CLOEXEC);
        return agree(writing->fd < 0 ? reason_errno("open", writing->part) : NULL);
}

/* ---- steps 5 and 6: the rows, written and read back ---- */

/* Local. Every chunk of this rank's rows, in order, written or read back. */
static const char *each_chunk(struct writing *writing, bool compare)
{
        uint64_t *sum = writing->sum;
        for (size_t i = 0; i < writing->plan->n_arrays; i++) {
                const struct file_array *array = &writing->plan->array[i];
                const size_t row_bytes = hdf5_file_row_bytes(array);
                for (struct file_chunk chunk = {0}; hdf5_file_next(&array->slab, row_bytes, &chunk); sum++) {
                        size_t bytes = (size_t)chunk.count * row_bytes;
                        int64_t offset = writing->layout.offset[i] + chunk.first * (int64_t)row_bytes;
                        if (!compare) {
                                array->fill(array->owner, chunk.first, chunk.count, writing->buffer);
                                *sum = disk_checksum(writing->buffer, bytes);
                                if (!disk_write(writing->fd, writing->buffer, bytes, offset))
                                        return reason_errno("write", writing->part);
                                disk_start_writing(writing->fd, bytes, offset);
                        } else if (!disk_read(writing->fd, writing->buffer, bytes, offset)) {
                                return reason_errno("read back", writing->part);
                        } else if (disk_checksum(writing->buffer, bytes) != *sum) {
                                return reason("%s: what is on disk is not what was written", writing->part);
                        }
                }
        }
        return NULL;
}

static void make_buffers(struct writing *writing)
{
        size_t largest = 1, n_chunks = 0;
        for (size_t i = 0; i < writing->plan->n_arrays; i++) {
                const struct file_array *array = &writing->plan->array[i];
                const size_t row_bytes = hdf5_file_row_bytes(array);
                for (struct file_chunk chunk = {0}; hdf5_file_next(&array->slab, row_bytes, &chunk); n_chunks++)
                        if ((size_t)chunk.count * row_bytes > largest)
                                largest = (size_t)chunk.count * row_bytes;
        }
        writing->buffer = allocate(largest, 1);
        writing->sum = allocate(n_chunks, sizeof *writing->sum);
}

static const char *fill(struct writing *writing)
{
        make_buffers(writing);
        const char *why = agree(each_chunk(writing, false));
        if (!why) /* every rank: behind a network each has a cache of its own */
                why = agree(fsync(writing->fd) != 0 ? reason_errno("flush", writing->part) : NULL);
        if (!why && parallel_rank() == 0)
                why = each_layout_byte(writing, true);
        return agree(why ? why : each_chunk(writing, true));
}

/* ---- steps 7 and 8: the name, or nothing ---- */

static const char *end(struct writing *writing)
{
        int status = close(writing->fd);
        writing->fd = -1;
        const char *why = agree(status != 0 ? reason_errno("close", writing->part) : NULL);
        if (why)
                return why;
        bool ok = parallel_rank() != 0 || disk_publish(writing->part, writing->plan->path);
        return agree(ok ? NULL : reason_errno("rename to", writing->plan->path));
}

const char *hdf5_file_write(const struct file_plan *plan)
{
        struct writing writing = {.plan = plan, .part = path_part(plan->path), .image = -1, .fd = -1};
        const char *why = plan->n_arrays > MAX_ARRAYS ? reason("%s: too many arrays", plan->path) : begin(&writing);
        if (!why)
                why = fill(&writing);
        if (!why)
                why = end(&writing);
        if (writing.fd >= 0)
                close(writing.fd);
        if (writing.image >= 0)
                close(writing.image);
        if (why && parallel_rank() == 0)
                unlink(writing.part);
        free(writing.buffer);
        free(writing.sum);
        free(writing.part);
        return why;
}
