/* Training: settings, optimiser, averages, order of rows, and that it learns, stops, and goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "training/adam.h"
#include "training/ema.h"
#include "training/examples.h"
#include "training/shuffle.h"
#include "training/sigma_sampling.h"
#include "training_lab.h"

#define RING "{type: ring}"
#define MLP "{type: mlp, width: 32, layers: 2}"
#define SIGMA ", sigma: {type: log_uniform, min: 0.1, max: 5}"

/* ---- settings ---- */

static void test_the_table_has_defaults_and_bounds(void **state)
{
        (void)state;
        struct training_settings settings = {0};
        struct input *input = lab_read("{batch: 64, steps: 10, sigma: {min: 0.1, max: 2}}", training_params, &settings);
        double min, max;
        training_sigma_range(&settings, &min, &max);
        assert_true(min == 0.1 && max == 2);
        assert_int_equal(training_n_ema(&settings), 1);
        assert_int_equal(training_normalise_examples(&settings, &(struct network_shape){.n_axes = 2}), 256);
        input_free(input);
        params_release(training_params, &settings);
        const char *const refused[][3] = {
                {"{batch: 64, steps: 10, sigma: {min: 2, max: 2}}", "min", "not below max"},
                {"{batch: 64, steps: 10, clip: 0, sigma: {min: 1, max: 2}}", "clip", "not in"},
                {"{batch: 64, steps: 10, ema: [{type: power, sigma_rel: 0.3}], sigma: {min: 1, max: 2}}", "sigma_rel",
                 "not in"},
                {"{batch: 64, steps: 10, ema: [], sigma: {min: 1, max: 2}}", "ema", "empty"},
        };
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
                lab_assert_refused(refused[i][0], training_params, &(struct training_settings){0}, refused[i][1],
                                   refused[i][2]);
        const struct param table[] = {{.key = "training", .kind = PARAM_TABLE, .offset = 0, .rows = training_params,
                                       .check = training_check, .help = "t"},
                                      PARAM_END};
        const char *const unfit[][3] = {
                {"training: {batch: 64, steps: 10, weighting: likelihood, sigma: {type: log_normal, min: 1, max: 2}}",
                 "weighting", "log_uniform"},
                {"training: {batch: 1e9, steps: 4e9, sigma: {min: 1, max: 2}}", "steps", "2^40"},
                {"training: {batch: 64, steps: 10, sigma: {min: 1, max: 2}, ema: [{}, {}, {}, {}, {}]}", "ema",
                 "1 to 4"},
        };
        for (size_t i = 0; i < sizeof unfit / sizeof *unfit; i++)
                lab_assert_refused(unfit[i][0], table, &(struct training_settings){0}, unfit[i][1], unfit[i][2]);
}

static void assert_refused(const char *training, const char *target, const char *network, int64_t n_rows,
                           const char *reason)
{
        struct training_lab lab;
        training_lab_open(&lab, training, target, network, n_rows);
        if (!lab.why || !strstr(lab.why, reason))
                print_error("%s: \"%s\" lacks \"%s\"\n", training, lab.why ? lab.why : "accepted", reason);
        assert_true(lab.why && strstr(lab.why, reason));
        assert_null(lab.training);
        training_lab_close(&lab);
}

static void test_what_cannot_go_together_is_refused(void **state)
{
        (void)state;
        assert_refused("{batch: 100, steps: 10" SIGMA "}", RING, NULL, 0, "multiple of 64");
        assert_refused("{batch: 64, steps: 10, loss: blended" SIGMA "}", RING, NULL, 100,
                       "blended needs a target, for the clean score");
        assert_refused("{batch: 64, steps: 10, loss: blended" SIGMA "}", "{type: ring, sigma: 0}", NULL, 0,
                       "without noise");
        assert_refused("{batch: 64, steps: 10, loss: implicit" SIGMA "}",
                       "{type: gaussian, dimension: 17, mean: 0, sigma: 1}", NULL, 0, "use sliced");
        assert_refused("{batch: 64, steps: 10, loss: sliced" SIGMA "}", RING, "{type: energy, width: 16, layers: 1}", 0,
                       "sliced needs derivatives");
}

/* ---- the optimiser ---- */

/* Three steps against the formulas in double: a float's rounding, 6e-8, in each of fewer than 20 operations. */
static void test_adam_is_its_formula(void **state)
{
        (void)state;
        const struct training_settings settings = {.steps = 100, .learning_rate = 0.01, .beta_1 = 0.9, .beta_2 = 0.99,
                                                   .epsilon = 1e-8, .decay = DECAY_CONSTANT};
        enum { N = 130 };
        float theta[N], moment_1[N] = {0}, moment_2[N] = {0}, gradient[N];
        double wanted[N], m[N] = {0}, v[N] = {0};
        for (int i = 0; i < N; i++)
                theta[i] = (float)(wanted[i] = sin(i));
        for (int64_t step = 0; step < 3; step++) {
                for (int i = 0; i < N; i++)
                        gradient[i] = (float)cos((double)(i + 7 * step));
                adam_update(&settings, step, 0.5, N, gradient, theta, moment_1, moment_2);
                for (int i = 0; i < N; i++) {
                        const double g = 0.5 * (double)gradient[i], t = (double)step + 1;
                        m[i] = 0.9 * m[i] + 0.1 * g;
                        v[i] = 0.99 * v[i] + 0.01 * g * g;
                        wanted[i] -= 0.01 * m[i] / (1 - pow(0.9, t)) / (sqrt(v[i] / (1 - pow(0.99, t))) + 1e-8);
                        assert_true(fabs((double)theta[i] - wanted[i]) < 20 * 6e-8 * (fabs(wanted[i]) + 0.05));
                }
        }
        double square = 0;
        for (int i = 0; i < N; i++)
                square += (double)gradient[i] * (double)gradient[i];
        assert_true(fabs(adam_norm(N, gradient) - sqrt(square)) < 1e-13 * sqrt(square));
}

static void test_the_learning_rate_rises_and_falls(void **state)
{
        (void)state;
        struct training_settings settings = {.steps = 110, .warm_up = 10, .learning_rate = 2, .decay_floor = 0.25};
        assert_true(adam_learning_rate(&settings, 0) == 0.2);
        assert_true(adam_learning_rate(&settings, 9) == 2);
        assert_true(adam_learning_rate(&settings, 10) == 2);
        const double half = adam_learning_rate(&settings, 60), last = adam_learning_rate(&settings, 109);
        assert_true(fabs(half - 2 * (0.25 + 0.75 / 2)) < 1e-14);
        assert_true(last > 0.5 && last < 0.501);
        assert_true(adam_learning_rate(&settings, 500) == 0.5);
        settings.decay = DECAY_CONSTANT;
        assert_true(adam_learning_rate(&settings, 109) == 2);
}

/* A power-function average has the stated relative width in time. Over T steps sums stand for integrals up to a share
 * of some (gamma + 2)/T, the floats for 1e-4 with squares of numbers up to 1. */
static void test_averages_remember_what_they_say(void **state)
{
        (void)state;
        struct training_settings settings = {0};
        struct input *input = lab_read(
                "{batch: 64, steps: 10, sigma: {min: 1, max: 2}, ema: [{type: power, sigma_rel: 0.1}, "
                "{type: warm_up, limit: 0.9}]}",
                training_params, &settings);
        const struct selection *ema = settings.ema.items;
        enum { T = 4000 };
        float average[2] = {5, 5};
        for (int t = 1; t <= T; t++) {
                const float now = (float)t / T, theta[2] = {now, now * now};
                ema_update(ema_kept(&ema[0], t), 2, theta, average);
        }
        const double width = sqrt((double)average[1] - (double)average[0] * (double)average[0]);
        assert_true(fabs(width - 0.1) < 0.005);
        assert_true(ema_kept(&ema[0], 1) == 0);
        assert_true(ema_kept(&ema[1], 1) == 2.0 / 11);
        assert_true(ema_kept(&ema[1], 1000) == 0.9);
        input_free(input);
        params_release(training_params, &settings);
}

/* ---- the order of rows ---- */

static void test_shuffles_are_bijections(void **state)
{
        (void)state;
        for (int64_t n = 1; n <= 4097; n = n < 40 ? n + 1 : n * 4 + 1) {
                char *seen = allocate((size_t)n, 1);
                const struct shuffle shuffle = {.seed = 4, .epoch = (uint32_t)n, .list = 3, .n = n};
                for (int64_t i = 0; i < n; i++) {
                        const int64_t at = shuffle_at(&shuffle, i);
                        assert_true(at >= 0 && at < n && !seen[at]);
                        seen[at] = 1;
                        assert_int_equal(shuffle_place(&shuffle, at), i);
                }
                free(seen);
        }
}

/* Of 5 rows each stands anywhere equally often: chi^2 with 4 degrees of freedom, whose mean is 4 and standard deviation
 * sqrt 8; and two neighbours keep their order half the time. */
static void test_shuffles_are_fair(void **state)
{
        (void)state;
        enum { N = 5, EPOCHS = 5000 };
        double count[N][N] = {{0}}, ordered = 0;
        for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
                const struct shuffle shuffle = {.seed = 9, .epoch = epoch, .n = N};
                for (int64_t i = 0; i < N; i++)
                        count[i][shuffle_at(&shuffle, i)]++;
                ordered += shuffle_place(&shuffle, 0) < shuffle_place(&shuffle, 1);
        }
        for (int i = 0; i < N; i++) {
                double chi_squared = 0;
                for (int j = 0; j < N; j++)
                        chi_squared += pow(count[i][j] - EPOCHS / N, 2) / (EPOCHS / N);
                assert_true(chi_squared < 4 + 12 * sqrt(8)); /* P < 1e-7 */
        }
        assert_true(fabs(ordered - EPOCHS / 2.0) < 5.85 * sqrt(EPOCHS) / 2);
}

struct reads { int64_t n_calls, n_rows; int64_t fail_at; };

static const char *read_index(void *owner, int64_t first, int64_t count, double *rows)
{
        struct reads *reads = owner;
        if (reads->n_calls++ == reads->fail_at)
                return "the disk is gone";
        reads->n_rows += count;
        for (int64_t i = 0; i < count; i++)
                rows[i] = (double)(first + i);
        return NULL;
}

static void test_an_epoch_takes_every_row_once(void **state)
{
        (void)state;
        enum { TRAIN = 103, HELD = 70, STEPS = 13, N = STEPS * LANES };
        const struct network_shape shape = {.n_dim = 1};
        for (int64_t buffer_rows = 1; buffer_rows < 300; buffer_rows = 3 * buffer_rows + 1) {
                struct reads reads = {.fail_at = -1};
                const struct training_source source = {.n_rows = TRAIN + HELD, .n_validation = HELD,
                                                       .buffer_rows = buffer_rows, .read = read_index, .owner = &reads};
                struct examples *examples = examples_create(&source, &shape, 2, LANES);
                double x[N];
                for (int64_t step = 0; step < STEPS; step++)
                        assert_null(examples_tile(examples, &(struct examples_place){EXAMPLES_TRAINING, step, LANES, 0},
                                                  x + step * LANES));
                assert_true(reads.n_rows <= (N / TRAIN + 1) * TRAIN + (buffer_rows < TRAIN ? buffer_rows : TRAIN));
                for (int epoch = 0; epoch < N / TRAIN; epoch++) {
                        int seen[TRAIN] = {0}, still = 0;
                        for (int i = 0; i < TRAIN; i++) {
                                assert_true(x[epoch * TRAIN + i] < TRAIN);
                                seen[(int)x[epoch * TRAIN + i]]++;
                                still += x[epoch * TRAIN + i] == x[i];
                        }
                        for (int i = 0; i < TRAIN; i++)
                                assert_int_equal(seen[i], 1);
                        assert_true(epoch == 0 || still < 20); /* one on average */
                }
                for (int64_t block = 0; block < 2; block++) {
                        assert_null(examples_tile(examples,
                                                  &(struct examples_place){EXAMPLES_VALIDATION, 0, HELD, block}, x));
                        for (int lane = 0; lane < LANES; lane++)
                                assert_true(x[lane] == TRAIN + fmin((double)(block * LANES + lane), HELD - 1));
                }
                examples_free(examples);
        }
}

static void test_what_cannot_be_read_is_told(void **state)
{
        (void)state;
        struct training_lab lab;
        training_lab_open(&lab, "{batch: 64, steps: 10" SIGMA "}", "{type: gaussian, dimension: 1, mean: 0, sigma: 1}",
                          NULL, 200);
        assert_null(lab.why);
        struct reads reads = {.fail_at = 2};
        lab.source.read = read_index;
        lab.source.owner = &reads;
        training_free(lab.training);
        assert_null(training_create(&lab.settings, lab.denoiser, &lab.source, 5, &lab.training));
        struct training_report report;
        assert_null(training_step(lab.training, &report));
        const char *why = training_step(lab.training, &report);
        assert_non_null(why);
        assert_string_equal(why, "the disk is gone");
        assert_int_equal(training_state(lab.training)->step, 1);
        assert_null(training_step(lab.training, &report)); /* and nothing is left behind */
        training_lab_close(&lab);
}

/* ---- noise ---- */

/* Mean and variance of ln sigma in standard errors, of a distribution with this excess kurtosis + 3. */
static void check_sigmas(const char *text, double mean, double variance, double kurtosis, bool one)
{
        struct training_settings settings = {0};
        struct input *input = lab_read(text, training_params, &settings);
        enum { TILES = 100 };
        double sum = 0, square = 0;
        const int each = one ? 1 : LANES, n = TILES * LANES;
        for (uint32_t t = 0; t < (uint32_t)(n / each); t++) {
                const struct rng_stream stream = {.seed = 3, .purpose = RNG_EXAMPLE, .step = t};
                double sigma[LANES];
                sigma_sampling_draw(&settings.sigma, &stream, 0, one, sigma);
                for (int lane = 0; lane < each; lane++) {
                        sum += log(sigma[lane]);
                        square += pow(log(sigma[lane]) - mean, 2);
                }
                assert_true(!one || sigma[0] == sigma[LANES - 1]);
        }
        assert_true(fabs(sum / n - mean) < 5.85 * sqrt(variance / n));
        assert_true(fabs(square / n - variance) < 5.85 * variance * sqrt((kurtosis - 1) / n));
        input_free(input);
        params_release(training_params, &settings);
}

static void test_noise_has_its_distribution(void **state)
{
        (void)state;
        const double range = log(5 / 0.1);
        for (int one = 0; one < 2; one++) {
                check_sigmas("{batch: 64, steps: 10" SIGMA "}", log(0.1) + range / 2, range * range / 12, 1.8, one);
                check_sigmas("{batch: 64, steps: 10, sigma: {type: log_normal, min: 1e-9, max: 1e9, mean: -2, "
                             "deviation: 1.5}}",
                             -2, 2.25, 3, one);
        }
}

/* At almost one sigma, the likelihood's loss is c_out^2/sigma^2 times EDM's, of the same examples. */
static void test_the_likelihood_has_its_weight(void **state)
{
        (void)state;
        double loss[2];
        struct training_lab lab;
        for (int k = 0; k < 2; k++) {
                const float theta[2] = {0.2F, 0};
                float gradient[2];
                training_lab_open(&lab,
                                  k ? "{batch: 64, steps: 9, weighting: likelihood, sigma: {min: 0.3, max: 0.3000001}}"
                                    : "{batch: 64, steps: 9, sigma: {min: 0.3, max: 0.3000001}}",
                                  RING, NULL, 0);
                assert_null(training_gradient(lab.training, theta, 0, &loss[k], gradient));
                if (k == 0)
                        training_lab_close(&lab);
        }
        const double d = lab.normalisation.variance[0];
        assert_true(fabs(loss[1] / loss[0] - d / (d + 0.09)) < 1e-5);
        training_lab_close(&lab);
}

/* At F = 0 a Gaussian has |F - T|^2 = 1 a coordinate: chi^2. And the lanes that fill the last tile are not counted. */
static void test_validation_counts_each_example_once(void **state)
{
        (void)state;
        double sum[3];
        const int64_t examples[3] = {64, 65, 128};
        for (int k = 0; k < 3; k++) {
                struct training_lab lab;
                training_lab_open(&lab, "{batch: 64, steps: 9, validation: {sigmas: [0.3, 2]}" SIGMA "}",
                                  "{type: gaussian, dimension: 3, mean: 0, sigma: 1}", NULL, 0);
                lab.settings.validation.examples = examples[k];
                struct training_validation validation;
                assert_null(training_validate(lab.training, &validation));
                for (int i = 0; i < 2; i++) {
                        assert_true(fabs(validation.loss[i] - 1) < 5.85 * sqrt(2 / (3 * (double)examples[k])));
                        assert_true(validation.relative[i] < 0.1); /* 4096 examples' variance is known to 2 % */
                }
                sum[k] = validation.loss[0] * (double)examples[k];
                lab.settings.validation.examples = 4096;
                assert_null(training_validate(lab.training, &validation));
                for (int i = 0; i < 2; i++) /* the variance of the normalisation adds 2 % */
                        assert_true(fabs(validation.loss[i] - 1) < 5.85 * sqrt(2 / (3 * 4096.0)) + 0.02);
                training_lab_close(&lab);
        }
        assert_true(sum[1] > sum[0] && sum[1] - sum[0] < 0.5 * (sum[2] - sum[0]));
}

/* ---- normalisation ---- */

/* Means of 4096 draws; z scores of mean and variance. */
static void test_particles_are_normalised(void **state)
{
        (void)state;
        struct training_lab lab;
        training_lab_open(&lab, "{batch: 64, steps: 10" SIGMA "}", "{type: gaussian, mean: [1, -200], sigma: [1, 3]}",
                          NULL, 0);
        const double n = 4096, *mean = lab.normalisation.mean;
        assert_true(fabs(mean[0] - 1) < 5.85 * sqrt(1 / n) && fabs(mean[1] + 200) < 5.85 * sqrt(9 / n));
        assert_int_equal(lab.normalisation.n_variance, 1);
        /* (v_1 + v_2)/2, each of variance 2 v^2/n */
        assert_true(fabs(lab.normalisation.variance[0] - 5) < 5.85 * sqrt((2 * 1 + 2 * 81) / (4 * n)));
        training_lab_close(&lab);
}

/* Power of shells of 64 fields against the target's own: of a shell of w modes it is a chi^2 of 64 w degrees. */
static void test_fields_are_normalised(void **state)
{
        (void)state;
        struct training_lab lab;
        training_lab_open(&lab, "{batch: 2, steps: 10" SIGMA "}",
                          "{type: gaussian_field, mesh: {cells: 16, box_size: 32, dimensions: 2}, "
                          "spectrum: {type: power_law, amplitude: 1, index: 0}}",
                          NULL, 0);
        const struct normalisation *found = &lab.normalisation;
        double *truth = allocate(mesh_modes_here(lab.shape.mesh), sizeof *truth);
        struct score_level *level = score_level_create(lab.target, 0);
        lab.target->type->mode_variance(level->state, truth);
        double white = 0, modes[32] = {0}; /* index 0: all have the same power */
        const double fundamental = mesh_smallest_wavenumber(lab.shape.mesh);
        for (int64_t block = 0; block < lab.shape.mesh->n_blocks; block++) {
                struct mode mode;
                for (mode_begin(lab.shape.mesh, block, &mode); mode_next(&mode);) {
                        modes[(int)(sqrt(mode.k_squared) / fundamental + 0.5)] += mode.weight;
                        white = fmax(white, truth[(size_t)block * lab.shape.mesh->block_modes + mode.index]);
                }
        }
        assert_int_equal(found->n_variance, 11); /* |n| up to 8 sqrt 2 */
        assert_true(found->zero_variance < 1e-6 * white && found->zero_variance > 0);
        for (size_t i = 0; i < found->n_variance; i++) {
                assert_true(fabs(found->wavenumber[i] / fundamental - (double)(i + 1)) < 0.5);
                assert_true(fabs(found->variance[i] / white - 1) < 5.85 * sqrt(2 / (64 * modes[i + 1])));
        }
        score_level_free(level);
        free(truth);
        training_lab_close(&lab);
}

static void test_data_that_do_not_vary_are_refused(void **state)
{
        (void)state;
        struct training_lab lab;
        training_lab_open(&lab, "{batch: 64, steps: 10" SIGMA "}", "{type: gaussian, dimension: 1, mean: 0, sigma: 1}",
                          NULL, 200);
        struct normalisation normalisation;
        lab.centre = NAN;
        const char *why = training_normalise(&lab.source, &lab.shape, 3, 100, &normalisation);
        assert_true(why && strstr(why, "not finite"));
        lab.centre = 1e18; /* swallows what varies */
        why = training_normalise(&lab.source, &lab.shape, 3, 100, &normalisation);
        assert_true(why && strstr(why, "the same"));
        training_lab_close(&lab);
}

/* ---- learning ---- */

static void take_steps(struct training_lab *lab, int64_t n, struct training_report *report)
{
        for (int64_t i = 0; i < n; i++) {
                assert_null(training_step(lab->training, report));
                if (report->diverged)
                        print_error("%s\n", report->reason);
                assert_false(report->diverged);
        }
}

/* A ring of 8 modes is far from a Gaussian: most of the error of its Wiener score can be learned, here half
 * at the least. */
static void test_a_ring_is_learned(void **state)
{
        (void)state;
        struct training_lab lab;
        training_lab_open(&lab,
                          "{batch: 256, steps: 2000, learning_rate: 0.01, validation: {sigmas: [0.5, 1, 2]}" SIGMA "}",
                          RING, MLP, 0);
        assert_null(lab.why);
        struct training_validation before, after;
        struct training_report report;
        assert_null(training_validate(lab.training, &before));
        take_steps(&lab, 2000, &report);
        assert_null(training_validate(lab.training, &after));
        for (size_t i = 0; i < 3; i++) {
                if (!(after.eps[i] < before.eps[i] / 2))
                        print_error("sigma %g: eps %g, %g before\n", after.sigma[i], after.eps[i], before.eps[i]);
                assert_true(after.eps[i] < before.eps[i] / 2);
                /* |F - T|^2 is eps, in its units, and what no score could know: their difference is the same before
                 * and after, up to the noise of 2048 products of two errors */
                const double scale = after.sigma[i] / denoiser_scales(lab.denoiser, after.sigma[i]).c_out;
                const double unknown = after.loss[i] - scale * scale * after.eps[i];
                const double unknown_before = before.loss[i] - scale * scale * before.eps[i];
                assert_true(fabs(unknown - unknown_before) <
                            5.85 * 2 * sqrt(scale * scale * before.eps[i] * before.loss[i] * 4 / 1024));
        }
        assert_true(after.relative[0] < before.relative[0] && training_state(lab.training)->smoothed_loss < 0.9);
        training_lab_close(&lab);
}

static void test_too_long_steps_are_told(void **state)
{
        (void)state;
        struct training_lab lab;
        training_lab_open(&lab, "{batch: 64, steps: 300, learning_rate: 10" SIGMA "}", RING, MLP, 0);
        struct training_report report = {0};
        const size_t size = training_state(lab.training)->n_parameters * sizeof(float);
        float *before = allocate(1, size);
        int64_t n = 0;
        while (n < 100 && !report.diverged) {
                memcpy(before, training_state(lab.training)->theta, size);
                assert_null(training_step(lab.training, &report));
                n++;
        }
        assert_true(report.diverged && n < 100);
        assert_non_null(strstr(report.reason, "at step"));
        assert_memory_equal(before, training_state(lab.training)->theta, size);
        assert_int_equal(training_state(lab.training)->step, n - 1);
        free(before);
        training_lab_close(&lab);
}

static void copy_state(const struct training_state *from, struct training_state *to)
{
        const size_t size = from->n_parameters * sizeof(float);
        to->step = from->step;
        to->smoothed_loss = from->smoothed_loss;
        to->smoothed_reference = from->smoothed_reference;
        memcpy(to->theta, from->theta, size);
        memcpy(to->moment_1, from->moment_1, size);
        memcpy(to->moment_2, from->moment_2, size);
        for (size_t i = 0; i < from->n_ema; i++)
                memcpy(to->ema[i], from->ema[i], size);
}

/* A state is all that a continuation needs, also in the middle of an epoch, after validations. */
static void test_a_continued_training_has_the_same_bits(void **state)
{
        (void)state;
        const char *text = "{batch: 64, steps: 20, ema: [{type: warm_up}, {type: power}]" SIGMA "}";
        struct training_lab whole, part;
        training_lab_open(&whole, text, "{type: gaussian, dimension: 3, mean: 0, sigma: 1}", MLP, 300);
        training_lab_open(&part, text, "{type: gaussian, dimension: 3, mean: 0, sigma: 1}", MLP, 300);
        struct training_report report;
        struct training_validation validation;
        take_steps(&whole, 7, &report);
        copy_state(training_state(whole.training), training_state(part.training));
        take_steps(&whole, 6, &report);
        assert_null(training_validate(part.training, &validation));
        assert_true(isnan(validation.eps[0]) && validation.loss[0] > 0); /* nobody knows the truth of data */
        take_steps(&part, 6, &report);
        const struct training_state *a = training_state(whole.training), *b = training_state(part.training);
        assert_true(a->smoothed_loss == b->smoothed_loss && a->step == 13);
        assert_memory_equal(a->theta, b->theta, a->n_parameters * sizeof(float));
        assert_memory_equal(a->ema[1], b->ema[1], a->n_parameters * sizeof(float));
        training_lab_close(&whole);
        training_lab_close(&part);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_table_has_defaults_and_bounds),
                cmocka_unit_test(test_what_cannot_go_together_is_refused),
                cmocka_unit_test(test_adam_is_its_formula),
                cmocka_unit_test(test_the_learning_rate_rises_and_falls),
                cmocka_unit_test(test_averages_remember_what_they_say),
                cmocka_unit_test(test_shuffles_are_bijections),
                cmocka_unit_test(test_shuffles_are_fair),
                cmocka_unit_test(test_an_epoch_takes_every_row_once),
                cmocka_unit_test(test_what_cannot_be_read_is_told),
                cmocka_unit_test(test_noise_has_its_distribution),
                cmocka_unit_test(test_the_likelihood_has_its_weight),
                cmocka_unit_test(test_validation_counts_each_example_once),
                cmocka_unit_test(test_particles_are_normalised),
                cmocka_unit_test(test_fields_are_normalised),
                cmocka_unit_test(test_data_that_do_not_vary_are_refused),
                cmocka_unit_test(test_a_ring_is_learned),
                cmocka_unit_test(test_too_long_steps_are_told),
                cmocka_unit_test(test_a_continued_training_has_the_same_bits),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
