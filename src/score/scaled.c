/* Scores of x = scale (x_0 + sigma n), by the change of variables of score.h, and scores at a noise for each lane. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/memory.h"
#include "sculptor/score.h"
#include "sculptor/vecmath.h"

/* x^ = x/scale, or x itself. */
static const double *unscaled(const struct score_level *level, const double *restrict x)
{
        if (level->scale == 1)
                return x;
        for (size_t i = 0; i < level->size; i++)
                level->scaled[i] = x[i] / level->scale;
        return level->scaled;
}

static void divide(double *restrict values, size_t n, double by)
{
        if (by == 1)
                return;
        for (size_t i = 0; i < n; i++)
                values[i] /= by;
}

void score_eval_scaled(const struct score_level *level, const double *restrict x, double *restrict s)
{
        level->score->type->eval(level->state, unscaled(level, x), s);
        divide(s, level->size, level->scale);
}

void score_log_density(const struct score_level *level, const double *restrict x, double *restrict log_p)
{
        level->score->type->log_density(level->state, unscaled(level, x), log_p);
        if (level->scale == 1)
                return;
        const double volume = (double)level->score->n_dim * vm_log(level->scale);
        for (int lane = 0; lane < LANES; lane++)
                log_p[lane] -= volume;
}

static void sum_diagonal(const struct score_level *level, const double *restrict x, double *restrict div)
{
        const size_t n = (size_t)level->score->n_dim;
        double *j = allocate(n * n * LANES, sizeof *j);
        level->score->type->jacobian(level->state, x, j);
        memset(div, 0, LANES * sizeof *div);
        for (size_t i = 0; i < n; i++)
                for (size_t lane = 0; lane < LANES; lane++)
                        div[lane] += j[(i * n + i) * LANES + lane];
        free(j);
}

void score_divergence(const struct score_level *level, const double *restrict x, double *restrict div)
{
        const double *at = unscaled(level, x);
        if (level->score->type->divergence)
                level->score->type->divergence(level->state, at, div);
        else
                sum_diagonal(level, at, div);
        divide(div, LANES, level->scale * level->scale);
}

void score_jacobian(const struct score_level *level, const double *restrict x, double *restrict j)
{
        const size_t n = (size_t)level->score->n_dim;
        level->score->type->jacobian(level->state, unscaled(level, x), j);
        divide(j, n * n * LANES, level->scale * level->scale);
}

/* out_i = sum_j J_ij v_j, j upwards */
static void multiply(const struct score_level *level, const double *restrict x, const double *restrict v,
                     double *restrict out)
{
        const size_t n = (size_t)level->score->n_dim;
        double *j = allocate(n * n * LANES, sizeof *j);
        level->score->type->jacobian(level->state, x, j);
        memset(out, 0, n * LANES * sizeof *out);
        for (size_t row = 0; row < n; row++)
                for (size_t column = 0; column < n; column++)
                        for (size_t lane = 0; lane < LANES; lane++)
                                out[row * LANES + lane] = fma(j[(row * n + column) * LANES + lane],
                                                              v[column * LANES + lane], out[row * LANES + lane]);
        free(j);
}

void score_jacobian_vector(const struct score_level *level, const double *restrict x, const double *restrict v,
                           double *restrict out)
{
        const double *at = unscaled(level, x);
        if (level->score->type->jacobian_vector)
                level->score->type->jacobian_vector(level->state, at, v, out);
        else
                multiply(level, at, v, out);
        divide(out, level->size, level->scale * level->scale);
}

void score_responsibilities(const struct score_level *level, const double *restrict x, double *restrict r)
{
        level->score->type->responsibilities(level->state, unscaled(level, x), r);
}

/* ---- a noise for each lane ---- */

static void take_lanes(const double *restrict from, const double *restrict sigma, double wanted, size_t n,
                       double *restrict to)
{
        for (size_t row = 0; row < n; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        if (sigma[lane] == wanted)
                                to[row + lane] = from[row + lane];
}

void score_eval_each(const struct score *score, const double *restrict sigma, const double *restrict x,
                     double *restrict s)
{
        if (score->type->eval_each) {
                score->type->eval_each(score->model, sigma, x, s);
                return;
        }
        const size_t n = score_tile_size(score);
        double *one = allocate(n, sizeof *one);
        for (size_t lane = 0; lane < LANES; lane++) {
                bool seen = false;
                for (size_t before = 0; before < lane && !seen; before++)
                        seen = sigma[before] == sigma[lane];
                if (seen)
                        continue;
                struct score_level *level = score_level_create(score, sigma[lane]);
                score_eval(level, x, one);
                take_lanes(one, sigma, sigma[lane], n, s);
                score_level_free(level);
        }
        free(one);
}
