/* Noise rates beta(t), t in [0, 1], of the processes that shrink the data as they add noise (vp and subvp). What
 * matters of one is its integral B(t) = int_0^t beta, since abar = e^-B. A new one is a new file, a line here and a
 * line in rates.c. */
#ifndef SCULPTOR_SCHEDULE_RATES_H
#define SCULPTOR_SCHEDULE_RATES_H

#include "functions.h"
#include "sculptor/params.h"

struct noise_rate {
        const char *name, *help;
        const struct param *params;
        size_t settings_size;
        void (*check)(const void *settings, const struct params_scope *scope);
        double (*beta)(const void *settings, double t);
        double (*integral)(const void *settings, double t);  /* B, strictly growing */
        double (*time)(const void *settings, double integral); /* its inverse */
};

extern const struct noise_rate rate_linear;
extern const struct noise_rate rate_cosine;

/* The settings of vp and subvp, their row, and what the two share: f = -beta/2, alpha = e^(-B/2), t_max = 1. */
struct rate_settings { struct selection rate; };
extern const struct param rates_params[];

double rates_beta(const void *settings, double t);
double rates_integral(const void *settings, double t);
double rates_time(const void *settings, double integral);
double rates_t_max(const void *settings);
double rates_scale(const void *settings, double t);
double rates_drift(const void *settings, double t);

#endif
