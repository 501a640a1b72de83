/* The scores under test, as users write them, and what is known of them exactly.
 *
 * Where a target is a Gaussian mixture its moments follow from components(). Every other one is a map
 * x = place(t) of independent coordinates of mean 0 and variance 1, which straighten() undoes. */
#ifndef SCULPTOR_TESTS_SCORE_CASES_H
#define SCULPTOR_TESTS_SCORE_CASES_H

#include <gsl/gsl_integration.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "score/types.h"
#include "sculptor/memory.h"

struct score_case {
        const char *text;       /* the table `score:` of an input file */
        char *(*write)(void);   /* or what writes it */
        double sigma[3];        /* levels, ended by NAN */
        double correlation;     /* of coordinates i and j: correlation^|i - j| (mixtures: 0) */
        void (*straighten)(int64_t n_dim, const double *x, double *t);
        double (*place)(int64_t n_dim, const double *t, double *x); /* returns ln |dx/dt| */
        double reach, spacing;  /* |t| <= reach holds the mass; spacing resolves it */
};

/* ---- a dense Gaussian: S_ij = s_i s_j r^|i - j|, s_i = 1 + i/n ---- */

#define DENSE_CORRELATION 0.6

static inline char *write_dense(int n)
{
        char *text = allocate((size_t)(n * n) * 32 + 64, 1);
        char *end = text + sprintf(text, "type: gaussian\nmean: -1.5\ncovariance:\n");
        for (int i = 0; i < n; i++)
                for (int j = 0; j < n; j++) {
                        const double s = (1 + (double)i / n) * (1 + (double)j / n) * pow(DENSE_CORRELATION, abs(i - j));
                        end += sprintf(end, "%s%.17g%s", j == 0 ? "- [" : ", ", s, j == n - 1 ? "]\n" : "");
                }
        return text;
}
static inline char *write_dense_2(void)
{
        return write_dense(2);
}

static inline char *write_dense_3(void)
{
        return write_dense(3);
}

static inline char *write_dense_64(void)
{
        return write_dense(64);
}

/* ---- the funnel: t_1 = v/sigma_v, t_i = x_i e^(-v/2) ---- */

#define FUNNEL_SIGMA 0.75

static inline void straighten_funnel(int64_t n_dim, const double *x, double *t)
{
        t[0] = x[0] / FUNNEL_SIGMA;
        for (int64_t i = 1; i < n_dim; i++)
                t[i] = x[i] * exp(-0.5 * x[0]);
}

static inline double place_funnel(int64_t n_dim, const double *t, double *x)
{
        x[0] = FUNNEL_SIGMA * t[0];
        for (int64_t i = 1; i < n_dim; i++)
                x[i] = t[i] * exp(0.5 * x[0]);
        return log(FUNNEL_SIGMA) + 0.5 * (double)(n_dim - 1) * x[0];
}

/* ---- bananas: one pair as the defaults bend it, and every pair as Rosenbrock's ---- */

static inline void straighten_haario(int64_t n_dim, const double *x, double *t)
{
        memcpy(t, x, (size_t)n_dim * sizeof *t);
        t[0] = x[0] / 10;
        t[1] = x[1] + 0.03 * (x[0] * x[0] - 100);
}

static inline double place_haario(int64_t n_dim, const double *t, double *x)
{
        memcpy(x, t, (size_t)n_dim * sizeof *x);
        x[0] = 10 * t[0];
        x[1] = t[1] - 0.03 * (x[0] * x[0] - 100);
        return log(10);
}

static inline void straighten_rosenbrock(int64_t n_dim, const double *x, double *t)
{
        for (int64_t i = 0; i < n_dim; i += 2) {
                t[i] = (x[i] - 1) / 0.5;
                t[i + 1] = (x[i + 1] - x[i] * x[i]) / 0.25;
        }
}

/* ---- the double well, whose t_1 = w/sd(w) has the variance that quadrature gives ---- */

#define WELL_BARRIER 3.0
#define WELL_DISTANCE 2.0
#define WELL_SIGMA 0.5

static inline double well_power(double w, void *power)
{
        const double u = w * w - 1;
        return pow(w, *(double *)power) * exp(-WELL_BARRIER * u * u);
}

/* The integral of w^power exp(-h (w^2 - 1)^2) from 0 to `upper`, by GSL. */
static inline double well_integral(double power, double upper)
{
        double value, error;
        gsl_integration_workspace *work = gsl_integration_workspace_alloc(1000);
        gsl_function integrand = {.function = well_power, .params = &power};
        gsl_integration_qag(&integrand, 0, upper, 0, 1e-12, 1000, GSL_INTEG_GAUSS61, work, &value, &error);
        gsl_integration_workspace_free(work);
        return value;
}

static inline double well_deviation(void)
{
        static double deviation; /* asked for once a particle */
        if (deviation == 0)
                deviation = sqrt(well_integral(2, 4) / well_integral(0, 4));
        return deviation;
}

static inline void straighten_well(int64_t n_dim, const double *x, double *t)
{
        t[0] = x[0] / (WELL_DISTANCE * well_deviation());
        for (int64_t i = 1; i < n_dim; i++)
                t[i] = x[i] / WELL_SIGMA;
}

static inline double place_well(int64_t n_dim, const double *t, double *x)
{
        x[0] = WELL_DISTANCE * well_deviation() * t[0];
        for (int64_t i = 1; i < n_dim; i++)
                x[i] = WELL_SIGMA * t[i];
        return log(WELL_DISTANCE * well_deviation()) + (double)(n_dim - 1) * log(WELL_SIGMA);
}

/* ---- mixtures: each of their kernels, by number of coordinates (1, 2, 3, more) and by what the components'
 * covariances share (all, isotropy, nothing) ---- */

static inline char *write_mixture_64(void)
{
        char *text = allocate(65536, 1), *end = text;
        end += sprintf(end, "type: gaussian_mixture\ncomponents:\n");
        for (int k = 0; k < 3; k++) {
                end += sprintf(end, "- {weight: %d, sigma: %g, mean: [", k + 1, 0.7 + 0.4 * k);
                for (int i = 0; i < 64; i++)
                        end += sprintf(end, "%s%g", i ? ", " : "", 0.5 * sin(1.0 + i + 7 * k));
                end += sprintf(end, "]}\n");
        }
        return text;
}

static const struct score_case score_cases[] = {
        {.text = "type: gaussian\nmean: 0.5\nsigma: 2\n", .sigma = {0, 0.3, 10}},
        {.text = "type: gaussian\nmean: [1, -2]\nsigma: [0.5, 3]\n", .sigma = {0, 1, NAN}},
        {.text = "type: gaussian\nmean: [1, -2]\nsigma: [0, 3]\n", .sigma = {0.2, NAN}},
        {.text = "type: gaussian\nmean: 0\ndimension: 3\nsigma: 1.5\n", .sigma = {0, 1, NAN}},
        {.text = "type: gaussian\nmean: 3\ndimension: 64\nsigma: 0.8\n", .sigma = {0, 2, NAN}},
        {.write = write_dense_2, .sigma = {0, 0.5, 5}, .correlation = DENSE_CORRELATION},
        {.write = write_dense_3, .sigma = {0, 0.5, 5}, .correlation = DENSE_CORRELATION},
        {.write = write_dense_64, .sigma = {0, 0.5, NAN}, .correlation = DENSE_CORRELATION},
        {.text = "type: funnel\nsigma_v: 0.75\ndimension: 2\n", .sigma = {0, NAN},
         .straighten = straighten_funnel, .place = place_funnel, .reach = 10, .spacing = 0.5},
        {.text = "type: funnel\nsigma_v: 0.75\ndimension: 3\n", .sigma = {0, NAN}, .straighten = straighten_funnel},
        {.text = "type: funnel\nsigma_v: 0.75\ndimension: 64\n", .sigma = {0, NAN}, .straighten = straighten_funnel},
        {.text = "type: banana\n", .sigma = {0, NAN},
         .straighten = straighten_haario, .place = place_haario, .reach = 10, .spacing = 0.5},
        {.text = "type: banana\ndimension: 3\n", .sigma = {0, NAN}, .straighten = straighten_haario},
        {.text = "type: banana\ndimension: 64\npairs: 32\nmean: 1\nsigma_1: 0.5\nsigma_2: 0.25\nbend: 1\noffset: 0\n",
         .sigma = {0, NAN}, .straighten = straighten_rosenbrock},
        {.text = "type: double_well\nbarrier: 3\nhalf_distance: 2\nsigma: 0.5\n", .sigma = {0, NAN},
         .straighten = straighten_well, .place = place_well, .reach = 3, .spacing = 0.02},
        {.text = "type: double_well\ndimension: 2\nbarrier: 3\nhalf_distance: 2\nsigma: 0.5\n", .sigma = {0, NAN},
         .straighten = straighten_well, .place = place_well, .reach = 10, .spacing = 0.05},
        {.text = "type: double_well\ndimension: 64\nbarrier: 3\nhalf_distance: 2\nsigma: 0.5\n", .sigma = {0, NAN},
         .straighten = straighten_well},
        {.text = "type: gaussian_mixture\ncomponents:\n- {weight: 3, mean: -1, sigma: 0.5}\n"
                 "- {weight: 1, mean: 2, sigma: 1}\n",
         .sigma = {0, 0.5, 5}},
        {.text = "type: gaussian_mixture\ncomponents:\n- {weight: 4, mean: [5, 5], sigma: 1}\n"
                 "- {weight: 1, mean: [-5, -5], sigma: 1}\n",
         .sigma = {0, 2, 20}},
        {.text = "type: gaussian_mixture\ncomponents:\n- {weight: 1, mean: [1, 0, 2], sigma: [1, 2, 0.5]}\n"
                 "- {weight: 2, mean: [0, 0, 0], sigma: 1}\n",
         .sigma = {0, 1, NAN}},
        {.text = "type: gaussian_mixture\ncomponents:\n- {weight: 1, mean: -1, sigma: 0.5}\n- {mean: 2, sigma: 0.5}\n",
         .sigma = {0, 0.5, NAN}},
        {.text = "type: gaussian_mixture\ncomponents:\n- {mean: [0, 1], sigma: [1, 0.4]}\n- {mean: [2, 1], sigma: "
                 "0.7}\n",
         .sigma = {0, 0.5, NAN}},
        {.text = "type: gaussian_mixture\ncomponents:\n- {mean: [0, 1, 0], sigma: 1}\n- {mean: [2, 1, 1], sigma: "
                 "0.7}\n",
         .sigma = {0, 0.5, NAN}},
        {.text = "type: gaussian_mixture\ncomponents:\n- {mean: [0, 1, 0, 2], sigma: [1, 2, 1, 0.5]}\n"
                 "- {weight: 2, mean: [2, 1, 1, 0], sigma: 0.7}\n",
         .sigma = {0, 0.5, NAN}},
        {.text = "type: grid\ndimension: 3\nside: 4\nspacing: 1\nsigma: 0.5\n", .sigma = {0, 0.5, NAN}},
        {.text = "type: grid\ndimension: 4\nside: 3\nspacing: 1\nsigma: 0.5\n", .sigma = {0, 0.5, NAN}},
        {.write = write_mixture_64, .sigma = {0, 1, NAN}},
        {.text = "type: ring\n", .sigma = {0, 0.1, 2}},
        {.text = "type: grid\n", .sigma = {0, 0.1, 2}},
        {.text = "type: moons\n", .sigma = {0, 0.1, 2}},
        {.text = "type: spiral\n", .sigma = {0, 0.1, 2}},
        {.text = "type: checkerboard\n", .sigma = {0.1, 2, NAN}},
};

#endif
