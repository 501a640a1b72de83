/* At 1, 2, 3 and 4 ranks: particles with times of their own have the same bits wherever they are moved, and the work is
 * shared evenly from the second stretch on, counted in evaluations. Prints "ok NAME" or "FAIL NAME" lines from rank
 * 0. */
#include "../unit/adaptive_lab.h"

#include "sculptor/error.h"
#include "sculptor/parallel.h"

static int n_failed;

static void claim(const char *name, bool ok)
{
        ok = parallel_all(ok);
        n_failed += !ok;
        if (parallel_rank() == 0)
                printf("%s %s\n", ok ? "ok" : "FAIL", name);
}

enum { DIM = 2, N_STEPS = 6 };
static const double SIGMA[N_STEPS + 1] = {3, 2, 1.4, 1, 0.7, 0.5, 0.3};

static struct adaptive_lab *open_lab(int64_t n, bool (*tagged)(int64_t particle))
{
        struct adaptive_lab *lab = adaptive_lab_open("first_step: 0.2\nabsolute_tolerance: 0.02", &lab_process, SIGMA,
                                                     N_STEPS + 1, n, DIM, 0.25);
        lab->model.stiffness = 30;
        adaptive_lab_draw(lab, 1, tagged);
        return lab;
}

/* All particles, moved by this rank alone: x[n][DIM] and evaluations[n]. */
static double *alone(const struct adaptive_lab *lab, int64_t n, bool (*tagged)(int64_t particle), double **evaluations)
{
        double *x = allocate((size_t)n * DIM, sizeof *x), *previous = allocate((size_t)n * DIM, sizeof *x);
        double *memory = allocate(3 * (size_t)n, sizeof *memory), tile[DIM * LANES];
        struct adaptive_sde_item *item = allocate((size_t)n, sizeof *item);
        const struct rng_stream stream = {.seed = 77, .purpose = RNG_TEST};
        const double whole = lab->grid->point[0].time - lab->grid->point[N_STEPS].time;
        for (int64_t p = 0; p < n; p++) {
                if (p % LANES == 0)
                        rng_normal(&stream, (uint64_t)p, DIM, tile);
                for (int j = 0; j < DIM; j++)
                        x[p * DIM + j] = previous[p * DIM + j] = j == 1 && tagged && tagged(p) ? 2 * LAB_TAG
                                                                  : tile[j * LANES + p % LANES];
                item[p] = (struct adaptive_sde_item){.particle = (uint64_t)p, .x = x + p * DIM,
                                                     .previous = previous + p * DIM, .stride = 1,
                                                     .length = memory + p, .load = memory + n + p,
                                                     .evaluations = memory + 2 * n + p, .broken = -1};
                memory[p] = adaptive_lab_settings(lab)->first_step * whole;
        }
        struct tally unused = {0};
        const struct ensemble ensemble = {.sampler = lab->sampler, .population = lab->population, .level = &lab->level,
                                          .step_begin = 0, .step_end = N_STEPS, .tally = &unused};
        adaptive_sde_lanes(adaptive_lab_settings(lab), &ensemble, item, (size_t)n);
        *evaluations = allocate((size_t)n, sizeof(double));
        memcpy(*evaluations, memory + 2 * n, (size_t)n * sizeof(double));
        free(previous);
        free(memory);
        free(item);
        return x;
}

static bool same_as_alone(const struct adaptive_lab *lab, int64_t n, bool (*tagged)(int64_t particle))
{
        double *evaluations, *x = alone(lab, n, tagged, &evaluations);
        bool ok = true;
        const int64_t first = population_first(lab->population), end = first + population_count(lab->population);
        for (int64_t p = first; p < end; p++) {
                ok &= evaluations[p] == adaptive_lab_evaluations(lab, p);
                for (int j = 0; j < DIM; j++)
                        ok &= x[p * DIM + j] == adaptive_lab_x(lab, p, j);
        }
        free(x);
        free(evaluations);
        return ok;
}

/* The first tile: it begins on rank 0. */
static bool in_first_tile(int64_t particle)
{
        return particle < LANES;
}

static bool first_quarter(int64_t particle)
{
        return particle < 128;
}

static bool every_third(int64_t particle)
{
        return particle % 3 == 0;
}

static void bits_do_not_depend_on_ranks(void)
{
        bool ok = true;
        const int64_t sizes[] = {1, 65, 300};
        bool (*const tags[])(int64_t particle) = {NULL, in_first_tile, every_third};
        for (int s = 0; s < 3; s++)
                for (int k = 0; k < 3; k++) {
                        struct adaptive_lab *lab = open_lab(sizes[s], tags[k]);
                        for (int64_t step = 0; step < N_STEPS; step += 2)
                                ok &= !adaptive_lab_advance(lab, step, step + 2).found;
                        ok &= same_as_alone(lab, sizes[s], tags[k]);
                        adaptive_lab_close(lab);
                }
        claim("particles_have_the_same_bits_wherever_they_are_moved", ok);
}

/* Particles of rank 0 need a hundred times the evaluations of the others. 128 tagged ones, of loads alike within a
 * factor of two: a rank's share is wrong by a few of them at most. */
static void work_is_shared_evenly(void)
{
        enum { N = 512, TAGGED = N / 4 };
        struct adaptive_lab *lab = open_lab(N, first_quarter);
        lab->model.stiffness = 2000;
        double evaluations[N_STEPS];
        bool ok = true;
        for (int64_t step = 0; step < N_STEPS; step++) {
                const int64_t before = lab->tally.evaluations;
                ok &= !adaptive_lab_advance(lab, step, step + 1).found;
                evaluations[step] = (double)(lab->tally.evaluations - before);
        }
        for (int64_t step = 0; step < N_STEPS; step++) {
                const double most = parallel_max(evaluations[step]), least = parallel_min(evaluations[step]);
                if (parallel_rank() == 0)
                        fprintf(stderr, "# step %d: evaluations of a rank from %g to %g\n", (int)step, least, most);
                if (step == 0) /* it was uneven */
                        ok &= parallel_size() == 1 || most > 5 * least;
                else
                        ok &= most <= 1.2 * least;
        }
        double tagged = 0, others = 0;
        for (int64_t p = population_first(lab->population);
             p < population_first(lab->population) + population_count(lab->population); p++)
                *(first_quarter(p) ? &tagged : &others) += adaptive_lab_evaluations(lab, p);
        const double sums[] = {tagged, others};
        size_t counts[16];
        double *all = parallel_gather(sums, 2, counts);
        tagged = others = 0;
        for (int rank = 0; rank < parallel_size(); rank++) {
                tagged += all[2 * rank];
                others += all[2 * rank + 1];
        }
        ok &= tagged / TAGGED > 100 * others / (N - TAGGED);
        free(all);
        adaptive_lab_close(lab);
        claim("a_hundred_times_the_work_of_one_rank_is_shared_from_the_second_stretch_on", ok);
}

/* All ranks leave the stretch, the home of each particle that broke down names its first one. */
static bool some(int64_t particle)
{
        return particle == 70 || particle == 71 || particle == 200;
}

static void every_rank_leaves_a_stretch_in_which_particles_break_down(void)
{
        struct adaptive_lab *lab = open_lab(256, some);
        lab->model.nan_below = 1.2;
        const struct breakdown breakdown = adaptive_lab_advance(lab, 0, N_STEPS);
        const int64_t first = population_first(lab->population), end = first + population_count(lab->population);
        int64_t wanted = -1;
        for (int64_t p = end - 1; p >= first; p--)
                wanted = some(p) ? p : wanted;
        bool ok = breakdown.found == (wanted >= 0);
        if (wanted >= 0)
                ok &= breakdown.particle == wanted && breakdown.step == 2;
        adaptive_lab_close(lab);
        claim("every_rank_leaves_a_stretch_in_which_particles_break_down", ok);
}

/* Rank r sends r + to rows to rank `to`. */
static void rows_arrive_in_the_order_of_their_senders(void)
{
        enum { WIDTH = 3, MOST = 64 };
        const int size = parallel_size(), here = parallel_rank();
        size_t n_sent[16], n_received[16], n = 0;
        double rows[MOST * WIDTH];
        for (int to = 0; to < size; to++) {
                n_sent[to] = (size_t)(here + to);
                for (size_t k = 0; k < n_sent[to]; k++, n++) {
                        rows[n * WIDTH] = here;
                        rows[n * WIDTH + 1] = to;
                        rows[n * WIDTH + 2] = (double)k;
                }
        }
        double *received = parallel_exchange(rows, WIDTH, n_sent, n_received), *row = received;
        bool ok = true;
        for (int from = 0; from < size; from++) {
                ok &= n_received[from] == (size_t)(from + here);
                for (size_t k = 0; k < n_received[from]; k++, row += WIDTH)
                        ok &= row[0] == from && row[1] == here && row[2] == (double)k;
        }
        free(received);
        claim("rows_arrive_in_the_order_of_their_senders", ok);
}

int main(int argc, char **argv)
{
        parallel_begin(&argc, &argv);
        rows_arrive_in_the_order_of_their_senders();
        bits_do_not_depend_on_ranks();
        work_is_shared_evenly();
        every_rank_leaves_a_stretch_in_which_particles_break_down();
        parallel_end();
        return n_failed > 0;
}
