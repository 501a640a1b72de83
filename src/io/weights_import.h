/* Weights from files of other programs: arrays in .safetensors or a folder of .npy, and beside them one text, YAML like
 * an input file, that says what they are:
 *
 *     weights_format: 1
 *     network: {type: mlp, width: 128, layers: 3}
 *     n_dim: 2                      of fields cells and box_size: [x, y] or [x, y, z]
 *     sigma_min: 0.01
 *     sigma_max: 10
 *     mean: [0.5, 0.25]             of fields one number
 *     variance: 0.7                 of fields a number for each wavenumber, and zero_variance
 *     sha256: 6d15b575...           last line: of the text before it, then of all tensors as float32 in the network's
 *                                   order; or `unknown`
 *
 * The parsers are ours alone and take nothing on trust: what a file says of sizes is held against the architecture and
 * the file's length before anything of that size is allocated. All local. */
#ifndef SCULPTOR_IO_WEIGHTS_IMPORT_H
#define SCULPTOR_IO_WEIGHTS_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sculptor/weights.h"

enum { IMPORT_LONGEST_TEXT = 1 << 20, IMPORT_NAME = 64 };

/* Numbers as they are stored, little-endian. */
enum import_number { IMPORT_F16, IMPORT_BF16, IMPORT_F32, IMPORT_F64 };

/* An array in a file: C order, at so many bytes from the file's beginning. */
struct import_array {
        char name[IMPORT_NAME];
        enum import_number number;
        int rank;
        int64_t shape[NETWORK_MAX_RANK];
        uint64_t offset, bytes;
};

/* Where tensors are. */
struct import_source {
        const char *path;
        /* The array of a tensor, and the open file it is in (to be closed by the caller where close is set). */
        const char *(*find)(const struct import_source *source, const char *name, struct import_array *array, int *fd);
        bool close;
        /* The first array that is none of these tensors, into name[IMPORT_NAME]; false where there is none. */
        bool (*unexpected)(const struct import_source *source, const struct network_tensor *tensor, size_t n,
                           char *name);
        const void *owner;
};

/* ---- import.c ---- */

/* Opens a regular file; -1 and *why else. */
int import_open(const char *path, uint64_t *size, const char **why);

size_t import_number_bytes(enum import_number number);
/* rank and shape are there: n values, or false where the product is no sane number. */
bool import_count(const struct import_array *array, uint64_t *n);

/* The first n of its numbers as floats; false leaves the cause in errno. */
bool import_read_values(int fd, const struct import_array *array, size_t n, float *value);

/* For messages: what is not printable ASCII becomes '?'. In place. */
char *import_printable(char *text);

/* ---- weights_import.c ---- */

/* text is the YAML, text_name what messages call it. NULL or why, with the path. */
const char *weights_import(const struct import_source *source, const char *text_name, const char *text, size_t length,
                           struct weights **weights);

#endif
