/* The losses: their gradients are derivatives, and estimate one and the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "training_lab.h"

#define MIXTURE                                                                                                        \
        "{type: gaussian_mixture, components: [{weight: 0.3, mean: [1, 0], sigma: 0.4}, "                              \
        "{weight: 0.7, mean: [-1, 1], sigma: 0.6}]}"
#define FIELD                                                                                                          \
        "{type: lognormal_field, mesh: {cells: 8, box_size: 8, dimensions: 2}, "                                       \
        "spectrum: {type: power_law, amplitude: 1, index: -1}}"
#define GAUSSIAN_FIELD                                                                                                 \
        "{type: gaussian_field, mesh: {cells: 8, box_size: 8, dimensions: 2}, "                                        \
        "spectrum: {type: power_law, amplitude: 1, index: -1}}"
#define REST ", batch: 64, steps: 1000, sigma: {type: log_uniform, min: 0.3, max: 3}}"

static double loss_at(struct training_lab *lab, int64_t step, double a, double b)
{
        const float theta[2] = {(float)a, (float)b};
        float gradient[2];
        double loss;
        assert_null(training_gradient(lab->training, theta, step, &loss, gradient));
        return loss;
}

/* The losses are quadratic in the two weights, so that a central difference is exact but for the rounding of doubles,
 * 1e-12 here; gradients are sums of tens of floats, of relative error 2^-24 each. */
static void check_gradient(const char *training, const char *target)
{
        struct training_lab lab;
        training_lab_open(&lab, training, target, NULL, 0);
        if (lab.why)
                print_error("%s\n", lab.why);
        assert_null(lab.why);
        const float theta[2] = {0.25F, -0.125F};
        for (int64_t step = 0; step < 3; step++) {
                float gradient[2];
                double loss;
                assert_null(training_gradient(lab.training, theta, step, &loss, gradient));
                const double scale = fabs((double)gradient[0]) + fabs((double)gradient[1]) + fabs(loss);
                const double a = loss_at(&lab, step, 0.75, -0.125) - loss_at(&lab, step, -0.25, -0.125);
                const double b = loss_at(&lab, step, 0.25, 0.375) - loss_at(&lab, step, 0.25, -0.625);
                if (!(fabs(a - (double)gradient[0]) < 1e-5 * scale && fabs(b - (double)gradient[1]) < 1e-5 * scale))
                        print_error("%s: (%.9g, %.9g), differences (%.9g, %.9g)\n", training, (double)gradient[0],
                                    (double)gradient[1], a, b);
                assert_true(fabs(a - (double)gradient[0]) < 1e-5 * scale);
                assert_true(fabs(b - (double)gradient[1]) < 1e-5 * scale);
                assert_true(fabs(a) > 1e-3 * scale && fabs(b) > 1e-3 * scale);
        }
        training_lab_close(&lab);
}

static void test_gradients_are_derivatives_of_the_losses(void **state)
{
        (void)state;
        check_gradient("{loss: denoising, weighting: edm" REST, MIXTURE);
        check_gradient("{loss: denoising, weighting: likelihood" REST, MIXTURE);
        check_gradient("{loss: blended, weighting: likelihood" REST, MIXTURE);
        check_gradient("{loss: implicit, weighting: edm" REST, MIXTURE);
        check_gradient("{loss: implicit, weighting: likelihood" REST, MIXTURE);
        check_gradient("{loss: sliced, weighting: edm" REST, MIXTURE);
        check_gradient("{loss: denoising, weighting: likelihood" REST, FIELD);
        check_gradient("{loss: blended, weighting: edm" REST, FIELD);
        check_gradient("{loss: sliced, weighting: likelihood" REST, FIELD);
}

/* The same with a perceptron, along its gradient: differences over h and h/2 tell the error of the latter, and
 * float32 adds 1e-6 of the loss, as network_lab.h has it. */
static void check_perceptron(const char *training)
{
        struct training_lab lab;
        training_lab_open(&lab, training, MIXTURE, "{type: mlp, width: 16, layers: 2}", 0);
        assert_null(lab.why);
        const size_t n = denoiser_network(lab.denoiser)->n_parameters;
        float *theta = allocate(n, sizeof *theta), *moved = allocate(n, sizeof *moved);
        float *gradient = allocate(n, sizeof *gradient), *other = allocate(n, sizeof *other);
        double *z = allocate(n, sizeof *z), loss, norm = 0;
        const struct rng_stream stream = {.seed = 8, .purpose = RNG_TEST};
        rng_normal_row(&stream, 0, 0, (int64_t)n, z);
        for (size_t i = 0; i < n; i++)
                theta[i] = training_state(lab.training)->theta[i] + (float)(0.1 * z[i]);
        assert_null(training_gradient(lab.training, theta, 0, &loss, gradient));
        for (size_t i = 0; i < n; i++)
                norm += (double)gradient[i] * (double)gradient[i];
        norm = sqrt(norm);
        double found[2];
        const double h = 0.05;
        for (int k = 0; k < 2; k++) {
                const double by = k == 0 ? h : h / 2;
                double value[2];
                for (int side = 0; side < 2; side++) {
                        for (size_t i = 0; i < n; i++)
                                moved[i] = theta[i] + (float)((side ? -by : by) * (double)gradient[i] / norm);
                        assert_null(training_gradient(lab.training, moved, 0, &value[side], other));
                }
                found[k] = (value[0] - value[1]) / (2 * by);
        }
        const double tolerance = fabs(found[0] - found[1]) + 2e-6 * fabs(loss) / h + 1e-5 * norm;
        if (!(fabs(found[1] - norm) <= tolerance))
                print_error("%s: %.9g, difference %.9g, tolerance %.3g\n", training, norm, found[1], tolerance);
        assert_true(fabs(found[1] - norm) <= tolerance);
        assert_true(tolerance < 0.05 * norm);
        free(theta);
        free(moved);
        free(gradient);
        free(other);
        free(z);
        training_lab_close(&lab);
}

static void test_gradients_of_a_perceptron_are_derivatives(void **state)
{
        (void)state;
        check_perceptron("{loss: denoising" REST);
        check_perceptron("{loss: implicit" REST);
        check_perceptron("{loss: sliced" REST);
}

/* ---- one expectation ---- */

enum { STEPS = 200 };

/* Gradients of two losses at the same examples: their differences' means in standard errors, and the ratio of the
 * second's variance to the first's. */
struct comparison { double z[2], variance_ratio[2]; };

static struct comparison compare(const char *first, const char *second, const char *target)
{
        struct training_lab lab[2];
        training_lab_open(&lab[0], first, target, NULL, 0);
        training_lab_open(&lab[1], second, target, NULL, 0);
        const float theta[2] = {0.25F, -0.125F};
        double sum[2] = {0}, square[2] = {0}, one[2][2] = {{0}}, two[2][2] = {{0}};
        for (int64_t step = 0; step < STEPS; step++) {
                float gradient[2][2];
                double loss;
                for (int k = 0; k < 2; k++) {
                        assert_null(training_gradient(lab[k].training, theta, step, &loss, gradient[k]));
                        for (int i = 0; i < 2; i++) {
                                one[k][i] += (double)gradient[k][i];
                                two[k][i] += (double)gradient[k][i] * (double)gradient[k][i];
                        }
                }
                for (int i = 0; i < 2; i++) {
                        const double difference = (double)gradient[1][i] - (double)gradient[0][i];
                        sum[i] += difference;
                        square[i] += difference * difference;
                }
        }
        struct comparison comparison;
        for (int i = 0; i < 2; i++) {
                const double mean = sum[i] / STEPS, variance = square[i] / STEPS - mean * mean;
                /* A Jacobian a times the identity has the same trace for any probe of signs: only rounding differs. */
                const bool same = square[i] < 1e-10 * two[0][i];
                comparison.z[i] = same ? 0 : mean / sqrt(variance / (STEPS - 1));
                comparison.variance_ratio[i] = (two[1][i] - one[1][i] * one[1][i] / STEPS) /
                                               (two[0][i] - one[0][i] * one[0][i] / STEPS);
        }
        training_lab_close(&lab[0]);
        training_lab_close(&lab[1]);
        return comparison;
}

static void assert_equal_in_expectation(const char *first, const char *second, const char *target)
{
        const struct comparison found = compare(first, second, target);
        if (!(fabs(found.z[0]) < 5.85 && fabs(found.z[1]) < 5.85))
                print_error("%s, %s: z %.2f %.2f\n", first, second, found.z[0], found.z[1]);
        assert_true(fabs(found.z[0]) < 5.85 && fabs(found.z[1]) < 5.85);
}

static void test_all_losses_have_one_gradient_in_expectation(void **state)
{
        (void)state;
        assert_equal_in_expectation("{loss: denoising" REST, "{loss: blended" REST, MIXTURE);
        assert_equal_in_expectation("{loss: denoising" REST, "{loss: implicit" REST, MIXTURE);
        assert_equal_in_expectation("{loss: denoising, weighting: likelihood" REST,
                                    "{loss: implicit, weighting: likelihood" REST, MIXTURE);
        assert_equal_in_expectation("{loss: implicit" REST, "{loss: sliced" REST, MIXTURE);
        assert_equal_in_expectation("{loss: denoising" REST, "{loss: blended" REST, FIELD);
        assert_equal_in_expectation("{loss: denoising" REST, "{loss: sliced" REST, GAUSSIAN_FIELD);
}

/* On a Gaussian whose variance the denoiser has, the blended target is 0 for every example: what is left is rounding,
 * of terms that are at most (sigma^2/c_out) |n|/sigma ~ 10. */
static void test_blended_targets_of_a_gaussian_have_no_variance(void **state)
{
        (void)state;
        struct training_lab lab;
        training_lab_open(&lab, "{loss: blended" REST, "{type: gaussian, mean: [1, -2], sigma: [1, 1]}", NULL, 0);
        lab.normalisation.mean[0] = 1;
        lab.normalisation.mean[1] = -2;
        lab.normalisation.variance[0] = 1;
        training_free(lab.training);
        denoiser_free(lab.denoiser);
        lab.denoiser = denoiser_create(network_create(&two_weights, NULL, &lab.shape), &lab.normalisation);
        assert_null(training_create(&lab.settings, lab.denoiser, &lab.source, 5, &lab.training));
        for (int64_t step = 0; step < 20; step++) {
                const float theta[2] = {0, 0};
                float gradient[2];
                double loss;
                assert_null(training_gradient(lab.training, theta, step, &loss, gradient));
                assert_true(loss < 1e-26 && fabsf(gradient[0]) < 1e-13F && fabsf(gradient[1]) < 1e-13F);
        }
        training_lab_close(&lab);
        /* And of what is nearly one, they have less than half of the denoising loss's. */
        const struct comparison found = compare("{loss: denoising" REST, "{loss: blended" REST,
                                                "{type: gaussian_mixture, components: [{mean: [0.4, 0], sigma: 1}, "
                                                "{mean: [-0.4, 0], sigma: 1.1}]}");
        assert_true(found.variance_ratio[0] < 0.5 && found.variance_ratio[1] < 0.5);
}

/* A Gaussian needs no network: at F = 0 the denoising gradient is 0 in expectation. The normalisation is of 4096
 * draws, and moves the expectation by some 1/sqrt(4096 2) of what a gradient is for an error of 1: 2 % of one step's
 * noise at most. */
static void test_a_gaussian_asks_nothing_of_the_network(void **state)
{
        (void)state;
        struct training_lab lab;
        training_lab_open(&lab, "{loss: denoising" REST, "{type: gaussian, mean: [1, -2], sigma: [1, 1]}", NULL, 0);
        const float theta[2] = {0, 0};
        double sum[2] = {0}, square[2] = {0};
        for (int64_t step = 0; step < 200; step++) {
                float gradient[2];
                double loss;
                assert_null(training_gradient(lab.training, theta, step, &loss, gradient));
                for (int i = 0; i < 2; i++) {
                        sum[i] += (double)gradient[i];
                        square[i] += (double)gradient[i] * (double)gradient[i];
                }
        }
        for (int i = 0; i < 2; i++)
                assert_true(fabs(sum[i]) < 5.85 * sqrt(square[i]) + 200 * 0.03);
        training_lab_close(&lab);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_gradients_are_derivatives_of_the_losses),
                cmocka_unit_test(test_gradients_of_a_perceptron_are_derivatives),
                cmocka_unit_test(test_all_losses_have_one_gradient_in_expectation),
                cmocka_unit_test(test_blended_targets_of_a_gaussian_have_no_variance),
                cmocka_unit_test(test_a_gaussian_asks_nothing_of_the_network),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
