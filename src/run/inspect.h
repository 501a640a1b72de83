/* What the table `inspect:` says. */
#ifndef SCULPTOR_RUN_INSPECT_H
#define SCULPTOR_RUN_INSPECT_H

#include <stdint.h>

#include "sculptor/params.h"

struct inspect_settings {
        struct {
                struct selection type;
        } against;
        int64_t examples, trajectories, points; /* examples -1: chosen */
        double half_width;                      /* NAN: chosen */
        char *samples;
};
extern const struct param inspect_params[];

#endif
