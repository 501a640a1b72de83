/* At 1, 2, 3 and 4 ranks: predictor-corrector with the population's norms, for which all ranks move in step. The bits
 * are the same on any of them, fields split over domains or not, and where a particle breaks all ranks stop in its
 * step. */
#include "field_grids.h"
#include "sculptor/sampler.h"
#include "sculptor/score.h"
#include "sculptor/text.h"

static const double SIGMA[] = {8, 4, 2, 1, 0.5, 0.2};
enum { POINTS = sizeof SIGMA / sizeof *SIGMA };

struct settings {
        struct {
                struct selection type;
        } score, process;
        struct sampler_settings sampler;
};

static const struct param score_rows[] = {
        {.key = "type", .kind = PARAM_SELECT, .variant = score_variant, .help = "the target"}, PARAM_END};
static const struct param process_rows[] = {
        {.key = "type", .kind = PARAM_SELECT, .variant = process_variant, .help = "the process"}, PARAM_END};
static const struct param rows[] = {
        {.key = "score", .kind = PARAM_TABLE, .offset = offsetof(struct settings, score), .rows = score_rows,
         .help = "what it samples"},
        {.key = "process", .kind = PARAM_TABLE, .offset = offsetof(struct settings, process), .rows = process_rows,
         .help = "the noise"},
        {.key = "sampler", .kind = PARAM_TABLE, .offset = offsetof(struct settings, sampler), .rows = sampler_params,
         .help = "how"},
        PARAM_END};

struct work {
        struct settings settings;
        struct score *score;
        struct process process;
        struct time_grid *grid;
        struct sampler *sampler;
        struct population *population;
        struct score_level *level;
        char *wisdom;
};

#define PARTICLES                                                                                                      \
        "score: {type: gaussian_mixture, components: [{mean: [2, 1, 0], sigma: 0.7}, {mean: [-2, 0, 1], sigma: 1}]}\n" \
        "process: {type: vp}\n"
#define FIELDS                                                                                                         \
        "score: {type: gaussian_field, mesh: {cells: [12, 10], box_size: [12, 10]}, "                                  \
        "spectrum: {type: power_law, amplitude: 1, index: -1}}\nprocess: {type: vp}\n"
#define SAMPLER "sampler: {type: predictor_corrector, snr: 0.3, corrector_steps: 2, predictor: ancestral}\n"

static void close_work(struct work *work)
{
        score_level_free(work->level);
        population_free(work->population);
        sampler_free(work->sampler);
        time_grid_free(work->grid);
        score_free(work->score);
        free(work->wisdom);
        params_release(rows, &work->settings);
}

static void open_fields(struct work *work, int64_t n)
{
        const struct score_context context = {.seed = 3};
        const struct score_type *type = work->score->type;
        const char *why = type->load(work->score->model, &context);
        struct mesh *mesh = type->mesh(work->score->model);
        work->wisdom = mesh_plan(mesh, MESH_ESTIMATE, NULL, false);
        if (!why)
                why = type->prepare(work->score->model);
        if (why)
                fatal("%s", why);
        const struct field_layout layout = {mesh->n_planes, mesh->plane_begin, mesh->n_planes_here, mesh->plane_cells,
                                            mesh->plane_stride};
        work->population = population_create_fields(n, work->score->n_dim, &layout, false,
                                                    scheme_n_memory(work->sampler->scheme));
        for (size_t t = 0; t < work->population->n_tiles; t++) {
                double *field = noise(mesh, (uint64_t)population_first_particle(work->population, t));
                memcpy(population_tile(work->population, t), field, mesh->size * sizeof *field);
                free(field);
        }
}

static void open_particles(struct work *work, int64_t n)
{
        const struct rng_stream stream = {.seed = 4711, .purpose = RNG_TEST};
        work->population = population_create(n, work->score->n_dim, false, scheme_n_memory(work->sampler->scheme));
        for (size_t t = 0; t < work->population->n_tiles; t++)
                rng_normal(&stream, (uint64_t)population_first_particle(work->population, t), work->score->n_dim,
                           population_tile(work->population, t));
        population_pad(work->population);
}

static void open_work(struct work *work, const char *text, int64_t n)
{
        *work = (struct work){.score = NULL};
        struct input *input = input_parse("work", text, strlen(text), NULL, 0);
        input_read(input, rows, &work->settings);
        if (input_problems(input) > 0)
                fatal("%s", input_problem(input, 0));
        input_free(input);
        work->score = score_create(work->settings.score.type.type, work->settings.score.type.settings);
        work->process = (struct process){work->settings.process.type.type, work->settings.process.type.settings};
        work->grid = time_grid_create(&work->process, SIGMA, POINTS);
        work->sampler = sampler_create(&work->settings.sampler, NAN, SIGMA[POINTS - 1], 5);
        sampler_set_grid(work->sampler, work->grid);
        (work->score->type->mesh ? open_fields : open_particles)(work, n);
        work->level = score_level_create(work->score, SIGMA[0]);
}

static struct breakdown go(struct work *work)
{
        struct tally tally = {0};
        return sampler_advance(work->sampler, work->population, work->level, 0, 0, POINTS - 1, &tally, NULL, NULL);
}

/* Of all particles in their order, without spare lanes. */
static uint64_t hash_particles(const struct population *population)
{
        const int64_t n = population_count(population), n_dim = population->n_dim;
        double *here = allocate((size_t)(n * n_dim), sizeof *here);
        size_t *counts = allocate((size_t)parallel_size(), sizeof *counts), total = 0;
        if (n > 0)
                population_to_rows(population, population->x, population_first(population), n, here);
        double *all = parallel_gather(here, (size_t)(n * n_dim), counts);
        for (int rank = 0; rank < parallel_size(); rank++)
                total += counts[rank];
        const uint64_t hash = hash_more(HASH_BEGIN, all, total);
        free(here);
        free(counts);
        free(all);
        return hash;
}

static void particles_have_the_same_bits(int64_t n)
{
        struct work work;
        open_work(&work, PARTICLES SAMPLER, n);
        const bool ok = !go(&work).found;
        const uint64_t hash = hash_particles(work.population);
        char *name = format_text("%lld_particles_move_in_step", (long long)n);
        claim(name, ok);
        if (parallel_rank() == 0)
                printf("same-on-any-ranks %s %016llx\n", name, (unsigned long long)hash);
        free(name);
        close_work(&work);
}

/* A number for each field, of its cells plane by plane, added up: each rank of the ensemble has its own fields. */
static int64_t hash_fields(const struct population *population)
{
        int64_t sum = 0;
        for (size_t t = 0; t < population->n_tiles; t++)
                sum += (int64_t)(hash_domain(HASH_BEGIN, population_tile(population, t), population->tile_size) >> 8) *
                       (population_first_particle(population, t) + 1);
        return parallel_sum_integer(parallel_domain_rank() == 0 ? sum : 0);
}

static void fields_have_the_same_bits(void)
{
        int64_t first = 0;
        bool ok = true;
        for (int size = 1; size <= parallel_size(); size++) {
                if (parallel_size() % size != 0)
                        continue;
                parallel_split(size);
                struct work work;
                open_work(&work, FIELDS SAMPLER, 5);
                ok &= !go(&work).found;
                const int64_t hash = hash_fields(work.population);
                first = size == 1 ? hash : first;
                ok &= hash == first;
                close_work(&work);
        }
        parallel_split(1);
        claim("fields_move_in_step_on_all_grids", ok);
        if (parallel_rank() == 0)
                printf("same-on-any-ranks fields_in_step %016llx\n", (unsigned long long)first);
}

static void all_ranks_stop_where_a_particle_breaks(void)
{
        enum { N = 9 * LANES, BROKEN = 5 * LANES + 17 };
        struct work work;
        open_work(&work, PARTICLES SAMPLER, N);
        const int64_t first = population_first(work.population), n = population_count(work.population);
        const bool mine = BROKEN >= first && BROKEN < first + n;
        if (mine)
                work.population->x[(size_t)(BROKEN - first) / LANES * work.population->tile_size + BROKEN % LANES] =
                        NAN;
        const struct breakdown breakdown = go(&work);
        claim("a_particle_that_breaks_is_named_by_its_rank_alone_and_all_stop",
              mine ? breakdown.found && breakdown.particle == BROKEN && breakdown.step == 0 : !breakdown.found);
        close_work(&work);
}

static void all_ranks_stop_where_a_field_breaks(void)
{
        enum { N = 5, BROKEN = 3 };
        bool ok = true;
        for (int size = 1; size <= parallel_size(); size++) {
                if (parallel_size() % size != 0)
                        continue;
                parallel_split(size);
                struct work work;
                open_work(&work, FIELDS SAMPLER, N);
                bool mine = false;
                for (size_t t = 0; t < work.population->n_tiles; t++)
                        if (population_first_particle(work.population, t) == BROKEN) {
                                mine = true;
                                if (parallel_domain_rank() == parallel_domain_size() - 1)
                                        population_tile(work.population, t)[3] = NAN;
                        }
                const struct breakdown breakdown = go(&work);
                ok &= mine ? breakdown.found && breakdown.particle == BROKEN && breakdown.step == 0 : !breakdown.found;
                close_work(&work);
        }
        parallel_split(1);
        claim("a_field_that_breaks_is_named_by_its_domain_alone_and_all_stop", ok);
}

int main(int argc, char **argv)
{
        parallel_begin(&argc, &argv);
        particles_have_the_same_bits(7 * LANES + 11);
        particles_have_the_same_bits(40); /* fewer tiles than ranks */
        fields_have_the_same_bits();
        all_ranks_stop_where_a_particle_breaks();
        all_ranks_stop_where_a_field_breaks();
        leave_all(n_failed > 0 ? 1 : 0);
}
