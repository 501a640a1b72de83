/* The command `likelihood`: log densities of data along the probability flow, tile by tile, into likelihood.h5. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pieces.h"
#include "sculptor/error.h"
#include "sculptor/files.h"
#include "sculptor/log.h"
#include "sculptor/log_likelihood.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"
#include "sculptor/particle_file.h"
#include "sculptor/tree_sum.h"
#include "sculptor/vecmath.h"

#define LN_2 0.69314718055994530942

/* ---- evaluating ---- */

/* Of each of this rank's particles. */
struct numbers {
        size_t n;
        bool has_log_density; /* the score's own, to compare with */
        double *log_likelihood, *bits, *standard_error, *log_prior, *log_density;
        int64_t *evaluations;
};

static struct numbers allocate_numbers(const struct run *run)
{
        const struct score_type *type = run->score->type;
        struct numbers numbers = {.n = (size_t)population_count(run->population),
                                  .has_log_density = type->log_density && !type->log_density_unnormalised};
        const size_t room = numbers.n > 0 ? numbers.n : 1;
        numbers.log_likelihood = allocate(room, sizeof(double));
        numbers.bits = allocate(room, sizeof(double));
        numbers.standard_error = allocate(room, sizeof(double));
        numbers.log_prior = allocate(room, sizeof(double));
        numbers.log_density = allocate(room, sizeof(double));
        numbers.evaluations = allocate(room, sizeof(int64_t));
        return numbers;
}

static void free_numbers(struct numbers *numbers)
{
        free(numbers->log_likelihood);
        free(numbers->bits);
        free(numbers->standard_error);
        free(numbers->log_prior);
        free(numbers->log_density);
        free(numbers->evaluations);
}

static void keep(const struct population *population, size_t t, const struct log_likelihood_answer *answer,
                 const double log_density[LANES], struct numbers *numbers)
{
        const size_t first = (size_t)(population_first_particle(population, t) - population_first(population));
        const size_t n = population_is_field(population) ? 1 : (size_t)population_lanes(population, t);
        for (size_t lane = 0; lane < n; lane++) {
                numbers->log_likelihood[first + lane] = answer->log_likelihood[lane];
                numbers->bits[first + lane] = -answer->log_likelihood[lane] / ((double)population->n_dim * LN_2);
                numbers->standard_error[first + lane] = answer->standard_error[lane];
                numbers->log_prior[first + lane] = answer->log_prior[lane];
                numbers->log_density[first + lane] = log_density[lane];
                numbers->evaluations[first + lane] = answer->evaluations;
        }
}

_Noreturn static void stop_early(int signal, int64_t done, int64_t n)
{
        log_line("stopped by signal %d after %" PRId64 " of %" PRId64
                 " tiles a rank: nothing is written, the same command line starts over",
                 signal, done, n);
        log_close();
        directory_unlock();
        leave_all(STATUS_STOPPED_EARLY);
}

/* Collective. All tiles in rounds of one a rank; signals and failures are heard of between stretches of rounds. */
static void evaluate(struct run *run, struct log_likelihood *likelihood, struct numbers *numbers)
{
        struct population *population = run->population;
        const int64_t n = (int64_t)population->n_tiles, rounds = (int64_t)parallel_max((double)n);
        double last_lasting = seconds_now(), log_density[LANES] = {0};
        struct score_level *level = numbers->has_log_density
                                            ? score_level_create(run->score, run->settings.likelihood.sigma_min)
                                            : NULL;
        struct decision decision = deadline_decide(&run->deadline, 0);
        for (int64_t begin = 0, end; begin < rounds; begin = end) {
                struct log_likelihood_answer answer = {.failed = false};
                end = begin + decision.stretch < rounds ? begin + decision.stretch : rounds;
                for (int64_t t = begin; t < end && t < n && !answer.failed; t++) {
                        if (level)
                                score_log_density(level, population_tile(population, (size_t)t), log_density);
                        answer = log_likelihood_evaluate(likelihood, population, (size_t)t);
                        if (!answer.failed)
                                keep(population, (size_t)t, &answer, log_density, numbers);
                }
                succeed_all(!answer.failed, "the likelihood of %s %" PRId64 " fails at sigma %g: %s",
                            run->mesh ? "field" : "particle", answer.particle, answer.sigma,
                            answer.finite ? "no step is short enough for the tolerances"
                                          : "its score is no longer finite");
                decision = deadline_decide(&run->deadline, end - begin);
                if (end < rounds && decision.signal)
                        stop_early(decision.signal, end, rounds);
                const bool lasting = seconds_now() - last_lasting > 60;
                last_lasting = lasting ? seconds_now() : last_lasting;
                log_progress(lasting, "likelihood: tile %" PRId64 "/%" PRId64 " of a rank", end, rounds);
        }
        if (level)
                score_level_free(level);
}

/* ---- telling ---- */

/* Collective. The sum of f - shift, and of its square, over all particles, in a fixed order. */
static void sum_moments(const struct run *run, const double *f, double shift, double total[2])
{
        const struct population *population = run->population;
        struct tree_sum *sum = tree_sum_create(2);
        for (size_t t = 0; t < population->n_tiles && parallel_domain_rank() == 0; t++) {
                const size_t first = (size_t)(population_first_particle(population, t) - population_first(population));
                const size_t n = run->mesh ? 1 : (size_t)population_lanes(population, t);
                double leaf[2] = {0};
                for (size_t i = first; i < first + n; i++) {
                        leaf[0] += f[i] - shift;
                        leaf[1] = fma(f[i] - shift, f[i] - shift, leaf[1]);
                }
                tree_sum_add(sum, population->tile_begin + (int64_t)t, leaf);
        }
        tree_sum_finish(sum, total);
}

struct mean { double value, standard_error; };

static struct mean mean_of(const struct run *run, const double *f)
{
        const double n = (double)run->population->n_global;
        double total[2], about[2];
        sum_moments(run, f, 0, total);
        sum_moments(run, f, total[0] / n, about);
        return (struct mean){total[0] / n, n > 1 ? sqrt(about[1] / (n * (n - 1))) : 0};
}

static int64_t count_evaluations(const struct numbers *numbers)
{
        int64_t sum = 0;
        for (size_t i = 0; i < numbers->n && parallel_domain_rank() == 0; i++)
                sum += numbers->evaluations[i];
        return parallel_sum_integer(sum);
}

static void write_file(const struct run *run, const struct numbers *numbers, const struct mean *mean)
{
        const struct log_likelihood_settings *settings = &run->settings.likelihood;
        struct particle_column columns[6] = {
                {.name = "log_likelihood", .unit = "nat", .help = "log p at sigma_min",
                 .value = numbers->log_likelihood},
                {.name = "bits_per_dimension", .unit = "bit", .help = "-log_likelihood/(n_dim ln 2)",
                 .value = numbers->bits},
                {.name = "log_prior", .unit = "nat", .help = "log p of the latent at sigma_max",
                 .value = numbers->log_prior},
                {.name = "evaluations", .unit = "1", .help = "score evaluations", .count = numbers->evaluations},
        };
        size_t n_columns = 4;
        if (numbers->has_log_density)
                columns[n_columns++] = (struct particle_column){.name = "log_density", .unit = "nat",
                        .help = "the score's own log p at sigma_min", .value = numbers->log_density};
        if (settings->trace == LOG_LIKELIHOOD_HUTCHINSON)
                columns[n_columns++] = (struct particle_column){.name = "standard_error", .unit = "nat",
                        .help = "of log_likelihood, from the scatter of its probes", .value = numbers->standard_error};
        const struct particle_constant constants[] = {{"sigma_min", settings->sigma_min},
                                                      {"sigma_max", settings->sigma_max},
                                                      {"mean_log_likelihood", mean->value},
                                                      {"mean_log_likelihood_standard_error", mean->standard_error}};
        const struct particle_file file = {.title = "Sculptor: log-likelihoods by the probability flow",
                                           .population = run->population,
                                           .mesh = run->mesh,
                                           .state = "latent",
                                           .state_help = "where the flow takes the data at sigma_max, as x/alpha",
                                           .column = columns,
                                           .n_columns = n_columns,
                                           .constant = constants,
                                           .n_constants = sizeof constants / sizeof *constants,
                                           .provenance = &run->provenance};
        char *path = format_text("%s/likelihood.h5", run->directory);
        const char *why = particle_file_write(path, &file);
        succeed_all(!why, "%s", why ? why : "");
        free(path);
}

void run_likelihood(struct run *run)
{
        const int64_t n = run->settings.population.particles;
        const char *what = run->mesh ? "field" : "particle";
        signals_watch();
        run_take_directory(run);
        log_line("sculptor %s (%s): likelihood of %s on %d rank%s -> %s", run->provenance.version,
                 run->provenance.commit, run->options.input, parallel_size(), parallel_size() == 1 ? "" : "s",
                 run->directory);
        run_examine_directory(run);
        run_plan(run, NULL, NULL);
        run->population = run_create_population(run, n, false, 0);
        const struct time_point clean = {.sigma = run->settings.likelihood.sigma_min, .scale = 1};
        run_draw_initial(run, clean.sigma, &clean);
        run_claim_directory(run);

        struct log_likelihood *likelihood = log_likelihood_create(&run->settings.likelihood, run->score,
                                                                  (uint64_t)run->settings.seed);
        struct numbers numbers = allocate_numbers(run);
        evaluate(run, likelihood, &numbers);
        log_likelihood_free(likelihood);

        const struct mean mean = mean_of(run, numbers.log_likelihood), bits = mean_of(run, numbers.bits);
        const double evaluations = (double)count_evaluations(&numbers) / (double)n;
        write_file(run, &numbers, &mean);
        log_line("done: %" PRId64 " %s%s, mean log-likelihood %.6g +- %.2g nat, %.6g +- %.2g bits per dimension, "
                 "%.1f score evaluations each, %.1f s; %s/likelihood.h5",
                 n, what, n == 1 ? "" : "s", mean.value, mean.standard_error, bits.value, bits.standard_error,
                 evaluations, seconds_now() - run->deadline.start, run->directory);
        free_numbers(&numbers);
        log_close();
        directory_unlock();
        run_free(run);
}
