#include "dormand_prince.h"

#include <string.h>

#include "sculptor/vecmath.h"

const struct dormand_prince_pair dormand_prince = {
        .a = {{0},
              {1.0 / 5},
              {3.0 / 40, 9.0 / 40},
              {44.0 / 45, -56.0 / 15, 32.0 / 9},
              {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
              {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
              {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84}},
        .c = {0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1},
        .e = {71.0 / 57600, 0, -71.0 / 16695, 71.0 / 1920, -17253.0 / 339200, 22.0 / 525, -1.0 / 40},
};

/* sum[lane] = sum_{j < n_terms} weight_j k_j of a row */
static void add_slopes(const struct dormand_prince_trial *trial, size_t row, const double *weight, int n_terms,
                       double *restrict sum)
{
        for (int j = 0; j < n_terms; j++) {
                const double *restrict k = trial->k[j] + row;
                for (size_t lane = 0; lane < LANES; lane++)
                        sum[lane] = fma(weight[j], k[lane], sum[lane]);
        }
}

void dormand_prince_stage(const struct dormand_prince_trial *trial, int stage)
{
        const double *restrict x = trial->x, *restrict h = trial->h;
        double *restrict at = trial->at;
        for (size_t row = 0; row < trial->size; row += LANES) {
                _Alignas(64) double sum[LANES] = {0};
                add_slopes(trial, row, dormand_prince.a[stage], stage, sum);
                for (size_t lane = 0; lane < LANES; lane++)
                        at[row + lane] = fma(h[lane], sum[lane], x[row + lane]);
        }
}

void dormand_prince_add_errors(void *owner, size_t begin, size_t end, double *restrict square)
{
        const struct dormand_prince_trial *trial = owner;
        const double *restrict x = trial->x, *restrict at = trial->at, *restrict h = trial->h;
        for (size_t row = begin; row < end; row += LANES) {
                _Alignas(64) double sum[LANES] = {0};
                add_slopes(trial, row, dormand_prince.e, DORMAND_PRINCE_STAGES, sum);
                for (size_t lane = 0; lane < LANES; lane++) {
                        const double before = fabs(x[row + lane]), after = fabs(at[row + lane]);
                        const double size = before > after ? before : after;
                        const double error = h[lane] * sum[lane] / fma(trial->relative, size, trial->absolute);
                        square[lane] = fma(error, error, square[lane]);
                }
        }
}

void dormand_prince_errors(const struct stretch *stretch, struct dormand_prince_trial *trial, double error[LANES])
{
        _Alignas(64) double square[LANES] = {0};
        stretch_sum(stretch, dormand_prince_add_errors, trial, square);
        for (int lane = 0; lane < LANES; lane++)
                error[lane] = sqrt(square[lane] / (double)stretch->level->score->n_dim);
}

struct dormand_prince_worst dormand_prince_worst_of(const double *error, int n_lanes)
{
        struct dormand_prince_worst worst = {.error = -1};
        for (int lane = 0; lane < n_lanes; lane++) {
                if (!(error[lane] <= worst.error))
                        worst = (struct dormand_prince_worst){.error = error[lane], .lane = lane};
                if (isnan(error[lane]))
                        break;
        }
        return worst;
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

bool dormand_prince_accepts(double error, double length, double *h, double *last, bool *refused)
{
        const double factor = growth(error, *last);
        if (!(error <= 1)) {
                *h = length * (factor < 0.9 ? factor : 0.9);
                *refused = true;
                return false;
        }
        if (length >= *h) {
                *h = length * (*refused && factor > 1 ? 1 : factor);
                *last = error > 1e-4 ? error : 1e-4;
        }
        *refused = false;
        return true;
}

void dormand_prince_move(struct dormand_prince_trial *trial, double *x)
{
        memcpy(x, trial->at, trial->size * sizeof *x);
        double *last = trial->k[DORMAND_PRINCE_STAGES - 1];
        trial->k[DORMAND_PRINCE_STAGES - 1] = trial->k[0];
        trial->k[0] = last;
}
