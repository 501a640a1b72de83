/* Between the power of a lognormal field and that of the Gaussian field under it, on one mesh and exactly:
 *
 *     xi = F^-1 d,   xi_g = ln(1 + xi),   c_g = F xi_g,   d and c_g the variances of modes (random_field.h).
 *
 * [Coles & Jones 1991] Collective over the domain. */
#ifndef SCULPTOR_SCORE_LOGNORMAL_MAP_H
#define SCULPTOR_SCORE_LOGNORMAL_MAP_H

#include "sculptor/mesh.h"
#include "sculptor/vecmath.h"

/* A mode of a transform of n cells is wrong by about 2^-53 log2(n) of the largest: what is below this share of it is
 * rounding, not power. */
#define LOGNORMAL_ROUNDING 0x1p-46

/* Both fill the second spectrum, [mesh_modes_here()], and xi_g between a cell and itself. NULL, or why there is no such
 * field (valid until the next call). That of the normal field may be 0 at k = 0 where it is given. */
const char *lognormal_from_density(const struct mesh *mesh, const double *density, double *normal, double *xi_g_0);
const char *lognormal_from_normal(const struct mesh *mesh, const double *normal, double *density, double *xi_g_0);

/* ln(1 + v), sharp near 0 too: what rounding takes from 1 + v is put back to first order. */
static inline double lognormal_log_1_plus(double v)
{
        const double u = 1 + v;
        return vm_log(u) - ((u - 1) - v) / u;
}

#endif
