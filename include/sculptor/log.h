/* What a run tells: a line to the terminal (rank 0) and to DIRECTORY/sculptor.log. */
#ifndef SCULPTOR_LOG_H
#define SCULPTOR_LOG_H

#include <stdbool.h>

void log_open(const char *path); /* rank 0 appends; a log that cannot be written is said once and done without */
void log_close(void);
void log_set_quiet(bool quiet);  /* nothing on the terminal but warnings */

void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));    /* both, with the time in the log */
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2))); /* both, "warning: " */

/* By the rank that speaks for a failure: "sculptor: ..." to the terminal, and to the log where it is rank 0. */
void log_failure(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The progress line: rewritten in place on a terminal; elsewhere, and in the log, only where `lasting`. */
void log_progress(bool lasting, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
