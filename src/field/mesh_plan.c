/* Making and planning a mesh. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "field/mesh_plans.h"
#include "sculptor/error.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

enum { BATCH_BYTES = 2 << 20 }; /* exchanged at a time: long messages, little memory */

struct mesh *mesh_create(const struct mesh_settings *settings)
{
        struct mesh *mesh = allocate(1, sizeof *mesh);
        mesh_geometry(mesh, settings);
        return mesh;
}

static void destroy(fftw_plan plan)
{
        if (plan)
                fftw_destroy_plan(plan);
}

static void plans_free(struct mesh_plans *plans)
{
        if (!plans)
                return;
        destroy(plans->plane_forward);
        destroy(plans->plane_back);
        destroy(plans->lines_forward);
        destroy(plans->lines_back);
        free(plans->planes);
        free(plans->blocks);
        free(plans->outgoing);
        free(plans->incoming);
        free(plans->out_count);
        free(plans->out_offset);
        free(plans->in_count);
        free(plans->in_offset);
        free(plans->modes);
        free(plans->block);
        free(plans->cells);
        free(plans);
}

void mesh_free(struct mesh *mesh)
{
        if (!mesh)
                return;
        plans_free(mesh->plans);
        free(mesh->line_weight);
        free(mesh);
}

double *mesh_allocate(const struct mesh *mesh)
{
        return allocate(mesh->size, sizeof(double));
}

const char *mesh_library(void)
{
        static char name[64];
        const char *version = fftw_version + strcspn(fftw_version, "-"); /* "fftw-3.3.10-sse2-avx..." */
        version += *version == '-';
        snprintf(name, sizeof name, "fftw@%.*s", (int)strcspn(version, "-"), version);
        return name;
}

/* ---- planning ---- */

static bool plan_local(const struct mesh *mesh, struct mesh_plans *plans, unsigned flags)
{
        const int shape[2] = {(int)mesh->n[mesh->n_axes - 2], (int)mesh->n[mesh->n_axes - 1]};
        const int rank = mesh->n_axes - 1, width = (int)mesh->width, lines[1] = {(int)mesh->n_planes};
        const int *plane = rank == 2 ? shape : shape + 1;
        plans->plane_forward = fftw_plan_dft_r2c(rank, plane, plans->cells, plans->block, flags);
        plans->plane_back = fftw_plan_dft_c2r(rank, plane, plans->block, plans->cells, flags);
        plans->lines_forward = fftw_plan_many_dft(1, lines, width, plans->block, NULL, width, 1, plans->block, NULL,
                                                  width, 1, FFTW_FORWARD, flags);
        plans->lines_back = fftw_plan_many_dft(1, lines, width, plans->block, NULL, width, 1, plans->block, NULL, width,
                                               1, FFTW_BACKWARD, flags);
        return plans->plane_forward && plans->plane_back && plans->lines_forward && plans->lines_back;
}

static void plan_exchange(const struct mesh *mesh, struct mesh_plans *plans)
{
        const int size = parallel_domain_size();
        const size_t block_bytes = mesh->block_modes * sizeof *plans->block;
        plans->domain = MPI_Comm_f2c(parallel_domain_handle());
        plans->n_ranks = size;
        plans->planes = allocate((size_t)size, sizeof *plans->planes);
        plans->blocks = allocate((size_t)size, sizeof *plans->blocks);
        for (int rank = 0; rank < size; rank++) {
                plans->planes[rank] = mesh_share(mesh->n_planes, rank, size);
                plans->blocks[rank] = mesh_share(mesh->n_blocks, rank, size);
        }
        plans->batch_blocks = block_bytes < BATCH_BYTES ? (int64_t)(BATCH_BYTES / block_bytes) : 1;
        if (plans->batch_blocks > plans->blocks[0].n)
                plans->batch_blocks = plans->blocks[0].n; /* the first rank has the most */
        const size_t batch = (size_t)plans->batch_blocks;
        plans->outgoing = allocate(batch * (size_t)size * mesh->n_planes_here * mesh->width, sizeof *plans->outgoing);
        plans->incoming = allocate(batch * mesh->block_modes, sizeof *plans->incoming);
        int **counts[] = {&plans->out_count, &plans->out_offset, &plans->in_count, &plans->in_offset};
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
                *counts[i] = allocate((size_t)size, sizeof **counts[i]);
}

static struct mesh_plans *plans_create(const struct mesh *mesh)
{
        struct mesh_plans *plans = allocate(1, sizeof *plans);
        plans->plane_modes = (size_t)mesh->n_blocks * mesh->width;
        size_t block = plans->plane_modes > mesh->block_modes ? plans->plane_modes : mesh->block_modes;
        plans->block = allocate(block, sizeof *plans->block); /* also stands for a plane of modes in planning */
        plans->cells = allocate(mesh->plane_stride, sizeof *plans->cells);
        return plans;
}

static char *wisdom_now(void)
{
        char *exported = fftw_export_wisdom_to_string(), *copy = copy_text(exported ? exported : "");
        free(exported);
        return copy;
}

/* Rank 0's text, which is freed; the others give NULL. */
static char *broadcast_text(char *text)
{
        uint64_t length = text ? strlen(text) : 0;
        parallel_broadcast(&length, sizeof length, 0);
        char *all = allocate((size_t)length + 1, 1);
        if (text)
                memcpy(all, text, (size_t)length);
        parallel_broadcast(all, (size_t)length, 0);
        free(text);
        return all;
}

char *mesh_plan(struct mesh *mesh, enum mesh_planning planning, const char *wisdom, bool must_suffice)
{
        static const unsigned effort[] = {[MESH_ESTIMATE] = FFTW_ESTIMATE, [MESH_MEASURE] = FFTW_MEASURE,
                                          [MESH_PATIENT] = FFTW_PATIENT};
        const bool measured = planning != MESH_ESTIMATE, first = parallel_rank() == 0;
        plans_free(mesh->plans);
        mesh->plans = plans_create(mesh);
        fftw_forget_wisdom(); /* what is estimated must not depend on what was measured before */
        bool ok = true;
        if (measured && first) {
                ok = !wisdom || !*wisdom || fftw_import_wisdom_from_string(wisdom);
                unsigned only = must_suffice ? FFTW_WISDOM_ONLY : 0;
                ok = (ok || !must_suffice) && plan_local(mesh, mesh->plans, effort[planning] | only);
        } else if (!measured) {
                ok = plan_local(mesh, mesh->plans, effort[planning]);
        }
        char *known = measured ? broadcast_text(first ? wisdom_now() : NULL) : copy_text("");
        if (measured && !first)
                ok = fftw_import_wisdom_from_string(known) &&
                     plan_local(mesh, mesh->plans, effort[planning] | FFTW_WISDOM_ONLY);
        if (!parallel_all(ok)) {
                plans_free(mesh->plans);
                mesh->plans = NULL;
                free(known);
                return NULL;
        }
        mesh->plans->modes = allocate(mesh->n_planes_here * mesh->plans->plane_modes, sizeof *mesh->plans->modes);
        if (parallel_domain_size() > 1)
                plan_exchange(mesh, mesh->plans);
        return known;
}
