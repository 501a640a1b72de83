/* Files of many ranks: what is written on some number of ranks is read on any other, to the bit; what
 * is damaged is found; what fails, fails on all ranks alike and leaves the older files whole.
 *
 *     test_io                     every claim, at 1, 2, 3 and 4 ranks
 *     test_io write DIR           populations of many shapes, with their hashes
 *     test_io read DIR            holds the files of `write`, from any number of ranks, against memory
 *     test_io faults DIR          each writing call fails once (under failing_calls.so)
 *     test_io once DIR N D        one snapshot and one checkpoint of N particles in D dimensions
 *     test_io newest DIR          the newest checkpoint that verifies is of `once`, and whole */
#define _GNU_SOURCE /* dlsym's RTLD_DEFAULT */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sculptor/checkpoint.h"
#include "sculptor/error.h"
#include "sculptor/files.h"
#include "sculptor/memory.h"
#include "sculptor/mesh.h"
#include "sculptor/parallel.h"
#include "sculptor/series.h"
#include "sculptor/snapshot.h"
#include "sculptor/text.h"
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

/* ---- a population whose every number says where it belongs ---- */

static double number(int64_t particle, int64_t coordinate, int what)
{
        return sin((double)(particle * 7 + what)) + (double)(coordinate * 1000 + what);
}

enum { MEMORY = 3 };

static struct population *make_population(int64_t n, int64_t n_dim, bool full)
{
        struct population *population = population_create(n, n_dim, full, full ? MEMORY : 0);
        for (size_t t = 0; t < population->n_tiles; t++) {
                for (int64_t j = 0; j < n_dim; j++)
                        for (int lane = 0; lane < LANES; lane++) {
                                int64_t particle = population_first_particle(population, t) + lane;
                                population_tile(population, t)[j * LANES + lane] = number(particle, j, 1);
                                if (full)
                                        population_velocity(population, t)[j * LANES + lane] = number(particle, j, 2);
                        }
                for (int i = 0; full && i < MEMORY; i++)
                        population_memory(population, t)[i] = number(population->tile_begin + (int64_t)t, i, 3);
        }
        population_pad(population);
        return population;
}

static bool same_population(const struct population *a, const struct population *b)
{
        size_t bytes = a->n_tiles * (size_t)a->n_dim * LANES * sizeof(double);
        return memcmp(a->x, b->x, bytes) == 0 && (!a->velocity || memcmp(a->velocity, b->velocity, bytes) == 0) &&
               (!a->memory || memcmp(a->memory, b->memory, a->n_tiles * a->n_memory * sizeof(double)) == 0);
}

static void first_coordinate(void *owner, const double *x, double *value)
{
        (void)owner;
        memcpy(value, x, LANES * sizeof *value);
}

static const struct provenance provenance = {.version = "0.1.0",
                                             .commit = "0123abc",
                                             .dependencies = "hdf5@1.10",
                                             .machine = "host",
                                             .input_text = "score: {type: gaussian} # Gau\xc3\x9f\n",
                                             .overrides = "",
                                             .parameters = "seed: 7\n",
                                             .seed = 7};
static const struct series_column columns[] = {
        {.name = "level", .rank = 0, .integer = true, .unit = "1", .help = "level"},
        {.name = "mean", .rank = 1, .shape = {2}, .unit = "1", .help = "mean"}};

static struct series *make_series(size_t n_rows)
{
        struct series *series = series_create(columns, 2);
        for (size_t i = 0; i < n_rows; i++) {
                double *row = series_append(series); /* row[2] stays NAN */
                row[0] = (double)i;
                row[1] = 0.1 * (double)i;
        }
        return series;
}

static struct progress_mark make_mark(int64_t steps_done)
{
        return (struct progress_mark){.level = 2,
                                      .step = 5,
                                      .steps_done = steps_done,
                                      .tally = {.accepted = 1, .proposed = 2, .evaluations = 3, .non_finite = 0},
                                      .total = {.accepted = 10, .proposed = 20, .evaluations = INT64_MAX},
                                      .controller = {.log_factor = -0.25, .accepted = 7, .proposed = 9},
                                      .wall_seconds = 12.5,
                                      .level_seconds = 1.5};
}

static const char *write_snapshot(const char *directory, const struct population *population, int64_t index)
{
        const struct snapshot_column column = {.name = "first", .unit = "1", .help = "x_0",
                                               .evaluate = first_coordinate};
        struct snapshot snapshot = {.index = index,
                                    .sigma = 0.5,
                                    .sigma_first = 8.0,
                                    .population = population,
                                    .columns = &column,
                                    .n_columns = 1,
                                    .provenance = &provenance};
        return snapshot_write(directory, &snapshot);
}

static const char *write_checkpoint(const char *directory, const struct population *population, int64_t steps_done,
                                    int keep, char **path)
{
        struct series *series = make_series(3);
        struct progress_mark mark = make_mark(steps_done);
        const char *why = checkpoint_write(directory, population, &mark, series, &provenance, NULL, keep, path);
        series_free(series);
        return why;
}

/* Whether a checkpoint holds this population, whoever wrote it. */
static bool holds(const char *path, const struct population *population)
{
        struct checkpoint_header header;
        const char *why = checkpoint_verify(path);
        if (!why)
                why = checkpoint_read_header(path, &header);
        if (why) {
                printf("%s\n", why);
                return false;
        }
        struct progress_mark mark = make_mark(header.mark.steps_done);
        bool ok = header.n_particles == population->n_global && header.n_dim == population->n_dim &&
                  header.with_velocity == (population->velocity != NULL) && header.n_memory == population->n_memory &&
                  strcmp(header.parameters, provenance.parameters) == 0 &&
                  memcmp(&mark, &header.mark, sizeof mark) == 0;
        checkpoint_header_release(&header);
        if (!parallel_all(ok))
                return false;
        struct population *found = population_create(population->n_global, population->n_dim,
                                                     population->velocity != NULL, population->n_memory);
        struct series *series = make_series(0), *wanted = make_series(3);
        why = checkpoint_read(path, found, series);
        ok = !why && same_population(population, found) && series->n_rows == wanted->n_rows &&
             memcmp(series->row, wanted->row, wanted->n_rows * wanted->width * sizeof(double)) == 0;
        population_free(found);
        series_free(series);
        series_free(wanted);
        return parallel_all(ok);
}

static char *in(const char *directory, const char *name)
{
        return format_text("%s/%s", directory, name);
}

/* Rank 0's count of names in a directory that end in `end`, on every rank. */
static int count_names(const char *directory, const char *end)
{
        int64_t n = 0;
        DIR *stream = parallel_rank() == 0 ? opendir(directory) : NULL;
        for (struct dirent *entry; stream && (entry = readdir(stream));) {
                size_t length = strlen(entry->d_name), tail = strlen(end);
                n += length >= tail && strcmp(entry->d_name + length - tail, end) == 0;
        }
        if (stream)
                closedir(stream);
        return (int)parallel_sum_integer(n);
}

static bool same_everywhere(const char *why)
{
        char text[4096] = "";
        snprintf(text, sizeof text, "%s", why ? why : "");
        parallel_broadcast(text, sizeof text, 0);
        return parallel_all(strcmp(text, why ? why : "") == 0);
}

/* ---- round trips ---- */

static const int64_t sizes[] = {1, 63, 64, 65, 1000}, dimensions[] = {1, 2, 5};

static void each_shape(const char *directory, bool write, int ranks)
{
        bool ok = true;
        for (int i = 0; i < 5 * 3; i++) {
                struct population *population = make_population(sizes[i / 3], dimensions[i % 3], i % 2);
                char *place = format_text("%s/%d/%d", directory, ranks, i);
                if (write) {
                        ok &= !directory_make(place);
                        ok &= !write_snapshot(place, population, 3);
                        ok &= !write_checkpoint(place, population, 100, 2, NULL);
                }
                char *path = in(place, "checkpoint_000000000100.h5"), *snapshot = in(place, "snapshot_0003.h5");
                ok &= holds(path, population);
                char hex[2][65];
                ok &= !payload_hash(path, hex[0]) && !payload_hash(snapshot, hex[1]);
                if (write && parallel_rank() == 0)
                        printf("same-on-any-ranks checkpoint-%d %s\nsame-on-any-ranks snapshot-%d %s\n", i, hex[0], i,
                               hex[1]);
                population_free(population);
                free(path);
                free(snapshot);
                free(place);
        }
        char *name = format_text("%d_ranks_%s_what_%d_ranks_wrote", parallel_size(), write ? "hold" : "read", ranks);
        claim(name, ok);
        free(name);
}

/* ---- generations ---- */

static int n_complaints;
static void complain(const char *line)
{
        n_complaints++;
        if (getenv("SAY"))
                printf("%s\n", line);
}

static void generations_are_kept_by_number_and_names_are_new(const char *directory)
{
        char *place = in(directory, "generations"), *first = NULL, *second = NULL, *third = NULL;
        struct population *population = make_population(100, 2, true);
        bool ok = !directory_make(place);
        ok &= !write_checkpoint(place, population, 10, 2, &first) &&
              !write_checkpoint(place, population, 10, 2, &second);
        ok &= strcmp(first, second) != 0 && count_names(place, ".h5") == 2;
        ok &= !write_checkpoint(place, population, 10, 2, &third);
        ok &= checkpoint_verify(first) != NULL && !checkpoint_verify(second) && !checkpoint_verify(third);
        char *newest = checkpoint_newest(place, complain);
        claim("generations_are_kept_by_number_and_names_are_new", ok && newest && strcmp(newest, third) == 0);
        free(newest);

        /* A damaged generation is not one of those kept: the whole one behind it stays. */
        if (parallel_rank() == 0) {
                int fd = open(third, O_WRONLY);
                ok &= pwrite(fd, "x", 1, 5000) == 1;
                close(fd);
        }
        parallel_barrier();
        char *fourth = NULL;
        ok &= !write_checkpoint(place, population, 20, 2, &fourth);
        claim("damaged_generations_do_not_count_as_kept",
              ok && !checkpoint_verify(second) && checkpoint_verify(third) && !checkpoint_verify(fourth));

        /* A run taken up from an older checkpoint may write steps below those there are: it must not lose them. */
        char *older = NULL;
        ok &= !write_checkpoint(place, population, 5, 1, &older);
        claim("the_checkpoint_just_written_is_never_the_one_removed", ok && !checkpoint_verify(older));
        population_free(population);
        free(place), free(first), free(second), free(third), free(fourth), free(older);
}

/* ---- damage ---- */

static bool found_out(const char *place, const char *damaged, const char *older)
{
        n_complaints = 0;
        bool ok = checkpoint_verify(damaged) != NULL;
        char *newest = checkpoint_newest(place, complain);
        ok = ok && newest && strcmp(newest, older) == 0 && (parallel_rank() != 0 || n_complaints == 1);
        free(newest);
        return parallel_all(ok);
}

static char *read_bytes(const char *path, size_t *n)
{
        const char *why;
        return text_read_all(path, (size_t)1 << 30, n, &why);
}

/* Rank 0 puts these bytes in the file's place; everybody waits. */
static void put_bytes(const char *path, const char *bytes, size_t n)
{
        if (parallel_rank() == 0) {
                FILE *out = fopen(path, "w");
                if (!out || fwrite(bytes, 1, n, out) != n || fclose(out) != 0)
                        fatal("cannot damage %s", path);
        }
        parallel_barrier();
}

static void damage_is_found_and_the_older_generation_taken(const char *directory, bool thorough)
{
        char *place = in(directory, "damage"), *older = NULL, *newer = NULL;
        struct population *population = make_population(300, 2, false);
        bool ok = !directory_make(place) && !write_checkpoint(place, population, 10, 2, &older) &&
                  !write_checkpoint(place, population, 20, 2, &newer);
        char *manifest = in(place, "checkpoint_000000000020.manifest");
        size_t n, n_manifest;
        char *bytes = read_bytes(newer, &n), *text = read_bytes(manifest, &n_manifest);

        bool cut = ok, flipped = ok, flipped_manifest = ok, cut_manifest = ok;
        for (size_t at = 0; at < n; at += 512) {
                put_bytes(newer, bytes, at);
                cut &= found_out(place, newer, older);
        }
        for (size_t bit = 3; bit < 8 * n; bit += thorough ? 8 * n / 10000 : 8 * n / 50) {
                bytes[bit / 8] ^= (char)(1 << bit % 8);
                put_bytes(newer, bytes, n);
                flipped &= found_out(place, newer, older);
                bytes[bit / 8] ^= (char)(1 << bit % 8);
        }
        put_bytes(newer, bytes, n);
        for (size_t bit = 0; bit < 8 * n_manifest; bit += thorough ? 1 : 31) {
                text[bit / 8] ^= (char)(1 << bit % 8);
                put_bytes(manifest, text, n_manifest);
                flipped_manifest &= found_out(place, newer, older);
                text[bit / 8] ^= (char)(1 << bit % 8);
        }
        for (size_t at = 0; at < n_manifest; at += 41) {
                put_bytes(manifest, text, at);
                cut_manifest &= found_out(place, newer, older);
        }
        claim("a_checkpoint_cut_at_every_512_bytes_is_found", cut);
        claim("flipped_bits_of_a_checkpoint_are_found", flipped);
        claim("flipped_bits_of_a_manifest_are_found", flipped_manifest);
        claim("a_manifest_cut_short_is_found", cut_manifest);

        if (parallel_rank() == 0)
                unlink(manifest);
        parallel_barrier();
        claim("a_missing_manifest_is_found", found_out(place, newer, older));

        /* Generations mixed up: the older one's file, manifest, or both under the newer one's names. */
        char *older_manifest = in(place, "checkpoint_000000000010.manifest");
        size_t n_older, n_older_manifest;
        char *old = read_bytes(older, &n_older), *old_text = read_bytes(older_manifest, &n_older_manifest);
        put_bytes(manifest, text, n_manifest);
        put_bytes(newer, old, n_older);
        bool mixed = found_out(place, newer, older);
        put_bytes(manifest, old_text, n_older_manifest);
        mixed &= found_out(place, newer, older);
        put_bytes(newer, bytes, n);
        mixed &= found_out(place, newer, older);
        put_bytes(manifest, text, n_manifest);
        claim("mixed_generations_are_found", mixed && !checkpoint_verify(newer));
        population_free(population);
        free(place), free(older), free(newer), free(manifest), free(bytes), free(text), free(old), free(old_text);
        free(older_manifest);
}

/* ---- other files ---- */

static void long_input_text_is_kept_whole(const char *directory)
{
        struct provenance with = provenance;
        size_t n = 300000;
        char *text = allocate(n + 1, 1);
        memset(text, '#', n);
        with.input_text = text;
        with.parameters = text;
        struct population *population = make_population(10, 1, false);
        struct progress_mark mark = make_mark(1);
        char *path = NULL;
        struct checkpoint_header header = {0};
        const char *why = checkpoint_write(directory, population, &mark, NULL, &with, NULL, 1, &path);
        if (!why)
                why = checkpoint_read_header(path, &header);
        claim("long_input_text_is_kept_whole", !why && strcmp(header.parameters, text) == 0);
        checkpoint_header_release(&header);
        population_free(population);
        free(path);
        free(text);
}

static void one_rank_without_room_tells_all(const char *directory)
{
        char *file = in(directory, "a-file"), *below = in(directory, "a-file/below");
        const char *why = text_write_atomic(file, "text\n");
        bool ok = !why;
        why = directory_make(below);
        ok = ok && why && strstr(why, file) && same_everywhere(why); /* the part of the path that is in the way */
        struct population *population = make_population(10, 1, false);
        why = write_snapshot(below, population, 1);
        ok = ok && why && strstr(why, below) && same_everywhere(why);
        claim("failures_are_told_alike_on_every_rank", ok);
        population_free(population);
        free(file);
        free(below);
}

static void nothing_is_left_open(void)
{
        claim("no_hdf5_object_is_left_open", H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL) == 0);
}

/* ---- each writing call failing in turn, on each rank ---- */

static int open_files(void)
{
        int n = 0;
        DIR *stream = opendir("/proc/self/fd");
        while (stream && readdir(stream))
                n++;
        if (stream)
                closedir(stream);
        return n;
}

struct fault_case {
        const char *name;
        const char *(*act)(const char *directory, const struct population *population, int round);
};

static const char *act_snapshot(const char *directory, const struct population *population, int round)
{
        (void)round;
        return write_snapshot(directory, population, 1);
}

static const char *act_checkpoint(const char *directory, const struct population *population, int round)
{
        return write_checkpoint(directory, population, 1000 + round, 2, NULL);
}

static const char *act_series(const char *directory, const struct population *population, int round)
{
        (void)population, (void)round;
        struct series *series = make_series(5);
        char *path = in(directory, "series.h5");
        const char *why = series_write(series, path, &provenance);
        series_free(series);
        free(path);
        return why;
}

static const char *act_text(const char *directory, const struct population *population, int round)
{
        (void)population, (void)round;
        char *path = in(directory, "parameters.txt");
        const char *why = text_write_atomic(path, "seed: 7\n");
        free(path);
        return why;
}

/* Two fields, each split over half of an even number of ranks, or over all. */
static const char *act_fields(const char *directory, const struct population *population, int round)
{
        (void)population, (void)round;
        double cells[2] = {40, 9}, length = 1;
        const struct mesh_settings settings = {.cells = {2, cells}, .dimensions = -1, .box_size = {1, &length}};
        parallel_split(parallel_size() % 2 == 0 ? parallel_size() / 2 : parallel_size());
        struct mesh *mesh = mesh_create(&settings);
        const struct field_layout layout = {mesh->n_planes, mesh->plane_begin, mesh->n_planes_here, mesh->plane_cells,
                                            mesh->plane_stride};
        struct population *fields = population_create_fields(2, mesh->n_cells, &layout, false, 0);
        for (size_t i = 0; i < fields->n_tiles * fields->tile_size; i++)
                fields->x[i] = 1; /* a lost write of zeros loses nothing */
        const struct snapshot snapshot = {.index = 2, .sigma = 1, .sigma_first = 1, .population = fields, .mesh = mesh,
                                          .provenance = &provenance};
        const char *why = snapshot_write(directory, &snapshot);
        population_free(fields);
        mesh_free(mesh);
        parallel_split(1);
        return why;
}

typedef const char *arm_function(long call, int error);

/* Returns the calls tried; *ok false where one broke a promise. Where `lost`, writes are not failed but lost.
 * Two failures may go untold: of closing what was only read, and of reading an older checkpoint (twice at most:
 * it is then neither counted as kept nor removed). */
static int fail_each_call(arm_function *arm, const char *place, const struct fault_case *fault, int victim, bool lost,
                          bool *ok)
{
        struct population *population = make_population(1000, 2, true);
        bool more = true;
        int call = 0, unread = 0, files = open_files();
        while (more && *ok && call < 1000) {
                call++;
                arm(parallel_rank() == victim ? call : 0, lost ? 0 : call % 2 ? EIO : ENOSPC);
                const char *why = fault->act(place, population, call);
                const char *struck = arm(0, 0);
                more = parallel_any(struck != NULL);
                bool told = why ? more && strstr(why, place) : !struck || strcmp(struck, "close after reading") == 0;
                if (!told && strcmp(struck, "pread") == 0 && fault->act == act_checkpoint)
                        told = ++unread <= 2;
                bool same = same_everywhere(why), clean = count_names(place, ".part") == 0;
                char *newest = checkpoint_newest(place, NULL);
                bool whole = newest && holds(newest, population);
                *ok = parallel_all(told && same && clean && whole && open_files() == files);
                if (!*ok && (struck || !more))
                        printf("call %d of %s on rank %d: %s: %s\n", call, fault->name, victim,
                               struck ? struck : "none", why ? why : "no failure");
                free(newest);
        }
        population_free(population);
        return call - 1;
}

static void faults(const char *directory)
{
        static const struct fault_case cases[] = {{"snapshot_write", act_snapshot},
                                                  {"checkpoint_write", act_checkpoint},
                                                  {"series_write", act_series},
                                                  {"field_snapshot_write", act_fields},
                                                  {"text_write_atomic", act_text}};
        union {
                void *object;
                arm_function *function;
        } arm = {dlsym(RTLD_DEFAULT, "fault_arm")};
        if (!arm.object) {
                claim("the_shim_is_loaded", false);
                return;
        }
        char *place = in(directory, "faults");
        arm.function(0, 0);
        struct population *population = make_population(1000, 2, true);
        bool ok = !directory_make(place) && !write_checkpoint(place, population, 1, 2, NULL);
        for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
                int calls = 0;
                bool lost = i % 2;
                for (int victim = 0; victim < parallel_size(); victim++)
                        calls += fail_each_call(arm.function, place, &cases[i / 2], victim, lost, &ok);
                char *name = format_text("%s_on_%d_ranks_%s_each_of_its_%d_%s", cases[i / 2].name, parallel_size(),
                                         lost ? "notices" : "survives", calls, lost ? "lost_writes" : "failing_calls");
                claim(name, ok && calls > (lost ? 0 : 3));
                free(name);
        }
        population_free(population);
        free(place);
}

/* ---- one generation more, for scripts that kill it, fill the disk or trace it ---- */

static const struct population *once_population(int64_t n, int64_t n_dim)
{
        return make_population(n, n_dim, false);
}

static int once(const char *directory, int64_t n, int64_t n_dim)
{
        const struct population *population = once_population(n, n_dim);
        const char *why = directory_make(directory);
        if (!why)
                why = directory_lock(directory);
        if (!why)
                why = write_snapshot(directory, population, 1);
        struct xdmf *xdmf = xdmf_create(directory);
        if (!why)
                why = xdmf_write(xdmf, 1);
        xdmf_free(xdmf);
        if (why && parallel_rank() == 0)
                fprintf(stderr, "snapshot: %s\n", why);
        const char *why_not = write_checkpoint(directory, population, n, 2, NULL);
        if (why_not && parallel_rank() == 0)
                fprintf(stderr, "checkpoint: %s\n", why_not);
        return why || why_not ? STATUS_FAILED : STATUS_DONE;
}

static int newest_is_whole(const char *directory)
{
        char *newest = checkpoint_newest(directory, complain);
        struct checkpoint_header header;
        const char *why = newest ? checkpoint_read_header(newest, &header) : "there is none";
        bool ok = !why;
        if (ok) {
                ok = holds(newest, once_population(header.n_particles, header.n_dim));
                if (parallel_rank() == 0)
                        printf("%s %s\n", ok ? "whole" : "not whole", newest);
        } else if (parallel_rank() == 0) {
                printf("%s\n", why);
        }
        return ok ? 0 : 1;
}

/* A directory of our own, known to all ranks; removed by rank 0 at the end. */
static char *scratch(void)
{
        char path[4096] = "";
        const char *parent = getenv("SCRATCH");
        if (parallel_rank() == 0) {
                snprintf(path, sizeof path, "%s/sculptor-io-XXXXXX", parent ? parent : "/tmp");
                if (!mkdtemp(path))
                        fatal("cannot make %s", path);
        }
        parallel_broadcast(path, sizeof path, 0);
        return copy_text(path);
}

static void all_claims(void)
{
        char *directory = scratch();
        const char *thorough = getenv("SCULPTOR_LONG");
        each_shape(directory, true, parallel_size());
        generations_are_kept_by_number_and_names_are_new(directory);
        damage_is_found_and_the_older_generation_taken(directory, thorough && *thorough);
        long_input_text_is_kept_whole(directory);
        one_rank_without_room_tells_all(directory);
        nothing_is_left_open();
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
        if (argc < 3) {
                all_claims();
        } else if (strcmp(argv[1], "write") == 0) {
                each_shape(argv[2], true, parallel_size());
        } else if (strcmp(argv[1], "read") == 0) {
                for (int ranks = 1; ranks <= 4; ranks++)
                        each_shape(argv[2], false, ranks);
        } else if (strcmp(argv[1], "faults") == 0) {
                faults(argv[2]);
                nothing_is_left_open();
        } else if (strcmp(argv[1], "once") == 0 && argc == 5) {
                status = once(argv[2], atol(argv[3]), atol(argv[4]));
        } else if (strcmp(argv[1], "newest") == 0) {
                status = newest_is_whole(argv[2]);
        } else {
                status = 2;
        }
        parallel_end();
        return n_failed ? 1 : status;
}
