/* What the tests of samplers share: a sampler made from input text, a population, a target of one line and
 * the normal deviates by which samples are judged. */
#ifndef SAMPLER_LAB_H
#define SAMPLER_LAB_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab_input.h"
#include "sculptor/memory.h"
#include "sculptor/params.h"
#include "sculptor/population.h"
#include "sculptor/rng.h"
#include "sculptor/sampler.h"

/* A suite of 200 tests with this bound fails by chance less than once in 10^6 runs; seeds are fixed. */
static const double Z_LIMIT = 5.85;

/* Values to draw so that a relative error `bias` of a variance exceeds Z_LIMIT with 95% power; whole tiles. */
static inline int64_t enough_for_bias(double bias)
{
        double n = 2 * (7.49 / bias) * (7.49 / bias);
        return ((int64_t)n / LANES + 1) * LANES;
}

/* ---- the target: N(0, diag(variance)) noised to sigma; stands apart from the scores tested elsewhere ---- */

enum { LAB_MOST_DIM = 512 };

struct lab_target {
        int64_t n_dim;
        double variance[LAB_MOST_DIM], noised[LAB_MOST_DIM];
        int64_t calls; /* tiles evaluated */
};

static inline void lab_eval(const void *state, const double *restrict x, double *restrict s)
{
        struct lab_target *target = *(struct lab_target *const *)state;
        target->calls++;
        for (int64_t j = 0; j < target->n_dim; j++)
                for (int lane = 0; lane < LANES; lane++)
                        s[j * LANES + lane] = -x[j * LANES + lane] / target->noised[j];
}

static inline void lab_log_density(const void *state, const double *restrict x, double *restrict log_p)
{
        const struct lab_target *target = *(struct lab_target *const *)state;
        for (int lane = 0; lane < LANES; lane++)
                log_p[lane] = 0;
        for (int64_t j = 0; j < target->n_dim; j++)
                for (int lane = 0; lane < LANES; lane++)
                        log_p[lane] -= x[j * LANES + lane] * x[j * LANES + lane] / (2 * target->noised[j]);
}

static const struct score_type lab_gaussian = {.name = "lab", .eval = lab_eval, .log_density = lab_log_density};

struct lab {
        struct input *input;
        struct sampler_settings settings;
        struct sampler *sampler;
        struct population *population;
        struct lab_target target, *target_here;
        struct score score;
        struct score_level level;
        struct tally tally;
};

static inline void lab_set_sigma(struct lab *lab, double sigma)
{
        lab->level.sigma = sigma;
        for (int64_t j = 0; j < lab->target.n_dim; j++)
                lab->target.noised[j] = lab->target.variance[j] + sigma * sigma;
}

/* `text` is the sampler table; `type` NULL: the Gaussian. variance[n_dim], NULL: all 1. */
static inline struct lab *lab_open(const char *text, const struct score_type *type, int64_t n_particles, int64_t n_dim,
                                   const double *variance, double sigma_last)
{
        struct lab *lab = allocate(1, sizeof *lab);
        lab->input = lab_read(text, sampler_params, &lab->settings);

        const struct scheme *scheme = sampler_scheme(&lab->settings);
        lab->sampler = sampler_create(&lab->settings, lab->settings.step_size, sigma_last, 20260101);
        lab->population = population_create(n_particles, n_dim, scheme->has_velocity, scheme_n_memory(scheme));
        lab->target.n_dim = n_dim;
        for (int64_t j = 0; j < n_dim; j++)
                lab->target.variance[j] = variance ? variance[j] : 1;
        lab->target_here = &lab->target;
        lab->score = (struct score){.type = type ? type : &lab_gaussian, .n_dim = n_dim};
        lab->level = (struct score_level){.score = &lab->score, .scale = 1, .state = &lab->target_here};
        lab_set_sigma(lab, 0);
        return lab;
}

static inline void lab_close(struct lab *lab)
{
        input_free(lab->input);
        params_release(sampler_params, &lab->settings);
        sampler_free(lab->sampler);
        population_free(lab->population);
        free(lab);
}

/* x_j ~ N(mean, variance[j]); variance NULL: the target's. Then the scheme's own beginning. */
static inline void lab_draw(struct lab *lab, double mean, const double *variance)
{
        struct population *population = lab->population;
        struct rng_stream stream = {.seed = 77, .purpose = RNG_TEST};
        for (size_t t = 0; t < population->n_tiles; t++) {
                double *x = population_tile(population, t);
                rng_normal(&stream, (uint64_t)population_first_particle(population, t), population->n_dim, x);
                for (int64_t j = 0; j < population->n_dim; j++)
                        for (int lane = 0; lane < LANES; lane++)
                                x[j * LANES + lane] = mean +
                                                      x[j * LANES + lane] *
                                                              sqrt(variance ? variance[j] : lab->target.noised[j]);
        }
        population_pad(population);
        sampler_begin(lab->sampler, population, &lab->level);
}

static inline struct breakdown lab_try(struct lab *lab, uint32_t level_index, int64_t begin, int64_t end)
{
        return sampler_advance(lab->sampler, lab->population, &lab->level, level_index, begin, end, &lab->tally, NULL,
                               NULL);
}

/* Steps [begin, end), as a run takes them: stretches end where the sampler says. */
static inline void lab_advance(struct lab *lab, uint32_t level_index, int64_t begin, int64_t end)
{
        while (begin < end) {
                int64_t limit = sampler_stretch_limit(lab->sampler, begin, lab->sampler->steps_per_level),
                        stop = limit < end ? limit : end;
                struct tally before = lab->tally;
                assert_false(lab_try(lab, level_index, begin, stop).found);
                struct tally here = {.accepted = lab->tally.accepted - before.accepted,
                                     .proposed = lab->tally.proposed - before.proposed};
                sampler_adapt(lab->sampler, stop, &here);
                begin = stop;
        }
}

/* ---- judging ---- */

/* Mean over particles of f(a_j, b_j); b may be NULL. */
static inline double lab_average(const struct lab *lab, const double *a, const double *b, int64_t j,
                                 double (*f)(double a, double b))
{
        const struct population *population = lab->population;
        double sum = 0;
        for (size_t t = 0; t < population->n_tiles; t++) {
                size_t row = (t * (size_t)population->n_dim + (size_t)j) * LANES;
                double tile = 0;
                for (int lane = 0; lane < population_lanes(population, t); lane++)
                        tile += f(a[row + (size_t)lane], b ? b[row + (size_t)lane] : 0);
                sum += tile;
        }
        return sum / (double)population->n_global;
}

static inline double first_of(double a, double b)
{
        (void)b;
        return a;
}

static inline double product_of(double a, double b)
{
        return a * b;
}

static inline double square_of(double a, double b)
{
        (void)b;
        return a * a;
}

static inline double lab_mean(const struct lab *lab, const double *array, int64_t j)
{
        return lab_average(lab, array, NULL, j, first_of);
}

static inline void assert_z(const char *what, double z)
{
        if (!(fabs(z) < Z_LIMIT)) {
                print_error("%s: z = %.2f\n", what, z);
                fail();
        }
}

/* (N - 1) s^2/v ~ chi^2 with N - 1 degrees of freedom, a normal deviate at these N. */
static inline void assert_variance(const char *what, const struct lab *lab, const double *array, int64_t j, double v)
{
        double n = (double)lab->population->n_global, mean = lab_mean(lab, array, j);
        double s2 = (lab_average(lab, array, NULL, j, square_of) - mean * mean) * n / (n - 1);
        char text[160];
        snprintf(text, sizeof text, "%s, coordinate %d: variance %.6f, expected %.6f", what, (int)j, s2, v);
        assert_z(text, (s2 / v - 1) * sqrt((n - 1) / 2));
}

static inline void assert_mean(const char *what, const struct lab *lab, const double *array, int64_t j, double m,
                               double v)
{
        double mean = lab_mean(lab, array, j);
        char text[160];
        snprintf(text, sizeof text, "%s, coordinate %d: mean %.6f, expected %.6f", what, (int)j, mean, m);
        assert_z(text, (mean - m) / sqrt(v / (double)lab->population->n_global));
}

#endif
