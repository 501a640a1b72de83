/* Prints what a weights file's network gives at points: network_probe FILE <points
 *
 * A line of the input: sigma, then a particle's coordinates or a field's cells, x fastest. A line of the output: F
 * there, as if it were c_in (y - m), and the score there. */
#include <stdio.h>
#include <stdlib.h>

#include "sculptor/denoiser.h"
#include "sculptor/memory.h"
#include "sculptor/weights.h"

struct probe {
        struct mesh *mesh; /* of fields */
        size_t n_values;   /* of a particle or a field */
        size_t n_at_once;  /* of those in a tile */
        double sigma[LANES], *x, *f, *s;
};

/* Where a value of one of a tile is. */
static size_t place(const struct probe *probe, size_t value, size_t lane)
{
        const struct mesh *mesh = probe->mesh;
        return mesh ? value / mesh->plane_cells * mesh->plane_stride + value % mesh->plane_cells : value * LANES + lane;
}

static bool read_points(struct probe *probe, size_t *n)
{
        for (*n = 0; *n < probe->n_at_once; ++*n) {
                if (scanf("%lf", &probe->sigma[*n]) != 1)
                        return *n > 0;
                for (size_t i = 0; i < probe->n_values; i++)
                        if (scanf("%lf", &probe->x[place(probe, i, *n)]) != 1)
                                return false;
        }
        return true;
}

static void run(struct probe *probe, const struct weights *weights)
{
        const struct network_type *type = weights->network.type.type;
        const struct network_shape shape = {.n_dim = weights->n_dim, .mesh = probe->mesh,
                                            .n_axes = probe->mesh ? probe->mesh->n_axes : 0};
        struct network *network = network_create(type, weights->network.type.settings, &shape);
        network_set(network, weights->theta);
        struct denoiser *denoiser = denoiser_create(network, &weights->normalisation);
        double **tile[] = {&probe->x, &probe->f, &probe->s};
        for (size_t i = 0; i < sizeof tile / sizeof *tile; i++)
                *tile[i] = allocate(network->tile_size, sizeof(double));
        for (size_t lane = 0; lane < LANES; lane++)
                probe->sigma[lane] = 1;
        for (size_t n; read_points(probe, &n);) {
                type->forward(network->model, probe->sigma, probe->x, probe->f);
                denoiser_score(denoiser, probe->sigma, probe->x, probe->s);
                for (size_t lane = 0; lane < n; lane++) {
                        for (size_t i = 0; i < probe->n_values; i++)
                                printf("%.17g ", probe->f[place(probe, i, lane)]);
                        for (size_t i = 0; i < probe->n_values; i++)
                                printf("%.17g ", probe->s[place(probe, i, lane)]);
                        printf("\n");
                }
        }
        denoiser_free(denoiser);
        for (size_t i = 0; i < sizeof tile / sizeof *tile; i++)
                free(*tile[i]);
}

int main(int argc, char **argv)
{
        struct weights *weights;
        const char *why = argc == 2 ? weights_read(argv[1], &weights) : "usage: network_probe FILE <points";
        if (why) {
                fprintf(stderr, "%s\n", why);
                return 2;
        }
        struct probe probe = {.n_values = (size_t)weights->n_dim, .n_at_once = LANES};
        if (weights->n_dim == 0) {
                probe.mesh = mesh_create(&weights->mesh);
                free(mesh_plan(probe.mesh, MESH_ESTIMATE, NULL, false));
                probe.n_values = (size_t)probe.mesh->n_cells;
                probe.n_at_once = 1;
        }
        run(&probe, weights);
        if (probe.mesh)
                mesh_free(probe.mesh);
        weights_free(weights);
        return 0;
}
