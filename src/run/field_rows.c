/* What a row of the series file holds for random fields: in situ, at every level. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pieces.h"
#include "sculptor/estimators.h"
#include "sculptor/memory.h"

enum { MOST_COLUMNS = 16, MOST_CONSTANTS = 6 };

struct field_rows {
        struct estimators *estimators;
        struct series_constant constant[MOST_CONSTANTS];
};

static const double *find_truth(const struct run *run)
{
        const struct score_type *type = run->score->type;
        struct score_product product[SCORE_MAX_PRODUCTS];
        const size_t n = type->products ? type->products(run->score->model, product) : 0;
        for (size_t i = 0; i < n; i++)
                if (strcmp(product[i].name, "truth") == 0)
                        return product[i].field;
        return NULL;
}

/* ---- columns and constants ---- */

size_t run_field_columns(struct run *run, struct series_column *columns)
{
        run->field_rows = allocate(1, sizeof *run->field_rows);
        struct estimators *estimators = estimators_create(run->mesh, &run->settings.estimators);
        run->field_rows->estimators = estimators;
        const size_t n_shells = estimators_n_shells(estimators), n_separations = estimators_n_separations(estimators);
        const size_t n_pdf = estimators_n_pdf(estimators), n_bispectrum = estimators_n_bispectrum(estimators);
        const char *power = run->mesh->n_axes == 3 ? "(Mpc/h)^3" : "(Mpc/h)^2";
        const struct series_column all[] = {
                {.name = "mean", .unit = "x", .help = "mean over cells and fields"},
                {.name = "variance", .unit = "x^2", .help = "variance over cells and fields"},
                {.name = "skewness", .unit = "1", .help = "third moment about the mean over variance^(3/2)"},
                {.name = "kurtosis", .unit = "1", .help = "fourth moment about the mean over variance^2, minus 3"},
                {.name = "power", .rank = 1, .shape = {n_shells}, .unit = power, .help = "P(k), mean over fields"},
                {.name = "power_scatter", .rank = 1, .shape = {n_shells}, .unit = power,
                 .help = "standard deviation of P(k) between fields"},
                {.name = "power_target", .rank = 1, .shape = {n_shells}, .unit = power,
                 .help = "P(k) of the exact target at this level's noise"},
                {.name = "power_chi2", .unit = "1",
                 .help = "sum over shells of fields * modes (power/power_target - 1)^2/2: about the number of shells"},
                {.name = "correlation", .rank = 1, .shape = {n_separations}, .unit = "x^2",
                 .help = "correlation function, mean over fields"},
                {.name = "pdf", .rank = 1, .shape = {n_pdf}, .unit = "1",
                 .help = "density of (x - mean)/sqrt(variance) over cells and fields, between pdf_edges"},
                {.name = "cross_correlation", .rank = 1, .shape = {n_shells}, .unit = "1",
                 .help = "with the truth: P_xt/sqrt(P_xx P_tt), mean over fields"},
                {.name = "bispectrum_equilateral", .rank = 1, .shape = {n_bispectrum}, .unit = "P^2",
                 .help = "B(k, k, k), mean over fields"},
                {.name = "bispectrum_squeezed", .rank = 1, .shape = {n_bispectrum}, .unit = "P^2",
                 .help = "B(k, k, k_1), k_1 the lowest shell, mean over fields"},
        };
        const bool knows_truth = run->score->type->products != NULL;
        size_t n = 0;
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
                const bool measured = all[i].rank == 0 || all[i].shape[0] > 0;
                if (measured && (knows_truth || strcmp(all[i].name, "cross_correlation") != 0))
                        columns[n++] = all[i];
        }
        return n;
}

static size_t put_constant(struct run *run, size_t i, const char *name, size_t n, const double *value, const char *unit,
                           const char *help)
{
        if (!value || n == 0) /* not asked for */
                return i;
        run->field_rows->constant[i] = (struct series_constant){name, 1, {n, 0}, value, unit, help};
        return i + 1;
}

void run_field_constants(struct run *run)
{
        const struct estimators *e = run->field_rows->estimators;
        size_t n = 0, n_shells = estimators_n_shells(e), n_bispectrum = estimators_n_bispectrum(e);
        n = put_constant(run, n, "wavenumber", n_shells, estimators_wavenumber(e), "h/Mpc",
                         "mean |k| of a shell's modes");
        n = put_constant(run, n, "modes", n_shells, estimators_modes(e), "1",
                         "wavevectors in a shell, k and -k both: modes * power/power_target ~ chi^2(modes) per field");
        n = put_constant(run, n, "separation", estimators_n_separations(e), estimators_separation(e), "Mpc/h",
                         "mean |r| of a bin of the correlation function");
        n = put_constant(run, n, "pdf_edges", estimators_n_pdf(e) + 1, estimators_pdf_edges(e), "1",
                         "edges of the pdf's bins, in standard deviations from the mean");
        n = put_constant(run, n, "bispectrum_wavenumber", n_bispectrum, estimators_bispectrum_wavenumber(e), "h/Mpc",
                         "k of the bispectra");
        run->series->constant = run->field_rows->constant;
        run->series->n_constants = n;
}

void run_field_rows_free(struct run *run)
{
        if (!run->field_rows)
                return;
        estimators_free(run->field_rows->estimators);
        free(run->field_rows);
}

/* ---- a level ---- */

static struct estimates *measure(const struct run *run)
{
        const struct population *population = run->population;
        const double **fields = allocate(population->n_tiles, sizeof *fields);
        for (size_t t = 0; t < population->n_tiles; t++)
                fields[t] = population_tile(population, t);
        struct estimates *estimates = estimators_measure(run->field_rows->estimators, fields, population->n_tiles,
                                                         population->tile_begin, population->n_global, find_truth(run));
        free(fields);
        return estimates;
}

static void put_all(const struct run *run, double *row, const char *name, const double *value, size_t n)
{
        for (size_t i = 0; i < run->series->n_columns; i++)
                if (value && strcmp(run->series->column[i].name, name) == 0)
                        memcpy(row + series_offset(run->series, name), value, n * sizeof *row);
}

/* The power a known target has at this level; NaN where it has none. */
static double *target_of(const struct run *run, const struct score_level *level)
{
        const struct estimators *e = run->field_rows->estimators;
        double *power = allocate(estimators_n_shells(e), sizeof *power);
        for (size_t i = 0; i < estimators_n_shells(e); i++)
                power[i] = NAN;
        if (level && level->score->type->power) {
                double *modes = allocate(mesh_modes_here(run->mesh), sizeof *modes);
                level->score->type->power(level->state, modes);
                const double square = level->scale * level->scale; /* the type knows x/scale */
                for (size_t i = 0; i < mesh_modes_here(run->mesh); i++)
                        modes[i] *= square;
                estimators_target(e, modes, power);
                free(modes);
        }
        return power;
}

void run_field_row(struct run *run, const struct score_level *level, double *row)
{
        const struct estimators *e = run->field_rows->estimators;
        const size_t n_shells = estimators_n_shells(e), n_bispectrum = estimators_n_bispectrum(e);
        struct estimates *found = measure(run);
        double *target = target_of(run, level), chi2 = estimators_chi2(e, found, target);
        put_all(run, row, "mean", &found->mean, 1);
        put_all(run, row, "variance", &found->variance, 1);
        put_all(run, row, "skewness", &found->skewness, 1);
        put_all(run, row, "kurtosis", &found->kurtosis, 1);
        put_all(run, row, "power", found->power, n_shells);
        put_all(run, row, "power_scatter", found->power_scatter, n_shells);
        put_all(run, row, "power_target", target, n_shells);
        put_all(run, row, "power_chi2", &chi2, 1);
        put_all(run, row, "correlation", found->correlation, estimators_n_separations(e));
        put_all(run, row, "pdf", found->pdf, estimators_n_pdf(e));
        put_all(run, row, "cross_correlation", found->cross_correlation, n_shells);
        put_all(run, row, "bispectrum_equilateral", found->bispectrum_equilateral, n_bispectrum);
        put_all(run, row, "bispectrum_squeezed", found->bispectrum_squeezed, n_bispectrum);
        estimates_free(found);
        free(target);
}
