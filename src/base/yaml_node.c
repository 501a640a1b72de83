/* Nodes, their store, and text fit to be shown. */
#include "base/yaml.h"

#include <stdlib.h>
#include <string.h>

#include "sculptor/memory.h"

/* ---- the store: blocks filled one after the other, freed together ---- */

enum { BLOCK_BYTES = 1 << 16 };

struct block {
        struct block *next;
        size_t used, size;
        unsigned char *bytes;
};

struct node_store { struct block *block; };

struct node_store *node_store_create(void)
{
        return allocate(1, sizeof(struct node_store));
}

void node_store_free(struct node_store *store)
{
        if (!store)
                return;
        for (struct block *block = store->block, *next; block; block = next) {
                next = block->next;
                free(block->bytes);
                free(block);
        }
        free(store);
}

static void *take(struct node_store *store, size_t size)
{
        const size_t alignment = _Alignof(struct node);
        size = (size + alignment - 1) / alignment * alignment;
        if (!store->block || store->block->size - store->block->used < size) {
                struct block *block = allocate(1, sizeof *block);
                block->size = size > BLOCK_BYTES ? size : BLOCK_BYTES;
                block->bytes = allocate(block->size, 1);
                block->next = store->block;
                store->block = block;
        }
        void *memory = store->block->bytes + store->block->used;
        store->block->used += size;
        return memory;
}

struct node *node_create(struct node_store *store, enum node_kind kind, int source, int line)
{
        struct node *node = take(store, sizeof *node);
        node->kind = kind;
        node->source = source;
        node->line = node->key_line = line;
        return node;
}

const char *node_store_text(struct node_store *store, const char *text, size_t length)
{
        char *copy = take(store, length + 1);
        memcpy(copy, text, length);
        copy[length] = '\0';
        return copy;
}

/* ---- nodes ---- */

void node_append(struct node *parent, struct node *child)
{
        child->next = NULL;
        if (parent->last)
                parent->last->next = child;
        else
                parent->first = child;
        parent->last = child;
        parent->n++;
}

struct node *node_child(const struct node *table, const char *key)
{
        if (!table || table->kind != NODE_TABLE)
                return NULL;
        struct node *child = table->first;
        while (child && strcmp(child->key, key) != 0)
                child = child->next;
        return child;
}

struct node *node_item(const struct node *list, size_t index)
{
        if (!list || list->kind != NODE_LIST || index >= list->n)
                return NULL;
        struct node *item = list->first;
        while (index-- > 0)
                item = item->next;
        return item;
}

bool node_replace(struct node *parent, struct node *old, struct node *replacement)
{
        struct node **link = &parent->first, *before = NULL;
        while (*link && *link != old) {
                before = *link;
                link = &before->next;
        }
        if (!*link)
                return false;
        replacement->next = old->next;
        *link = replacement;
        if (parent->last == old)
                parent->last = replacement;
        return true;
}

/* ---- places and text in messages ---- */

void place_print(const struct place *place, FILE *out)
{
        if (!place || !place->above)
                return;
        place_print(place->above, out);
        if (!place->key)
                fprintf(out, "[%zu]", place->index);
        else
                fprintf(out, "%s%s", place->above->above ? "." : "", yaml_show_text(place->key).text);
}

/* The length of the UTF-8 character at `text`, 0 where there is none that a terminal may be given:
 * C0 and C1 controls, line separators, marks that turn the direction of writing. */
static size_t printable(const unsigned char *text)
{
        if (text[0] < 0x80)
                return text[0] >= 0x20 && text[0] != 0x7f;
        size_t length = text[0] >= 0xf0 && text[0] < 0xf5 ? 4 : text[0] >= 0xe0 ? 3 : 2;
        if (text[0] < 0xc2 || text[0] >= 0xf5)
                return 0;
        unsigned code = text[0] & (0xffu >> (length + 1));
        for (size_t i = 1; i < length; i++) {
                if ((text[i] & 0xc0) != 0x80)
                        return 0;
                code = code << 6 | (text[i] & 0x3fu);
        }
        bool hidden = code < 0xa0 || (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
                      (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
        return hidden ? 0 : length;
}

struct shown yaml_show_text(const char *text)
{
        enum { MOST = 60 };
        struct shown shown = {""};
        const unsigned char *from = (const unsigned char *)text;
        size_t n = 0;
        while (*from) {
                size_t length = printable(from);
                char piece[8] = "";
                if (length > 0)
                        memcpy(piece, from, length);
                else if (*from == '\n' || *from == '\t' || *from == '\r')
                        snprintf(piece, sizeof piece, "\\%c", *from == '\n' ? 'n' : *from == '\t' ? 't' : 'r');
                else
                        snprintf(piece, sizeof piece, "\\x%02x", *from);
                if (n + strlen(piece) > MOST) {
                        memcpy(shown.text + n, "...", 4);
                        return shown;
                }
                memcpy(shown.text + n, piece, strlen(piece) + 1);
                n += strlen(piece);
                from += length > 0 ? length : 1;
        }
        return shown;
}
