#include "fourier.h"

static double variance(double c, const double *parameter)
{
        (void)parameter;
        return c;
}

static double root(double c, const double *parameter)
{
        (void)parameter;
        return sqrt(c);
}

static double inverse_root(double c, const double *parameter)
{
        (void)parameter;
        return c > 0 ? 1 / sqrt(c) : 0;
}

static void apply(const struct stretch *stretch, double (*gain)(double c, const double *parameter), const double *x,
                  double *out)
{
        const struct score_filter filter = {.gain = gain};
        stretch->level->score->type->filter(stretch->level->state, &filter, x, out);
}

void fourier_covariance(const struct stretch *stretch, const double *x, double *out)
{
        apply(stretch, variance, x, out);
}

void fourier_root(const struct stretch *stretch, const double *x, double *out)
{
        apply(stretch, root, x, out);
}

static double has_width(double c, const double *parameter)
{
        (void)parameter;
        return c > 0 ? 1 : 0;
}

void fourier_settle(const struct stretch *stretch, double *x)
{
        if (!(stretch->level->sigma > 0)) /* else all have */
                apply(stretch, has_width, x, x);
}

void fourier_inverse_root(const struct stretch *stretch, const double *x, double *out)
{
        apply(stretch, inverse_root, x, out);
}
