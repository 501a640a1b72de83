/* Random fields on N^3 cells, as lines "name value unit", medians of repeats taken by turns:
 *
 *     mpirun -n RANKS build/bench/fields N REPEATS
 *
 *     field_step        one annealed Langevin step: score (two transforms), noise, update
 *     field_filter      its two transforms alone
 *     fftw_pair         FFTW's own transforms there and back, measured plans: fftw_plan_dft_r2c_3d on one rank,
 *                       fftw_mpi_plan_dft_r2c_3d with transposed output on several
 *     field_draw        a Gaussian random field of a power spectrum, modes keyed by wavevector */
#include <fftw3-mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sculptor/memory.h"
#include "sculptor/mesh.h"
#include "sculptor/parallel.h"
#include "sculptor/population.h"
#include "sculptor/sampler.h"
#include "sculptor/score.h"

enum { MOST_REPEATS = 99 };

static double seconds(void)
{
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
        const double x = *(const double *)a, y = *(const double *)b;
        return (x > y) - (x < y);
}

static void print_median(const char *name, double *value, int n)
{
        qsort(value, (size_t)n, sizeof *value, by_size);
        if (parallel_rank() == 0)
                printf("%s %.5f s\n", name, value[n / 2]);
}

/* ---- FFTW alone ---- */

struct peer {
        double *cells;
        fftw_complex *modes;
        fftw_plan forward, back;
        ptrdiff_t n_cells;
};

static struct peer peer_create(int n)
{
        struct peer peer;
        if (parallel_size() == 1) {
                peer.n_cells = (ptrdiff_t)n * n * n;
                peer.cells = fftw_alloc_real((size_t)peer.n_cells);
                peer.modes = fftw_alloc_complex((size_t)n * (size_t)n * (size_t)(n / 2 + 1));
                peer.forward = fftw_plan_dft_r2c_3d(n, n, n, peer.cells, peer.modes, FFTW_MEASURE);
                peer.back = fftw_plan_dft_c2r_3d(n, n, n, peer.modes, peer.cells, FFTW_MEASURE);
        } else {
                ptrdiff_t here[4];
                fftw_mpi_init();
                ptrdiff_t most = fftw_mpi_local_size_3d_transposed(n, n, n / 2 + 1, MPI_COMM_WORLD, &here[0], &here[1],
                                                                   &here[2], &here[3]);
                peer.n_cells = 2 * most;
                peer.cells = fftw_alloc_real((size_t)peer.n_cells);
                peer.modes = fftw_alloc_complex((size_t)most);
                peer.forward = fftw_mpi_plan_dft_r2c_3d(n, n, n, peer.cells, peer.modes, MPI_COMM_WORLD,
                                                        FFTW_MEASURE | FFTW_MPI_TRANSPOSED_OUT);
                peer.back = fftw_mpi_plan_dft_c2r_3d(n, n, n, peer.modes, peer.cells, MPI_COMM_WORLD,
                                                     FFTW_MEASURE | FFTW_MPI_TRANSPOSED_IN);
        }
        return peer;
}

static void peer_free(struct peer *peer)
{
        fftw_destroy_plan(peer->forward);
        fftw_destroy_plan(peer->back);
        fftw_free(peer->cells);
        fftw_free(peer->modes);
}

static double time_peer(const struct peer *peer)
{
        for (ptrdiff_t i = 0; i < peer->n_cells; i++)
                peer->cells[i] = (double)(i % 7);
        parallel_barrier();
        const double begin = seconds();
        fftw_execute(peer->forward);
        fftw_execute(peer->back);
        parallel_barrier();
        return seconds() - begin;
}

/* ---- ours ---- */

struct ours {
        struct { struct selection type; } settings;
        struct sampler_settings sampling;
        struct input *input[2];
        struct score *score;
        struct mesh *mesh;
        struct score_level *level;
        struct sampler *sampler;
        struct population *population;
        double *other;
        char *wisdom;
};

static const struct param score_rows[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = 0, .variant = score_variant, .help = "the target"}, PARAM_END};

static struct input *read_text(const char *text, const struct param *rows, void *settings)
{
        struct input *input = input_parse("bench", text, strlen(text), NULL, 0);
        input_read(input, rows, settings);
        if (input_problems(input) > 0) {
                fprintf(stderr, "%s\n", input_problem(input, 0));
                exit(2);
        }
        return input;
}

static void ours_create(struct ours *ours, int n)
{
        char text[300];
        snprintf(text, sizeof text, "{type: gaussian_field, mesh: {cells: %d, dimensions: 3, box_size: 1000}, "
                 "spectrum: {type: eisenstein_hu, cosmology: {Omega_m: 0.31, Omega_b: 0.049, h: 0.68, n_s: 0.965, "
                 "sigma8: 0.81}}}", n);
        ours->input[0] = read_text(text, score_rows, &ours->settings);
        ours->score = score_create(ours->settings.type.type, ours->settings.type.settings);
        const struct score_context context = {.seed = 1};
        const char *why = ours->score->type->load(ours->score->model, &context);
        ours->mesh = ours->score->type->mesh(ours->score->model);
        ours->wisdom = mesh_plan(ours->mesh, MESH_MEASURE, NULL, false);
        why = why ? why : ours->score->type->prepare(ours->score->model);
        if (why) {
                fprintf(stderr, "%s\n", why);
                exit(2);
        }
        ours->level = score_level_create(ours->score, 0.5);
        ours->input[1] = read_text("{type: annealed_langevin, step_size: 0.1, steps_per_level: 1000}", sampler_params,
                                   &ours->sampling);
        ours->sampler = sampler_create(&ours->sampling, 0.1, 0.5, 1);
        const struct mesh *mesh = ours->mesh;
        const struct field_layout layout = {mesh->n_planes, mesh->plane_begin, mesh->n_planes_here, mesh->plane_cells,
                                            mesh->plane_stride};
        ours->population = population_create_fields(1, mesh->n_cells, &layout, false, 0);
        ours->other = mesh_allocate(mesh);
}

static void ours_free(struct ours *ours)
{
        free(ours->other);
        population_free(ours->population);
        sampler_free(ours->sampler);
        score_level_free(ours->level);
        score_free(ours->score);
        free(ours->wisdom);
        params_release(score_rows, &ours->settings);
        params_release(sampler_params, &ours->sampling);
        input_free(ours->input[0]);
        input_free(ours->input[1]);
}

static double time_draw(struct ours *ours, uint64_t realisation)
{
        const struct rng_stream stream = {.seed = 1, .purpose = RNG_TARGET};
        parallel_barrier();
        const double begin = seconds();
        ours->score->type->draw(ours->score->model, &stream, realisation, ours->population->x);
        parallel_barrier();
        return seconds() - begin;
}

static double time_step(struct ours *ours, int64_t step)
{
        struct tally tally = {0};
        parallel_barrier();
        const double begin = seconds();
        sampler_advance(ours->sampler, ours->population, ours->level, 0, step, step + 1, &tally, NULL, NULL);
        parallel_barrier();
        return seconds() - begin;
}

static double time_filter(struct ours *ours)
{
        parallel_barrier();
        const double begin = seconds();
        score_eval(ours->level, ours->population->x, ours->other);
        parallel_barrier();
        return seconds() - begin;
}

int main(int argc, char **argv)
{
        parallel_begin(&argc, &argv);
        parallel_split(parallel_size());
        const int n = argc > 1 ? atoi(argv[1]) : 256, wanted = argc > 2 ? atoi(argv[2]) : 7;
        const int repeats = wanted < 1 ? 1 : wanted > MOST_REPEATS ? MOST_REPEATS : wanted;
        static double draw[MOST_REPEATS], step[MOST_REPEATS], filter[MOST_REPEATS], bare[MOST_REPEATS];
        struct ours ours = {0};
        ours_create(&ours, n);
        struct peer peer = peer_create(n);
        time_draw(&ours, 0); /* touches the memory */
        time_step(&ours, 0);
        for (int i = 0; i < repeats; i++) {
                draw[i] = time_draw(&ours, (uint64_t)i);
                step[i] = time_step(&ours, i + 1);
                bare[i] = time_peer(&peer);
                filter[i] = time_filter(&ours);
        }
        print_median("field_step", step, repeats);
        print_median("field_filter", filter, repeats);
        print_median("fftw_pair", bare, repeats);
        print_median("field_draw", draw, repeats);
        peer_free(&peer);
        ours_free(&ours);
        parallel_end();
        return 0;
}
