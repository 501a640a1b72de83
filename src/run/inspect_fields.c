/* Samples of fields against exact draws: power spectra, moments and distribution of the cells, each with errors
 * from the scatter between fields. Fields are shared out over the ranks. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pieces.h"
#include "run/inspect.h"
#include "sculptor/error.h"
#include "sculptor/field_spectra.h"
#include "sculptor/log.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"
#include "sculptor/sample_distance.h"

enum { SETS = 4, BINS = 45, FINE = 4096 };
enum { MEAN, VARIANCE, SKEWNESS, KURTOSIS, TAIL, N_MOMENTS };
#define PDF_LOW (-3.0) /* standard deviations of the draws, about their mean */
#define PDF_BIN 0.2

struct comparison {
        const struct run *run;
        const struct mesh *mesh;
        struct field_spectra *spectra;
        size_t n_cells, n_shells, width; /* width: numbers a field */
        int64_t n, first, n_here;        /* fields of a set; this rank's */
        double *cells[1 + SETS];         /* [n_here][n_cells]: of samples, and of sets of draws */
        double *numbers[1 + SETS];       /* [n][width], of all ranks */
        double centre, deviation;        /* of the distribution's bins */
};

/* ---- a field's numbers ---- */

static void find_moments(const double *cells, size_t n, double *moments)
{
        double mean = 0, sum[3] = {0}, tail = 0;
        for (size_t i = 0; i < n; i++)
                mean += cells[i];
        mean /= (double)n;
        for (size_t i = 0; i < n; i++) {
                const double d = cells[i] - mean, square = d * d;
                sum[0] += square;
                sum[1] += square * d;
                sum[2] += square * square;
        }
        const double variance = sum[0] / (double)n, rms = sqrt(variance);
        for (size_t i = 0; i < n; i++)
                tail += cells[i] - mean > 2 * rms;
        moments[MEAN] = mean;
        moments[VARIANCE] = variance;
        moments[SKEWNESS] = sum[1] / (double)n / (variance * rms);
        moments[KURTOSIS] = sum[2] / (double)n / (variance * variance) - 3;
        moments[TAIL] = tail / (double)n;
}

static void find_power(const struct comparison *of, const double *cells, double *field, double *power)
{
        const struct mesh *mesh = of->mesh;
        for (size_t p = 0; p < mesh->n_planes_here; p++)
                memcpy(field + p * mesh->plane_stride, cells + p * mesh->plane_cells,
                       mesh->plane_cells * sizeof *field);
        const double *const fields[] = {field};
        field_spectra_measure(of->spectra, fields, 1, power);
        for (size_t k = 0; k < of->n_shells; k++)
                power[k] *= mesh->cell_volume;
}

static void find_distribution(const struct comparison *of, const double *cells, double *pdf)
{
        const double scale = 1 / (of->deviation * PDF_BIN);
        for (size_t i = 0; i < of->n_cells; i++) {
                const double bin = (cells[i] - of->centre) * scale - PDF_LOW / PDF_BIN;
                if (bin >= 0 && bin < BINS)
                        pdf[(size_t)bin] += scale / (double)of->n_cells; /* a density of x */
        }
}

/* Every rank's fields, in order, on every rank. */
static void find_numbers(struct comparison *of, size_t set)
{
        double *here = allocate((size_t)of->n_here * of->width + 1, sizeof *here), *field = mesh_allocate(of->mesh);
        for (int64_t i = 0; i < of->n_here; i++) {
                double *numbers = here + (size_t)i * of->width;
                const double *cells = of->cells[set] + (size_t)i * of->n_cells;
                find_moments(cells, of->n_cells, numbers);
                find_power(of, cells, field, numbers + N_MOMENTS);
                find_distribution(of, cells, numbers + N_MOMENTS + of->n_shells);
        }
        size_t *counts = allocate((size_t)parallel_size(), sizeof *counts);
        of->numbers[set] = parallel_gather(here, (size_t)of->n_here * of->width, counts);
        free(counts);
        free(field);
        free(here);
}

/* ---- the cells of all fields ---- */

struct distance { double wasserstein, kolmogorov; };

/* The distributions' difference on FINE bins, counted exactly. */
static struct distance between(const int64_t *a, const int64_t *b, double total, double bin)
{
        struct distance distance = {0, 0};
        int64_t below_a = 0, below_b = 0;
        for (size_t i = 0; i < FINE; i++) {
                below_a += a[i];
                below_b += b[i];
                const double apart = fabs((double)(below_a - below_b)) / total;
                distance.wasserstein += apart * bin;
                distance.kolmogorov = fmax(distance.kolmogorov, apart);
        }
        return distance;
}

static void compare_cells(const struct comparison *of, struct inspect_samples *kept)
{
        const size_t here = (size_t)of->n_here * of->n_cells;
        double low = INFINITY, high = -INFINITY, wasserstein[2][SETS], kolmogorov[2][SETS];
        for (size_t set = 0; set <= SETS; set++)
                for (size_t i = 0; i < here; i++) {
                        low = fmin(low, of->cells[set][i]);
                        high = fmax(high, of->cells[set][i]);
                }
        low = parallel_min(low);
        high = parallel_max(high);
        const double bin = (high - low) / FINE, total = (double)of->n * (double)of->n_cells;
        int64_t *count = allocate((1 + SETS) * FINE, sizeof *count);
        for (size_t set = 0; set <= SETS; set++)
                for (size_t i = 0; i < here; i++) {
                        const size_t at = (size_t)((of->cells[set][i] - low) / bin);
                        count[set * FINE + (at < FINE ? at : FINE - 1)]++;
                }
        parallel_sum_integers(count, (1 + SETS) * FINE);
        for (size_t set = 0; set < SETS; set++) {
                const int64_t *draws = count + (1 + set) * FINE, *next = count + (1 + (set + 1) % SETS) * FINE;
                const struct distance found = between(count, draws, total, bin),
                                      floor = between(next, draws, total, bin);
                wasserstein[0][set] = found.wasserstein;
                wasserstein[1][set] = floor.wasserstein;
                kolmogorov[0][set] = found.kolmogorov;
                kolmogorov[1][set] = floor.kolmogorov;
        }
        free(count);
        const struct {
                const char *name, *what, *help;
                const double *value;
        } told[] = {{"cells_wasserstein", "Wasserstein-1 distance",
                     "W1 of the cells of samples to each set of draws, and of a set to the next", wasserstein[0]},
                    {"cells_kolmogorov", "Kolmogorov-Smirnov distance",
                     "the same, largest difference of the distributions", kolmogorov[0]}};
        for (size_t i = 0; i < 2; i++) {
                const struct sample_moments found = sample_distance_moments(told[i].value, SETS, 1);
                const struct sample_moments floor = sample_distance_moments(told[i].value + SETS, SETS, 1);
                log_line("  %s of cells %.4g +- %.1g, of draws to draws %.4g +- %.1g", told[i].what, found.mean,
                         found.mean_error, floor.mean, floor.mean_error);
                inspect_samples_keep(kept, (struct series_constant){.name = told[i].name, .rank = 2, .shape = {2, SETS},
                                                                    .value = told[i].value, .unit = "1",
                                                                    .help = told[i].help});
        }
}

/* ---- numbers of samples beside those of draws ---- */

/* A mean that is fixed differs by rounding only. */
static void tell(const char *name, const double *mean, const double *error, size_t n, size_t i)
{
        const double apart = mean[i] - mean[n + i], rounding = i == MEAN ? 1e-12 * sqrt(mean[n + VARIANCE]) : 0;
        const double z = fabs(apart) > rounding ? apart / hypot(error[i], error[n + i]) : 0;
        log_line("  %-24s %10.4g +- %-8.2g exact %10.4g +- %-8.2g z %+.1f", name, mean[i], error[i], mean[n + i],
                 error[n + i], z);
}

static void tell_all(const struct comparison *of, const double *mean, const double *error)
{
        static const char *const names[N_MOMENTS] = {"mean", "variance of cells", "skewness of cells",
                                                     "kurtosis of cells", "share of cells > 2 rms"};
        for (size_t i = 0; i < N_MOMENTS; i++)
                tell(names[i], mean, error, of->width, i);
        for (size_t shell = 0; shell < of->n_shells; shell += shell + 1) {
                char name[64];
                snprintf(name, sizeof name, "P(k) at k %.4g", field_spectra_wavenumber(of->spectra)[shell]);
                tell(name, mean, error, of->width, N_MOMENTS + shell);
        }
}

static void keep(const struct comparison *of, struct inspect_samples *kept, const char *const names[2], size_t begin,
                 size_t n, const double *const value[2], const char *unit, const char *help)
{
        double *both = allocate(2 * n, sizeof *both);
        for (size_t k = 0; k < 2; k++) { /* the numbers, then their errors */
                memcpy(both, value[k] + begin, n * sizeof *both);
                memcpy(both + n, value[k] + of->width + begin, n * sizeof *both);
                inspect_samples_keep(kept, (struct series_constant){.name = names[k], .rank = 2, .shape = {2, n},
                                                                    .value = both, .unit = unit,
                                                                    .help = k ? "standard errors of these" : help});
        }
        free(both);
}

static void compare_numbers(const struct comparison *of, struct inspect_samples *kept)
{
        const size_t w = of->width, n = (size_t)of->n;
        double *mean = allocate(2 * w, sizeof *mean), *error = allocate(2 * w, sizeof *error);
        double *draws = allocate(SETS * n * w, sizeof *draws), centres[BINS];
        for (size_t set = 0; set < SETS; set++)
                memcpy(draws + set * n * w, of->numbers[1 + set], n * w * sizeof *draws);
        for (size_t i = 0; i < w; i++) {
                const struct sample_moments found = sample_distance_moments(of->numbers[0] + i, of->n, (int64_t)w);
                const struct sample_moments exact = sample_distance_moments(draws + i, SETS * of->n, (int64_t)w);
                mean[i] = found.mean;
                mean[w + i] = exact.mean;
                error[i] = found.mean_error;
                error[w + i] = exact.mean_error;
        }
        tell_all(of, mean, error);
        const double *const value[2] = {mean, error};
        keep(of, kept, (const char *const[]){"samples_moments", "samples_moments_error"}, 0, N_MOMENTS, value, "1",
             "mean, variance, skewness, kurtosis, share of cells over 2 rms: of samples, and of draws");
        keep(of, kept, (const char *const[]){"samples_power", "samples_power_error"}, N_MOMENTS, of->n_shells, value,
             "length^axes", "P(k) of samples, and of draws, at wavenumber");
        keep(of, kept, (const char *const[]){"samples_pdf", "samples_pdf_error"}, N_MOMENTS + of->n_shells, BINS, value,
             "1/x", "density of cells of samples, and of draws, at samples_pdf_centre");
        for (size_t i = 0; i < BINS; i++)
                centres[i] = of->centre + of->deviation * (PDF_LOW + PDF_BIN * ((double)i + 0.5));
        inspect_samples_keep(kept, (struct series_constant){.name = "samples_pdf_centre", .rank = 1, .shape = {BINS},
                                                            .value = centres, .unit = "x", .help = "of its bins"});
        free(mean);
        free(error);
        free(draws);
}

/* Of the first set of draws, for the distribution's bins. */
static void find_bins(struct comparison *of)
{
        double *here = allocate((size_t)of->n_here * N_MOMENTS + 1, sizeof *here), mean = 0, variance = 0;
        for (int64_t i = 0; i < of->n_here; i++)
                find_moments(of->cells[1] + (size_t)i * of->n_cells, of->n_cells, here + (size_t)i * N_MOMENTS);
        size_t *counts = allocate((size_t)parallel_size(), sizeof *counts);
        double *all = parallel_gather(here, (size_t)of->n_here * N_MOMENTS, counts);
        for (int64_t i = 0; i < of->n; i++) {
                mean += all[i * N_MOMENTS + MEAN] / (double)of->n;
                variance += all[i * N_MOMENTS + VARIANCE] / (double)of->n;
        }
        of->centre = mean;
        of->deviation = sqrt(variance);
        free(all);
        free(counts);
        free(here);
}

void inspect_samples_of_fields(const struct run *run, const struct inspection *inspection, int64_t n,
                               struct inspect_samples *samples)
{
        const int64_t ranks = parallel_size(), rank = parallel_rank();
        struct comparison of = {.run = run, .mesh = run->truth_mesh, .n = n,
                                .n_cells = (size_t)run->truth_mesh->n_cells,
                                .first = n * rank / ranks, .n_here = n * (rank + 1) / ranks - n * rank / ranks};
        of.spectra = field_spectra_create(of.mesh);
        of.n_shells = field_spectra_shells(of.spectra);
        of.width = N_MOMENTS + of.n_shells + BINS;
        for (size_t set = 0; set <= SETS; set++)
                of.cells[set] = allocate((size_t)of.n_here * of.n_cells + 1, sizeof(double));
        const char *why = inspect_samples_read(run, of.first, of.n_here, of.cells[0]);
        require_all(!why, "inspect.samples: %s", why ? why : "");
        for (uint32_t set = 0; set < SETS; set++)
                inspect_samples_draw(run, inspection, set, of.first, of.n_here, of.cells[1 + set]);
        find_bins(&of);
        for (size_t set = 0; set <= SETS; set++)
                find_numbers(&of, set);
        log_line("samples of %s: %" PRId64 " fields beside %d times as many exact draws", run->settings.inspect.samples,
                 n, SETS);
        compare_numbers(&of, samples);
        compare_cells(&of, samples);
        for (size_t set = 0; set <= SETS; set++) {
                free(of.cells[set]);
                free(of.numbers[set]);
        }
        field_spectra_free(of.spectra);
}
