/* The command `inspect`: a score against the truth, level by level, and on a grid of points in the plane. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pieces.h"
#include "sculptor/error.h"
#include "sculptor/field_file.h"
#include "sculptor/files.h"
#include "sculptor/inspection.h"
#include "sculptor/log.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"
#include "run/inspect.h"

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
        {.key = "points_per_axis", .kind = PARAM_INTEGER, .offset = FIELD(points), .fallback = "101",
         .range = "[0, 2000]", .help = "of particles in the plane: points of the maps along an axis; 0: no maps"},
        {.key = "half_width", .kind = PARAM_REAL, .offset = FIELD(half_width), .fallback = "auto", .automatic = "auto",
         .range = "(0, inf)", .unit = "x", .help = "of the maps, centred on 0; auto: 4 standard deviations of the truth"},
        {.key = "samples", .kind = PARAM_TEXT, .offset = FIELD(samples), .fallback = "",
         .help = "a snapshot whose particles or fields are held against as many exact draws; empty: none"},
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
                input_add_problem(input, "inspect.against", "%s is on another mesh, or of another dimension, than the score",
                                  run->truth->type->name);
}

static struct inspection inspection_of(const struct run *run)
{
        const struct inspect_settings *settings = &run->settings.inspect;
        const bool sampled = run->truth->type->posterior_means != NULL;
        const int64_t automatic = !run->mesh ? 16384 : sampled ? 8 : 64;
        return (struct inspection){.score = run->score, .truth = run->truth, .seed = (uint64_t)run->settings.seed,
                                   .examples = settings->examples > 0 ? settings->examples : automatic,
                                   .trajectories = settings->trajectories};
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

/* ---- maps ---- */

struct maps { int64_t n; double half_width, *axis, *score[2], *truth[2], *relative; }; /* [n * n], x fastest */

static double deviation_of_truth(const struct inspection *inspection)
{
        enum { TILES = 16 };
        double x[2 * LANES] __attribute__((aligned(64))), sum = 0;
        const struct rng_stream stream = {.seed = inspection->seed, .purpose = RNG_TARGET, .level = RNG_MAX_LEVELS - 1};
        for (uint64_t tile = 0; tile < TILES; tile++) {
                inspection->truth->type->draw(inspection->truth->model, &stream, tile * LANES, x);
                for (size_t i = 0; i < 2 * LANES; i++)
                        sum = fma(x[i], x[i], sum);
        }
        return sqrt(sum / (2 * TILES * LANES));
}

static void draw_map(const struct run *run, const struct maps *maps, double sigma)
{
        struct score_level *score = score_level_create(run->score, sigma), *truth = score_level_create(run->truth, sigma);
        const int64_t n = maps->n, n_points = n * n;
        for (int64_t first = 0; first < n_points; first += LANES) {
                double x[2 * LANES] __attribute__((aligned(64))), s[2 * LANES] __attribute__((aligned(64)));
                double t[2 * LANES] __attribute__((aligned(64)));
                for (int64_t lane = 0; lane < LANES; lane++) {
                        const int64_t point = first + lane < n_points ? first + lane : n_points - 1;
                        x[lane] = maps->axis[point % n];
                        x[LANES + lane] = maps->axis[point / n];
                }
                score_eval(score, x, s);
                score_eval(truth, x, t);
                for (int64_t lane = 0; lane < LANES && first + lane < n_points; lane++) {
                        const int64_t at = first + lane;
                        for (int c = 0; c < 2; c++) {
                                maps->score[c][at] = s[c * LANES + lane];
                                maps->truth[c][at] = t[c * LANES + lane];
                        }
                        maps->relative[at] = hypot(s[lane] - t[lane], s[LANES + lane] - t[LANES + lane]) /
                                             hypot(t[lane], t[LANES + lane]);
                }
        }
        score_level_free(score);
        score_level_free(truth);
}

/* ---- the file: a series of levels ---- */

static void create_series(struct run *run, const struct maps *maps)
{
        const size_t n = (size_t)maps->n;
        const struct series_column columns[] = {
                {.name = "sigma", .unit = "x", .help = "noise level"},
                {.name = "eps", .unit = "1", .help = "sigma^2 E|s_theta - s|^2 a coordinate"},
                {.name = "eps_error", .unit = "1", .help = "standard error of eps"},
                {.name = "relative_error", .unit = "1", .help = "sqrt(E|s_theta - s|^2/E|s|^2)"},
                {.name = "score_squared", .unit = "1", .help = "sigma^2 E|s|^2 a coordinate"},
                {.name = "gaussian_eps", .unit = "1", .help = "eps of the Gaussian part of the score alone"},
                {.name = "gaussian_relative_error", .unit = "1", .help = "its relative error"},
                {.name = "acceptance", .unit = "1", .help = "of the chains that sample the truth; NaN where it is exact"},
                {.name = "score_0", .rank = 2, .shape = {n, n}, .unit = "1/x", .help = "s_theta[0] on the grid (x[1], x[0])"},
                {.name = "score_1", .rank = 2, .shape = {n, n}, .unit = "1/x", .help = "s_theta[1] there"},
                {.name = "truth_0", .rank = 2, .shape = {n, n}, .unit = "1/x", .help = "s[0] there"},
                {.name = "truth_1", .rank = 2, .shape = {n, n}, .unit = "1/x", .help = "s[1] there"},
                {.name = "map_relative_error", .rank = 2, .shape = {n, n}, .unit = "1", .help = "|s_theta - s|/|s| there"},
        };
        const size_t all = sizeof columns / sizeof *columns;
        run->series = series_create(columns, n > 0 ? all : all - 5);
}

static void append(struct run *run, const struct inspection_level *level, const struct maps *maps)
{
        double *row = series_append(run->series);
        const struct { const char *name; double value; } numbers[] = {
                {"sigma", level->sigma},
                {"eps", level->eps},
                {"eps_error", level->eps_error},
                {"relative_error", level->relative},
                {"score_squared", level->score_squared},
                {"gaussian_eps", level->gaussian_eps},
                {"gaussian_relative_error", level->gaussian_relative},
                {"acceptance", level->acceptance}};
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
                row[series_offset(run->series, numbers[i].name)] = numbers[i].value;
        if (maps->n == 0)
                return;
        const struct { const char *name; const double *value; } arrays[] = {{"score_0", maps->score[0]},
                                                                             {"score_1", maps->score[1]},
                                                                             {"truth_0", maps->truth[0]},
                                                                             {"truth_1", maps->truth[1]},
                                                                             {"map_relative_error", maps->relative}};
        for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
                memcpy(row + series_offset(run->series, arrays[i].name), arrays[i].value,
                       (size_t)(maps->n * maps->n) * sizeof *row);
}

static struct maps create_maps(const struct run *run, const struct inspection *inspection)
{
        const struct inspect_settings *settings = &run->settings.inspect;
        bool exact = !run->mesh && run->score->n_dim == 2;
        struct maps maps = {.n = exact ? settings->points : 0};
        if (maps.n == 0)
                return maps;
        maps.half_width = isnan(settings->half_width) ? 4 * deviation_of_truth(inspection) : settings->half_width;
        double **of[] = {&maps.score[0], &maps.score[1], &maps.truth[0], &maps.truth[1], &maps.relative};
        for (size_t i = 0; i < sizeof of / sizeof *of; i++)
                *of[i] = allocate((size_t)(maps.n * maps.n), sizeof(double));
        maps.axis = allocate((size_t)maps.n, sizeof(double));
        for (int64_t i = 0; i < maps.n; i++)
                maps.axis[i] = maps.half_width * (maps.n > 1 ? 2 * (double)i / (double)(maps.n - 1) - 1 : 0);
        return maps;
}

static void free_maps(struct maps *maps)
{
        double *of[] = {maps->axis, maps->score[0], maps->score[1], maps->truth[0], maps->truth[1], maps->relative};
        for (size_t i = 0; i < sizeof of / sizeof *of; i++)
                free(of[i]);
}

/* ---- the command ---- */

static void tell(const struct inspection_level *level)
{
        char linear[64] = "", acceptance[64] = "";
        if (isfinite(level->gaussian_relative))
                snprintf(linear, sizeof linear, "  (Gaussian part alone %.4f)", level->gaussian_relative);
        if (isfinite(level->acceptance))
                snprintf(acceptance, sizeof acceptance, "  acceptance %.2f", level->acceptance);
        log_line("sigma %-8.4g eps %.4g +- %.1g  relative error %.4f%s%s", level->sigma, level->eps, level->eps_error,
                 level->relative, linear, acceptance);
}

void run_inspect(struct run *run)
{
        const struct inspection inspection = inspection_of(run);
        run_take_directory(run);
        log_line("sculptor %s (%s): inspection of %s on %d rank%s -> %s", run->provenance.version, run->provenance.commit,
                 run->options.input, parallel_size(), parallel_size() == 1 ? "" : "s", run->directory);
        run_examine_directory(run);
        run_plan(run, NULL, NULL);
        run_plan_truth(run);
        run_claim_directory(run);

        struct maps maps = create_maps(run, &inspection);
        create_series(run, &maps);
        struct inspection_level *levels = allocate(run->levels.n, sizeof *levels);
        for (size_t i = 0; i < run->levels.n; i++) {
                log_progress(false, "level %zu/%zu  sigma %.4g", i + 1, run->levels.n, run->levels.sigma[i]);
                levels[i] = inspection_measure(&inspection, run->levels.sigma[i], (uint32_t)i);
                if (maps.n > 0)
                        draw_map(run, &maps, run->levels.sigma[i]);
                append(run, &levels[i], &maps);
                tell(&levels[i]);
        }
        const double bound = inspection_kl_bound(levels, run->levels.n, run->score->n_dim);
        const struct series_constant constants[] = {
                {.name = "kl_bound", .rank = 1, .shape = {1}, .value = &bound, .unit = "nat",
                 .help = "integral of n_dim eps over ln(sigma) over the levels: bounds KL(truth, model) but for the first level's"},
                {.name = "axis", .rank = 1, .shape = {(size_t)maps.n}, .value = maps.axis, .unit = "x",
                 .help = "points of the maps along both axes"}};
        run->series->constant = constants;
        run->series->n_constants = maps.n > 0 ? 2 : 1;
        char *path = format_text("%s/inspect.h5", run->directory);
        const char *why = series_write(run->series, path, &run->provenance);
        succeed_all(!why, "%s", why ? why : "");
        if (run->levels.n > 1)
                log_line("KL(truth, model) is at most %.4g nat and what is between them at sigma %g", bound,
                         levels[0].sigma > levels[run->levels.n - 1].sigma ? levels[0].sigma
                                                                           : levels[run->levels.n - 1].sigma);
        if (*run->settings.inspect.samples)
                run_inspect_samples(run, &inspection);
        log_line("done: %" PRId64 " examples a level, %zu levels, %.1f s; %s", inspection.examples, run->levels.n,
                 seconds_now() - run->deadline.start, path);
        free(path);
        free(levels);
        free_maps(&maps);
        log_close();
        directory_unlock();
        run_free(run);
}
