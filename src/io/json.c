#include "io/json.h"

#include <string.h>

static void skip_blank(struct json *json)
{
        while (json->at < json->end && *json->at && strchr(" \t\r\n", *json->at))
                json->at++;
}

bool json_take(struct json *json, char what)
{
        skip_blank(json);
        if (json->at == json->end || *json->at != what)
                return false;
        json->at++;
        return true;
}

bool json_at_end(struct json *json)
{
        skip_blank(json);
        return json->at == json->end;
}

/* Four hexadecimal digits. */
static bool take_unit(struct json *json, uint32_t *unit)
{
        *unit = 0;
        if (json->end - json->at < 4)
                return false;
        for (int i = 0; i < 4; i++) {
                const char c = *json->at++;
                const char *digits = "0123456789abcdefABCDEF", *digit = c ? strchr(digits, c) : NULL;
                if (!digit)
                        return false;
                const uint32_t value = (uint32_t)(digit - digits);
                *unit = *unit * 16 + (value < 16 ? value : value - 6);
        }
        return true;
}

/* After \u: one code point, of one unit or of a pair of surrogates. */
static bool take_code_point(struct json *json, uint32_t *code)
{
        uint32_t low;
        if (!take_unit(json, code) || *code == 0)
                return false;
        if (*code < 0xd800 || *code > 0xdfff)
                return true;
        if (*code > 0xdbff || json->end - json->at < 6 || json->at[0] != '\\' || json->at[1] != 'u')
                return false;
        json->at += 2;
        if (!take_unit(json, &low) || low < 0xdc00 || low > 0xdfff)
                return false;
        *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
        return true;
}

static size_t put_utf8(uint32_t code, char bytes[4])
{
        if (code < 0x80) {
                bytes[0] = (char)code;
                return 1;
        }
        const size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
        for (size_t i = n - 1; i > 0; i--, code >>= 6)
                bytes[i] = (char)(0x80 | (code & 0x3f));
        bytes[0] = (char)(lead[n] | code);
        return n;
}

/* What a backslash begins. */
static bool take_escape(struct json *json, char bytes[4], size_t *n)
{
        static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
        if (json->at == json->end || *json->at == '\0')
                return false;
        const char name = *json->at++;
        uint32_t code;
        if (name == 'u') {
                if (!take_code_point(json, &code))
                        return false;
                *n = put_utf8(code, bytes);
                return true;
        }
        const char *found = strchr(names, name);
        if (!found)
                return false;
        bytes[0] = meanings[found - names];
        *n = 1;
        return true;
}

bool json_string(struct json *json, char *text, size_t room)
{
        size_t used = 0;
        if (!json_take(json, '"'))
                return false;
        while (json->at < json->end) {
                char bytes[4] = {*json->at++};
                size_t n = 1;
                if (bytes[0] == '"') {
                        text[used] = '\0';
                        return true;
                }
                if ((unsigned char)bytes[0] < 0x20 || (bytes[0] == '\\' && !take_escape(json, bytes, &n)))
                        return false;
                if (used + n >= room)
                        return false;
                memcpy(text + used, bytes, n);
                used += n;
        }
        return false;
}

bool json_count(struct json *json, int64_t *value)
{
        skip_blank(json);
        const char *start = json->at;
        *value = 0;
        for (; json->at < json->end && *json->at >= '0' && *json->at <= '9'; json->at++) {
                *value = *value * 10 + (*json->at - '0');
                if (*value > INT64_C(1) << 53)
                        return false;
        }
        return json->at > start && (*start != '0' || json->at == start + 1);
}
