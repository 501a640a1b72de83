/* Samples of a snapshot against exact draws: as many as there are samples, in SETS independent sets, whose
 * distances from each other are those that perfect samples would have. */
#include "run/inspect.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pieces.h"
#include "sculptor/error.h"
#include "sculptor/files.h"
#include "sculptor/log.h"
#include "sculptor/memory.h"
#include "sculptor/rng.h"
#include "sculptor/sample_distance.h"

enum { SETS = 4, FIRST_LEVEL = RNG_MAX_LEVELS - 1 - SETS }; /* which no level of an input can be */

void inspect_samples_keep(struct inspect_samples *samples, struct series_constant array)
{
        if (samples->n == INSPECT_MOST_ARRAYS)
                fatal("%s: more arrays than there is room for", array.name);
        const size_t n = array.shape[0] * (array.rank == 2 ? array.shape[1] : 1);
        double *copy = allocate(n, sizeof *copy);
        memcpy(copy, array.value, n * sizeof *copy);
        array.value = copy;
        samples->array[samples->n++] = array;
}

void inspect_samples_free(struct inspect_samples *samples)
{
        for (size_t i = 0; i < samples->n; i++)
                free((double *)samples->array[i].value);
}

/* ---- rows of numbers; of a field its cells, x fastest ---- */

static const char *dataset_of(const struct run *run)
{
        return run->mesh ? "density" : "state";
}

static int64_t count_samples(const struct run *run)
{
        struct dataset_shape shape;
        const char *name = dataset_of(run), *path = run->settings.inspect.samples;
        const char *why = dataset_inspect_flat(path, name, &shape);
        require_all(!why, "inspect.samples: %s", why ? why : "");
        require_all(shape.n_columns == run->score->n_dim,
                    "inspect.samples: a row of %s in %s has %" PRId64 " numbers, but the score has %" PRId64, name,
                    path, shape.n_columns, run->score->n_dim);
        require_all(shape.n_rows >= 2, "inspect.samples: %s holds a single sample", path);
        return shape.n_rows;
}

const char *inspect_samples_read(const struct run *run, int64_t first, int64_t count, double *rows)
{
        return count > 0 ? dataset_read_flat(run->settings.inspect.samples, dataset_of(run), first, count, rows) : NULL;
}

static void add_noise(const struct inspection *inspection, double sigma, uint32_t set, int64_t row, double *x)
{
        const int64_t n_dim = inspection->truth->n_dim;
        const struct rng_stream stream = {.seed = inspection->seed, .purpose = RNG_FORWARD, .level = FIRST_LEVEL + set};
        double *z = allocate((size_t)n_dim, sizeof *z);
        rng_normal_row(&stream, (uint64_t)row, 0, n_dim, z);
        for (int64_t c = 0; c < n_dim; c++)
                x[c] = fma(sigma, z[c], x[c]);
        free(z);
}

void inspect_samples_draw(const struct run *run, const struct inspection *inspection, uint32_t set, int64_t first,
                          int64_t count, double *rows)
{
        const struct score *truth = inspection->truth;
        const struct mesh *mesh = run->truth_mesh;
        const struct rng_stream stream = {.seed = inspection->seed, .purpose = RNG_TARGET, .level = FIRST_LEVEL + set};
        const int64_t n_dim = truth->n_dim, of_tile = mesh ? 1 : LANES;
        double *tile = allocate(score_tile_size(truth), sizeof *tile);
        for (int64_t i = 0; i < count; i += of_tile) {
                truth->type->draw(truth->model, &stream, (uint64_t)(first + i), tile);
                for (size_t p = 0; mesh && p < mesh->n_planes_here; p++)
                        memcpy(rows + i * n_dim + (int64_t)(p * mesh->plane_cells), tile + p * mesh->plane_stride,
                               mesh->plane_cells * sizeof *rows);
                for (int64_t lane = 0; !mesh && lane < of_tile && i + lane < count; lane++)
                        for (int64_t c = 0; c < n_dim; c++)
                                rows[(i + lane) * n_dim + c] = tile[c * LANES + lane];
        }
        const double sigma = run->settings.inspect.samples_sigma;
        for (int64_t i = 0; sigma > 0 && i < count; i++)
                add_noise(inspection, sigma, set, first + i, rows + i * n_dim);
        free(tile);
}

/* ---- particles: every rank does all of it ---- */

/* Products about the draws' means, pair by pair: their means are covariances, with errors from their scatter. */
static void find_covariance(const double *rows, const double *centre, int64_t n, int64_t n_dim, double *covariance,
                            double *error)
{
        double *product = allocate((size_t)n, sizeof *product);
        for (int64_t a = 0; a < n_dim; a++)
                for (int64_t b = 0; b <= a; b++) {
                        for (int64_t i = 0; i < n; i++) {
                                const double *row = rows + i * n_dim;
                                product[i] = (row[a] - centre[a]) * (row[b] - centre[b]);
                        }
                        const struct sample_moments found = sample_distance_moments(product, n, 1);
                        covariance[a * n_dim + b] = covariance[b * n_dim + a] = found.mean;
                        error[a * n_dim + b] = error[b * n_dim + a] = found.mean_error;
                }
        free(product);
}

static double largest_z(const double *a, const double *a_error, const double *b, const double *b_error, int64_t n)
{
        double largest = 0;
        for (int64_t i = 0; i < n; i++)
                largest = fmax(largest, fabs(a[i] - b[i]) / hypot(a_error[i], b_error[i]));
        return largest;
}

static void keep_pair(struct inspect_samples *samples, const char *name, const char *help, int rank, size_t n,
                      const double *both)
{
        inspect_samples_keep(samples, (struct series_constant){.name = name, .rank = rank, .shape = {2, n}, .unit = "1",
                                                               .value = both, .help = help});
}

static void compare_moments(const double *samples, const double *draws, int64_t n, int64_t n_dim,
                            struct inspect_samples *kept)
{
        const size_t d = (size_t)n_dim;
        double *mean = allocate(2 * d, sizeof *mean), *mean_error = allocate(2 * d, sizeof *mean);
        double *covariance = allocate(2 * d * d, sizeof *mean), *covariance_error = allocate(2 * d * d, sizeof *mean);
        const double *rows[2] = {samples, draws};
        for (size_t of = 0; of < 2; of++)
                for (size_t c = 0; c < d; c++) {
                        const struct sample_moments found = sample_distance_moments(rows[of] + c, n, n_dim);
                        mean[of * d + c] = found.mean;
                        mean_error[of * d + c] = found.mean_error;
                }
        for (size_t of = 0; of < 2; of++)
                find_covariance(rows[of], mean + of * d, n, n_dim, covariance + of * d * d,
                                covariance_error + of * d * d);
        log_line("  means differ by %.1f, covariances by %.1f standard errors at the most",
                 largest_z(mean, mean_error, mean + d, mean_error + d, n_dim),
                 largest_z(covariance, covariance_error, covariance + d * d, covariance_error + d * d, n_dim * n_dim));
        keep_pair(kept, "samples_mean", "of samples, and of draws", 2, d, mean);
        keep_pair(kept, "samples_mean_error", "standard errors of both", 2, d, mean_error);
        keep_pair(kept, "samples_covariance", "of samples, and of draws, row by row", 2, d * d, covariance);
        keep_pair(kept, "samples_covariance_error", "standard errors of both", 2, d * d, covariance_error);
        free(mean);
        free(mean_error);
        free(covariance);
        free(covariance_error);
}

static void compare_particles(const struct run *run, const struct inspection *inspection, int64_t n,
                              struct inspect_samples *kept)
{
        enum { MOST_DIMENSIONS = 64 }; /* of covariances */
        const int64_t n_dim = run->score->n_dim;
        double *samples = allocate((size_t)(n * n_dim), sizeof *samples), *draws[SETS], distance[2][SETS];
        const char *why = inspect_samples_read(run, 0, n, samples);
        require_all(!why, "inspect.samples: %s", why ? why : "");
        for (uint32_t set = 0; set < SETS; set++) {
                draws[set] = allocate((size_t)(n * n_dim), sizeof *samples);
                inspect_samples_draw(run, inspection, set, 0, n, draws[set]);
        }
        for (uint32_t set = 0; set < SETS; set++) {
                distance[0][set] = sample_distance_sliced(samples, draws[set], n, n_dim, inspection->seed);
                distance[1][set] = sample_distance_sliced(draws[(set + 1) % SETS], draws[set], n, n_dim,
                                                          inspection->seed);
        }
        const struct sample_moments found = sample_distance_moments(distance[0], SETS, 1);
        const struct sample_moments floor = sample_distance_moments(distance[1], SETS, 1);
        log_line("samples of %s: %" PRId64
                 " particles; sliced Wasserstein-2 distance to exact draws %.4g +- %.1g, of draws "
                 "to draws %.4g +- %.1g: ratio %.2f",
                 run->settings.inspect.samples, n, found.mean, found.mean_error, floor.mean, floor.mean_error,
                 found.mean / floor.mean);
        keep_pair(kept, "sliced_distance", "sliced W2 of samples to each set of draws, and of a set to the next", 2,
                  SETS, distance[0]);
        if (n_dim <= MOST_DIMENSIONS)
                compare_moments(samples, draws[0], n, n_dim, kept);
        for (uint32_t set = 0; set < SETS; set++)
                free(draws[set]);
        free(samples);
}

struct inspect_samples inspect_samples_compare(const struct run *run, const struct inspection *inspection)
{
        struct inspect_samples samples = {.n = 0};
        if (!*run->settings.inspect.samples)
                return samples;
        const int64_t n = count_samples(run);
        if (run->mesh)
                inspect_samples_of_fields(run, inspection, n, &samples);
        else
                compare_particles(run, inspection, n, &samples);
        return samples;
}
