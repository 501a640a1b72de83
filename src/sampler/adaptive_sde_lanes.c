/* Particles that take steps of their own, 64 at a time: a lane whose particle has arrived takes the next one. Lanes
 * know nothing of each other, so that a particle's bits do not depend on which others are beside it. */
#include <stdlib.h>
#include <string.h>

#include "adaptive_sde_step.h"
#include "sculptor/memory.h"

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
        adaptive_sde_set_moment(&lanes->here, lane, &here);
}

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

/* ---- what comes of it ---- */

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

/* No step is short enough, or there are too many: the particle becomes NaN, and its lane goes on with the next. */
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

/* From the end of a step that was accepted. */
static void go_on(struct lanes *lanes, int lane, bool arrives)
{
        lanes->at[lane] = lanes->end[lane];
        const struct adaptive_sde_moment here = {lanes->ahead.sigma[lane], lanes->ahead.scale[lane],
                                                 lanes->ahead.drift[lane], lanes->ahead.diffusion_squared[lane]};
        adaptive_sde_set_moment(&lanes->here, lane, &here);
        if (arrives)
                end_time_step(lanes, lane);
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
                                                lanes->factor[lane],
                                                arrives && lanes->time[lane] < lanes->length[lane]);
        const bool accepted = lanes->error[lane] <= 1;
        if (adaptive_sde_hopeless(accepted, arrives, taken, lanes->tries[lane]))
                give_up(lanes, lane);
        else if (accepted)
                go_on(lanes, lane, arrives);
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
                adaptive_sde_try(lanes);
                for (int lane = 0; lane < LANES; lane++)
                        if (lanes->owner[lane])
                                judge(lanes, lane);
        }
        free(arrays);
        free(lanes);
}
