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

/* F of first weights is 0 whatever u is; the loss's gradient is not, or nothing would be learned. */
static void test_an_untrained_network_is_nothing(void **state)
{
        (void)state;
        struct network_lab lab;
        struct mesh *mesh = open(&lab, "{type: unet, channels: 16, levels: 2}", 2, square);
        const struct network_type *type = lab.network->type;
        type->initialise(lab.settings.type.settings, &lab.network->shape, 3, lab.theta);
        network_set(lab.network, lab.theta);
        type->forward(lab.network->model, lab.sigma, lab.u, lab.f);
        memset(lab.gradient, 0, lab.network->n_parameters * sizeof(float));
        type->backward(lab.network->model, lab.g, lab.other, lab.gradient);
        double size = 0;
        for (size_t i = 0; i < lab.n; i++)
                assert_true(lab.f[i] == 0 && lab.other[i] == 0);
        for (size_t i = 0; i < lab.network->n_parameters; i++)
                size += pow((double)lab.gradient[i], 2);
        /* of the last layer's 145 weights: sums over 256 cells of N(0, 1) times activations of about 0.6 */
        assert_true(size > 145 * 256 * 0.03);
        network_lab_close(&lab);
        mesh_free(mesh);
}

/* Deviations of the streams stay about 1 in first weights: the variance is 1 + 1/4 a block, and what comes from below adds
 * a half. Seen at F where the last layer is what averages channels: of the order of 1, at any depth and mesh. */
static void test_first_weights_keep_the_size_of_fields(void **state)
{
        (void)state;
        const char *text[] = {"{type: unet}", "{type: unet, levels: 1, blocks: 4}", "{type: unet, levels: 1}"};
        for (int k = 0; k < 3; k++) {
                struct network_lab lab;
                struct mesh *mesh = open(&lab, text[k], k == 2 ? 3 : 2, k == 2 ? block : square);
                const struct network_type *type = lab.network->type;
                type->initialise(lab.settings.type.settings, &lab.network->shape, 3, lab.theta);
                const struct network_tensor *last = &lab.tensor[lab.n_tensors - 2];
                assert_string_equal(last->name, "output.weight");
                const size_t taps = last->size / 16;
                for (size_t i = 0; i < last->size; i++) /* one tap of each channel, with alternating signs */
                        lab.theta[last->offset + i] = i % taps == taps / 2 ? (i / taps % 2 ? -0.25f : 0.25f) : 0;
                network_set(lab.network, lab.theta);
                type->forward(lab.network->model, lab.sigma, lab.u, lab.f);
                const double size = sqrt(network_lab_dot(&lab, lab.f, lab.f) / (double)mesh->n_cells);
                assert_true(size > 0.2 && size < 3);
                network_lab_close(&lab);
                mesh_free(mesh);
        }
}

/* Where cell number `cell` of `large` lies in `mesh`, moved by `shift` cells along each axis and repeated. */
static size_t source_cell(const struct mesh *mesh, const struct mesh *large, int64_t cell, int64_t shift)
{
        int64_t from = 0, stride = 1;
        for (int axis = mesh->n_axes - 1; axis >= 0; axis--) {
                from += (cell % large->n[axis] + shift) % mesh->n[axis] * stride;
                cell /= large->n[axis];
                stride *= mesh->n[axis];
        }
        return spectral_cell(mesh, from);
}

/* F of a field moved and repeated is F moved and repeated, bit by bit: each cell's chains have the same terms in the same
 * order. The larger mesh is given the weights of the smaller, which do not know of meshes. */
static void check_repeated(const char *text, int n_axes, const double *cells, const double *more, int64_t shift)
{
        struct network_lab lab, large;
        struct mesh *mesh = open(&lab, text, n_axes, cells), *larger = open(&large, text, n_axes, more);
        assert_true(lab.network->n_parameters == large.network->n_parameters);
        for (int64_t cell = 0; cell < larger->n_cells; cell++)
                large.u[spectral_cell(larger, cell)] = lab.u[source_cell(mesh, larger, cell, shift)];
        lab.network->type->forward(lab.network->model, lab.sigma, lab.u, lab.f);
        large.network->type->forward(large.network->model, lab.sigma, large.u, large.f);
        double size = 0;
        for (int64_t cell = 0; cell < larger->n_cells; cell++) {
                const double value = lab.f[source_cell(mesh, larger, cell, shift)];
                assert_true(large.f[spectral_cell(larger, cell)] == value);
                size += fabs(value);
        }
        assert_true(size > 0);
        network_lab_close(&lab);
        network_lab_close(&large);
        mesh_free(mesh);
        mesh_free(larger);
}

static void test_it_commutes_with_translations(void **state)
{
        (void)state;
        check_repeated("{type: unet}", 2, square, square, 4);
        check_repeated("{type: unet, channels: 5, levels: 1}", 2, oblong, oblong, 2);
        check_repeated("{type: unet, channels: 6, levels: 1}", 3, block, block, 6);
}

static void test_a_larger_mesh_is_the_same_network(void **state)
{
        (void)state;
        const double more_square[] = {32, 48}, more_block[] = {16, 16, 24};
        check_repeated("{type: unet}", 2, square, more_square, 0);
        check_repeated("{type: unet, channels: 6, levels: 1}", 3, block, more_block, 4);
}

/* Gradients are added, in the same bits whatever was evaluated before; spare cells of results are 0. */
static void test_evaluations_leave_nothing_behind(void **state)
{
        (void)state;
        struct network_lab lab;
        struct mesh *mesh = open(&lab, "{type: unet, channels: 6, levels: 1}", 2, oblong);
        const struct network_type *type = lab.network->type;
        const size_t n = lab.network->n_parameters;
        type->forward(lab.network->model, lab.sigma, lab.u, lab.f);
        type->backward(lab.network->model, lab.g, lab.h, lab.gradient);
        float *first = allocate(n, sizeof *first);
        double *f = allocate(lab.n, sizeof *f), *du = allocate(lab.n, sizeof *du);
        memcpy(first, lab.gradient, n * sizeof *first);
        for (int again = 0; again < 2; again++) {
                const double other_sigma = 3;
                type->forward(lab.network->model, &other_sigma, lab.v, f);
                type->tangent(lab.network->model, lab.u, f);
                type->forward(lab.network->model, lab.sigma, lab.u, f);
                type->tangent(lab.network->model, lab.v, du);
                memset(lab.gradient, 0, n * sizeof *lab.gradient);
                for (int time = 0; time <= again; time++)
                        type->backward(lab.network->model, lab.g, du, lab.gradient);
                for (size_t i = 0; i < n; i++) /* x + x is exact */
                        assert_true(lab.gradient[i] == first[i] * (float)(1 + again));
                for (size_t i = 0; i < lab.n; i++) {
                        assert_true(f[i] == lab.f[i] && du[i] == lab.h[i]);
                        if (i % mesh->plane_stride >= mesh->plane_cells)
                                assert_true(f[i] == 0 && du[i] == 0);
                }
        }
        free(first);
        free(f);
        free(du);
        network_lab_close(&lab);
        mesh_free(mesh);
}

static void expect_unfit(const char *text, int n_axes, const double *cells, const char *why)
{
        struct network_settings settings = {{0}};
        struct input *input = lab_read(text, network_rows, &settings);
        const struct network_type *type = settings.type.type;
        struct mesh *mesh = cells ? spectral_mesh(n_axes, cells, cells) : NULL;
        const struct network_shape shape = {.n_dim = cells ? 0 : 3, .n_axes = n_axes, .mesh = mesh};
        const char *found = type->unfit(settings.type.settings, &shape);
        if (why)
                assert_non_null(found);
        else
                assert_null(found);
        if (why && !strstr(found, why))
                fail_msg("%s", found);
        mesh_free(mesh);
        params_release(network_rows, &settings);
        input_free(input);
}

static void test_meshes_that_cannot_be_halved_are_refused(void **state)
{
        (void)state;
        const double narrow[] = {16, 8}, unequal[] = {32, 30};
        expect_unfit("{type: unet}", 2, square, NULL);
        expect_unfit("{type: unet}", 2, narrow, "4 cells");
        expect_unfit("{type: unet}", 2, unequal, "halved");
        expect_unfit("{type: unet}", 3, block, "4 cells");
        expect_unfit("{type: unet, levels: 1}", 3, block, NULL);
        expect_unfit("{type: unet}", 0, NULL, "fields");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_derivatives_are_those_of_differences),
                cmocka_unit_test(test_an_untrained_network_is_nothing),
                cmocka_unit_test(test_first_weights_keep_the_size_of_fields),
                cmocka_unit_test(test_it_commutes_with_translations),
                cmocka_unit_test(test_a_larger_mesh_is_the_same_network),
                cmocka_unit_test(test_evaluations_leave_nothing_behind),
                cmocka_unit_test(test_meshes_that_cannot_be_halved_are_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
