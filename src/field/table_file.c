#include "field/table_file.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/params_engine.h"
#include "sculptor/memory.h"
#include "sculptor/text.h"
#include "sculptor/vecmath.h"

static const size_t LARGEST = (size_t)1 << 26; /* bytes */
enum { FEWEST_ROWS = 4 };

struct reader {
        const char *path;
        struct table_columns columns;
        struct table_rows *rows;
        struct power_spectrum_fault *fault;
        size_t line, n_columns;
};

/* Always false. Line 0: of the file as a whole. */
static bool fail(struct reader *reader, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));

static bool fail(struct reader *reader, const char *key, const char *format, ...)
{
        static char text[4096];
        int n = reader->line > 0 ? snprintf(text, sizeof text, "%s:%zu: ", reader->path, reader->line)
                                 : snprintf(text, sizeof text, "%s: ", reader->path);
        if (n < 0 || n >= (int)sizeof text)
                n = 0;
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text + n, sizeof text - (size_t)n, format, arguments);
        va_end(arguments);
        *reader->fault = (struct power_spectrum_fault){key, text};
        return false;
}

static bool read_number(struct reader *reader, const char *word, double *number)
{
        static const char *const why[] = {
                [NUMBER_NONE] = "is not a number", [NUMBER_INFINITE] = "is not finite",
                [NUMBER_TOO_LARGE] = "is too large for a double", [NUMBER_TOO_SMALL] = "is too small for a double",
                [NUMBER_BROKEN] = "is not a number"};
        enum number_state state = number_real(word, number);
        return state == NUMBER_FINE || fail(reader, "file", "%s %s", yaml_show_text(word).text, why[state]);
}

static bool take_row(struct reader *reader, const char *k_word, const char *power_word)
{
        double k, power;
        if (!read_number(reader, k_word, &k) || !read_number(reader, power_word, &power))
                return false;
        if (!(k > 0))
                return fail(reader, "file", "k = %g is not above 0", k);
        if (!(power > 0))
                return fail(reader, "file", "P = %g is not above 0", power);
        struct table_rows *rows = reader->rows;
        const size_t i = rows->n;
        rows->log_k[i] = vm_log(k);
        rows->log_power[i] = vm_log(power);
        if (i > 0 && !(rows->log_k[i] > rows->log_k[i - 1]))
                return fail(reader, "file", "k = %.17g is not above that of the row before, %.17g", k, rows->k_high);
        rows->k_low = i == 0 ? k : rows->k_low;
        rows->k_high = k;
        rows->n++;
        return true;
}

/* The line is cut into words. */
static bool take_line(struct reader *reader, char *line)
{
        static const char between[] = " \t,;\r\v\f";
        line[strcspn(line, "#")] = '\0';
        size_t n = 0;
        const char *k_word = NULL, *power_word = NULL;
        for (char *rest = NULL, *word = strtok_r(line, between, &rest); word; word = strtok_r(NULL, between, &rest)) {
                n++;
                if (n == (size_t)reader->columns.k)
                        k_word = word;
                if (n == (size_t)reader->columns.power)
                        power_word = word;
        }
        if (n == 0)
                return true;
        if (reader->n_columns == 0)
                reader->n_columns = n;
        if (n != reader->n_columns)
                return fail(reader, "file", "%zu columns, the first row has %zu", n, reader->n_columns);
        if (!k_word)
                return fail(reader, "k_column", "%zu columns, none is number %lld", n, (long long)reader->columns.k);
        if (!power_word)
                return fail(reader, "P_column", "%zu columns, none is number %lld", n,
                            (long long)reader->columns.power);
        return take_row(reader, k_word, power_word);
}

static bool take_text(struct reader *reader, char *text, size_t length)
{
        if (strlen(text) != length)
                return fail(reader, "file", "has bytes that are zero; a table is a text");
        size_t n_lines = 1;
        for (const char *at = text; (at = strchr(at, '\n')); at++)
                n_lines++;
        reader->rows->log_k = allocate(n_lines, sizeof *reader->rows->log_k);
        reader->rows->log_power = allocate(n_lines, sizeof *reader->rows->log_power);

        for (char *line = text, *next; line; line = next) {
                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                reader->line++;
                if (!take_line(reader, line))
                        return false;
        }
        reader->line = 0;
        return reader->rows->n >= FEWEST_ROWS ||
               fail(reader, "file", "%zu rows of numbers, a spline needs %d", reader->rows->n, FEWEST_ROWS);
}

bool table_file_read(const char *path, struct table_columns columns, struct table_rows *rows,
                     struct power_spectrum_fault *fault)
{
        *rows = (struct table_rows){.n = 0};
        size_t length;
        const char *why;
        char *text = text_read_all(path, LARGEST, &length, &why);
        if (!text) {
                *fault = (struct power_spectrum_fault){"file", why};
                return false;
        }
        struct reader reader = {.path = path, .columns = columns, .rows = rows, .fault = fault};
        bool read = take_text(&reader, text, length);
        free(text);
        if (!read)
                table_rows_release(rows);
        return read;
}

void table_rows_release(struct table_rows *rows)
{
        free(rows->log_k);
        free(rows->log_power);
        *rows = (struct table_rows){.n = 0};
}
