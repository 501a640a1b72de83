/* What the cosmological types share: the amplitude of P = A k^n_s T^2(k) D^2(z). */
#include <math.h>

#include "field/spectra.h"
#include "sculptor/vecmath.h"

double linear_power(const void *model, double k)
{
        const struct linear_shape *shape = model;
        const double transfer = shape->transfer(shape->fit, k);
        return vm_exp(shape->n_s * vm_log(k)) * transfer * transfer;
}

double linear_amplitude(const struct linear_settings *settings, const struct linear_shape *shape,
                        struct power_spectrum_fault *fault)
{
        const struct variance_integrand integrand = {.power = linear_power, .model = shape, .k_high = INFINITY};
        const double variance = variance_in_spheres(&integrand, 8); /* Mpc/h */
        if (!(variance > 0 && isfinite(variance))) {
                *fault = (struct power_spectrum_fault){
                        "cosmology", "this spectrum has no variance in spheres of 8 Mpc/h to be normalised to sigma8"};
                return NAN;
        }
        const double growth = settings->cosmology.sigma8 * cosmology_growth(&settings->cosmology, settings->redshift);
        return growth * growth / variance;
}
