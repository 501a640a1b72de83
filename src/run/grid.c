/* Fields: the grid of ranks, the mesh's plans and the population that lives on it. */
#include <stdlib.h>
#include <string.h>

#include "pieces.h"
#include "sculptor/error.h"
#include "sculptor/files.h"
#include "sculptor/log.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"
#include "sculptor/text.h"

/* ---- ensemble x domain ---- */

/* The fewest ranks a field that leave no group of ranks without one. */
static int64_t choose_domain(int64_t n_fields, int64_t n_ranks)
{
        int64_t domain = 1;
        while (n_ranks % domain != 0 || n_ranks / domain > n_fields)
                domain++;
        return domain;
}

/* Of a training on a file, whose fields are whole. */
static const struct score_type no_score = {.name = "data", .whole_fields = true};

static const struct score_type *score_type_of(const struct run *run)
{
        const struct selection *selected = &run->settings.score.type;
        if (!selected->type)
                return run->score ? run->score->type : &no_score;
        const struct score_type *type = selected->type;
        return type->configured ? type->configured(selected->settings) : type;
}

int64_t run_domain_ranks(const struct run *run, int64_t n_ranks)
{
        const struct score_type *type = score_type_of(run);
        const int64_t wanted = run->settings.parallel.domain_ranks;
        if (wanted > 0 || !type->mesh || type->whole_fields)
                return wanted > 0 ? wanted : 1;
        return choose_domain(run->settings.population.particles, n_ranks);
}

bool run_split(struct run *run, struct input *input)
{
        const struct score_type *type = score_type_of(run);
        int64_t n_ranks = parallel_active() ? parallel_size() : run->options.ranks;
        const int64_t domain = run_domain_ranks(run, n_ranks);
        if (!parallel_active() && n_ranks == 1)
                n_ranks = domain; /* `check` without --ranks: as many as that takes */
        if (domain > 1 && !type->mesh)
                input_add_problem(input, "parallel.domain_ranks", "splits fields, and %s has none; leave it out",
                                  type->name);
        else if (domain > 1 && type->whole_fields)
                input_add_problem(input, "parallel.domain_ranks", "%s works on whole fields; give 1, or leave it out",
                                  type->name);
        else if (n_ranks % domain != 0)
                input_add_problem(input, "parallel.domain_ranks",
                                  "%lld does not divide the %lld ranks; start a multiple of it, or give auto",
                                  (long long)domain, (long long)n_ranks);
        else if (parallel_active())
                parallel_split((int)domain);
        else
                return true;
        return input_problems(input) == 0;
}

/* ---- plans ---- */

/* What FFTW's choice of codelets depends on, in the file's name. */
static const char *processor(void)
{
#if defined __x86_64__
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx512f") ? "avx512" : __builtin_cpu_supports("avx2") ? "avx2" : "sse2";
#else
        return "generic";
#endif
}

/* A file for each mesh, so that runs on other meshes cannot lose what this one needs. */
static char *plans_name(const struct run *run, const char *directory)
{
        static const char *const efforts[] = {"estimate", "measure", "patient"};
        const int64_t *n = run->mesh->n;
        char mesh[64];
        snprintf(mesh, sizeof mesh, run->mesh->n_axes == 3 ? "%lldx%lldx%lld" : "%lldx%lld", (long long)n[0],
                 (long long)n[1], (long long)n[2]);
        return format_text("%s/%s-%s-%s-%s", directory, mesh_library(), processor(),
                           efforts[run->settings.fft.planning], mesh);
}

/* Rank 0's answer on every rank; NULL where plans are not to be remembered. */
static char *plans_path(const struct run *run)
{
        const char *given = run->settings.fft.plans;
        char path[4096] = "";
        if (parallel_rank() == 0 && strcmp(given, "auto") == 0) {
                const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
                char *directory = cache && *cache ? format_text("%s/sculptor", cache)
                                  : home && *home ? format_text("%s/.cache/sculptor", home)
                                                  : NULL;
                char *name = directory ? plans_name(run, directory) : NULL;
                snprintf(path, sizeof path, "%s", name ? name : "");
                free(name);
                free(directory);
        } else if (strcmp(given, "none") != 0) {
                snprintf(path, sizeof path, "%s", given);
        }
        parallel_broadcast(path, sizeof path, 0);
        return *path ? copy_text(path) : NULL;
}

static void remember_plans(const char *path, const char *known)
{
        char *directory = copy_text(path), *slash = strrchr(directory, '/');
        const char *why = NULL;
        if (slash && slash > directory) {
                *slash = '\0';
                why = directory_make(directory);
        }
        if (!why)
                why = text_write_atomic(path, known);
        if (why)
                log_warning("FFT plans are not remembered for later runs: %s", why);
        free(directory);
}

static char *recall_plans(const char *path)
{
        enum { LARGEST_PLANS = 16 << 20 };
        size_t length;
        const char *why;
        return path ? text_read_all(path, LARGEST_PLANS, &length, &why) : NULL; /* there is none the first time */
}

/* Of a first start: with what earlier runs measured, so that all runs of a user here give the same bits. Where another
 * run has measured meanwhile, its plans are taken. */
static char *plan_anew(const struct run *run)
{
        const enum mesh_planning planning = (enum mesh_planning)run->settings.fft.planning;
        char *path = planning != MESH_ESTIMATE ? plans_path(run) : NULL, *before = recall_plans(path);
        require_all(!before || strncmp(before, "(fftw-", 6) == 0,
                    "fft.plans: %s is no file of FFTW's plans; it is left alone", path ? path : "");
        char *known = mesh_plan(run->mesh, planning, before, false);
        if (path && known && (!before || strcmp(before, known) != 0)) {
                char *meanwhile = before ? NULL : recall_plans(path);
                if (meanwhile) {
                        free(known);
                        known = mesh_plan(run->mesh, planning, meanwhile, false);
                } else {
                        remember_plans(path, known);
                }
                free(meanwhile);
        }
        free(before);
        free(path);
        return known;
}

void run_plan(struct run *run, const char *wisdom, const char *source)
{
        if (!run->mesh)
                return;
        const bool resumed = wisdom && *wisdom;
        free(run->wisdom);
        run->wisdom = resumed ? mesh_plan(run->mesh, (enum mesh_planning)run->settings.fft.planning, wisdom,
                                          run->settings.fft.strict)
                              : plan_anew(run);
        require_all(run->wisdom != NULL,
                    "the FFT plans in %s cannot be made here (another FFTW or processor), and others would change the "
                    "last bits; go on where it was made, or with --set fft.strict=false",
                    resumed ? source : run->settings.fft.plans);
        const char *why = run->score && run->score->type->prepare ? run->score->type->prepare(run->score->model) : NULL;
        require_all(!why, "score: %s", why ? why : "");
        if (run->mesh->n_planes < parallel_domain_size())
                log_warning("a field has %lld planes for %d ranks: some have nothing to do",
                            (long long)run->mesh->n_planes, parallel_domain_size());
        if (run->settings.population.particles < parallel_ensemble_size())
                log_warning("%lld fields for %d groups of ranks: some have nothing to do; raise parallel.domain_ranks",
                            (long long)run->settings.population.particles, parallel_ensemble_size());
}

void run_plan_truth(struct run *run)
{
        if (!run->truth_mesh)
                return;
        free(mesh_plan(run->truth_mesh, (enum mesh_planning)run->settings.fft.planning, run->wisdom, false));
        const struct score_type *type = run->truth->type;
        const char *why = type->prepare ? type->prepare(run->truth->model) : NULL;
        require_all(!why, "inspect.against: %s", why ? why : "");
}

/* ---- the population ---- */

struct population *run_create_population(const struct run *run, int64_t n, bool with_velocity, size_t n_memory)
{
        const struct mesh *mesh = run->mesh;
        if (!mesh)
                return population_create(n, run->score->n_dim, with_velocity, n_memory);
        const struct field_layout layout = {.n_planes = mesh->n_planes,
                                            .plane_begin = mesh->plane_begin,
                                            .n_planes_here = mesh->n_planes_here,
                                            .plane_cells = mesh->plane_cells,
                                            .plane_stride = mesh->plane_stride};
        return population_create_fields(n, run->score->n_dim, &layout, with_velocity, n_memory);
}
