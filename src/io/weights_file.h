/* What a weights file holds, in an HDF5 file that may hold more (a training's checkpoint does).
 *
 *     /                       attributes: provenance; weights_format 1; network, the architecture as text; n_dim; of fields
 *                             cells, box_size (x, y[, z]); sigma_min, sigma_max, training_steps; weights_sha256 of theta
 *     /tensors/<name>         float32, of the shapes of the architecture
 *     /normalisation/mean, variance, of fields wavenumber; attribute zero_variance        doubles
 */
#ifndef SCULPTOR_IO_WEIGHTS_FILE_H
#define SCULPTOR_IO_WEIGHTS_FILE_H

#include "io/hdf5_tools.h"
#include "sculptor/weights.h"

enum { WEIGHTS_FORMAT = 1 };

void weights_describe(hid_t file, const struct weights *weights); /* all but provenance */

/* The tensors of the architecture in weights, n of them; the caller frees. */
struct network_tensor *weights_tensors(const struct weights *weights, size_t *n);
int weights_axes(const struct weights *weights); /* of the mesh; 0 for particles */

/* Local. From the architecture's text: type, settings; n_parameters, theta allocated. NULL or why ("width: ..."). The rest of
 * what `weights` says of its shape (n_dim, mesh) must be there. */
const char *weights_take_architecture(struct weights *weights, const char *name, const char *text);
/* Local. After all was filled: values in their ranges, the architecture fits, the digest made. NULL or why. */
const char *weights_check(struct weights *weights);

#endif
