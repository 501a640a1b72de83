/* Samples of a snapshot against as many exact draws, and these against as many others: what perfect samples would have.
 * Every rank does all of it: it takes a moment. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pieces.h"
#include "sculptor/error.h"
#include "sculptor/files.h"
#include "sculptor/log.h"
#include "sculptor/memory.h"
#include "sculptor/sample_distance.h"

/* As rows of numbers, of a field its cells, x fastest. */
static double *read_samples(const struct run *run, const char *path, int64_t *n)
{
        struct dataset_shape shape;
        const char *name = run->mesh ? "density" : "state";
        const char *why = dataset_inspect_flat(path, name, &shape);
        require_all(!why, "inspect.samples: %s", why ? why : "");
        require_all(shape.n_columns == run->score->n_dim,
                    "inspect.samples: a row of %s in %s has %" PRId64 " numbers, but the score has %" PRId64, name, path,
                    shape.n_columns, run->score->n_dim);
        require_all(shape.n_rows >= 2, "inspect.samples: %s holds a single sample", path);
        double *rows = allocate((size_t)(shape.n_rows * shape.n_columns), sizeof *rows);
        why = dataset_read_flat(path, name, 0, shape.n_rows, rows);
        require_all(!why, "inspect.samples: %s", why ? why : "");
        *n = shape.n_rows;
        return rows;
}

static double *draw_rows(const struct run *run, const struct inspection *inspection, int64_t n, uint32_t level)
{
        const struct score *truth = inspection->truth;
        const struct rng_stream stream = {.seed = inspection->seed, .purpose = RNG_TARGET, .level = level};
        const int64_t n_dim = truth->n_dim, of_tile = run->mesh ? 1 : LANES;
        double *tile = allocate(score_tile_size(truth), sizeof *tile);
        double *rows = allocate((size_t)(n * n_dim), sizeof *rows);
        for (int64_t first = 0; first < n; first += of_tile) {
                truth->type->draw(truth->model, &stream, (uint64_t)first, tile);
                for (int64_t lane = 0; lane < of_tile && first + lane < n; lane++) {
                        double *row = rows + (first + lane) * n_dim;
                        for (int64_t c = 0; c < n_dim; c++)
                                row[c] = run->mesh ? tile[(size_t)(c / (int64_t)run->mesh->plane_cells) * run->mesh->plane_stride +
                                                          (size_t)(c % (int64_t)run->mesh->plane_cells)]
                                                   : tile[c * LANES + lane];
                }
        }
        free(tile);
        return rows;
}

/* ---- particles ---- */

static void compare_particles(const struct run *run, const double *samples, const double *draws, const double *others,
                              int64_t n)
{
        const int64_t n_dim = run->score->n_dim;
        const uint64_t seed = (uint64_t)run->settings.seed;
        const double found = sample_distance_sliced(samples, draws, n, n_dim, seed);
        const double floor = sample_distance_sliced(others, draws, n, n_dim, seed);
        double worst_mean = 0, worst_variance = 0;
        for (int64_t c = 0; c < n_dim; c++) {
                const struct sample_moments s = sample_distance_moments(samples + c, n, n_dim);
                const struct sample_moments d = sample_distance_moments(draws + c, n, n_dim);
                worst_mean = fmax(worst_mean, fabs(s.mean - d.mean) / hypot(s.mean_error, d.mean_error));
                worst_variance = fmax(worst_variance,
                                      fabs(s.variance - d.variance) / hypot(s.variance_error, d.variance_error));
        }
        log_line("samples of %s: sliced Wasserstein-2 distance to exact draws %.4g, of draws to draws %.4g: ratio %.2f; "
                 "means off by %.1f, variances by %.1f standard errors at the most",
                 run->settings.inspect.samples, found, floor, found / floor, worst_mean, worst_variance);
}

/* ---- fields ---- */

static void tell_ratio(const char *what, const struct sample_moments *found, const struct sample_moments *exact)
{
        const double ratio = found->mean / exact->mean;
        const double error = fabs(ratio) * hypot(found->mean_error / found->mean, exact->mean_error / exact->mean);
        log_line("  %-22s %10.4g +- %-8.2g exact %10.4g +- %-8.2g ratio %.3f +- %.3f", what, found->mean, found->mean_error,
                 exact->mean, exact->mean_error, ratio, error);
}

static void compare_fields(const struct run *run, const double *samples, const double *draws, int64_t n)
{
        enum { SHELLS = 8 };
        const int64_t n_cells = run->score->n_dim;
        log_line("samples of %s: %" PRId64 " fields against as many exact draws", run->settings.inspect.samples, n);
        double *value[2] = {allocate((size_t)n, sizeof(double)), allocate((size_t)n, sizeof(double))};
        const double *rows[2] = {samples, draws};
        struct sample_moments moments[2];
        double edge[SHELLS + 1];
        const double smallest = mesh_smallest_wavenumber(run->mesh), largest = mesh_largest_wavenumber(run->mesh);
        for (int k = 0; k <= SHELLS; k++)
                edge[k] = 0.999 * smallest * pow(largest / smallest * 1.002, (double)k / SHELLS);
        for (int shell = -3; shell < SHELLS; shell++) {
                static const char *const names[] = {"variance of cells", "skewness of cells", "share of cells > 2 rms"};
                char name[64];
                for (int of = 0; of < 2; of++) {
                        for (int64_t i = 0; i < n; i++) {
                                const double *field = rows[of] + i * n_cells;
                                value[of][i] = shell == -3   ? sample_distance_field_variance(field, n_cells)
                                               : shell == -2 ? sample_distance_field_skewness(field, n_cells)
                                               : shell == -1 ? sample_distance_field_tail(field, n_cells)
                                                             : sample_distance_shell_power(run->mesh, field, edge[shell],
                                                                                           edge[shell + 1]);
                        }
                        moments[of] = sample_distance_moments(value[of], n, 1);
                }
                if (shell >= 0)
                        snprintf(name, sizeof name, "P(k), k %.3g to %.3g", edge[shell], edge[shell + 1]);
                else
                        snprintf(name, sizeof name, "%s", names[shell + 3]);
                tell_ratio(name, &moments[0], &moments[1]);
        }
        free(value[0]);
        free(value[1]);
        log_line("  distance of the distributions of cells, Wasserstein-1: %.4g",
                 sample_distance_cells(samples, draws, n * n_cells));
}

void run_inspect_samples(struct run *run, const struct inspection *inspection)
{
        int64_t n = 0;
        double *samples = read_samples(run, run->settings.inspect.samples, &n);
        double *draws = draw_rows(run, inspection, n, RNG_MAX_LEVELS - 2);
        double *others = draw_rows(run, inspection, n, RNG_MAX_LEVELS - 3);
        if (run->mesh)
                compare_fields(run, samples, draws, n);
        else
                compare_particles(run, samples, draws, others, n);
        free(samples);
        free(draws);
        free(others);
}
