/* Whole text files, as all ranks see them. */
#ifndef SCULPTOR_TEXT_H
#define SCULPTOR_TEXT_H

#include <stddef.h>

/* Collective. The whole file read by rank 0 and broadcast, NUL-terminated; NULL where unreadable, with
 * *why saying so on every rank (valid until the next call). Files over `limit` bytes are refused. The caller
 * frees. */
char *text_read_all(const char *path, size_t limit, size_t *length, const char **why);

#endif
