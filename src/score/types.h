/* The scores there are. A new one is a new file, a line here and a line in score.c. */
#ifndef SCULPTOR_SCORE_TYPES_H
#define SCULPTOR_SCORE_TYPES_H

#include "sculptor/score.h"

extern const struct score_type score_gaussian;
extern const struct score_type score_gaussian_mixture;
extern const struct score_type score_ring;
extern const struct score_type score_grid;
extern const struct score_type score_moons;
extern const struct score_type score_spiral;
extern const struct score_type score_checkerboard;
extern const struct score_type score_funnel;
extern const struct score_type score_banana;
extern const struct score_type score_double_well;
extern const struct score_type score_gaussian_field;
extern const struct score_type score_lognormal_field;
extern const struct score_type score_posterior;
extern const struct score_type score_network;
extern const struct score_type score_plugin;
extern const struct score_type score_guided;
extern const struct score_type score_guided_field;
extern const struct score_type score_mixed;
extern const struct score_type score_tempered;

#endif
