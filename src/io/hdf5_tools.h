/* HDF5 in the small: checked calls, and attributes and data sets in one line each. All local.
 *
 * A failed call is remembered, not jumped from: after it further calls on the bad handle fail harmlessly,
 * handles are closed as always, and hdf5_failure() tells at the end what failed first. */
#ifndef SCULPTOR_IO_HDF5_TOOLS_H
#define SCULPTOR_IO_HDF5_TOOLS_H

#define H5_USE_110_API /* the meaning of names without a version in any later HDF5 */
#include <hdf5.h>
#include <stddef.h>
#include <stdint.h>

/* The one checked macro: the call's value, its failure remembered. */
#define H5(call) hdf5_checked((hid_t)(call), #call)
hid_t hdf5_checked(hid_t value, const char *call);

void hdf5_begin(void);          /* forgets earlier failures; HDF5 prints none itself */
const char *hdf5_failure(void); /* "H5Dopen2: object not found", or NULL; valid until hdf5_begin() */

/* Attributes: n values of a type, or a single one where n is 0. Text is a fixed-length string (ASCII, or UTF-8 where it
 * has other characters), of any length. */
void hdf5_put_attribute(hid_t object, const char *name, hid_t type, hsize_t n, const void *value);
void hdf5_put_text(hid_t object, const char *name, const char *text);
void hdf5_put_integer(hid_t object, const char *name, int64_t value);
void hdf5_put_real(hid_t object, const char *name, double value);
void hdf5_put_reals(hid_t object, const char *name, const double *value, size_t n);

char *hdf5_get_text(hid_t object, const char *name, size_t limit); /* the caller frees; NULL on failure */
int64_t hdf5_get_integer(hid_t object, const char *name);
double hdf5_get_real(hid_t object, const char *name);

/* Contiguous data sets. An array without data is to be filled later: space allocated at once, no fill. */
hid_t hdf5_create_array(hid_t where, const char *name, hid_t file_type, int rank, const hsize_t *shape);
void hdf5_put_array(hid_t where, const char *name, hid_t file_type, hid_t memory_type, int rank, const hsize_t *shape,
                    const void *data);
void hdf5_describe_array(hid_t where, const char *name, const char *unit, const char *help); /* units, long_name */

/* Dimension scales: data sets at the root of one dimension, each known by its own name. */
void hdf5_make_scale(hid_t file, const char *name);
void hdf5_attach_scales(hid_t file, const char *name, const char *const *scales, unsigned first, unsigned n);

#endif
