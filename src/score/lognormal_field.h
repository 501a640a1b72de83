/* What a lognormal field is made of, for whoever samples it otherwise: 1 + x = exp(g - half_variance), g ~ N(0, C_g). */
#ifndef SCULPTOR_SCORE_LOGNORMAL_FIELD_H
#define SCULPTOR_SCORE_LOGNORMAL_FIELD_H

#include <stdbool.h>

#include "sculptor/score.h"

struct lognormal_law {
        const struct mesh *mesh;
        const double *variance; /* c_g of this rank's modes, [mesh_modes_here()]; 0: a mode without width */
        double half_variance;   /* xi_g(0)/2 */
};

bool lognormal_field_is(const struct score *score);
struct lognormal_law lognormal_field_law(const struct score *score); /* of a prepared one; the score's arrays */

#endif
