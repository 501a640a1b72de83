#include "sculptor/time_grid.h"

#include <math.h>
#include <stdlib.h>

#include "sculptor/memory.h"
#include "sculptor/vecmath.h"

struct time_grid *time_grid_create(const struct process *process, const double *sigma, size_t n)
{
        struct time_grid *grid = allocate(1, sizeof *grid);
        grid->process = process;
        grid->n = n;
        grid->point = allocate(n, sizeof *grid->point);
        for (size_t i = 0; i < n; i++)
                grid->point[i] = process_at_sigma(process, sigma[i]);
        return grid;
}

void time_grid_free(struct time_grid *grid)
{
        if (!grid)
                return;
        free(grid->point);
        free(grid);
}

void time_grid_reverse(struct time_grid *grid)
{
        for (size_t i = 0; i < grid->n / 2; i++) {
                const struct time_point kept = grid->point[i];
                grid->point[i] = grid->point[grid->n - 1 - i];
                grid->point[grid->n - 1 - i] = kept;
        }
}

static double distance(double a, double b)
{
        if (a == b)
                return 0;
        if (a == 0 || b == 0)
                return 1e6 + (a + b); /* beyond any two logarithms; of several, the least noise is nearest to none */
        return fabs(vm_log(a) - vm_log(b));
}

/* The points lie in order, either way. */
size_t time_grid_nearest(const struct time_grid *grid, double sigma)
{
        const bool falls = grid->point[0].sigma > grid->point[grid->n - 1].sigma;
        size_t low = 0, high = grid->n - 1; /* the nearest is one of the two that are left */
        while (high - low > 1) {
                const size_t middle = low + (high - low) / 2;
                if ((grid->point[middle].sigma > sigma) == falls)
                        low = middle;
                else
                        high = middle;
        }
        return distance(grid->point[high].sigma, sigma) < distance(grid->point[low].sigma, sigma) ? high : low;
}
