/* How data are normalised: their mean, and their variance or its spectrum. Local. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/denoiser.h"
#include "sculptor/memory.h"
#include "sculptor/vecmath.h"

static double *copy(const double *value, size_t n)
{
        if (!value)
                return NULL;
        double *mine = allocate(n, sizeof *mine);
        memcpy(mine, value, n * sizeof *mine);
        return mine;
}

struct normalisation normalisation_copy(const struct normalisation *of)
{
        struct normalisation mine = *of;
        mine.mean = copy(of->mean, of->n_mean);
        mine.variance = copy(of->variance, of->n_variance);
        mine.wavenumber = copy(of->wavenumber, of->n_variance);
        return mine;
}

void normalisation_release(struct normalisation *normalisation)
{
        free(normalisation->mean);
        free(normalisation->variance);
        free(normalisation->wavenumber);
        *normalisation = (struct normalisation){0};
}

double normalisation_variance_at(const struct normalisation *normalisation, double wavenumber)
{
        const double *k = normalisation->wavenumber, *d = normalisation->variance;
        const size_t last = normalisation->n_variance - 1;
        if (!(wavenumber > 0))
                return normalisation->zero_variance;
        if (wavenumber <= k[0])
                return d[0];
        if (wavenumber >= k[last])
                return d[last];
        size_t low = 0, high = last;
        while (high - low > 1) {
                const size_t middle = (low + high) / 2;
                if (k[middle] <= wavenumber)
                        low = middle;
                else
                        high = middle;
        }
        const double along = (vm_log(wavenumber) - vm_log(k[low])) / (vm_log(k[high]) - vm_log(k[low]));
        return vm_exp(fma(along, vm_log(d[high]) - vm_log(d[low]), vm_log(d[low])));
}
