/* Weights in a folder: NAME.npy for each tensor [numpy.lib.format, versions 1 to 3], and weights.yaml, the text of
 * weights_import.h. Other files of the folder are passed over. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/agree.h"
#include "io/disk.h"
#include "io/json.h"
#include "io/path.h"
#include "io/weights_file.h"
#include "io/weights_import.h"
#include "sculptor/memory.h"

enum { LONGEST_HEADER = 1 << 16 };

/* ---- a header, a dictionary as Python writes it: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } ---- */

static bool take_quoted(struct json *json, char *text, size_t room)
{
        if (!json_take(json, '\''))
                return false;
        const char *end = memchr(json->at, '\'', (size_t)(json->end - json->at));
        if (!end || (size_t)(end - json->at) >= room)
                return false;
        memcpy(text, json->at, (size_t)(end - json->at));
        text[end - json->at] = '\0';
        json->at = end + 1;
        return true;
}

static bool take_word(struct json *json, const char *word)
{
        for (; *word; word++)
                if (json->at == json->end || *json->at++ != *word)
                        return false;
        return true;
}

static const char *take_type(struct json *json, struct import_array *array)
{
        static const char *const names[] = {[IMPORT_F16] = "<f2", [IMPORT_F32] = "<f4", [IMPORT_F64] = "<f8"};
        char name[16];
        if (!take_quoted(json, name, sizeof name))
                return "has a descr that is no text";
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (names[i] && strcmp(name, names[i]) == 0) {
                        array->number = (enum import_number)i;
                        return NULL;
                }
        return "has a descr that is none of <f4, <f8, <f2";
}

/* (), (3,), (3, 4), ... */
static const char *take_shape(struct json *json, struct import_array *array)
{
        static const char wrong[] = "has a shape that is not at most 6 whole numbers";
        array->rank = 0;
        if (!json_take(json, '('))
                return wrong;
        while (!json_take(json, ')')) {
                if (array->rank == NETWORK_MAX_RANK || !json_count(json, &array->shape[array->rank++]))
                        return wrong;
                if (!json_take(json, ',')) /* (3) is no tuple */
                        return array->rank > 1 && json_take(json, ')') ? NULL : wrong;
        }
        return NULL;
}

static const char *take_order(struct json *json)
{
        struct json other = *json;
        if (take_word(json, "False"))
                return NULL;
        if (take_word(&other, "True"))
                return "is in Fortran's order; save numpy.ascontiguousarray() of it";
        return "has a fortran_order that is neither True nor False";
}

static const char *take_header(struct json *json, struct import_array *array)
{
        enum { TYPE = 1, ORDER = 2, SHAPE = 4 };
        int found = 0;
        if (!json_take(json, '{'))
                return "has a header that is no dictionary";
        while (!json_take(json, '}')) {
                char key[16];
                if (!take_quoted(json, key, sizeof key) || !json_take(json, ':'))
                        return "has a header that is no dictionary";
                while (json->at < json->end && *json->at == ' ')
                        json->at++;
                const int what = strcmp(key, "descr") == 0           ? TYPE
                                 : strcmp(key, "fortran_order") == 0 ? ORDER
                                 : strcmp(key, "shape") == 0         ? SHAPE
                                                                     : 0;
                if (what == 0 || found & what)
                        return "has a key that is none of descr, fortran_order, shape, or one twice";
                found |= what;
                const char *why = what == TYPE    ? take_type(json, array)
                                  : what == ORDER ? take_order(json)
                                                  : take_shape(json, array);
                if (why)
                        return why;
                if (!json_take(json, ',')) {
                        if (!json_take(json, '}'))
                                return "has a header that is no dictionary";
                        break;
                }
        }
        if (found != (TYPE | ORDER | SHAPE))
                return "lacks one of descr, fortran_order, shape";
        return json_at_end(json) ? NULL : "has a header that goes on after its dictionary";
}

/* ---- a file ---- */

static const char *parse(const char *path, int fd, uint64_t size, struct import_array *array)
{
        unsigned char start[12] = {0};
        if (size < sizeof start || !disk_read(fd, start, sizeof start, 0) || memcmp(start, "\x93NUMPY", 6) != 0)
                return reason("%s is no .npy file", path);
        if (start[6] < 1 || start[6] > 3 || start[7] != 0)
                return reason("%s is a .npy file of version %d.%d; 1.0 to 3.0 are read", path, start[6], start[7]);
        const uint64_t begin = start[6] == 1 ? 10 : 12;
        uint64_t length = start[8] + 256u * start[9];
        if (start[6] > 1)
                length += 65536u * start[10] + ((uint64_t)start[11] << 24);
        if (length > LONGEST_HEADER || length > size - begin)
                return reason("%s: a header of %" PRIu64 " bytes is longer than the file, or than %d KiB", path, length,
                              LONGEST_HEADER >> 10);
        char *header = allocate((size_t)length + 1, 1);
        struct json json = {header, header + length};
        const char *why = disk_read(fd, header, (size_t)length, (int64_t)begin) ? take_header(&json, array)
                                                                                : "ends early";
        free(header);
        uint64_t n;
        if (why)
                return reason("%s %s", path, why);
        array->offset = begin + length;
        if (!import_count(array, &n) || n * import_number_bytes(array->number) != size - array->offset)
                return reason("%s does not have the bytes of its shape and type: it is cut short, or has some over",
                              path);
        array->bytes = size - array->offset;
        return NULL;
}

static const char *find(const struct import_source *source, const char *name, struct import_array *array, int *fd)
{
        char *file = format_text("%s.npy", name), *path = path_join(source->path, file);
        uint64_t size;
        const char *why;
        *array = (struct import_array){.rank = 0};
        *fd = import_open(path, &size, &why);
        if (!why)
                why = parse(path, *fd, size, array);
        free(file);
        free(path);
        return why;
}

static bool unexpected(const struct import_source *source, const struct network_tensor *tensor, size_t n, char *name)
{
        DIR *folder = opendir(source->path);
        bool found = false;
        for (const struct dirent *entry; folder && !found && (entry = readdir(folder));) {
                const size_t length = strlen(entry->d_name);
                if (length < 4 || strcmp(entry->d_name + length - 4, ".npy") != 0)
                        continue;
                found = true;
                for (size_t i = 0; i < n && found; i++)
                        if (strlen(tensor[i].name) == length - 4 &&
                            memcmp(tensor[i].name, entry->d_name, length - 4) == 0)
                                found = false;
                if (found)
                        snprintf(name, IMPORT_NAME, "%.*s", IMPORT_NAME - 1, entry->d_name);
        }
        if (folder)
                closedir(folder);
        return found;
}

const char *weights_read_npy(const char *path, struct weights **weights)
{
        char *name = path_join(path, "weights.yaml"), *text = NULL;
        uint64_t size = 0;
        const char *why;
        *weights = NULL;
        int fd = import_open(name, &size, &why);
        if (!why && size > IMPORT_LONGEST_TEXT)
                why = reason("%s: more than %d bytes", name, IMPORT_LONGEST_TEXT);
        if (!why) {
                text = allocate((size_t)size + 1, 1);
                why = disk_read(fd, text, (size_t)size, 0) ? NULL : reason_errno("read", name);
        }
        if (!why) {
                const struct import_source source = {.path = path, .find = find, .close = true,
                                                     .unexpected = unexpected};
                why = weights_import(&source, name, text, (size_t)size, weights);
        }
        if (fd >= 0)
                close(fd);
        free(text);
        free(name);
        return why;
}
