/* What the tests of reverse samplers on particles share: a score and a sampler made from input text, the sampler's grid
 * of times, and a population at its first time. */
#ifndef ODE_LAB_H
#define ODE_LAB_H

#include "sampler_lab.h"
#include "sculptor/process.h"
#include "sculptor/score.h"
#include "sculptor/time_grid.h"

struct ode_lab {
        struct input *input[2];
        struct {
                struct selection type;
        } score_settings;
        struct sampler_settings settings;
        struct sampler *sampler;
        struct score *score;
        struct process process;
        struct time_grid *grid;
        struct population *population;
        struct score_level *level;
        struct tally tally;
};

static const struct param ode_lab_rows[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = 0, .variant = score_variant, .help = "the target"}, PARAM_END};

/* The grid a sampler goes along from now on. */
static inline void ode_lab_go_along(struct ode_lab *lab, const double *sigma, size_t n_points)
{
        sampler_rest(lab->sampler);
        time_grid_free(lab->grid);
        lab->grid = time_grid_create(&lab->process, sigma, n_points);
        sampler_set_grid(lab->sampler, lab->grid);
}

/* `score` is text, or `own` the score itself (then the caller's to free). `process` NULL: edm. */
static inline struct ode_lab *ode_lab_open(const char *score, struct score *own, const char *sampler,
                                           const struct process *process, const double *sigma, size_t n_points,
                                           int64_t n_particles)
{
        struct ode_lab *lab = allocate(1, sizeof *lab);
        if (score) {
                lab->input[0] = lab_read(score, ode_lab_rows, &lab->score_settings);
                own = score_create(lab->score_settings.type.type, lab->score_settings.type.settings);
        }
        lab->score = own;
        lab->input[1] = lab_read(sampler, sampler_params, &lab->settings);
        lab->sampler = sampler_create(&lab->settings, NAN, 1, 20260103);
        const struct scheme *scheme = sampler_scheme(&lab->settings);
        lab->population = population_create(n_particles, own->n_dim, false, scheme_n_memory(scheme));
        population_keep_history(lab->population, scheme->n_history);
        lab->process = process ? *process : lab_process_edm();
        ode_lab_go_along(lab, sigma, n_points);
        lab->level = score_level_create(own, fmax(sigma[0], sigma[n_points - 1]));
        return lab;
}

static inline void ode_lab_close(struct ode_lab *lab)
{
        score_level_free(lab->level);
        sampler_free(lab->sampler);
        time_grid_free(lab->grid);
        population_free(lab->population);
        params_release(sampler_params, &lab->settings);
        input_free(lab->input[1]);
        if (lab->input[0]) {
                score_free(lab->score);
                params_release(ode_lab_rows, &lab->score_settings);
                input_free(lab->input[0]);
        }
        free(lab);
}

static inline size_t ode_lab_size(const struct ode_lab *lab)
{
        return lab->population->n_tiles * lab->population->tile_size;
}

/* x = deviation z in all lanes. */
static inline void ode_lab_draw(struct ode_lab *lab, double deviation)
{
        const struct rng_stream stream = {.seed = 78, .purpose = RNG_TEST};
        const struct population *population = lab->population;
        for (size_t t = 0; t < population->n_tiles; t++)
                rng_normal(&stream, (uint64_t)population_first_particle(population, t), population->n_dim,
                           population_tile(population, t));
        for (size_t i = 0; i < ode_lab_size(lab); i++)
                population->x[i] *= deviation;
        population_pad(lab->population);
}

static inline double *ode_lab_state(const struct ode_lab *lab)
{
        double *copy = allocate(ode_lab_size(lab), sizeof *copy);
        memcpy(copy, lab->population->x, ode_lab_size(lab) * sizeof *copy);
        return copy;
}

/* All steps of the grid, cut into stretches of a few as a run may do. */
static inline void ode_lab_go(struct ode_lab *lab)
{
        const int64_t end = (int64_t)lab->grid->n - 1;
        for (int64_t step = 0; step < end; step += 7)
                assert_false(sampler_advance(lab->sampler, lab->population, lab->level, 0, step,
                                             step + 7 < end ? step + 7 : end, &lab->tally, NULL, NULL)
                                     .found);
}

/* ---- a target of closed forms, and grids by their definitions ---- */

static const char GAUSSIAN[] = "{type: gaussian, mean: [0, 0, 0], sigma: [0.5, 1, 2]}";
static const double VARIANCES[] = {0.25, 1, 4};
static const char MIXTURE[] =
        "{type: gaussian_mixture, components: [{weight: 0.4, mean: [-1.5, 0.5], sigma: [0.6, 0.9]}, "
        "{weight: 0.6, mean: [1, -0.5], sigma: 0.8}]}";
enum { N_VARIANCES = 3, POINTS = 19 };

static inline void ode_lab_karras(double *sigma, size_t n, double max, double min)
{
        for (size_t i = 0; i < n; i++)
                sigma[i] = pow(
                        pow(max, 1 / 7.0) + (double)i / (double)(n - 1) * (pow(min, 1 / 7.0) - pow(max, 1 / 7.0)), 7);
}

static inline void ode_lab_geometric(double *sigma, size_t n, double first, double last)
{
        for (size_t i = 0; i < n; i++)
                sigma[i] = first * pow(last / first, (double)i / (double)(n - 1));
}

/* The 18 steps of EDM: 80 to 0.002, then 0. */
static inline void edm_grid(double *sigma)
{
        ode_lab_karras(sigma, POINTS - 1, 80, 0.002);
        sigma[POINTS - 1] = 0;
}

#endif
