#include "sculptor/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sculptor/parallel.h"

/* Rank 0's two places to speak. */
static struct {
        FILE *file;
        bool quiet;
        bool line_open; /* a progress line stands on the terminal, not yet ended */
} speech;

void log_open(const char *path)
{
        if (parallel_rank() != 0)
                return;
        speech.file = fopen(path, "a");
        if (!speech.file)
                log_warning("cannot write %s: %s; going on without a log", path, strerror(errno));
}

void log_close(void)
{
        if (speech.line_open)
                fputc('\n', stderr);
        speech.line_open = false;
        if (speech.file)
                fclose(speech.file);
        speech.file = NULL;
}

void log_set_quiet(bool quiet)
{
        speech.quiet = quiet;
}

static void to_file(const char *kind, const char *text)
{
        if (!speech.file)
                return;
        char stamp[32] = "";
        time_t now = time(NULL);
        struct tm calendar;
        if (gmtime_r(&now, &calendar))
                strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &calendar);
        fprintf(speech.file, "%s %s%s\n", stamp, kind, text);
        fflush(speech.file); /* the log of a killed job must tell how far it came */
}

static void to_terminal(const char *kind, const char *text)
{
        if (speech.line_open)
                fputs("\r\033[K", stderr);
        speech.line_open = false;
        fprintf(stderr, "%s%s\n", kind, text);
        fflush(stderr);
}

/* A line to the log, with what it is, and to the terminal where wanted. */
static void tell(const char *in_log, const char *on_terminal, bool to_both, const char *format, va_list arguments)
{
        char text[8192];
        vsnprintf(text, sizeof text, format, arguments);
        to_file(in_log, text);
        if (to_both)
                to_terminal(on_terminal, text);
}

void log_line(const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        if (parallel_rank() == 0)
                tell("", "", !speech.quiet, format, arguments);
        va_end(arguments);
}

void log_warning(const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        if (parallel_rank() == 0)
                tell("warning: ", "sculptor: warning: ", true, format, arguments);
        va_end(arguments);
}

void log_failure(const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        tell("", "sculptor: ", true, format, arguments);
        va_end(arguments);
}

void log_progress(bool lasting, const char *format, ...)
{
        if (parallel_rank() != 0)
                return;
        char text[512];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        if (lasting)
                to_file("", text);
        if (speech.quiet)
                return;
        if (lasting) {
                to_terminal("", text);
        } else if (isatty(STDERR_FILENO)) {
                fprintf(stderr, "\r\033[K%s", text);
                fflush(stderr);
                speech.line_open = true;
        }
}
