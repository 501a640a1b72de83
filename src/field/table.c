/* P(k) from a table: a cubic spline of ln P in ln k, whose second derivative is 0 at both ends, so that a power law
 * is reproduced exactly; scaled to another redshift or to sigma8 where the input asks. Creating one is collective. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

#include <gsl/gsl_spline.h>

#include "field/spectra.h"
#include "field/table_file.h"
#include "sculptor/error.h"
#include "sculptor/memory.h"
#include "sculptor/vecmath.h"

enum { EXTRAPOLATE_NONE, EXTRAPOLATE_POWER_LAW, EXTRAPOLATE_ZERO };
static const char *const extrapolations[] = {"none", "power_law", "zero", NULL};

struct settings {
        char *file;
        int64_t k_column, power_column;
        int extrapolate;
        double file_redshift, redshift, sigma8;
        struct cosmology_settings cosmology;
};

static const struct param params[] = {
        {.key = "file", .kind = PARAM_TEXT, .offset = offsetof(struct settings, file),
         .help = "text file with a row for each k, # before comments"},
        {.key = "k_column", .kind = PARAM_INTEGER, .offset = offsetof(struct settings, k_column), .fallback = "1",
         .range = "[1, 1000]", .help = "column of k, counted from 1, in inverse units of the box"},
        {.key = "P_column", .kind = PARAM_INTEGER, .offset = offsetof(struct settings, power_column), .fallback = "2",
         .range = "[1, 1000]", .help = "column of P, in units of the box to the power of its axes"},
        {.key = "extrapolate", .kind = PARAM_CHOICE, .offset = offsetof(struct settings, extrapolate),
         .choices = extrapolations, .fallback = "none",
         .help = "beyond the table: none refuses, power_law goes on with the slope at its end, zero has no power"},
        {.key = "file_redshift", .kind = PARAM_REAL, .offset = offsetof(struct settings, file_redshift),
         .fallback = "0", .range = "[0, 1100]", .help = "redshift of the table"},
        {.key = "redshift", .kind = PARAM_REAL, .offset = offsetof(struct settings, redshift), .fallback = "auto",
         .automatic = "auto", .range = "[0, 1100]", .help = "redshift to scale to by linear growth; auto: the table's"},
        {.key = "sigma8", .kind = PARAM_REAL, .offset = offsetof(struct settings, sigma8), .fallback = "auto",
         .automatic = "auto", .range = "(0, 100]",
         .help = "standard deviation at redshift 0 in spheres of 8 to scale to; auto: as the table has it"},
        {.key = "cosmology", .kind = PARAM_TABLE, .offset = offsetof(struct settings, cosmology), .fallback = "{}",
         .rows = cosmology_growth_params, .check = cosmology_growth_check, .help = "what growth follows from"},
        PARAM_END};

static double redshift_of(const struct settings *settings)
{
        return isnan(settings->redshift) ? settings->file_redshift : settings->redshift;
}

/* Redshift at which the table has the amplitude it is scaled from: sigma8 is one at 0. */
static double redshift_from(const struct settings *settings)
{
        return isnan(settings->sigma8) ? settings->file_redshift : 0;
}

static void check(const void *configured, const struct params_scope *scope)
{
        const struct settings *settings = configured;
        if (settings->k_column == settings->power_column)
                params_problem(scope, "P_column", "%lld is the column of k", (long long)settings->power_column);
        if (isnan(settings->cosmology.omega_m) && redshift_of(settings) != redshift_from(settings))
                params_problem(scope, "cosmology.Omega_m", "missing; growth from redshift %g to %g follows from it",
                               redshift_from(settings), redshift_of(settings));
}

/* ---- the curve ---- */

struct table {
        char *file;
        int extrapolate;
        gsl_spline *spline; /* ln P of ln k */
        double k_low, k_high;
        double log_k[2], log_power[2], slope[2]; /* at the two ends */
        double scale;
};

/* On a line of that slope through the end. */
static double beyond(const struct table *table, int end, double log_k)
{
        return vm_exp(table->log_power[end] + table->slope[end] * (log_k - table->log_k[end]));
}

/* As read, continued by power laws. */
static double curve(const void *configured, double k)
{
        const struct table *table = configured;
        const double log_k = vm_log(k);
        if (log_k < table->log_k[0])
                return beyond(table, 0, log_k);
        if (log_k > table->log_k[1])
                return beyond(table, 1, log_k);
        return vm_exp(gsl_spline_eval(table->spline, log_k, NULL));
}

static bool inside(const struct table *table, double k)
{
        return k >= table->k_low && k <= table->k_high;
}

static double at(const void *configured, double k)
{
        const struct table *table = configured;
        if (table->extrapolate != EXTRAPOLATE_POWER_LAW && !inside(table, k))
                return table->extrapolate == EXTRAPOLATE_ZERO ? 0 : NAN;
        return table->scale * curve(table, k);
}

static void range(const void *configured, double *k_low, double *k_high)
{
        const struct table *table = configured;
        const bool ends = table->extrapolate != EXTRAPOLATE_POWER_LAW;
        *k_low = ends ? table->k_low : 0;
        *k_high = ends ? table->k_high : INFINITY;
}

static const char *explain(const char *format, ...) __attribute__((format(printf, 1, 2)));

static const char *explain(const char *format, ...)
{
        static char text[4096];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        return text;
}

static const char *covers(const void *configured, double k_low, double k_high)
{
        const struct table *table = configured;
        static const char advice[] = "set extrapolate to power_law or zero, or give a longer table";
        if (table->extrapolate != EXTRAPOLATE_NONE)
                return NULL;
        if (!inside(table, k_high))
                return explain("the table %s ends at k = %g, the mesh needs %g; %s", table->file, table->k_high, k_high,
                               advice);
        if (!inside(table, k_low))
                return explain("the table %s begins at k = %g, the mesh needs %g; %s", table->file, table->k_low, k_low,
                               advice);
        return NULL;
}

/* ---- its amplitude ---- */

/* sigma8^2 of the curve as read. What a table that is not continued may leave out: 1e-4 of it. */
static double variance_of(const struct table *table, struct power_spectrum_fault *fault)
{
        struct variance_integrand integrand = {.power = curve, .model = table};
        range(table, &integrand.k_low, &integrand.k_high);
        const double here = variance_in_spheres(&integrand, 8);
        integrand.k_low = 0;
        integrand.k_high = INFINITY;
        const double whole = table->extrapolate == EXTRAPOLATE_NONE ? variance_in_spheres(&integrand, 8) : here;
        if (here >= (1 - 1e-4) * whole && here > 0 && isfinite(here))
                return here;
        *fault = (struct power_spectrum_fault){
                "sigma8",
                explain("%s cannot be normalised to it: between k = %g and %g lies not all of the variance "
                        "in spheres of 8%s",
                        table->file, table->k_low, table->k_high,
                        table->extrapolate == EXTRAPOLATE_POWER_LAW ? ", and beyond it does not converge"
                                                                    : "; set extrapolate or give a longer table")};
        return NAN;
}

static double growth(const struct settings *settings)
{
        const double from = redshift_from(settings), to = redshift_of(settings);
        if (from == to)
                return 1;
        return cosmology_growth(&settings->cosmology, to) / cosmology_growth(&settings->cosmology, from);
}

static double scale_of(const struct table *table, const struct settings *settings, struct power_spectrum_fault *fault)
{
        const double grown = growth(settings);
        if (isnan(settings->sigma8))
                return grown * grown;
        const double deviation = settings->sigma8 * grown;
        return deviation * deviation / variance_of(table, fault);
}

/* ---- its life ---- */

static void free_table(void *model)
{
        struct table *table = model;
        free(table->file);
        gsl_spline_free(table->spline);
        free(table);
}

static struct table *fit(const struct settings *settings, const struct table_rows *rows)
{
        struct table *table = allocate(1, sizeof *table);
        table->file = copy_text(settings->file);
        table->extrapolate = settings->extrapolate;
        table->spline = gsl_spline_alloc(gsl_interp_cspline, rows->n);
        if (!table->spline || gsl_spline_init(table->spline, rows->log_k, rows->log_power, rows->n) != 0)
                fatal("%s: no spline through %zu rows", settings->file, rows->n);
        const size_t end[2] = {0, rows->n - 1};
        for (int i = 0; i < 2; i++) {
                table->log_k[i] = rows->log_k[end[i]];
                table->log_power[i] = rows->log_power[end[i]];
                table->slope[i] = gsl_spline_eval_deriv(table->spline, table->log_k[i], NULL);
        }
        table->k_low = rows->k_low;
        table->k_high = rows->k_high;
        return table;
}

static void *create(const void *configured, struct power_spectrum_fault *fault)
{
        const struct settings *settings = configured;
        const struct table_columns columns = {settings->k_column, settings->power_column};
        struct table_rows rows;
        if (!table_file_read(settings->file, columns, &rows, fault))
                return NULL;
        struct table *table = fit(settings, &rows);
        table_rows_release(&rows);
        table->scale = scale_of(table, settings, fault);
        if (!isnan(table->scale))
                return table;
        free_table(table);
        return NULL;
}

const struct power_spectrum_type power_spectrum_table = {
        .name = "table", .help = "a table of k and P(k) in a text file, as CLASS and CAMB write it",
        .params = params, .settings_size = sizeof(struct settings), .check = check, .create = create,
        .free = free_table, .at = at, .range = range, .covers = covers,
};
