/* At 1, 2, 3 and 4 ranks: what ranks share, and that sums and statistics have the same bits on each
 * number of them. Prints "ok NAME" or "FAIL NAME" lines from rank 0. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/error.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"
#include "sculptor/population.h"
#include "sculptor/score.h"
#include "sculptor/statistics.h"
#include "sculptor/tree_sum.h"

static int n_failed;

static void claim(const char *name, bool ok)
{
        ok = parallel_all(ok);
        n_failed += !ok;
        if (parallel_rank() == 0)
                printf("%s %s\n", ok ? "ok" : "FAIL", name);
}

static void tiles_are_shared_whole_and_without_gaps(void)
{
        bool ok = true;
        const int64_t sizes[] = {1, 64, 65, 1000, 4097};
        for (size_t s = 0; s < 5; s++) {
                struct population *population = population_create(sizes[s], 1, false, 0);
                ok &= parallel_sum_integer(population_count(population)) == sizes[s];
                ok &= parallel_sum_integer((int64_t)population->n_tiles) == population->n_tiles_global;
                int64_t most = (population->n_tiles_global + parallel_size() - 1) / parallel_size();
                ok &= (int64_t)population->n_tiles <= most;
                ok &= population_count(population) == 0 ||
                      population_first(population) == population->tile_begin * LANES;
                population_free(population);
        }
        claim("tiles_are_shared_whole_and_without_gaps", ok);
}

/* The tree, written down as its definition: recursion over true siblings. */
static double tree(int64_t begin, int64_t size, int64_t n)
{
        if (begin >= n)
                return 0;
        if (size == 1)
                return sin((double)begin) * exp((double)(begin % 40));
        return tree(begin, size / 2, n) + tree(begin + size / 2, size / 2, n);
}

static void tree_sum_equals_its_definition_on_any_ranks(void)
{
        bool ok = true;
        const int64_t sizes[] = {1, 2, 3, 17, 1000, 4099};
        for (size_t s = 0; s < 6; s++) {
                struct population *population = population_create(sizes[s] * LANES, 1, false, 0);
                struct tree_sum *sum = tree_sum_create(1);
                for (size_t t = 0; t < population->n_tiles; t++) {
                        int64_t leaf = population->tile_begin + (int64_t)t;
                        double value = tree(leaf, 1, leaf + 1);
                        tree_sum_add(sum, leaf, &value);
                }
                double total;
                tree_sum_finish(sum, &total);
                ok &= total == tree(0, 8192, sizes[s]);
                population_free(population);
        }
        claim("tree_sum_equals_its_definition_on_any_ranks", ok);
}

static void large_broadcasts_and_gathers_arrive(void)
{
        char text[100] = "";
        if (parallel_rank() == parallel_size() - 1)
                strcpy(text, "from the last rank");
        parallel_broadcast(text, sizeof text, parallel_size() - 1);
        bool ok = strcmp(text, "from the last rank") == 0;
        double here[5];
        size_t n = (size_t)parallel_rank() % 5, *counts = allocate((size_t)parallel_size(), sizeof *counts);
        for (size_t i = 0; i < n; i++)
                here[i] = 10 * parallel_rank() + (double)i;
        double *all = parallel_gather(here, n, counts);
        size_t at = 0;
        for (int rank = 0; rank < parallel_size(); rank++)
                for (size_t i = 0; i < counts[rank]; i++)
                        ok &= all[at++] == 10 * rank + (double)i;
        claim("large_broadcasts_and_gathers_arrive", ok);
        free(all);
        free(counts);
}

/* s = -x, and two "modes" by the sign of the first coordinate. */
static void plain_score(const void *level, const double *restrict x, double *restrict s)
{
        int64_t n_dim = *(const int64_t *)level;
        for (int64_t i = 0; i < n_dim * LANES; i++)
                s[i] = -x[i];
}

static void sign_modes(const void *level, const double *restrict x, double *restrict r)
{
        (void)level;
        for (int lane = 0; lane < LANES; lane++) {
                r[lane] = x[lane] > 0 ? 0.75 : 0.25;
                r[LANES + lane] = 1 - r[lane];
        }
}

static size_t two_modes(const void *model)
{
        (void)model;
        return 2;
}

static double coordinate_of(int64_t particle, int64_t j)
{
        return sin(12.9898 * (double)(particle + 1) + 78.233 * (double)j) * (1 + (double)j) + 100;
}

static void statistics_are_right_and_do_not_depend_on_ranks(int64_t n_dim)
{
        enum { N = 5000 };
        const struct score_type type = {.name = "plain", .eval = plain_score, .responsibilities = sign_modes,
                                        .n_modes = two_modes};
        struct score score = {.type = &type, .n_dim = n_dim, .model = NULL};
        struct score_level level = {.score = &score, .scale = 1, .state = &n_dim};
        struct population *population = population_create(N, n_dim, false, 0);
        for (int64_t i = 0; i < population_count(population); i++)
                for (int64_t j = 0; j < n_dim; j++)
                        population->x[(i / LANES) * n_dim * LANES + j * LANES + i % LANES] = coordinate_of(
                                population_first(population) + i, j);
        population_pad(population);
        struct statistics *statistics = statistics_measure(population, &level);

        /* Against long double sums: pairwise errors stay below 20 roundings of the summed magnitudes. */
        bool ok = true;
        long double mean0 = 0, square = 0, variance = 0, last = 0;
        for (int64_t i = 0; i < N; i++) {
                mean0 += coordinate_of(i, 0) / (long double)N;
                last += coordinate_of(i, n_dim - 1) / (long double)N;
                for (int64_t j = 0; j < n_dim; j++)
                        square += (long double)coordinate_of(i, j) * coordinate_of(i, j) / N;
        }
        for (int64_t i = 0; i < N; i++)
                variance += (coordinate_of(i, n_dim - 1) - last) * (coordinate_of(i, n_dim - 1) - last) / (N - 1);
        ok &= fabsl(statistics->mean[0] - mean0) < 20 * 0x1p-53 * 101;
        ok &= fabsl(statistics->mean_score_squared - square) < 20 * 0x1p-53 * (double)square * 2;
        size_t diagonal = n_dim <= STATISTICS_MAX_DENSE ? (size_t)(n_dim * n_dim - 1) : (size_t)(n_dim - 1);
        /* the mean's own rounding, 101 * 2^-50, enters times the deviations */
        ok &= fabsl(statistics->covariance[diagonal] - variance) < 1e-12 * (double)variance + 1e-12;
        ok &= statistics->mode_occupation[0] == 1 && statistics->mode_occupation[1] == 0;
        ok &= statistics->mode_weight[0] == 0.75;

        /* The same bits as one rank computes: every rank builds the whole population by itself. */
        char name[100];
        snprintf(name, sizeof name, "statistics_are_right_d%lld", (long long)n_dim);
        claim(name, ok);
        if (parallel_rank() == 0) {
                unsigned long long hash = 1469598103934665603ULL;
                for (int64_t j = 0; j < n_dim; j++) {
                        unsigned long long bits;
                        memcpy(&bits, &statistics->mean[j], sizeof bits);
                        hash = (hash ^ bits) * 1099511628211ULL;
                        memcpy(&bits, &statistics->covariance[j], sizeof bits);
                        hash = (hash ^ bits) * 1099511628211ULL;
                }
                printf("same-on-any-ranks statistics d%lld %016llx\n", (long long)n_dim, hash);
        }
        statistics_free(statistics);
        population_free(population);
}

int main(int argc, char **argv)
{
        parallel_begin(&argc, &argv);
        tiles_are_shared_whole_and_without_gaps();
        tree_sum_equals_its_definition_on_any_ranks();
        large_broadcasts_and_gathers_arrive();
        statistics_are_right_and_do_not_depend_on_ranks(2);
        statistics_are_right_and_do_not_depend_on_ranks(40);
        leave_all(n_failed > 0 ? 1 : 0);
}
