/* A trained network in memory. Local. */
#include "sculptor/weights.h"

#include <stdlib.h>

void weights_free(struct weights *weights)
{
        if (!weights)
                return;
        params_release(network_rows, &weights->network);
        params_release(mesh_params, &weights->mesh);
        normalisation_release(&weights->normalisation);
        free(weights->theta);
        free(weights->digest);
        free(weights);
}
