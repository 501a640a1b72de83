#include "io/hdf5_tools.h"

#include <hdf5_hl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/memory.h"

/* The first failure since hdf5_begin(). */
static char failure[512];

static herr_t innermost(unsigned n, const H5E_error2_t *error, void *text)
{
        if (n == 0)
                snprintf(text, 256, "%s", error->desc ? error->desc : "");
        return 0;
}

hid_t hdf5_checked(hid_t value, const char *call)
{
        if (value < 0 && failure[0] == '\0') {
                char cause[256] = "";
                H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, cause);
                for (char *c = cause; (c = strchr(c, '\n'));) /* after a date: a reason is one line */
                        *c = ' ';
                snprintf(failure, sizeof failure, "%.*s: %s", (int)strcspn(call, "("), call,
                         cause[0] ? cause : "failed");
        }
        return value;
}

void hdf5_begin(void)
{
        H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
        failure[0] = '\0';
}

const char *hdf5_failure(void)
{
        return failure[0] ? failure : NULL;
}

void hdf5_put_attribute(hid_t object, const char *name, hid_t type, hsize_t n, const void *value)
{
        hid_t space = H5(n == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &n, NULL));
        hid_t attribute = H5(H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT));
        H5(H5Awrite(attribute, type, value));
        H5Aclose(attribute);
        H5Sclose(space);
}

void hdf5_put_text(hid_t object, const char *name, const char *text)
{
        bool ascii = true;
        for (const char *c = text; *c; c++)
                ascii = ascii && !((unsigned char)*c & 0x80u);
        hid_t type = H5(H5Tcopy(H5T_C_S1));
        H5(H5Tset_size(type, *text ? strlen(text) : 1));
        H5(H5Tset_strpad(type, H5T_STR_NULLPAD));
        H5(H5Tset_cset(type, ascii ? H5T_CSET_ASCII : H5T_CSET_UTF8));
        hdf5_put_attribute(object, name, type, 0, text);
        H5Tclose(type);
}

void hdf5_put_integer(hid_t object, const char *name, int64_t value)
{
        hdf5_put_attribute(object, name, H5T_STD_I64LE, 0, &value);
}

void hdf5_put_real(hid_t object, const char *name, double value)
{
        hdf5_put_attribute(object, name, H5T_IEEE_F64LE, 0, &value);
}

void hdf5_put_reals(hid_t object, const char *name, const double *value, size_t n)
{
        hdf5_put_attribute(object, name, H5T_IEEE_F64LE, n, value);
}

/* A scalar attribute of this class, or a remembered failure: never more than is asked for is read. */
static void get_number(hid_t object, const char *name, H5T_class_t class, hid_t memory_type, void *value)
{
        hid_t attribute = H5(H5Aopen(object, name, H5P_DEFAULT));
        if (attribute < 0)
                return;
        hid_t type = H5(H5Aget_type(attribute)), space = H5(H5Aget_space(attribute));
        if (H5Tget_class(type) != class || H5Sget_simple_extent_npoints(space) != 1)
                hdf5_checked(-1, "an attribute of another type or shape");
        else
                H5(H5Aread(attribute, memory_type, value));
        H5Tclose(type);
        H5Sclose(space);
        H5Aclose(attribute);
}

int64_t hdf5_get_integer(hid_t object, const char *name)
{
        int64_t value = 0;
        get_number(object, name, H5T_INTEGER, H5T_NATIVE_INT64, &value);
        return value;
}

double hdf5_get_real(hid_t object, const char *name)
{
        double value = 0.0;
        get_number(object, name, H5T_FLOAT, H5T_NATIVE_DOUBLE, &value);
        return value;
}

char *hdf5_get_text(hid_t object, const char *name, size_t limit)
{
        char *text = NULL;
        hid_t attribute = H5(H5Aopen(object, name, H5P_DEFAULT));
        if (attribute < 0)
                return NULL;
        hid_t type = H5(H5Aget_type(attribute)), space = H5(H5Aget_space(attribute));
        size_t size = H5Tget_size(type);
        if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0 || size > limit ||
            H5Sget_simple_extent_npoints(space) != 1) {
                hdf5_checked(-1, "an attribute of another type or shape");
        } else {
                text = allocate(size + 1, 1);
                H5(H5Aread(attribute, type, text));
        }
        H5Tclose(type);
        H5Sclose(space);
        H5Aclose(attribute);
        return text;
}

hid_t hdf5_create_array(hid_t where, const char *name, hid_t file_type, int rank, const hsize_t *shape)
{
        hid_t space = H5(H5Screate_simple(rank, shape, NULL));
        hid_t creation = H5(H5Pcreate(H5P_DATASET_CREATE));
        H5(H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY));
        H5(H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER));
        hid_t array = H5(H5Dcreate2(where, name, file_type, space, H5P_DEFAULT, creation, H5P_DEFAULT));
        H5Pclose(creation);
        H5Sclose(space);
        return array;
}

void hdf5_put_array(hid_t where, const char *name, hid_t file_type, hid_t memory_type, int rank, const hsize_t *shape,
                    const void *data)
{
        hid_t array = hdf5_create_array(where, name, file_type, rank, shape);
        hsize_t count = 1;
        for (int i = 0; i < rank; i++)
                count *= shape[i];
        if (count > 0)
                H5(H5Dwrite(array, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data));
        H5Dclose(array);
}

void hdf5_describe_array(hid_t where, const char *name, const char *unit, const char *help)
{
        hid_t array = H5(H5Dopen2(where, name, H5P_DEFAULT));
        hdf5_put_text(array, "units", unit ? unit : "1");
        hdf5_put_text(array, "long_name", help ? help : name);
        H5Dclose(array);
}

void hdf5_make_scale(hid_t file, const char *name)
{
        hid_t scale = H5(H5Dopen2(file, name, H5P_DEFAULT));
        H5(H5DSset_scale(scale, name));
        H5Dclose(scale);
}

void hdf5_attach_scales(hid_t file, const char *name, const char *const *scales, unsigned first, unsigned n)
{
        hid_t array = H5(H5Dopen2(file, name, H5P_DEFAULT));
        for (unsigned i = 0; i < n; i++) {
                hid_t scale = H5(H5Dopen2(file, scales[i], H5P_DEFAULT));
                H5(H5DSattach_scale(array, scale, first + i));
                H5(H5DSset_label(array, first + i, scales[i]));
                H5Dclose(scale);
        }
        H5Dclose(array);
}
