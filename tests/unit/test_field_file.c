/* Users' fields on our mesh: what is read, and what is refused with which words; the XDMF file of a directory. */
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
#include <unistd.h>

#include <cmocka.h>

#include "io/hdf5_file.h"
#include "sculptor/checkpoint.h"
#include "sculptor/field_file.h"
#include "sculptor/files.h"
#include "sculptor/memory.h"
#include "sculptor/population.h"
#include "sculptor/snapshot.h"
#include "sculptor/text.h"
#include "sculptor/xdmf.h"

static char place[] = "/tmp/sculptor-test-field-file-XXXXXX";

static char *in(const char *name)
{
        static char path[4][256];
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

/* Cells in the order x, y, z. */
static struct mesh *make_mesh(double x, double y, double z)
{
        double cells[3] = {x, y, z}, length = 1;
        const struct mesh_settings settings = {
                .cells = {z > 0 ? 3 : 2, cells}, .dimensions = -1, .box_size = {1, &length}};
        return mesh_create(&settings);
}

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

enum { NZ = 3, NY = 4, NX = 5, CELLS = NZ * NY * NX };
static const hsize_t solid[3] = {NZ, NY, NX};

static void test_fields_of_any_number_type_and_storage_are_read(void **state)
{
        (void)state;
        double doubles[CELLS];
        float singles[CELLS];
        int64_t wholes[CELLS];
        uint8_t bytes[CELLS];
        for (int i = 0; i < CELLS; i++) {
                doubles[i] = singles[i] = (float)i - 7.5F;
                wholes[i] = i - 20;
                bytes[i] = i % 3 == 0;
        }
        hid_t file = H5Fcreate(in("types.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        hid_t packed = H5Pcreate(H5P_DATASET_CREATE), boolean = H5Tenum_create(H5T_NATIVE_INT8);
        const hsize_t chunk[3] = {2, 3, 5};
        const int8_t no = 0, yes = 1;
        H5Pset_chunk(packed, 3, chunk);
        H5Pset_shuffle(packed);
        H5Pset_deflate(packed, 1);
        H5Tenum_insert(boolean, "FALSE", &no);
        H5Tenum_insert(boolean, "TRUE", &yes);
        put(file, "doubles", H5T_IEEE_F64LE, 3, solid, H5P_DEFAULT, doubles);
        put(file, "packed", H5T_IEEE_F64LE, 3, solid, packed, doubles);
        put(file, "singles", H5T_IEEE_F32LE, 3, solid, H5P_DEFAULT, singles);
        put(file, "wholes", H5T_STD_I64LE, 3, solid, H5P_DEFAULT, wholes);
        put(file, "bytes", H5T_STD_U8LE, 3, solid, H5P_DEFAULT, bytes);
        put(file, "mask", boolean, 3, solid, H5P_DEFAULT, bytes); /* as h5py stores booleans */
        H5Tclose(boolean), H5Pclose(packed), H5Fclose(file);

        struct mesh *mesh = make_mesh(NX, NY, NZ);
        double *field = mesh_allocate(mesh);
        static const char *const names[] = {"doubles", "packed", "singles", "wholes", "bytes", "mask"};
        for (int k = 0; k < 6; k++) {
                assert_null(field_inspect(in("types.h5"), names[k], mesh));
                for (size_t i = 0; i < mesh->size; i++)
                        field[i] = 99;
                assert_null(field_read(in("types.h5"), names[k], mesh, field));
                for (size_t plane = 0; plane < NZ; plane++)
                        for (size_t i = 0; i < mesh->plane_stride; i++) {
                                const size_t cell = plane * NY * NX + i;
                                double wanted = 0; /* spare cells */
                                if (i < mesh->plane_cells)
                                        wanted = k < 3 ? doubles[cell] : k == 3 ? (double)wholes[cell] : bytes[cell];
                                assert_true(field[plane * mesh->plane_stride + i] == wanted);
                        }
        }
        free(field);
        mesh_free(mesh);
}

static void test_another_shape_is_said_beside_the_mesh(void **state)
{
        (void)state;
        static double zeros[64 * 64];
        const hsize_t narrow[2] = {64, 32}, square[2] = {64, 64}, line[1] = {64}, four[4] = {2, 2, 2, 2},
                      nine[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
        hid_t file = H5Fcreate(in("data.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        put(file, "mask", H5T_NATIVE_DOUBLE, 2, narrow, H5P_DEFAULT, zeros);
        put(file, "square", H5T_NATIVE_DOUBLE, 2, square, H5P_DEFAULT, zeros);
        put(file, "line", H5T_NATIVE_DOUBLE, 1, line, H5P_DEFAULT, zeros);
        put(file, "four", H5T_NATIVE_DOUBLE, 4, four, H5P_DEFAULT, zeros);
        put(file, "nine", H5T_NATIVE_DOUBLE, 9, nine, H5P_DEFAULT, zeros);
        hid_t space = H5Screate(H5S_SCALAR);
        H5Dclose(H5Dcreate2(file, "scalar", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        H5Sclose(space), H5Fclose(file);

        struct mesh *flat = make_mesh(64, 64, 0), *tall = make_mesh(64, 32, 0), *box = make_mesh(64, 64, 2);
        double *field = mesh_allocate(box), *before = mesh_allocate(box);
        char *path = in("data.h5"), text[512];
        static const char *const wrong[][2] = {
                {"mask", "(64, 32)"}, {"line", "(64)"}, {"four", "(2, 2, 2, 2)"}, {"scalar", "()"}};
        for (int i = 0; i < 4; i++) {
                snprintf(text, sizeof text, "%s in %s has shape %s, but the mesh is (64, 64)", wrong[i][0], path,
                         wrong[i][1]);
                assert_string_equal(field_inspect(path, wrong[i][0], flat), text);
                assert_string_equal(field_read(path, wrong[i][0], flat, field), text);
        }
        assert_says(field_inspect(path, "nine", flat), "has 9 dimensions");
        assert_says(field_inspect(path, "mask", tall), "but the mesh is (32, 64)"); /* transposed */
        assert_says(field_inspect(path, "square", box), "has shape (64, 64), but the mesh is (2, 64, 64)");
        assert_says(field_inspect(path, "maks", flat), "it has: ");
        assert_null(field_inspect(path, "square", flat));
        assert_memory_equal(field, before, box->size * sizeof *field); /* refused before a value is read */
        free(field), free(before);
        mesh_free(flat), mesh_free(tall), mesh_free(box);
}

static void make_hostile(hid_t file)
{
        double values[CELLS] = {0};
        put(file, "unwritten", H5T_NATIVE_DOUBLE, 3, solid, H5P_DEFAULT, NULL);
        hid_t text = H5Tcopy(H5T_C_S1), pair = H5Tcreate(H5T_COMPOUND, 8), colour = H5Tenum_create(H5T_NATIVE_INT32);
        H5Tset_size(text, 8);
        H5Tinsert(pair, "re", 0, H5T_NATIVE_FLOAT);
        H5Tinsert(pair, "im", 4, H5T_NATIVE_FLOAT);
        const int red = 7;
        H5Tenum_insert(colour, "red", &red);
        put(file, "text", text, 3, solid, H5P_DEFAULT, values);
        put(file, "complex", pair, 3, solid, H5P_DEFAULT, values);
        put(file, "enum", colour, 3, solid, H5P_DEFAULT, NULL);
        H5Tclose(text), H5Tclose(pair), H5Tclose(colour);

        hid_t creation = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(3, solid, NULL);
        H5Pset_external(creation, "/etc/passwd", 0, sizeof values);
        put(file, "external", H5T_NATIVE_DOUBLE, 3, solid, creation, NULL);
        H5Pclose(creation);
        creation = H5Pcreate(H5P_DATASET_CREATE);
        H5Pset_virtual(creation, space, "/etc/passwd", "x", space);
        put(file, "virtual", H5T_NATIVE_DOUBLE, 3, solid, creation, NULL);
        H5Pclose(creation), H5Sclose(space);
        creation = H5Pcreate(H5P_DATASET_CREATE);
        H5Pset_chunk(creation, 3, solid);
        H5Pset_filter(creation, 32015, H5Z_FLAG_OPTIONAL, 0, NULL);
        put(file, "filtered", H5T_NATIVE_DOUBLE, 3, solid, creation, NULL);
        H5Pclose(creation);
        /* A shape that fits, in chunks that are huge: they may be larger than an extent that can grow. */
        const hsize_t huge[3] = {1024, 1024, 1024}, any[3] = {H5S_UNLIMITED, H5S_UNLIMITED, H5S_UNLIMITED};
        creation = H5Pcreate(H5P_DATASET_CREATE);
        H5Pset_chunk(creation, 3, (const hsize_t[3]){huge[0], huge[1], 100});
        space = H5Screate_simple(3, solid, any);
        H5Dclose(H5Dcreate2(file, "chunks", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, creation, H5P_DEFAULT));
        H5Pclose(creation), H5Sclose(space);

        H5Lcreate_external("/tmp/other.h5", "x", file, "elsewhere", H5P_DEFAULT, H5P_DEFAULT);
        H5Lcreate_soft("/elsewhere", file, "detour", H5P_DEFAULT, H5P_DEFAULT);
        values[(1 * NY + 2) * NX + 3] = NAN;
        put(file, "hole", H5T_NATIVE_DOUBLE, 3, solid, H5P_DEFAULT, values);
}

static void test_hostile_fields_are_refused_with_a_reason(void **state)
{
        (void)state;
        static const char *const refused[][2] = {{"unwritten", "never written"},
                                                 {"text", "does not hold real numbers"},
                                                 {"complex", "does not hold real numbers"},
                                                 {"enum", "does not hold real numbers"},
                                                 {"external", "keeps its values in another file"},
                                                 {"virtual", "virtual data set"},
                                                 {"filtered", "filter 32015"},
                                                 {"chunks", "chunks of more than 256 MiB"},
                                                 {"elsewhere", "a link to another file"},
                                                 {"detour", "a link to another file"}};
        hid_t file = H5Fcreate(in("hostile.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        make_hostile(file);
        H5Fclose(file);
        struct mesh *mesh = make_mesh(NX, NY, NZ);
        double *field = mesh_allocate(mesh);
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
                assert_says(field_inspect(in("hostile.h5"), refused[i][0], mesh), refused[i][1]);
                assert_says(field_read(in("hostile.h5"), refused[i][0], mesh, field), refused[i][1]);
        }
        assert_null(field_inspect(in("hostile.h5"), "hole", mesh)); /* does not look at values */
        assert_says(field_read(in("hostile.h5"), "hole", mesh, field), "hole: cell (1, 2, 3) is not finite");
        assert_says(field_inspect(in("nothing"), "x", mesh), "No such file");
        assert_says(field_inspect(place, "x", mesh), "a directory");
        free(field);
        mesh_free(mesh);

        double bad[6] = {0, 0, 0, 0, 0, INFINITY};
        file = H5Fcreate(in("flat.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        put(file, "bad", H5T_NATIVE_DOUBLE, 2, (const hsize_t[2]){2, 3}, H5P_DEFAULT, bad);
        H5Fclose(file);
        mesh = make_mesh(3, 2, 0);
        field = mesh_allocate(mesh);
        assert_says(field_read(in("flat.h5"), "bad", mesh, field), "bad: cell (1, 2) is not finite");
        free(field);
        mesh_free(mesh);
}

static void test_fields_file_says_why_it_is_not_written(void **state)
{
        (void)state;
        struct mesh *mesh = make_mesh(4, 4, 0);
        double *field = mesh_allocate(mesh);
        struct field_output outputs[33] = {{.name = "mean", .field = field}, {.name = "mean", .field = field}};
        struct stat status;
        assert_says(fields_write(in("twice.h5"), mesh, outputs, 2, NULL), "cannot lay out");
        assert_int_not_equal(stat(in("twice.h5"), &status), 0);
        assert_says(fields_write(in("many.h5"), mesh, outputs, 33, NULL), "at most 32 fields");
        assert_says(fields_write(in("no/such/place.h5"), mesh, outputs, 1, NULL), "No such file");
        assert_null(fields_write(in("none.h5"), mesh, outputs, 0, NULL));
        free(field);
        mesh_free(mesh);
}

/* ---- sizes ---- */

static void unit_number(void *owner, const double *x, double *value)
{
        (void)owner, (void)x;
        value[0] = 1;
}

static void test_predicted_sizes_are_those_of_files_of_fields(void **state)
{
        (void)state;
        const struct {
                double x, y, z;
                int64_t n_fields;
                bool single;
        } cases[] = {{64, 64, 64, 3, false}, {64, 64, 64, 20, true}, {512, 300, 0, 2, false}, {600, 900, 0, 1, true}};
        const struct snapshot_column column = {.name = "score_norm", .evaluate = unit_number};
        const struct provenance provenance = {.version = "1", .parameters = "seed: 1\n"};
        assert_null(directory_make(in("sizes")));
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct mesh *mesh = make_mesh(cases[i].x, cases[i].y, cases[i].z);
                const struct field_layout layout = {mesh->n_planes, 0, mesh->n_planes_here, mesh->plane_cells,
                                                    mesh->plane_stride};
                struct population *population = population_create_fields(cases[i].n_fields, mesh->n_cells, &layout,
                                                                         true, 0);
                const struct snapshot snapshot = {.index = 1, .sigma = 1, .sigma_first = 2, .population = population,
                                                  .mesh = mesh, .single = cases[i].single, .columns = &column,
                                                  .n_columns = 1, .provenance = &provenance};
                const struct progress_mark mark = {.steps_done = (int64_t)i};
                char *path = NULL;
                struct stat file;
                assert_null(snapshot_write(in("sizes"), &snapshot));
                assert_int_equal(stat(in("sizes/snapshot_0001.h5"), &file), 0);
                const double predicted = (double)snapshot_fields_size(mesh, cases[i].n_fields, 1, cases[i].single);
                assert_true(fabs((double)file.st_size / predicted - 1) < 0.03);
                const double raw = (double)(cases[i].n_fields * mesh->n_cells * (cases[i].single ? 4 : 8));
                assert_true((double)file.st_size / raw - 1 < 0.03);
                assert_null(checkpoint_write(in("sizes"), population, &mark, NULL, &provenance, NULL, 9, &path));
                assert_int_equal(stat(path, &file), 0);
                const double checkpoint = (double)checkpoint_size(cases[i].n_fields, mesh->n_cells, 2);
                assert_true(fabs((double)file.st_size / checkpoint - 1) < 0.03);
                free(path);
                population_free(population);
                mesh_free(mesh);
        }
}

/* ---- hashes of what does not fit a piece of 4 MiB ---- */

/* The digest docs/formats.md defines, of values 0, 1, 2, ... in this shape. */
static void expect_hash(int rank, const uint64_t *shape, double sigma, int64_t index, char hex[65])
{
        struct sha256 sha;
        sha256_begin(&sha);
        uint64_t n = 1;
        for (int i = 0; i < rank; i++)
                n *= shape[i];
        for (uint64_t i = 0; i < n; i++) {
                const double value = (double)i;
                sha256_add(&sha, &value, sizeof value);
        }
        sha256_add(&sha, shape, (size_t)rank * sizeof *shape);
        sha256_add(&sha, &sigma, sizeof sigma);
        sha256_add(&sha, &index, sizeof index);
        sha256_end(&sha, hex);
}

static void test_hashes_of_long_rows_and_large_planes_are_of_their_bytes(void **state)
{
        (void)state;
        static const uint64_t shapes[][4] = {{3, 600001}, {2, 3, 700000}, {2, 2, 750, 800}, {1, 40, 130, 140}};
        static const int ranks[] = {2, 3, 4, 4};
        assert_null(directory_make(in("hash")));
        for (int i = 0; i < 4; i++) {
                const uint64_t *shape = shapes[i];
                struct mesh *mesh = i == 0   ? NULL
                                    : i == 1 ? make_mesh((double)shape[2], (double)shape[1], 0)
                                             : make_mesh((double)shape[3], (double)shape[2], (double)shape[1]);
                struct field_layout layout = {0};
                if (mesh)
                        layout = (struct field_layout){mesh->n_planes, 0, mesh->n_planes_here, mesh->plane_cells,
                                                       mesh->plane_stride};
                struct population *population = mesh ? population_create_fields((int64_t)shape[0], mesh->n_cells,
                                                                                &layout, false, 0)
                                                     : population_create((int64_t)shape[0], (int64_t)shape[1], false,
                                                                         0);
                const struct population_slab slab = population_slab(population);
                double *rows = allocate((size_t)slab.n_rows * slab.row_values, sizeof *rows);
                for (size_t k = 0; k < (size_t)slab.n_rows * slab.row_values; k++)
                        rows[k] = (double)k;
                population_from_rows(population, population->x, 0, slab.n_rows, rows);
                const struct snapshot snapshot = {
                        .index = i, .sigma = 0.25, .sigma_first = 1, .population = population, .mesh = mesh};
                char wanted[65], found[65], name[64];
                snprintf(name, sizeof name, "hash/snapshot_%04d.h5", i);
                assert_null(snapshot_write(in("hash"), &snapshot));
                assert_null(payload_hash(in(name), found));
                expect_hash(ranks[i], shape, 0.25, i, wanted);
                assert_string_equal(found, wanted);
                free(rows);
                population_free(population);
                mesh_free(mesh);
        }
}

/* ---- planes that are large, and files that are ---- */

struct plane_source { size_t row_values; };

static void fill_ends(const void *owner, int64_t first, int64_t count, void *rows)
{
        const struct plane_source *source = owner;
        unsigned char *value = rows;
        assert_int_equal(count, 1); /* a row is more than a chunk */
        memset(value, 0, source->row_values);
        value[0] = (unsigned char)(first + 1);
        value[source->row_values - 1] = (unsigned char)(first + 2);
}

static void describe_planes(hid_t file, const void *owner)
{
        const struct plane_source *source = owner;
        const hsize_t shape[3] = {2, 2, source->row_values};
        H5Dclose(hdf5_create_array(file, "planes", H5T_STD_U8LE, 3, shape));
}

/* Planes of a little more than 2^32 bytes would need as much memory; the short form's are of 9 MiB. Runs lie
 * apart: planes 0 and 2 of four are this rank's, the others stay holes. */
static void test_planes_beyond_4_gib_are_written_in_their_places(void **state)
{
        (void)state;
        const char *thorough = getenv("SCULPTOR_LONG");
        const struct plane_source source = {thorough && *thorough ? ((size_t)1 << 32) + 7 : ((size_t)9 << 20) + 7};
        const struct population_slab slab = {
                .n_rows = 4, .row_values = source.row_values, .first = 0, .count = 1, .n_runs = 2, .stride = 2};
        const struct file_array array = {.name = "planes", .slab = slab, .value_bytes = 1, .fill = fill_ends,
                                         .owner = &source};
        const struct file_plan plan = {
                .path = in("planes.h5"), .describe = describe_planes, .owner = &source, .array = &array, .n_arrays = 1};
        const char *why = hdf5_file_write(&plan);
        if (why)
                fail_msg("%s", why);
        hid_t file = H5Fopen(plan.path, H5F_ACC_RDONLY, H5P_DEFAULT), set = H5Dopen2(file, "planes", H5P_DEFAULT);
        hid_t space = H5Dget_space(set), one = H5Screate_simple(1, (const hsize_t[1]){1}, NULL);
        for (hsize_t row = 0; row < 4; row++)
                for (int end = 0; end < 2; end++) {
                        const hsize_t start[3] = {row / 2, row % 2, end ? source.row_values - 1 : 0},
                                      count[3] = {1, 1, 1};
                        unsigned char value = 99;
                        H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
                        H5Dread(set, H5T_NATIVE_UCHAR, one, space, H5P_DEFAULT, &value);
                        assert_int_equal(value, row % 2 ? 0 : (int)row + 1 + end);
                }
        H5Sclose(one), H5Sclose(space), H5Dclose(set), H5Fclose(file);
        unlink(plan.path);
}

/* ---- XDMF ---- */

static const char *write_level(int64_t index)
{
        struct population *population = population_create(10, 2, false, 0);
        const struct snapshot snapshot = {
                .index = index, .sigma = 8.0 / (double)index, .sigma_first = 8, .population = population};
        const char *why = snapshot_write(in("levels"), &snapshot);
        population_free(population);
        return why;
}

/* The file's levels in their order: "1 3 " and so on. */
static char *levels_in_xdmf(void)
{
        static char levels[256];
        size_t length, used = 0;
        const char *why;
        char *text = text_read_all(in("levels/snapshots.xdmf"), 1 << 20, &length, &why);
        levels[0] = '\0';
        assert_non_null(text);
        for (const char *at = text; (at = strstr(at, "\"level_")); at++)
                used += (size_t)snprintf(levels + used, sizeof levels - used, "%d ", atoi(at + 7));
        assert_non_null(strstr(text, "</Grid></Domain></Xdmf>\n"));
        free(text);
        return levels;
}

static void test_xdmf_lists_the_snapshots_that_are_there(void **state)
{
        (void)state;
        assert_null(directory_make(in("levels")));
        struct xdmf *xdmf = xdmf_create(in("levels"));
        assert_null(xdmf_write(xdmf, 0)); /* before the first */
        assert_string_equal(levels_in_xdmf(), "");
        assert_null(write_level(10));
        assert_null(write_level(2));
        assert_null(xdmf_write(xdmf, 2));
        assert_string_equal(levels_in_xdmf(), "2 10 ");
        xdmf_free(xdmf);

        xdmf = xdmf_create(in("levels")); /* a resumed run */
        assert_null(write_level(3));
        assert_null(xdmf_write(xdmf, 3));
        assert_string_equal(levels_in_xdmf(), "2 3 10 ");
        assert_int_equal(unlink(in("levels/snapshot_0002.h5")), 0);
        assert_null(text_write_atomic(in("levels/snapshot_00007.h5"), "no name of ours"));
        assert_null(text_write_atomic(in("levels/snapshot_0004.h5"), "no HDF5 file"));
        assert_null(xdmf_write(xdmf, 10));
        assert_string_equal(levels_in_xdmf(), "3 10 ");
        assert_null(write_level(4)); /* it is one now */
        assert_null(xdmf_write(xdmf, 4));
        assert_string_equal(levels_in_xdmf(), "3 4 10 ");
        static const int64_t more[] = {17, 11, 9, 14, 1, 12, 6, 16, 8};
        for (size_t i = 0; i < sizeof more / sizeof *more; i++)
                assert_null(write_level(more[i]));
        assert_null(xdmf_write(xdmf, 8));
        assert_string_equal(levels_in_xdmf(), "1 3 4 6 8 9 10 11 12 14 16 17 ");
        xdmf_free(xdmf);
        xdmf_free(NULL);

        xdmf = xdmf_create(in("no/levels"));
        assert_says(xdmf_write(xdmf, 1), "No such file");
        xdmf_free(xdmf);
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
                cmocka_unit_test(test_fields_of_any_number_type_and_storage_are_read),
                cmocka_unit_test(test_another_shape_is_said_beside_the_mesh),
                cmocka_unit_test(test_hostile_fields_are_refused_with_a_reason),
                cmocka_unit_test(test_fields_file_says_why_it_is_not_written),
                cmocka_unit_test(test_predicted_sizes_are_those_of_files_of_fields),
                cmocka_unit_test(test_hashes_of_long_rows_and_large_planes_are_of_their_bytes),
                cmocka_unit_test(test_planes_beyond_4_gib_are_written_in_their_places),
                cmocka_unit_test(test_xdmf_lists_the_snapshots_that_are_there),
                cmocka_unit_test(test_nothing_is_left_open),
        };
        return cmocka_run_group_tests(tests, make_place, remove_place);
}
