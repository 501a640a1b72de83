#include "io/manifest.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
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
#include "sculptor/text.h"

enum { BLOCK = 4 << 20, DIGEST_WORDS = 4, LONGEST = 4096 };

char *manifest_path(const char *path)
{
        size_t length = strlen(path);
        if (length > 3 && strcmp(path + length - 3, ".h5") == 0)
                length -= 3;
        return format_text("%.*s.manifest", (int)length, path);
}

static void digest_of(const void *bytes, size_t n, char hex[65])
{
        struct sha256 sha;
        sha256_begin(&sha);
        sha256_add(&sha, bytes, n);
        sha256_end(&sha, hex);
}

/* Local. The digests of blocks first .. last - 1, as four words each. */
static const char *digest_blocks(int fd, const char *path, int64_t size, int64_t first, int64_t last, int64_t *words)
{
        unsigned char *buffer = allocate(BLOCK, 1);
        const char *why = NULL;
        for (int64_t block = first; !why && block < last; block++) {
                int64_t at = block * BLOCK;
                size_t n = size - at < BLOCK ? (size_t)(size - at) : BLOCK;
                if (!disk_read(fd, buffer, n, at)) {
                        why = reason_errno("read", path);
                        break;
                }
                char hex[65];
                struct sha256 sha;
                sha256_begin(&sha);
                sha256_add(&sha, buffer, n);
                sha256_end(&sha, hex);
                for (int i = 0; i < 8; i++)
                        sha.h[i] = __builtin_bswap32(sha.h[i]); /* the digest's bytes are big-endian */
                memcpy(words + block * DIGEST_WORDS, sha.h, sizeof sha.h);
        }
        free(buffer);
        return why;
}

const char *manifest_digest(const char *path, struct manifest *manifest)
{
        struct stat file = {0};
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        const char *why = NULL;
        if (fd < 0 || fstat(fd, &file) != 0)
                why = reason_errno("open", path);
        else if (!S_ISREG(file.st_mode))
                why = reason("%s is not a file", path);
        why = agree(why);
        if (why) {
                if (fd >= 0)
                        close(fd);
                return why;
        }
        int64_t size = file.st_size;
        parallel_broadcast(&size, sizeof size, 0);
        int64_t n_blocks = (size + BLOCK - 1) / BLOCK, rank = parallel_rank(), ranks = parallel_size();
        int64_t first = n_blocks / ranks * rank + (rank < n_blocks % ranks ? rank : n_blocks % ranks);
        int64_t last = first + n_blocks / ranks + (rank < n_blocks % ranks);
        /* Each rank's digests among zeros: their sums are everybody's digests. */
        int64_t *words = allocate((size_t)n_blocks * DIGEST_WORDS, sizeof *words);
        why = agree(digest_blocks(fd, path, size, first, last, words));
        close(fd);
        if (!why) {
                parallel_sum_integers(words, (size_t)n_blocks * DIGEST_WORDS);
                digest_of(words, (size_t)n_blocks * DIGEST_WORDS * sizeof *words, manifest->digest);
                manifest->size = size;
        }
        free(words);
        return why;
}

/* The whole text; what is read must be this to the byte. */
static char *manifest_text(const char *path, const struct manifest *manifest)
{
        char hex[65];
        char *text = format_text("sculptor checkpoint manifest 1\n"
                                 "file %s\n"
                                 "size %" PRId64 "\n"
                                 "digest sha256 of the sha256 of each 4 MiB\n"
                                 "%s\n"
                                 "level %" PRId64 "\n"
                                 "step %" PRId64 "\n"
                                 "steps_done %" PRId64 "\n"
                                 "this manifest up to here, sha256\n",
                                 path_name(path), manifest->size, manifest->digest, manifest->level, manifest->step,
                                 manifest->steps_done);
        digest_of(text, strlen(text), hex);
        char *whole = format_text("%s%s\n", text, hex);
        free(text);
        return whole;
}

const char *manifest_write(const char *path, const struct manifest *manifest)
{
        char *name = manifest_path(path), *text = manifest_text(path, manifest);
        const char *why = text_write_atomic(name, text);
        free(name);
        free(text);
        return why;
}

/* The number after "\nKEY ", or -1. */
static int64_t number_of(const char *text, const char *key)
{
        char *mark = format_text("\n%s ", key);
        const char *found = strstr(text, mark);
        int64_t value = found ? strtoll(found + strlen(mark), NULL, 10) : -1;
        free(mark);
        return value;
}

static const char *parse(const char *path, const char *text, struct manifest *manifest)
{
        *manifest = (struct manifest){.size = number_of(text, "size"),
                                      .level = number_of(text, "level"),
                                      .step = number_of(text, "step"),
                                      .steps_done = number_of(text, "steps_done")};
        const char *digest = strstr(text, "MiB\n");
        if (digest)
                snprintf(manifest->digest, sizeof manifest->digest, "%s", digest + 4);
        char *wanted = manifest_text(path, manifest);
        const char *why = NULL;
        if (strcmp(text, wanted) != 0)
                why = reason("%s: its manifest is damaged, or of another file or version", path);
        free(wanted);
        return why;
}

const char *manifest_read(const char *path, struct manifest *manifest)
{
        const char *why;
        char *name = manifest_path(path);
        size_t length;
        char *text = text_read_all(name, LONGEST, &length, &why);
        free(name);
        if (!text)
                return why;
        why = strlen(text) == length ? parse(path, text, manifest) : reason("%s: its manifest is damaged", path);
        free(text);
        struct stat file = {0};
        if (!why && parallel_rank() == 0 && stat(path, &file) != 0)
                why = reason_errno("find", path);
        else if (!why && parallel_rank() == 0 && (int64_t)file.st_size != manifest->size)
                why = reason("%s has %lld bytes, its manifest says %lld", path, (long long)file.st_size,
                             (long long)manifest->size);
        return agree(why);
}
