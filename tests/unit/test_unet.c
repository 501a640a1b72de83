/* The U-Net: its derivatives, that it begins as nothing, commutes with translations and means the same on a larger mesh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "network_lab.h"
#include "spectral_fixture.h"

static const double square[] = {16, 16}, oblong[] = {12, 8}, block[] = {8, 16, 8}, odd[] = {7, 5};

/* The lab's weights are a tenth from the first ones, which sums of a thousand terms make much of: these are 0.3 in a sum. */
static struct mesh *open(struct network_lab *lab, const char *text, int n_axes, const double *cells)
{
        struct mesh *mesh = spectral_mesh(n_axes, cells, cells);
        network_lab_open(lab, text, &(struct network_shape){.n_axes = n_axes, .mesh = mesh});
        const struct network_type *type = lab->network->type;
        type->initialise(lab->settings.type.settings, &lab->network->shape, 3, lab->theta);
        double *z = allocate(lab->network->n_parameters, sizeof *z);
        rng_normal_row(&(struct rng_stream){.seed = 8, .purpose = RNG_TEST}, 0, 0, (int64_t)lab->network->n_parameters, z);
        for (size_t t = 0; t < lab->n_tensors; t++) {
                const struct network_tensor *tensor = &lab->tensor[t];
                const double terms = tensor->rank == 1 ? 100 : (double)tensor->size / (double)tensor->shape[0];
                for (size_t i = tensor->offset; i < tensor->offset + tensor->size; i++)
                        lab->theta[i] += (float)(0.3 / sqrt(terms) * z[i]);
        }
        free(z);
        network_set(lab->network, lab->theta);
        return mesh;
}

static void check_derivatives(const char *text, int n_axes, const double *cells)
{
        struct network_lab lab;
        struct mesh *mesh = open(&lab, text, n_axes, cells);
        network_lab_check_gradients(&lab, false);
        network_lab_check_inputs(&lab);
        network_lab_close(&lab);
        mesh_free(mesh);
}

static void test_derivatives_are_those_of_differences(void **state)
{
        (void)state;
        check_derivatives("{type: unet}", 2, square);
        check_derivatives("{type: unet, channels: 5, levels: 1, blocks: 2, embedding: 0}", 2, oblong);
        check_derivatives("{type: unet, channels: 20, levels: 0}", 2, odd);
        check_derivatives("{type: unet, channels: 6, levels: 1}", 3, block);
        check_derivatives("{type: unet, channels: 16, levels: 1, blocks: 2, embedding: 1}", 3, block);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_derivatives_are_those_of_differences),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
