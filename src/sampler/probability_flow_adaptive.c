/* The probability flow dx^/dsigma = -sigma s(x^; sigma) = u by Dormand & Prince's pair (dormand_prince.h), in inner
 * steps between the points of the grid.
 *
 * Either a tile takes its inner steps together, the error being the worst of its real particles; or every particle has
 * a sigma and a step of its own, and its bits do not depend on its neighbours: those that have arrived wait, neither
 * evaluated for nor counted. A field is one particle, with one control. What the controllers remember is in the
 * population's memory, so that steps go on at their length in the next step of the grid.
 *
 * u(x^, 0) = 0 without an evaluation: exact wherever the clean score is finite, and where it is not, an error the
 * controller sees. The slope at the beginning of a step of the grid is evaluated again (x^ has been rounded to x and
 * back, and a run may be cut there): 1 + 6 n evaluations for n inner steps, 2 fewer where the last ends at 0. */
#include "probability_flow.h"

#include <string.h>

enum { STAGES = DORMAND_PRINCE_STAGES, MAX_ATTEMPTS = 1000000 };

/* On the way from a point of the grid to the next. Where each particle flies for itself, lanes from n_lanes on, the
 * spare ones, never do; where a tile flies together they come along, and their error is not looked at. */
struct flight {
        const struct stretch *stretch;
        struct dormand_prince_trial trial;
        bool each;
        double begin, end;             /* sigma */
        double *h, *last_error;        /* [LANES] of the memory */
        double sigma[LANES], next[LANES], length[LANES]; /* where it is, where the inner step ends, its |h| */
        bool flying[LANES], refused[LANES];
};

/* k = u of each flying lane at its own sigma. A lane without an evaluation to make lends its place. */
static void slopes_of_each(struct flight *flight, const double *sigma, const double *restrict x, double *restrict k)
{
        const struct stretch *stretch = flight->stretch;
        bool asks[LANES] = {false};
        double at[LANES], some = 0;
        for (int lane = LANES - 1; lane >= 0; lane--) {
                asks[lane] = flight->flying[lane] && sigma[lane] > 0;
                some = asks[lane] ? sigma[lane] : some;
        }
        for (int lane = 0; lane < LANES; lane++)
                at[lane] = asks[lane] ? sigma[lane] : some;
        if (some > 0)
                score_eval_each(stretch->level->score, at, x, k);
        for (int lane = 0; lane < LANES; lane++)
                if (asks[lane])
                        stretch_count_lane(stretch, lane, 1);
        for (size_t row = 0; row < stretch->size; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        k[row + lane] = asks[lane] ? -at[lane] * k[row + lane] : 0;
}

/* k = u of the whole tile; `level` may be NULL, to be made for the moment: other tiles do not come here. */
static void slopes_of_all(const struct stretch *stretch, double sigma, const struct score_level *level,
                          const double *restrict x, double *restrict k)
{
        if (sigma == 0) {
                memset(k, 0, stretch->size * sizeof *k);
                return;
        }
        struct score_level *own = level ? NULL : score_level_create(stretch->level->score, sigma);
        score_eval(level ? level : own, x, k);
        score_level_free(own);
        stretch_count(stretch, 1);
        for (size_t i = 0; i < stretch->size; i++)
                k[i] *= -sigma;
}

static void first_slopes(struct flight *flight)
{
        const struct stretch *stretch = flight->stretch;
        if (flight->each) {
                slopes_of_each(flight, flight->sigma, stretch->x, flight->trial.k[0]);
                return;
        }
        const double sigma = flight->begin;
        const struct score_level *level = sigma > 0 ? level_cache_get(stretch->levels, sigma, 1) : NULL;
        slopes_of_all(stretch, sigma, level, stretch->x, flight->trial.k[0]);
}

static void later_slopes(struct flight *flight, int stage)
{
        double sigma[LANES];
        for (int lane = 0; lane < LANES; lane++)
                sigma[lane] = dormand_prince.c[stage] == 1
                                      ? flight->next[lane]
                                      : fma(dormand_prince.c[stage], flight->trial.h[lane], flight->sigma[lane]);
        if (flight->each)
                slopes_of_each(flight, sigma, flight->trial.at, flight->trial.k[stage]);
        else
                slopes_of_all(flight->stretch, sigma[0], NULL, flight->trial.at, flight->trial.k[stage]);
}

/* The inner step of every lane that flies. */
static bool choose_steps(struct flight *flight)
{
        bool any = false;
        for (int lane = 0; lane < LANES; lane++) {
                const double left = fabs(flight->end - flight->sigma[lane]), h = flight->h[lane];
                const bool ends = 1.01 * h >= left;
                flight->length[lane] = !flight->flying[lane] ? 0 : ends ? left : h;
                flight->trial.h[lane] = flight->end < flight->begin ? -flight->length[lane] : flight->length[lane];
                flight->next[lane] = ends ? flight->end : flight->sigma[lane] + flight->trial.h[lane];
                any = any || flight->flying[lane];
        }
        return any;
}

/* Whether the lane's step of this error stands; *lost where no step is short enough. */
static bool judge(struct flight *flight, int lane, double error, bool *lost)
{
        if (dormand_prince_accepts(error, flight->length[lane], &flight->h[lane], &flight->last_error[lane],
                                   &flight->refused[lane])) {
                flight->sigma[lane] = flight->next[lane];
                flight->flying[lane] = flight->sigma[lane] != flight->end;
                return true;
        }
        *lost = flight->h[lane] < 0x1p-50 * fabs(flight->end - flight->begin);
        return false;
}

/* The particle becomes NaN, to be found. */
static void give_up(const struct flight *flight, int lane)
{
        for (size_t i = (size_t)lane; i < flight->stretch->size; i += LANES)
                flight->stretch->x[i] = NAN;
}

/* x and the first slope of lanes that move. */
static void move_each(struct flight *flight, const bool *moves)
{
        double *restrict x = flight->stretch->x, *restrict first = flight->trial.k[0];
        const double *restrict at = flight->trial.at, *restrict last = flight->trial.k[STAGES - 1];
        for (size_t row = 0; row < flight->stretch->size; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++) {
                        x[row + lane] = moves[lane] ? at[row + lane] : x[row + lane];
                        first[row + lane] = moves[lane] ? last[row + lane] : first[row + lane];
                }
}

static bool judge_each(struct flight *flight, const double *error)
{
        bool moves[LANES] = {false}, lost = false;
        for (int lane = 0; lane < flight->stretch->n_lanes && !lost; lane++)
                if (flight->flying[lane]) {
                        moves[lane] = judge(flight, lane, error[lane], &lost);
                        if (lost)
                                give_up(flight, lane);
                }
        move_each(flight, moves);
        return !lost;
}

/* Lane 0's controller is everyone's. */
static bool judge_all(struct flight *flight, const double *error)
{
        const struct dormand_prince_worst worst = dormand_prince_worst_of(error, flight->stretch->n_lanes);
        bool lost = false;
        if (judge(flight, 0, worst.error, &lost))
                dormand_prince_move(&flight->trial, flight->stretch->x);
        else if (lost)
                give_up(flight, worst.lane);
        for (int lane = 1; lane < LANES; lane++) {
                flight->h[lane] = flight->h[0];
                flight->last_error[lane] = flight->last_error[0];
                flight->sigma[lane] = flight->sigma[0];
                flight->flying[lane] = flight->flying[0];
        }
        return !lost;
}

static void take_off(struct flight *flight, const struct time_point *a, const struct time_point *b)
{
        const struct stretch *stretch = flight->stretch;
        flight->begin = a->sigma;
        flight->end = b->sigma;
        for (int lane = 0; lane < LANES; lane++) {
                flight->sigma[lane] = a->sigma;
                flight->flying[lane] = !flight->each || lane < stretch->n_lanes;
                flight->refused[lane] = false;
                if (!(flight->h[lane] > 0) && flight->flying[lane]) {
                        flight->h[lane] = fabs(flight->end - flight->begin);
                        flight->last_error[lane] = 1e-4;
                }
        }
}

/* From a to b; false where it gave up. */
static bool fly(struct flight *flight, const struct time_point *a, const struct time_point *b)
{
        take_off(flight, a, b);
        first_slopes(flight);
        for (int64_t attempts = 0; choose_steps(flight); attempts++) {
                for (int stage = 1; stage < STAGES; stage++) {
                        dormand_prince_stage(&flight->trial, stage);
                        later_slopes(flight, stage);
                }
                _Alignas(64) double error[LANES];
                dormand_prince_errors(flight->stretch, &flight->trial, error);
                if (!(flight->each ? judge_each(flight, error) : judge_all(flight, error)))
                        return false;
                if (attempts >= MAX_ATTEMPTS) {
                        int lane = 0;
                        while (!flight->flying[lane] && lane < LANES - 1)
                                lane++;
                        give_up(flight, lane);
                        return false;
                }
        }
        return true;
}

/* Spare lanes hold the last particle again. */
static void pad(const struct stretch *stretch)
{
        for (size_t row = 0; row < stretch->size; row += LANES)
                for (int lane = stretch->n_lanes; lane < LANES; lane++)
                        stretch->x[row + (size_t)lane] = stretch->x[row + (size_t)stretch->n_lanes - 1];
}

void probability_flow_adaptive_advance(const struct stretch *stretch, double relative_tolerance,
                                       double absolute_tolerance, bool each)
{
        struct flight flight = {.stretch = stretch, .each = each && !stretch->layout,
                                .h = stretch->memory, .last_error = stretch->memory + LANES,
                                .trial = {.size = stretch->size, .x = stretch->x,
                                          .at = stretch_work(stretch, STAGES),
                                          .relative = relative_tolerance, .absolute = absolute_tolerance}};
        for (size_t i = 0; i < STAGES; i++)
                flight.trial.k[i] = stretch_work(stretch, i);
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                const struct time_point *a = diffusion_from(stretch, step), *b = diffusion_to(stretch, step);
                diffusion_unscale(stretch, a, stretch->x);
                const bool arrived = fly(&flight, a, b);
                if (flight.each)
                        pad(stretch);
                diffusion_rescale(stretch, b, stretch->x);
                if (stretch_broken(stretch, step) || !arrived)
                        return;
        }
}
