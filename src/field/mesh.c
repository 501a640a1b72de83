/* The transform. Cells -> planes of modes, each by the same plan -> blocks of lines, each by the same plan.
 *
 *     cells   [plane][plane_stride]           doubles
 *     modes   [plane][n_blocks][width]        complex, this rank's planes: what the planes' plan leaves
 *     block   [n_planes][width]               complex, one at a time in cache
 *
 * A block is gathered from the planes, transformed, visited and, in a filter, transformed back and
 * scattered, all while it is in cache. Where planes are on several ranks, they exchange a batch of blocks
 * at a time, so that no second copy of the modes is ever held. Exchanges only move data. */
#include <string.h>

#include "field/mesh_plans.h"
#include "sculptor/error.h"
#include "sculptor/parallel.h"

/* ---- planes ---- */

/* FFTW takes what it only reads as if it wrote it: out of place, real to complex, it keeps its input. */
static double *read_only(const double *cells)
{
        double *same;
        memcpy(&same, &cells, sizeof same);
        return same;
}

static void planes_forward(const struct mesh *mesh, const double *field)
{
        const struct mesh_plans *plans = mesh->plans;
        for (size_t p = 0; p < mesh->n_planes_here; p++)
                fftw_execute_dft_r2c(plans->plane_forward, read_only(field + p * mesh->plane_stride),
                                     plans->modes + p * plans->plane_modes);
}

static void planes_back(const struct mesh *mesh, double *field)
{
        const struct mesh_plans *plans = mesh->plans;
        for (size_t p = 0; p < mesh->n_planes_here; p++) {
                double *plane = field + p * mesh->plane_stride;
                fftw_execute_dft_c2r(plans->plane_back, plans->modes + p * plans->plane_modes, plane);
                memset(plane + mesh->plane_cells, 0, (mesh->plane_stride - mesh->plane_cells) * sizeof *plane);
        }
}

/* ---- what happens to a block in cache ---- */

struct passage {
        const struct mesh *mesh;
        bool forward, back; /* whether modes come from the planes, and go back to them */
        mesh_visit *visit;
        void *owner;
};

static void block_process(const struct passage *passage, size_t b)
{
        const struct mesh *mesh = passage->mesh;
        fftw_complex *value = mesh->plans->block;
        const struct mesh_block block = {.mesh = mesh, .index = mesh->block_begin + (int64_t)b,
                                         .first = b * mesh->block_modes, .value = (double *)value};
        if (passage->forward)
                fftw_execute_dft(mesh->plans->lines_forward, value, value);
        else
                memset(value, 0, mesh->block_modes * sizeof *value);
        passage->visit(passage->owner, &block);
        if (passage->back)
                fftw_execute_dft(mesh->plans->lines_back, value, value);
}

/* A run of planes of a block between its place in cache and rows that lie `stride` apart. */
static void copy_in(const struct mesh *mesh, int64_t plane, int64_t n, fftw_complex *rows, size_t stride)
{
        const size_t width = mesh->width;
        fftw_complex *block = mesh->plans->block + (size_t)plane * width;
        for (size_t p = 0; p < (size_t)n; p++)
                memcpy(block + p * width, rows + p * stride, width * sizeof *block);
}

static void copy_out(const struct mesh *mesh, int64_t plane, int64_t n, fftw_complex *rows, size_t stride)
{
        const double scale = 1 / (double)mesh->n_cells;
        const size_t width = 2 * mesh->width;
        const double *restrict block = (double *)mesh->plans->block + (size_t)plane * width;
        for (size_t p = 0; p < (size_t)n; p++) {
                double *restrict to = (double *)(rows + p * stride);
                for (size_t i = 0; i < width; i++)
                        to[i] = scale * block[p * width + i];
        }
}

/* ---- all planes here ---- */

static void pass_alone(const struct passage *passage)
{
        const struct mesh *mesh = passage->mesh;
        const struct mesh_plans *plans = mesh->plans;
        for (size_t b = 0; b < mesh->n_blocks_here; b++) {
                fftw_complex *rows = plans->modes + b * mesh->width;
                if (passage->forward)
                        copy_in(mesh, 0, mesh->n_planes, rows, plans->plane_modes);
                block_process(passage, b);
                if (passage->back)
                        copy_out(mesh, 0, mesh->n_planes, rows, plans->plane_modes);
        }
}

/* ---- planes on several ranks ---- */

/* The blocks of a rank that are in batch `batch`. */
static struct share batch_of(const struct mesh_plans *plans, int rank, int64_t batch)
{
        const struct share all = plans->blocks[rank];
        int64_t skip = batch * plans->batch_blocks < all.n ? batch * plans->batch_blocks : all.n;
        int64_t n = all.n - skip < plans->batch_blocks ? all.n - skip : plans->batch_blocks;
        return (struct share){.begin = all.begin + skip, .n = n};
}

/* How many doubles go to and come from each rank in a batch. */
static void count_batch(const struct mesh *mesh, int64_t batch)
{
        const struct mesh_plans *plans = mesh->plans;
        const int here = parallel_domain_rank();
        const int64_t doubles = 2 * (int64_t)mesh->width, blocks_here = batch_of(plans, here, batch).n;
        int out = 0, in = 0;
        for (int rank = 0; rank < plans->n_ranks; rank++) {
                plans->out_count[rank] = (int)(batch_of(plans, rank, batch).n * plans->planes[here].n * doubles);
                plans->in_count[rank] = (int)(blocks_here * plans->planes[rank].n * doubles);
                plans->out_offset[rank] = out;
                plans->in_offset[rank] = in;
                out += plans->out_count[rank];
                in += plans->in_count[rank];
        }
}

/* Between this rank's planes and what is exchanged of them. */
static void pack(const struct mesh *mesh, int64_t batch, bool unpack)
{
        const struct mesh_plans *plans = mesh->plans;
        const size_t width = mesh->width;
        for (int rank = 0; rank < plans->n_ranks; rank++) {
                const struct share blocks = batch_of(plans, rank, batch);
                fftw_complex *packed = plans->outgoing + plans->out_offset[rank] / 2;
                for (int64_t b = blocks.begin; b < blocks.begin + blocks.n; b++)
                        for (size_t p = 0; p < mesh->n_planes_here; p++, packed += width) {
                                fftw_complex *rows = plans->modes + p * plans->plane_modes + (size_t)b * width;
                                memcpy(unpack ? rows : packed, unpack ? packed : rows, width * sizeof *rows);
                        }
        }
}

static void exchange(const struct mesh_plans *plans, bool back)
{
        int status = back ? MPI_Alltoallv(plans->incoming, plans->in_count, plans->in_offset, MPI_DOUBLE,
                                          plans->outgoing, plans->out_count, plans->out_offset, MPI_DOUBLE,
                                          plans->domain)
                          : MPI_Alltoallv(plans->outgoing, plans->out_count, plans->out_offset, MPI_DOUBLE,
                                          plans->incoming, plans->in_count, plans->in_offset, MPI_DOUBLE,
                                          plans->domain);
        if (status != MPI_SUCCESS)
                fatal("MPI_Alltoallv failed with %d", status);
}

/* Block i of this rank's batch, between cache and the planes that came from every rank. */
static void copy_ranks(const struct mesh *mesh, int64_t i, bool out)
{
        const struct mesh_plans *plans = mesh->plans;
        for (int rank = 0; rank < plans->n_ranks; rank++) {
                const struct share planes = plans->planes[rank];
                fftw_complex *rows = plans->incoming + plans->in_offset[rank] / 2 +
                                     (size_t)(i * planes.n) * mesh->width;
                if (out)
                        copy_out(mesh, planes.begin, planes.n, rows, mesh->width);
                else
                        copy_in(mesh, planes.begin, planes.n, rows, mesh->width);
        }
}

static void pass_together(const struct passage *passage)
{
        const struct mesh *mesh = passage->mesh;
        const struct mesh_plans *plans = mesh->plans;
        const int64_t n_batches = (plans->blocks[0].n + plans->batch_blocks - 1) / plans->batch_blocks;
        for (int64_t batch = 0; batch < n_batches; batch++) {
                const struct share here = batch_of(plans, parallel_domain_rank(), batch);
                count_batch(mesh, batch);
                if (passage->forward) {
                        pack(mesh, batch, false);
                        exchange(plans, false);
                }
                for (int64_t i = 0; i < here.n; i++) {
                        if (passage->forward)
                                copy_ranks(mesh, i, false);
                        block_process(passage, (size_t)(here.begin + i - mesh->block_begin));
                        if (passage->back)
                                copy_ranks(mesh, i, true);
                }
                if (passage->back) {
                        exchange(plans, true);
                        pack(mesh, batch, true);
                }
        }
}

static void pass(const struct passage *passage)
{
        if (passage->mesh->plans->n_ranks > 1)
                pass_together(passage);
        else
                pass_alone(passage);
}

/* ---- the three ways through ---- */

void mesh_forward(const struct mesh *mesh, const double *field, mesh_visit *visit, void *owner)
{
        planes_forward(mesh, field);
        pass(&(struct passage){mesh, true, false, visit, owner});
}

void mesh_inverse(const struct mesh *mesh, mesh_visit *fill, void *owner, double *field)
{
        pass(&(struct passage){mesh, false, true, fill, owner});
        planes_back(mesh, field);
}

void mesh_filter(const struct mesh *mesh, const double *in, double *out, mesh_visit *modify, void *owner)
{
        planes_forward(mesh, in);
        pass(&(struct passage){mesh, true, true, modify, owner});
        planes_back(mesh, out);
}
