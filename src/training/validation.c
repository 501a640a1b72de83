/* How far the delivered score is from the truth, at examples that were not trained with: at each sigma the denoising
 * loss, and, where the target's noised score is known, the relative Fisher divergence that bounds KL(data, model) by
 * the integral of eps over ln sigma [Song et al. 2021b, thm 1]. One evaluation of an example and sigma; the noise is
 * the same at every validation, so that they can be compared. */
#include <math.h>

#include "sculptor/parallel.h"
#include "sculptor/tree_sum.h"
#include "sculptor/vecmath.h"
#include "training/parts.h"

enum { DEFAULT_SIGMAS = 5 };

size_t training_sigmas(const struct training_settings *settings, double sigma[TRAINING_MAX_SIGMAS])
{
        const struct real_vector *given = &settings->validation.sigmas;
        for (size_t i = 0; i < given->n; i++)
                sigma[i] = given->value[i];
        if (given->n > 0)
                return given->n;
        double min, max;
        training_sigma_range(settings, &min, &max);
        const double step = (vm_log(max) - vm_log(min)) / (DEFAULT_SIGMAS - 1);
        for (size_t i = 0; i < DEFAULT_SIGMAS; i++)
                sigma[i] = vm_exp(fma((double)i, step, vm_log(min)));
        return DEFAULT_SIGMAS;
}

/* The exact score at this sigma, or NULL. */
static struct score_level *exact_level(const struct score *target, double sigma)
{
        if (!target || !target->type->eval || target->type->tempered ||
            (target->type->undefined_at && target->type->undefined_at(target->model, sigma)))
                return NULL;
        return score_level_create(target, sigma);
}

enum { LOSS, ERROR, NORM, TWIST, STRETCH, N_SUMS };

/* (w' J v - v' J w)^2 and |J v|^2 of the Jacobian J at y, where denoiser_score() was last: over v, w ~ N(0, I) their
 * means
 * are |J - J'|_F^2 and |J|_F^2. */
static void asymmetry(struct loss *loss, const struct rng_stream *noise, int64_t block, double twist[LANES],
                      double stretch[LANES])
{
        struct rng_stream stream = *noise;
        double *v = loss->u, *w = loss->work, *jv = loss->f, *jw = loss->gaussian, across[LANES];
        stream.stage = 2;
        examples_noise(&loss->network->shape, &stream, block, v);
        stream.stage = 3;
        examples_noise(&loss->network->shape, &stream, block, w);
        denoiser_jacobian_vector(loss->denoiser, loss->sigma, v, jv);
        denoiser_jacobian_vector(loss->denoiser, loss->sigma, w, jw);
        loss_dot(loss, jv, jv, stretch);
        loss_dot(loss, w, jv, twist);
        loss_dot(loss, v, jw, across);
        for (size_t lane = 0; lane < LANES; lane++)
                twist[lane] = (twist[lane] - across[lane]) * (twist[lane] - across[lane]);
}

/* Sums over the real lanes of a tile, a coordinate, of |F - T|^2, |s_theta - s|^2, |s|^2 and what asymmetry() has. */
static void tile_sums(struct loss *loss, const struct score_level *exact, const struct rng_stream *noise, int64_t block,
                      int64_t n_real, double *sums)
{
        const size_t size = loss->network->tile_size;
        double *restrict learned = loss->g, *restrict error = loss->h, *restrict truth = loss->v;
        double dot[N_SUMS][LANES] = {{0}};
        for (size_t row = 0; row < size; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        loss->y[row + lane] = fma(loss->sigma[lane], loss->noise[row + lane], loss->x_0[row + lane]);
        denoiser_score(loss->denoiser, loss->sigma, loss->y, learned);
        for (size_t row = 0; row < size; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        error[row + lane] = learned[row + lane] + loss->noise[row + lane] / loss->sigma[lane];
        loss_dot(loss, error, error, dot[LOSS]);
        const double c_out = denoiser_scales(loss->denoiser, loss->sigma[0]).c_out;
        const double ratio = loss->sigma[0] * loss->sigma[0] / c_out;
        for (size_t lane = 0; lane < LANES; lane++)
                dot[LOSS][lane] *= ratio * ratio;
        asymmetry(loss, noise, block, dot[TWIST], dot[STRETCH]);
        if (exact) {
                score_eval(exact, loss->y, truth);
                for (size_t i = 0; i < size; i++)
                        error[i] = learned[i] - truth[i];
                loss_dot(loss, error, error, dot[ERROR]);
                loss_dot(loss, truth, truth, dot[NORM]);
        }
        for (int k = 0; k < N_SUMS; k++) {
                for (int64_t lane = n_real; lane < LANES && !loss->network->shape.mesh; lane++)
                        dot[k][lane] = 0; /* a copy of the last */
                sums[k] = loss_sum(loss, dot[k]) / loss->n_values;
        }
}

/* One sigma after another at the examples of a tile. */
static const char *validate_block(struct training *training, const struct examples_place *place,
                                  struct score_level *const *exact, const struct training_validation *validation,
                                  double *sums)
{
        struct loss *loss = &training->loss;
        const struct network_shape *shape = &loss->network->shape;
        const char *why = examples_tile(training->examples, place, loss->x_0);
        const int64_t left = place->n - place->block * examples_of_tile(shape);
        for (size_t i = 0; !why && i < validation->n_sigma; i++) {
                const struct rng_stream stream = {.seed = training->seed, .purpose = RNG_EXAMPLE,
                                                  .level = EXAMPLES_VALIDATION, .step = (uint32_t)i, .stage = 1};
                examples_noise(shape, &stream, place->block, loss->noise);
                for (size_t lane = 0; lane < LANES; lane++)
                        loss->sigma[lane] = validation->sigma[i];
                tile_sums(loss, exact[i], &stream, place->block, left, sums + i * N_SUMS);
        }
        return why;
}

static void summarise(struct training_validation *validation, struct score_level *const *exact, const double *total,
                      double n)
{
        double sum = 0;
        for (size_t i = 0; i < validation->n_sigma; i++) {
                const double *of = total + i * N_SUMS, sigma = validation->sigma[i];
                validation->loss[i] = n > 0 ? of[LOSS] / n : NAN; /* nothing may be held out */
                validation->eps[i] = exact[i] ? sigma * sigma * of[ERROR] / n : NAN;
                validation->relative[i] = exact[i] ? sqrt(of[ERROR] / of[NORM]) : NAN;
                validation->asymmetry[i] = n > 0 ? sqrt(of[TWIST] / of[STRETCH]) : NAN;
                sum += validation->loss[i];
        }
        validation->mean_loss = n > 0 ? sum / (double)validation->n_sigma : NAN;
}

const char *training_validate(struct training *training, struct training_validation *validation)
{
        const struct network_shape *shape = &training->loss.network->shape;
        const int64_t available = examples_available(training->examples, EXAMPLES_VALIDATION);
        const int64_t wanted = training->settings->validation.examples, n = wanted < available ? wanted : available;
        const int64_t n_tiles = examples_tiles(shape, n);
        const struct block_run run = gradient_tree_share(n_tiles, parallel_rank(), parallel_size());
        struct score_level *exact[TRAINING_MAX_SIGMAS];
        double total[TRAINING_MAX_SIGMAS * N_SUMS];
        *validation = (struct training_validation){0};
        validation->n_sigma = training_sigmas(training->settings, validation->sigma);
        for (size_t i = 0; i < validation->n_sigma; i++)
                exact[i] = exact_level(training->source.target, validation->sigma[i]);

        network_set(training->loss.network, training->state.ema[0]);
        struct tree_sum *sum = tree_sum_create(validation->n_sigma * N_SUMS);
        const char *why = NULL;
        for (int64_t block = run.begin; block < run.end; block++) {
                const struct examples_place place = {EXAMPLES_VALIDATION, 0, n, block};
                double sums[TRAINING_MAX_SIGMAS * N_SUMS] = {0};
                if (!why)
                        why = validate_block(training, &place, exact, validation, sums);
                tree_sum_add(sum, block, sums);
        }
        tree_sum_finish(sum, total);
        summarise(validation, exact, total, (double)n);
        for (size_t i = 0; i < validation->n_sigma; i++)
                score_level_free(exact[i]);
        return examples_agree(why, training->reason);
}
