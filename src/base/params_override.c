/* "score.components[1].mean=[1, 2]" on the command line: paths, and trees changed by them. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/params_engine.h"
#include "sculptor/memory.h"

/* ---- paths ---- */

static const char *index_parse(const char **text, size_t *index)
{
        const char *digit = *text + 1;
        *index = 0;
        size_t n = 0;
        for (; *digit >= '0' && *digit <= '9'; digit++, n++)
                *index = n < 9 ? 10 * *index + (size_t)(*digit - '0') : *index;
        if (n == 0 || n > 9 || *digit != ']')
                return "an index is a whole number in brackets, as in components[0]";
        *text = digit + 1;
        return NULL;
}

const char *path_parse(const char *text, struct path *path)
{
        path->n = 0;
        while (*text) {
                if (path->n == YAML_MOST_DEPTH)
                        return "has too many steps";
                struct step *step = &path->step[path->n];
                *step = (struct step){NULL, 0};
                if (*text == '[') {
                        const char *why = index_parse(&text, &step->index);
                        if (why)
                                return why;
                } else {
                        if (path->n > 0 && *text++ != '.')
                                return "a dot is missing after ]";
                        size_t length = strcspn(text, ".[]");
                        if (length == 0 || text[length] == ']')
                                return "a key is missing, or a bracket not opened";
                        step->key = format_text("%.*s", (int)length, text);
                        text += length;
                }
                path->n++;
        }
        return NULL;
}

void path_release(struct path *path)
{
        for (size_t i = 0; i < path->n; i++)
                free(path->step[i].key);
        path->n = 0;
}

struct node *path_step(const struct node *node, const struct step *step)
{
        return step->key ? node_child(node, step->key) : node_item(node, step->index);
}

/* ---- overrides ---- */

struct override {
        struct input *input;
        int source;
        const struct path *path;
};

static void refuse(const struct override *override, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void refuse(const struct override *override, const char *format, ...)
{
        char reason[512];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(reason, sizeof reason, format, arguments);
        va_end(arguments);
        const struct place top = {NULL, NULL, 0};
        input_report(override->input, override->source, 0, &top, reason);
}

/* Whether `node` can take step `depth` of the path; reported where it cannot. */
static bool can_hold(const struct override *override, const struct node *node, size_t depth)
{
        const struct step *step = &override->path->step[depth];
        struct place places[YAML_MOST_DEPTH + 1] = {{NULL, NULL, 0}};
        for (size_t i = 0; i < depth; i++)
                places[i + 1] = (struct place){&places[i], override->path->step[i].key, override->path->step[i].index};
        char *here = NULL;
        size_t size;
        FILE *stream = open_memstream(&here, &size);
        place_print(&places[depth], stream);
        fclose(stream);

        bool can = true;
        if (node->kind == NODE_REFUSED)
                can = false; /* and reported */
        else if (step->key && node->kind != NODE_TABLE) {
                refuse(override, "%s is not a table", depth > 0 ? here : "the input");
                can = false;
        } else if (!step->key && node->kind != NODE_LIST) {
                refuse(override, "%s is not a list", depth > 0 ? here : "the input");
                can = false;
        } else if (!step->key && step->index > node->n) {
                refuse(override, "%s has only %zu item%s, [0] being the first", here, node->n, node->n == 1 ? "" : "s");
                can = false;
        }
        free(here);
        return can;
}

/* The value, put where the path leads; tables and lists on the way are created where nothing is. */
static void put(const struct override *override, struct node *value)
{
        struct input *input = override->input;
        struct node *node = input->root;
        for (size_t i = 0; i < override->path->n; i++) {
                const struct step *step = &override->path->step[i];
                if (!can_hold(override, node, i))
                        return;
                struct node *child = path_step(node, step);
                bool last = i + 1 == override->path->n, absent = !child || child->kind == NODE_NULL;
                if (!last && !absent) {
                        node = child;
                        continue;
                }
                enum node_kind kind = !last && override->path->step[i + 1].key ? NODE_TABLE : NODE_LIST;
                struct node *replacement = last ? value : node_create(input->store, kind, override->source, 0);
                if (step->key)
                        replacement->key = node_store_text(input->store, step->key, strlen(step->key));
                if (child)
                        node_replace(node, child, replacement);
                else
                        node_append(node, replacement);
                node = replacement;
        }
}

void input_apply_override(struct input *input, size_t i, const char *text)
{
        const char *equals = strchr(text, '=');
        size_t length = equals ? (size_t)(equals - text) : strlen(text);
        char *key = format_text("%.*s", (int)(length < 4096 ? length : 4096), text);
        struct path path = {.n = 0};
        struct override override = {input, (int)i + 1, &path};

        /* The path as messages print it, so that both can be compared. */
        const char *why = path_parse(key, &path);
        struct place places[YAML_MOST_DEPTH + 1] = {{NULL, NULL, 0}};
        for (size_t j = 0; j < path.n; j++)
                places[j + 1] = (struct place){&places[j], path.step[j].key, path.step[j].index};
        if (why || !equals || path.n == 0) {
                input->override_path[i] = copy_text(yaml_show_text(text).text);
        } else {
                size_t size;
                FILE *stream = open_memstream(&input->override_path[i], &size);
                place_print(&places[path.n], stream);
                fclose(stream);
        }

        if (!equals)
                refuse(&override, "no = in it; write KEY=VALUE");
        else if (why)
                refuse(&override, "%s", why);
        else if (path.n == 0 || !path.step[0].key)
                refuse(&override, "no key before the =; write KEY=VALUE");
        else {
                struct node *value = yaml_parse(input->store, equals + 1, strlen(equals + 1), override.source,
                                                input_report, input);
                if (value && input->root)
                        put(&override, value);
        }
        path_release(&path);
        free(key);
}
