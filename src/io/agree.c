#include "io/agree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sculptor/parallel.h"

enum { REASON_SIZE = 4096 };

const char *reason(const char *format, ...)
{
        static char text[REASON_SIZE];
        char fresh[REASON_SIZE]; /* the arguments may point into text */
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(fresh, sizeof fresh, format, arguments);
        va_end(arguments);
        return memcpy(text, fresh, sizeof text);
}

const char *reason_errno(const char *what, const char *path)
{
        int cause = errno;
        return reason("cannot %s %s: %s", what, path, cause == ENODATA ? "it ends early" : strerror(cause));
}

const char *agree(const char *here)
{
        static char text[REASON_SIZE];
        int speaker = (int)parallel_min((double)(here ? parallel_rank() : parallel_size()));
        if (speaker == parallel_size())
                return NULL;
        char fresh[REASON_SIZE] = ""; /* `here` may be an earlier answer of agree() */
        if (speaker == parallel_rank() && speaker > 0)
                snprintf(fresh, sizeof fresh, "%s (on rank %d)", here, speaker);
        else if (speaker == parallel_rank())
                snprintf(fresh, sizeof fresh, "%s", here);
        parallel_broadcast(fresh, sizeof fresh, speaker);
        return memcpy(text, fresh, sizeof text);
}
