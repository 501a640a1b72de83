#include <math.h>
#include <stdlib.h>

#include "score/posterior.h"
#include "sculptor/memory.h"

enum { STAGES = 16 }; /* of a draw's stream; those of its noise are apart by as many */

double *posterior_weight(const struct posterior *posterior, double sigma)
{
        const struct observation *observation = &posterior->observation;
        const struct mesh *mesh = posterior->prior.mesh;
        double *weight = mesh_allocate(mesh);
        for (size_t i = 0; i < mesh->size; i++) {
                const double noise = observation->noise_sigma[i];
                weight[i] = observation->mask[i] > 0 ? 1 / fma(noise, noise, sigma * sigma) : 0;
        }
        return weight;
}

/* A problem solved once: the memory is needed only meanwhile. */
static struct wiener *open_wiener(const struct posterior *posterior, double sigma, double **weight)
{
        *weight = posterior_weight(posterior, sigma);
        const struct wiener_problem problem = {.mesh = posterior->prior.mesh, .variance = posterior->prior.variance,
                                               .added_variance = sigma * sigma,
                                               .beam = posterior->observation.beam, .weight = *weight};
        return wiener_create(&problem);
}

static struct wiener_report mean_of(const struct posterior *posterior, double sigma, const double *data, double *mean)
{
        double *weight;
        struct wiener *wiener = open_wiener(posterior, sigma, &weight);
        const struct wiener_report report = wiener_mean(wiener, data, mean);
        wiener_free(wiener);
        free(weight);
        return report;
}

struct wiener_report posterior_mean(const struct posterior *posterior, double sigma, double *mean)
{
        return mean_of(posterior, sigma, posterior->observation.data, mean);
}

struct wiener_report posterior_variance(const struct posterior *posterior, double sigma, double *variance)
{
        double *weight;
        struct wiener *wiener = open_wiener(posterior, sigma, &weight);
        const struct wiener_report report = wiener_variance(wiener, variance);
        wiener_free(wiener);
        free(weight);
        return report;
}

struct wiener_report posterior_draw(const struct posterior *posterior, double sigma, const struct rng_stream *stream,
                                    uint64_t particle, double *x)
{
        const struct mesh *mesh = posterior->prior.mesh;
        const struct observation *observation = &posterior->observation;
        struct rng_stream noise = *stream;
        double *z = mesh_allocate(mesh), *rest = mesh_allocate(mesh), *correction = mesh_allocate(mesh);

        field_prior_draw(&posterior->prior, stream, particle, x);
        noise.purpose = RNG_DATA;
        if (sigma > 0) {
                noise.stage = stream->stage + STAGES * STAGE_DRAW_WHITE;
                posterior_observation_normal(mesh, &noise, particle, z);
                for (size_t i = 0; i < mesh->size; i++)
                        x[i] = fma(sigma, z[i], x[i]);
        }
        noise.stage = stream->stage + STAGES * STAGE_DRAW_NOISE;
        posterior_observation_normal(mesh, &noise, particle, z);
        posterior_observation_smooth(observation, mesh, x, rest);
        for (size_t i = 0; i < mesh->size; i++) {
                const double n = observation->mask[i] > 0 ? hypot(observation->noise_sigma[i], sigma) : 0;
                rest[i] = observation->data[i] - fma(n, z[i], rest[i]);
        }
        const struct wiener_report report = mean_of(posterior, sigma, rest, correction);
        for (size_t i = 0; i < mesh->size; i++)
                x[i] += correction[i];
        free(z);
        free(rest);
        free(correction);
        return report;
}
