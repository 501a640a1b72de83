/* The spectral network: its derivatives, its energy, its bound, and that it means the same on a larger mesh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "network_lab.h"
#include "spectral_fixture.h"

static void check_derivatives(const char *text, int n_axes, const double *cells, const double *box, bool energy)
{
        struct network_lab lab;
        struct mesh *mesh = spectral_mesh(n_axes, cells, box);
        network_lab_open(&lab, text, &(struct network_shape){.n_axes = n_axes, .mesh = mesh});
        network_lab_check_gradients(&lab, false);
        network_lab_check_inputs(&lab);
        network_lab_check_gradients(&lab, true);
        if (energy)
                network_lab_check_energy(&lab);
        network_lab_close(&lab);
        mesh_free(mesh);
}

/* The oblong has more rows of 64 cells than sums over cells take at a time. */
static const double square[] = {16, 16}, oblong[] = {9, 70}, block[] = {10, 6, 7};
static const double of_square[] = {16, 16}, of_oblong[] = {9, 84}, of_block[] = {30, 18, 14};

static void test_derivatives_are_those_of_differences(void **state)
{
        (void)state;
        check_derivatives("{type: spectral}", 2, square, of_square, false);
        check_derivatives("{type: spectral, channels: 3, hidden: 7, bins: 5, embedding: 0, largest_scale: 16}", 2,
                          oblong, of_oblong, false);
        check_derivatives("{type: spectral, channels: 5, hidden: 9, largest_scale: 20}", 3, block, of_block, false);
}

static void test_tanh_has_an_energy(void **state)
{
        (void)state;
        check_derivatives("{type: spectral, activation: tanh}", 2, oblong, of_oblong, true);
        check_derivatives("{type: spectral, activation: tanh, channels: 4, hidden: 10, bins: 6}", 3, block, of_block,
                          true);
        struct network_settings settings = {{0}};
        struct input *input = lab_read("{type: spectral}", network_rows, &settings);
        const struct network_type *type = settings.type.type;
        assert_false(type->has_energy(settings.type.settings)); /* SiLU's integral is a dilogarithm */
        params_release(network_rows, &settings);
        input_free(input);
}

/* The energy is what it says: E(1 u) - E(0) is the integral of F(s u) . u, here by Simpson's rule, whose error falls 16
 * times where steps are halved. */
static void test_the_energy_is_the_integral_of_f(void **state)
{
        (void)state;
        struct network_lab lab;
        struct mesh *mesh = spectral_mesh(2, square, of_square);
        const struct network_shape shape = {.n_axes = 2, .mesh = mesh};
        network_lab_open(&lab, "{type: spectral, activation: tanh}", &shape);
        const struct network_type *type = lab.network->type;
        enum { STEPS = 32 };
        double along[STEPS + 1], energy[2][LANES];
        for (int i = 0; i <= STEPS; i++) {
                for (size_t j = 0; j < lab.n; j++)
                        lab.v[j] = lab.u[j] * i / STEPS;
                type->forward(lab.network->model, lab.sigma, lab.v, lab.f);
                along[i] = network_lab_dot(&lab, lab.f, lab.u);
                if (i == 0 || i == STEPS)
                        type->energy(lab.network->model, energy[i > 0]);
        }
        double integral[2] = {0}; /* of all steps, and of every other */
        for (int r = 0; r < 2; r++)
                for (int i = 0; i <= STEPS; i += 1 << r)
                        integral[r] += along[i] *
                                       (i == 0 || i == STEPS ? 1
                                        : i >> r & 1         ? 4
                                                             : 2) *
                                       (1 << r) / (3. * STEPS);
        const double difference = energy[1][0] - energy[0][0], error = fabs(integral[0] - integral[1]);
        /* rounding: 1e-6 of each cell's terms, at random */
        assert_true(fabs(difference - integral[0]) <= error + 1e-5 * fabs(difference));
        assert_true(error < 1e-3 * fabs(difference) && fabs(difference) > 1);
        network_lab_close(&lab);
        mesh_free(mesh);
}

/* One channel and one unit, tanh, b = 0: the Jacobian at u = 0 multiplies a wave by a (W G)^2, to the roundings of a
 * few floats. Nodes that rise by 1 each make G the place of |k| between nodes, which is known in closed form. */
static void check_filter(int n_axes, const double *cells, const double *box)
{
        const double largest = 12, bins = 7;
        struct network_lab lab;
        struct mesh *mesh = spectral_mesh(n_axes, cells, box);
        network_lab_open(&lab,
                         "{type: spectral, activation: tanh, channels: 1, hidden: 1, bins: 7, embedding: 0, "
                         "largest_scale: 12}",
                         &(struct network_shape){.n_axes = n_axes, .mesh = mesh});
        memset(lab.theta, 0, lab.network->n_parameters * sizeof(float));
        for (size_t node = 0; node < (size_t)bins; node++)
                lab.theta[2 * node] = 1 + (float)node; /* of the first feature, 1 */
        lab.theta[lab.tensor[1].offset] = 0.5f;
        lab.theta[lab.tensor[3].offset] = 3;
        network_set(lab.network, lab.theta);
        const double cell = pow(mesh->cell_volume, 1.0 / n_axes), pi = acos(-1);
        const double first = log(2 * pi / largest), last = log(pi * sqrt(n_axes));
        memset(lab.u, 0, lab.n * sizeof(double));
        memset(lab.v, 0, lab.n * sizeof(double));
        lab.network->type->forward(lab.network->model, lab.sigma, lab.u, lab.f);
        for (int wave = 0; wave < 12; wave++) {
                double k_squared = 0, step[3] = {0};
                for (int axis = 0; axis < n_axes; axis++) {
                        const double turns = (double)(wave * (axis + 1) % (mesh->n[axis] / 2 + 1));
                        step[axis] = 2 * pi * turns / (double)mesh->n[axis];
                        k_squared += pow(2 * pi * turns / mesh->length[axis], 2);
                }
                for (int64_t i = 0; i < mesh->n_cells; i++) {
                        double phase = 0.3;
                        int64_t rest = i;
                        for (int axis = n_axes - 1; axis >= 0; axis--) {
                                phase += step[axis] * (double)(rest % mesh->n[axis]);
                                rest /= mesh->n[axis];
                        }
                        lab.v[spectral_cell(mesh, i)] = cos(phase);
                }
                const double at = k_squared > 0 ? (log(sqrt(k_squared) * cell) - first) / (last - first) * (bins - 1)
                                                : 0;
                const double filter = 1 + fmin(fmax(at, 0), bins - 1);
                lab.network->type->tangent(lab.network->model, lab.v, lab.f);
                const double gain = network_lab_dot(&lab, lab.f, lab.v) / network_lab_dot(&lab, lab.v, lab.v);
                assert_true(fabs(gain - 0.75 * filter * filter) <= 1e-6 * gain);
        }
        network_lab_close(&lab);
        mesh_free(mesh);
}

static void test_filters_are_linear_in_ln_k_between_nodes(void **state)
{
        (void)state;
        check_filter(2, square, of_square);
        check_filter(2, oblong, of_oblong);
        check_filter(3, block, of_block);
}

/* Without a field every cell has the same energy, and spare cells have none. */
static void test_only_cells_have_energy(void **state)
{
        (void)state;
        double of_cell[2];
        for (int k = 0; k < 2; k++) {
                struct network_lab lab;
                struct mesh *mesh = k == 0 ? spectral_mesh(2, square, of_square) : spectral_mesh(2, oblong, of_oblong);
                double energy[LANES];
                const struct network_shape shape = {.n_axes = 2, .mesh = mesh};
                network_lab_open(&lab, "{type: spectral, activation: tanh}", &shape);
                memset(lab.u, 0, lab.n * sizeof(double));
                lab.network->type->forward(lab.network->model, lab.sigma, lab.u, lab.f);
                lab.network->type->energy(lab.network->model, energy);
                of_cell[k] = energy[0] / (double)mesh->n_cells;
                network_lab_close(&lab);
                mesh_free(mesh);
        }
        assert_true(fabs(of_cell[0] - of_cell[1]) <= 1e-12 * fabs(of_cell[0]) && fabs(of_cell[0]) > 1e-3);
}

/* v . (J g) = g . (J v), and J' g is J g, to roundings of float, which are independent from cell to cell. */
static void test_the_jacobian_is_symmetric(void **state)
{
        (void)state;
        const char *text[] = {"{type: spectral}", "{type: spectral, activation: tanh, channels: 3}"};
        for (int k = 0; k < 2; k++) {
                struct network_lab lab;
                struct mesh *mesh = k == 0 ? spectral_mesh(2, oblong, of_oblong) : spectral_mesh(3, block, of_block);
                network_lab_open(&lab, text[k], &(struct network_shape){.n_axes = mesh->n_axes, .mesh = mesh});
                const struct network_type *type = lab.network->type;
                memset(lab.gradient, 0, lab.network->n_parameters * sizeof(float));
                type->forward(lab.network->model, lab.sigma, lab.u, lab.f);
                type->tangent(lab.network->model, lab.v, lab.other);
                type->tangent(lab.network->model, lab.g, lab.h);
                double scale = 0;
                for (size_t i = 0; i < lab.n; i++)
                        scale += pow(lab.g[i] * lab.other[i], 2) + pow(lab.v[i] * lab.h[i], 2);
                const double one = network_lab_dot(&lab, lab.g, lab.other), two = network_lab_dot(&lab, lab.v, lab.h);
                assert_true(fabs(one - two) <= 3e-6 * sqrt(scale) && fabs(one) > 1e-3 * sqrt(scale));
                type->backward(lab.network->model, lab.g, lab.f, lab.gradient); /* the other way through */
                double off = 0, size = 0;
                for (size_t i = 0; i < lab.n; i++) {
                        off += pow(lab.f[i] - lab.h[i], 2);
                        size += pow(lab.h[i], 2);
                }
                assert_true(off <= pow(1e-6, 2) * size);
                network_lab_close(&lab);
                mesh_free(mesh);
        }
}

/* A field repeated along the axes gets its F repeated: in Fourier space both have the same modes and no other. */
static void check_tiling(int n_axes, const double *cells, const double *box)
{
        double more_cells[3], more_box[3];
        for (int i = 0; i < n_axes; i++) {
                more_cells[i] = cells[i] * (i + 2 - i / 2);
                more_box[i] = box[i] * (i + 2 - i / 2);
        }
        struct network_lab lab, tiled;
        struct mesh *mesh = spectral_mesh(n_axes, cells, box), *large = spectral_mesh(n_axes, more_cells, more_box);
        const char *text = "{type: spectral, largest_scale: 12}";
        network_lab_open(&lab, text, &(struct network_shape){.n_axes = n_axes, .mesh = mesh});
        network_lab_open(&tiled, text, &(struct network_shape){.n_axes = n_axes, .mesh = large});
        lab.network->type->forward(lab.network->model, lab.sigma, lab.u, lab.f);
        double size = 0, off = 0;
        for (int back = 0; back < 2; back++) {
                for (int64_t cell = 0; cell < large->n_cells; cell++) {
                        int64_t rest = cell, from = 0, stride = 1;
                        for (int axis = n_axes - 1; axis >= 0; axis--) {
                                from += rest % large->n[axis] % mesh->n[axis] * stride;
                                rest /= large->n[axis];
                                stride *= mesh->n[axis];
                        }
                        const double at = back ? lab.f[spectral_cell(mesh, from)] : lab.u[spectral_cell(mesh, from)];
                        if (back) {
                                off = fmax(off, fabs(tiled.f[spectral_cell(large, cell)] - at));
                                size = fmax(size, fabs(at));
                        } else {
                                tiled.u[spectral_cell(large, cell)] = at;
                        }
                }
                if (!back)
                        tiled.network->type->forward(tiled.network->model, tiled.sigma, tiled.u, tiled.f);
        }
        assert_true(off <= 2e-6 * size); /* a few roundings of floats: of h, z, phi, t */
        network_lab_close(&lab);
        network_lab_close(&tiled);
        mesh_free(mesh);
        mesh_free(large);
}

static void test_a_larger_mesh_of_equal_cells_is_the_same_network(void **state)
{
        (void)state;
        check_tiling(2, square, of_square);
        check_tiling(2, oblong, of_oblong);
        check_tiling(3, block, of_block);
}

/* |J v| <= bound |v| along J's strongest direction, found by the power method; and a network of one filter, the same at
 * every k, with zero u, whose every cell has the same slope, reaches it. */
static void test_the_lipschitz_bound_holds_and_is_reached(void **state)
{
        (void)state;
        struct network_lab lab;
        struct mesh *mesh = spectral_mesh(2, square, of_square);
        for (int k = 0; k < 2; k++) {
                network_lab_open(&lab,
                                 k == 0 ? "{type: spectral}"
                                        : "{type: spectral, activation: tanh, channels: 1, hidden: 1}",
                                 &(struct network_shape){.n_axes = 2, .mesh = mesh});
                const struct network_type *type = lab.network->type;
                if (k == 1) { /* tanh'(0) is the largest: no shift, no field; filters' first feature only, all of 0.8 */
                        const size_t features = (size_t)lab.tensor[0].shape[2];
                        memset(lab.theta, 0, lab.network->n_parameters * sizeof(float));
                        for (size_t i = 0; i < lab.tensor[0].size; i += features)
                                lab.theta[i] = 0.8f;
                        lab.theta[lab.tensor[1].offset] = 1.5f;
                        lab.theta[lab.tensor[3].offset] = -0.7f;
                        network_set(lab.network, lab.theta);
                        memset(lab.u, 0, lab.n * sizeof(double));
                }
                const double bound = type->lipschitz(lab.network->model, lab.sigma[0]);
                type->forward(lab.network->model, lab.sigma, lab.u, lab.f);
                double stretch = 0;
                for (int i = 0; i < 30; i++) {
                        type->tangent(lab.network->model, lab.v, lab.other);
                        const double size = sqrt(network_lab_dot(&lab, lab.other, lab.other));
                        stretch = size / sqrt(network_lab_dot(&lab, lab.v, lab.v));
                        for (size_t j = 0; j < lab.n; j++)
                                lab.v[j] = lab.other[j] / size;
                }
                assert_true(stretch <= bound * (1 + 1e-5) && stretch > (k == 0 ? 0.01 : 1 - 1e-5) * bound);
                if (k == 1)
                        assert_true(fabs(bound - 0.8 * 0.8 * 1.5 * 1.5 * 0.7) < 1e-6);
                network_lab_close(&lab);
        }
        mesh_free(mesh);
}

/* The bound asked for between forward() and backward() leaves what these share; and gradients are added. */
static void test_gradients_are_added_and_do_not_depend_on_what_was_asked_between(void **state)
{
        (void)state;
        struct network_lab lab;
        struct mesh *mesh = spectral_mesh(2, oblong, of_oblong);
        network_lab_open(&lab, "{type: spectral}", &(struct network_shape){.n_axes = 2, .mesh = mesh});
        const struct network_type *type = lab.network->type;
        const size_t n = lab.network->n_parameters;
        float *once = allocate(n, sizeof *once), *twice = allocate(n, sizeof *twice);
        type->forward(lab.network->model, lab.sigma, lab.u, lab.f);
        type->backward(lab.network->model, lab.g, NULL, once); /* the first: modes of t were not kept */
        type->forward(lab.network->model, lab.sigma, lab.u, lab.f);
        type->lipschitz(lab.network->model, 3);
        type->tangent(lab.network->model, lab.v, lab.other);
        type->backward(lab.network->model, lab.h, lab.other, NULL);
        for (int i = 0; i < 2; i++)
                type->backward(lab.network->model, lab.g, lab.other, twice);
        double off = 0, size = 0;
        for (size_t i = 0; i < n; i++) {
                assert_true(once[i] + once[i] == twice[i]);
                off += once[i] == 0;
                size += fabs((double)once[i]);
        }
        assert_true(size > 0 && off < 0.5 * (double)n);
        free(once);
        free(twice);
        network_lab_close(&lab);
        mesh_free(mesh);
}

/* The first weights: F = 0 whatever the seed, and other weights of another seed. */
static void test_an_untrained_network_is_zero(void **state)
{
        (void)state;
        struct network_lab lab;
        struct mesh *mesh = spectral_mesh(2, square, of_square);
        network_lab_open(&lab, "{type: spectral}", &(struct network_shape){.n_axes = 2, .mesh = mesh});
        const struct network_type *type = lab.network->type;
        type->initialise(lab.network->settings, &lab.network->shape, 1, lab.moved);
        type->initialise(lab.network->settings, &lab.network->shape, 2, lab.theta);
        assert_true(lab.moved[0] != lab.theta[0]);
        network_set(lab.network, lab.theta);
        type->forward(lab.network->model, lab.sigma, lab.u, lab.f);
        for (size_t i = 0; i < lab.n; i++)
                assert_true(lab.f[i] == 0);
        network_lab_close(&lab);
        mesh_free(mesh);
}

static void test_wrong_settings_are_told(void **state)
{
        (void)state;
        struct network_settings settings = {{0}};
        lab_assert_refused("{type: spectral, channels: 65}", network_rows, &settings, "channels", "[1, 64]");
        lab_assert_refused("{type: spectral, bins: 1}", network_rows, &settings, "bins", "[2, 256]");
        lab_assert_refused("{type: spectral, activation: relu}", network_rows, &settings, "activation", "silu");
        struct input *input = lab_read("{type: spectral}", network_rows, &settings);
        const struct network_type *type = settings.type.type;
        assert_non_null(type->unfit(settings.type.settings, &(struct network_shape){.n_dim = 2}));
        assert_null(type->unfit(settings.type.settings, &(struct network_shape){.n_axes = 3}));
        params_release(network_rows, &settings);
        input_free(input);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_derivatives_are_those_of_differences),
                cmocka_unit_test(test_tanh_has_an_energy),
                cmocka_unit_test(test_the_energy_is_the_integral_of_f),
                cmocka_unit_test(test_filters_are_linear_in_ln_k_between_nodes),
                cmocka_unit_test(test_only_cells_have_energy),
                cmocka_unit_test(test_the_jacobian_is_symmetric),
                cmocka_unit_test(test_a_larger_mesh_of_equal_cells_is_the_same_network),
                cmocka_unit_test(test_the_lipschitz_bound_holds_and_is_reached),
                cmocka_unit_test(test_gradients_are_added_and_do_not_depend_on_what_was_asked_between),
                cmocka_unit_test(test_an_untrained_network_is_zero),
                cmocka_unit_test(test_wrong_settings_are_told),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
