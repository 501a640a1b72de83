/* Memory that is zeroed, aligned to 64 bytes and never NULL: a failed request is fatal() and says how
 * much was asked for. Release with free(). */
#ifndef SCULPTOR_MEMORY_H
#define SCULPTOR_MEMORY_H

#include <stddef.h>

void *allocate(size_t count, size_t size); /* count * size is checked for overflow */
char *copy_text(const char *text);         /* NULL gives NULL */
char *format_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Bytes the process had resident at its peak (VmHWM), 0 where the system does not tell. */
size_t memory_peak(void);

#endif
