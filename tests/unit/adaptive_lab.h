/* What the tests of the adaptive SDE sampler share: a process with a scale and a drift, a Gaussian (or hand-made)
 * score, a grid, a population and the sampler. */
#ifndef ADAPTIVE_LAB_H
#define ADAPTIVE_LAB_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sampler/adaptive_sde.h"
#include "sculptor/memory.h"
#include "sculptor/params.h"

/* ---- VP at a constant rate: alpha = e^(-t), alpha^2 (1 + sigma^2) = 1, f = -1, g^2 = 2 ---- */

static inline double lab_forever(const void *settings)
{
        (void)settings;
        return INFINITY;
}

static inline double lab_scale(const void *settings, double t)
{
        (void)settings;
        return vm_exp(-t);
}

static inline double lab_sigma(const void *settings, double t)
{
        (void)settings;
        return sqrt(vm_exp(2 * t) - 1);
}

static inline double lab_time(const void *settings, double sigma)
{
        (void)settings;
        return 0.5 * vm_log(1 + sigma * sigma);
}

static inline double lab_drift(const void *settings, double t)
{
        (void)settings;
        (void)t;
        return -1;
}

static inline double lab_diffusion_squared(const void *settings, double t)
{
        (void)settings;
        (void)t;
        return 2;
}

static const struct process_type lab_process_type = {.name = "lab", .t_max = lab_forever, .scale = lab_scale,
                                                     .sigma = lab_sigma, .time = lab_time, .drift = lab_drift,
                                                     .diffusion_squared = lab_diffusion_squared,
                                                     .sigma_max = lab_forever};
static const struct process lab_process = {.type = &lab_process_type};

/* ---- N(0, d): s^ = -x^/(d + sigma^2). Where coordinate 1 is beyond TAG the particle is another: `tagged` ---- */

#define LAB_TAG 5e5

struct lab_model {
        int64_t n_dim;
        double variance;
        double stiffness;      /* of tagged ones: their coordinate 0 is drawn to 0 so much more strongly */
        double nan_below;      /* of tagged ones: sigmas with no score */
};

static inline void lab_eval_each(const void *model_of, const double *restrict sigma, const double *restrict x,
                                 double *restrict s)
{
        const struct lab_model *model = model_of;
        for (int64_t j = 0; j < model->n_dim; j++)
                for (int lane = 0; lane < LANES; lane++) {
                        const bool tagged = model->n_dim > 1 && x[LANES + lane] > LAB_TAG;
                        const double noised = model->variance + sigma[lane] * sigma[lane];
                        const double pull = tagged && j == 0 ? model->stiffness : tagged && j == 1 ? 0 : 1;
                        s[j * LANES + lane] = tagged && sigma[lane] < model->nan_below
                                                      ? NAN
                                                      : -pull * x[j * LANES + lane] / noised;
                }
}

static const struct score_type lab_score_type = {.name = "lab", .eval_each = lab_eval_each};

/* ---- the whole ---- */

struct adaptive_lab {
        struct input *input;
        struct sampler_settings settings;
        struct lab_model model;
        struct score score;
        struct score_level level;
        struct time_grid *grid;
        struct sampler *sampler;
        struct population *population;
        struct tally tally;
};

/* `text` is the sampler table but for its type. */
static inline struct adaptive_lab *adaptive_lab_open(const char *text, const struct process *process,
                                                     const double *sigma, size_t n_points, int64_t n_particles,
                                                     int64_t n_dim, double variance)
{
        struct adaptive_lab *lab = allocate(1, sizeof *lab);
        char *table = format_text("type: adaptive_sde\n%s", text);
        lab->input = input_parse("lab", table, strlen(table), NULL, 0);
        input_read(lab->input, sampler_params, &lab->settings);
        for (size_t i = 0; i < input_problems(lab->input); i++)
                fprintf(stderr, "%s\n", input_problem(lab->input, i));
        free(table);
        const struct scheme *scheme = sampler_scheme(&lab->settings);
        lab->model = (struct lab_model){.n_dim = n_dim, .variance = variance, .stiffness = 1};
        lab->score = (struct score){.type = &lab_score_type, .n_dim = n_dim, .model = &lab->model};
        lab->level = (struct score_level){.score = &lab->score, .scale = 1};
        lab->grid = time_grid_create(process, sigma, n_points);
        lab->sampler = sampler_create(&lab->settings, NAN, sigma[n_points - 1], 20260103);
        sampler_set_grid(lab->sampler, lab->grid);
        lab->population = population_create(n_particles, n_dim, false, scheme_n_memory(scheme));
        population_keep_history(lab->population, scheme->n_history);
        return lab;
}

static inline void adaptive_lab_close(struct adaptive_lab *lab)
{
        params_release(sampler_params, &lab->settings);
        input_free(lab->input);
        sampler_free(lab->sampler);
        time_grid_free(lab->grid);
        population_free(lab->population);
        free(lab);
}

/* x ~ N(0, variance); particles that are told to be are tagged. */
static inline void adaptive_lab_draw(struct adaptive_lab *lab, double variance, bool (*tagged)(int64_t particle))
{
        struct population *population = lab->population;
        const struct rng_stream stream = {.seed = 77, .purpose = RNG_TEST};
        for (size_t t = 0; t < population->n_tiles; t++) {
                const int64_t first = population_first_particle(population, t);
                double *x = population_tile(population, t);
                rng_normal(&stream, (uint64_t)first, population->n_dim, x);
                for (size_t i = 0; i < population->tile_size; i++)
                        x[i] *= sqrt(variance);
                for (int lane = 0; tagged && lane < LANES; lane++)
                        if (tagged(first + lane))
                                x[LANES + lane] = 2 * LAB_TAG;
        }
        population_pad(population);
        sampler_begin(lab->sampler, population, &lab->level);
}

static inline struct breakdown adaptive_lab_advance(struct adaptive_lab *lab, int64_t begin, int64_t end)
{
        return sampler_advance(lab->sampler, lab->population, &lab->level, 0, begin, end, &lab->tally, NULL, NULL);
}

static inline const struct adaptive_sde *adaptive_lab_settings(const struct adaptive_lab *lab)
{
        return lab->sampler->scheme_settings;
}

static inline double adaptive_lab_x(const struct adaptive_lab *lab, int64_t particle, int64_t j)
{
        const struct population *population = lab->population;
        return population_tile(population,
                               (size_t)(particle / LANES - population->tile_begin))[j * LANES + particle % LANES];
}

static inline double adaptive_lab_evaluations(const struct adaptive_lab *lab, int64_t particle)
{
        const struct population *population = lab->population;
        return population_memory(population, (size_t)(particle / LANES -
                                                      population->tile_begin))[ADAPTIVE_SDE_MEMORY + particle % LANES];
}

#endif
