#include "corrector.h"

static void add_score_squares(void *owner, size_t begin, size_t end, double *sum)
{
        const double *restrict s = owner;
        for (size_t row = begin; row < end; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        sum[lane] = fma(s[row + lane], s[row + lane], sum[lane]);
}

void corrector_measure(const struct stretch *stretch, int64_t step, uint32_t stage, const double *restrict s,
                       double *restrict z, struct corrector_norms *norms)
{
        *norms = (struct corrector_norms){.score = {0}};
        stretch_sum(stretch, add_score_squares, (void *)s, norms->score);
        stretch_noise_square(stretch, step, stage, z, norms->noise);
        for (int lane = 0; lane < LANES; lane++) {
                norms->score[lane] = sqrt(norms->score[lane]);
                norms->noise[lane] = sqrt(norms->noise[lane]);
        }
}

double corrector_step(double r, double noise, double score)
{
        const double ratio = r * noise / score;
        return score == 0 ? 0 : 2 * (ratio * ratio);
}

void corrector_move(const struct stretch *stretch, int64_t step, uint32_t stage, double e, const double *restrict s,
                    double *restrict z)
{
        stretch_affine(stretch, step, stage, &(struct affine){1, e, sqrt(2 * e)}, s, z, stretch->x);
}

void corrector_move_each(const struct stretch *stretch, int64_t step, uint32_t stage, const double *restrict e,
                         const double *restrict s, double *restrict z)
{
        if (stretch->layout) {
                corrector_move(stretch, step, stage, e[0], s, z);
                return;
        }
        double *restrict x = stretch->x;
        _Alignas(64) double noise[LANES];
        for (size_t lane = 0; lane < LANES; lane++)
                noise[lane] = sqrt(2 * e[lane]);
        for (size_t row = 0; row < stretch->size; row += LANES)
                for (size_t lane = 0; lane < LANES; lane++)
                        x[row + lane] = fma(noise[lane], z[row + lane], fma(e[lane], s[row + lane], x[row + lane]));
}
