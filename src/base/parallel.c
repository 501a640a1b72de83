#include "sculptor/parallel.h"

#include <limits.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/error.h"
#include "sculptor/memory.h"

/* The one place with state of its own: who we are among the ranks. */
static struct {
        bool active;
        int rank, size;
        MPI_Comm domain; /* this rank's group, once split */
        int domain_rank, domain_size;
} world = {.size = 1, .domain = MPI_COMM_SELF, .domain_size = 1};

static void check(int status, const char *what)
{
        if (status != MPI_SUCCESS) {
                char text[MPI_MAX_ERROR_STRING] = "";
                int length = 0;
                MPI_Error_string(status, text, &length);
                fatal("%s: %s", what, text);
        }
}

void parallel_begin(int *argc, char ***argv)
{
        check(MPI_Init(argc, argv), "MPI_Init");
        MPI_Comm_rank(MPI_COMM_WORLD, &world.rank);
        MPI_Comm_size(MPI_COMM_WORLD, &world.size);
        world.active = true;
}

void parallel_end(void)
{
        if (world.active)
                parallel_split(1);
        if (world.active)
                MPI_Finalize();
        world.active = false;
        world.rank = 0;
        world.size = 1;
}

bool parallel_active(void)
{
        return world.active;
}

int parallel_rank(void)
{
        return world.rank;
}

int parallel_size(void)
{
        return world.size;
}

const char *parallel_library(void)
{
        static char name[64];
#ifdef OMPI_MAJOR_VERSION
        snprintf(name, sizeof name, "openmpi@%d.%d.%d", OMPI_MAJOR_VERSION, OMPI_MINOR_VERSION, OMPI_RELEASE_VERSION);
#else
        snprintf(name, sizeof name, "mpi@%d.%d", MPI_VERSION, MPI_SUBVERSION);
#endif
        return name;
}

void parallel_barrier(void)
{
        if (world.active)
                check(MPI_Barrier(MPI_COMM_WORLD), "MPI_Barrier");
}

bool parallel_all(bool here)
{
        int value = here;
        if (world.active)
                check(MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD), "MPI_Allreduce");
        return value != 0;
}

bool parallel_any(bool here)
{
        return !parallel_all(!here);
}

int64_t parallel_sum_integer(int64_t here)
{
        parallel_sum_integers(&here, 1);
        return here;
}

void parallel_sum_integers(int64_t *values, size_t n)
{
        if (world.active)
                check(MPI_Allreduce(MPI_IN_PLACE, values, (int)n, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD),
                      "MPI_Allreduce");
}

double parallel_max(double here)
{
        if (world.active)
                check(MPI_Allreduce(MPI_IN_PLACE, &here, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD), "MPI_Allreduce");
        return here;
}

double parallel_min(double here)
{
        return -parallel_max(-here);
}

void parallel_broadcast(void *bytes, size_t n_bytes, int root)
{
        const size_t most = (size_t)1 << 30; /* MPI counts are int */
        char *next = bytes;
        while (world.active && n_bytes > 0) {
                size_t n = n_bytes < most ? n_bytes : most;
                check(MPI_Bcast(next, (int)n, MPI_BYTE, root, MPI_COMM_WORLD), "MPI_Bcast");
                next += n;
                n_bytes -= n;
        }
}

static double *gather(MPI_Comm group, int size, const double *here, size_t n, size_t *counts)
{
        int *count = allocate((size_t)size, sizeof *count);
        int *offset = allocate((size_t)size, sizeof *offset);
        int n_here = (int)n;
        count[0] = n_here;
        if (world.active)
                check(MPI_Allgather(&n_here, 1, MPI_INT, count, 1, MPI_INT, group), "MPI_Allgather");
        size_t total = 0;
        for (int rank = 0; rank < size; rank++) {
                offset[rank] = (int)total;
                counts[rank] = (size_t)count[rank];
                total += (size_t)count[rank];
        }
        double *all = allocate(total, sizeof *all);
        if (world.active) {
                check(MPI_Allgatherv(here, n_here, MPI_DOUBLE, all, count, offset, MPI_DOUBLE, group),
                      "MPI_Allgatherv");
        } else {
                for (size_t i = 0; i < n; i++)
                        all[i] = here[i];
        }
        free(count);
        free(offset);
        return all;
}

double *parallel_gather(const double *here, size_t n, size_t *counts)
{
        return gather(MPI_COMM_WORLD, world.size, here, n, counts);
}

/* Counts as MPI wants them, and where each rank's begin. Returns their sum. */
static size_t place_counts(const size_t *n, int *count, int *offset)
{
        size_t total = 0;
        for (int rank = 0; rank < world.size; rank++) {
                count[rank] = (int)n[rank];
                offset[rank] = (int)total;
                total += n[rank];
                if (total > INT_MAX)
                        fatal("%zu numbers in one exchange: more than MPI counts", total);
        }
        return total;
}

/* Items of `size` bytes, `item` to MPI. */
static void *exchange(const void *items, size_t size, MPI_Datatype item, const size_t *n_sent, size_t *n_received)
{
        const size_t n_ranks = (size_t)world.size;
        int *count = allocate(4 * n_ranks, sizeof *count), *offset = count + n_ranks;
        int *count_back = offset + n_ranks, *offset_back = count_back + n_ranks;
        place_counts(n_sent, count, offset);
        check(MPI_Alltoall(count, 1, MPI_INT, count_back, 1, MPI_INT, MPI_COMM_WORLD), "MPI_Alltoall");
        for (size_t rank = 0; rank < n_ranks; rank++)
                n_received[rank] = (size_t)count_back[rank];
        void *received = allocate(place_counts(n_received, count_back, offset_back), size);
        check(MPI_Alltoallv(items, count, offset, item, received, count_back, offset_back, item, MPI_COMM_WORLD),
              "MPI_Alltoallv");
        free(count);
        return received;
}

static void *copy_items(const void *items, size_t size, const size_t *n_sent, size_t *n_received)
{
        n_received[0] = n_sent[0];
        void *same = allocate(n_sent[0], size);
        if (n_sent[0] > 0)
                memcpy(same, items, n_sent[0] * size);
        return same;
}

double *parallel_exchange(const double *rows, size_t width, const size_t *n_sent, size_t *n_received)
{
        if (!world.active)
                return copy_items(rows, width * sizeof *rows, n_sent, n_received);
        MPI_Datatype row;
        check(MPI_Type_contiguous((int)width, MPI_DOUBLE, &row), "MPI_Type_contiguous");
        check(MPI_Type_commit(&row), "MPI_Type_commit");
        double *received = exchange(rows, width * sizeof *rows, row, n_sent, n_received);
        MPI_Type_free(&row);
        return received;
}

float *parallel_exchange_floats(const float *values, const size_t *n_sent, size_t *n_received)
{
        if (!world.active)
                return copy_items(values, sizeof *values, n_sent, n_received);
        return exchange(values, sizeof *values, MPI_FLOAT, n_sent, n_received);
}

void parallel_gather_floats(const float *here, const size_t *n, float *all)
{
        int *count = allocate(2 * (size_t)world.size, sizeof *count), *offset = count + world.size;
        const size_t total = place_counts(n, count, offset);
        if (world.active)
                check(MPI_Allgatherv(here, count[world.rank], MPI_FLOAT, all, count, offset, MPI_FLOAT, MPI_COMM_WORLD),
                      "MPI_Allgatherv");
        else
                memcpy(all, here, total * sizeof *all);
        free(count);
}

/* ---- the grid ---- */

void parallel_split(int domain_size)
{
        if (world.size % domain_size != 0)
                fatal("%d ranks are no whole number of groups of %d", world.size, domain_size);
        if (world.domain != MPI_COMM_SELF)
                check(MPI_Comm_free(&world.domain), "MPI_Comm_free");
        world.domain = MPI_COMM_SELF;
        world.domain_size = domain_size;
        world.domain_rank = world.rank % domain_size;
        if (domain_size > 1)
                check(MPI_Comm_split(MPI_COMM_WORLD, world.rank / domain_size, world.rank, &world.domain),
                      "MPI_Comm_split");
}

int parallel_domain_rank(void)
{
        return world.domain_rank;
}

int parallel_domain_size(void)
{
        return world.domain_size;
}

int parallel_ensemble_rank(void)
{
        return world.rank / world.domain_size;
}

int parallel_ensemble_size(void)
{
        return world.size / world.domain_size;
}

int parallel_domain_handle(void)
{
        return (int)MPI_Comm_c2f(world.domain);
}

double parallel_domain_max(double here)
{
        if (world.domain_size > 1)
                check(MPI_Allreduce(MPI_IN_PLACE, &here, 1, MPI_DOUBLE, MPI_MAX, world.domain), "MPI_Allreduce");
        return here;
}

bool parallel_domain_any(bool here)
{
        int value = here;
        if (world.domain_size > 1)
                check(MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_INT, MPI_MAX, world.domain), "MPI_Allreduce");
        return value != 0;
}

double *parallel_domain_gather(const double *here, size_t n, size_t *counts)
{
        return gather(world.domain, world.domain_size, here, n, counts);
}

char *parallel_share_text(char *text)
{
        int64_t length = text ? (int64_t)strlen(text) : -1;
        parallel_broadcast(&length, sizeof length, 0);
        if (length < 0)
                return NULL;
        char *here = parallel_rank() == 0 ? text : allocate((size_t)length + 1, 1);
        parallel_broadcast(here, (size_t)length, 0);
        return here;
}
