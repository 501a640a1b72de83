/* A denoiser made of a network: the Gaussian part in closed form, the rest learned [Karras et al. 2022, sec. 5, there
 * with C = sigma_data^2].
 *
 * With the data's mean m and covariance C (sigma_data^2 for particles, of fields diagonal in Fourier space with
 * variance
 * d(k) a mode), at y = x_0 + sigma n:
 *
 *     D(y; sigma) = m + C/(C + sigma^2) (y - m) + c_out F(c_in (y - m); sigma),
 *     s(y; sigma) = (D - y)/sigma^2 = -(C + sigma^2)^-1 (y - m) + (c_out/sigma^2) F,
 *     c_in^2 = 1/(<d> + sigma^2),   c_out^2 = <d sigma^2/(d + sigma^2)>,   <> over modes.
 *
 * So an untrained network (F = 0) is the best linear denoiser, Wiener's. The Gaussian part is in double. */
#ifndef SCULPTOR_DENOISER_H
#define SCULPTOR_DENOISER_H

#include <stddef.h>
#include <stdint.h>

#include "sculptor/network.h"

/* The Gaussian part: how the data are normalised. */
struct normalisation {
        size_t n_mean;      /* n_dim, or 1 for fields */
        double *mean;
        size_t n_variance;  /* 1 for particles: sigma_data^2; of fields d at wavenumber[n_variance], increasing */
        double *variance;   /* > 0 */
        double *wavenumber; /* > 0; NULL for particles. ln d is linear in ln k between nodes, constant beyond; the mean
                               mode has d = zero_variance */
        double zero_variance;
};
void normalisation_release(struct normalisation *normalisation);
struct normalisation normalisation_copy(const struct normalisation *normalisation);
double normalisation_variance_at(const struct normalisation *normalisation, double wavenumber); /* d(k) */

/* What of the denoiser depends on sigma alone. */
struct denoiser_scales { double c_in, c_out; };

struct denoiser;

/* Copies the normalisation; owns the network. Of fields collective over the domain; its mesh is planned. */
struct denoiser *denoiser_create(struct network *network, const struct normalisation *normalisation);
void denoiser_free(struct denoiser *denoiser);
struct network *denoiser_network(struct denoiser *denoiser);

/* Of fields collective over the domain, where sigma is not the last one asked for. */
struct denoiser_scales denoiser_scales(struct denoiser *denoiser, double sigma);
const double *denoiser_mode_variance(
        const struct denoiser *denoiser); /* d of this rank's modes (mesh.h); particles: d[1] */

/* For one tile, sigma > 0 of every lane (of fields sigma[0]); of fields collective over the domain. */

/* s(y; sigma). Runs the network's forward(). */
void denoiser_score(struct denoiser *denoiser, const double *sigma, const double *restrict y, double *restrict s);
/* After denoiser_score() at (sigma, y): (ds/dy) v, and (ds/dy)' v. */
void denoiser_jacobian_vector(struct denoiser *denoiser, const double *sigma, const double *restrict v,
                              double *restrict out);
void denoiser_vector_jacobian(struct denoiser *denoiser, const double *sigma, const double *restrict v,
                              double *restrict out);
/* ln p up to a constant that depends on sigma, where the network has an energy: at y, log_p[LANES]. */
void denoiser_log_density(struct denoiser *denoiser, const double *sigma, const double *restrict y,
                          double *restrict log_p);

/* The pieces, for losses: u = c_in (y - m), and the Gaussian score g = -(C + sigma^2)^-1 (y - m); either may be NULL.
 * */
void denoiser_inputs(struct denoiser *denoiser, const double *sigma, const double *restrict y, double *restrict u,
                     double *restrict g);
/* out = (C + sigma^2)^-1 v. */
void denoiser_precision(struct denoiser *denoiser, const double *sigma, const double *restrict v, double *restrict out);
/* tr (C + sigma^2)^-1 of a lane or field. */
double denoiser_trace(const struct denoiser *denoiser, double sigma);

#endif
