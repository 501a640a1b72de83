#include "metropolis.h"

#include <stddef.h>

#include "sculptor/vecmath.h"

void metropolis_eval(const struct stretch *stretch, const struct place *place)
{
        const struct score_type *type = stretch->level->score->type;
        if (type->eval_both) {
                type->eval_both(stretch->level->state, place->x, place->score, place->log_p);
                return;
        }
        score_eval(stretch->level, place->x, place->score);
        type->log_density(stretch->level->state, place->x, place->log_p);
}

const struct param metropolis_leapfrog_params[] = {
        {.key = "leapfrog_steps", .kind = PARAM_INTEGER, .offset = offsetof(struct leapfrog_settings, leapfrog_steps),
         .fallback = "10", .range = "[1, 1000000]", .help = "leapfrog steps of size step_size in a trajectory"},
        PARAM_END};

int64_t metropolis_leapfrog_steps(const void *settings)
{
        return ((const struct leapfrog_settings *)settings)->leapfrog_steps;
}

struct kinetic { double sign; const double *p; };

static void add_kinetic(void *owner, size_t begin, size_t end, double *restrict energy)
{
        const struct kinetic *kinetic = owner;
        const double sign = kinetic->sign, *restrict p = kinetic->p;
        for (size_t row = begin; row < end; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        energy[lane] = fma(0.5 * sign * p[row + lane], p[row + lane], energy[lane]);
}

void metropolis_kinetic(const struct stretch *stretch, double sign, const double *p, double *gain)
{
        stretch_sum(stretch, add_kinetic, &(struct kinetic){sign, p}, gain);
}

struct verdict { int64_t move[LANES], broken[LANES]; };

static void judge(const double *restrict log_u, const double *restrict gain, const double *restrict log_here,
                  const double *restrict log_there, struct verdict *restrict verdict)
{
        for (int lane = 0; lane < LANES; lane++) {
                const double log_ratio = (log_there[lane] - log_here[lane]) + gain[lane];
                const int64_t possible = log_there[lane] != -INFINITY;
                const int64_t number = (log_ratio == log_ratio) & (log_there[lane] != INFINITY);
                verdict->broken[lane] = possible & !number;
                verdict->move[lane] = possible & ((log_u[lane] < log_ratio) | !number);
        }
}

static void count(struct tally *tally, const struct verdict *verdict, int n_lanes)
{
        int64_t moves = 0, broken = 0;
        for (int lane = 0; lane < n_lanes; lane++) {
                moves += verdict->move[lane];
                broken += verdict->broken[lane];
        }
        tally->proposed += n_lanes;
        tally->accepted += moves - broken;
        tally->non_finite += broken;
}

static void poison(const struct stretch *stretch, const struct verdict *verdict, double *x)
{
        for (int lane = 0; lane < LANES; lane++)
                if (verdict->broken[lane])
                        for (size_t i = (size_t)lane; i < stretch_size(stretch); i += LANES)
                                x[i] = NAN;
}

static void move(size_t n, const int64_t *restrict chosen, const double *restrict from, double *restrict to)
{
        for (size_t row = 0; row < n; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        to[row + lane] = chosen[lane] ? from[row + lane] : to[row + lane];
}

void metropolis_decide(const struct stretch *stretch, int64_t step, const double *restrict gain,
                       const struct place *here, const struct place *there)
{
        _Alignas(64) double log_u[LANES];
        stretch_uniform(stretch, RNG_ACCEPT, step, log_u);
        for (int lane = 0; lane < LANES; lane++)
                log_u[lane] = vm_log_positive(log_u[lane]);

        struct verdict verdict;
        judge(log_u, gain, here->log_p, there->log_p, &verdict);
        count(stretch->tally, &verdict, stretch->n_counted);
        poison(stretch, &verdict, there->x);

        move(stretch_size(stretch), verdict.move, there->x, here->x);
        move(stretch_size(stretch), verdict.move, there->score, here->score);
        move(LANES, verdict.move, there->log_p, here->log_p);
}
