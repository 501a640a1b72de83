/* P = constant: noise of variance P/cell volume in each cell, independent of all others. */
#include <stdlib.h>

#include "field/spectra.h"
#include "sculptor/memory.h"

struct settings { double amplitude; };

static const struct param params[] = {
        {.key = "amplitude", .kind = PARAM_REAL, .offset = offsetof(struct settings, amplitude), .fallback = "1",
         .range = "[0, inf)", .unit = "length^axes", .help = "P at every k"},
        PARAM_END};

static void *create(const void *configured, struct power_spectrum_fault *fault)
{
        (void)fault;
        struct settings *model = allocate(1, sizeof *model);
        *model = *(const struct settings *)configured;
        return model;
}

static double at(const void *model, double k)
{
        (void)k;
        return ((const struct settings *)model)->amplitude;
}

const struct power_spectrum_type power_spectrum_white = {
        .name = "white", .help = "the same power at every k: independent cells",
        .params = params, .settings_size = sizeof(struct settings), .create = create, .free = free, .at = at,
};
