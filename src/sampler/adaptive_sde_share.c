/* Particles shared out over the ranks, each rank getting about the same load.
 *
 * At the start of a stretch every rank knows the loads of its own particles and learns the sums of the others'. Ranks
 * of more than the mean lend particles to those of less, the heaviest first, so that few travel: a rank takes in no
 * more than about as many as it has. They go in one exchange and come back in another; nothing between is collective.
 * No bit depends on where a particle was moved. */
#include <stdlib.h>
#include <string.h>

#include "adaptive_sde.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

/* A particle that travels: these, then x and previous. */
enum { PARTICLE, LENGTH, LOAD, EVALUATIONS, BROKEN, HEAD };

struct share {
        const struct ensemble *ensemble;
        const struct population *population;
        size_t n_dim, width, n_here, n_lent; /* of a row; this rank's particles, and how many of them travel */
        struct adaptive_sde_item *here;
        struct adaptive_sde_item **order; /* [n_here], those that travel first, by the rank they go to */
        size_t *n_sent;                   /* [size] */
};

static void find_items(struct share *share)
{
        const struct population *population = share->population;
        struct adaptive_sde_item *item = share->here;
        const size_t counts = share->ensemble->sampler->scheme->n_memory;
        for (size_t t = 0; t < population->n_tiles; t++) {
                const int n_lanes = population_lanes(population, t);
                double *memory = population_memory(population, t);
                for (int lane = 0; lane < n_lanes; lane++, item++)
                        *item = (struct adaptive_sde_item){
                                .particle = (uint64_t)(population_first_particle(population, t) + lane),
                                .x = population_tile(population, t) + lane,
                                .previous = population_history(population, 0, t) + lane,
                                .stride = LANES,
                                .length = memory + ADAPTIVE_SDE_LENGTH + lane,
                                .load = memory + ADAPTIVE_SDE_LOAD + lane,
                                .evaluations = memory + counts + lane,
                                .broken = -1};
        }
}

/* Before the first time step all are alike. */
static double load_of(const struct adaptive_sde_item *item)
{
        return *item->load > 0 ? *item->load : 1;
}

static int heavier_first(const void *a, const void *b)
{
        const struct adaptive_sde_item *x = *(struct adaptive_sde_item *const *)a;
        const struct adaptive_sde_item *y = *(struct adaptive_sde_item *const *)b;
        const double difference = load_of(y) - load_of(x);
        return difference > 0 ? 1 : difference < 0 ? -1 : x->particle > y->particle ? 1 : -1;
}

static double above(double load, double mean)
{
        return load > mean ? load - mean : 0;
}

/* What is above the mean makes a line, rank after rank, and what is missing below it another of the same length: load
 * goes to the place across. A particle goes where its middle does; one that is too heavy for what is left of the
 * surplus stays. */
static void lend(struct share *share, const double *loads, double mean)
{
        enum { UNEVEN_PERCENT = 1 };
        const int rank_here = parallel_rank();
        const double surplus = above(loads[rank_here], mean);
        if (100 * surplus < UNEVEN_PERCENT * mean)
                return;
        double at = 0, lent = 0, end = above(mean, loads[0]);
        int to = 0;
        for (int rank = 0; rank < rank_here; rank++)
                at += above(loads[rank], mean);
        qsort(share->order, share->n_here, sizeof(struct adaptive_sde_item *), heavier_first);
        for (size_t i = 0; i < share->n_here; i++) {
                const double load = load_of(share->order[i]), middle = lent + load / 2;
                if (middle > surplus)
                        continue;
                while (at + middle > end && to < parallel_size() - 1) {
                        to++;
                        end += above(mean, loads[to]);
                }
                if (to == rank_here) /* the end of the line, by rounding */
                        break;
                struct adaptive_sde_item *stays = share->order[share->n_lent];
                share->order[share->n_lent] = share->order[i];
                share->order[i] = stays;
                share->n_lent++;
                share->n_sent[to]++;
                lent += load;
        }
}

static void choose_ranks(struct share *share)
{
        const size_t size = (size_t)parallel_size();
        size_t *counts = allocate(size, sizeof *counts);
        double here = 0, total = 0;
        for (size_t i = 0; i < share->n_here; i++) {
                share->order[i] = &share->here[i];
                here += load_of(&share->here[i]);
        }
        double *loads = parallel_gather(&here, 1, counts);
        for (size_t rank = 0; rank < size; rank++)
                total += loads[rank];
        lend(share, loads, total / (double)size);
        free(loads);
        free(counts);
}

/* ---- rows ---- */

static struct adaptive_sde_item row_item(const struct share *share, double *row)
{
        return (struct adaptive_sde_item){.particle = (uint64_t)row[PARTICLE], .x = row + HEAD,
                                          .previous = row + HEAD + share->n_dim, .stride = 1, .length = row + LENGTH,
                                          .load = row + LOAD, .evaluations = row + EVALUATIONS,
                                          .broken = (int64_t)row[BROKEN]};
}

static void copy_item(const struct share *share, const struct adaptive_sde_item *from, struct adaptive_sde_item *to)
{
        for (size_t i = 0; i < share->n_dim; i++) {
                to->x[i * to->stride] = from->x[i * from->stride];
                to->previous[i * to->stride] = from->previous[i * from->stride];
        }
        *to->length = *from->length;
        *to->load = *from->load;
        *to->evaluations = *from->evaluations;
        to->broken = from->broken;
}

static double *pack(const struct share *share)
{
        double *rows = allocate(share->n_lent * share->width, sizeof *rows);
        for (size_t i = 0; i < share->n_lent; i++) {
                double *row = rows + i * share->width;
                row[PARTICLE] = (double)share->order[i]->particle; /* below 2^40 */
                row[BROKEN] = -1;
                struct adaptive_sde_item item = row_item(share, row);
                copy_item(share, share->order[i], &item);
        }
        return rows;
}

/* What came back, in the order in which it was sent. */
static void unpack(const struct share *share, double *rows)
{
        for (size_t i = 0; i < share->n_lent; i++) {
                const struct adaptive_sde_item item = row_item(share, rows + i * share->width);
                copy_item(share, &item, share->order[i]);
        }
}

/* Moves those that stay and the rows that came. */
static void advance(const struct adaptive_sde *settings, struct share *share, double *rows, size_t n_rows)
{
        const size_t n_stay = share->n_here - share->n_lent;
        struct adaptive_sde_item *item = allocate(n_stay + n_rows, sizeof *item);
        for (size_t i = 0; i < n_stay; i++)
                item[i] = *share->order[share->n_lent + i];
        for (size_t k = 0; k < n_rows; k++)
                item[n_stay + k] = row_item(share, rows + k * share->width);
        adaptive_sde_lanes(settings, share->ensemble, item, n_stay + n_rows);
        for (size_t i = 0; i < n_stay; i++)
                share->order[share->n_lent + i]->broken = item[i].broken;
        for (size_t k = 0; k < n_rows; k++)
                rows[k * share->width + BROKEN] = (double)item[n_stay + k].broken;
        free(item);
}

/* This rank's first particle that broke down. */
static struct breakdown first_broken(const struct share *share)
{
        for (size_t i = 0; i < share->n_here; i++)
                if (share->here[i].broken >= 0)
                        return (struct breakdown){true, (int64_t)share->here[i].particle, share->here[i].broken};
        return (struct breakdown){.found = false};
}

struct breakdown adaptive_sde_share(const struct adaptive_sde *settings, const struct ensemble *ensemble)
{
        struct population *population = ensemble->population;
        const size_t size = (size_t)parallel_size(), n_dim = (size_t)population->n_dim;
        struct share share = {.ensemble = ensemble, .population = population, .n_dim = n_dim,
                              .width = HEAD + 2 * n_dim, .n_here = (size_t)population_count(population)};
        size_t *n_came = allocate(3 * size, sizeof *n_came), *n_back = n_came + size;
        share.n_sent = n_back + size;
        share.here = allocate(share.n_here, sizeof *share.here);
        share.order = allocate(share.n_here, sizeof *share.order);
        find_items(&share);
        choose_ranks(&share);

        double *sent = pack(&share);
        double *came = parallel_exchange(sent, share.width, share.n_sent, n_came);
        free(sent);
        size_t n_rows = 0;
        for (size_t rank = 0; rank < size; rank++)
                n_rows += n_came[rank];
        advance(settings, &share, came, n_rows);
        double *back = parallel_exchange(came, share.width, n_came, n_back);
        unpack(&share, back);
        population_pad(population);

        const struct breakdown breakdown = first_broken(&share);
        if (ensemble->progress && population->n_tiles > 0)
                ensemble->progress(ensemble->owner, population->n_tiles);
        free(came);
        free(back);
        free(n_came);
        free(share.here);
        free(share.order);
        return breakdown;
}
