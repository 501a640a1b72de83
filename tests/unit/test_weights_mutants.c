/* Hostile weights: mutants of good ones, in every layout. Each is read as what it was, or refused in one line; and
 * where whoever changed an HDF5 file sealed it again, so that HDF5's parser sees it, nothing crashes or hangs.
 * 2,500 of them, and 10,000 by `make test-long`. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "io/sealed_file.h"
#include "weights_lab.h"

#define in weights_lab_in

enum { ROOM = 1 << 16, SEAL_BYTES = 110 };

static size_t n_mutants(void)
{
        const char *longer = getenv("SCULPTOR_LONG");
        return longer && *longer && *longer != '0' ? 10000 : 2500;
}

/* ---- mutation ---- */

/* xorshift64* [Vigna 2016]: mutants are the same on every machine. */
static uint64_t next_random(uint64_t *state)
{
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        return *state * 0x2545f4914f6cdd1dull;
}

static size_t below(uint64_t *state, size_t n)
{
        return n > 0 ? (size_t)(next_random(state) >> 11) % n : 0;
}

struct mutant { unsigned char bytes[ROOM]; size_t n; };

/* n bytes in place of `removed` at `at`. */
static void splice(struct mutant *mutant, size_t at, size_t removed, const void *bytes, size_t n)
{
        unsigned char kept[256];
        assert_true(n <= sizeof kept && at + removed <= mutant->n);
        memcpy(kept, bytes, n); /* may be of the mutant */
        if (mutant->n - removed + n > ROOM)
                return;
        memmove(mutant->bytes + at + n, mutant->bytes + at + removed, mutant->n - at - removed);
        memcpy(mutant->bytes + at, kept, n);
        mutant->n = mutant->n - removed + n;
}

static const uint64_t nasty[] = {0,
                                 1,
                                 2,
                                 255,
                                 256,
                                 65535,
                                 0x7fffffff,
                                 0x80000000,
                                 0xffffffff,
                                 0x7fffffffffffffff,
                                 0x8000000000000000,
                                 0xffffffffffffffff,
                                 0x7ff8000000000000};
static const char *const words[] = {"\"",
                                    "'",
                                    "{",
                                    "}",
                                    "[",
                                    "]",
                                    ",",
                                    ":",
                                    "\\",
                                    "\\u0000",
                                    "\n",
                                    "#",
                                    "- ",
                                    "null",
                                    "1e999",
                                    "-1",
                                    "0",
                                    "9007199254740993",
                                    "18446744073709551616",
                                    "__metadata__",
                                    "sculptor",
                                    "sha256:",
                                    "F16",
                                    "<f8",
                                    "True",
                                    "&a",
                                    "*a",
                                    "..",
                                    "/",
                                    "\xff\xfe",
                                    "&a [*a, *a]"};

static void mutate(struct mutant *mutant, uint64_t *state)
{
        const size_t at = below(state, mutant->n), left = mutant->n - at;
        const size_t run = 1 + below(state, left < 64 ? left : 64), size = (size_t)1 << below(state, 4);
        const char *word = words[below(state, sizeof words / sizeof *words)];
        switch (mutant->n == 0 ? 9 : below(state, 9)) {
        case 0:
        case 1:
                mutant->bytes[at] = (unsigned char)(mutant->bytes[at] ^ 1 << below(state, 8));
                break;
        case 2:
                mutant->bytes[at] = (unsigned char)next_random(state);
                break;
        case 3:
                splice(mutant, at, run <= left ? run : left, "", 0);
                break;
        case 4:
                splice(mutant, below(state, mutant->n), 0, mutant->bytes + at, run <= left ? run : left);
                break;
        case 5:
                splice(mutant, at, 0, word, strlen(word));
                break;
        case 6:
                splice(mutant, at, strlen(word) <= left ? strlen(word) : left, word, strlen(word));
                break;
        case 7:
                splice(mutant, at, size <= left ? size : left, &nasty[below(state, sizeof nasty / sizeof *nasty)],
                       size);
                break;
        case 8:
                if (below(state, 4) == 0)
                        mutant->n = at;
                else
                        memset(mutant->bytes + at, 0, run <= left ? run : left);
                break;
        default:
                splice(mutant, 0, 0, word, strlen(word));
        }
}

/* One change, or up to four. */
static void make(struct mutant *mutant, const struct weights_lab_bytes *good, uint64_t *state)
{
        assert_true(good->n <= ROOM);
        memcpy(mutant->bytes, good->bytes, good->n);
        mutant->n = good->n;
        for (size_t i = 0, n = 1 + below(state, 8) / 5; i < n; i++)
                mutate(mutant, state);
}

/* ---- what must come of one ---- */

struct tally { size_t read, refused; };

static void judge(const char *path, const struct weights *weights, struct tally *tally)
{
        struct weights *read;
        const char *why = weights_read(path, &read);
        if (!why) {
                if (!weights_lab_same(read, weights))
                        fail_msg("%s: other weights were read", path);
                weights_free(read);
                tally->read++;
                return;
        }
        if (!strstr(why, weights_lab_place) || strpbrk(why, "\n\r"))
                fail_msg("\"%s\" is no line about %s", why, path);
        assert_null(read);
        tally->refused++;
}

static void try_file(const char *name, const struct weights_lab_bytes *good, const struct weights *weights, size_t n,
                     uint64_t *state, struct tally *tally)
{
        static struct mutant mutant;
        char *path = format_text("%s/%s", weights_lab_place, name);
        for (size_t i = 0; i < n; i++) {
                make(&mutant, good, state);
                weights_lab_store(path, mutant.bytes, mutant.n);
                judge(path, weights, tally);
        }
        free(path);
}

static void try_folder(const struct weights *weights, const char *text, size_t n, uint64_t *state, struct tally *tally)
{
        static struct mutant mutant;
        char *folder = format_text("%s/mutant", weights_lab_place);
        weights_lab_put_npy(folder, weights, text);
        size_t n_tensors;
        struct network_tensor *tensor = weights_tensors(weights, &n_tensors);
        for (size_t i = 0; i < n; i++) {
                const size_t which = below(state, 2 * n_tensors); /* half of the time the text */
                char *path = which < n_tensors ? format_text("%s/%s.npy", folder, tensor[which].name)
                                               : format_text("%s/weights.yaml", folder);
                struct weights_lab_bytes good = weights_lab_load(path);
                make(&mutant, &good, state);
                weights_lab_store(path, mutant.bytes, mutant.n);
                judge(folder, weights, tally);
                weights_lab_store(path, good.bytes, good.n);
                free(good.bytes);
                free(path);
        }
        free(tensor);
        free(folder);
}

static void test_mutants_are_read_as_they_were_or_refused_in_a_line(void **state)
{
        (void)state;
        uint64_t random = 2026;
        struct tally tally[3] = {{0, 0}};
        const size_t n = n_mutants() / 8;
        for (int fields = 0; fields < 2; fields++) {
                struct weights *weights = weights_lab_make(fields);
                char *text = weights_lab_text(weights);
                assert_null(weights_write(in("good.h5"), weights, &weights_lab_provenance));
                struct weights_lab_bytes hdf5 = weights_lab_load(in("good.h5"));
                struct weights_lab_bytes safetensors = weights_lab_safetensors(weights, text);
                try_file("mutant.h5", &hdf5, weights, n, &random, &tally[0]);
                try_file("mutant.safetensors", &safetensors, weights, n, &random, &tally[1]);
                try_folder(weights, text, 2 * n, &random, &tally[2]);
                free(hdf5.bytes);
                free(safetensors.bytes);
                free(text);
                weights_free(weights);
        }
        for (int i = 0; i < 3; i++) {
                print_message("%s: %zu refused, %zu read\n",
                              i == 0   ? "HDF5"
                              : i == 1 ? "safetensors"
                                       : "npy",
                              tally[i].refused, tally[i].read);
                assert_true(tally[i].refused > (tally[i].read + tally[i].refused) / 2);
        }
}

/* ---- sealed again ---- */

static void seal(struct mutant *mutant)
{
        struct sha256 sha;
        char hex[65], line[SEAL_BYTES + 8];
        sha256_begin(&sha);
        sha256_add(&sha, mutant->bytes, mutant->n);
        sha256_end(&sha, hex);
        snprintf(line, sizeof line, "sculptor seal 1 sha256 %s size %016zu\n", hex, mutant->n);
        memcpy(mutant->bytes + mutant->n, line, SEAL_BYTES);
        mutant->n += SEAL_BYTES;
}

/* In a process of its own, for 5 s at most. */
static int status_of_reading(const char *path)
{
        int status;
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
                struct weights *weights;
                alarm(5);
                const char *why = weights_read(path, &weights);
                _exit(why ? (strpbrk(why, "\n\r") ? 3 : 1) : 0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        return status;
}

static void test_mutants_sealed_again_do_not_crash(void **state)
{
        (void)state;
        static struct mutant mutant;
        uint64_t random = 42;
        size_t read = 0, refused = 0, fallen = 0;
        struct weights *weights = weights_lab_make(false);
        assert_null(weights_write(in("good.h5"), weights, &weights_lab_provenance));
        struct weights_lab_bytes good = weights_lab_load(in("good.h5"));
        good.n -= SEAL_BYTES;
        for (size_t i = 0; i < n_mutants() / 5; i++) {
                make(&mutant, &good, &random);
                mutant.n = mutant.n > ROOM - SEAL_BYTES ? ROOM - SEAL_BYTES : mutant.n;
                seal(&mutant);
                weights_lab_store(in("sealed.h5"), mutant.bytes, mutant.n);
                const int status = status_of_reading(in("sealed.h5"));
                read += status == 0;
                refused += WIFEXITED(status) && WEXITSTATUS(status) == 1;
                if (!WIFEXITED(status) || WEXITSTATUS(status) > 1) {
                        print_error("mutant %zu: status %#x\n", i, (unsigned)status);
                        fallen++;
                }
        }
        print_message("sealed again: %zu refused, %zu read\n", refused, read);
        assert_int_equal(fallen, 0);
        free(good.bytes);
        weights_free(weights);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_mutants_are_read_as_they_were_or_refused_in_a_line),
                cmocka_unit_test(test_mutants_sealed_again_do_not_crash),
        };
        return cmocka_run_group_tests(tests, weights_lab_begin, weights_lab_end);
}
