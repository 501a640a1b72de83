/* Cold dark matter without baryon oscillations [Bardeen, Bond, Kaiser & Szalay 1986, equation G3]:
 *     T(q) = ln(1 + 2.34 q)/(2.34 q) [1 + 3.89 q + (16.1 q)^2 + (5.46 q)^3 + (6.71 q)^4]^(-1/4)
 * with what baryons take away put into the scale [Sugiyama 1995, equation 3.9], k in h/Mpc:
 *     q = k (T_cmb/2.7 K)^2/Gamma,   Gamma = Omega_m h exp(-Omega_b (1 + sqrt(2 h)/Omega_m)) */
#include <math.h>
#include <stdlib.h>

#include "field/spectra.h"
#include "sculptor/memory.h"
#include "sculptor/vecmath.h"

struct settings { struct linear_settings linear; };

static const struct param params[] = {LINEAR_ROWS, PARAM_END};

struct bbks { double amplitude, n_s, q_scale; };

static double transfer(const void *fit, double k)
{
        const double q = ((const struct bbks *)fit)->q_scale * k;
        /* ln(1 + x)/x to the last digits also where 1 + x rounds [Kahan] */
        const double one_more = 1 + 2.34 * q, x = one_more - 1;
        const double first = x > 0 ? vm_log(one_more) / x : 1;
        const double q_2 = (16.1 * q) * (16.1 * q), q_3 = 5.46 * q, q_4 = (6.71 * q) * (6.71 * q);
        const double polynomial = 1 + 3.89 * q + q_2 + q_3 * q_3 * q_3 + q_4 * q_4;
        return first / sqrt(sqrt(polynomial));
}

static void *create(const void *configured, struct power_spectrum_fault *fault)
{
        const struct settings *settings = configured;
        const struct cosmology_settings *cosmology = &settings->linear.cosmology;
        struct bbks *model = allocate(1, sizeof *model);
        const double theta = cosmology->t_cmb / 2.7;
        const double baryons = cosmology->omega_b * (1 + sqrt(2 * cosmology->h) / cosmology->omega_m);
        model->n_s = cosmology->n_s;
        model->q_scale = theta * theta / (cosmology->omega_m * cosmology->h * vm_exp(-baryons));
        const struct linear_shape shape = {transfer, model, model->n_s};
        model->amplitude = linear_amplitude(&settings->linear, &shape, fault);
        if (!isnan(model->amplitude))
                return model;
        free(model);
        return NULL;
}

static double at(const void *configured, double k)
{
        const struct bbks *model = configured;
        const struct linear_shape shape = {transfer, model, model->n_s};
        return model->amplitude * linear_power(&shape, k);
}

const struct power_spectrum_type power_spectrum_bbks = {
        .name = "bbks", .help = "cold dark matter, Bardeen, Bond, Kaiser & Szalay 1986",
        .params = params, .settings_size = sizeof(struct settings), .create = create, .free = free, .at = at,
};
