/* The power spectrum of a field: F_k by one transform, delta_k = V_cell F_k, and over the N_k wavevectors of a shell
 *
 *     P = sum |delta_k|^2/(V N_k),    r = Re sum x_k t_k^* / sqrt(sum |x_k|^2 sum |t_k|^2).
 *
 * Half the spectrum is there; its modes count twice, but for those whose conjugates are there too. The same
 * transform goes back with |F_k|^2 in place of F_k where the correlation function is wanted [Wiener & Khinchin]. */
#include <stdlib.h>
#include <string.h>

#include "field/estimators.h"
#include "sculptor/memory.h"

/* Sums over shells of what a block of modes adds, in the order of blocks. */
struct spectrum {
        const struct estimators *estimators;
        const double *truth;  /* modes [mesh_modes_here()][2], or NULL */
        double *keep;         /* where the modes go, or NULL */
        bool squares;         /* they become |F_k|^2, and 0 at k = 0 */
        struct tree_sum *sum; /* of leaves [2][last + 2]: |F_k|^2, Re F_k t_k^* */
        double *leaf;
};

static void add_modes(struct spectrum *spectrum, const struct mesh_block *block)
{
        const struct estimators *estimators = spectrum->estimators;
        const struct mesh *mesh = block->mesh;
        const size_t n = estimators->shells.last + 2, first_line = (size_t)block->index * mesh->width;
        const double *truth = spectrum->truth ? spectrum->truth + 2 * block->first : NULL;
        double *square = spectrum->leaf, *product = spectrum->leaf + n;
        memset(spectrum->leaf, 0, 2 * n * sizeof *spectrum->leaf);
        size_t i = 0; /* of the real part in the block */
        for (size_t plane = 0; plane < (size_t)mesh->n_planes; plane++)
                for (size_t line = first_line; line < first_line + mesh->width; line++, i += 2) {
                        const size_t shell = estimators_shell(estimators, plane, line);
                        const double weight = mesh->line_weight[line], *value = block->value + i;
                        square[shell] += weight * (value[0] * value[0] + value[1] * value[1]);
                        if (truth)
                                product[shell] += weight * (value[0] * truth[i] + value[1] * truth[i + 1]);
                }
        tree_sum_add(spectrum->sum, block->index, spectrum->leaf);
}

static void take_squares(const struct mesh_block *block)
{
        double *value = block->value;
        for (size_t i = 0; i < block->mesh->block_modes; i++) {
                value[2 * i] = value[2 * i] * value[2 * i] + value[2 * i + 1] * value[2 * i + 1];
                value[2 * i + 1] = 0;
        }
        if (block->index == 0)
                value[0] = 0; /* k = 0, the mean */
}

static void visit(void *owner, const struct mesh_block *block)
{
        struct spectrum *spectrum = owner;
        add_modes(spectrum, block);
        if (spectrum->keep)
                memcpy(spectrum->keep + 2 * block->first, block->value, 2 * block->mesh->block_modes * sizeof(double));
        if (spectrum->squares)
                take_squares(block);
}

/* total[2][last + 2] */
static void transform(struct spectrum *spectrum, const double *field, double *products, double *total)
{
        const struct mesh *mesh = spectrum->estimators->mesh;
        const size_t width = 2 * (spectrum->estimators->shells.last + 2);
        spectrum->sum = tree_sum_create(width);
        spectrum->leaf = allocate(width, sizeof *spectrum->leaf);
        if (products)
                mesh_filter(mesh, field, products, visit, spectrum);
        else
                mesh_forward(mesh, field, visit, spectrum);
        tree_sum_finish_domain(spectrum->sum, total);
        free(spectrum->leaf);
}

/* Of sums of |F_k|^2 over shells. */
static void power_of(const struct estimators *estimators, const double *sum, double *power)
{
        const struct mesh *mesh = estimators->mesh;
        for (size_t s = 1; s <= estimators->shells.last; s++)
                power[s - 1] = mesh->cell_volume / (double)mesh->n_cells * (sum[s] / estimators->shells.count[s]);
}

struct power_truth power_estimate_truth(const struct estimators *estimators, const double *field)
{
        struct power_truth truth = {
                .modes = allocate(2 * mesh_modes_here(estimators->mesh), sizeof *truth.modes),
                .power = allocate(estimators->shells.last, sizeof *truth.power),
        };
        double *total = allocate(2 * (estimators->shells.last + 2), sizeof *total);
        struct spectrum spectrum = {.estimators = estimators, .keep = truth.modes};
        transform(&spectrum, field, NULL, total);
        power_of(estimators, total, truth.power);
        free(total);
        return truth;
}

void power_estimate_release(struct power_truth *truth)
{
        free(truth->modes);
        free(truth->power);
}

void power_estimate(const struct estimators *estimators, const double *field, const struct power_truth *truth,
                    double *power, double *cross, double *products)
{
        const size_t last = estimators->shells.last;
        double *total = allocate(2 * (last + 2), sizeof *total);
        struct spectrum spectrum = {.estimators = estimators, .truth = truth ? truth->modes : NULL,
                                    .squares = products != NULL};
        transform(&spectrum, field, products, total);
        power_of(estimators, total, power);
        if (truth) {
                power_of(estimators, total + last + 2, cross);
                for (size_t s = 0; s < last; s++)
                        cross[s] /= sqrt(power[s] * truth->power[s]);
        }
        free(total);
}

/* ---- what it should be ---- */

void estimators_target(const struct estimators *estimators, const double *mode_power, double *power)
{
        const struct mesh *mesh = estimators->mesh;
        const size_t n = estimators->shells.last + 2;
        double *leaf = allocate(n, sizeof *leaf);
        struct tree_sum *sum = tree_sum_create(n);
        for (size_t b = 0; b < mesh->n_blocks_here; b++) {
                const size_t first_line = ((size_t)mesh->block_begin + b) * mesh->width;
                memset(leaf, 0, n * sizeof *leaf);
                const double *here = mode_power + b * mesh->block_modes;
                for (size_t plane = 0; plane < (size_t)mesh->n_planes; plane++)
                        for (size_t line = first_line; line < first_line + mesh->width; line++)
                                leaf[estimators_shell(estimators, plane, line)] += mesh->line_weight[line] * *here++;
                tree_sum_add(sum, mesh->block_begin + (int64_t)b, leaf);
        }
        tree_sum_finish_domain(sum, leaf);
        for (size_t s = 1; s <= estimators->shells.last; s++)
                power[s - 1] = mesh->cell_volume * (leaf[s] / estimators->shells.count[s]);
        free(leaf);
}

double estimators_chi2(const struct estimators *estimators, const struct estimates *estimates, const double *target)
{
        double sum = 0;
        for (size_t s = 0; s < estimators->shells.last; s++) {
                const double relative = estimates->power[s] / target[s] - 1;
                sum += (double)estimates->n_fields * estimators_modes(estimators)[s] * relative * relative / 2;
        }
        return sum;
}
