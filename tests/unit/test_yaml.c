/* YAML text becomes a tree that knows its lines, or one clear line per problem. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/yaml.h"

/* What was reported, as "line path: reason" lines. */
struct listener { char text[8192]; size_t n; };

static void listen(void *owner, int source, int line, const struct place *place, const char *reason)
{
        struct listener *listener = owner;
        assert_int_equal(source, 7);
        char *path = NULL;
        size_t size, length = strlen(listener->text);
        FILE *stream = open_memstream(&path, &size);
        place_print(place, stream);
        fclose(stream);
        snprintf(listener->text + length, sizeof listener->text - length, "%s%d%s%s: %s", listener->n++ > 0 ? "\n" : "",
                 line, *path ? " " : "", path, reason);
        free(path);
}

static struct listener parse(const char *text, size_t length)
{
        struct listener listener = {.n = 0};
        struct node_store *store = node_store_create();
        yaml_parse(store, text, length, 7, listen, &listener);
        node_store_free(store);
        return listener;
}

static void expect(const char *text, const char *messages)
{
        struct listener listener = parse(text, strlen(text));
        assert_string_equal(listener.text, messages);
}

static void test_tree_has_the_values_and_lines_of_the_text(void **state)
{
        (void)state;
        const char *text = "a: 1\nb:\n  - x\n  - {c: \"2\", d: ~}\ne:\n  f:\n    g\n";
        struct listener listener = {.n = 0};
        struct node_store *store = node_store_create();
        struct node *root = yaml_parse(store, text, strlen(text), 7, listen, &listener);
        assert_int_equal(listener.n, 0);
        assert_int_equal(root->kind, NODE_TABLE);
        assert_int_equal(root->n, 3);
        assert_string_equal(node_child(root, "a")->text, "1");
        assert_false(node_child(root, "a")->quoted);
        const struct node *list = node_child(root, "b"), *item = node_item(list, 1);
        assert_int_equal(list->kind, NODE_LIST);
        assert_int_equal(list->line, 2);
        assert_int_equal(item->line, 4);
        assert_true(node_child(item, "c")->quoted);
        assert_int_equal(node_child(item, "d")->kind, NODE_NULL);
        assert_null(node_item(list, 2));
        assert_null(node_child(item, "x"));
        const struct node *g = node_child(node_child(root, "e"), "f");
        assert_int_equal(g->line, 7);
        assert_int_equal(g->key_line, 6);
        node_store_free(store);
}

static void test_empty_text_is_a_null_document(void **state)
{
        (void)state;
        const char *texts[] = {"", "\n\n", "# only a comment\n", "---\n", "~", "\xef\xbb\xbf"};
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                struct listener listener = {.n = 0};
                struct node_store *store = node_store_create();
                struct node *root = yaml_parse(store, texts[i], strlen(texts[i]), 7, listen, &listener);
                assert_int_equal(root->kind, NODE_NULL);
                assert_int_equal(listener.n, 0);
                node_store_free(store);
        }
}

static void test_syntax_errors_are_told_in_plain_words_with_their_line(void **state)
{
        (void)state;
        expect("a: 1\n\tb: 2\n", "2: not valid YAML: a tab indents this line; use spaces");
        expect("a:\n \t b: 2\n", "2: not valid YAML: a tab indents this line; use spaces");
        expect("a: 1\n  b: 2\n", "2: not valid YAML: a second `: ` on this line, or a wrong indentation");
        expect("a: [1, 2\nb: 3\n",
               "2: not valid YAML: the [ opened on line 1 is not closed, or lacks a comma; expected , or ] here");
        expect("a: 0\nb: {x: 1\n",
               "2: not valid YAML: the { opened on line 2 is not closed, or lacks a comma; expected , or } here");
        expect("a: 1\nb: \"abc\nc: 1\n", "3: not valid YAML: the quote opened on line 2 is not closed");
        expect("a: 1\nb\nc: 2\n",
               "3: not valid YAML: the line before has a key without a colon and a space (`key: value`)");
        expect("a: 1\n- 2\n",
               "2: not valid YAML: this does not continue the table above; check indentation, brackets and quotes");
        expect("a:\n  - 1\n b: 2\n",
               "3: not valid YAML: this does not continue the table above; check indentation, brackets and quotes");
        expect("- 1\na: 2\n", "2: not valid YAML: this does not continue the list above; check the indentation");
        expect("a: @x\n", "1: not valid YAML: no value starts with this character; put the text in quotes");
        expect("a: [1,,2]\n", "1: not valid YAML: a value is missing here");
        expect("a: \"\\q\"\n", "1: not valid YAML: unknown \\ escape in a text in double quotes; use single quotes");
        expect("{a: 1}\n{b: 2}\n", "2: not valid YAML: text after the end of the table");
        expect("a: 1\nb: \xff\n", "2: not valid YAML: not UTF-8 text");
        expect("a: 1\nb: \xc3", "2: not valid YAML: not UTF-8 text");
        expect("\xff\xfe"
               "a",
               "1: not valid YAML: not UTF-8 text");
        expect("a: 1\nb: \x01\n", "2: not valid YAML: a control character; is this a text file?");
}

static void test_a_key_given_again_names_both_lines(void **state)
{
        (void)state;
        expect("a: 1\nb: 2\na: 3\n", "3 a: given again; first given on line 1");
        expect("t:\n  b: {x: 1, y: 2, x: 3}\n  c: 1\n  c: 1\n  c: 2\n",
               "2 t.b.x: given again; first given on line 2\n4 t.c: given again; first given on line 3\n"
               "5 t.c: given again; first given on line 3");
}

static void test_the_first_of_equal_keys_stays_and_order_is_kept(void **state)
{
        (void)state;
        const char *text = "z: 1\na: 2\nz: 3\nm: 4\n";
        struct listener listener = {.n = 0};
        struct node_store *store = node_store_create();
        struct node *root = yaml_parse(store, text, strlen(text), 7, listen, &listener);
        assert_int_equal(root->n, 3);
        assert_string_equal(root->first->key, "z");
        assert_string_equal(root->first->text, "1");
        assert_string_equal(root->first->next->key, "a");
        assert_string_equal(root->last->key, "m");
        node_store_free(store);
}

static void test_anchors_aliases_and_tags_are_refused(void **state)
{
        (void)state;
        expect("a: &x 1\nb: *x\n", "1 a: anchors are not taken (&x); write the value out where it is used\n"
                                   "2 b: aliases are not taken (*x); write the value out");
        expect("a: !!int 5\n", "1 a: tags are not taken (tag:yaml.org,2002:int); write the value alone");
        expect("a:\n  - !x {b: 1}\n", "2 a[0]: tags are not taken (!x); write the value alone");
        expect("&k a: 1\n", "1: anchors are not taken (&k); write the value out where it is used");
}

static void test_billion_laughs_do_not_grow(void **state)
{
        (void)state;
        char text[2000] = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
        for (int i = 1; i < 10; i++) {
                size_t n = strlen(text);
                snprintf(text + n, sizeof text - n,
                         "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1,
                         i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
        }
        assert_int_equal(parse(text, strlen(text)).n, 10 + 9 * 9);
}

static void test_keys_must_be_single_words(void **state)
{
        (void)state;
        expect("? [a, b]\n: 1\nc: 2\n", "1: a key must be a single word");
        expect("c: 2\n?\n: 1\n", "2: a key is missing before the colon");
        expect("\"a\\0b\": 2\n", "1: a key holds a NUL character");
        expect("a: \"b\\0c\"\n", "1 a: holds a NUL character, which no value here can");
}

static void test_one_document_only(void **state)
{
        (void)state;
        expect("---\na: 1\n...\n", "");
        expect("a: 1\n---\nb: 2\n", "2: a second document starts here; an input is one document");
}

static void test_depth_and_size_have_limits(void **state)
{
        (void)state;
        char nested[200] = "";
        for (int i = 0; i < 31; i++)
                strcat(nested, "[");
        strcat(nested, "1");
        for (int i = 0; i < 31; i++)
                strcat(nested, "]");
        expect(nested, "");
        char message[400];
        snprintf(message, sizeof message, "1 ");
        for (int i = 0; i < 32; i++)
                strcat(message, "[0]");
        strcat(message, ": nested deeper than 32 levels");
        char deeper[300];
        snprintf(deeper, sizeof deeper, "[[%s]]", nested);
        expect(deeper, message);

        size_t huge = ((size_t)16 << 20) + 1;
        char *text = malloc(huge + 1);
        memset(text, ' ', huge);
        assert_int_equal(parse(text, huge - 1).n, 0);
        struct listener listener = parse(text, huge);
        assert_string_equal(listener.text,
                            "1: 16.0 MiB are too large for an input file (at most 16 MiB); large data belong "
                            "in an HDF5 file");
        /* 2^22 values of two bytes: more than the tree takes. */
        for (size_t i = 0; i < (size_t)8 << 20; i += 2)
                memcpy(text + i, i == 0 ? "[1" : ",1", 2);
        listener = parse(text, (size_t)8 << 20);
        assert_string_equal(listener.text, "1 [2097151]: more than 2097152 values; large data belong in an HDF5 file");
        free(text);
}

static void test_shown_text_is_one_short_line_without_controls(void **state)
{
        (void)state;
        assert_string_equal(yaml_show_text("a\nb\tc\rd\x1b[0m").text, "a\\nb\\tc\\rd\\x1b[0m");
        assert_string_equal(yaml_show_text("\xc3\xa9 \xce\xa9").text, "\xc3\xa9 \xce\xa9");
        assert_string_equal(yaml_show_text("\xc2\x85\xe2\x80\xa8\xe2\x80\xae\xff").text,
                            "\\xc2\\x85\\xe2\\x80\\xa8\\xe2\\x80\\xae\\xff");
        char longer[200];
        memset(longer, 'x', sizeof longer - 1);
        longer[sizeof longer - 1] = '\0';
        assert_int_equal(strlen(yaml_show_text(longer).text), 63);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tree_has_the_values_and_lines_of_the_text),
                cmocka_unit_test(test_empty_text_is_a_null_document),
                cmocka_unit_test(test_syntax_errors_are_told_in_plain_words_with_their_line),
                cmocka_unit_test(test_a_key_given_again_names_both_lines),
                cmocka_unit_test(test_the_first_of_equal_keys_stays_and_order_is_kept),
                cmocka_unit_test(test_anchors_aliases_and_tags_are_refused),
                cmocka_unit_test(test_billion_laughs_do_not_grow),
                cmocka_unit_test(test_keys_must_be_single_words),
                cmocka_unit_test(test_one_document_only),
                cmocka_unit_test(test_depth_and_size_have_limits),
                cmocka_unit_test(test_shown_text_is_one_short_line_without_controls),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
