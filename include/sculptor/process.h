/* Noising processes: what carries data to noise as t goes from 0 to t_max,
 *
 *     dx = f(t) x dt + g(t) dW,     x_t = alpha(t) (x_0 + sigma(t) n),   n ~ N(0, I).
 *
 * alpha is the scale, sigma the noise-to-signal ratio. With x^ = x/alpha every process is the VE one at noise sigma, so
 * that one score s(x^, sigma) serves all:  grad log p_t(x) = s(x/alpha, sigma)/alpha. sigma grows with t, strictly.
 * [Song et al. 2021, eq. 5, 29-33; Karras et al. 2022, app. B] */
#ifndef SCULPTOR_PROCESS_H
#define SCULPTOR_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "sculptor/params.h"

/* What discretisations of the reverse SDE that were published for one kind ask for. */
enum process_kind {
        PROCESS_OTHER,      /* what is not told is neither */
        PROCESS_EXPLODING,  /* alpha = 1: ve, edm */
        PROCESS_PRESERVING, /* alpha^2 (1 + sigma^2) = 1: vp */
};

struct process_type {
        const char *name, *help;
        enum process_kind kind;
        const struct param *params;
        size_t settings_size;
        void (*check)(const void *settings, const struct params_scope *scope);
        bool unit_prior; /* N(0, I) is where reverse runs are published to start */

        /* All are functions of t in (0, t_max(settings)]; sigma(0) is 0 or, of ve, its least noise. */
        double (*t_max)(const void *settings); /* INFINITY: no end of its own */
        double (*scale)(const void *settings, double t);             /* alpha */
        double (*sigma)(const void *settings, double t);
        double (*time)(const void *settings, double sigma);          /* the inverse of sigma(t) */
        double (*drift)(const void *settings, double t);             /* f: the drift is f x */
        double (*diffusion_squared)(const void *settings, double t); /* g^2 */
        double (*sigma_max)(const void *settings);                   /* sigma(t_max), or INFINITY */
};

struct process { const struct process_type *type; const void *settings; };

bool process_variant(size_t i, struct param_variant *variant);

/* A moment of a process. */
struct time_point { double sigma, scale, time; };

struct time_point process_at_sigma(const struct process *process, double sigma); /* sigma 0: {0, 1, 0} */
struct time_point process_at_time(const struct process *process, double t);

/* Derived from the functions above. */
double process_standard_deviation(const struct time_point *point); /* alpha sigma, of x_t given x_0 */
double process_log_snr(const struct time_point *point);            /* -2 ln sigma */
/* Of the prior a reverse run starts from: 1 for vp and subvp as published, alpha sigma for ve and edm. */
double process_prior_deviation(const struct process *process, const struct time_point *first);

#endif
