/* Dormand & Prince's embedded Runge-Kutta pair of orders 5 and 4, seven stages of which the last is the
 * next step's first; a PI controller chooses the inner steps [Dormand & Prince 1980; Gustafsson 1991;
 * Hairer, Norsett & Wanner 1993, II.4-5, IV.2].
 *
 * A tile takes its inner steps together: the error is the worst of its real particles, so a particle's
 * bits depend on its tile, which no rank count changes. Whatever the controller remembers is in the
 * population's memory. An inner step that is cut short to end at the step's flow time tells it nothing. */
#include <string.h>

#include "flow.h"
#include "sculptor/vecmath.h"

enum { STAGES = 7, MAX_ATTEMPTS = 1000000 };

/* Row i: x + h sum_j A[i][j] k_j is where stage i is evaluated; the last row is the solution of order 5. */
static const double A[STAGES][STAGES - 1] = {
        {0},
        {1.0 / 5},
        {3.0 / 40, 9.0 / 40},
        {44.0 / 45, -56.0 / 15, 32.0 / 9},
        {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
        {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
        {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84},
};

/* The solution of order 5 less that of order 4. */
static const double E[STAGES] = {71.0 / 57600, 0, -71.0 / 16695, 71.0 / 1920, -17253.0 / 339200, 22.0 / 525, -1.0 / 40};

struct integrator {
        const struct stretch *stretch;
        double relative, absolute;
        double *k[STAGES];
        double *at; /* where the newest stage was evaluated */
};

struct error { double norm; int lane; };

/* at = x + h sum_{j < n_terms} weight_j k_j */
static void combine(struct integrator *integrator, double h, const double *weight, int n_terms)
{
        const size_t n = stretch_size(integrator->stretch);
        const double *restrict x = integrator->stretch->x;
        double *restrict at = integrator->at;

        for (size_t row = 0; row < n; row += LANES) {
                _Alignas(64) double sum[LANES] = {0};
                for (int j = 0; j < n_terms; j++) {
                        const double *restrict k = integrator->k[j] + row;
                        for (size_t lane = 0; lane < LANES; lane++)
                                sum[lane] = fma(weight[j], k[lane], sum[lane]);
                }
                for (size_t lane = 0; lane < LANES; lane++)
                        at[row + lane] = fma(h, sum[lane], x[row + lane]);
        }
}

struct trial {
        const struct integrator *integrator;
        double h;
};

/* (error / tolerance)^2 */
static void add_square_errors(void *owner, size_t begin, size_t end, double *restrict square)
{
        const struct trial *trial = owner;
        const struct integrator *integrator = trial->integrator;
        const double h = trial->h;
        const double *restrict x = integrator->stretch->x, *restrict at = integrator->at;

        for (size_t row = begin; row < end; row += LANES) {
                _Alignas(64) double sum[LANES] = {0};
                for (int j = 0; j < STAGES; j++) {
                        const double *restrict k = integrator->k[j] + row;
                        for (size_t lane = 0; lane < LANES; lane++)
                                sum[lane] = fma(E[j], k[lane], sum[lane]);
                }
                for (size_t lane = 0; lane < LANES; lane++) {
                        const double before = fabs(x[row + lane]), after = fabs(at[row + lane]);
                        const double size = before > after ? before : after;
                        const double error = h * sum[lane] / fma(integrator->relative, size, integrator->absolute);
                        square[lane] = fma(error, error, square[lane]);
                }
        }
}

/* The largest root mean square over coordinates [Hairer et al., II.4.11] of the real particles. */
static struct error worst_error(const struct integrator *integrator, double h)
{
        _Alignas(64) double square[LANES] = {0};
        stretch_sum(integrator->stretch, add_square_errors, &(struct trial){integrator, h}, square);
        struct error worst = {.norm = -1};
        for (int lane = 0; lane < integrator->stretch->n_lanes; lane++) {
                if (!(square[lane] <= worst.norm))
                        worst = (struct error){.norm = square[lane], .lane = lane};
                if (isnan(square[lane]))
                        break;
        }
        worst.norm = sqrt(worst.norm / (double)integrator->stretch->level->score->n_dim);
        return worst;
}

/* One inner step of h from x, its solution in `at`. */
static struct error attempt(struct integrator *integrator, double h)
{
        for (int i = 1; i < STAGES; i++) {
                combine(integrator, h, A[i], i);
                score_eval(integrator->stretch->level, integrator->at, integrator->k[i]);
        }
        stretch_count(integrator->stretch, STAGES - 1);
        return worst_error(integrator, h);
}

static void accept(struct integrator *integrator)
{
        memcpy(integrator->stretch->x, integrator->at, stretch_size(integrator->stretch) * sizeof(double));
        double *last = integrator->k[STAGES - 1];
        integrator->k[STAGES - 1] = integrator->k[0];
        integrator->k[0] = last;
}

static double power(double x, double exponent)
{
        return vm_exp(exponent * vm_log(x));
}

/* By what to multiply the step size: 0.9 error^-0.17 last^0.04, within [0.2, 10]. */
static double growth(double error, double last)
{
        if (!isfinite(error))
                return 0.2;
        double factor = 0.9 * power(error > 1e-10 ? error : 1e-10, -0.17) * power(last, 0.04);
        return factor < 0.2 ? 0.2 : factor > 10 ? 10 : factor;
}

/* No inner step is short enough: the particle that asks for it becomes NaN, to be found. */
static void give_up(const struct integrator *integrator, int lane)
{
        for (size_t i = (size_t)lane; i < stretch_size(integrator->stretch); i += LANES)
                integrator->stretch->x[i] = NAN;
}

/* Over a flow time; false where it gave up. */
static bool flow(struct integrator *integrator, double time)
{
        double *h = &integrator->stretch->memory[0], *last_error = &integrator->stretch->memory[1];
        if (!(*h > 0)) {
                *h = time;
                *last_error = 1e-4;
        }
        bool refused = false;
        double left = time;
        for (int attempts = 0; left > 0; attempts++) {
                const bool ends = 1.01 * *h >= left;
                const double step = ends ? left : *h;
                const struct error error = attempt(integrator, step);
                double factor = growth(error.norm, *last_error);
                if (!(error.norm <= 1)) {
                        *h = step * (factor < 0.9 ? factor : 0.9);
                        refused = true;
                        if (*h < 0x1p-50 * time || attempts >= MAX_ATTEMPTS) {
                                give_up(integrator, error.lane);
                                return false;
                        }
                        continue;
                }
                accept(integrator);
                left = ends ? 0 : left - step;
                if (step >= *h) {
                        *h = step * (refused && factor > 1 ? 1 : factor);
                        *last_error = error.norm > 1e-4 ? error.norm : 1e-4;
                }
                refused = false;
        }
        return true;
}

void dormand_prince_advance(const struct stretch *stretch, double relative_tolerance, double absolute_tolerance)
{
        struct integrator integrator = {.stretch = stretch, .relative = relative_tolerance,
                                        .absolute = absolute_tolerance, .at = stretch_work(stretch, STAGES)};
        for (size_t i = 0; i < STAGES; i++)
                integrator.k[i] = stretch_work(stretch, i);

        score_eval(stretch->level, stretch->x, integrator.k[0]);
        stretch_count(stretch, stretch->step_begin == 0);
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                const bool arrived = flow(&integrator, stretch->step_size);
                if (stretch_broken(stretch, step) || !arrived)
                        return;
        }
}
