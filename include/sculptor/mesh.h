/* A periodic mesh of 2 or 3 axes, split in slabs over the ranks of a domain, and its Fourier transform, whose
 * bits do not depend on how many those are.
 *
 * Axes are in the order of arrays: (z, y, x) or (y, x). A field lies in memory plane by plane along the
 * first axis, cell (z, y, x) of this rank's plane p at p * plane_stride + y * n[2] + x. A plane is a
 * whole (y, x) sheet, or a row of x in two dimensions, and is padded to a multiple of 64 cells that are
 * always 0. Ranks own whole planes; a rank may have none.
 *
 * The transform is F_k = sum_x f(x) e^{-ikx}, unnormalised, and back with 1/n_cells. Modes of
 * half the spectrum are kept, k_x >= 0. Every plane goes through the same plan, is then transposed (which
 * only moves data), and every block of `width` lines along the first axis goes through the same plan:
 * so nothing that FFTW computes with has a shape that depends on the number of ranks.
 * [Frigo & Johnson 2005 (FFTW3)] */
#ifndef SCULPTOR_MESH_H
#define SCULPTOR_MESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sculptor/params.h"

enum { MESH_MAX_AXES = 3 };

/* ---- what the input says ---- */

struct mesh_settings {
        struct real_vector cells;    /* in the order x, y[, z]; or one number for all axes */
        int64_t dimensions;          /* -1: as many as cells or box_size tell */
        struct real_vector box_size; /* likewise; length units (Mpc/h) */
};
extern const struct param mesh_params[];
void mesh_check(const void *settings, const struct params_scope *scope);
int64_t mesh_settings_cells(const struct mesh_settings *settings); /* of the whole mesh */

/* ---- the mesh ---- */

struct mesh_plans;

struct mesh {
        int n_axes;
        int64_t n[MESH_MAX_AXES];         /* cells along each axis, array order */
        double length[MESH_MAX_AXES];     /* of the box */
        int64_t n_cells;
        double cell_volume, volume;       /* length^n_axes */

        /* cells: planes along axis 0 */
        int64_t n_planes, plane_begin;    /* all; this rank's first */
        size_t n_planes_here;
        size_t plane_cells, plane_stride; /* the stride is a multiple of 64 */
        size_t size;                      /* n_planes_here * plane_stride: doubles of a field here */

        /* modes: blocks of `width` lines along axis 0 */
        int64_t n_lines;                  /* of half the spectrum: n[1] * (n[2]/2 + 1), or n[1]/2 + 1 in 2-D */
        size_t width;
        int64_t n_blocks, block_begin;
        size_t n_blocks_here;
        size_t block_modes;               /* n_planes * width, spare lines included */
        double *line_weight;              /* [n_blocks * width]: modes of the whole spectrum that one of a line stands
                                             for: 2, or 1 where k_x is 0 or Nyquist's; 0 for spare lines */

        struct mesh_plans *plans;         /* NULL until mesh_plan() */
};

/* Slabs over the present domain (parallel.h). Collective over the domain where that has several ranks. */
struct mesh *mesh_create(const struct mesh_settings *settings);
void mesh_free(struct mesh *mesh);

/* A field's memory: zeros, 64-byte aligned. free() it. */
double *mesh_allocate(const struct mesh *mesh);

/* ---- planning ---- */

enum mesh_planning { MESH_ESTIMATE, MESH_MEASURE, MESH_PATIENT };

/* Collective over all ranks, which must all plan the same mesh. Rank 0 plans, the others follow its wisdom. `wisdom`
 * (may be NULL) is what an earlier mesh_plan() returned; where `must_suffice`, nothing may be added to it.
 * Returns NULL where it does not suffice, else all that is known now ("" for MESH_ESTIMATE, which needs none);
 * free() it. */
char *mesh_plan(struct mesh *mesh, enum mesh_planning planning, const char *wisdom, bool must_suffice);

const char *mesh_library(void); /* "fftw@3.3.10" */

/* ---- transforms; collective over the domain ---- */

/* A block of modes in cache: value[plane][line][re, im], n_planes * width of them. */
struct mesh_block {
        const struct mesh *mesh;
        int64_t index;  /* global */
        size_t first;   /* of its first mode, among this rank's: local index * block_modes */
        double *value;
};
typedef void mesh_visit(void *owner, const struct mesh_block *block);

void mesh_forward(const struct mesh *mesh, const double *field, mesh_visit *visit, void *owner);
void mesh_inverse(const struct mesh *mesh, mesh_visit *fill, void *owner, double *field);
/* Forward, `modify` each block, back. `out` may be `in`. The spare cells of out become 0. */
void mesh_filter(const struct mesh *mesh, const double *in, double *out, mesh_visit *modify, void *owner);

/* Local. The forward half of mesh_filter with a second one's modes beside it is what estimators need:
 * room for this rank's modes, [n_blocks_here][block_modes][2]. */
size_t mesh_modes_here(const struct mesh *mesh); /* n_blocks_here * block_modes, spare ones included */

/* ---- the iterator over modes ----
 *     struct mode mode;
 *     for (mode_begin(mesh, block_index, &mode); mode_next(&mode);) ... value[2 * mode.index] ...  */
struct mode {
        const struct mesh *mesh;
        int64_t block;
        size_t index;              /* in the block */
        int32_t n[MESH_MAX_AXES];  /* the wavevector in fundamental units, array order; -N/2 < n <= N/2 */
        double k[MESH_MAX_AXES];   /* 2 pi n/length */
        double k_squared;
        int weight;                /* modes of the whole spectrum it stands for: 2, or 1 where k_x is 0 or Nyquist's */
        bool self_conjugate;       /* k and -k are the same mode: it is real */
        bool zero;                 /* k = 0 */
        int64_t next;              /* internal */
};
void mode_begin(const struct mesh *mesh, int64_t block, struct mode *mode);
bool mode_next(struct mode *mode);

/* Smallest |k| > 0 and largest |k| on the mesh. */
double mesh_smallest_wavenumber(const struct mesh *mesh);
double mesh_largest_wavenumber(const struct mesh *mesh);

/* ---- sums over cells, in an order fixed by planes; collective over the domain ----
 * add() adds cells begin .. end - 1 of the local arrays, whole rows of 64, to sum[64]. */
double mesh_sum(const struct mesh *mesh, void (*add)(void *owner, size_t begin, size_t end, double *sum), void *owner);
double mesh_dot(const struct mesh *mesh, const double *a, const double *b);

#endif
