/* How a run ends when something is wrong: two functions, no forests of codes.
 *
 * require_all() is for what users can cause and is collective; fatal() is for one rank's system
 * failures and for bugs, and may be called anywhere. */
#ifndef SCULPTOR_ERROR_H
#define SCULPTOR_ERROR_H

#include <stdbool.h>

enum exit_status {
        STATUS_DONE = 0,
        STATUS_BAD_INPUT = 2,      /* one line each: file:line: key: reason */
        STATUS_FAILED = 3,         /* at run time; the last good checkpoint is named */
        STATUS_STOPPED_EARLY = 75, /* a valid checkpoint is there: run again to go on */
};

/* Collective. Where ok is false on any rank, the lowest such rank prints its line ("sculptor: ...")
 * to standard error and all ranks exit with STATUS_BAD_INPUT. */
void require_all(bool ok, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Collective. As require_all, with STATUS_FAILED: a failure at run time all ranks know of. */
void succeed_all(bool ok, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Local. Prints rank, source file, line and the message, then aborts all ranks with STATUS_FAILED. */
#define fatal(...) fatal_at(__FILE__, __LINE__, __VA_ARGS__)
_Noreturn void fatal_at(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Text appended to every failure's line once set (the last good checkpoint); copied. NULL clears. */
void error_set_advice(const char *advice);

/* Collective. Ends all ranks in good order with this status. */
_Noreturn void leave_all(enum exit_status status);

#endif
