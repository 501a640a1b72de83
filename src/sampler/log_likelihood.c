/* The instantaneous change of variables by Dormand & Prince's pair in sigma: x and, beside it, one integral of sigma
 * div s for the exact divergence or one for each probe are one state, [x rows][integrals], whose worst error chooses
 * the step. A tile takes its steps together, so that a particle's bits depend on its tile, which no rank count changes.
 * Order 5; 6 score evaluations a step, each with a divergence or a product with the Jacobian for each probe. Local,
 * collective over the domain for fields. [Dormand & Prince 1980; Grathwohl et al. 2019; Song et al. 2021] */
#include "sculptor/log_likelihood.h"

#include <stdlib.h>
#include <string.h>

#include "dormand_prince.h"
#include "sculptor/memory.h"
#include "sculptor/vecmath.h"

#define LN_2_PI 1.8378770664093454836

enum { MAX_ATTEMPTS = 1000000 };
static const double FIRST_STEP = 1.0 / 128; /* of the whole way: a few times too long or too short costs little */

struct log_likelihood {
        const struct log_likelihood_settings *settings;
        const struct score *score;
        uint64_t seed;
        struct score_level *last; /* at sigma_max */
        size_t size, n_integrals; /* of x; 1 or n_probes */
        double *state;            /* [size + n_integrals * LANES], as the trial's `at` and k */
        double *probe, *product;  /* [n_probes][size], [size]; NULL where the trace is exact */
        struct dormand_prince_trial trial;
};

struct log_likelihood *log_likelihood_create(const struct log_likelihood_settings *settings, const struct score *score,
                                             uint64_t seed)
{
        struct log_likelihood *likelihood = allocate(1, sizeof *likelihood);
        const bool estimated = settings->trace == LOG_LIKELIHOOD_HUTCHINSON;
        const size_t size = likelihood->size = score_tile_size(score);
        likelihood->settings = settings;
        likelihood->score = score;
        likelihood->seed = seed;
        likelihood->last = score_level_create(score, settings->sigma_max);
        likelihood->n_integrals = estimated ? (size_t)settings->n_probes : 1;
        if (estimated) {
                likelihood->probe = allocate(likelihood->n_integrals * size, sizeof(double));
                likelihood->product = allocate(size, sizeof(double));
        }
        const size_t whole = size + likelihood->n_integrals * LANES;
        likelihood->state = allocate(whole, sizeof(double));
        likelihood->trial = (struct dormand_prince_trial){.size = whole,
                                                          .x = likelihood->state,
                                                          .at = allocate(whole, sizeof(double)),
                                                          .relative = settings->relative_tolerance,
                                                          .absolute = settings->absolute_tolerance};
        for (int i = 0; i < DORMAND_PRINCE_STAGES; i++)
                likelihood->trial.k[i] = allocate(whole, sizeof(double));
        return likelihood;
}

void log_likelihood_free(struct log_likelihood *likelihood)
{
        if (!likelihood)
                return;
        score_level_free(likelihood->last);
        free(likelihood->state);
        free(likelihood->probe);
        free(likelihood->product);
        free(likelihood->trial.at);
        for (int i = 0; i < DORMAND_PRINCE_STAGES; i++)
                free(likelihood->trial.k[i]);
        free(likelihood);
}

/* ---- sums over a particle's coordinates ---- */

struct pair { const double *a, *b; };

static void add_products(void *owner, size_t begin, size_t end, double *restrict sum)
{
        const struct pair *pair = owner;
        const double *restrict a = pair->a, *restrict b = pair->b;
        for (size_t row = begin; row < end; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        sum[lane] = fma(a[row + lane], b[row + lane], sum[lane]);
}

/* a'b of every lane; a and b may be one. */
static void dot(const struct stretch *stretch, const double *a, const double *b, double product[LANES])
{
        memset(product, 0, LANES * sizeof *product);
        stretch_sum(stretch, add_products, &(struct pair){a, b}, product);
}

/* ---- slopes ---- */

/* Normal, or of normal numbers the signs. Spare cells of a field stay 0. */
static void draw_probes(const struct log_likelihood *likelihood, const struct stretch *stretch)
{
        for (size_t k = 0; likelihood->probe && k < likelihood->n_integrals; k++) {
                double *restrict v = likelihood->probe + k * likelihood->size;
                stretch_normal(stretch, RNG_PROBE, (int64_t)k, 0, v);
                for (size_t i = 0; likelihood->settings->probes == LOG_LIKELIHOOD_RADEMACHER && i < likelihood->size;
                     i++)
                        v[i] = v[i] > 0 ? 1 : v[i] < 0 ? -1 : 0;
        }
}

/* k = d(x, integrals)/dsigma at `state`: -sigma s, and sigma div s or sigma v' (ds/dx) v. */
static void slope(const struct log_likelihood *likelihood, const struct stretch *stretch, double sigma,
                  const double *state, double *restrict k)
{
        struct score_level *level = score_level_create(likelihood->score, sigma);
        double *integral = k + likelihood->size;
        score_eval(level, state, k);
        for (size_t i = 0; i < likelihood->size; i++)
                k[i] *= -sigma;
        if (!likelihood->probe)
                score_divergence(level, state, integral);
        for (size_t j = 0; likelihood->probe && j < likelihood->n_integrals; j++) {
                const double *v = likelihood->probe + j * likelihood->size;
                score_jacobian_vector(level, state, v, likelihood->product);
                dot(stretch, v, likelihood->product, integral + j * LANES);
        }
        for (size_t i = 0; i < likelihood->n_integrals * LANES; i++)
                integral[i] *= sigma;
        score_level_free(level);
}

/* ---- steps ---- */

/* The worst of x, as a root mean square over coordinates, and of every integral. */
static struct dormand_prince_worst worst_error(struct log_likelihood *likelihood, const struct stretch *stretch)
{
        _Alignas(64) double error[LANES];
        dormand_prince_errors(stretch, &likelihood->trial, error);
        for (size_t j = 0; j < likelihood->n_integrals; j++) {
                _Alignas(64) double square[LANES] = {0};
                const size_t begin = likelihood->size + j * LANES;
                dormand_prince_add_errors(&likelihood->trial, begin, begin + LANES, square);
                for (int lane = 0; lane < LANES; lane++) {
                        const double own = sqrt(square[lane]);
                        error[lane] = own <= error[lane] || isnan(error[lane]) ? error[lane] : own;
                }
        }
        return dormand_prince_worst_of(error, stretch->n_lanes);
}

static struct dormand_prince_worst attempt(struct log_likelihood *likelihood, const struct stretch *stretch,
                                           double sigma, double h)
{
        for (int lane = 0; lane < LANES; lane++)
                likelihood->trial.h[lane] = h;
        for (int i = 1; i < DORMAND_PRINCE_STAGES; i++) {
                dormand_prince_stage(&likelihood->trial, i);
                slope(likelihood, stretch, fma(dormand_prince.c[i], h, sigma), likelihood->trial.at,
                      likelihood->trial.k[i]);
        }
        return worst_error(likelihood, stretch);
}

static void give_up(const struct stretch *stretch, const struct dormand_prince_worst *worst, double sigma,
                    struct log_likelihood_answer *answer)
{
        answer->failed = true;
        answer->finite = isfinite(worst->error);
        answer->particle = (int64_t)stretch->first_particle + (stretch->layout ? 0 : worst->lane);
        answer->sigma = sigma;
}

/* From sigma_min to sigma_max; false where no step is short enough, or there would be too many. */
static bool integrate(struct log_likelihood *likelihood, const struct stretch *stretch,
                      struct log_likelihood_answer *answer)
{
        const double end = likelihood->settings->sigma_max, way = end - likelihood->settings->sigma_min;
        double sigma = likelihood->settings->sigma_min, h = FIRST_STEP * way, last = 1e-4;
        bool refused = false;
        slope(likelihood, stretch, sigma, likelihood->state, likelihood->trial.k[0]);
        answer->evaluations = 1;
        for (int attempts = 0; sigma < end; attempts++) {
                const bool ends = sigma + 1.01 * h >= end;
                const double length = ends ? end - sigma : h;
                const struct dormand_prince_worst worst = attempt(likelihood, stretch, sigma, length);
                answer->evaluations += DORMAND_PRINCE_STAGES - 1;
                const bool accepted = dormand_prince_accepts(worst.error, length, &h, &last, &refused);
                if (accepted) {
                        dormand_prince_move(&likelihood->trial, likelihood->state);
                        sigma = ends ? end : sigma + length;
                }
                if ((!accepted && h < 0x1p-50 * way) || (sigma < end && attempts >= MAX_ATTEMPTS)) {
                        give_up(stretch, &worst, sigma, answer);
                        return false;
                }
        }
        return true;
}

/* ---- the answer ---- */

/* ln p(x; sigma_max) */
static void log_prior(const struct log_likelihood *likelihood, const struct stretch *stretch, double *restrict log_p)
{
        if (likelihood->settings->prior == LOG_LIKELIHOOD_OWN) {
                score_log_density(likelihood->last, likelihood->state, log_p);
                return;
        }
        const double variance = likelihood->settings->sigma_max * likelihood->settings->sigma_max;
        const double constant = -0.5 * (double)likelihood->score->n_dim * (LN_2_PI + vm_log(variance));
        dot(stretch, likelihood->state, likelihood->state, log_p);
        for (int lane = 0; lane < LANES; lane++)
                log_p[lane] = fma(-0.5 / variance, log_p[lane], constant);
}

/* The mean over integrals, and its standard error. */
static void summarise(const struct log_likelihood *likelihood, struct log_likelihood_answer *answer)
{
        const size_t n = likelihood->n_integrals;
        const double *integral = likelihood->state + likelihood->size;
        for (int lane = 0; lane < LANES; lane++) {
                double sum = 0, square = 0;
                for (size_t j = 0; j < n; j++)
                        sum += integral[j * LANES + (size_t)lane];
                const double mean = sum / (double)n;
                for (size_t j = 0; j < n; j++) {
                        const double apart = integral[j * LANES + (size_t)lane] - mean;
                        square = fma(apart, apart, square);
                }
                answer->log_likelihood[lane] = answer->log_prior[lane] - mean;
                answer->standard_error[lane] = n > 1 ? sqrt(square / ((double)n * (double)(n - 1))) : 0;
        }
}

struct log_likelihood_answer log_likelihood_evaluate(struct log_likelihood *likelihood, struct population *population,
                                                     size_t t)
{
        const bool is_field = population_is_field(population);
        double *x = population_tile(population, t);
        const struct stretch stretch = {.level = likelihood->last,
                                        .seed = likelihood->seed,
                                        .first_particle = (uint64_t)population_first_particle(population, t),
                                        .layout = is_field ? &population->layout : NULL,
                                        .size = likelihood->size,
                                        .n_lanes = is_field ? LANES : population_lanes(population, t)};
        struct log_likelihood_answer answer = {.failed = false};
        memset(likelihood->state, 0, likelihood->trial.size * sizeof *likelihood->state);
        memcpy(likelihood->state, x, likelihood->size * sizeof *x);
        draw_probes(likelihood, &stretch);
        if (!integrate(likelihood, &stretch, &answer))
                return answer;
        memcpy(x, likelihood->state, likelihood->size * sizeof *x);
        log_prior(likelihood, &stretch, answer.log_prior);
        summarise(likelihood, &answer);
        return answer;
}
