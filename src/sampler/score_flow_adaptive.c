/* The score flow by Dormand & Prince's pair (dormand_prince.h).
 *
 * A tile takes its inner steps together: the error is the worst of its real particles, so a particle's
 * bits depend on its tile, which no rank count changes. Whatever the controller remembers is in the
 * population's memory. An inner step that is cut short to end at the step's flow time tells it nothing. */
#include "flow.h"

enum { MAX_ATTEMPTS = 1000000 };

/* One inner step of h from x. */
static struct dormand_prince_worst attempt(const struct stretch *stretch, struct dormand_prince_trial *trial, double h)
{
        for (int lane = 0; lane < LANES; lane++)
                trial->h[lane] = h;
        for (int i = 1; i < DORMAND_PRINCE_STAGES; i++) {
                dormand_prince_stage(trial, i);
                score_eval(stretch->level, trial->at, trial->k[i]);
        }
        stretch_count(stretch, DORMAND_PRINCE_STAGES - 1);
        _Alignas(64) double error[LANES];
        dormand_prince_errors(stretch, trial, error);
        return dormand_prince_worst_of(error, stretch->n_lanes);
}

/* No inner step is short enough: the particle that asks for it becomes NaN, to be found. */
static void give_up(const struct stretch *stretch, int lane)
{
        for (size_t i = (size_t)lane; i < stretch_size(stretch); i += LANES)
                stretch->x[i] = NAN;
}

/* Over a flow time; false where it gave up. */
static bool flow(const struct stretch *stretch, struct dormand_prince_trial *trial, double time)
{
        double *h = &stretch->memory[0], *last_error = &stretch->memory[1];
        if (!(*h > 0)) {
                *h = time;
                *last_error = 1e-4;
        }
        bool refused = false;
        double left = time;
        for (int attempts = 0; left > 0; attempts++) {
                const bool ends = 1.01 * *h >= left;
                const double step = ends ? left : *h;
                const struct dormand_prince_worst worst = attempt(stretch, trial, step);
                const bool accepted = dormand_prince_accepts(worst.error, step, h, last_error, &refused);
                if (accepted) {
                        dormand_prince_move(trial, stretch->x);
                        left = ends ? 0 : left - step;
                }
                if ((!accepted && *h < 0x1p-50 * time) || (left > 0 && attempts >= MAX_ATTEMPTS)) {
                        give_up(stretch, worst.lane);
                        return false;
                }
        }
        return true;
}

void score_flow_adaptive_advance(const struct stretch *stretch, double relative_tolerance, double absolute_tolerance)
{
        struct dormand_prince_trial trial = {.size = stretch_size(stretch), .x = stretch->x,
                                             .at = stretch_work(stretch, DORMAND_PRINCE_STAGES),
                                             .relative = relative_tolerance, .absolute = absolute_tolerance};
        for (size_t i = 0; i < DORMAND_PRINCE_STAGES; i++)
                trial.k[i] = stretch_work(stretch, i);

        score_eval(stretch->level, stretch->x, trial.k[0]);
        stretch_count(stretch, stretch->step_begin == 0);
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                const bool arrived = flow(stretch, &trial, stretch->step_size);
                if (stretch_broken(stretch, step) || !arrived)
                        return;
        }
}
