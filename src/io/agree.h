/* Failures every rank knows of: each rank says what went wrong with it, all return the same text.
 *
 * No step of writing or reading returns before agree(), so no rank can be left waiting for one that failed. */
#ifndef SCULPTOR_IO_AGREE_H
#define SCULPTOR_IO_AGREE_H

/* Local. Formats why something failed; valid until the next reason(). Its arguments may be earlier reasons. */
const char *reason(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Local. "cannot <what> <path>: <errno's text>"; ENODATA is a file that ends early. */
const char *reason_errno(const char *what, const char *path);

/* Collective. NULL where `here` is NULL on every rank, else the text of the lowest rank that has one, on
 * every rank; valid until the next agree() that returns one. */
const char *agree(const char *here);

#endif
