/* What was observed of a field: y = M B x + n in each cell, read from a file or drawn. */
#ifndef SCULPTOR_SCORE_POSTERIOR_OBSERVATION_H
#define SCULPTOR_SCORE_POSTERIOR_OBSERVATION_H

#include "score/field_prior.h"

struct observation_settings {
        char *file, *data, *mask, *noise, *truth; /* names of data sets; "": none */
        double noise_sigma;                       /* NAN: none */
        double beam_fwhm;
        bool mock;
        int64_t holes;
        double hole_radius;
};

extern const struct param posterior_observation_params[];
void posterior_observation_check(const void *settings, const struct params_scope *scope);

/* Fields of [mesh->size], padding 0. */
struct observation {
        const struct observation_settings *settings;
        uint64_t seed;
        double *data;        /* 0 where masked */
        double *mask;        /* 0 or 1 */
        double *noise_sigma; /* above 0 where the mask is 1, anything elsewhere */
        double *truth;       /* NULL: not known */
        double *beam;        /* b of this rank's modes; NULL: 1 */
};

/* Random numbers of what is observed are those of a particle no population has. */
#define OBSERVATION_PARTICLE (UINT64_C(1) << 39)
enum observation_stage { STAGE_NOISE, STAGE_HOLES, STAGE_DRAW_NOISE, STAGE_DRAW_WHITE }; /* of RNG_DATA */

/* Collective. NULL, or why not; where some ranks have a reason, the others have NULL. load() reads and checks;
 * prepare(), the mesh planned and the prior prepared, makes the beam and the mock data. */
const char *posterior_observation_load(struct observation *observation, const struct mesh *mesh,
                                       const struct score_context *context);
void posterior_observation_prepare(struct observation *observation, const struct field_prior *prior);
void posterior_observation_release(struct observation *observation);

/* z ~ N(0, 1) in each cell, padding 0. */
void posterior_observation_normal(const struct mesh *mesh, const struct rng_stream *stream, uint64_t particle,
                                  double *z);
/* out = B x, which may be x. Collective over the domain. */
void posterior_observation_smooth(const struct observation *observation, const struct mesh *mesh, const double *x,
                                  double *out);

#endif
