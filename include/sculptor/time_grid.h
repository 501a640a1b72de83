/* The times between which a reverse sampler steps: n points, n - 1 steps, from noise to data (or, where data are turned
 * into noise, the other way). Which of them are levels, with a snapshot each, is the run's affair. */
#ifndef SCULPTOR_TIME_GRID_H
#define SCULPTOR_TIME_GRID_H

#include "sculptor/levels.h"
#include "sculptor/process.h"

struct time_grid {
        const struct process *process; /* outlives the grid */
        size_t n;
        struct time_point *point; /* [n] */
};

struct time_grid *time_grid_create(const struct process *process, const double *sigma, size_t n);
void time_grid_free(struct time_grid *grid);
void time_grid_reverse(struct time_grid *grid); /* data first */

/* The point nearest to sigma, by |ln sigma|; 0 is nearest to 0 only, or else to the least sigma. */
size_t time_grid_nearest(const struct time_grid *grid, double sigma);

#endif
