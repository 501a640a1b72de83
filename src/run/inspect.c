/* The command `inspect`: a score against the truth, level by level, and on a grid of points in the plane. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pieces.h"
#include "run/inspect.h"
#include "sculptor/error.h"
#include "sculptor/field_spectra.h"
#include "sculptor/files.h"
#include "sculptor/inspection.h"
#include "sculptor/log.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

#define FIELD(member) offsetof(struct inspect_settings, member)

static const struct param against_rows[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = 0, .variant = score_drawn_variant,
         .help = "the truth: drawn from exactly; its noised score exact, or sampled"},
        PARAM_END};

const struct param inspect_params[] = {
        {.key = "against", .kind = PARAM_TABLE, .offset = FIELD(against), .rows = against_rows,
         .help = "the truth that the score is held against"},
        {.key = "examples", .kind = PARAM_INTEGER, .offset = FIELD(examples), .fallback = "auto", .automatic = "auto",
         .range = "[2, 1e9]", .help = "noised draws a level; auto: 16384 particles, 64 fields, or 8 where the truth is "
                                      "sampled"},
        {.key = "trajectories", .kind = PARAM_INTEGER, .offset = FIELD(trajectories), .fallback = "200",
         .range = "[10, 60000]", .help = "of each of two chains, where the truth has no closed form and is sampled"},
        {.key = "probes", .kind = PARAM_INTEGER, .offset = FIELD(probes), .fallback = "auto", .automatic = "auto",
         .range = "[0, 1000]", .help = "pairs of random directions an example that tell how far the score is from a "
                                       "gradient; auto: 1 where it has a Jacobian, else 0"},
        {.key = "points_per_axis", .kind = PARAM_INTEGER, .offset = FIELD(points), .fallback = "101",
         .range = "[0, 2000]", .help = "of particles in the plane: points of the maps along an axis; 0: no maps, nor "
                                       "views of fields"},
        {.key = "half_width", .kind = PARAM_REAL, .offset = FIELD(half_width), .fallback = "auto", .automatic = "auto",
         .range = "(0, inf)", .unit = "x", .help = "of the maps, centred on 0; auto: 3.5 standard deviations of the "
                                                   "noised truth, about its mean"},
        {.key = "samples", .kind = PARAM_TEXT, .offset = FIELD(samples), .fallback = "",
         .help = "a snapshot whose particles or fields are held against exact draws; empty: none"},
        {.key = "samples_sigma", .kind = PARAM_REAL, .offset = FIELD(samples_sigma), .fallback = "0",
         .range = "[0, inf)", .unit = "x", .help = "noise the samples still have, which the draws are given too"},
        PARAM_END};

/* ---- configuration ---- */

static void open_truth(struct run *run, struct input *input)
{
        struct score *trained = run->score;
        struct mesh *mesh = run->mesh;
        if (!run_create_score(run, input, &run->settings.inspect.against.type, "inspect.against"))
                return;
        run->truth = run->score;
        run->truth_mesh = run->mesh;
        run->score = trained;
        run->mesh = mesh;
        const int n_axes = mesh ? mesh->n_axes : 0, truth_axes = run->truth_mesh ? run->truth_mesh->n_axes : 0;
        bool same = n_axes == truth_axes && run->score->n_dim == run->truth->n_dim;
        for (int axis = 0; axis < n_axes && same; axis++)
                same = mesh->n[axis] == run->truth_mesh->n[axis] &&
                       fabs(mesh->length[axis] / run->truth_mesh->length[axis] - 1) < 1e-9;
        if (!same)
                input_add_problem(input, "inspect.against",
                                  "%s is on another mesh, or of another dimension, than the score",
                                  run->truth->type->name);
}

static struct inspection inspection_of(const struct run *run)
{
        const struct inspect_settings *settings = &run->settings.inspect;
        const bool sampled = run->truth->type->posterior_means != NULL;
        const int64_t automatic = !run->mesh ? 16384 : sampled ? 8 : 64;
        const int64_t probes = settings->probes >= 0 ? settings->probes : inspection_has_jacobian(run->score);
        return (struct inspection){.score = run->score, .truth = run->truth, .seed = (uint64_t)run->settings.seed,
                                   .examples = settings->examples > 0 ? settings->examples : automatic,
                                   .trajectories = settings->trajectories, .probes = probes};
}

struct run *run_configure_inspection(const struct options *options)
{
        struct run *run = allocate(1, sizeof *run);
        struct input *input = run_read_input(run, options, configuration_rows(FOR_INSPECTION));
        run->settings.parallel.domain_ranks = 1; /* whole fields: several are inspected */
        if (run_create_score(run, input, &run->settings.score.type, "score"))
                open_truth(run, input);
        run_stop_on_problems(input);
        run->process = (struct process){run->settings.process.type.type, run->settings.process.type.settings};
        run_build_levels(run, input);
        run_stop_on_problems(input);
        const struct inspection inspection = inspection_of(run);
        if (inspection.probes > 0 && !inspection_has_jacobian(run->score))
                input_add_problem(input, "inspect.probes", "%s has no Jacobian; leave it out", run->score->type->name);
        for (size_t i = 0; i < run->levels.n; i++) {
                const char *why = inspection_unfit(&inspection, run->levels.sigma[i]);
                if (why) {
                        input_add_problem(input, "levels", "level %zu: %s", i + 1, why);
                        break;
                }
        }
        run_stop_on_problems(input);
        input_free(input);
        run->settings.population.particles = inspection.examples;
        run_name_itself(run);
        return run;
}

/* ---- the file: a series of levels, with pictures of each, and what does not change with them ---- */

enum { MOST_COLUMNS = 32 };

static void create_series(struct run *run, const struct inspect_maps *maps, size_t n_shells)
{
        struct series_column columns[MOST_COLUMNS] = {
                {.name = "sigma", .unit = "x", .help = "noise level"},
                {.name = "eps", .unit = "1", .help = "sigma^2 E|s_theta - s|^2 a coordinate"},
                {.name = "eps_error", .unit = "1", .help = "standard error of eps"},
                {.name = "eps_total", .unit = "1", .help = "eps n_dim, the integrand of the bound of KL over ln sigma"},
                {.name = "relative_error", .unit = "1", .help = "sqrt(E|s_theta - s|^2/E|s|^2)"},
                {.name = "relative_error_error", .unit = "1", .help = "its standard error"},
                {.name = "score_squared", .unit = "1", .help = "sigma^2 E|s|^2 a coordinate"},
                {.name = "gaussian_eps", .unit = "1", .help = "eps of the Gaussian part of the score alone"},
                {.name = "gaussian_relative_error", .unit = "1", .help = "its relative error"},
                {.name = "gaussian_relative_error_error", .unit = "1", .help = "the standard error of that"},
                {.name = "asymmetry", .unit = "1", .help = "|J - J'|_F/|J|_F of the score's Jacobian; NaN: not probed"},
                {.name = "asymmetry_error", .unit = "1", .help = "its standard error"},
                {.name = "acceptance", .unit = "1", .help = "of chains that sample the truth; NaN where it is exact"},
                {.name = "reference_noise", .unit = "1",
                 .help = "noise of the sampled truth relative to |s|, which the errors above are free of"},
        };
        size_t n = 14;
        const struct series_column powers[] = {
                {.name = "power_denoised", .help = "variance of a mode of D_theta(y), by shells at wavenumber"},
                {.name = "power_truth", .help = "of E[x_0|y]"},
                {.name = "power_cross", .help = "of both"},
                {.name = "power_difference", .help = "of D_theta(y) - E[x_0|y]"}};
        for (size_t i = 0; i < 4 && n_shells > 0; i++) {
                columns[n] = powers[i];
                columns[n].rank = 1;
                columns[n].shape[0] = n_shells;
                columns[n++].unit = "1";
        }
        for (size_t i = 0; i < maps->n; i++) {
                columns[n] = maps->column[i];
                columns[n].shape[0] = maps->column[i].rank == 1 ? maps->columns : maps->rows;
                columns[n++].shape[1] = maps->columns;
        }
        run->series = series_create(columns, n);
}

static void append(struct run *run, const struct inspection_level *level, const struct inspect_maps *maps,
                   size_t n_shells)
{
        double *row = series_append(run->series);
        const struct {
                const char *name;
                double value;
        } numbers[] = {{"sigma", level->sigma},
                       {"eps", level->eps.value},
                       {"eps_error", level->eps.error},
                       {"eps_total", level->eps.value * (double)run->score->n_dim},
                       {"relative_error", level->relative.value},
                       {"relative_error_error", level->relative.error},
                       {"score_squared", level->score_squared},
                       {"gaussian_eps", level->gaussian_eps.value},
                       {"gaussian_relative_error", level->gaussian_relative.value},
                       {"gaussian_relative_error_error", level->gaussian_relative.error},
                       {"asymmetry", level->asymmetry.value},
                       {"asymmetry_error", level->asymmetry.error},
                       {"acceptance", level->acceptance},
                       {"reference_noise", level->reference_noise}};
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
                row[series_offset(run->series, numbers[i].name)] = numbers[i].value;
        const struct {
                const char *name;
                const double *value;
        } powers[] = {{"power_denoised", level->powers.denoised},
                      {"power_truth", level->powers.truth},
                      {"power_cross", level->powers.cross},
                      {"power_difference", level->powers.difference}};
        for (size_t i = 0; i < 4 && n_shells > 0; i++)
                memcpy(row + series_offset(run->series, powers[i].name), powers[i].value, n_shells * sizeof *row);
        for (size_t i = 0; i < maps->n; i++)
                memcpy(row + series_offset(run->series, maps->column[i].name), maps->value[i],
                       maps->columns * (maps->column[i].rank == 1 ? 1 : maps->rows) * sizeof *row);
}

static void write_series(struct run *run, const struct inspection_number *bound, const struct inspection *inspection,
                         const struct inspect_samples *samples, const char *path)
{
        struct series_constant constants[4 + INSPECT_MOST_ARRAYS] = {
                {.name = "kl_bound",
                 .rank = 1,
                 .shape = {1},
                 .value = &bound->value,
                 .unit = "nat",
                 .help = "trapezoids of eps_total over ln sigma: KL(truth, model) is at most this, and theirs at the "
                         "largest sigma"},
                {.name = "kl_bound_error", .rank = 1, .shape = {1}, .value = &bound->error, .unit = "nat",
                 .help = "its standard error"}};
        size_t n = 2;
        if (inspection->spectra) {
                const size_t n_shells = field_spectra_shells(inspection->spectra);
                constants[n++] = (struct series_constant){.name = "wavenumber", .rank = 1, .shape = {n_shells},
                                                          .value = field_spectra_wavenumber(inspection->spectra),
                                                          .unit = "1/length", .help = "mean |k| of each shell"};
                constants[n++] = (struct series_constant){.name = "modes", .rank = 1, .shape = {n_shells},
                                                          .value = field_spectra_modes(inspection->spectra),
                                                          .unit = "1", .help = "wavevectors in each shell, k and -k"};
        }
        for (size_t i = 0; i < samples->n; i++)
                constants[n++] = samples->array[i];
        run->series->constant = constants;
        run->series->n_constants = n;
        const char *why = series_write(run->series, path, &run->provenance);
        run->series->constant = NULL;
        run->series->n_constants = 0;
        succeed_all(!why, "%s", why ? why : "");
}

/* ---- the command ---- */

static void tell(const struct inspection_level *level)
{
        char linear[64] = "", acceptance[64] = "", asymmetry[64] = "";
        if (isfinite(level->gaussian_relative.value))
                snprintf(linear, sizeof linear, "  (Gaussian part alone %.4f)", level->gaussian_relative.value);
        if (isfinite(level->asymmetry.value))
                snprintf(asymmetry, sizeof asymmetry, "  |J - J'|/|J| %.2g", level->asymmetry.value);
        if (isfinite(level->acceptance))
                snprintf(acceptance, sizeof acceptance, "  acceptance %.2f", level->acceptance);
        log_line("sigma %-8.4g eps %.4g +- %.1g  relative error %.4f +- %.1g%s%s%s", level->sigma, level->eps.value,
                 level->eps.error, level->relative.value, level->relative.error, linear, asymmetry, acceptance);
}

static void tell_bound(const struct run *run, const struct inspection_number *bound)
{
        const double *sigma = run->levels.sigma;
        if (run->levels.n > 1)
                log_line("KL(truth, model) of the reverse SDE, by trapezoids over these levels: at most %.4g +- %.1g "
                         "nat, and "
                         "what is between them at sigma %g",
                         bound->value, bound->error, fmax(sigma[0], sigma[run->levels.n - 1]));
}

static struct inspection_number measure_levels(struct run *run, const struct inspection *inspection)
{
        struct inspect_maps maps = inspect_maps_create(run);
        const size_t n = run->levels.n, n_shells = inspection->spectra ? field_spectra_shells(inspection->spectra) : 0;
        struct inspection_level *levels = allocate(n, sizeof *levels);
        create_series(run, &maps, n_shells);
        for (size_t i = 0; i < n; i++) {
                log_progress(false, "level %zu/%zu  sigma %.4g", i + 1, n, run->levels.sigma[i]);
                levels[i] = inspect_maps_measure(run, inspection, (uint32_t)i, &maps);
                append(run, &levels[i], &maps, n_shells);
                inspection_level_release(&levels[i]);
                tell(&levels[i]);
        }
        const struct inspection_number bound = inspection_kl_bound(levels, n, run->score->n_dim);
        free(levels);
        inspect_maps_free(&maps);
        return bound;
}

void run_inspect(struct run *run)
{
        struct inspection inspection = inspection_of(run);
        run_take_directory(run);
        log_line("sculptor %s (%s): inspection of %s on %d rank%s -> %s", run->provenance.version,
                 run->provenance.commit, run->options.input, parallel_size(), parallel_size() == 1 ? "" : "s",
                 run->directory);
        run_examine_directory(run);
        run_plan(run, NULL, NULL);
        run_plan_truth(run);
        run_claim_directory(run);

        inspection.spectra = run->mesh ? field_spectra_create(run->truth_mesh) : NULL;
        const struct inspection_number bound = measure_levels(run, &inspection);
        tell_bound(run, &bound);
        struct inspect_samples samples = inspect_samples_compare(run, &inspection);
        char *path = format_text("%s/inspect.h5", run->directory);
        write_series(run, &bound, &inspection, &samples, path);
        inspect_samples_free(&samples);
        field_spectra_free(inspection.spectra);
        log_line("done: %" PRId64 " examples a level, %zu levels, %.1f s; %s", inspection.examples, run->levels.n,
                 seconds_now() - run->deadline.start, path);
        free(path);
        log_close();
        directory_unlock();
        run_free(run);
}
