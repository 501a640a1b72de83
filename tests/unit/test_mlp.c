/* Networks of particles: their derivatives, bits, and bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel_bits.h"
#include "network_lab.h"

static void check_derivatives(const char *text, int64_t n_dim, bool tangents, bool energy)
{
        struct network_lab lab;
        network_lab_open(&lab, text, &(struct network_shape){.n_dim = n_dim});
        network_lab_check_gradients(&lab, false);
        network_lab_check_inputs(&lab);
        if (tangents)
                network_lab_check_gradients(&lab, true);
        if (energy)
                network_lab_check_energy(&lab);
        network_lab_close(&lab);
}

static void test_derivatives_are_those_of_differences(void **state)
{
        (void)state;
        check_derivatives("{type: mlp, width: 32, layers: 2}", 2, true, false);
        check_derivatives("{type: mlp, width: 37, layers: 1, embedding: 0, activation: tanh}", 3, true, false);
        check_derivatives("{type: mlp, width: 16, layers: 3, embedding: 7}", 64, true, false);
}

static void test_the_gradient_of_bounded_layers_is_exact(void **state)
{
        (void)state;
        check_derivatives("{type: mlp, width: 24, layers: 2, spectral_norm: 0.8}", 2, true, false);
}

static void test_an_energy_has_a_symmetric_jacobian(void **state)
{
        (void)state;
        check_derivatives("{type: energy, width: 32, layers: 2}", 2, false, true);
        check_derivatives("{type: energy, width: 19, layers: 1, activation: tanh}", 5, false, true);

        struct network_lab lab;
        network_lab_open(&lab, "{type: energy, width: 32, layers: 2}", &(struct network_shape){.n_dim = 4});
        double grain;
        network_lab_value(&lab, lab.u, false, &grain);
        double *along = allocate(lab.n, sizeof *along), *across = allocate(lab.n, sizeof *across);
        lab.network->type->tangent(lab.network->model, lab.v, along);
        lab.network->type->tangent(lab.network->model, lab.g, across);
        double scale = 0;
        for (size_t i = 0; i < lab.n; i++)
                scale += pow(lab.g[i] * along[i], 2);
        assert_true(fabs(network_lab_dot(&lab, lab.g, along) - network_lab_dot(&lab, lab.v, across)) <=
                    1e-5 * sqrt(scale));
        free(along);
        free(across);
        network_lab_close(&lab);
}

/* What a lane gets is a function of that lane's input alone, wherever the lane is. */
static void test_a_particle_has_the_same_bits_in_any_lane(void **state)
{
        (void)state;
        struct network_lab lab;
        network_lab_open(&lab, "{type: mlp, width: 48, layers: 2}", &(struct network_shape){.n_dim = 3});
        const struct network_type *type = lab.network->type;
        type->forward(lab.network->model, lab.sigma, lab.u, lab.f);
        double *turned = allocate(lab.n, sizeof *turned), sigma[LANES];
        for (size_t lane = 0; lane < LANES; lane++) {
                const size_t to = (lane + 11) % LANES;
                sigma[to] = lane % 2 ? lab.sigma[lane] : 1; /* every other neighbour is another */
                for (size_t c = 0; c < 3; c++)
                        turned[c * LANES + to] = lane % 2 ? lab.u[c * LANES + lane] : 0.3;
        }
        type->forward(lab.network->model, sigma, turned, lab.other);
        for (size_t lane = 1; lane < LANES; lane += 2)
                for (size_t c = 0; c < 3; c++)
                        assert_memory_equal(&lab.f[c * LANES + lane], &lab.other[c * LANES + (lane + 11) % LANES],
                                            sizeof(double));
        free(turned);
        network_lab_close(&lab);
}

/* |F(u) - F(u')| <= bound |u - u'|, near and far; and the bound is that of the layers' norms. */
static void test_the_lipschitz_bound_holds(void **state)
{
        (void)state;
        struct network_lab lab;
        network_lab_open(&lab, "{type: mlp, width: 40, layers: 2, spectral_norm: 0.9}",
                &(struct network_shape){.n_dim = 2});
        const struct network_type *type = lab.network->type;
        const double bound = type->lipschitz(lab.network->model, 1);
        assert_true(bound <= pow(0.9 * (1 + 0x1p-17), 3) * pow(1.0998393194, 2) && bound > 0.01);
        double worst = 0;
        for (int k = 0; k < 200; k++) {
                double *u = allocate(lab.n, sizeof *u);
                network_lab_fill(&lab, (uint32_t)(100 + k), lab.v);
                for (size_t i = 0; i < lab.n; i++)
                        u[i] = lab.u[i] + lab.v[i] * (k % 2 ? 1e-2 : 2);
                type->forward(lab.network->model, lab.sigma, lab.u, lab.f);
                type->forward(lab.network->model, lab.sigma, u, lab.other);
                for (size_t lane = 0; lane < LANES; lane++) {
                        const double df = hypot(lab.f[lane] - lab.other[lane], lab.f[64 + lane] - lab.other[64 + lane]);
                        const double du = hypot(lab.u[lane] - u[lane], lab.u[64 + lane] - u[64 + lane]);
                        worst = fmax(worst, du > 1e-3 ? df / du : 0);
                }
                free(u);
        }
        assert_true(worst <= bound && worst > 0.01 * bound);
        network_lab_close(&lab);
}

static void test_wrong_settings_are_told(void **state)
{
        (void)state;
        struct network_settings settings = {{0}};
        lab_assert_refused("{type: mlp, width: 0}", network_rows, &settings, "width", "[1, 4096]");
        lab_assert_refused("{type: mlp, activation: relu}", network_rows, &settings, "activation", "silu");
        struct input *input = lab_read("{type: mlp}", network_rows, &settings);
        const struct network_type *type = settings.type.type;
        assert_non_null(type->unfit(settings.type.settings, &(struct network_shape){.n_dim = 65}));
        assert_non_null(type->unfit(settings.type.settings, &(struct network_shape){.n_axes = 2}));
        assert_null(type->unfit(settings.type.settings, &(struct network_shape){.n_dim = 64}));
        params_release(network_rows, &settings);
        input_free(input);
}

static void test_bits_are_those_committed(void **state)
{
        (void)state;
        assert_int_equal(bits_of_network(), BITS_OF_NETWORK);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_derivatives_are_those_of_differences),
                cmocka_unit_test(test_the_gradient_of_bounded_layers_is_exact),
                cmocka_unit_test(test_an_energy_has_a_symmetric_jacobian),
                cmocka_unit_test(test_a_particle_has_the_same_bits_in_any_lane),
                cmocka_unit_test(test_the_lipschitz_bound_holds),
                cmocka_unit_test(test_wrong_settings_are_told),
                cmocka_unit_test(test_bits_are_those_committed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
