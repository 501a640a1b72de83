/* What the tests of samplers on fields share: a random field made from input text, an ensemble of it, and the
 * variances of its modes. */
#ifndef FIELD_SAMPLER_LAB_H
#define FIELD_SAMPLER_LAB_H

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
#include "sculptor/mesh.h"
#include "sculptor/params.h"
#include "sculptor/population.h"
#include "sculptor/rng.h"
#include "sculptor/sampler.h"
#include "sculptor/score.h"

static const double FIELD_Z_LIMIT = 5.85;
enum { FIELD_SEED = 20260102 };

struct field_lab {
        struct input *input[2];
        struct {
                struct selection type;
        } score_settings;
        struct sampler_settings settings;
        struct sampler *sampler;
        struct score *score;
        struct mesh *mesh;
        struct score_level *level;
        struct population *population;
        struct tally tally;
        double *c;                 /* variance of each mode at the level */
        char *wisdom;
};

static const struct param field_lab_rows[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = 0, .variant = score_variant, .help = "the target"}, PARAM_END};

/* `wrapped` (may be NULL) gets the score's type and answers with another in its place. */
static inline struct field_lab *field_lab_open(const char *score, const char *sampler, int64_t n, double sigma,
                                               const struct score_type *(*wrapped)(const struct score_type *type))
{
        struct field_lab *lab = allocate(1, sizeof *lab);
        lab->input[0] = lab_read(score, field_lab_rows, &lab->score_settings);
        lab->score = score_create(lab->score_settings.type.type, lab->score_settings.type.settings);
        const struct score_type *type = lab->score->type;
        const struct score_context context = {.seed = FIELD_SEED};
        assert_null(type->load(lab->score->model, &context));
        lab->mesh = type->mesh(lab->score->model);
        lab->wisdom = mesh_plan(lab->mesh, MESH_ESTIMATE, NULL, false);
        assert_null(type->prepare(lab->score->model));
        if (wrapped)
                lab->score->type = wrapped(type);
        lab->level = score_level_create(lab->score, sigma);
        lab->c = allocate(mesh_modes_here(lab->mesh), sizeof *lab->c);
        if (type->mode_variance)
                type->mode_variance(lab->level->state, lab->c);

        lab->input[1] = lab_read(sampler, sampler_params, &lab->settings);
        lab->sampler = sampler_create(&lab->settings, lab->settings.step_size, sigma, FIELD_SEED);
        const struct scheme *scheme = sampler_scheme(&lab->settings);
        const struct field_layout layout = {.n_planes = lab->mesh->n_planes, .plane_begin = lab->mesh->plane_begin,
                                            .n_planes_here = lab->mesh->n_planes_here,
                                            .plane_cells = lab->mesh->plane_cells,
                                            .plane_stride = lab->mesh->plane_stride};
        lab->population = population_create_fields(n, lab->score->n_dim, &layout, scheme->has_velocity,
                                                   scheme_n_memory(scheme));
        population_keep_history(lab->population, scheme->n_history);
        return lab;
}

static inline void field_lab_close(struct field_lab *lab)
{
        population_free(lab->population);
        sampler_free(lab->sampler);
        score_level_free(lab->level);
        free(lab->c);
        free(lab->wisdom);
        score_free(lab->score);
        params_release(field_lab_rows, &lab->score_settings);
        params_release(sampler_params, &lab->settings);
        input_free(lab->input[0]);
        input_free(lab->input[1]);
        free(lab);
}

/* White fields of this variance about a mean. */
static inline void field_lab_draw_white(struct field_lab *lab, double mean, double variance)
{
        const struct rng_stream stream = {.seed = FIELD_SEED, .purpose = RNG_TEST};
        const struct mesh *mesh = lab->mesh;
        for (size_t t = 0; t < lab->population->n_tiles; t++)
                for (size_t p = 0; p < mesh->n_planes_here; p++) {
                        double *plane = population_tile(lab->population, t) + p * mesh->plane_stride;
                        rng_normal_row(&stream, t, (mesh->plane_begin + (int64_t)p) * (int64_t)mesh->plane_cells,
                                       (int64_t)mesh->plane_cells, plane);
                        for (size_t i = 0; i < mesh->plane_cells; i++)
                                plane[i] = mean + sqrt(variance) * plane[i];
                }
        sampler_begin(lab->sampler, lab->population, lab->level);
}

/* Exact draws of the target, noised to the level. */
static inline void field_lab_draw_target(struct field_lab *lab)
{
        const struct rng_stream stream = {.seed = FIELD_SEED, .purpose = RNG_TARGET};
        const size_t size = lab->population->tile_size;
        double *clean = allocate(size, sizeof *clean);
        field_lab_draw_white(lab, 0, lab->level->sigma * lab->level->sigma);
        for (size_t t = 0; t < lab->population->n_tiles; t++) {
                lab->score->type->draw(lab->score->model, &stream, t, clean);
                for (size_t i = 0; i < size; i++)
                        population_tile(lab->population, t)[i] += clean[i];
        }
        free(clean);
}

static inline void field_lab_advance(struct field_lab *lab, int64_t begin, int64_t end)
{
        while (begin < end) {
                int64_t limit = sampler_stretch_limit(lab->sampler, begin, lab->sampler->steps_per_level),
                        stop = limit < end ? limit : end;
                assert_false(sampler_advance(lab->sampler, lab->population, lab->level, 0, begin, stop, &lab->tally,
                                             NULL, NULL)
                                     .found);
                begin = stop;
        }
}

/* ---- modes ---- */

struct field_power {
        double *sum; /* [mesh_modes_here()] */
        double n_cells;
};

static inline void field_add_power(void *owner, const struct mesh_block *block)
{
        struct field_power *power = owner;
        for (size_t i = 0; i < block->mesh->block_modes; i++)
                power->sum[block->first + i] += (block->value[2 * i] * block->value[2 * i] +
                                                 block->value[2 * i + 1] * block->value[2 * i + 1]) /
                                                power->n_cells;
}

/* |F x|^2/n_cells of every mode, summed over the ensemble; the caller frees. */
static inline double *field_lab_power(const struct field_lab *lab, const double *array)
{
        struct field_power power = {.sum = allocate(mesh_modes_here(lab->mesh), sizeof(double)),
                                    .n_cells = (double)lab->mesh->n_cells};
        for (size_t t = 0; t < lab->population->n_tiles; t++)
                mesh_forward(lab->mesh, array + t * lab->population->tile_size, field_add_power, &power);
        return power.sum;
}

/* Every mode's sum over the ensemble against variance(c, owner): sum over its real amplitudes of u^2/v is chi^2.
 * Judged in bands of c, the smallest modes' and the largest's apart, and all together. */
static inline void field_assert_variances(const char *what, const struct field_lab *lab, const double *array,
                                          double (*variance)(double c, const void *owner), const void *owner)
{
        enum { BANDS = 8 };
        double *sum = field_lab_power(lab, array), low = INFINITY, high = 0;
        double chi2[BANDS + 1] = {0}, n[BANDS + 1] = {0};
        const double fields = (double)lab->population->n_global;
        for (int pass = 0; pass < 2; pass++)
                for (int64_t block = 0; block < lab->mesh->n_blocks; block++) {
                        struct mode mode;
                        for (mode_begin(lab->mesh, block, &mode); mode_next(&mode);) {
                                const size_t i = (size_t)block * lab->mesh->block_modes + mode.index;
                                const double c = lab->c[i], weight = mode.weight;
                                if (!(c > 0))
                                        continue;
                                low = fmin(low, c);
                                high = fmax(high, c);
                                if (pass == 0)
                                        continue;
                                int band = (int)(BANDS * log(c / low) / log(high / low * (1 + 1e-12)));
                                chi2[band] += weight * sum[i] / variance(c, owner);
                                n[band] += weight * fields;
                        }
                }
        for (int band = 0; band < BANDS; band++) {
                chi2[BANDS] += chi2[band];
                n[BANDS] += n[band];
        }
        free(sum);
        for (int band = 0; band <= BANDS; band++) {
                /* Wilson & Hilferty (1931): (chi^2/n)^(1/3) is nearly normal for few degrees of freedom too. */
                const double z = n[band] > 0 ? (cbrt(chi2[band] / n[band]) - (1 - 2 / (9 * n[band]))) /
                                                       sqrt(2 / (9 * n[band]))
                                             : 0;
                if (!(fabs(z) < FIELD_Z_LIMIT)) {
                        print_error("%s, band %d of %d: variance %.5f of the expected, %g amplitudes, z = %.2f\n", what,
                                    band, BANDS, chi2[band] / n[band], n[band], z);
                        fail();
                }
        }
}

#endif
