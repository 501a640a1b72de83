/* SHA-256 against the published vectors [FIPS 180-4 and NIST's SHAVS], by both ways of computing it. The
 * source is included, not linked, for its functions that others do not see. */
#include "io/sha256.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void digest(const void *bytes, size_t n, char hex[65])
{
        struct sha256 sha;
        sha256_begin(&sha);
        sha256_add(&sha, bytes, n);
        sha256_end(&sha, hex);
}

static void test_known_answers(void **state)
{
        static const struct {
                const char *text, *hex;
        } known[] = {{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
                     {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
                     {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
                     {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs"
                      "mnopqrst"
                      "nopqrstu",
                      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"}};
        (void)state;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
                char hex[65];
                digest(known[i].text, strlen(known[i].text), hex);
                assert_string_equal(hex, known[i].hex);
        }
}

static void test_a_million_letters_in_uneven_pieces(void **state)
{
        (void)state;
        struct sha256 sha;
        char letters[1000], hex[65];
        memset(letters, 'a', sizeof letters);
        sha256_begin(&sha);
        size_t left = 1000000;
        for (size_t piece = 1; left > 0; piece = piece * 7 % 997 + 1) {
                size_t n = piece < left ? piece : left;
                sha256_add(&sha, letters, n);
                left -= n;
        }
        sha256_end(&sha, hex);
        assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* The digests of 0 .. 257 zero bytes, digested: every way a message can end in a block. The value was
 * computed with coreutils' sha256sum. */
static void test_every_length_around_a_block(void **state)
{
        (void)state;
        static const unsigned char zeros[258];
        struct sha256 all;
        char hex[65];
        sha256_begin(&all);
        for (size_t n = 0; n < sizeof zeros; n++) {
                digest(zeros, n, hex);
                sha256_add(&all, hex, 64);
        }
        sha256_end(&all, hex);
        assert_string_equal(hex, "59674dcea3add9b7ac9335b982d5e16b5ad67d6fde30a8c26f5a4c29daf8bbbd");
}

static void test_both_ways_agree(void **state)
{
        (void)state;
#ifdef __x86_64__
        unsigned a, b = 0, c, d;
        if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & 1u << 29))
                skip(); /* this processor has one way only */
        unsigned char bytes[64 * 37];
        uint32_t random = 12345, plain[8], fast[8];
        for (size_t i = 0; i < sizeof bytes; i++) {
                random = random * 1664525 + 1013904223; /* Numerical Recipes' generator: any bytes do */
                bytes[i] = (unsigned char)(random >> 24);
        }
        memcpy(plain, bytes + 100, sizeof plain);
        memcpy(fast, plain, sizeof fast);
        add_blocks(plain, bytes, 37);
        add_blocks_sha(fast, bytes, 37);
        assert_memory_equal(plain, fast, sizeof plain);
#endif
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_known_answers),
                cmocka_unit_test(test_a_million_letters_in_uneven_pieces),
                cmocka_unit_test(test_every_length_around_a_block),
                cmocka_unit_test(test_both_ways_agree),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
