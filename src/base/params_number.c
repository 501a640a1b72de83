/* Numbers as text, strictly: decimal digits, nothing before or after, the same in every locale. */
#include <ctype.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/params_engine.h"
#include "sculptor/error.h"

/* The parts of a decimal number; false where the text is none. */
struct decimal {
        bool negative;
        const char *digits; /* with at most one point among them */
        size_t n_digits;    /* characters, point included */
        int64_t exponent;
};

enum { EXPONENT_LIMIT = 100000000 }; /* beyond: as good as infinite, since a text has at most 2^24 digits */

static bool decimal_parse(const char *text, struct decimal *decimal)
{
        *decimal = (struct decimal){.negative = *text == '-'};
        text += *text == '-' || *text == '+';
        decimal->digits = text;
        size_t n = 0, points = 0;
        for (; isdigit((unsigned char)*text) || *text == '.'; text++) {
                points += *text == '.';
                n += *text != '.';
        }
        if (n == 0 || points > 1)
                return false;
        decimal->n_digits = (size_t)(text - decimal->digits);
        if (*text == 'e' || *text == 'E') {
                text++;
                bool negative = *text == '-';
                text += *text == '-' || *text == '+';
                if (!isdigit((unsigned char)*text))
                        return false;
                for (; isdigit((unsigned char)*text); text++)
                        if (decimal->exponent < EXPONENT_LIMIT)
                                decimal->exponent = 10 * decimal->exponent + (*text - '0');
                if (negative)
                        decimal->exponent = -decimal->exponent;
        }
        return *text == '\0';
}

static bool is_zero(const struct decimal *decimal)
{
        for (size_t i = 0; i < decimal->n_digits; i++)
                if (decimal->digits[i] != '0' && decimal->digits[i] != '.')
                        return false;
        return true;
}

static enum number_state state_of_word(const char *text)
{
        text += *text == '-' || *text == '+';
        text += *text == '.';
        bool named = !strcasecmp(text, "inf") || !strcasecmp(text, "infinity") || !strcasecmp(text, "nan");
        return named ? NUMBER_INFINITE : NUMBER_NONE;
}

/* The decimal point of strtod() and printf() is the locale's: here it is always a point. */
static locale_t enter_c_locale(void)
{
        return uselocale(newlocale(LC_ALL_MASK, "C", (locale_t)0));
}

static void leave_c_locale(locale_t before)
{
        locale_t c = uselocale(before);
        if (c != LC_GLOBAL_LOCALE)
                freelocale(c);
}

enum number_state number_real(const char *text, double *value)
{
        struct decimal decimal;
        if (!decimal_parse(text, &decimal))
                return state_of_word(text);
        locale_t before = enter_c_locale();
        *value = strtod(text, NULL);
        leave_c_locale(before);
        if (isinf(*value))
                return NUMBER_TOO_LARGE;
        return *value == 0 && !is_zero(&decimal) ? NUMBER_TOO_SMALL : NUMBER_FINE;
}

enum number_state number_integer(const char *text, int64_t *value)
{
        struct decimal decimal;
        *value = 0;
        if (!decimal_parse(text, &decimal))
                return state_of_word(text);
        if (is_zero(&decimal))
                return NUMBER_FINE;

        /* All digits as one integer times ten to the `shift`. */
        size_t n = decimal.n_digits;
        const char *point = memchr(decimal.digits, '.', n);
        int64_t shift = decimal.exponent - (point ? decimal.digits + n - point - 1 : 0);
        while (decimal.digits[n - 1] == '0' || decimal.digits[n - 1] == '.') {
                shift += decimal.digits[n - 1] == '0';
                n--;
        }
        if (shift < 0)
                return NUMBER_BROKEN;
        const uint64_t limit = (uint64_t)INT64_MAX + decimal.negative;
        uint64_t magnitude = 0;
        for (size_t i = 0; i < n || shift > 0; i++) {
                if (i < n && decimal.digits[i] == '.')
                        continue;
                uint64_t digit = i < n ? (uint64_t)(decimal.digits[i] - '0') : 0;
                shift -= i >= n;
                if (magnitude > (limit - digit) / 10)
                        return NUMBER_TOO_LARGE;
                magnitude = 10 * magnitude + digit;
        }
        *value = decimal.negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
        return NUMBER_FINE;
}

void number_print(double value, FILE *out)
{
        char text[40];
        /* Of a normal number all decimals of 15 digits survive, and %g drops their zeros. */
        int digits = fabs(value) < DBL_MIN ? 1 : DBL_DIG;
        locale_t before = enter_c_locale();
        for (; digits <= DBL_DECIMAL_DIG; digits++) {
                snprintf(text, sizeof text, "%.*g", digits, value);
                if (strtod(text, NULL) == value)
                        break;
        }
        leave_c_locale(before);
        fputs(text, out);
}

/* ---- ranges ---- */

static _Noreturn void malformed(const struct param *row, const char *why)
{
        fatal("the range of %s, \"%s\", %s", row->key, row->range, why);
}

/* One bound, "inf" being `infinity`; returns what follows it. */
static const char *bound_parse(const struct param *row, const char *text, const char *infinity, bool open, double *real,
                               int64_t *integer, int64_t integer_infinity)
{
        char word[40];
        size_t n = strcspn(text, " ,])");
        if (n == 0 || n >= sizeof word)
                malformed(row, "lacks a bound");
        memcpy(word, text, n);
        word[n] = '\0';
        if (!strcmp(word, infinity)) {
                if (!open)
                        malformed(row, "includes an infinity; write ( or )");
                *real = *infinity == '-' ? -INFINITY : INFINITY;
                *integer = integer_infinity;
        } else if (number_real(word, real) != NUMBER_FINE ||
                   (row->kind == PARAM_INTEGER && number_integer(word, integer) != NUMBER_FINE)) {
                malformed(row, "has a bound that is no such number");
        }
        return text + n;
}

struct range range_of(const struct param *row)
{
        struct range range = {true, true, -INFINITY, INFINITY, INT64_MIN, INT64_MAX};
        const char *text = row->range;
        if (!text)
                return range;
        size_t length = strlen(text);
        if (length < 5 || !strchr("([", text[0]) || !strchr(")]", text[length - 1]))
                malformed(row, "is not like (0, inf) or [1, 40]");
        range.low_open = text[0] == '(';
        range.high_open = text[length - 1] == ')';

        const char *rest = bound_parse(row, text + 1, "-inf", range.low_open, &range.low, &range.low_integer,
                                       INT64_MIN);
        if (strncmp(rest, ", ", 2) != 0)
                malformed(row, "lacks a comma and a space");
        rest = bound_parse(row, rest + 2, "inf", range.high_open, &range.high, &range.high_integer, INT64_MAX);
        if (rest != text + length - 1)
                malformed(row, "has text after its bounds");
        range.low_integer += range.low_open && isfinite(range.low);
        range.high_integer -= range.high_open && isfinite(range.high);
        bool some = row->kind == PARAM_INTEGER          ? range.low_integer <= range.high_integer
                    : range.low_open || range.high_open ? range.low < range.high
                                                        : range.low <= range.high;
        if (!some)
                malformed(row, "holds no number");
        return range;
}

bool range_has_real(const struct range *range, double value)
{
        return (range->low_open ? value > range->low : value >= range->low) &&
               (range->high_open ? value < range->high : value <= range->high);
}

bool range_has_integer(const struct range *range, int64_t value)
{
        return value >= range->low_integer && value <= range->high_integer;
}
