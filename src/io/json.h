/* As much JSON [RFC 8259] as headers of arrays are written in, pulled piece by piece by whoever knows what must come
 * next. Nothing recurses, nothing is allocated. White space is skipped before each piece. */
#ifndef SCULPTOR_IO_JSON_H
#define SCULPTOR_IO_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json { const char *at, *end; };

bool json_take(struct json *json, char what);    /* one of { } [ ] : , and passes it */
bool json_at_end(struct json *json);
/* A string as UTF-8 and NUL-terminated, at most room - 1 bytes. \u0000 and bare control characters are refused. */
bool json_string(struct json *json, char *text, size_t room);
/* A whole number from 0 to 2^53, without a sign, point or exponent. */
bool json_count(struct json *json, int64_t *value);

#endif
