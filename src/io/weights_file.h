/* What a weights file holds, in an HDF5 file that may hold more (a training's checkpoint does).
 *
 *     /                       attributes: provenance; weights_format 1; network, the architecture as text; n_dim; of
 *                             fields cells, box_size (x, y[, z]); sigma_min, sigma_max, training_steps;
 *                             weights_sha256 of theta
 *     /tensors/<name>         float32, of the shapes of the architecture
 *     /normalisation/mean, variance, of fields wavenumber; attribute zero_variance        doubles
 */
#ifndef SCULPTOR_IO_WEIGHTS_FILE_H
#define SCULPTOR_IO_WEIGHTS_FILE_H

#include "io/hdf5_tools.h"
#include "sculptor/files.h"
#include "sculptor/weights.h"

enum { WEIGHTS_FORMAT = 1 };

void weights_describe(hid_t file, const struct weights *weights); /* all but provenance */

/* The tensors of the architecture in weights, n of them; the caller frees. */
struct network_tensor *weights_tensors(const struct weights *weights, size_t *n);
int weights_axes(const struct weights *weights); /* of the mesh; 0 for particles */

/* How a path keeps weights, by its content: safetensors, a folder of .npy files, or else HDF5. */
enum weights_layout { WEIGHTS_HDF5, WEIGHTS_SAFETENSORS, WEIGHTS_NPY };
enum weights_layout weights_layout(const char *path);
const char *weights_read_hdf5(const char *path, struct weights **weights);
const char *weights_read_safetensors(const char *path, struct weights **weights);
const char *weights_read_npy(const char *path, struct weights **weights);

/* Adds tensors in the order of names, then the normalisation: for each its name, its values as doubles, its shape as
 * int64. */
void weights_add_payload(struct sha256 *sha, const struct weights *weights);

/* Local. From the architecture's text: type, settings; n_parameters, theta allocated. NULL or why ("width: ..."). The
 * rest of what `weights` says of its shape (n_dim, mesh) must be there. */
const char *weights_take_architecture(struct weights *weights, const char *name, const char *text);
/* The same of an architecture that is there already; theta is not allocated. */
const char *weights_fit_architecture(struct weights *weights, const char *name);
/* Local. After all was filled: values in their ranges, the architecture fits, the digest made. NULL or why. */
const char *weights_check(struct weights *weights);

#endif
