/* What the tests of reverse SDE samplers share: noising processes written down anew from their definitions, a sampler
 * and a score made from input text, a grid of times, and steps by the published formulas to compare with. */
#ifndef DIFFUSION_LAB_H
#define DIFFUSION_LAB_H

#include "sampler_lab.h"
#include "sculptor/process.h"
#include "sculptor/score.h"
#include "sculptor/time_grid.h"

/* ---- processes ---- */

static const double LAB_SIGMA_MIN = 0.02, LAB_SIGMA_MAX = 30, LAB_BETA_MIN = 0.1, LAB_BETA_MAX = 16;

static inline double lab_infinite(const void *settings)
{
        (void)settings;
        return INFINITY;
}

static inline double lab_one(const void *settings, double t)
{
        (void)settings, (void)t;
        return 1;
}

static inline double lab_zero(const void *settings, double t)
{
        (void)settings, (void)t;
        return 0;
}

static inline double lab_same(const void *settings, double t)
{
        (void)settings;
        return t;
}

static inline double lab_twice(const void *settings, double t)
{
        (void)settings;
        return 2 * t;
}

/* ve: sigma = sigma_min (sigma_max/sigma_min)^t, g^2 = d sigma^2/dt. */
static inline double lab_ve_sigma(const void *settings, double t)
{
        (void)settings;
        return LAB_SIGMA_MIN * pow(LAB_SIGMA_MAX / LAB_SIGMA_MIN, t);
}

static inline double lab_ve_time(const void *settings, double sigma)
{
        (void)settings;
        return log(sigma / LAB_SIGMA_MIN) / log(LAB_SIGMA_MAX / LAB_SIGMA_MIN);
}

static inline double lab_ve_g2(const void *settings, double t)
{
        const double sigma = lab_ve_sigma(settings, t);
        return 2 * sigma * sigma * log(LAB_SIGMA_MAX / LAB_SIGMA_MIN);
}

/* vp and subvp: beta linear in t, B its integral, alpha = exp(-B/2). */
static inline double lab_beta(double t)
{
        return LAB_BETA_MIN + t * (LAB_BETA_MAX - LAB_BETA_MIN);
}

static inline double lab_integral(double t)
{
        return LAB_BETA_MIN * t + t * t / 2 * (LAB_BETA_MAX - LAB_BETA_MIN);
}

static inline double lab_integral_inverse(double b)
{
        const double rise = LAB_BETA_MAX - LAB_BETA_MIN;
        return 2 * b / (LAB_BETA_MIN + sqrt(LAB_BETA_MIN * LAB_BETA_MIN + 2 * rise * b));
}

static inline double lab_vp_scale(const void *settings, double t)
{
        (void)settings;
        return exp(-lab_integral(t) / 2);
}

static inline double lab_vp_sigma(const void *settings, double t)
{
        (void)settings;
        return sqrt(expm1(lab_integral(t)));
}

static inline double lab_vp_time(const void *settings, double sigma)
{
        (void)settings;
        return lab_integral_inverse(log1p(sigma * sigma));
}

static inline double lab_vp_drift(const void *settings, double t)
{
        (void)settings;
        return -lab_beta(t) / 2;
}

static inline double lab_vp_g2(const void *settings, double t)
{
        (void)settings;
        return lab_beta(t);
}

/* subvp: deviation 1 - alpha^2, so sigma = 2 sinh(B/2). */
static inline double lab_subvp_sigma(const void *settings, double t)
{
        (void)settings;
        return 2 * sinh(lab_integral(t) / 2);
}

static inline double lab_subvp_time(const void *settings, double sigma)
{
        (void)settings;
        return lab_integral_inverse(2 * asinh(sigma / 2));
}

static inline double lab_subvp_g2(const void *settings, double t)
{
        (void)settings;
        return lab_beta(t) * -expm1(-2 * lab_integral(t));
}

static const struct process_type lab_edm = {
        .name = "edm", .kind = PROCESS_EXPLODING, .t_max = lab_infinite, .scale = lab_one, .sigma = lab_same,
        .time = lab_same, .drift = lab_zero, .diffusion_squared = lab_twice, .sigma_max = lab_infinite};
static const struct process_type lab_ve = {
        .name = "ve", .kind = PROCESS_EXPLODING, .t_max = lab_infinite, .scale = lab_one, .sigma = lab_ve_sigma,
        .time = lab_ve_time, .drift = lab_zero, .diffusion_squared = lab_ve_g2, .sigma_max = lab_infinite};
static const struct process_type lab_vp = {
        .name = "vp", .kind = PROCESS_PRESERVING, .t_max = lab_infinite, .scale = lab_vp_scale, .sigma = lab_vp_sigma,
        .time = lab_vp_time, .drift = lab_vp_drift, .diffusion_squared = lab_vp_g2, .sigma_max = lab_infinite};
static const struct process_type lab_subvp = {
        .name = "subvp", .kind = PROCESS_OTHER, .t_max = lab_infinite, .scale = lab_vp_scale, .sigma = lab_subvp_sigma,
        .time = lab_subvp_time, .drift = lab_vp_drift, .diffusion_squared = lab_subvp_g2, .sigma_max = lab_infinite};

static const struct process_type *const lab_processes[] = {&lab_edm, &lab_ve, &lab_vp, &lab_subvp};
enum { LAB_PROCESSES = sizeof lab_processes / sizeof *lab_processes };

/* ---- steps by their formulas: x <- keep x + score s + sqrt(variance) z ---- */

struct rule { double keep, score, variance; };

/* dx = [f x - g^2 s] dt + g dW, dt = t_b - t_a. */
static inline struct rule rule_euler_maruyama(const struct process *process, const struct time_point *a,
                                              const struct time_point *b)
{
        const double dt = b->time - a->time, f = process->type->drift(NULL, a->time),
                     g2 = process->type->diffusion_squared(NULL, a->time);
        return (struct rule){1 + f * dt, -g2 * dt, -g2 * dt};
}

static inline double rule_beta(const struct time_point *a, const struct time_point *b)
{
        return 1 - a->scale * a->scale / (b->scale * b->scale);
}

static inline double rule_d(const struct time_point *a, const struct time_point *b)
{
        return a->sigma * a->sigma - b->sigma * b->sigma;
}

static inline struct rule rule_reverse_diffusion(const struct process *process, const struct time_point *a,
                                                 const struct time_point *b)
{
        const double d = rule_d(a, b), beta = rule_beta(a, b);
        if (process->type == &lab_subvp)
                return rule_euler_maruyama(process, a, b);
        return process->type == &lab_vp ? (struct rule){2 - sqrt(1 - beta), beta, beta} : (struct rule){1, d, d};
}

static inline struct rule rule_ancestral(const struct process *process, const struct time_point *a,
                                         const struct time_point *b)
{
        const double d = rule_d(a, b), beta = rule_beta(a, b);
        if (process->type == &lab_vp)
                return (struct rule){1 / sqrt(1 - beta), beta / sqrt(1 - beta), beta};
        return (struct rule){1, d, b->sigma * b->sigma * d / (a->sigma * a->sigma)};
}

static inline struct rule rule_ancestral_posterior(const struct process *process, const struct time_point *a,
                                                   const struct time_point *b)
{
        struct rule rule = rule_ancestral(process, a, b);
        if (process->type == &lab_vp)
                rule.variance *= (1 - b->scale * b->scale) / (1 - a->scale * a->scale);
        return rule;
}

/* DDIM on x^, x_0 = x^ + sigma_a^2 s^, brought to x = alpha x^: s^ = alpha_a s. */
static inline struct rule rule_ddim(double eta, const struct time_point *a, const struct time_point *b)
{
        const double ratio = b->sigma / a->sigma, tau = eta * b->sigma * sqrt(1 - ratio * ratio);
        const double along = sqrt(b->sigma * b->sigma - tau * tau) / a->sigma; /* of x^ - x_0 = -sigma_a^2 s^ */
        const double noise = b->scale * tau;
        return (struct rule){b->scale / a->scale, b->scale * a->scale * a->sigma * a->sigma * (1 - along),
                             noise * noise};
}

static inline struct rule rule_ddim_0(const struct process *process, const struct time_point *a,
                                      const struct time_point *b)
{
        (void)process;
        return rule_ddim(0, a, b);
}

static inline struct rule rule_ddim_0_6(const struct process *process, const struct time_point *a,
                                        const struct time_point *b)
{
        (void)process;
        return rule_ddim(0.6, a, b);
}

static inline struct rule rule_ddim_1(const struct process *process, const struct time_point *a,
                                      const struct time_point *b)
{
        (void)process;
        return rule_ddim(1, a, b);
}

/* ---- the laboratory ---- */

enum { DIFFUSION_SEED = 20260104 };

struct diffusion_lab {
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

static const struct param diffusion_lab_rows[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = 0, .variant = score_variant, .help = "the target"}, PARAM_END};

/* `score` is text, or NULL and `own` the score itself. */
static inline struct diffusion_lab *diffusion_lab_open(const char *score, const struct score *own, const char *sampler,
                                                       const struct process_type *process, const double *sigma,
                                                       size_t n_points, int64_t n_particles)
{
        struct diffusion_lab *lab = allocate(1, sizeof *lab);
        if (score) {
                lab->input[0] = lab_read(score, diffusion_lab_rows, &lab->score_settings);
                lab->score = score_create(lab->score_settings.type.type, lab->score_settings.type.settings);
        }
        lab->input[1] = lab_read(sampler, sampler_params, &lab->settings);
        lab->sampler = sampler_create(&lab->settings, NAN, sigma[0], DIFFUSION_SEED);
        lab->process = (struct process){process, NULL};
        lab->grid = time_grid_create(&lab->process, sigma, n_points);
        sampler_set_grid(lab->sampler, lab->grid);
        const struct scheme *scheme = sampler_scheme(&lab->settings);
        lab->level = score_level_create(score ? lab->score : own, sigma[0]);
        lab->population = population_create(n_particles, lab->level->score->n_dim, false, scheme_n_memory(scheme));
        population_keep_history(lab->population, scheme->n_history);
        return lab;
}

static inline void diffusion_lab_close(struct diffusion_lab *lab)
{
        score_level_free(lab->level);
        population_free(lab->population);
        sampler_free(lab->sampler);
        time_grid_free(lab->grid);
        params_release(sampler_params, &lab->settings);
        input_free(lab->input[1]);
        if (lab->score) {
                score_free(lab->score);
                params_release(diffusion_lab_rows, &lab->score_settings);
                input_free(lab->input[0]);
        }
        free(lab);
}

/* x ~ N(mean, deviation^2), particle by particle. */
static inline void diffusion_lab_draw(struct diffusion_lab *lab, double mean, double deviation)
{
        struct population *population = lab->population;
        const struct rng_stream stream = {.seed = 79, .purpose = RNG_TEST};
        for (size_t t = 0; t < population->n_tiles; t++) {
                double *x = population_tile(population, t);
                rng_normal(&stream, (uint64_t)population_first_particle(population, t), population->n_dim, x);
                for (size_t i = 0; i < population->tile_size; i++)
                        x[i] = mean + deviation * x[i];
        }
        population_pad(population);
}

static inline struct breakdown diffusion_lab_try(struct diffusion_lab *lab, int64_t begin, int64_t end)
{
        return sampler_advance(lab->sampler, lab->population, lab->level, 7, begin, end, &lab->tally, NULL, NULL);
}

static inline int64_t diffusion_lab_steps(const struct diffusion_lab *lab)
{
        return (int64_t)lab->grid->n - 1;
}

/* All steps, in stretches of up to 3. */
static inline void diffusion_lab_go(struct diffusion_lab *lab)
{
        const int64_t end = diffusion_lab_steps(lab);
        for (int64_t step = 0; step < end; step += 3)
                assert_false(diffusion_lab_try(lab, step, step + 3 < end ? step + 3 : end).found);
}

#endif
