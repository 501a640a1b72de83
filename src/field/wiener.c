#include "sculptor/wiener.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/memory.h"
#include "sculptor/tree_sum.h"

/* The norm of a residual falls to this share of the right-hand side's; an error of the solution is at most that times
 * the condition number, which is at most 1 + the largest c b^2 times the largest M/N. */
#define TOLERANCE 1e-13
enum { MOST_ITERATIONS = 20000 };

struct wiener {
        struct wiener_problem problem;
        double *root;     /* c^1/2 of each mode, 0 in spare lines */
        double mean_weight;
        double *u, *r, *p, *q; /* modes, [mesh_modes_here()][re, im]: solution, residual, direction, A p */
        double *cells;    /* a field */
        struct tree_sum *sum;
};

/* ---- right-hand side, operator, solution: one way through the transform each ---- */

/* c^1/2 b */
static double gain_of(const struct wiener *wiener, size_t i)
{
        return wiener->problem.beam ? wiener->root[i] * wiener->problem.beam[i] : wiener->root[i];
}

/* 1/(1 + c b^2 <M/N>): the inverse of the operator were the noise the same in all cells. */
static double preconditioner_of(const struct wiener *wiener, size_t i)
{
        const double gain = gain_of(wiener, i);
        return 1 / fma(gain * gain, wiener->mean_weight, 1);
}

static void add_block(struct tree_sum *sum, const struct mesh *mesh, int64_t block, size_t n_sums,
                      const double (*line_sum)[64])
{
        const double *weight = mesh->line_weight + (size_t)block * mesh->width;
        double total[2] = {0};
        for (size_t s = 0; s < n_sums; s++)
                for (size_t j = 0; j < mesh->width; j++)
                        total[s] = fma(weight[j], line_sum[s][j], total[s]);
        tree_sum_add(sum, block, total);
}

static void direction_to_block(void *owner, const struct mesh_block *block)
{
        const struct wiener *wiener = owner;
        for (size_t i = 0; i < block->mesh->block_modes; i++) {
                const size_t m = block->first + i;
                const double gain = gain_of(wiener, m);
                block->value[2 * i] = gain * wiener->p[2 * m];
                block->value[2 * i + 1] = gain * wiener->p[2 * m + 1];
        }
}

/* q = p + c^1/2 b F cells; the sum of p q. */
static void block_to_product(void *owner, const struct mesh_block *block)
{
        const struct wiener *wiener = owner;
        const size_t width = block->mesh->width;
        double line_sum[1][64] = {{0}};
        for (size_t row = 0; row < block->mesh->block_modes; row += width)
                for (size_t j = 0; j < width; j++) {
                        const size_t i = row + j, m = block->first + i;
                        const double gain = gain_of(wiener, m), re = wiener->p[2 * m], im = wiener->p[2 * m + 1];
                        wiener->q[2 * m] = fma(gain, block->value[2 * i], re);
                        wiener->q[2 * m + 1] = fma(gain, block->value[2 * i + 1], im);
                        line_sum[0][j] = fma(re, wiener->q[2 * m], fma(im, wiener->q[2 * m + 1], line_sum[0][j]));
                }
        add_block(wiener->sum, block->mesh, block->index, 1, (const double(*)[64])line_sum);
}

/* q = (I + C^1/2 A' N^-1 A C^1/2) p; returns p' q. */
static double apply(struct wiener *wiener)
{
        const struct mesh *mesh = wiener->problem.mesh;
        double product;
        mesh_inverse(mesh, direction_to_block, wiener, wiener->cells);
        for (size_t i = 0; i < mesh->size; i++)
                wiener->cells[i] *= wiener->problem.weight[i];
        wiener->sum = tree_sum_create(1);
        mesh_forward(mesh, wiener->cells, block_to_product, wiener);
        tree_sum_finish_domain(wiener->sum, &product);
        return product;
}

/* r = c^1/2 b F cells, or c^1/2 F cells */
static void block_to_side(void *owner, const struct mesh_block *block)
{
        const struct wiener *wiener = owner;
        for (size_t i = 0; i < block->mesh->block_modes; i++) {
                const size_t m = block->first + i;
                const double gain = gain_of(wiener, m);
                wiener->r[2 * m] = gain * block->value[2 * i];
                wiener->r[2 * m + 1] = gain * block->value[2 * i + 1];
        }
}

static void block_to_unit_side(void *owner, const struct mesh_block *block)
{
        const struct wiener *wiener = owner;
        for (size_t i = 0; i < block->mesh->block_modes; i++) {
                const size_t m = block->first + i;
                wiener->r[2 * m] = wiener->root[m] * block->value[2 * i];
                wiener->r[2 * m + 1] = wiener->root[m] * block->value[2 * i + 1];
        }
}

static void solution_to_block(void *owner, const struct mesh_block *block)
{
        const struct wiener *wiener = owner;
        for (size_t i = 0; i < block->mesh->block_modes; i++) {
                const size_t m = block->first + i;
                block->value[2 * i] = wiener->root[m] * wiener->u[2 * m];
                block->value[2 * i + 1] = wiener->root[m] * wiener->u[2 * m + 1];
        }
}

/* ---- conjugate gradients ---- */

/* u <- u + alpha p, r <- r - alpha q; r' r and r' z, z the preconditioned residual. */
struct norms { double residual, preconditioned; };

static struct norms step(struct wiener *wiener, double alpha)
{
        const struct mesh *mesh = wiener->problem.mesh;
        const size_t width = mesh->width;
        struct tree_sum *sum = tree_sum_create(2);
        for (size_t b = 0; b < mesh->n_blocks_here; b++) {
                double line_sum[2][64] = {{0}};
                for (size_t row = 0; row < mesh->block_modes; row += width)
                        for (size_t j = 0; j < width; j++) {
                                const size_t m = b * mesh->block_modes + row + j;
                                double square = 0;
                                for (size_t part = 2 * m; part < 2 * m + 2; part++) {
                                        wiener->u[part] = fma(alpha, wiener->p[part], wiener->u[part]);
                                        wiener->r[part] = fma(-alpha, wiener->q[part], wiener->r[part]);
                                        square = fma(wiener->r[part], wiener->r[part], square);
                                }
                                line_sum[0][j] += square;
                                line_sum[1][j] = fma(preconditioner_of(wiener, m), square, line_sum[1][j]);
                        }
                add_block(sum, mesh, mesh->block_begin + (int64_t)b, 2, (const double(*)[64])line_sum);
        }
        double total[2];
        tree_sum_finish_domain(sum, total);
        return (struct norms){total[0], total[1]};
}

/* p <- z + beta p */
static void turn(struct wiener *wiener, double beta)
{
        for (size_t m = 0; m < mesh_modes_here(wiener->problem.mesh); m++) {
                const double preconditioner = preconditioner_of(wiener, m);
                for (size_t part = 2 * m; part < 2 * m + 2; part++)
                        wiener->p[part] = fma(beta, wiener->p[part], preconditioner * wiener->r[part]);
        }
}

/* A u = r, from u = 0; r becomes the residual. All ranks of a domain see the same sums, and so take the same turns. */
static struct wiener_report solve(struct wiener *wiener, double *side)
{
        const size_t bytes = 2 * mesh_modes_here(wiener->problem.mesh) * sizeof(double);
        memset(wiener->u, 0, bytes);
        memset(wiener->p, 0, bytes);
        memset(wiener->q, 0, bytes);
        struct norms norms = step(wiener, 0);
        const double goal = TOLERANCE * TOLERANCE * norms.residual;
        struct wiener_report report = {.converged = norms.residual == 0};
        *side = norms.residual;
        turn(wiener, 0);
        while (!report.converged && report.iterations < MOST_ITERATIONS) {
                const double before = norms.preconditioned;
                norms = step(wiener, before / apply(wiener));
                report.iterations++;
                report.converged = norms.residual <= goal;
                turn(wiener, norms.preconditioned / before);
        }
        return report;
}

/* ---- what is asked for ---- */

static void add_weight(void *owner, size_t begin, size_t end, double *sum)
{
        const double *weight = ((const struct wiener_problem *)owner)->weight;
        for (size_t row = begin; row < end; row += 64)
                for (size_t i = 0; i < 64; i++)
                        sum[i] += weight[row + i];
}

struct wiener *wiener_create(const struct wiener_problem *problem)
{
        const struct mesh *mesh = problem->mesh;
        const size_t n = mesh_modes_here(mesh);
        struct wiener *wiener = allocate(1, sizeof *wiener);
        wiener->problem = *problem;
        wiener->root = allocate(n, sizeof(double));
        for (size_t i = 0; i < n; i++) {
                const size_t line = (size_t)mesh->block_begin * mesh->width + i / mesh->block_modes * mesh->width;
                const double weight = mesh->line_weight[line + i % mesh->width];
                wiener->root[i] = weight > 0 ? sqrt(problem->variance[i] + problem->added_variance) : 0;
        }
        double **vectors[] = {&wiener->u, &wiener->r, &wiener->p, &wiener->q};
        for (size_t v = 0; v < sizeof vectors / sizeof *vectors; v++)
                *vectors[v] = allocate(2 * n, sizeof(double));
        wiener->cells = mesh_allocate(mesh);
        wiener->mean_weight = mesh_sum(mesh, add_weight, &wiener->problem) / (double)mesh->n_cells;
        return wiener;
}

void wiener_free(struct wiener *wiener)
{
        if (!wiener)
                return;
        free(wiener->root);
        free(wiener->u);
        free(wiener->r);
        free(wiener->p);
        free(wiener->q);
        free(wiener->cells);
        free(wiener);
}

/* The residual as it is, not as the recurrence has it: r <- b, p <- u, r <- r - A p. */
static double true_residual(struct wiener *wiener, double side)
{
        memcpy(wiener->p, wiener->u, 2 * mesh_modes_here(wiener->problem.mesh) * sizeof *wiener->p);
        apply(wiener);
        return side > 0 ? sqrt(step(wiener, 1).residual / side) : 0;
}

static void weighted_data(struct wiener *wiener, const double *data)
{
        const double *weight = wiener->problem.weight;
        for (size_t i = 0; i < wiener->problem.mesh->size; i++)
                wiener->cells[i] = weight[i] > 0 ? weight[i] * data[i] : 0;
        mesh_forward(wiener->problem.mesh, wiener->cells, block_to_side, wiener);
}

struct wiener_report wiener_mean(struct wiener *wiener, const double *data, double *mean)
{
        double side;
        weighted_data(wiener, data);
        struct wiener_report report = solve(wiener, &side);
        mesh_inverse(wiener->problem.mesh, solution_to_block, wiener, mean);
        weighted_data(wiener, data);
        report.residual = true_residual(wiener, side);
        return report;
}

/* S_ii = g' A^-1 g, g = C^1/2 e_i: what C^1/2 A^-1 g has in cell i. */
struct wiener_report wiener_variance(struct wiener *wiener, double *variance)
{
        const struct mesh *mesh = wiener->problem.mesh;
        struct wiener_report all = {.converged = true};
        memset(variance, 0, mesh->size * sizeof *variance);
        for (int64_t plane = 0; plane < mesh->n_planes; plane++)
                for (size_t cell = 0; cell < mesh->plane_cells; cell++) {
                        const int64_t local = plane - mesh->plane_begin;
                        const bool here = local >= 0 && local < (int64_t)mesh->n_planes_here;
                        const size_t at = here ? (size_t)local * mesh->plane_stride + cell : 0;
                        double side;
                        memset(wiener->cells, 0, mesh->size * sizeof *wiener->cells);
                        if (here)
                                wiener->cells[at] = 1;
                        mesh_forward(mesh, wiener->cells, block_to_unit_side, wiener);
                        const struct wiener_report one = solve(wiener, &side);
                        mesh_inverse(mesh, solution_to_block, wiener, wiener->cells);
                        if (here)
                                variance[at] = wiener->cells[at];
                        all.iterations = one.iterations > all.iterations ? one.iterations : all.iterations;
                        all.converged = all.converged && one.converged;
                }
        return all;
}
