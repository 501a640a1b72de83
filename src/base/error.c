#include "sculptor/error.h"

#include <mpi.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sculptor/log.h"
#include "sculptor/parallel.h"

static char advice[1024]; /* what to do next; part of every failure's line */

void error_set_advice(const char *text)
{
        snprintf(advice, sizeof advice, "%s", text ? text : "");
}

static void print_line(enum exit_status status, const char *where, const char *format, va_list arguments)
{
        char line[4096];
        vsnprintf(line, sizeof line, format, arguments);
        const char *more = status == STATUS_BAD_INPUT ? "" : advice;
        log_failure("%s%s%s%s", where, line, *more ? "; " : "", more);
}

_Noreturn void leave_all(enum exit_status status)
{
        fflush(stdout);
        fflush(stderr);
        parallel_end();
        exit((int)status);
}

/* The lowest failing rank speaks, once everybody knows that it will. */
static void stop_all_unless(bool ok, enum exit_status status, const char *format, va_list arguments)
{
        int here = ok ? parallel_size() : parallel_rank();
        int lowest = (int)parallel_min((double)here);
        if (lowest == parallel_size())
                return;
        if (lowest == parallel_rank())
                print_line(status, "", format, arguments);
        leave_all(status);
}

void require_all(bool ok, const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        stop_all_unless(ok, STATUS_BAD_INPUT, format, arguments);
        va_end(arguments);
}

void succeed_all(bool ok, const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        stop_all_unless(ok, STATUS_FAILED, format, arguments);
        va_end(arguments);
}

_Noreturn void fatal_at(const char *file, int line, const char *format, ...)
{
        char where[512];
        snprintf(where, sizeof where, "rank %d: %s:%d: ", parallel_rank(), file, line);
        va_list arguments;
        va_start(arguments, format);
        print_line(STATUS_FAILED, where, format, arguments);
        va_end(arguments);
        if (parallel_active())
                MPI_Abort(MPI_COMM_WORLD, STATUS_FAILED);
        exit(STATUS_FAILED);
}
