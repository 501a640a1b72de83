#include "sculptor/parallel.h"

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

#include "sculptor/error.h"
#include "sculptor/memory.h"

/* The one place with state of its own: who we are among the ranks. */
static struct {
        bool active;
        int rank, size;
} world = {.size = 1};

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

double *parallel_gather(const double *here, size_t n, size_t *counts)
{
        int *count = allocate((size_t)world.size, sizeof *count);
        int *offset = allocate((size_t)world.size, sizeof *offset);
        int n_here = (int)n;
        count[0] = n_here;
        if (world.active)
                check(MPI_Allgather(&n_here, 1, MPI_INT, count, 1, MPI_INT, MPI_COMM_WORLD), "MPI_Allgather");
        size_t total = 0;
        for (int rank = 0; rank < world.size; rank++) {
                offset[rank] = (int)total;
                counts[rank] = (size_t)count[rank];
                total += (size_t)count[rank];
        }
        double *all = allocate(total, sizeof *all);
        if (world.active) {
                check(MPI_Allgatherv(here, n_here, MPI_DOUBLE, all, count, offset, MPI_DOUBLE, MPI_COMM_WORLD),
                      "MPI_Allgatherv");
        } else {
                for (size_t i = 0; i < n; i++)
                        all[i] = here[i];
        }
        free(count);
        free(offset);
        return all;
}
