/* Wrong content of fields' weights under a right seal, made through HDF5 itself, so that its parser is not what is
 * tested: each mistake is told, and of random ones what is read is within its ranges all the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "io/hdf5_tools.h"
#include "weights_lab.h"

#define in weights_lab_in

enum { SEAL_BYTES = 110 };

enum edit_kind { NUMBERS, TEXT, NO_ATTRIBUTE, ARRAY, NO_LINK, VALUE };

struct edit {
        enum edit_kind kind;
        const char *name; /* an attribute ("normalisation/x": of the group), or an array's path */
        size_t n;         /* values; of an array its rank, the values being its shape */
        double value[4];
        const char *text, *expected; /* TEXT's; a part of the reason */
};

static void apply(hid_t file, const struct edit *edit)
{
        const char *slash = edit->kind <= NO_ATTRIBUTE ? strchr(edit->name, '/') : NULL,
                   *name = slash ? slash + 1 : edit->name;
        hid_t object = H5(H5Oopen(file, slash ? "normalisation" : "/", H5P_DEFAULT));
        if (edit->kind <= NO_ATTRIBUTE && H5Aexists(object, name) > 0)
                H5(H5Adelete(object, name));
        if (edit->kind == NUMBERS)
                hdf5_put_reals(object, name, edit->value, edit->n);
        else if (edit->kind == TEXT)
                hdf5_put_text(object, name, edit->text);
        if (edit->kind == ARRAY || edit->kind == NO_LINK) {
                if (H5Lexists(file, edit->name, H5P_DEFAULT) > 0)
                        H5(H5Ldelete(file, edit->name, H5P_DEFAULT));
                hsize_t shape[4] = {0}, size = 1;
                for (size_t i = 0; edit->kind == ARRAY && i < edit->n; i++)
                        size *= shape[i] = (hsize_t)edit->value[i];
                double *zeros = allocate((size_t)size + 1, sizeof *zeros);
                if (edit->kind == ARRAY)
                        hdf5_put_array(file, edit->name, H5T_IEEE_F32LE, H5T_NATIVE_DOUBLE, (int)edit->n, shape, zeros);
                free(zeros);
        } else if (edit->kind == VALUE) {
                hid_t set = H5(H5Dopen2(file, edit->name, H5P_DEFAULT)), space = H5(H5Dget_space(set));
                const size_t n = (size_t)H5Sget_simple_extent_npoints(space);
                double *values = allocate(n + 1, sizeof *values);
                H5(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values));
                values[n / 2] = edit->value[0];
                H5(H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values));
                free(values);
                H5Sclose(space);
                H5Dclose(set);
        }
        H5Oclose(object);
}

/* A copy of good.h5 at edited.h5 with this edit (NULL: none), sealed again. */
static void edit_file(const struct edit *edit)
{
        struct weights_lab_bytes bytes = weights_lab_load(in("good.h5"));
        weights_lab_store(in("edited.h5"), bytes.bytes, bytes.n - SEAL_BYTES);
        free(bytes.bytes);
        hdf5_begin();
        hid_t file = H5(H5Fopen(in("edited.h5"), H5F_ACC_RDWR, H5P_DEFAULT));
        if (edit)
                apply(file, edit);
        H5(H5Fclose(file));
        if (hdf5_failure())
                print_error("%s\n", hdf5_failure());
        assert_null(hdf5_failure());
        char hex[65];
        assert_null(file_digest(in("edited.h5"), hex));
        FILE *out = fopen(in("edited.h5"), "ab");
        fprintf(out, "sculptor seal 1 sha256 %s size %016ld\n", hex, ftell(out));
        assert_int_equal(fclose(out), 0);
}

#define NUMBER(name, value, expected)                                                                                  \
        {                                                                                                              \
                NUMBERS, name, 1, {value}, NULL, expected                                                              \
        }

static void test_each_mistake_of_fields_is_told(void **state)
{
        (void)state;
        static const struct edit of_fields[] = {
                NUMBER("n_dim", 2, "a network spectral of particles"),
                {NUMBERS, "cells", 2, {8, 0}, NULL, "cells are 0 along axis 1"},
                {NUMBERS, "cells", 2, {16.5, 16}, NULL, "cells are 16.5 along axis 0"},
                {NUMBERS, "cells", 2, {1e300, 16}, NULL, "cells are 1e+300 along axis 0"},
                {NUMBERS, "cells", 2, {1048576, 1048576}, NULL, "more than 2^36"},
                {NUMBERS, "cells", 4, {8, 8, 8, 8}, NULL, "cells is not 2 to 3 numbers"},
                {NUMBERS, "cells", 3, {8, 8, 8}, NULL, "box_size is not 3 to 3 numbers"},
                {NO_ATTRIBUTE, "cells", 0, {0}, NULL, "cells is not there"},
                {NUMBERS, "box_size", 2, {16, -1}, NULL, "box_size is -1 along axis 1"},
                {NUMBERS, "box_size", 2, {16, NAN}, NULL, "box_size is not finite"},
                {VALUE, "normalisation/wavenumber", 0, {9}, NULL, "normalisation/wavenumber[2] is 0.7, not above"},
                {VALUE, "normalisation/wavenumber", 0, {-1}, NULL, "normalisation/wavenumber[1] is -1, not above"},
                {ARRAY, "normalisation/wavenumber", 1, {2}, NULL, "normalisation/wavenumber has 2 along axis 0"},
                {ARRAY, "normalisation/variance", 2, {3, 1}, NULL, "normalisation/variance has 2 dimensions"},
                {NO_LINK, "normalisation/wavenumber", 0, {0}, NULL, "wavenumber"},
                NUMBER("normalisation/zero_variance", -1, "zero_variance is -1"),
                {NO_ATTRIBUTE,
                 "normalisation/zero_variance",
                 0,
                 {0},
                 NULL,
                 "zero_variance of normalisation is not there"}};
        struct weights *weights = weights_lab_make(true), *found;
        assert_null(weights_write(in("good.h5"), weights, &weights_lab_provenance));
        edit_file(NULL); /* seals as the program does */
        assert_null(weights_read(in("edited.h5"), &found));
        assert_true(weights_lab_same(weights, found));
        weights_free(found);
        for (size_t i = 0; i < sizeof of_fields / sizeof *of_fields; i++) {
                edit_file(&of_fields[i]);
                const char *why = weights_read(in("edited.h5"), &found);
                assert_null(found);
                if (!why || !strstr(why, of_fields[i].expected) || strchr(why, '\n'))
                        fail_msg("\"%s\" does not say \"%s\" in a line", why ? why : "(nothing)",
                                 of_fields[i].expected);
        }
        weights_free(weights);
}

/* A stream of whole numbers for this mutant. */
struct dice { uint32_t mutant, at; };

static size_t below(struct dice *dice, size_t n)
{
        const uint32_t counter[4] = {dice->mutant, dice->at++, 0, 0}, key[2] = {1, 2};
        uint32_t out[4];
        philox4x32_10(counter, key, out);
        return out[0] % n;
}

static struct edit random_edit(struct dice *dice)
{
        static const char *const attributes[] = {
                "weights_format", "n_dim",          "cells",   "box_size",       "sigma_min",
                "sigma_max",      "training_steps", "network", "weights_sha256", "normalisation/zero_variance"};
        static const char *const arrays[] = {"tensors/filters",        "tensors/weight",          "tensors/bias",
                                             "tensors/amplitude",      "tensors/other",           "normalisation/mean",
                                             "normalisation/variance", "normalisation/wavenumber"};
        static const char *const texts[] = {"",
                                            "type: mlp",
                                            "type: spectral\nchannels: 64\nbins: 256",
                                            "{",
                                            "- 1",
                                            "&a [*a]",
                                            "type: spectral\ntype: mlp",
                                            "\xff\xfe",
                                            "type: unet",
                                            "type: spectral"};
        static const double numbers[] = {0,   -1,    1,      2,      0.5,          3,   16,
                                         1e9, 1e300, -1e300, 5e-324, 4294967296.0, NAN, INFINITY};
        struct edit edit = {.kind = (enum edit_kind)below(dice, 6)};
        edit.name = edit.kind <= NO_ATTRIBUTE ? attributes[below(dice, 10)] : arrays[below(dice, 8)];
        if (edit.kind == VALUE && strcmp(edit.name, "tensors/other") == 0)
                edit.name = "tensors/weight";
        edit.text = texts[below(dice, 10)];
        edit.n = 1 + below(dice, 4);
        for (size_t i = 0; i < edit.n; i++)
                edit.value[i] = edit.kind == ARRAY ? (double)below(dice, 5)
                                                   : numbers[below(dice, sizeof numbers / sizeof *numbers)];
        return edit;
}

static void assert_within_ranges(const struct weights *found, const struct weights *original)
{
        assert_true(found->sigma_min > 0 && found->sigma_max > found->sigma_min && isfinite(found->sigma_max));
        assert_string_equal(found->digest, original->digest);
        assert_int_equal(found->n_parameters, original->n_parameters);
        for (size_t i = 0; i < found->normalisation.n_variance; i++)
                assert_true(found->normalisation.variance[i] > 0 && isfinite(found->normalisation.variance[i]));
        assert_true(found->n_dim == 0 && found->mesh.cells.n == found->mesh.box_size.n &&
                    isfinite(*found->normalisation.mean));
        for (size_t i = 0; i < found->mesh.cells.n; i++)
                assert_true(found->mesh.cells.value[i] >= 2 && found->mesh.box_size.value[i] > 0);
}

static void test_random_mistakes_are_refused_or_within_ranges(void **state)
{
        (void)state;
        const char *thorough = getenv("SCULPTOR_LONG");
        const uint32_t n = thorough && *thorough && strcmp(thorough, "0") != 0 ? 5000 : 300;
        struct weights *weights = weights_lab_make(true), *found;
        assert_null(weights_write(in("good.h5"), weights, &weights_lab_provenance));
        uint32_t refused = 0;
        for (uint32_t mutant = 0; mutant < n; mutant++) {
                struct dice dice = {.mutant = mutant};
                const struct edit edit = random_edit(&dice);
                edit_file(&edit);
                const char *why = weights_read(in("edited.h5"), &found);
                refused += why != NULL;
                if (why && (strpbrk(why, "\n\r") || !*why))
                        fail_msg("mutant %u: \"%s\" is not one line", mutant, why);
                if (!why)
                        assert_within_ranges(found, weights);
                weights_free(found);
        }
        assert_true(refused >= n / 2 && refused < n);
        weights_free(weights);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_mistake_of_fields_is_told),
                cmocka_unit_test(test_random_mistakes_are_refused_or_within_ranges),
        };
        return cmocka_run_group_tests(tests, weights_lab_begin, weights_lab_end);
}
