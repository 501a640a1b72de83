/* The bins: shells of wavevectors, separations, triangles. What follows from the mesh alone. */
#include "field/estimators.h"

#include <math.h>
#include <stdlib.h>

#include "sculptor/memory.h"

/* ---- the input ---- */

#define FIELD(member) offsetof(struct estimators_settings, member)

const struct param estimators_params[] = {
        {.key = "shells", .kind = PARAM_INTEGER, .offset = FIELD(shells), .fallback = "auto", .automatic = "auto",
         .range = "[1, 1048576]",
         .help = "shells of the power spectrum, one fundamental wavenumber wide; auto: up to Nyquist's"},
        {.key = "separations", .kind = PARAM_INTEGER, .offset = FIELD(separations), .fallback = "auto",
         .automatic = "auto", .range = "[0, 1048576]",
         .help = "bins of the correlation function, each one cell wide; 0: none; auto: up to half the box, at most 64"},
        {.key = "pdf", .kind = PARAM_FLAG, .offset = FIELD(pdf), .fallback = "true",
         .help = "the probability density of the values of cells"},
        {.key = "bispectrum", .kind = PARAM_FLAG, .offset = FIELD(bispectrum), .fallback = "false",
         .help = "equilateral and squeezed bispectra; a transform for each bin of each field"},
        {.key = "bispectrum_bins", .kind = PARAM_INTEGER, .offset = FIELD(bispectrum_bins), .fallback = "auto",
         .automatic = "auto", .range = "[1, 1048576]",
         .help = "bins of the bispectrum; auto: up to 2/3 of the Nyquist wavenumber, all that are free of aliasing"},
        PARAM_END};

/* ---- how many ---- */

#define SLIGHTLY_MORE (1 + 1e-9) /* quotients of lengths may come out below a whole number by rounding */

static size_t at_most(int64_t wanted, double all)
{
        const size_t most = (size_t)(all * SLIGHTLY_MORE);
        return wanted >= 0 && (size_t)wanted < most ? (size_t)wanted : most;
}

static double smallest(const double value[MESH_MAX_AXES], int n_axes)
{
        return n_axes == 3 ? fmin(fmin(value[0], value[1]), value[2]) : fmin(value[0], value[1]);
}

/* Triangles of three wavevectors in shell s close only by 0, and not by a period of the mesh, where three times
 * the largest component stays below the period: 3 floor((s + 1/2) k_f/unit) < N on every axis. */
static size_t count_bispectrum(const struct mesh *mesh, const struct estimators_settings *settings, const double *unit,
                               double width, size_t n_shells)
{
        size_t n = 0;
        for (bool free_of_aliasing = true; n < n_shells;) {
                for (int axis = 0; axis < mesh->n_axes && axis < MESH_MAX_AXES; axis++)
                        if (3 * floor(((double)n + 1.5) * width / unit[axis] * SLIGHTLY_MORE) >= (double)mesh->n[axis])
                                free_of_aliasing = false;
                if (!free_of_aliasing)
                        break;
                n++;
        }
        return settings->bispectrum ? at_most(settings->bispectrum_bins, (double)n) : 0;
}

/* ---- making ---- */

static void create_lines(struct estimators *estimators)
{
        const struct mesh *mesh = estimators->mesh;
        const size_t n = (size_t)mesh->n_blocks * mesh->width;
        const int64_t half = mesh->n[mesh->n_axes - 1] / 2 + 1;
        double *const *square = estimators->shells.square;
        estimators->line_square = allocate(n, sizeof *estimators->line_square);
        for (size_t line = 0; line < n; line++)
                estimators->line_square[line] = INFINITY;
        for (int64_t line = 0; line < mesh->n_lines; line++)
                estimators->line_square[line] = mesh->n_axes == 3 ? square[1][line / half] + square[2][line % half]
                                                                  : square[1][line];
}

struct estimators *estimators_create(const struct mesh *mesh, const struct estimators_settings *settings)
{
        struct estimators *estimators = allocate(1, sizeof *estimators);
        double wavenumber[MESH_MAX_AXES] = {0}, nyquist[MESH_MAX_AXES] = {0}, cell[MESH_MAX_AXES] = {0},
               longest_cell = 0;
        for (int axis = 0; axis < mesh->n_axes && axis < MESH_MAX_AXES; axis++) {
                cell[axis] = mesh->length[axis] / (double)mesh->n[axis];
                wavenumber[axis] = 2 * 3.14159265358979323846 / mesh->length[axis];
                nyquist[axis] = wavenumber[axis] * (double)mesh->n[axis] / 2;
                longest_cell = fmax(longest_cell, cell[axis]);
        }
        const double width = smallest(wavenumber, mesh->n_axes);
        const size_t n_shells = at_most(settings->shells, smallest(nyquist, mesh->n_axes) / width);
        estimators->mesh = mesh;
        estimators->shells = bins_create(mesh, wavenumber, width, n_shells);
        create_lines(estimators);
        estimators->n_bispectrum = count_bispectrum(mesh, settings, wavenumber, width, n_shells);

        const double farthest = smallest(mesh->length, mesh->n_axes) / (2 * longest_cell);
        const int64_t separations = settings->separations < 0 ? 64 : settings->separations;
        if (separations > 0) {
                estimators->separations = bins_create(mesh, cell, longest_cell, at_most(separations, farthest));
                estimators->n_separations = estimators->separations.last + 1;
        }

        estimators->n_pdf = settings->pdf ? ESTIMATORS_PDF_BINS : 0;
        for (size_t i = 0; i <= ESTIMATORS_PDF_BINS; i++)
                estimators->pdf_edges[i] = ESTIMATORS_PDF_FROM + ESTIMATORS_PDF_WIDTH * (double)i;
        return estimators;
}

void estimators_free(struct estimators *estimators)
{
        if (!estimators)
                return;
        bins_release(&estimators->shells);
        bins_release(&estimators->separations);
        free(estimators->line_square);
        free(estimators->triangles);
        free(estimators);
}

/* ---- telling ---- */

size_t estimators_n_shells(const struct estimators *estimators)
{
        return estimators->shells.last;
}

size_t estimators_n_separations(const struct estimators *estimators)
{
        return estimators->n_separations;
}

size_t estimators_n_pdf(const struct estimators *estimators)
{
        return estimators->n_pdf;
}

size_t estimators_n_bispectrum(const struct estimators *estimators)
{
        return estimators->n_bispectrum;
}

const double *estimators_wavenumber(const struct estimators *estimators)
{
        return estimators->shells.mean + 1;
}

const double *estimators_modes(const struct estimators *estimators)
{
        return estimators->shells.count + 1;
}

const double *estimators_separation(const struct estimators *estimators)
{
        return estimators->separations.mean;
}

const double *estimators_pdf_edges(const struct estimators *estimators)
{
        return estimators->n_pdf > 0 ? estimators->pdf_edges : NULL;
}

const double *estimators_bispectrum_wavenumber(const struct estimators *estimators)
{
        return estimators_wavenumber(estimators);
}
