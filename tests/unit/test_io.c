/* Files of one process: small parts, the run directory, and data sets of users made to do harm. */
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/disk.h"
#include "io/hdf5_file.h"
#include "io/path.h"
#include "sculptor/checkpoint.h"
#include "sculptor/files.h"
#include "sculptor/memory.h"
#include "sculptor/population.h"
#include "sculptor/series.h"
#include "sculptor/snapshot.h"
#include "sculptor/text.h"

static char place[] = "/tmp/sculptor-test-io-XXXXXX";

static char *in(const char *name)
{
        static char path[4][256]; /* a few at a time, so that two can be compared */
        static int next;
        next = (next + 1) % 4;
        snprintf(path[next], sizeof path[next], "%s/%s", place, name);
        return path[next];
}

static void assert_says(const char *why, const char *part)
{
        if (!why || !strstr(why, part))
                fail_msg("\"%s\" does not say \"%s\"", why ? why : "(nothing)", part);
}

/* ---- small parts ---- */

static void test_part_of_a_path_is_hidden_beside_it(void **state)
{
        (void)state;
        static const char *const paths[][3] = {{"a.h5", ".a.h5.part", "."},
                                               {"run/a.h5", "run/.a.h5.part", "run"},
                                               {"/a", "/.a.part", "/"},
                                               {"../x/y.z", "../x/.y.z.part", "../x"}};
        for (size_t i = 0; i < 4; i++) {
                char *part = path_part(paths[i][0]), *directory = path_directory(paths[i][0]);
                assert_string_equal(part, paths[i][1]);
                assert_string_equal(directory, paths[i][2]);
                free(part);
                free(directory);
        }
}

static void test_checksum_sees_every_flipped_bit_and_every_length(void **state)
{
        (void)state;
        unsigned char bytes[300];
        for (size_t i = 0; i < sizeof bytes; i++)
                bytes[i] = (unsigned char)(i * 37);
        uint64_t whole = disk_checksum(bytes, sizeof bytes);
        for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
                bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
                assert_int_not_equal(disk_checksum(bytes, sizeof bytes), whole);
                bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
        memset(bytes, 0, sizeof bytes);
        for (size_t n = 1; n < sizeof bytes; n++)
                assert_int_not_equal(disk_checksum(bytes, n), disk_checksum(bytes, n - 1));
}

static void test_text_is_whole_or_refused(void **state)
{
        (void)state;
        size_t length;
        const char *why = text_write_atomic(in("text"), "a line\n");
        assert_null(why);
        char *text = text_read_all(in("text"), 7, &length, &why);
        assert_string_equal(text, "a line\n");
        assert_int_equal(length, 7);
        free(text);
        assert_null(text_read_all(in("text"), 6, &length, &why));
        assert_says(why, "7 bytes are more than the 6 allowed");
        assert_null(text_read_all(in("nothing"), 6, &length, &why));
        assert_says(why, "No such file");
        assert_null(text_read_all(place, 6, &length, &why));
        assert_says(why, "a directory");
        assert_int_equal(mkfifo(in("pipe"), 0600), 0);
        assert_null(text_read_all(in("pipe"), 6, &length, &why));
        assert_says(why, "not a file");
        assert_says(text_write_atomic(in("no/such/place"), "x"), "No such file");
}

/* ---- the run directory ---- */

static void test_directory_is_made_with_parents_or_says_what_is_in_the_way(void **state)
{
        (void)state;
        assert_null(directory_make(in("runs/deep/er/")));
        assert_null(directory_make(in("runs/deep/er")));
        assert_null(text_write_atomic(in("runs/file"), "x"));
        assert_says(directory_make(in("runs/file")), "a file of that name");
        assert_says(directory_make(in("runs/file/below")), "a file of that name");
        assert_says(directory_make(""), "no name");
        assert_says(directory_make("/proc/sculptor"), "cannot make /proc/sculptor");
}

/* fcntl locks are a process's own, so another process must ask. */
static int lock_in_a_child(const char *path, char *said, size_t size)
{
        int pipes[2];
        if (pipe(pipes) != 0)
                return -1;
        pid_t child = fork();
        if (child == 0) {
                const char *why = directory_lock(path);
                if (why && write(pipes[1], why, strlen(why)) < 0)
                        _exit(3);
                _exit(why ? 1 : 0);
        }
        close(pipes[1]);
        ssize_t n = read(pipes[0], said, size - 1);
        said[n > 0 ? n : 0] = '\0';
        close(pipes[0]);
        int status = -1;
        waitpid(child, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_lock_is_one_process_alone_and_names_it(void **state)
{
        (void)state;
        char said[512], holder[64], *run = in("locked");
        assert_null(directory_make(run));
        assert_null(directory_lock(run));
        assert_int_equal(lock_in_a_child(run, said, sizeof said), 1);
        snprintf(holder, sizeof holder, "is in use by process %ld on ", (long)getpid());
        assert_says(said, holder);
        directory_unlock();
        assert_int_equal(lock_in_a_child(run, said, sizeof said), 0); /* and its end releases it */
        assert_null(directory_lock(run));
        directory_unlock();
}

static void touch(const char *path)
{
        int fd = open(path, O_WRONLY | O_CREAT, 0600);
        assert_true(fd >= 0);
        close(fd);
}

static void test_lock_cleans_parts_of_our_names_only(void **state)
{
        (void)state;
        static const char *const ours[] = {"parts/.snapshot_0001.h5.part", "parts/.checkpoint_000000000100_2.h5.part",
                                           "parts/.checkpoint_000000000100.manifest.part", "parts/.series.h5.part"};
        static const char *const theirs[] = {"parts/.download.part", "parts/snapshot_0001.h5", "parts/notes.part"};
        assert_null(directory_make(in("parts")));
        for (size_t i = 0; i < 4; i++)
                touch(in(ours[i]));
        for (size_t i = 0; i < 3; i++)
                touch(in(theirs[i]));
        assert_null(directory_lock(in("parts")));
        directory_unlock();
        for (size_t i = 0; i < 4; i++)
                assert_int_not_equal(access(in(ours[i]), F_OK), 0);
        for (size_t i = 0; i < 3; i++)
                assert_int_equal(access(in(theirs[i]), F_OK), 0);
}

static void test_set_aside_moves_our_files_only(void **state)
{
        (void)state;
        static const char *const ours[] = {"snapshot_0001.h5",
                                           "checkpoint_000000000100.h5",
                                           "checkpoint_000000000100.manifest",
                                           "series.h5",
                                           "parameters.txt",
                                           "sculptor.log"};
        char *moved_to = NULL;
        assert_null(directory_make(in("old")));
        touch(in("old/notes.txt"));
        assert_null(directory_set_aside(in("old"), &moved_to));
        assert_null(moved_to);
        for (int round = 1; round <= 2; round++) {
                char name[128];
                for (size_t i = 0; i < 6; i++) {
                        snprintf(name, sizeof name, "old/%s", ours[i]);
                        touch(in(name));
                }
                assert_null(directory_set_aside(in("old"), &moved_to));
                snprintf(name, sizeof name, "old/previous_%04d", round);
                assert_string_equal(moved_to, in(name));
                free(moved_to);
                for (size_t i = 0; i < 6; i++) {
                        snprintf(name, sizeof name, "old/previous_%04d/%s", round, ours[i]);
                        assert_int_equal(access(in(name), F_OK), 0);
                }
        }
        assert_int_equal(access(in("old/notes.txt"), F_OK), 0);
}

/* ---- series ---- */

static void test_series_file_holds_each_column_and_constant(void **state)
{
        (void)state;
        static const struct series_column columns[] = {
                {.name = "level", .rank = 0, .integer = true, .unit = "1", .help = "level"},
                {.name = "covariance", .rank = 2, .shape = {2, 3}, .unit = "x^2", .help = "covariance"}};
        static const double exact[2] = {1.5, -2.5};
        const struct series_constant constant = {
                .name = "exact", .rank = 1, .shape = {2}, .value = exact, .unit = "1", .help = "of the target"};
        struct series *series = series_create(columns, 2);
        series->constant = &constant;
        series->n_constants = 1;
        assert_int_equal(series->width, 7);
        assert_int_equal(series_offset(series, "covariance"), 1);
        assert_null(series_write(series, in("series.h5"), NULL)); /* before the first level, too */
        for (int level = 0; level < 40; level++) {
                double *row = series_append(series);
                row[0] = level;
                for (int i = 0; i < 5; i++)
                        row[1 + i] = level + 0.1 * i;
        }
        assert_null(series_write(series, in("series.h5"), NULL));

        hid_t file = H5Fopen(in("series.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
        hid_t set = H5Dopen2(file, "covariance", H5P_DEFAULT), levels = H5Dopen2(file, "level", H5P_DEFAULT);
        double covariance[40][2][3];
        int64_t level[40];
        assert_true(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, covariance) >= 0);
        assert_true(H5Dread(levels, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, level) >= 0);
        assert_true(covariance[39][1][1] == 39 + 0.1 * 4 && isnan(covariance[39][1][2]) && level[39] == 39);
        hid_t type = H5Dget_type(levels), whole = H5Dopen2(file, "exact", H5P_DEFAULT);
        assert_true(H5Tget_class(type) == H5T_INTEGER && H5Aexists(set, "units") > 0 &&
                    H5Aexists(set, "long_name") > 0);
        double found[2];
        assert_true(H5Dread(whole, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, found) >= 0);
        assert_memory_equal(found, exact, sizeof exact);
        H5Tclose(type), H5Dclose(set), H5Dclose(levels), H5Dclose(whole), H5Fclose(file);
        series_free(series);
}

/* ---- what a payload's hash is of ---- */

static void test_payload_hash_sees_state_and_place_but_not_dates_or_wall_time(void **state)
{
        (void)state;
        struct population *population = population_create(100, 2, false, 0);
        for (int i = 0; i < 100; i++)
                population->x[i / 64 * 128 + i % 64] = i;
        struct provenance provenance = {.version = "1", .parameters = "seed: 1\n", .machine = "a"};
        struct progress_mark mark = {.level = 1, .steps_done = 10, .wall_seconds = 1.0};
        char hex[4][65], *path = NULL;
        assert_null(directory_make(in("payload")));
        for (int i = 0; i < 4; i++) {
                if (i == 1) {
                        mark.wall_seconds = 99.0;
                        provenance.machine = "b";
                } else if (i == 2) {
                        mark.controller.accepted = 1;
                } else if (i == 3) {
                        mark.controller.accepted = 0;
                        population->x[63] = nextafter(63.0, 64.0);
                }
                assert_null(checkpoint_write(in("payload"), population, &mark, NULL, &provenance, NULL, 9, &path));
                assert_null(payload_hash(path, hex[i]));
                free(path);
        }
        assert_string_equal(hex[0], hex[1]);
        assert_string_not_equal(hex[0], hex[2]);
        assert_string_not_equal(hex[0], hex[3]);
        population_free(population);

        assert_says(payload_hash(in("nothing"), hex[0]), "No such file");
        assert_says(payload_hash(place, hex[0]), "a directory");
        assert_says(payload_hash(in("text"), hex[0]), "not an HDF5 file");
        assert_says(payload_hash(in("series.h5"), hex[0]), "no snapshot, checkpoint or weights file");
}

static void test_predicted_sizes_are_those_of_the_files(void **state)
{
        (void)state;
        const int64_t n = 50000, n_dim = 2;
        struct population *population = population_create(n, n_dim, true, 0);
        struct progress_mark mark = {.steps_done = 1};
        struct provenance provenance = {.version = "1", .parameters = "seed: 1\n"};
        struct snapshot snapshot = {
                .index = 1, .sigma = 1.0, .sigma_first = 2.0, .population = population, .provenance = &provenance};
        char *path = NULL;
        struct stat file;
        assert_null(directory_make(in("sizes")));
        assert_null(checkpoint_write(in("sizes"), population, &mark, NULL, &provenance, NULL, 1, &path));
        assert_null(snapshot_write(in("sizes"), &snapshot));
        assert_int_equal(stat(path, &file), 0);
        assert_true(fabs((double)file.st_size / (double)checkpoint_size(n, n_dim, 2) - 1.0) < 0.03);
        assert_int_equal(stat(in("sizes/snapshot_0001.h5"), &file), 0);
        assert_true(fabs((double)file.st_size / (double)snapshot_size(n, n_dim, 0) - 1.0) < 0.03);
        population_free(population);
        free(path);
}

/* ---- large files ---- */

enum { WIDE = 2, LAST = 10 };
static const int64_t many = 400000000; /* rows of two doubles: 6 GiB, of which all but the last rows are holes */

static void describe_many(hid_t file, const void *owner)
{
        (void)owner;
        const hsize_t shape[2] = {(hsize_t)many, WIDE};
        H5Dclose(hdf5_create_array(file, "rows", H5T_IEEE_F64LE, 2, shape));
        hdf5_put_text(file, "after", "the array");
}

static void fill_many(const void *owner, int64_t first, int64_t count, void *rows)
{
        (void)owner;
        for (int64_t i = 0; i < count * WIDE; i++)
                ((double *)rows)[i] = (double)(first * WIDE + i);
}

static void take_many(void *owner, int64_t first, int64_t count, const double *rows)
{
        int *n = owner;
        for (int64_t i = 0; i < count * WIDE; i++)
                *n += rows[i] == (double)(first * WIDE + i);
}

static void test_last_rows_of_a_file_beyond_4_gib_are_kept(void **state)
{
        (void)state;
        const char *thorough = getenv("SCULPTOR_LONG");
        if (!thorough || !*thorough)
                skip(); /* where /tmp is in memory, so are the holes */
        const struct population_slab slab = {
                .n_rows = many, .row_values = WIDE, .first = many - LAST, .count = LAST, .n_runs = 1};
        const struct file_array array = {.name = "rows", .slab = slab, .value_bytes = sizeof(double),
                                         .fill = fill_many};
        struct file_plan plan = {.path = in("large.h5"), .describe = describe_many, .array = &array, .n_arrays = 1};
        int n = 0;
        struct file_rows rows = {.path = plan.path,
                                 .name = "rows",
                                 .n_columns = WIDE,
                                 .slab = slab,
                                 .take = take_many,
                                 .owner = &n};
        const char *why = hdf5_file_write(&plan);
        if (why)
                fail_msg("%s", why);
        assert_null(hdf5_file_read_rows(&rows));
        assert_int_equal(n, LAST * WIDE);
}

/* ---- users' data sets ---- */

static void put(hid_t file, const char *name, hid_t type, int rank, const hsize_t *shape, hid_t creation,
                const void *data)
{
        hid_t space = H5Screate_simple(rank, shape, NULL);
        hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
        if (data)
                H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
        H5Dclose(set);
        H5Sclose(space);
}

static void test_data_sets_are_read_by_rows_whatever_their_real_type(void **state)
{
        (void)state;
        const float singles[3][2] = {{1, 2}, {3, 4}, {5, 6}};
        const int16_t wholes[3] = {7, 8, 9};
        const double bad[3] = {1, NAN, 3};
        const hsize_t two[2] = {3, 2}, one[1] = {3}, chunk[2] = {2, 2};
        hid_t file = H5Fcreate(in("data.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        hid_t packed = H5Pcreate(H5P_DATASET_CREATE),
              group = H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        H5Pset_chunk(packed, 2, chunk);
        H5Pset_deflate(packed, 1);
        put(file, "singles", H5T_NATIVE_FLOAT, 2, two, H5P_DEFAULT, singles);
        put(file, "packed", H5T_NATIVE_FLOAT, 2, two, packed, singles);
        put(group, "wholes", H5T_NATIVE_INT16, 1, one, H5P_DEFAULT, wholes);
        put(file, "bad", H5T_NATIVE_DOUBLE, 1, one, H5P_DEFAULT, bad);
        H5Gclose(group), H5Pclose(packed), H5Fclose(file);

        struct dataset_shape shape;
        double rows[6];
        const char *const names[] = {"singles", "packed"};
        for (int i = 0; i < 2; i++) {
                assert_null(dataset_inspect(in("data.h5"), names[i], &shape));
                assert_true(shape.n_rows == 3 && shape.n_columns == 2);
                assert_null(dataset_read_rows(in("data.h5"), names[i], 1, 2, rows));
                assert_true(rows[0] == 3 && rows[3] == 6);
        }
        assert_null(dataset_inspect(in("data.h5"), "group/wholes", &shape));
        assert_true(shape.n_rows == 3 && shape.n_columns == 1);
        assert_null(dataset_read_rows(in("data.h5"), "/group/wholes", 2, 1, rows));
        assert_true(rows[0] == 9);
        assert_says(dataset_read_rows(in("data.h5"), "bad", 0, 3, rows), "row 1, column 0 is not finite");
        assert_null(dataset_read_rows(in("data.h5"), "bad", 2, 1, rows));
        assert_says(dataset_read_rows(in("data.h5"), "bad", 2, 2, rows), "has 3 rows");
        assert_says(dataset_read_rows(in("data.h5"), "bad", -1, 2, rows), "has 3 rows");
        assert_says(dataset_read_rows(in("data.h5"), "bad", INT64_MAX, INT64_MAX, rows), "has 3 rows");
        assert_says(dataset_inspect(in("data.h5"), "sungles", &shape), "it has: bad, packed, singles");
        assert_says(dataset_inspect(in("data.h5"), "group", &shape), "not a data set");
        assert_says(dataset_inspect(in("data.h5"), "", &shape), "");
}

static void make_hostile(hid_t file)
{
        const double values[8] = {1, 2, 3, 4, 5, 6, 7, 8};
        const hsize_t one[1] = {4}, three[3] = {2, 2, 2}, none[2] = {0, 2},
                      huge[2] = {(hsize_t)1 << 40, (hsize_t)1 << 40};
        const hsize_t chunk[1] = {(hsize_t)1 << 28};
        put(file, "cube", H5T_NATIVE_DOUBLE, 3, three, H5P_DEFAULT, values);
        put(file, "empty", H5T_NATIVE_DOUBLE, 2, none, H5P_DEFAULT, NULL);
        put(file, "unwritten", H5T_NATIVE_DOUBLE, 1, one, H5P_DEFAULT, NULL);

        hid_t text = H5Tcopy(H5T_C_S1), list = H5Tvlen_create(H5T_NATIVE_DOUBLE), pair = H5Tcreate(H5T_COMPOUND, 16);
        H5Tset_size(text, H5T_VARIABLE);
        H5Tinsert(pair, "a", 0, H5T_NATIVE_DOUBLE);
        H5Tinsert(pair, "b", 8, H5T_NATIVE_DOUBLE);
        put(file, "text", text, 1, one, H5P_DEFAULT, NULL);
        put(file, "list", list, 1, one, H5P_DEFAULT, NULL);
        put(file, "pair", pair, 1, one, H5P_DEFAULT, values);
        H5Tclose(text), H5Tclose(list), H5Tclose(pair);

        hid_t space = H5Screate(H5S_SCALAR);
        hid_t scalar = H5Dcreate2(file, "scalar", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        H5Dclose(scalar), H5Sclose(space);

        hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
        H5Pset_external(creation, "/etc/passwd", 0, 32);
        put(file, "external", H5T_NATIVE_DOUBLE, 1, one, creation, NULL);
        H5Pclose(creation);

        creation = H5Pcreate(H5P_DATASET_CREATE);
        space = H5Screate_simple(1, one, NULL);
        H5Pset_virtual(creation, space, "/etc/passwd", "x", space);
        put(file, "virtual", H5T_NATIVE_DOUBLE, 1, one, creation, NULL);
        H5Pclose(creation), H5Sclose(space);

        creation = H5Pcreate(H5P_DATASET_CREATE);
        H5Pset_chunk(creation, 1, chunk);
        H5Pset_alloc_time(creation, H5D_ALLOC_TIME_INCR);
        put(file, "huge-chunks", H5T_NATIVE_DOUBLE, 1, chunk, creation, NULL);
        H5Pclose(creation);

        creation = H5Pcreate(H5P_DATASET_CREATE);
        const hsize_t small[2] = {4, 4};
        H5Pset_chunk(creation, 2, small);
        put(file, "huge", H5T_NATIVE_DOUBLE, 2, huge, creation, NULL);
        H5Pset_filter(creation, 32015, H5Z_FLAG_OPTIONAL, 0, NULL); /* Zstandard's number */
        put(file, "filtered", H5T_NATIVE_DOUBLE, 2, small, creation, NULL);
        H5Pclose(creation);

        H5Lcreate_external("/tmp/other.h5", "x", file, "elsewhere", H5P_DEFAULT, H5P_DEFAULT);
        H5Lcreate_soft("/elsewhere", file, "detour", H5P_DEFAULT, H5P_DEFAULT);
        H5Lcreate_soft("/circle", file, "circle", H5P_DEFAULT, H5P_DEFAULT);
}

static void test_hostile_data_sets_are_refused_with_a_reason(void **state)
{
        (void)state;
        static const char *const refused[][2] = {{"cube", "3 dimensions"},
                                                 {"scalar", "0 dimensions"},
                                                 {"empty", "is empty"},
                                                 {"unwritten", "never written"},
                                                 {"text", "does not hold real numbers"},
                                                 {"list", "does not hold real numbers"},
                                                 {"pair", "does not hold real numbers"},
                                                 {"external", "keeps its values in another file"},
                                                 {"virtual", "virtual data set"},
                                                 {"huge-chunks", "chunks of more than 256 MiB"},
                                                 {"huge", "impossible size"},
                                                 {"filtered", "filter 32015"},
                                                 {"elsewhere", "a link to another file"},
                                                 {"detour", "a link to another file"},
                                                 {"circle", "has no data set"}};
        hid_t file = H5Fcreate(in("hostile.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        make_hostile(file);
        H5Fclose(file);
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
                struct dataset_shape shape;
                double row[8];
                assert_says(dataset_inspect(in("hostile.h5"), refused[i][0], &shape), refused[i][1]);
                assert_says(dataset_read_rows(in("hostile.h5"), refused[i][0], 0, 1, row), refused[i][1]);
        }
        struct dataset_shape shape;
        assert_says(dataset_inspect(in("nothing"), "x", &shape), "No such file");
        assert_says(dataset_inspect(place, "x", &shape), "a directory");
        assert_says(dataset_inspect(in("pipe"), "x", &shape), "not a file");
        assert_says(dataset_inspect(in("text"), "x", &shape), "not an HDF5 file");
}

/* A file cut short, or with a byte changed, may be refused or read, but in this process's own time and
 * memory. HDF5's parser is known to crash on some such files, so that each is looked at by a child: what
 * must not happen is that it hangs or fails in our code (under a sanitizer it would not die by a signal). */
static void test_damaged_files_never_hang(void **state)
{
        (void)state;
        size_t n;
        const char *why;
        char *bytes = text_read_all(in("data.h5"), 1 << 20, &n, &why);
        assert_non_null(bytes);
        for (size_t round = 0; round < 60; round++) {
                size_t cut = round < 30 ? n * round / 30 : n, at = (round * 7919) % 2048 % n;
                if (round >= 30)
                        bytes[at] = (char)(bytes[at] ^ 0x55);
                FILE *out = fopen(in("damaged.h5"), "w");
                assert_int_equal(fwrite(bytes, 1, cut, out), cut);
                fclose(out);
                pid_t child = fork();
                if (child == 0) {
                        struct dataset_shape shape;
                        double rows[6];
                        alarm(5);
                        if (!dataset_inspect(in("damaged.h5"), "packed", &shape) && shape.n_columns == 2)
                                dataset_read_rows(in("damaged.h5"), "packed", 0, 3, rows);
                        _exit(0);
                }
                int status = 0;
                waitpid(child, &status, 0);
                assert_true(WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) != SIGALRM);
                if (round >= 30)
                        bytes[at] = (char)(bytes[at] ^ 0x55);
        }
        free(bytes);
}

static void test_nothing_is_left_open(void **state)
{
        (void)state;
        assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
}

static int make_place(void **state)
{
        (void)state;
        return mkdtemp(place) ? 0 : -1;
}

static int remove_place(void **state)
{
        (void)state;
        char command[128];
        snprintf(command, sizeof command, "rm -rf %s", place);
        return system(command);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_part_of_a_path_is_hidden_beside_it),
                cmocka_unit_test(test_checksum_sees_every_flipped_bit_and_every_length),
                cmocka_unit_test(test_text_is_whole_or_refused),
                cmocka_unit_test(test_directory_is_made_with_parents_or_says_what_is_in_the_way),
                cmocka_unit_test(test_lock_is_one_process_alone_and_names_it),
                cmocka_unit_test(test_lock_cleans_parts_of_our_names_only),
                cmocka_unit_test(test_set_aside_moves_our_files_only),
                cmocka_unit_test(test_series_file_holds_each_column_and_constant),
                cmocka_unit_test(test_payload_hash_sees_state_and_place_but_not_dates_or_wall_time),
                cmocka_unit_test(test_predicted_sizes_are_those_of_the_files),
                cmocka_unit_test(test_last_rows_of_a_file_beyond_4_gib_are_kept),
                cmocka_unit_test(test_data_sets_are_read_by_rows_whatever_their_real_type),
                cmocka_unit_test(test_hostile_data_sets_are_refused_with_a_reason),
                cmocka_unit_test(test_damaged_files_never_hang),
                cmocka_unit_test(test_nothing_is_left_open),
        };
        return cmocka_run_group_tests(tests, make_place, remove_place);
}
