#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "pieces.h"
#include "sculptor/checkpoint.h"
#include "sculptor/log.h"
#include "sculptor/memory.h"
#include "sculptor/snapshot.h"
#include "sculptor/text.h"

/* What `sculptor check` says: sizes follow from counts, and the rest is read from the run directory
 * without changing it. */

static const double MIB = 1048576;
static const double PROCESS_BYTES = RUN_PROCESS_MIB * 1048576.0;

void run_print_bytes(FILE *out, const char *what, double bytes)
{
        if (bytes < 1024 * MIB)
                fprintf(out, "  %-26s %.4g MiB\n", what, bytes / MIB);
        else
                fprintf(out, "  %-26s %.4g GiB\n", what, bytes / (1024 * MIB));
}

/* Of its rows: every rank keeps them, every checkpoint holds them. */
static double series_bytes(const struct run *run)
{
        return 8.0 * (double)run->series->width * (double)run_n_levels(run);
}

/* What the transform holds: a rank's modes, and what is exchanged at a time. */
double run_transform_bytes(const struct mesh *mesh, int64_t domain)
{
        const double planes = ceil((double)mesh->n_planes / (double)domain);
        const double plane_modes = 16.0 * (double)mesh->n_blocks * (double)mesh->width;
        return planes * plane_modes + 2 * plane_modes + (domain > 1 ? 4 * MIB : 0);
}

/* One field of one rank. */
static double field_bytes(const struct mesh *mesh, int64_t domain)
{
        return 8.0 * ceil((double)mesh->n_planes / (double)domain) * (double)mesh->plane_stride;
}

/* Fields of a rank at once: its share of the ensemble, the scheme's, the score's. */
static double rank_fields(const struct run *run, int64_t ranks)
{
        const struct scheme *scheme = run->sampler->scheme;
        const int64_t domain = run_domain_ranks(run, ranks), groups = ranks / domain > 0 ? ranks / domain : 1;
        const double fields = ceil((double)run->settings.population.particles / (double)groups);
        const size_t n_work = scheme->n_work_field > 0 ? scheme->n_work_field : scheme->n_work;
        const size_t lockstep = scheme_lockstep_arrays(scheme, run->sampler->scheme_settings);
        return fields * (double)(scheme_n_arrays(scheme) + lockstep) + (double)n_work + run->score->type->work_fields;
}

static double rank_bytes(const struct run *run, int64_t ranks)
{
        if (run->mesh) {
                const int64_t domain = run_domain_ranks(run, ranks);
                return PROCESS_BYTES + series_bytes(run) + run_transform_bytes(run->mesh, domain) +
                       rank_fields(run, ranks) * field_bytes(run->mesh, domain);
        }
        const struct scheme *scheme = run->sampler->scheme;
        int64_t tiles = (run->settings.population.particles + LANES - 1) / LANES;
        double tiles_here = ceil((double)tiles / (double)ranks);
        double arrays = (double)(scheme_n_arrays(scheme) +
                                 scheme_lockstep_arrays(scheme, run->sampler->scheme_settings));
        double tile = 8.0 * LANES * (double)run->score->n_dim;
        return PROCESS_BYTES + series_bytes(run) +
               tiles_here * (arrays * tile + 8.0 * (double)scheme_n_memory(scheme)) +
               ((double)scheme->n_work + 4) * tile;
}

double run_snapshot_bytes(const struct run *run)
{
        const int64_t n = run->settings.population.particles;
        const size_t n_columns = (size_t)run->settings.output.score_norm + (size_t)run->settings.output.log_density;
        const bool single = run->settings.output.precision == PRECISION_FLOAT;
        return (double)(run->mesh ? snapshot_fields_size(run->mesh, n, n_columns, single)
                                  : snapshot_size(n, run->score->n_dim, n_columns));
}

static int64_t count_snapshots(const struct run *run)
{
        int64_t n = run_n_levels(run), every = run->settings.output.every_levels;
        return n / every + (n % every != 0) + (run->settings.output.initial ? 1 : 0);
}

static bool is_adaptive(const struct scheme *scheme, const void *settings)
{
        return scheme->adaptive_steps && scheme->adaptive_steps(settings);
}

static double predict_evaluations(const struct run *run)
{
        const struct scheme *scheme = run->sampler->scheme;
        int64_t per_step = scheme->evaluations_per_step ? scheme->evaluations_per_step(run->sampler->scheme_settings)
                                                        : 1;
        bool keeps_score = scheme->needs_log_density || scheme->has_velocity; /* from step to step of a level */
        double steps = (double)(run_total_steps(run) - (run->sampler->denoise ? 1 : 0));
        steps += (double)sampler_repeated_steps(run->sampler);
        double each = steps * (double)per_step + (keeps_score ? (double)run->levels.n : 0) +
                      (run->sampler->denoise ? 1 : 0);
        if (scheme->evaluations_saved) /* in a last step to sigma 0, say */
                each -= (double)scheme->evaluations_saved(run->sampler->scheme_settings, run->grid);
        return (double)run->settings.population.particles * each;
}

static void complain(const char *line)
{
        log_warning("%s", line);
}

/* Without a checkpoint a directory may still be another run's: why it is, to be freed, or NULL. */
static char *refuse_directory(const struct run *run)
{
        char *path = format_text("%s/parameters.txt", run->directory), *refusal = NULL;
        if (access(path, F_OK) == 0) {
                size_t length;
                const char *why;
                char *there = text_read_all(path, (size_t)1 << 30, &length, &why);
                refusal = there ? params_difference(run->echo, there) : copy_text(why);
                free(there);
        }
        free(path);
        return refusal;
}

static const char *look_at_checkpoint(const struct run *run, const char *path, struct run_stand *stand)
{
        struct checkpoint_header header;
        const char *why = checkpoint_read_header(path, &header);
        if (why)
                return why;
        stand->finished = header.mark.level >= run_n_levels(run);
        stand->difference = params_difference(run->echo, header.parameters);
        snprintf(stand->done, sizeof stand->done,
                 "%" PRId64 " of %" PRId64 " levels done, step %" PRId64 " of the next", header.mark.level,
                 run_n_levels(run), header.mark.step);
        checkpoint_header_release(&header);
        return NULL;
}

static void print_checkpoint(const struct run *run, run_look *look, const char *path, FILE *out)
{
        struct run_stand stand = {0};
        const char *why = run->options.resume ? checkpoint_verify(path) : NULL;
        if (!why)
                why = look(run, path, &stand);
        if (why)
                fprintf(out, "  would stop: %s\n", why);
        else if (stand.difference)
                fprintf(out, "  would refuse to go on from %s: %s\n", path, stand.difference);
        else if (stand.finished)
                fprintf(out, "  would do nothing: %s is of the finished run\n", path);
        else
                fprintf(out, "  would go on from %s: %s\n", path, stand.done);
        free(stand.difference);
}

/* NULL where there is none, or no directory yet. To be freed. */
static char *find_checkpoint(const struct run *run)
{
        if (run->options.resume)
                return copy_text(run->options.resume);
        return access(run->directory, F_OK) == 0 ? checkpoint_newest(run->directory, complain) : NULL;
}

void run_print_intention(const struct run *run, const char *beginning, run_look *look, FILE *out)
{
        char *path = find_checkpoint(run);
        char *refusal = !path || run->options.resume ? refuse_directory(run) : NULL;
        if (refusal)
                fprintf(out, "  would refuse to write in %s, another run's: %s\n", run->directory, refusal);
        else if (path)
                print_checkpoint(run, look, path, out);
        else
                fprintf(out, "  would start from %s: no checkpoint in %s\n", beginning, run->directory);
        free(refusal);
        free(path);
}

static void print_grid(const struct run *run, int64_t ranks, FILE *out)
{
        const int64_t domain = run_domain_ranks(run, ranks);
        const double field = field_bytes(run->mesh, domain);
        fprintf(out,
                "  %-26s %" PRId64 " group%s of %" PRId64
                "; %.3g fields' worth of memory in each, the transform's included\n",
                "ensemble x domain", ranks / domain, ranks / domain == 1 ? "" : "s", domain,
                rank_fields(run, ranks) + run_transform_bytes(run->mesh, domain) / field);
}

void run_predict(const struct run *run, int64_t ranks, FILE *out)
{
        int64_t n = run->settings.population.particles, n_dim = run->score->n_dim;
        const struct scheme *scheme = run->sampler->scheme;
        if (ranks < run_domain_ranks(run, ranks))
                ranks = run_domain_ranks(run, ranks);
        fprintf(out, "%s: valid\n", run->options.input);
        const char *what_moves = run->mesh ? "field" : "particle", *of_what = run->mesh ? "cell" : "coordinate";
        fprintf(out, "  %" PRId64 " %s%s of %" PRId64 " %s%s, score %s, sampler %s%s\n", n, what_moves,
                n == 1 ? "" : "s", n_dim, of_what, n_dim == 1 ? "" : "s", run->score->type->name,
                run->sampler->annealed ? "annealed_langevin, scheme " : "", scheme->name);
        fprintf(out, "  %zu level%s, sigma %g to %g, ", run->levels.n, run->levels.n == 1 ? "" : "s",
                run->levels.sigma[0], run->levels.sigma[run->levels.n - 1]);
        if (run->grid)
                fprintf(out, "%zu time steps of process %s from sigma %g", run->grid->n - 1, run->process.type->name,
                        run->grid->point[0].sigma);
        else
                fprintf(out, "%" PRId64 " steps each; step size %g at the last", run->sampler->steps_per_level,
                        run->step_size);
        fprintf(out, "%s\n", run->sampler->denoise ? "; then denoising" : "");
        fprintf(out, "  %-26s %.4g%s\n", "score evaluations", predict_evaluations(run),
                is_adaptive(scheme, run->sampler->scheme_settings) ? " or more (adaptive steps)" : "");
        char what[64];
        snprintf(what, sizeof what, "memory per rank, %" PRId64 " rank%s", ranks, ranks == 1 ? "" : "s");
        run_print_bytes(out, what, rank_bytes(run, ranks));
        if (run->mesh)
                print_grid(run, ranks, out);
        double snapshot = run_snapshot_bytes(run);
        snprintf(what, sizeof what, "%" PRId64 " snapshot%s", count_snapshots(run),
                 count_snapshots(run) == 1 ? "" : "s");
        run_print_bytes(out, what, snapshot * (double)count_snapshots(run));
        /* one more than is kept stands there while a new one is verified */
        snprintf(what, sizeof what, "%" PRId64 " + 1 checkpoints", run->settings.checkpoint.keep);
        run_print_bytes(out, what,
                        ((double)checkpoint_size(n, n_dim, scheme_n_arrays(scheme)) + series_bytes(run)) *
                                (double)(run->settings.checkpoint.keep + 1));
        run_print_intention(run, "the first population", look_at_checkpoint, out);
}
