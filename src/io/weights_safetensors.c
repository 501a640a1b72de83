/* Weights in a .safetensors file: 8 bytes with the length of a JSON header, the header, the tensors side by side.
 *
 *     {"__metadata__": {"sculptor": "<the text of weights_import.h>"},
 *      "layer_0.weight": {"dtype": "F32", "shape": [128, 11], "data_offsets": [0, 5632]}, ...}
 *
 * Other metadata are passed over. The offsets, from the header's end on, must cover the rest of the file without a gap
 * or an overlap, as the format demands [https://huggingface.co/docs/safetensors]. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/agree.h"
#include "io/disk.h"
#include "io/json.h"
#include "io/weights_file.h"
#include "io/weights_import.h"
#include "sculptor/memory.h"

enum { LONGEST_HEADER = 4 << 20, MOST_ARRAYS = 4096 };

struct safetensors {
        const char *path;
        int fd;
        uint64_t size, begin; /* of the file; where tensors begin */
        char *header, *text;  /* text: room for LONGEST_TEXT + 1; empty until found */
        bool described;
        struct import_array *array;
        size_t n, room;
};

/* ---- the header ---- */

/* {"dtype": ..., "shape": ..., "data_offsets": ...}, each once, in any order. The end of the array goes to *end. */
static bool take_type(struct json *json, struct import_array *array)
{
        static const char *const names[] = {[IMPORT_F16] = "F16", [IMPORT_BF16] = "BF16", [IMPORT_F32] = "F32",
                                            [IMPORT_F64] = "F64"};
        char name[16];
        if (!json_string(json, name, sizeof name))
                return false;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (strcmp(name, names[i]) == 0) {
                        array->number = (enum import_number)i;
                        return true;
                }
        return false;
}

static bool take_list(struct json *json, int most, int64_t *value, int *n)
{
        *n = 0;
        if (!json_take(json, '['))
                return false;
        if (json_take(json, ']'))
                return true;
        do {
                if (*n == most || !json_count(json, &value[(*n)++]))
                        return false;
        } while (json_take(json, ','));
        return json_take(json, ']');
}

/* NULL, or what is wrong with a tensor's entry. */
static const char *take_array(struct json *json, struct import_array *array)
{
        enum { TYPE = 1, SHAPE = 2, OFFSETS = 4 };
        int64_t offset[2] = {0, 0};
        int found = 0, n_offsets = 0;
        if (!json_take(json, '{'))
                return "is not an object";
        do {
                char key[16];
                if (!json_string(json, key, sizeof key) || !json_take(json, ':'))
                        return "has a key that is none of dtype, shape, data_offsets";
                const int what = strcmp(key, "dtype") == 0          ? TYPE
                                 : strcmp(key, "shape") == 0        ? SHAPE
                                 : strcmp(key, "data_offsets") == 0 ? OFFSETS
                                                                    : 0;
                if (what == 0 || found & what)
                        return "has a key that is none of dtype, shape, data_offsets, or one twice";
                found |= what;
                if (what == TYPE && !take_type(json, array))
                        return "has a dtype that is none of F32, F64, F16, BF16";
                if (what == SHAPE && !take_list(json, NETWORK_MAX_RANK, array->shape, &array->rank))
                        return "has a shape that is not at most 6 whole numbers";
                if (what == OFFSETS && (!take_list(json, 2, offset, &n_offsets) || n_offsets != 2))
                        return "has data_offsets that are not two whole numbers";
        } while (json_take(json, ','));
        uint64_t n;
        if (!json_take(json, '}') || found != (TYPE | SHAPE | OFFSETS))
                return "lacks one of dtype, shape, data_offsets";
        if (!import_count(array, &n) || offset[1] < offset[0] ||
            (uint64_t)(offset[1] - offset[0]) != n * import_number_bytes(array->number))
                return "has data_offsets that do not fit its shape and dtype";
        array->offset = (uint64_t)offset[0];
        array->bytes = (uint64_t)(offset[1] - offset[0]);
        return NULL;
}

static const char *take_metadata(struct safetensors *file, struct json *json)
{
        char *other = allocate(IMPORT_LONGEST_TEXT + 1, 1);
        bool ok = json_take(json, '{'), twice = false;
        if (ok && !json_take(json, '}')) {
                do {
                        char key[IMPORT_NAME];
                        ok = json_string(json, key, sizeof key) && json_take(json, ':');
                        const bool ours = ok && strcmp(key, "sculptor") == 0;
                        twice = twice || (ours && file->described);
                        file->described = file->described || ours;
                        ok = ok && json_string(json, ours ? file->text : other, IMPORT_LONGEST_TEXT + 1);
                } while (ok && json_take(json, ','));
                ok = ok && json_take(json, '}');
        }
        free(other);
        if (twice)
                return reason("%s: __metadata__ has sculptor twice", file->path);
        return ok ? NULL : reason("%s: __metadata__ is not an object of texts", file->path);
}

static const char *take_entry(struct safetensors *file, struct json *json)
{
        char name[IMPORT_NAME];
        if (!json_string(json, name, sizeof name) || !json_take(json, ':'))
                return reason("%s: its header is not JSON, or has a name over %d bytes", file->path, IMPORT_NAME - 1);
        if (strcmp(name, "__metadata__") == 0)
                return take_metadata(file, json);
        for (size_t i = 0; i < file->n; i++)
                if (strcmp(file->array[i].name, name) == 0)
                        return reason("%s: %s is there twice", file->path, import_printable(name));
        if (file->n == MOST_ARRAYS)
                return reason("%s: more than %d tensors", file->path, MOST_ARRAYS);
        struct import_array *array = &file->array[file->n++];
        const char *why = take_array(json, array);
        memcpy(array->name, name, sizeof name);
        return why ? reason("%s: %s %s", file->path, import_printable(name), why) : NULL;
}

static int by_offset(const void *a, const void *b)
{
        const struct import_array *left = a, *right = b;
        if (left->offset != right->offset)
                return left->offset < right->offset ? -1 : 1;
        return left->bytes < right->bytes ? -1 : left->bytes > right->bytes;
}

/* Offsets become the file's. */
static const char *check_tiling(struct safetensors *file)
{
        uint64_t at = 0;
        qsort(file->array, file->n, sizeof *file->array, by_offset);
        for (size_t i = 0; i < file->n; i++) {
                struct import_array *array = &file->array[i];
                if (array->offset != at)
                        return reason("%s: a gap or an overlap before %s", file->path, import_printable(array->name));
                at += array->bytes;
                array->offset += file->begin;
                if (at > file->size - file->begin)
                        break;
        }
        if (at != file->size - file->begin)
                return reason("%s: its tensors are not as long as the file: it is cut short, or has bytes of no tensor",
                              file->path);
        return NULL;
}

static const char *read_header(struct safetensors *file)
{
        uint64_t length = 0;
        if (!disk_read(file->fd, &length, sizeof length, 0))
                return reason_errno("read", file->path);
        if (length > LONGEST_HEADER || length > file->size - sizeof length)
                return reason("%s: a header of %" PRIu64 " bytes is longer than the file, or than %d MiB", file->path,
                              length, LONGEST_HEADER >> 20);
        file->begin = sizeof length + length;
        file->header = allocate((size_t)length + 1, 1);
        if (!disk_read(file->fd, file->header, (size_t)length, sizeof length))
                return reason_errno("read", file->path);
        file->text = allocate(IMPORT_LONGEST_TEXT + 1, 1);
        file->array = allocate(MOST_ARRAYS, sizeof *file->array);
        struct json json = {file->header, file->header + length};
        const char *why = json_take(&json, '{') ? NULL : reason("%s: its header is no JSON object", file->path);
        if (!why && !json_take(&json, '}')) {
                do {
                        why = take_entry(file, &json);
                } while (!why && json_take(&json, ','));
                if (!why && !json_take(&json, '}'))
                        why = reason("%s: its header is not JSON", file->path);
        }
        if (!why && !json_at_end(&json))
                why = reason("%s: its header goes on after its JSON", file->path);
        if (!why && !file->described)
                why = reason("%s: __metadata__ has no text \"sculptor\" that says what the tensors are "
                             "(docs/formats.md)",
                             file->path);
        return why ? why : check_tiling(file);
}

/* ---- as a source of tensors ---- */

static const char *find(const struct import_source *source, const char *name, struct import_array *array, int *fd)
{
        const struct safetensors *file = source->owner;
        for (size_t i = 0; i < file->n; i++)
                if (strcmp(file->array[i].name, name) == 0) {
                        *array = file->array[i];
                        *fd = file->fd;
                        return NULL;
                }
        return reason("%s: %s is not there", file->path, name);
}

static bool unexpected(const struct import_source *source, const struct network_tensor *tensor, size_t n, char *name)
{
        const struct safetensors *file = source->owner;
        for (size_t i = 0; i < file->n; i++) {
                bool known = false;
                for (size_t k = 0; k < n && !known; k++)
                        known = strcmp(tensor[k].name, file->array[i].name) == 0;
                if (!known) {
                        memcpy(name, file->array[i].name, IMPORT_NAME);
                        return true;
                }
        }
        return false;
}

const char *weights_read_safetensors(const char *path, struct weights **weights)
{
        struct safetensors file = {.path = path};
        const char *why;
        *weights = NULL;
        file.fd = import_open(path, &file.size, &why);
        if (why)
                return why;
        why = read_header(&file);
        if (!why) {
                const struct import_source source = {.path = path, .find = find, .unexpected = unexpected,
                                                     .owner = &file};
                char *name = format_text("%s, sculptor", path);
                why = weights_import(&source, name, file.text, strlen(file.text), weights);
                free(name);
        }
        close(file.fd);
        free(file.header);
        free(file.text);
        free(file.array);
        return why;
}
