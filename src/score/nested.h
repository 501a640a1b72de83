/* Scores inside scores: conditioning makes another score of plain ones of particles. Composites do not nest in
 * composites, so that the parameters have an end. Local. */
#ifndef SCULPTOR_SCORE_NESTED_H
#define SCULPTOR_SCORE_NESTED_H

#include "sculptor/score.h"

struct nested_settings { struct selection type; };
extern const struct param nested_params[];

int64_t nested_dimension(const struct nested_settings *settings);
/* As score_open(). The dimension is 0, not known, where it would have to be opened first. */
const char *nested_open(struct nested_settings *settings, const struct score_context *context);
struct score *nested_create(const struct nested_settings *settings);
const char *nested_undefined_at(const struct score *score, double sigma); /* as undefined_at of score.h */
double nested_diameter(const struct score *score);

#endif
