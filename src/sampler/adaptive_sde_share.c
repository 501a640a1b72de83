/* Particles shared out over the ranks, each rank getting about the same load.
 *
 * At the start of a stretch every rank knows the loads of its own particles and learns the sums of the others'. In the
 * order of their numbers particles are cut into runs of equal load, one a rank, and those that lie elsewhere travel
 * there; after the stretch they travel back. Two exchanges a stretch, and nothing collective between them. Where the
 * loads are even, particles stay. No bit depends on where a particle was moved: sums of loads decide that alone. */
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
        size_t n_dim, width, n_here; /* of a row; this rank's particles */
        struct adaptive_sde_item *here;
        int *goes_to;                /* [n_here] rank */
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

/* Where the middle of the particle's load lies on the line of all loads. */
static void choose_ranks(struct share *share)
{
        const size_t size = (size_t)parallel_size();
        size_t *counts = allocate(size, sizeof *counts);
        double here = 0, total = 0, before = 0;
        for (size_t i = 0; i < share->n_here; i++)
                here += load_of(&share->here[i]);
        double *loads = parallel_gather(&here, 1, counts);
        for (size_t rank = 0; rank < size; rank++) {
                total += loads[rank];
                before += rank < (size_t)parallel_rank() ? loads[rank] : 0;
        }
        for (size_t i = 0; i < share->n_here; i++) {
                const double load = load_of(&share->here[i]);
                const double rank = floor((before + load / 2) / total * (double)size);
                before += load;
                share->goes_to[i] = rank < (double)size ? (int)rank : (int)size - 1;
        }
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

/* The rows of those that travel, in the order of their ranks, which is theirs. */
static double *pack(const struct share *share, size_t *n_sent)
{
        const int rank_here = parallel_rank();
        size_t n = 0;
        memset(n_sent, 0, (size_t)parallel_size() * sizeof *n_sent);
        for (size_t i = 0; i < share->n_here; i++)
                if (share->goes_to[i] != rank_here) {
                        n_sent[share->goes_to[i]]++;
                        n++;
                }
        double *rows = allocate(n * share->width, sizeof *rows), *row = rows;
        for (size_t i = 0; i < share->n_here; i++) {
                if (share->goes_to[i] == rank_here)
                        continue;
                row[PARTICLE] = (double)share->here[i].particle; /* below 2^40 */
                struct adaptive_sde_item item = row_item(share, row);
                copy_item(share, &share->here[i], &item);
                row[BROKEN] = -1;
                row += share->width;
        }
        return rows;
}

/* What came back, in the order in which it was sent. */
static void unpack(const struct share *share, double *row)
{
        for (size_t i = 0; i < share->n_here; i++) {
                if (share->goes_to[i] == parallel_rank())
                        continue;
                const struct adaptive_sde_item item = row_item(share, row);
                copy_item(share, &item, &share->here[i]);
                row += share->width;
        }
}

/* Moves those that stay and the rows that came. */
static void advance(const struct adaptive_sde *settings, struct share *share, double *rows, size_t n_rows)
{
        struct adaptive_sde_item *item = allocate(share->n_here + n_rows, sizeof *item);
        size_t n = 0;
        for (size_t i = 0; i < share->n_here; i++)
                if (share->goes_to[i] == parallel_rank())
                        item[n++] = share->here[i];
        const size_t n_stay = n;
        for (size_t k = 0; k < n_rows; k++)
                item[n++] = row_item(share, rows + k * share->width);
        adaptive_sde_lanes(settings, share->ensemble, item, n);
        for (size_t i = 0, k = 0; i < share->n_here; i++)
                if (share->goes_to[i] == parallel_rank())
                        share->here[i].broken = item[k++].broken;
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
        share.here = allocate(share.n_here, sizeof *share.here);
        share.goes_to = allocate(share.n_here, sizeof *share.goes_to);
        find_items(&share);
        choose_ranks(&share);

        size_t *n_sent = allocate(3 * size, sizeof *n_sent), *n_came = n_sent + size, *n_back = n_came + size;
        double *sent = pack(&share, n_sent);
        double *came = parallel_exchange(sent, share.width, n_sent, n_came);
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
        free(n_sent);
        free(share.here);
        free(share.goes_to);
        return breakdown;
}
