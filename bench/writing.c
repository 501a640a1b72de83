/* Snapshot writing against a plain fwrite and fsync of the same bytes, in the same directory, by turns.
 *
 *     mpirun -n N writing DIRECTORY PARTICLES REPEATS
 *
 * Prints "name value unit" lines; each is the median of the repeats. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "sculptor/error.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"
#include "sculptor/population.h"
#include "sculptor/rng.h"
#include "sculptor/snapshot.h"

enum { N_DIM = 2, MOST_REPEATS = 99 };

static double seconds_now(void)
{
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;
        return (x > y) - (x < y);
}

static double median(double *values, int n)
{
        qsort(values, (size_t)n, sizeof *values, ascending);
        return values[n / 2];
}

/* Rank 0 writes all bytes from one buffer, as a serial program would. */
static double time_plain(const char *directory, int64_t bytes)
{
        parallel_barrier();
        double begin = seconds_now();
        if (parallel_rank() == 0) {
                enum { BLOCK = 1 << 22 };
                static char block[BLOCK];
                char *path = format_text("%s/plain.bin", directory);
                FILE *file = fopen(path, "wb");
                if (!file)
                        fatal("cannot write %s", path);
                for (int64_t left = bytes; left > 0; left -= BLOCK) {
                        size_t n = left < BLOCK ? (size_t)left : BLOCK;
                        if (fwrite(block, 1, n, file) != n)
                                fatal("cannot write %s", path);
                }
                if (fflush(file) != 0 || fsync(fileno(file)) != 0 || fclose(file) != 0)
                        fatal("cannot write %s", path);
                unlink(path);
                free(path);
        }
        parallel_barrier();
        return seconds_now() - begin;
}

static double time_snapshot(const char *directory, const struct population *population)
{
        const struct provenance provenance = {.version = "bench", .commit = "bench", .dependencies = "", .machine = "",
                                              .input_text = "", .overrides = "", .parameters = "", .seed = 1};
        const struct snapshot snapshot = {.index = 1, .sigma = 1, .sigma_first = 2, .population = population,
                                          .provenance = &provenance};
        parallel_barrier();
        double begin = seconds_now();
        const char *why = snapshot_write(directory, &snapshot);
        succeed_all(!why, "%s", why ? why : "");
        double seconds = parallel_max(seconds_now() - begin);
        if (parallel_rank() == 0) {
                char *path = format_text("%s/snapshot_0001.h5", directory);
                unlink(path);
                free(path);
        }
        parallel_barrier();
        return seconds;
}

int main(int argc, char **argv)
{
        parallel_begin(&argc, &argv);
        require_all(argc == 4, "usage: writing DIRECTORY PARTICLES REPEATS");
        int64_t n = strtoll(argv[2], NULL, 10);
        int repeats = atoi(argv[3]);
        require_all(n > 0 && repeats > 0 && repeats <= MOST_REPEATS, "usage: writing DIRECTORY PARTICLES REPEATS");
        struct population *population = population_create(n, N_DIM, false, 0);
        const struct rng_stream stream = {.seed = 1, .purpose = RNG_TEST};
        for (size_t t = 0; t < population->n_tiles; t++)
                rng_normal(&stream, (uint64_t)population_first_particle(population, t), N_DIM, population_tile(population, t));

        double plain[MOST_REPEATS], snapshot[MOST_REPEATS], ratio[MOST_REPEATS];
        int64_t bytes = snapshot_size(n, N_DIM, 0);
        for (int i = 0; i < repeats; i++) {
                plain[i] = time_plain(argv[1], bytes);
                snapshot[i] = time_snapshot(argv[1], population);
                ratio[i] = plain[i] / snapshot[i];
        }
        if (parallel_rank() == 0) {
                printf("file_bytes %" PRId64 " B\n", bytes);
                printf("plain_write %.4g MB/s\n", (double)bytes / median(plain, repeats) / 1e6);
                printf("snapshot_write %.4g MB/s\n", (double)bytes / median(snapshot, repeats) / 1e6);
                printf("snapshot_to_plain %.3f ratio\n", median(ratio, repeats));
        }
        population_free(population);
        leave_all(STATUS_DONE);
}
