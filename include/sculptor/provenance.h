/* Where a file came from: written into the root attributes of every snapshot, checkpoint and series. */
#ifndef SCULPTOR_PROVENANCE_H
#define SCULPTOR_PROVENANCE_H

#include <stdint.h>

struct provenance {
        const char *version;    /* "0.1.0" */
        const char *commit;     /* short hash, "+" where the tree had changes; "unknown" outside git */
        const char *dependencies; /* "hdf5@1.10.8;openmpi@4.1.4;..." */
        const char *machine;    /* host name of rank 0 */
        const char *input_text; /* the input file as read */
        const char *overrides;  /* "--set" assignments, a line each; "" where none */
        const char *parameters; /* params_echo of everything that decides the bits */
        int64_t seed;
};

#endif
