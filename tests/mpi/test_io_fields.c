/* Files of fields: what is written on one grid of ensemble x domain is read on any other, to the bit, and
 * says the same to whoever reads it.
 *
 *     test_io_fields              every claim, at 1, 2, 3 and 4 ranks, on each grid of them
 *     test_io_fields write DIR    fields of many shapes, on each grid
 *     test_io_fields read DIR     holds the files of `write`, from any number of ranks, against memory
 *     test_io_fields once DIR     snapshots of a flat and a solid box, in doubles and floats, and two fields' file */
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sculptor/checkpoint.h"
#include "sculptor/error.h"
#include "sculptor/field_file.h"
#include "sculptor/files.h"
#include "sculptor/memory.h"
#include "sculptor/mesh.h"
#include "sculptor/parallel.h"
#include "sculptor/snapshot.h"
#include "sculptor/xdmf.h"

static int n_failed;

static bool claim(const char *name, bool ok)
{
        ok = parallel_all(ok);
        n_failed += !ok;
        if (parallel_rank() == 0)
                printf("%s %s\n", ok ? "ok" : "FAIL", name);
        return ok;
}

/* ---- meshes and fields whose every number says where it belongs ---- */

struct shape {
        int n_axes;
        double cells[3], length[3]; /* x, y, z */
        int64_t n_fields;
        bool full;                  /* with velocity and memory */
};

/* Planes in no ratio to ranks; fewer planes than ranks; planes with spare cells, none, and several rows of 64. */
static const struct shape shapes[] = {
        {2, {7, 5}, {2, 3}, 3, true},        {2, {64, 3}, {1, 1}, 1, false},      {3, {6, 4, 3}, {1, 2, 3}, 5, true},
        {3, {35, 6, 2}, {1, 1, 4}, 1, true}, {3, {8, 8, 9}, {5, 5, 5}, 4, false}, {2, {2, 130}, {1, 9}, 19, false},
};
enum { SHAPES = sizeof shapes / sizeof *shapes, MEMORY = 3 };

static struct mesh *make_mesh(const struct shape *shape)
{
        double cells[3], length[3];
        memcpy(cells, shape->cells, sizeof cells);
        memcpy(length, shape->length, sizeof length);
        const size_t n = (size_t)shape->n_axes;
        const struct mesh_settings settings = {.cells = {n, cells}, .dimensions = -1, .box_size = {n, length}};
        return mesh_create(&settings);
}

static double number(int64_t field, int64_t cell, int what)
{
        return sin((double)(field * 1000003 + cell * 7 + what)) + 10.0 * what;
}

static void fill(const struct mesh *mesh, int64_t field, int what, double *to)
{
        for (size_t plane = 0; plane < mesh->n_planes_here; plane++)
                for (size_t i = 0; i < mesh->plane_cells; i++) {
                        int64_t cell = (mesh->plane_begin + (int64_t)plane) * (int64_t)mesh->plane_cells + (int64_t)i;
                        to[plane * mesh->plane_stride + i] = number(field, cell, what);
                }
}

static struct population *make_empty(const struct shape *shape, const struct mesh *mesh)
{
        const struct field_layout layout = {mesh->n_planes, mesh->plane_begin, mesh->n_planes_here, mesh->plane_cells,
                                            mesh->plane_stride};
        return population_create_fields(shape->n_fields, mesh->n_cells, &layout, shape->full, shape->full ? MEMORY : 0);
}

static struct population *make_fields(const struct shape *shape, const struct mesh *mesh)
{
        struct population *population = make_empty(shape, mesh);
        for (size_t t = 0; t < population->n_tiles; t++) {
                int64_t field = population_first_particle(population, t);
                fill(mesh, field, 1, population_tile(population, t));
                if (shape->full)
                        fill(mesh, field, 2, population_velocity(population, t));
                for (int i = 0; shape->full && i < MEMORY; i++)
                        population_memory(population, t)[i] = number(field, i, 3);
        }
        return population;
}

static bool same_fields(const struct population *a, const struct population *b)
{
        size_t bytes = a->n_tiles * a->tile_size * sizeof(double);
        return memcmp(a->x, b->x, bytes) == 0 && (!a->velocity || memcmp(a->velocity, b->velocity, bytes) == 0) &&
               (!a->memory || memcmp(a->memory, b->memory, a->n_tiles * a->n_memory * sizeof(double)) == 0);
}

/* ---- writing ---- */

static const struct provenance provenance = {.version = "0.1.0",
                                             .commit = "0123abc",
                                             .dependencies = "hdf5@1.10",
                                             .machine = "host",
                                             .input_text = "mesh: {cells: 8}\n",
                                             .overrides = "",
                                             .parameters = "seed: 7\n",
                                             .seed = 7};

/* The field's first cell, which only the domain's first rank has. */
static void first_cell(void *owner, const double *x, double *value)
{
        (void)owner;
        size_t *counts = allocate((size_t)parallel_domain_size(), sizeof *counts);
        double here = parallel_domain_rank() == 0 ? x[0] : -1, *all = parallel_domain_gather(&here, 1, counts);
        for (int lane = 0; lane < LANES; lane++)
                value[lane] = all[0];
        free(all);
        free(counts);
}

static const char *write_snapshot(const char *directory, const struct mesh *mesh, const struct population *population,
                                  int64_t index, bool single)
{
        const struct snapshot_column columns[2] = {
                {.name = "first", .unit = "1", .help = "cell 0", .evaluate = first_cell},
                {.name = "again", .unit = "1", .help = "cell 0", .evaluate = first_cell}};
        const struct snapshot snapshot = {.index = index,
                                          .sigma = 0.5,
                                          .sigma_first = 8.0,
                                          .population = population,
                                          .mesh = mesh,
                                          .single = single,
                                          .columns = columns,
                                          .n_columns = 2,
                                          .provenance = &provenance};
        return snapshot_write(directory, &snapshot);
}

/* Longer than an attribute in an object's header may be. */
static char *make_wisdom(void)
{
        char *wisdom = allocate(100001, 1);
        memset(wisdom, '(', 100000);
        return wisdom;
}

static const char *write_checkpoint(const char *directory, const struct population *population, bool with_wisdom,
                                    char **path)
{
        const struct progress_mark mark = {.level = 2, .steps_done = 100};
        char *wisdom = with_wisdom ? make_wisdom() : NULL;
        const char *why = checkpoint_write(directory, population, &mark, NULL, &provenance, wisdom, 2, path);
        free(wisdom);
        return why;
}

static char *in(const char *directory, const char *name)
{
        return format_text("%s/%s", directory, name);
}

/* ---- holding files against memory ---- */

static bool header_holds(const char *path, const struct shape *shape, const struct mesh *mesh, bool with_wisdom)
{
        struct checkpoint_header header;
        if (checkpoint_verify(path) || checkpoint_read_header(path, &header))
                return false;
        char *wisdom = make_wisdom();
        bool ok = header.n_particles == shape->n_fields && header.n_dim == mesh->n_cells &&
                  header.n_planes == mesh->n_planes && header.with_velocity == shape->full &&
                  header.n_memory == (shape->full ? MEMORY : 0) && header.mark.steps_done == 100 &&
                  strcmp(header.parameters, provenance.parameters) == 0 &&
                  (with_wisdom ? header.wisdom && strcmp(header.wisdom, wisdom) == 0 : !header.wisdom);
        checkpoint_header_release(&header);
        free(wisdom);
        return parallel_all(ok);
}

static bool checkpoint_holds(const char *path, const struct shape *shape, bool with_wisdom)
{
        struct mesh *mesh = make_mesh(shape);
        struct population *wanted = make_fields(shape, mesh), *found = make_empty(shape, mesh);
        bool ok = header_holds(path, shape, mesh, with_wisdom);
        ok = parallel_all(ok) && !checkpoint_read(path, found, NULL) && same_fields(wanted, found);
        population_free(wanted);
        population_free(found);
        mesh_free(mesh);
        return parallel_all(ok);
}

/* Rank 0. A data set of doubles or floats as doubles, its shape the one wanted. */
static double *read_set(hid_t file, const char *name, int rank, const hsize_t *shape, size_t value_bytes)
{
        hid_t set = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(set), type = H5Dget_type(set);
        hsize_t found[8] = {0}, n = 1;
        bool ok = H5Sget_simple_extent_ndims(space) == rank && H5Tget_size(type) == value_bytes;
        if (ok)
                H5Sget_simple_extent_dims(space, found, NULL);
        for (int i = 0; i < rank; i++) {
                ok = ok && found[i] == shape[i];
                n *= shape[i];
        }
        double *values = allocate((size_t)n, sizeof *values);
        ok = ok && H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
        H5Tclose(type), H5Sclose(space), H5Dclose(set);
        if (ok)
                return values;
        free(values);
        return NULL;
}

static bool density_holds(hid_t file, const struct shape *shape, const struct mesh *mesh, bool single)
{
        hsize_t wanted[4] = {(hsize_t)shape->n_fields};
        for (int i = 0; i < mesh->n_axes; i++)
                wanted[1 + i] = (hsize_t)mesh->n[i];
        double *density = read_set(file, "density", 1 + mesh->n_axes, wanted, single ? 4 : 8);
        double *first = read_set(file, "again", 1, wanted, 8);
        bool ok = density && first;
        for (int64_t m = 0; ok && m < shape->n_fields; m++) {
                ok = first[m] == number(m, 0, 1);
                for (int64_t cell = 0; ok && cell < mesh->n_cells; cell++) {
                        double value = number(m, cell, 1);
                        ok = density[m * mesh->n_cells + cell] == (single ? (double)(float)value : value);
                }
        }
        free(density);
        free(first);
        for (int64_t m = 0; ok && m < shape->n_fields && m < 16; m++) { /* the views are its parts */
                char name[64];
                snprintf(name, sizeof name, "data/3/meshes/density_%04d", (int)m);
                double *view = read_set(file, name, mesh->n_axes, wanted + 1, single ? 4 : 8);
                double value = number(m, mesh->n_cells - 1, 1);
                ok = view && view[mesh->n_cells - 1] == (single ? (double)(float)value : value);
                free(view);
        }
        return ok;
}

static bool snapshot_holds(const char *path, const struct shape *shape, bool single)
{
        struct mesh *mesh = make_mesh(shape);
        bool ok = true;
        if (parallel_rank() == 0) {
                hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
                ok = file >= 0 && density_holds(file, shape, mesh, single);
                ok = ok && (H5Lexists(file, "VTKHDF", H5P_DEFAULT) > 0) == (mesh->n_axes == 3);
                ok = ok && H5Lexists(file, "posterior", H5P_DEFAULT) == 0 && H5Aexists(file, "particlesPath") == 0;
                H5Fclose(file);
        }
        mesh_free(mesh);
        return parallel_all(ok);
}

/* ---- each grid ---- */

static bool write_shape(const char *place, const struct shape *shape, bool single)
{
        struct mesh *mesh = make_mesh(shape);
        struct population *population = make_fields(shape, mesh);
        bool ok = !directory_make(place);
        ok = ok && !write_snapshot(place, mesh, population, 3, single);
        ok = ok && !write_checkpoint(place, population, !single, NULL);
        population_free(population);
        mesh_free(mesh);
        return ok;
}

static bool read_shape(const char *place, const struct shape *shape, bool single, char hex[2][65])
{
        char *checkpoint = in(place, "checkpoint_000000000100.h5"), *snapshot = in(place, "snapshot_0003.h5");
        bool ok = checkpoint_holds(checkpoint, shape, !single) && snapshot_holds(snapshot, shape, single) &&
                  !payload_hash(checkpoint, hex[0]) && !payload_hash(snapshot, hex[1]);
        free(checkpoint);
        free(snapshot);
        return parallel_all(ok);
}

static char *place_of(const char *directory, int ranks, int domain, int i)
{
        return format_text("%s/%d-%d/%d", directory, ranks, domain, i);
}

static bool is_single(int i)
{
        return i % 3 == 2;
}

static void write_all(const char *directory)
{
        bool ok = true;
        for (int domain = 1; domain <= parallel_size(); domain++) {
                if (parallel_size() % domain != 0)
                        continue;
                parallel_split(domain);
                for (int i = 0; i < SHAPES; i++) {
                        char *place = place_of(directory, parallel_size(), domain, i);
                        ok &= write_shape(place, &shapes[i], is_single(i));
                        free(place);
                }
        }
        char *name = format_text("fields_are_written_on_every_grid_of_%d", parallel_size());
        claim(name, ok);
        free(name);
}

/* What each grid of `ranks` wrote, read on each grid of the ranks there are. */
static void read_all(const char *directory, int ranks, bool print)
{
        bool ok = true, same = true;
        char hex[SHAPES][2][65] = {{""}};
        for (int reader = 1; reader <= parallel_size(); reader++) {
                if (parallel_size() % reader != 0)
                        continue;
                parallel_split(reader);
                for (int writer = 1; writer <= ranks; writer++)
                        for (int i = 0; ranks % writer == 0 && i < SHAPES; i++) {
                                char *place = place_of(directory, ranks, writer, i), found[2][65] = {"", ""};
                                ok &= read_shape(place, &shapes[i], is_single(i), found);
                                for (int k = 0; k < 2; k++) {
                                        same = same && (!hex[i][k][0] || strcmp(hex[i][k], found[k]) == 0);
                                        memcpy(hex[i][k], found[k], sizeof found[k]);
                                }
                                free(place);
                        }
        }
        for (int i = 0; print && parallel_rank() == 0 && i < SHAPES; i++)
                printf("same-on-any-ranks checkpoint-%d %s\nsame-on-any-ranks snapshot-%d %s\n", i, hex[i][0], i,
                       hex[i][1]);
        char *name = format_text("every_grid_of_%d_reads_what_every_grid_of_%d_wrote", parallel_size(), ranks);
        claim(name, ok);
        free(name);
        name = format_text("hashes_on_%d_ranks_are_those_of_every_grid_of_%d", parallel_size(), ranks);
        claim(name, same);
        free(name);
}

static void wisdom_is_no_payload(const char *directory)
{
        parallel_split(1);
        char *place = in(directory, "wisdom"), *path[2] = {NULL, NULL}, hex[2][65] = {"", ""};
        struct mesh *mesh = make_mesh(&shapes[0]);
        struct population *population = make_fields(&shapes[0], mesh);
        bool ok = !directory_make(place);
        for (int i = 0; i < 2; i++)
                ok = ok && !write_checkpoint(place, population, i == 1, &path[i]) && !payload_hash(path[i], hex[i]);
        claim("wisdom_is_no_payload", ok && strcmp(hex[0], hex[1]) == 0);
        population_free(population);
        mesh_free(mesh);
        free(place), free(path[0]), free(path[1]);
}

static void a_field_that_is_not_finite_is_named(const char *directory)
{
        parallel_split(parallel_size());
        char *place = in(directory, "broken"), *path = NULL;
        struct mesh *mesh = make_mesh(&shapes[0]);
        struct population *population = make_fields(&shapes[0], mesh), *found = make_empty(&shapes[0], mesh);
        if (mesh->plane_begin == 0)
                population_velocity(population, 1)[0] = NAN;
        bool ok = !directory_make(place) && !write_checkpoint(place, population, false, &path);
        const char *why = ok ? checkpoint_read(path, found, NULL) : NULL;
        claim("a_field_that_is_not_finite_is_named", ok && why && strstr(why, "velocity: row 1 is not finite"));
        population_free(population);
        population_free(found);
        mesh_free(mesh);
        free(place), free(path);
}

/* ---- files of single fields ---- */

static const char *write_fields(const char *path, const struct mesh *mesh, double *one, double *two)
{
        fill(mesh, 0, 1, one);
        fill(mesh, 0, 2, two);
        const struct field_output outputs[2] = {
                {.name = "mean", .unit = "1", .help = "posterior mean", .field = one},
                {.name = "deviation", .unit = "1", .help = "posterior deviation", .field = two, .single = true}};
        return fields_write(path, mesh, outputs, 2, &provenance);
}

static void fields_read_back_on_every_grid(const char *directory)
{
        bool ok = true;
        for (int domain = 1; domain <= parallel_size(); domain++)
                for (int i = 0; parallel_size() % domain == 0 && i < SHAPES; i++) {
                        parallel_split(domain);
                        struct mesh *mesh = make_mesh(&shapes[i]);
                        char *path = format_text("%s/wiener-%d-%d.h5", directory, domain, i);
                        double *one = mesh_allocate(mesh), *two = mesh_allocate(mesh), *found = mesh_allocate(mesh);
                        ok &= !write_fields(path, mesh, one, two) && !field_inspect(path, "mean", mesh);
                        for (size_t k = 0; k < mesh->size; k++)
                                found[k] = -1; /* spare cells too: they must become 0 */
                        ok &= !field_read(path, "mean", mesh, found);
                        ok &= memcmp(one, found, mesh->size * sizeof *one) == 0;
                        ok &= !field_read(path, "/deviation", mesh, found);
                        for (size_t k = 0; k < mesh->size; k++)
                                ok &= found[k] == (double)(float)two[k];
                        free(one), free(two), free(found), free(path);
                        mesh_free(mesh);
                }
        claim("fields_read_back_on_every_grid", ok);
}

static void a_bad_cell_is_named_alike_on_every_rank(const char *directory)
{
        parallel_split(parallel_size());
        struct mesh *mesh = make_mesh(&shapes[4]);
        char *path = in(directory, "bad.h5"), text[4096] = "";
        double *field = mesh_allocate(mesh), *two = mesh_allocate(mesh);
        fill(mesh, 0, 1, field);
        if (mesh->plane_begin <= 7 && 7 < mesh->plane_begin + (int64_t)mesh->n_planes_here)
                field[(size_t)(7 - mesh->plane_begin) * mesh->plane_stride + 3 * 8 + 5] = INFINITY;
        const struct field_output output = {.name = "data", .field = field};
        bool ok = !fields_write(path, mesh, &output, 1, NULL);
        const char *why = field_read(path, "data", mesh, two);
        ok = ok && why && strstr(why, "cell (7, 3, 5) is not finite");
        snprintf(text, sizeof text, "%s", why ? why : "");
        parallel_broadcast(text, sizeof text, 0);
        claim("a_bad_cell_is_named_alike_on_every_rank", ok && strcmp(text, why ? why : "") == 0);
        free(field), free(two), free(path);
        mesh_free(mesh);
}

/* ---- for readers in other languages ---- */

static int once(const char *directory)
{
        static const struct {
                const char *name;
                struct shape shape;
                bool single;
        } files[] = {{"flat", {2, {7, 5}, {2, 3}, 3, false}, false},
                     {"solid", {3, {6, 4, 3}, {1, 2, 3}, 18, false}, false},
                     {"single", {3, {32, 32, 32}, {1, 1, 1}, 8, false}, true},
                     {"alone", {2, {512, 256}, {1, 1}, 1, false}, false}};
        const char *why = NULL;
        for (size_t i = 0; !why && i < sizeof files / sizeof *files; i++) {
                struct mesh *mesh = make_mesh(&files[i].shape);
                struct population *population = make_fields(&files[i].shape, mesh);
                char *place = in(directory, files[i].name), *path = in(place, "wiener.h5");
                double *one = mesh_allocate(mesh), *two = mesh_allocate(mesh);
                struct xdmf *xdmf = xdmf_create(place);
                why = directory_make(place);
                for (int64_t index = 1; !why && index <= 2; index++)
                        why = write_snapshot(place, mesh, population, index, files[i].single);
                why = why ? why : xdmf_write(xdmf, 2);
                why = why ? why : write_fields(path, mesh, one, two);
                why = why ? why : write_checkpoint(place, population, false, NULL);
                xdmf_free(xdmf);
                population_free(population);
                mesh_free(mesh);
                free(place), free(path), free(one), free(two);
        }
        if (why && parallel_rank() == 0)
                fprintf(stderr, "%s\n", why);
        return why ? STATUS_FAILED : STATUS_DONE;
}

static char *scratch(void)
{
        char path[4096] = "";
        const char *parent = getenv("SCRATCH");
        if (parallel_rank() == 0) {
                snprintf(path, sizeof path, "%s/sculptor-fields-XXXXXX", parent ? parent : "/tmp");
                if (!mkdtemp(path))
                        fatal("cannot make %s", path);
        }
        parallel_broadcast(path, sizeof path, 0);
        return copy_text(path);
}

static void all_claims(void)
{
        char *directory = scratch();
        write_all(directory);
        read_all(directory, parallel_size(), true);
        wisdom_is_no_payload(directory);
        a_field_that_is_not_finite_is_named(directory);
        fields_read_back_on_every_grid(directory);
        a_bad_cell_is_named_alike_on_every_rank(directory);
        claim("no_hdf5_object_is_left_open", H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL) == 0);
        char *command = format_text("rm -rf '%s'", directory);
        if (parallel_rank() == 0 && system(command) != 0)
                printf("%s is left\n", directory);
        free(command);
        free(directory);
}

int main(int argc, char **argv)
{
        if (!getenv("WITHOUT_MPI"))
                parallel_begin(&argc, &argv);
        int status = 0;
        if (argc < 3)
                all_claims();
        else if (strcmp(argv[1], "write") == 0)
                write_all(argv[2]);
        else if (strcmp(argv[1], "read") == 0)
                for (int ranks = 1; ranks <= 4; ranks++)
                        read_all(argv[2], ranks, false);
        else if (strcmp(argv[1], "once") == 0)
                status = once(argv[2]);
        else
                status = 2;
        parallel_end();
        return n_failed ? 1 : status;
}
