/* Particles that take steps of their own, 64 at a time: a lane whose particle has arrived takes the next one. Lanes
 * know nothing of each other, so that a particle's bits do not depend on which others are beside it. */
#include <stdlib.h>
#include <string.h>

#include "adaptive_sde.h"
#include "sculptor/memory.h"

/* The same of every lane: struct adaptive_sde_moment. */
struct moments { double sigma[LANES], scale[LANES], drift[LANES], diffusion_squared[LANES]; };

enum { X, PREVIOUS, PROPOSAL, SCORE, BROWNIAN, AHEAD, LEFT, RIGHT, ARRAYS };

struct lanes {
        const struct adaptive_sde *settings;
        const struct ensemble *ensemble;
        const struct time_grid *grid;
        const struct score *score;
        struct adaptive_sde_item *item;
        size_t n, next;                /* items, and the first that waits */
        int n_busy;
        struct adaptive_sde_item *owner[LANES]; /* NULL: the lane goes round with what was left in it */
        int64_t step[LANES];
        uint32_t at[LANES], end[LANES];
        double tries[LANES];           /* in this time step */
        double length[LANES], time[LANES], duration[LANES]; /* to try; of this step; of the time step */
        struct moments here, ahead;
        double error[LANES], factor[LANES];
        size_t size;
        double *array[ARRAYS];
};

static void set_moment(struct moments *moments, int lane, const struct adaptive_sde_moment *moment)
{
        moments->sigma[lane] = moment->sigma;
        moments->scale[lane] = moment->scale;
        moments->drift[lane] = moment->drift;
        moments->diffusion_squared[lane] = moment->diffusion_squared;
}

/* ---- in and out ---- */

static void clear_column(double *row, size_t size, int lane)
{
        for (size_t i = (size_t)lane; i < size; i += LANES)
                row[i] = 0;
}

static void begin_time_step(struct lanes *lanes, int lane)
{
        lanes->at[lane] = 0;
        lanes->tries[lane] = 0;
        lanes->duration[lane] = adaptive_sde_duration(lanes->grid, lanes->step[lane]);
        clear_column(lanes->array[BROWNIAN], lanes->size, lane);
        const struct adaptive_sde_moment here = adaptive_sde_moment(lanes->grid, lanes->step[lane], 0);
        set_moment(&lanes->here, lane, &here);
}

/* The next item that waits, or, to begin with, a copy of the first for a lane that has none. */
static void take_in(struct lanes *lanes, int lane, struct adaptive_sde_item *item)
{
        for (size_t i = 0; i < lanes->size / LANES; i++) {
                lanes->array[X][i * LANES + (size_t)lane] = item->x[i * item->stride];
                lanes->array[PREVIOUS][i * LANES + (size_t)lane] = item->previous[i * item->stride];
        }
        lanes->step[lane] = lanes->ensemble->step_begin;
        lanes->length[lane] = *item->length;
        begin_time_step(lanes, lane);
}

static void take_next(struct lanes *lanes, int lane)
{
        const bool left = lanes->next < lanes->n;
        lanes->owner[lane] = left ? &lanes->item[lanes->next++] : NULL;
        lanes->n_busy += left;
        if (left) {
                take_in(lanes, lane, lanes->owner[lane]);
                return;
        }
        lanes->step[lane] = lanes->ensemble->step_begin; /* any that is inside the grid */
        begin_time_step(lanes, lane);
}

static void put_out(struct lanes *lanes, int lane)
{
        const struct adaptive_sde_item *item = lanes->owner[lane];
        for (size_t i = 0; i < lanes->size / LANES; i++) {
                item->x[i * item->stride] = lanes->array[X][i * LANES + (size_t)lane];
                item->previous[i * item->stride] = lanes->array[PREVIOUS][i * LANES + (size_t)lane];
        }
        *item->length = lanes->length[lane];
        lanes->n_busy--;
}

/* ---- a step ---- */

static void look_ahead(struct lanes *lanes)
{
        for (int lane = 0; lane < LANES; lane++) {
                lanes->end[lane] = adaptive_sde_end(lanes->length[lane], lanes->duration[lane], lanes->at[lane]);
                lanes->time[lane] = (double)(lanes->end[lane] - lanes->at[lane]) / (double)BROWNIAN_END *
                                    lanes->duration[lane];
                const struct adaptive_sde_moment ahead = adaptive_sde_moment(lanes->grid, lanes->step[lane],
                                                                             lanes->end[lane]);
                set_moment(&lanes->ahead, lane, &ahead);
        }
}

static void find_brownian(struct lanes *lanes)
{
        struct brownian_places places = {.seed = lanes->ensemble->sampler->seed};
        for (int lane = 0; lane < LANES; lane++) {
                places.particle[lane] = lanes->owner[lane] ? lanes->owner[lane]->particle : 0;
                places.tree[lane] = (uint32_t)lanes->step[lane];
                places.at[lane] = lanes->owner[lane] ? lanes->end[lane] : 0;
        }
        brownian_lanes(&places, lanes->score->n_dim, lanes->array[LEFT], lanes->array[RIGHT], lanes->array[SCORE],
                       lanes->array[AHEAD]);
}

/* SCORE = s^(x/alpha; sigma); the space is PROPOSAL's or another that is free. */
static void evaluate(struct lanes *lanes, const struct moments *moments, const double *restrict x,
                     double *restrict scaled)
{
        bool scales = false;
        for (int lane = 0; lane < LANES; lane++)
                scales |= moments->scale[lane] != 1;
        if (scales)
                for (size_t row = 0; row < lanes->size; row += LANES)
                        for (size_t lane = 0; lane < LANES; lane++)
                                scaled[row + lane] = x[row + lane] / moments->scale[lane];
        score_eval_each(lanes->score, moments->sigma, scales ? scaled : x, lanes->array[SCORE]);
}

/* Of x + pull x_drift + push s^ + noise dB, each lane's factors: -h f, h g^2/alpha, g sqrt(duration). */
struct factors { double pull[LANES], push[LANES], noise[LANES]; };

static void find_factors(const struct lanes *lanes, const struct moments *moments, struct factors *factors)
{
        for (int lane = 0; lane < LANES; lane++) {
                const double h = lanes->time[lane], g2 = moments->diffusion_squared[lane];
                factors->pull[lane] = -h * moments->drift[lane];
                factors->push[lane] = h * g2 / moments->scale[lane];
                factors->noise[lane] = sqrt(g2 * lanes->duration[lane]);
        }
}

/* x' */
static void propose(struct lanes *lanes)
{
        const double *restrict x = lanes->array[X], *restrict s = lanes->array[SCORE],
                     *restrict b = lanes->array[BROWNIAN], *restrict ahead = lanes->array[AHEAD];
        double *restrict proposal = lanes->array[PROPOSAL];
        struct factors f;
        find_factors(lanes, &lanes->here, &f);
        for (size_t row = 0; row < lanes->size; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++) {
                        const size_t i = row + lane;
                        const double moved = fma(f.push[lane], s[i], fma(f.pull[lane], x[i], x[i]));
                        proposal[i] = fma(f.noise[lane], ahead[i] - b[i], moved);
                }
}

/* x'' takes the place of the score, and its error is found. */
static void improve(struct lanes *lanes)
{
        const double *restrict x = lanes->array[X], *restrict b = lanes->array[BROWNIAN],
                     *restrict ahead = lanes->array[AHEAD], *restrict proposal = lanes->array[PROPOSAL],
                     *restrict previous = lanes->array[PREVIOUS];
        double *restrict s = lanes->array[SCORE];
        const double relative = lanes->settings->relative_tolerance, absolute = lanes->settings->absolute_tolerance;
        const bool largest = lanes->settings->norm == NORM_MAX;
        struct factors f;
        _Alignas(64) double sum[LANES] = {0};
        find_factors(lanes, &lanes->ahead, &f);
        for (size_t row = 0; row < lanes->size; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++) {
                        const size_t i = row + lane;
                        const double moved = fma(f.push[lane], s[i], fma(f.pull[lane], proposal[i], x[i]));
                        const double again = fma(f.noise[lane], ahead[i] - b[i], moved);
                        const double better = 0.5 * (proposal[i] + again);
                        const double a = fabs(proposal[i]), c = fabs(previous[i]);
                        const double scaled = relative * (a > c ? a : c);
                        const double error = (proposal[i] - better) / (scaled > absolute ? scaled : absolute);
                        const double square = error * error;
                        /* NaN stays */
                        sum[lane] = largest ? (square <= sum[lane] ? sum[lane] : square) + 0 * sum[lane]
                                            : sum[lane] + square;
                        s[i] = better;
                }
        const double n = largest ? 1 : (double)lanes->score->n_dim;
        for (int lane = 0; lane < LANES; lane++) {
                lanes->error[lane] = sqrt(sum[lane] / n);
                lanes->factor[lane] = adaptive_sde_factor(lanes->settings, lanes->error[lane]);
        }
        for (int lane = 0; lane < LANES; lane++)
                if (!lanes->owner[lane])
                        lanes->error[lane] = INFINITY;
}

/* ---- what comes of it ---- */

/* A lane takes the state at the step's end where it is accepted. */
static void move(struct lanes *lanes)
{
        double *restrict x = lanes->array[X], *restrict previous = lanes->array[PREVIOUS],
                         *restrict b = lanes->array[BROWNIAN];
        const double *restrict better = lanes->array[SCORE], *restrict proposal = lanes->array[PROPOSAL],
                               *restrict ahead = lanes->array[AHEAD];
        for (size_t row = 0; row < lanes->size; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++) {
                        const bool accepted = lanes->error[lane] <= 1;
                        x[row + lane] = accepted ? better[row + lane] : x[row + lane];
                        previous[row + lane] = accepted ? proposal[row + lane] : previous[row + lane];
                        b[row + lane] = accepted ? ahead[row + lane] : b[row + lane];
                }
}

static void end_time_step(struct lanes *lanes, int lane)
{
        struct adaptive_sde_item *item = lanes->owner[lane];
        *item->load = adaptive_sde_load(*item->load, 2 * lanes->tries[lane]);
        if (++lanes->step[lane] < lanes->ensemble->step_end) {
                begin_time_step(lanes, lane);
                return;
        }
        put_out(lanes, lane);
        take_next(lanes, lane);
}

/* No step is short enough: the particle becomes NaN, and its lane goes on with the next. */
static void give_up(struct lanes *lanes, int lane)
{
        struct adaptive_sde_item *item = lanes->owner[lane];
        item->broken = lanes->step[lane];
        put_out(lanes, lane);
        for (size_t i = 0; i < lanes->size / LANES; i++)
                item->x[i * item->stride] = NAN;
        take_next(lanes, lane);
        if (!lanes->owner[lane])
                clear_column(lanes->array[X], lanes->size, lane); /* what goes round should not be slow */
}

static void judge(struct lanes *lanes, int lane)
{
        struct adaptive_sde_item *item = lanes->owner[lane];
        const uint32_t taken = lanes->end[lane] - lanes->at[lane];
        const bool arrives = lanes->end[lane] == BROWNIAN_END;
        lanes->tries[lane]++;
        lanes->ensemble->tally->evaluations += 2;
        *item->evaluations += 2;
        lanes->length[lane] = adaptive_sde_next(lanes->grid, lanes->length[lane], lanes->time[lane], lanes->error[lane],
                                                lanes->factor[lane], arrives && lanes->time[lane] < lanes->length[lane]);
        if (!(lanes->error[lane] <= 1)) {
                if (taken <= 1)
                        give_up(lanes, lane);
                return;
        }
        lanes->at[lane] = lanes->end[lane];
        const struct adaptive_sde_moment here = {lanes->ahead.sigma[lane], lanes->ahead.scale[lane],
                                                 lanes->ahead.drift[lane], lanes->ahead.diffusion_squared[lane]};
        set_moment(&lanes->here, lane, &here);
        if (arrives)
                end_time_step(lanes, lane);
}

void adaptive_sde_lanes(const struct adaptive_sde *settings, const struct ensemble *ensemble,
                        struct adaptive_sde_item *item, size_t n)
{
        if (n == 0)
                return;
        struct lanes *lanes = allocate(1, sizeof *lanes);
        lanes->settings = settings;
        lanes->ensemble = ensemble;
        lanes->grid = ensemble->sampler->grid;
        lanes->score = ensemble->level->score;
        lanes->item = item;
        lanes->n = n;
        lanes->size = (size_t)lanes->score->n_dim * LANES;
        double *arrays = allocate(ARRAYS * lanes->size, sizeof *arrays);
        for (size_t k = 0; k < ARRAYS; k++)
                lanes->array[k] = arrays + k * lanes->size;
        for (int lane = 0; lane < LANES; lane++) {
                take_next(lanes, lane);
                if (!lanes->owner[lane])
                        take_in(lanes, lane, item);
        }

        while (lanes->n_busy > 0) {
                look_ahead(lanes);
                find_brownian(lanes);
                evaluate(lanes, &lanes->here, lanes->array[X], lanes->array[PROPOSAL]);
                propose(lanes);
                evaluate(lanes, &lanes->ahead, lanes->array[PROPOSAL], lanes->array[LEFT]);
                improve(lanes);
                move(lanes);
                for (int lane = 0; lane < LANES; lane++)
                        if (lanes->owner[lane])
                                judge(lanes, lane);
        }
        free(arrays);
        free(lanes);
}
