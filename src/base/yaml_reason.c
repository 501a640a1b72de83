/* libyaml's errors in plain words. Its own words are kept for what is not listed here. */
#include "base/yaml.h"

#include <string.h>
#include <yaml.h>

static const struct {
        const char *problem, *words;
} translations[] = {
        {"found a tab character", "a tab indents this line; use spaces"},
        {"found character that cannot start any token", "no value starts with this character; put the text in quotes"},
        {"mapping values are not allowed", "a second `: ` on this line, or a wrong indentation"},
        {"block sequence entries are not allowed", "no list item (-) can stand here; check the indentation"},
        {"mapping keys are not allowed", "no key can stand here; check the indentation"},
        {"could not find expected ':'", "the line before has a key without a colon and a space (`key: value`)"},
        {"did not find expected key", "this does not continue the table above; check indentation, brackets and quotes"},
        {"did not find expected '-' indicator", "this does not continue the list above; check the indentation"},
        {"did not find expected node content", "a value is missing here"},
        {"did not find expected <document start>", "text after the end of the table"},
        {"found unknown escape character", "unknown \\ escape in a text in double quotes; use single quotes"},
        {"found unexpected document indicator", "--- or ... inside a text in quotes"},
        {"found unexpected ':'", "a colon inside a word in brackets; put the text in quotes"},
        {"found incompatible YAML document", "a %YAML line asks for a version other than 1.1 or 1.2; leave it out"},
        {"control characters are not allowed", "a control character; is this a text file?"},
        {"invalid leading UTF-8 octet", "not UTF-8 text"},
        {"invalid trailing UTF-8 octet", "not UTF-8 text"},
        {"incomplete UTF-8 octet sequence", "not UTF-8 text"},
        {"invalid length of a UTF-8 sequence", "not UTF-8 text"},
        {"invalid Unicode character", "not UTF-8 text"},
};

static bool begins_with(const char *text, const char *start)
{
        return strncmp(text, start, strlen(start)) == 0;
}

/* 1-based; at most the last line that has text. */
static int line_at(const char *text, size_t length, size_t offset)
{
        while (length > 0 && strchr(" \t\r\n", text[length - 1]))
                length--;
        int line = 1;
        for (size_t i = 0; i < offset && i < length; i++)
                line += text[i] == '\n';
        return line;
}

static bool tab_indents(const char *text, size_t length, size_t line)
{
        size_t i = 0;
        for (; line > 0 && i < length; i++)
                line -= text[i] == '\n';
        while (i < length && text[i] == ' ')
                i++;
        return i < length && text[i] == '\t';
}

void yaml_reason(const struct yaml_parser_s *parser, const char *text, size_t length, char *reason, size_t size,
                 int *line)
{
        const char *problem = parser->problem ? parser->problem : "unreadable";
        const char *context = parser->context ? parser->context : "";
        if (parser->error == YAML_READER_ERROR) {
                *line = line_at(text, length, parser->problem_offset);
        } else {
                int last = line_at(text, length, length);
                *line = (int)parser->problem_mark.line + 1;
                *line = *line < last ? *line : last;
        }
        int opened = (int)parser->context_mark.line + 1;

        if (parser->error != YAML_READER_ERROR && tab_indents(text, length, parser->problem_mark.line)) {
                snprintf(reason, size, "a tab indents this line; use spaces");
                return;
        }
        if (begins_with(problem, "did not find expected ',' or"))
                snprintf(reason, size,
                         "the %s opened on line %d is not closed, or lacks a comma; expected , or %c here",
                         strchr(problem, ']') ? "[" : "{", opened, strchr(problem, ']') ? ']' : '}');
        else if (begins_with(problem, "found unexpected end of stream"))
                snprintf(reason, size, "the quote opened on line %d is not closed", opened);
        else {
                snprintf(reason, size, "%s%s%s", problem, *context ? ", " : "", context);
                for (size_t i = 0; i < sizeof translations / sizeof *translations; i++)
                        if (begins_with(problem, translations[i].problem))
                                snprintf(reason, size, "%s", translations[i].words);
        }
}
