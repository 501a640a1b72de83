/* A try of a step in 64 lanes, each with its own time and length. The equations are in adaptive_sde.c. */
#include "adaptive_sde_step.h"

static void look_ahead(struct lanes *lanes)
{
        for (int lane = 0; lane < LANES; lane++) {
                lanes->end[lane] = adaptive_sde_end(lanes->length[lane], lanes->duration[lane], lanes->at[lane]);
                lanes->time[lane] = (double)(lanes->end[lane] - lanes->at[lane]) / (double)BROWNIAN_END *
                                    lanes->duration[lane];
                const struct adaptive_sde_moment ahead = adaptive_sde_moment(lanes->grid, lanes->step[lane],
                                                                             lanes->end[lane]);
                adaptive_sde_set_moment(&lanes->ahead, lane, &ahead);
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
                factors->pull[lane] = -lanes->time[lane] * moments->drift[lane];
                factors->push[lane] = lanes->time[lane] * moments->diffusion_squared[lane] / moments->scale[lane];
                factors->noise[lane] = sqrt(moments->diffusion_squared[lane] * lanes->duration[lane]);
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

void adaptive_sde_try(struct lanes *lanes)
{
        look_ahead(lanes);
        find_brownian(lanes);
        evaluate(lanes, &lanes->here, lanes->array[X], lanes->array[PROPOSAL]);
        propose(lanes);
        evaluate(lanes, &lanes->ahead, lanes->array[PROPOSAL], lanes->array[LEFT]);
        improve(lanes);
        move(lanes);
}
