/* Speed of the kernels on one core, as lines "name value unit", medians of repeats by processor time, which
 * other processes on the machine do not add to:
 *
 *     build/bench/kernels [REPEATS]
 *
 * The Langevin step is the sampler's, x + e s(x) + sqrt(2 e) z, on 8 equal Gaussians in 2-D: in cache (16
 * tiles, 16 KiB), and out of it (a population of ten times the last-level cache, of which each repeat
 * takes the next 8 MiB, 100 steps to a tile). */
#define _GNU_SOURCE /* sysconf(_SC_LEVEL3_CACHE_SIZE) */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "score/mixture.h"
#include "sculptor/memory.h"
#include "sculptor/vecmath.h"

enum { N_DIM = 2, N_MODES = 8, TILE = N_DIM * LANES, TILES_IN_CACHE = 16, STEPS = 100 };

/* What the measured functions work on. */
struct bench {
        void *level;
        size_t n_tiles;      /* of the population */
        double *population;  /* [n_tiles][N_DIM][LANES] */
        size_t next_tile;    /* of the population, to take out of memory */
        uint32_t step;
        double sink[TILE] __attribute__((aligned(64)));
};

static double processor_seconds(void)
{
        struct timespec now;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void advance(struct bench *bench, double *restrict x, uint64_t tile, uint32_t n_steps)
{
        const double e = 0.01, noise = sqrt(2 * e);
        double s[TILE] __attribute__((aligned(64))), z[TILE] __attribute__((aligned(64)));
        for (uint32_t k = 0; k < n_steps; k++) {
                const struct rng_stream stream = {.seed = 1, .purpose = RNG_NOISE, .step = bench->step + k};
                mixture_eval(bench->level, x, s);
                rng_normal(&stream, tile * LANES, N_DIM, z);
                for (int i = 0; i < TILE; i++)
                        x[i] = fma(noise, z[i], fma(e, s[i], x[i]));
        }
}

/* ---- each returns how many units of work it did ---- */

static double exponentials(struct bench *bench)
{
        enum { N = 100000 };
        for (int k = 0; k < N; k++)
                for (int i = 0; i < TILE; i++)
                        bench->sink[i] = vm_exp_flushed(-bench->sink[i]);
        return (double)N * TILE;
}

static double normals(struct bench *bench)
{
        enum { N = 50000 };
        for (uint32_t k = 0; k < N; k++) {
                const struct rng_stream stream = {.seed = 1, .purpose = RNG_NOISE, .step = k};
                rng_normal(&stream, 0, N_DIM, bench->sink);
        }
        return (double)N * TILE;
}

static double scores(struct bench *bench)
{
        enum { N = 30000 };
        for (int k = 0; k < N; k++)
                mixture_eval(bench->level, bench->population + (k % TILES_IN_CACHE) * TILE, bench->sink);
        return (double)N * LANES;
}

static double steps_in_cache(struct bench *bench)
{
        enum { ROUNDS = 10 };
        for (int round = 0; round < ROUNDS; round++, bench->step += STEPS)
                for (uint64_t tile = 0; tile < TILES_IN_CACHE; tile++)
                        advance(bench, bench->population + tile * TILE, tile, STEPS);
        return (double)ROUNDS * TILES_IN_CACHE * LANES * STEPS;
}

static double steps_out_of_cache(struct bench *bench)
{
        enum { N_TILES = 8192 };
        for (int k = 0; k < N_TILES; k++) {
                advance(bench, bench->population + bench->next_tile * TILE, bench->next_tile, STEPS);
                bench->next_tile = (bench->next_tile + 1) % bench->n_tiles;
        }
        bench->step += STEPS;
        return (double)N_TILES * LANES * STEPS;
}

/* ---- measuring ---- */

static int compare_doubles(const void *a, const void *b)
{
        const double x = *(const double *)a, y = *(const double *)b;
        return (x > y) - (x < y);
}

static void measure(const char *name, double (*work)(struct bench *), struct bench *bench, size_t repeats)
{
        double *rate = allocate(repeats, sizeof *rate);
        for (size_t r = 0; r < repeats; r++) {
                const double begin = processor_seconds(), n = work(bench);
                rate[r] = n / (processor_seconds() - begin);
        }
        qsort(rate, repeats, sizeof *rate, compare_doubles);
        printf("%s %.4g 1/s\n", name, rate[repeats / 2]);
        fflush(stdout);
        free(rate);
}

static void *ring_level(struct mixture **mixture)
{
        *mixture = mixture_allocate(N_MODES, N_DIM);
        for (size_t k = 0; k < N_MODES; k++) {
                const struct vm_sincos at = vm_sincos_turns((double)k / N_MODES);
                (*mixture)->mean[N_DIM * k] = 4 * at.cos;
                (*mixture)->mean[N_DIM * k + 1] = 4 * at.sin;
                (*mixture)->sigma[N_DIM * k] = (*mixture)->sigma[N_DIM * k + 1] = 0.5;
        }
        mixture_create(*mixture);
        return mixture_create_level(*mixture, 0);
}

int main(int argc, char **argv)
{
        const long repeats = argc > 1 ? strtol(argv[1], NULL, 10) : 9;
        if (repeats < 1) {
                fprintf(stderr, "usage: kernels [REPEATS], at least 1\n");
                return 2;
        }
        long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
        cache = cache > 0 ? cache : 32L << 20;

        struct mixture *mixture;
        struct bench bench = {.level = ring_level(&mixture), .n_tiles = 10 * (size_t)cache / (TILE * sizeof(double))};
        bench.population = allocate(bench.n_tiles * TILE, sizeof(double));
        const struct rng_stream start = {.seed = 1, .purpose = RNG_INITIAL};
        for (size_t tile = 0; tile < bench.n_tiles; tile++)
                rng_normal(&start, tile * LANES, N_DIM, bench.population + tile * TILE);

        measure("exponentials", exponentials, &bench, (size_t)repeats);
        measure("normals", normals, &bench, (size_t)repeats);
        measure("mixture_scores", scores, &bench, (size_t)repeats);
        measure("langevin_steps_in_cache", steps_in_cache, &bench, (size_t)repeats);
        measure("langevin_steps_out_of_cache", steps_out_of_cache, &bench, (size_t)repeats);

        free(bench.population);
        mixture_free_level(bench.level);
        mixture_free(mixture);
        return 0;
}
