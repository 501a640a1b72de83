/* The linear spectrum of cold dark matter and baryons by the fits of Eisenstein & Hu 1998. */
#include "field/eisenstein_hu.h"

#include <math.h>
#include <stdlib.h>

#include "field/spectra.h"
#include "sculptor/memory.h"

struct settings {
        struct linear_settings linear;
        bool wiggles;
};

static const struct param params[] = {
        LINEAR_ROWS,
        {.key = "wiggles", .kind = PARAM_FLAG, .offset = offsetof(struct settings, wiggles), .fallback = "true",
         .help = "baryon acoustic oscillations; without them the same smooth shape"},
        PARAM_END};

struct model {
        struct eisenstein_hu_fit fit;
        struct linear_shape shape; /* of the fit beside it */
        double amplitude;
};

/* alpha_gamma falls below 0, and Gamma with it, at baryon fractions the fit was not made for; so does the sound
 * horizon of equation 26 above Omega_m h^2 = 9.83. */
static bool is_defined(const struct model *model, struct power_spectrum_fault *fault)
{
        const struct eisenstein_hu_fit *fit = &model->fit;
        if (fit->alpha_gamma > 0 && fit->sound_horizon_simple > 0)
                return true;
        *fault = (struct power_spectrum_fault){
                "cosmology",
                "Omega_m h^2 and Omega_b/Omega_m lie outside what Eisenstein & Hu's smooth fit can describe"};
        return false;
}

static void *create(const void *configured, struct power_spectrum_fault *fault)
{
        const struct settings *settings = configured;
        struct model *model = allocate(1, sizeof *model);
        model->fit = eisenstein_hu_fit(&settings->linear.cosmology);
        model->shape = (struct linear_shape){settings->wiggles ? eisenstein_hu_transfer : eisenstein_hu_smooth_transfer,
                                             &model->fit, settings->linear.cosmology.n_s};
        if (settings->wiggles || is_defined(model, fault)) {
                model->amplitude = linear_amplitude(&settings->linear, &model->shape, fault);
                if (!isnan(model->amplitude))
                        return model;
        }
        free(model);
        return NULL;
}

static double at(const void *configured, double k)
{
        const struct model *model = configured;
        return model->amplitude * linear_power(&model->shape, k);
}

const struct power_spectrum_type power_spectrum_eisenstein_hu = {
        .name = "eisenstein_hu", .help = "cold dark matter and baryons, Eisenstein & Hu 1998",
        .params = params, .settings_size = sizeof(struct settings), .create = create, .free = free, .at = at,
};
