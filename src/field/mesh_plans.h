/* What a mesh computes with: FFTW's plans, and the memory modes pass through. Only for mesh.c and mesh_plan.c. */
#ifndef SCULPTOR_FIELD_MESH_PLANS_H
#define SCULPTOR_FIELD_MESH_PLANS_H

#include <fftw3.h>
#include <mpi.h>

#include "field/mesh_geometry.h"

struct mesh_plans {
        fftw_plan plane_forward, plane_back;  /* cells <-> a plane of modes, out of place */
        fftw_plan lines_forward, lines_back;  /* a block, in place */
        fftw_complex *modes;                  /* of this rank's planes */
        fftw_complex *block;                  /* one block */
        double *cells;                        /* one plane, to plan with */
        size_t plane_modes;                   /* n_blocks * width */

        /* several ranks: a batch is up to batch_blocks blocks of every rank */
        MPI_Comm domain;
        int n_ranks;
        struct share *planes, *blocks;        /* [n_ranks] */
        int64_t batch_blocks;
        fftw_complex *outgoing;               /* [rank][its blocks of the batch][planes here][width] */
        fftw_complex *incoming;               /* [rank][blocks here of the batch][its planes][width] */
        int *out_count, *out_offset, *in_count, *in_offset; /* [n_ranks], in doubles */
};

#endif
