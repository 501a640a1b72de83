/* At 1, 2, 3 and 4 ranks: a spectral network has the same bits on one rank and on the slabs of all ranks. Prints "ok
 * NAME" or "FAIL NAME" lines from rank 0. */
#include <stdint.h>
#include <stdio.h>

#include "../unit/spectral_fixture.h"
#include "sculptor/error.h"
#include "sculptor/memory.h"
#include "sculptor/network.h"
#include "sculptor/parallel.h"
#include "sculptor/rng.h"

static int n_failed;

static void claim(const char *name, bool ok)
{
        ok = parallel_all(ok);
        n_failed += !ok;
        if (parallel_rank() == 0)
                printf("%s %s\n", ok ? "ok" : "FAIL", name);
}

/* F, J v, J' g, and the energy, at fields of cells' numbers. */
struct answers { double *field[3], energy[LANES]; };

static double *numbers(const struct mesh *mesh, uint32_t what)
{
        const struct rng_stream stream = {.seed = 5, .purpose = RNG_TEST, .step = what};
        double *field = allocate(mesh->size + 1, sizeof *field);
        for (size_t p = 0; p < mesh->n_planes_here; p++)
                rng_normal_row(&stream, 0, (mesh->plane_begin + (int64_t)p) * (int64_t)mesh->plane_cells,
                               (int64_t)mesh->plane_cells, field + p * mesh->plane_stride);
        return field;
}

static void ask(const struct network_settings *settings, const struct mesh *mesh, struct answers *answers)
{
        const struct network_type *type = settings->type.type;
        const struct network_shape shape = {.n_axes = mesh->n_axes, .mesh = mesh};
        struct network *network = network_create(type, settings->type.settings, &shape);
        float *theta = allocate(network->n_parameters, sizeof *theta);
        type->initialise(settings->type.settings, &shape, 3, theta);
        for (size_t i = 0; i < network->n_parameters; i++)
                theta[i] += 0.01f * (float)(i % 7); /* amplitudes are 0 at first */
        network_set(network, theta);
        double *u = numbers(mesh, 0), *v = numbers(mesh, 1);
        for (int i = 0; i < 3; i++)
                answers->field[i] = allocate(mesh->size + 1, sizeof(double));
        type->forward(network->model, (const double[]){0.4}, u, answers->field[0]);
        if (type->has_energy(settings->type.settings))
                type->energy(network->model, answers->energy);
        type->tangent(network->model, v, answers->field[1]);
        type->backward(network->model, u, answers->field[2], NULL);
        free(u);
        free(v);
        free(theta);
        network_free(network);
}

/* Rank by rank alone, then together: this rank's planes of what each had alone. */
static void same_bits(const char *name, const char *text, int n_axes, const double *cells, const double *box)
{
        struct network_settings settings = {{0}};
        struct input *input = input_parse("test", text, strlen(text), NULL, 0);
        input_read(input, network_rows, &settings);
        struct answers whole = {.energy = {0}}, slab = {.energy = {0}};
        parallel_split(1);
        struct mesh *all = spectral_mesh(n_axes, cells, box);
        ask(&settings, all, &whole);
        parallel_split(parallel_size());
        struct mesh *part = spectral_mesh(n_axes, cells, box);
        ask(&settings, part, &slab);
        bool ok = memcmp(whole.energy, slab.energy, sizeof whole.energy) == 0, zero = true;
        for (int f = 0; f < 3; f++) {
                ok = ok && memcmp(slab.field[f], whole.field[f] + (size_t)part->plane_begin * part->plane_stride,
                                  part->size * sizeof(double)) == 0;
                for (size_t i = 0; i < all->size; i++)
                        zero = zero && whole.field[f][i] == 0;
                free(whole.field[f]);
                free(slab.field[f]);
        }
        claim(name, ok && !zero);
        mesh_free(all);
        mesh_free(part);
        params_release(network_rows, &settings);
        input_free(input);
}

int main(int argc, char **argv)
{
        parallel_begin(&argc, &argv);
        same_bits("spectral_network_in_2_dimensions", "{type: spectral, activation: tanh}", 2, (const double[]){66, 14},
                  (const double[]){66, 14});
        same_bits("spectral_network_in_3_dimensions", "{type: spectral, channels: 3, hidden: 6}", 3,
                  (const double[]){10, 6, 9}, (const double[]){10, 6, 9});
        same_bits("spectral_network_with_fewer_planes_than_ranks", "{type: spectral, activation: tanh, channels: 2}", 2,
                  (const double[]){12, 3}, (const double[]){12, 3});
        leave_all(n_failed > 0 ? 1 : 0);
}
