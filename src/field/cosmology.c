/* The parameters of a universe, and how fast it expands. */
#include "sculptor/cosmology.h"

#include <math.h>

#include "sculptor/vecmath.h"

#define FIELD(member) offsetof(struct cosmology_settings, member)
#define MATTER_HELP "matter, baryons included, over the critical density, today"
#define DARK_ENERGY_ROWS                                                                                               \
        {.key = "Omega_lambda",                                                                                        \
         .kind = PARAM_REAL,                                                                                           \
         .offset = FIELD(omega_lambda),                                                                                \
         .fallback = "auto",                                                                                           \
         .automatic = "auto",                                                                                          \
         .range = "[-10, 10]",                                                                                         \
         .help = "dark energy over the critical density, today; auto: 1 - Omega_m, a flat universe"},                  \
                {.key = "w0",                                                                                          \
                 .kind = PARAM_REAL,                                                                                   \
                 .offset = FIELD(w0),                                                                                  \
                 .fallback = "-1",                                                                                     \
                 .range = "[-10, 0]",                                                                                  \
                 .help = "dark energy's pressure over its density, w0 + wa (1 - a)"},                                  \
        {                                                                                                              \
                .key = "wa", .kind = PARAM_REAL, .offset = FIELD(wa), .fallback = "0", .range = "[-20, 20]",           \
                .help = "how that changes with a = 1/(1 + z)"                                                          \
        }

const struct param cosmology_params[] = {
        {.key = "Omega_m", .kind = PARAM_REAL, .offset = FIELD(omega_m), .range = "(0, 10]", .help = MATTER_HELP},
        {.key = "Omega_b", .kind = PARAM_REAL, .offset = FIELD(omega_b), .range = "[0, 10]",
         .help = "baryons over the critical density, today"},
        {.key = "h", .kind = PARAM_REAL, .offset = FIELD(h), .range = "(0, 2]", .unit = "100 km/s/Mpc",
         .help = "Hubble's constant"},
        {.key = "n_s", .kind = PARAM_REAL, .offset = FIELD(n_s), .range = "[-2, 4]",
         .help = "index of the primordial spectrum"},
        {.key = "sigma8", .kind = PARAM_REAL, .offset = FIELD(sigma8), .range = "(0, 100]",
         .help = "standard deviation of the linear density in spheres of 8 Mpc/h, at redshift 0"},
        {.key = "T_cmb", .kind = PARAM_REAL, .offset = FIELD(t_cmb), .fallback = "2.7255", .range = "[1, 10]",
         .unit = "K", .help = "temperature of the cosmic microwave background"},
        DARK_ENERGY_ROWS,
        PARAM_END};

const struct param cosmology_growth_params[] = {
        {.key = "Omega_m", .kind = PARAM_REAL, .offset = FIELD(omega_m), .fallback = "auto", .automatic = "auto",
         .range = "(0, 10]", .help = MATTER_HELP "; auto: not known, and nothing is rescaled"},
        DARK_ENERGY_ROWS,
        PARAM_END};

/* ---- expansion ---- */

static double dark_energy(const struct cosmology_settings *settings)
{
        return isnan(settings->omega_lambda) ? 1 - settings->omega_m : settings->omega_lambda;
}

struct cosmology_ratios cosmology_ratios_at(const struct cosmology_settings *settings, double a)
{
        const double omega = dark_energy(settings), curvature = 1 - settings->omega_m - omega;
        const double power = -3 * (settings->w0 + settings->wa);
        const double exponent = power * vm_log(a) - 3 * settings->wa * (1 - a);
        return (struct cosmology_ratios){
                .dark_energy = omega / settings->omega_m * vm_exp(exponent),
                .curvature = isnan(settings->omega_lambda) ? 0 : curvature / settings->omega_m * a,
        };
}

double cosmology_expansion(const struct cosmology_settings *settings, double redshift)
{
        const double scale = 1 + redshift;
        const struct cosmology_ratios ratio = cosmology_ratios_at(settings, 1 / scale);
        return sqrt(settings->omega_m * scale * scale * scale * (1 + ratio.dark_energy + ratio.curvature));
}

/* ---- what rows cannot say ---- */

void cosmology_growth_check(const void *configured, const struct params_scope *scope)
{
        const struct cosmology_settings *settings = configured;
        const double early = settings->w0 + settings->wa;
        if (early > -0.05)
                params_problem(scope, settings->wa > 0 ? "wa" : "w0",
                               "w0 + wa = %g is above -0.05: dark energy would weigh as much as matter at early times",
                               early);
        else if (!isnan(settings->omega_m))
                for (int i = 1; i <= 1000; i++) {
                        const struct cosmology_ratios ratio = cosmology_ratios_at(settings, 0.001 * i);
                        if (!(1 + ratio.dark_energy + ratio.curvature > 0)) {
                                params_problem(scope, "Omega_lambda",
                                               "H^2 is negative at a = %g: a universe without a Big Bang", 0.001 * i);
                                return;
                        }
                }
}

void cosmology_check(const void *configured, const struct params_scope *scope)
{
        const struct cosmology_settings *settings = configured;
        if (!(settings->omega_b < settings->omega_m))
                params_problem(scope, "Omega_b", "%g is not below Omega_m, %g, which includes it", settings->omega_b,
                               settings->omega_m);
        cosmology_growth_check(settings, scope);
}
