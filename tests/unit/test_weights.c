#define _GNU_SOURCE /* memmem */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/sealed_file.h"
#include "weights_lab.h"

#define in weights_lab_in

static void assert_says(const char *why, const char *part)
{
        if (!why || !strstr(why, part) || strchr(why, '\n'))
                fail_msg("\"%s\" does not say \"%s\" in a line", why ? why : "(nothing)", part);
}

static void assert_refused(const char *path, const char *part)
{
        struct weights *weights;
        const char *why = weights_read(path, &weights);
        assert_says(why, part);
        assert_null(weights);
        assert_non_null(strstr(why, path));
}

/* ---- round trips ---- */

static void test_weights_read_back_from_every_layout(void **state)
{
        (void)state;
        for (int fields = 0; fields < 2; fields++) {
                struct weights *weights = weights_lab_make(fields), *read[3];
                const char *paths[] = {in("a.h5"), in("a.safetensors"), in(fields ? "fields" : "particles")};
                char *text = weights_lab_text(weights), hex[3][65];
                assert_null(weights_write(paths[0], weights, &weights_lab_provenance));
                struct weights_lab_bytes file = weights_lab_safetensors(weights, text);
                weights_lab_store(paths[1], file.bytes, file.n);
                weights_lab_put_npy(paths[2], weights, text);
                for (int i = 0; i < 3; i++) {
                        const char *why = weights_read(paths[i], &read[i]);
                        assert_string_equal(why ? why : "", "");
                        assert_true(weights_lab_same(read[i], weights));
                        assert_null(payload_hash(paths[i], hex[i]));
                        assert_string_equal(hex[i], hex[0]);
                        weights_free(read[i]);
                }
                free(text);
                free(file.bytes);
                weights_free(weights);
        }
}

static void test_sha256_may_be_unknown(void **state)
{
        (void)state;
        struct weights *weights = weights_lab_make(false), *read;
        char *text = weights_lab_text(weights);
        strcpy(strstr(text, "sha256: ") + 8, "unknown\n");
        weights_lab_put_npy(in("unknown"), weights, text);
        assert_null(weights_read(in("unknown"), &read));
        assert_true(weights_lab_same(read, weights));
        weights_free(read);
        free(text);
        weights_free(weights);
}

/* Every half-precision number, as float(half): the exponent moves from bias 15 to 127, denormals become normal. */
static void test_other_numbers_are_converted_exactly(void **state)
{
        (void)state;
        struct weights *weights = weights_lab_make(false), *read;
        char *text = weights_lab_text(weights);
        strcpy(strstr(text, "sha256: ") + 8, "unknown\n");
        weights_lab_put_npy(in("numbers"), weights, text);
        const struct {
                const char *descr;
                size_t bytes;
                uint64_t bits;
                double value;
        } cases[] = {{"<f2", 2, 0x3c00, 1},
                     {"<f2", 2, 0xc248, -3.140625},
                     {"<f2", 2, 0x0001, 0x1p-24},
                     {"<f2", 2, 0x83ff, -1023 * 0x1p-24},
                     {"<f2", 2, 0x7bff, 65504},
                     {"<f2", 2, 0x0400, 0x1p-14},
                     {"<f8", 8, 0x3ff8000000000000, 1.5},
                     {"<f8", 8, 0xbfb999999999999a, (double)-0.1f}};
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                unsigned char file[128 + 16] = "";
                int n = snprintf((char *)file, 128,
                                 "\x93NUMPY%c%cv%c{'shape': (2,), 'descr': '%s', 'fortran_order': False}", 1, 1, 1,
                                 cases[i].descr);
                memset(file + n, ' ', 128 - (size_t)n);
                file[7] = 0;
                file[9] = 0;
                memcpy(file + 128, &cases[i].bits, cases[i].bytes);
                memcpy(file + 128 + cases[i].bytes, &cases[i].bits, cases[i].bytes);
                weights_lab_store(in("numbers/layer_2.bias.npy"), file, 128 + 2 * cases[i].bytes);
                const char *why = weights_read(in("numbers"), &read);
                assert_string_equal(why ? why : "", "");
                for (size_t k = 1; k < 3; k++)
                        assert_true((double)read->theta[read->n_parameters - k] == cases[i].value);
                weights_free(read);
        }
        free(text);
        weights_free(weights);
}

/* ---- refusals ---- */

struct edit { const char *from, *to, *says; };

/* The first `from` in text of n bytes replaced; the caller frees. */
static struct weights_lab_bytes edited(const char *text, size_t n, const struct edit *edit)
{
        const char *at = memmem(text, n, edit->from, strlen(edit->from));
        assert_non_null(at);
        const size_t before = (size_t)(at - text), from = strlen(edit->from), to = strlen(edit->to);
        struct weights_lab_bytes result = {allocate(n + to + 1, 1), n - from + to};
        memcpy(result.bytes, text, before);
        memcpy(result.bytes + before, edit->to, to);
        memcpy(result.bytes + before + to, at + from, n - before - from);
        return result;
}

static void test_each_mistake_of_the_text_is_told(void **state)
{
        (void)state;
        static const struct edit particles[] = {
                {"weights_format: 1", "weights_format: 2", "weights_format"},
                {"weights_format: 1", "weights_forma: 1", "weights_forma"},
                {"type: mlp", "type: mpl", "mlp"},
                {"type: mlp", "type: spectral", "not of spectral"},
                {"width: 3", "width: 4", "layer_0.weight has 3 along axis 0, where the architecture has 4"},
                {"width: 3", "width: 0", "width"},
                {"layers: 2", "layers: 3", "layer_2.weight has 2 along axis 0, where the architecture has 3"},
                {"layers: 2", "layers: 1", "layer_1.weight has 3 along axis 0, where the architecture has 2"},
                {"n_dim: 2", "n_dim: 65", "mean: 2 numbers, where 65 are wanted"},
                {"n_dim: 2", "n_dim: 0", "give n_dim, or of fields 2 or 3 numbers for cells"},
                {"n_dim: 2", "cells: [4, 4]\nn_dim: 2", "cells, box_size and wavenumber are of fields"},
                {"mean: [0.5", "mean: [0.5, 1", "mean: 3 numbers, where 2 are wanted"},
                {"mean: [0.5", "mean: [.inf", "mean[0]"},
                {"variance: [0.29999999999999999", "variance: [0", "variance"},
                {"variance: [0.29999999999999999", "variance: [1, 1", "variance: 2 numbers, where 1 are wanted"},
                {"sigma_min: 0.01", "sigma_min: 4",
                 "sigma_min 4 and sigma_max 3.33333 are not 0 < sigma_min < sigma_max"},
                {"sigma_min: 0.01", "sigma_min: -1", "sigma_min"},
                {"sigma_min: 0.01", "sigma_min: 0.02", "sha256 is not that of this text and its tensors"},
                {"training_steps: 1234567890123", "training_steps: 1.5", "training_steps"},
                {"sha256: ", "sha256: 0", "sha256 is not that of this text and its tensors"},
                {"sha256: ", "# sha256: ", "sha256"},
                {"\nsha256: ", "\nsha256: unknown\n#", "sha256 must be the last line"},
                {"n_dim: 2", "n_dim: &a 2", "anchor"},
        };
        static const struct edit fields[] = {
                {"type: spectral", "type: mlp", "not of mlp"},
                {"cells: [8, 6]", "cells: [8]", "2 or 3 numbers for cells"},
                {"cells: [8, 6]", "cells: [8, 1]", "cells are 1 along axis 1"},
                {"cells: [8, 6]", "cells: [8, 6.5]", "cells are 6.5 along axis 1"},
                {"box_size: [4, 3.5]", "box_size: [4, 0]", "box_size is 0 along axis 1"},
                {"box_size: [4, 3.5]", "box_size: [4, 3.5, 3]", "2 or 3 numbers for cells and for box_size"},
                {"wavenumber: [0.10000000000000001", "wavenumber: [0.3", "normalisation/wavenumber[1] is 0.2"},
                {"wavenumber: [0.10000000000000001, ", "wavenumber: [", "variance: 3 numbers, where 2 are wanted"},
                {"zero_variance: 0.25", "zero_variance: 0", "zero_variance is 0, not above 0"},
                {"mean: [0.5]", "mean: [0.5, 0.5]", "mean: 2 numbers, where 1 are wanted"},
                {"channels: 2", "channels: 3", "filters has 2 along axis 0, where the architecture has 3"},
        };
        for (int of_fields = 0; of_fields < 2; of_fields++) {
                struct weights *weights = weights_lab_make(of_fields);
                char *text = weights_lab_text(weights);
                char *folder = format_text("%s/refused_%d", weights_lab_place, of_fields);
                char *file = format_text("%s/weights.yaml", folder);
                weights_lab_put_npy(folder, weights, text);
                const struct edit *edits = of_fields ? fields : particles;
                const size_t n = of_fields ? sizeof fields / sizeof *fields : sizeof particles / sizeof *particles;
                for (size_t i = 0; i < n; i++) {
                        struct weights_lab_bytes wrong = edited(text, strlen(text), &edits[i]);
                        weights_lab_store(file, wrong.bytes, wrong.n);
                        assert_refused(folder, edits[i].says);
                        free(wrong.bytes);
                }
                free(file);
                free(folder);
                free(text);
                weights_free(weights);
        }
}

static void test_each_mistake_of_a_npy_file_is_told(void **state)
{
        (void)state;
        struct weights *weights = weights_lab_make(false);
        char *text = weights_lab_text(weights), *file = format_text("%s/mistakes/layer_0.bias.npy", weights_lab_place);
        static const struct edit edits[] = {
                {"NUMPY", "NUMPI", "is no .npy file"},
                {"NUMPY\1", "NUMPY\4", "version 4.0"},
                {"'<f4'", "'>f4'", "descr that is none of <f4, <f8, <f2"},
                {"'<f4'", "'|O'", "descr that is none of <f4, <f8, <f2"},
                {"False", "True ", "Fortran's order"},
                {"False", "Maybe", "fortran_order that is neither"},
                {"(3,)", "(4,)", "does not have the bytes of its shape and type"},
                {"(3,), }", "(1,3) }", "has 2 dimensions, where the architecture has 1"},
                {"(3,)", "(3 )", "shape that is not"},
                {"(3,)", "(-3,)", "shape that is not"},
                {"(3,), }", "(3,),9}", "no dictionary"},
                {", 'shape': (3,), }", "}                  ", "lacks one of"},
                {"'fortran_order': False", "'descr': '<f4'        ", "or one twice"},
                {", } ", ", }}", "goes on after its dictionary"},
                {"v", "\xff", "a header of 255 bytes is longer than the file"},
        };
        weights_lab_put_npy(in("mistakes"), weights, text);
        struct weights_lab_bytes right = weights_lab_load(file);
        for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
                struct weights_lab_bytes wrong = edited((char *)right.bytes, right.n, &edits[i]);
                weights_lab_store(file, wrong.bytes, wrong.n);
                assert_refused(in("mistakes"), edits[i].says);
                free(wrong.bytes);
        }
        weights_lab_store(file, right.bytes, right.n - 1);
        assert_refused(in("mistakes"), "cut short");
        const float nan_value = NAN;
        memcpy(right.bytes + right.n - 4, &nan_value, 4);
        weights_lab_store(file, right.bytes, right.n);
        assert_refused(in("mistakes"), "is not finite");
        unlink(file);
        assert_refused(in("mistakes"), "No such file");
        mkfifo(file, 0600);
        assert_refused(in("mistakes"), "it is not a file");
        weights_lab_put_npy(in("extra"), weights, text);
        weights_lab_store(in("extra/other\n.npy"), "", 0);
        assert_refused(in("extra"), "other?.npy is no tensor of this architecture");
        mkdir(in("empty"), 0700);
        assert_refused(in("empty"), "weights.yaml: No such file");
        free(right.bytes);
        free(file);
        free(text);
        weights_free(weights);
}

static void test_each_mistake_of_a_safetensors_file_is_told(void **state)
{
        (void)state;
        struct weights *weights = weights_lab_make(false);
        char *text = weights_lab_text(weights);
        struct weights_lab_bytes right = weights_lab_safetensors(weights, text);
        static const struct edit edits[] = {
                {"{\"__meta", "{\"__mata", "none of dtype, shape, data_offsets"},
                {"\"sculptor\"", "\"sculptur\"", "no text \"sculptor\""},
                {"\"format\"", "\"\\nvalid\"", NULL},
                {"\"format\"", "\"\\xvalid\"", "__metadata__ is not an object of texts"},
                {"\"format\"", "\"\\u0000a\"", "__metadata__ is not an object of texts"},
                {"{\"format\": \"pt\"", "{\"format\": 123 ", "__metadata__ is not an object of texts"},
                {"\"format\": \"pt\", ", "\"sculptor\": \"\",", "sculptor twice"},
                {"layer_0.weight", "layer_0.height", "layer_0.weight is not there"},
                {"layer_0.weight", "layer_\\u0031.weight", "layer_1.weight is there twice"},
                {"layer_0.weight", "layer_1.weight", "layer_1.weight is there twice"},
                {"layer_0.weight", "a\\nb\\nc\\nd\\n..", "layer_0.weight is not there"},
                {"\"F32\"", "\"F16\"", "data_offsets that do not fit"},
                {"\"F32\"", "\"I32\"", "dtype that is none of"},
                {"\"dtype\"", "\"shape\"", "shape that is not"},
                {"\"shape\": [3, 5]", "\"shape\": [5, 3]", "has 5 along axis 0, where the architecture has 3"},
                {"\"shape\": [3, 5]", "\"shape\": [-3,5]", "shape that is not"},
                {"\"shape\": [3, 5]", "\"shape\": [ 03,5", "shape that is not"},
                {"\"data_offsets\": [", "\"data_offsets\": ]", "data_offsets that are not"},
                {"}}   ", "},}   ", "header is not JSON, or has a name"},
                {"}   ", "}  x", "its header goes on after its JSON"},
        };
        for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
                struct weights_lab_bytes wrong = edited((char *)right.bytes, right.n, &edits[i]);
                struct weights *read = NULL;
                const uint64_t header = *(uint64_t *)right.bytes + wrong.n - right.n;
                memcpy(wrong.bytes, &header, sizeof header);
                weights_lab_store(in("wrong.safetensors"), wrong.bytes, wrong.n);
                if (edits[i].says) {
                        assert_refused(in("wrong.safetensors"), edits[i].says);
                } else {
                        assert_null(weights_read(in("wrong.safetensors"), &read));
                        weights_free(read);
                }
                free(wrong.bytes);
        }
        weights_lab_store(in("wrong.safetensors"), right.bytes, right.n - 1);
        assert_refused(in("wrong.safetensors"), "cut short");
        right.bytes[right.n] = 0; /* a byte that load() or the stream keeps behind */
        weights_lab_store(in("wrong.safetensors"), right.bytes, right.n + 1);
        assert_refused(in("wrong.safetensors"), "bytes of no tensor");
        free(right.bytes);
        free(text);
        weights_free(weights);
}

/* ---- HDF5 made to do harm, with a right seal ---- */

struct harm { const struct weights *weights; int which; };

static void replace_real(hid_t file, const char *name, double value)
{
        H5(H5Adelete(file, name));
        hdf5_put_real(file, name, value);
}

static hid_t drop_and_open(hid_t file, const char *group, const char *name)
{
        hid_t opened = H5(H5Gopen2(file, group, H5P_DEFAULT));
        H5(H5Ldelete(opened, name, H5P_DEFAULT));
        return opened;
}

static void put_doubles(hid_t file, const char *group, const char *name, int rank, const hsize_t *shape,
                        const double *value)
{
        hid_t opened = drop_and_open(file, group, name);
        hdf5_put_array(opened, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, rank, shape, value);
        H5Gclose(opened);
}

static void put_elsewhere(hid_t file)
{
        const hsize_t shape[1] = {3};
        hid_t group = drop_and_open(file, "tensors", "layer_0.bias");
        hid_t space = H5(H5Screate_simple(1, shape, NULL)), creation = H5(H5Pcreate(H5P_DATASET_CREATE));
        H5(H5Pset_external(creation, "/etc/passwd", 0, 12));
        H5Dclose(H5(H5Dcreate2(group, "layer_0.bias", H5T_IEEE_F32LE, space, H5P_DEFAULT, creation, H5P_DEFAULT)));
        H5Pclose(creation);
        H5Sclose(space);
        H5Gclose(group);
}

static void put_text_array(hid_t file)
{
        const hsize_t shape[1] = {3};
        hid_t group = drop_and_open(file, "tensors", "layer_0.bias"), space = H5(H5Screate_simple(1, shape, NULL));
        hid_t type = H5(H5Tcopy(H5T_C_S1));
        H5(H5Tset_size(type, H5T_VARIABLE));
        H5Dclose(H5(H5Dcreate2(group, "layer_0.bias", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
        H5Tclose(type);
        H5Sclose(space);
        H5Gclose(group);
}

static void put_huge(hid_t file)
{
        const hsize_t shape[1] = {(hsize_t)1 << 50}, chunk[1] = {16};
        hid_t group = drop_and_open(file, "tensors", "layer_0.bias"), space = H5(H5Screate_simple(1, shape, NULL));
        hid_t creation = H5(H5Pcreate(H5P_DATASET_CREATE));
        H5(H5Pset_chunk(creation, 1, chunk));
        H5Dclose(H5(H5Dcreate2(group, "layer_0.bias", H5T_IEEE_F32LE, space, H5P_DEFAULT, creation, H5P_DEFAULT)));
        H5Pclose(creation);
        H5Sclose(space);
        H5Gclose(group);
}

static void link_elsewhere(hid_t file)
{
        hid_t group = drop_and_open(file, "tensors", "layer_0.bias");
        H5(H5Lcreate_external("/etc/passwd", "x", group, "layer_0.bias", H5P_DEFAULT, H5P_DEFAULT));
        H5Gclose(group);
}

static void put_more(hid_t file)
{
        const hsize_t shape[1] = {1};
        const float value = 1;
        hid_t group = H5(H5Gopen2(file, "tensors", H5P_DEFAULT));
        hdf5_put_array(group, "more\n", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, 1, shape, &value);
        H5Gclose(group);
}

static const char *const harms[] = {
        "",
        "weights of format 7",
        "attribute network is not there",
        "attribute sigma_min is not there",
        "are not 0 < sigma_min < sigma_max",
        "sigma_max is not finite",
        "n_dim is 2.5, not a whole number",
        "attribute network is no text",
        "layer_0.bias",
        "tensors/more? is no tensor of this architecture",
        "normalisation/variance[0] is -1",
        "normalisation/mean has 3 along axis 0, where the architecture has 2",
        "keeps its values in another file",
        "does not hold real numbers",
        "has 1125899906842624 along axis 0, where the architecture has 3",
        "is a link to another file",
        "weights_sha256 is not that of its tensors",
        "attribute weights_sha256 is not there",
        "network, ",
        "is not finite",
        "has 2 dimensions, not 1",
        "normalisation/mean",
};

static void describe_harm(hid_t file, const void *owner)
{
        static const double three[] = {-1, 1, NAN};
        static const hsize_t shapes[] = {1, 1};
        static const hsize_t of_three[] = {3};
        const struct harm *harm = owner;
        weights_describe(file, harm->weights);
        switch (harm->which) {
        case 1:
                H5(H5Adelete(file, "weights_format"));
                hdf5_put_integer(file, "weights_format", 7);
                break;
        case 2:
                H5(H5Adelete(file, "network"));
                break;
        case 3:
                H5(H5Adelete(file, "sigma_min"));
                break;
        case 4:
                replace_real(file, "sigma_min", 100);
                break;
        case 5:
                replace_real(file, "sigma_max", INFINITY);
                break;
        case 6:
                replace_real(file, "n_dim", 2.5);
                break;
        case 7:
                H5(H5Adelete(file, "network"));
                hdf5_put_real(file, "network", 1);
                break;
        case 8:
                H5Gclose(drop_and_open(file, "tensors", "layer_0.bias"));
                break;
        case 9:
                put_more(file);
                break;
        case 10:
                put_doubles(file, "normalisation", "variance", 1, shapes, three);
                break;
        case 11:
                put_doubles(file, "normalisation", "mean", 1, of_three, three);
                break;
        case 12:
                put_elsewhere(file);
                break;
        case 13:
                put_text_array(file);
                break;
        case 14:
                put_huge(file);
                break;
        case 15:
                link_elsewhere(file);
                break;
        case 16:
                H5(H5Adelete(file, "weights_sha256"));
                hdf5_put_text(file, "weights_sha256", "0123");
                break;
        case 17:
                H5(H5Adelete(file, "weights_sha256"));
                break;
        case 18:
                H5(H5Adelete(file, "network"));
                hdf5_put_text(file, "network", "type: mlp\nwith: 3\n");
                break;
        case 19:
                put_doubles(file, "tensors", "layer_0.bias", 1, of_three, three);
                break;
        case 20:
                put_doubles(file, "normalisation", "variance", 2, shapes, three);
                break;
        case 21:
                H5Gclose(drop_and_open(file, "normalisation", "mean"));
                break;
        default:
                break;
        }
}

static void test_each_harm_in_a_sealed_file_is_told(void **state)
{
        (void)state;
        struct weights *weights = weights_lab_make(false), *read;
        for (int i = 0; i < (int)(sizeof harms / sizeof *harms); i++) {
                const struct harm harm = {weights, i};
                assert_null(sealed_file_write(in("harm.h5"), describe_harm, &harm));
                if (i > 0) {
                        assert_refused(in("harm.h5"), harms[i]);
                        continue;
                }
                assert_null(weights_read(in("harm.h5"), &read));
                weights_free(read);
        }
        weights_free(weights);
}

static void test_what_is_no_file_of_ours_is_refused(void **state)
{
        (void)state;
        struct weights *weights = weights_lab_make(false);
        assert_null(weights_write(in("b.h5"), weights, &weights_lab_provenance));
        struct weights_lab_bytes file = weights_lab_load(in("b.h5"));
        for (size_t n = 0; n < file.n; n += n + 200 < file.n ? 97 : 1) {
                weights_lab_store(in("short.h5"), file.bytes, n);
                assert_refused(in("short.h5"), n < 110 ? "too short" : "cut short");
        }
        assert_refused(in("nothing.h5"), "No such file");
        mkfifo(in("pipe"), 0600);
        assert_refused(in("pipe"), "not a file");
        struct weights *read;
        assert_says(weights_read("/dev/zero", &read), "not a file");
        free(file.bytes);
        weights_free(weights);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_weights_read_back_from_every_layout),
                cmocka_unit_test(test_sha256_may_be_unknown),
                cmocka_unit_test(test_other_numbers_are_converted_exactly),
                cmocka_unit_test(test_each_mistake_of_the_text_is_told),
                cmocka_unit_test(test_each_mistake_of_a_npy_file_is_told),
                cmocka_unit_test(test_each_mistake_of_a_safetensors_file_is_told),
                cmocka_unit_test(test_each_harm_in_a_sealed_file_is_told),
                cmocka_unit_test(test_what_is_no_file_of_ours_is_refused),
        };
        return cmocka_run_group_tests(tests, weights_lab_begin, weights_lab_end);
}
