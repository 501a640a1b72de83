/* The corrector's step from a signal-to-noise ratio: e = 2 k (r |z|/|s|)^2, written down again from the predictor's own
 * result, for particles and fields, with the population's norms and each particle's. Fixed steps have exact answers in
 * test_diffusion_sde.c. */
#include "diffusion_lab.h"
#include "field_sampler_lab.h"

#define GAUSSIAN "{type: gaussian, mean: [0.5, -1, 0, 2], sigma: [0.2, 0.5, 1, 2]}"
#define FIELD                                                                                                          \
        "{type: gaussian_field, mesh: {cells: [10, 7], box_size: [10, 7]}, "                                           \
        "spectrum: {type: power_law, amplitude: 1, index: -1}}"
/* A plane is longer than the pieces in which noise is made. */
#define LARGE_PLANES                                                                                                   \
        "{type: gaussian_field, mesh: {cells: [50, 45, 2], box_size: [50, 45, 2]}, "                                   \
        "spectrum: {type: power_law, amplitude: 1, index: -1}}"
#define PREDICTOR "{type: reverse_diffusion}"
static const double TIMES[] = {8, 3, 1, 0.4};
enum { POINTS = sizeof TIMES / sizeof *TIMES };

struct claim {
        const char *text;
        double r;
        int correctors;
        bool population, factor;
        const char *alone; /* the predictor */
};

static const struct claim claims[] = {
        {"{type: predictor_corrector}", 0.16, 1, true, true, PREDICTOR},
        {"{type: predictor_corrector, snr: 0.3, corrector_steps: 3}", 0.3, 3, true, true, PREDICTOR},
        {"{type: predictor_corrector, snr: 0.3, scale_factor: false}", 0.3, 1, true, false, PREDICTOR},
        {"{type: predictor_corrector, norm: particle, corrector_steps: 2}", 0.16, 2, false, true, PREDICTOR},
        {"{type: predictor_corrector, norm: particle, snr: 0.2, scale_factor: false}", 0.2, 1, false, false, PREDICTOR},
        {"{type: predictor_corrector, predictor: edm_stochastic, s_churn: 1, snr: 0.2, corrector_steps: 2}", 0.2, 2,
         true, true, "{type: edm_stochastic, s_churn: 1}"},
};
enum { CLAIMS = sizeof claims / sizeof *claims };

/* k 0: the claim; 1: its predictor. */
static const char *sampler_of(const struct claim *claim, int k)
{
        return k == 0 ? claim->text : claim->alone;
}

/* What a sampler moves. */
struct moved {
        struct sampler *sampler;
        struct population *population;
        const struct score_level *level;
        const struct mesh *mesh; /* of a field */
};

static void go(const struct moved *moved, int64_t begin, int64_t end)
{
        struct tally tally = {0};
        assert_false(sampler_advance(moved->sampler, moved->population, moved->level, 0, begin, end, &tally, NULL, NULL)
                             .found);
}

static void draw_noise(const struct moved *moved, uint64_t seed, size_t t, int64_t step, uint32_t stage, double *z)
{
        const struct rng_stream stream = {.seed = seed, .purpose = RNG_NOISE, .step = (uint32_t)step, .stage = stage};
        const struct mesh *mesh = moved->mesh;
        if (!mesh)
                rng_normal(&stream, t * LANES, moved->population->n_dim, z);
        for (size_t p = 0; mesh && p < mesh->n_planes_here; p++)
                rng_normal_row(&stream, t, (int64_t)(p * mesh->plane_cells), (int64_t)mesh->plane_cells,
                               z + p * mesh->plane_stride);
}

/* Of lane `lane` of a particles' tile, or of a field. */
static double norm_of(const struct moved *moved, const double *array, int lane)
{
        double sum = 0;
        const size_t stride = moved->mesh ? 1 : LANES;
        for (size_t i = moved->mesh ? 0 : (size_t)lane; i < moved->population->tile_size; i += stride)
                sum += array[i] * array[i];
        return sqrt(sum);
}

/* One move, from x as the predictor or the move before left it. */
static void correct(const struct moved *moved, const struct claim *claim, const struct time_grid *grid, int64_t step,
                    uint32_t stage)
{
        const struct population *population = moved->population;
        const struct time_point *b = &grid->point[step + 1];
        const size_t size = population->tile_size, all = population->n_tiles * size;
        double *s = allocate(all, sizeof *s), *z = allocate(all, sizeof *z), mean_s = 0, mean_z = 0;
        struct score_level *level = score_level_create_scaled(moved->level->score, b->sigma, b->scale);
        for (size_t t = 0; t < population->n_tiles; t++) {
                score_eval(level, population_tile(population, t), s + t * size);
                draw_noise(moved, moved->sampler->seed, t, step, stage, z + t * size);
                for (int lane = 0; lane < population_lanes(population, t); lane++) {
                        mean_s += norm_of(moved, s + t * size, lane) / (double)population->n_global;
                        mean_z += norm_of(moved, z + t * size, lane) / (double)population->n_global;
                }
        }
        const double next = step + 2 < (int64_t)grid->n ? b[1].scale : b->scale;
        const double k = claim->factor ? b->scale * b->scale / (next * next) : 1;
        for (size_t t = 0; t < population->n_tiles; t++)
                for (int lane = 0; lane < (moved->mesh ? 1 : LANES); lane++) {
                        const double ratio = claim->population ? mean_z / mean_s
                                                               : norm_of(moved, z + t * size, lane) /
                                                                         norm_of(moved, s + t * size, lane);
                        const double e = 2 * k * claim->r * claim->r * ratio * ratio;
                        for (size_t i = (size_t)lane; i < size; i += moved->mesh ? 1 : LANES)
                                population->x[t * size + i] += e * s[t * size + i] + sqrt(2 * e) * z[t * size + i];
                }
        free(s);
        free(z);
        score_level_free(level);
}

/* `alone` has the predictor only and is corrected here. */
static void check(const struct moved *both, const struct moved *alone, const struct claim *claim,
                  const struct time_grid *grid)
{
        const size_t all = both->population->n_tiles * both->population->tile_size;
        go(both, 0, POINTS - 1);
        for (int64_t step = 0; step < POINTS - 1; step++) {
                go(alone, step, step + 1);
                for (int k = 0; k < claim->correctors; k++)
                        correct(alone, claim, grid, step, (uint32_t)k + 1);
        }
        /* a dozen moves of |x| < 30, some roundings each */
        for (size_t i = 0; i < all; i++)
                if (!(fabs(both->population->x[i] - alone->population->x[i]) < 1e-12))
                        fail_msg("%s: %.17g, expected %.17g", claim->text, both->population->x[i],
                                 alone->population->x[i]);
}

static void test_particles_are_corrected_by_the_published_step(void **state)
{
        (void)state;
        for (size_t i = 0; i < CLAIMS; i++)
                for (size_t p = 1; p < 3; p++) {
                        struct diffusion_lab *lab[2];
                        struct moved moved[2];
                        for (int k = 0; k < 2; k++) {
                                lab[k] = diffusion_lab_open(GAUSSIAN, NULL, sampler_of(&claims[i], k), lab_processes[p],
                                                            TIMES, POINTS, 2 * LANES + 9);
                                diffusion_lab_draw(lab[k], 0, process_standard_deviation(&lab[k]->grid->point[0]));
                                moved[k] = (struct moved){lab[k]->sampler, lab[k]->population, lab[k]->level, NULL};
                        }
                        /* lanes beyond the last particle have numbers of their own */
                        check(&moved[0], &moved[1], &claims[i], lab[0]->grid);
                        diffusion_lab_close(lab[0]);
                        diffusion_lab_close(lab[1]);
                }
}

static void check_field(const char *field, const struct claim *claim)
{
        const struct process process = {&lab_vp, NULL};
        struct time_grid *grid = time_grid_create(&process, TIMES, POINTS);
        struct field_lab *lab[2];
        struct moved moved[2];
        for (int k = 0; k < 2; k++) {
                lab[k] = field_lab_open(field, sampler_of(claim, k), 3, 0.4, NULL);
                sampler_set_grid(lab[k]->sampler, grid);
                field_lab_draw_white(lab[k], 0, 1);
                moved[k] = (struct moved){lab[k]->sampler, lab[k]->population, lab[k]->level, lab[k]->mesh};
        }
        check(&moved[0], &moved[1], claim, grid);
        field_lab_close(lab[0]);
        field_lab_close(lab[1]);
        time_grid_free(grid);
}

static void test_fields_are_corrected_by_the_published_step(void **state)
{
        (void)state;
        for (size_t i = 0; i < CLAIMS; i++)
                check_field(FIELD, &claims[i]);
        check_field(LARGE_PLANES, &claims[0]);
        check_field(LARGE_PLANES, &claims[3]);
}

/* ---- odds ---- */

static int64_t two(const void *settings)
{
        (void)settings;
        return 2;
}

static void *nothing(const void *settings)
{
        (void)settings;
        return allocate(1, 8);
}

static void *no_level(const void *model, double sigma)
{
        (void)model, (void)sigma;
        return allocate(1, 8);
}

static void flat(const void *level, const double *restrict x, double *restrict s)
{
        (void)level, (void)x;
        memset(s, 0, 2 * LANES * sizeof *s);
}

static void test_a_score_of_0_moves_nothing(void **state)
{
        (void)state;
        static const struct score_type type = {.name = "flat", .dimension = two, .create = nothing, .free = free,
                                               .create_level = no_level, .free_level = free, .eval = flat};
        for (size_t i = 0; i < CLAIMS; i++) {
                struct score *score = score_create(&type, NULL);
                struct diffusion_lab *lab[2];
                for (int k = 0; k < 2; k++) {
                        lab[k] = diffusion_lab_open(NULL, score, sampler_of(&claims[i], k), &lab_ve, TIMES, POINTS,
                                                    LANES);
                        diffusion_lab_draw(lab[k], 0, 1);
                        diffusion_lab_go(lab[k]);
                }
                assert_memory_equal(lab[0]->population->x, lab[1]->population->x, 2 * LANES * sizeof(double));
                diffusion_lab_close(lab[0]);
                diffusion_lab_close(lab[1]);
                score_free(score);
        }
}

static void test_a_field_that_breaks_is_named(void **state)
{
        (void)state;
        for (size_t i = 0; i < CLAIMS; i++) {
                const struct process process = {&lab_vp, NULL};
                struct time_grid *grid = time_grid_create(&process, TIMES, POINTS);
                struct field_lab *lab = field_lab_open(FIELD, claims[i].text, 3, 0.4, NULL);
                sampler_set_grid(lab->sampler, grid);
                field_lab_draw_white(lab, 0, 1);
                population_tile(lab->population, 1)[4] = NAN;
                const struct breakdown breakdown = sampler_advance(lab->sampler, lab->population, lab->level, 0, 1,
                                                                   POINTS - 1, &lab->tally, NULL, NULL);
                assert_true(breakdown.found);
                assert_int_equal(breakdown.particle, 1);
                assert_int_equal(breakdown.step, 1);
                field_lab_close(lab);
                time_grid_free(grid);
        }
}

static void test_predictors_are_the_schemes_that_take_single_steps(void **state)
{
        (void)state;
        static const char *const predictors[] = {"probability_flow", "euler_maruyama", "reverse_diffusion",
                                                 "ancestral",        "ddim",           "edm_stochastic"};
        for (size_t i = 0; i < sizeof predictors / sizeof *predictors; i++) {
                char text[100];
                snprintf(text, sizeof text, "{type: predictor_corrector, predictor: %s}", predictors[i]);
                struct diffusion_lab *lab = diffusion_lab_open(GAUSSIAN, NULL, text, &lab_vp, TIMES, POINTS, LANES);
                diffusion_lab_draw(lab, 0, 1);
                diffusion_lab_go(lab);
                const bool heun = i == 0 || strcmp(predictors[i], "edm_stochastic") == 0; /* the former's fallback */
                const int64_t each = heun ? 3 : 2;
                assert_int_equal(lab->tally.evaluations, LANES * each * (POINTS - 1));
                diffusion_lab_close(lab);
        }
}

static void assert_refused(const char *text, const char *why)
{
        struct sampler_settings settings = {0};
        struct input *input = input_parse("lab", text, strlen(text), NULL, 0);
        input_read(input, sampler_params, &settings);
        assert_int_equal(input_problems(input), 1);
        if (!strstr(input_problem(input, 0), why))
                fail_msg("%s", input_problem(input, 0));
        params_release(sampler_params, &settings);
        input_free(input);
}

static void test_contradictions_are_refused(void **state)
{
        (void)state;
        assert_refused("{type: predictor_corrector, corrector_step_size: 0.1, snr: 0.2}", "remove one of them");
        assert_refused("{type: predictor_corrector, corrector_step_size: 2}", "corrector_step_size");
        assert_refused("{type: predictor_corrector, corrector_steps: 64}", "corrector_steps");
        assert_refused("{type: predictor_corrector, predictor: sde_dpm_solver}", "predictor");
        assert_refused("{type: predictor_corrector, predictor: dpm_solver}", "predictor");
        assert_refused("{type: predictor_corrector, predictor: predictor_corrector}", "predictor");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_particles_are_corrected_by_the_published_step),
                cmocka_unit_test(test_fields_are_corrected_by_the_published_step),
                cmocka_unit_test(test_a_score_of_0_moves_nothing),
                cmocka_unit_test(test_a_field_that_breaks_is_named),
                cmocka_unit_test(test_predictors_are_the_schemes_that_take_single_steps),
                cmocka_unit_test(test_contradictions_are_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
