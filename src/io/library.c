#include <hdf5.h>
#include <stdio.h>

#include "sculptor/files.h"

const char *hdf5_library(void)
{
        static char name[32];
        unsigned major = 0, minor = 0, release = 0;
        H5get_libversion(&major, &minor, &release);
        snprintf(name, sizeof name, "hdf5@%u.%u.%u", major, minor, release);
        return name;
}
