/* What all reverse SDE samplers have in common: they agree where they are the same scheme, take one step or many, may
 * be cut anywhere, cost what they say, refuse what they cannot do and name the particle that breaks. */
#include "diffusion_methods.h"

#define GAUSSIAN "{type: gaussian, mean: [1, -1], sigma: [0.5, 2]}"
static const double TIMES[] = {10, 6, 3, 1.5, 0.7, 0.3, 0.1, 0};
enum { POINTS = sizeof TIMES / sizeof *TIMES };

static size_t n_points(const struct method *method)
{
        return method->not_to_zero ? POINTS - 1 : POINTS;
}

/* x after all steps; the caller frees. */
static double *run(const char *sampler, const struct process_type *process, size_t *size)
{
        struct diffusion_lab *lab = diffusion_lab_open(GAUSSIAN, NULL, sampler, process, TIMES, POINTS, 3 * LANES);
        diffusion_lab_draw(lab, 0, process_standard_deviation(&lab->grid->point[0]));
        diffusion_lab_go(lab);
        *size = lab->population->n_tiles * lab->population->tile_size;
        double *x = allocate(*size, sizeof *x);
        memcpy(x, lab->population->x, *size * sizeof *x);
        diffusion_lab_close(lab);
        return x;
}

/* To within the roundings of 7 steps from |x| < 50. */
static void check_same(const char *one, const char *other, const struct process_type *process, double tolerance)
{
        size_t size;
        double *x = run(one, process, &size), *y = run(other, process, &size);
        for (size_t i = 0; i < size; i++)
                if (!(fabs(x[i] - y[i]) <= tolerance))
                        fail_msg("%s, %s and %s: %.17g and %.17g", process->name, one, other, x[i], y[i]);
        free(x);
        free(y);
}

static void test_schemes_that_are_the_same_agree(void **state)
{
        (void)state;
        const double roundings = 50 * 7 * 4 * 0x1p-53;
        check_same("{type: ddim}", "{type: probability_flow, method: euler}", &lab_edm, 0);
        check_same("{type: ddim}", "{type: probability_flow, method: euler}", &lab_ve, 0);
        check_same("{type: ddim}", "{type: probability_flow, method: euler}", &lab_vp, roundings);
        check_same("{type: ddim}", "{type: probability_flow, method: euler}", &lab_subvp, roundings);
        check_same("{type: ddim, eta: 1}", "{type: ancestral}", &lab_edm, roundings);
        check_same("{type: ddim, eta: 1}", "{type: ancestral, variance: posterior}", &lab_vp, roundings);
        check_same("{type: sde_dpm_solver, order: 1}", "{type: ancestral}", &lab_ve, roundings);
        check_same("{type: sde_dpm_solver, order: 1}", "{type: ddim, eta: 1}", &lab_subvp, roundings);
        check_same("{type: reverse_diffusion}", "{type: euler_maruyama}", &lab_subvp, 0);
}

/* ---- steps ---- */

static void test_one_step_is_enough(void **state)
{
        (void)state;
        for (size_t m = 0; m < METHODS; m++)
                for (size_t p = 0; p < LAB_PROCESSES; p++)
                        for (int to_zero = 0; to_zero < 2 - methods[m].not_to_zero; to_zero++) {
                                if (!method_runs(&methods[m], p))
                                        continue;
                                const double times[] = {10, to_zero ? 0 : 0.1};
                                struct diffusion_lab *lab = diffusion_lab_open(GAUSSIAN, NULL, methods[m].text,
                                                                               lab_processes[p], times, 2, LANES);
                                diffusion_lab_draw(lab, 0, 10);
                                diffusion_lab_go(lab);
                                for (size_t i = 0; i < lab->population->tile_size; i++)
                                        assert_true(isfinite(lab->population->x[i]));
                                diffusion_lab_close(lab);
                        }
}

static void test_a_step_to_sigma_0_of_schemes_without_noise_is_the_mean_of_the_clean_target(void **state)
{
        (void)state;
        static const char *const samplers[] = {"{type: ddim}", "{type: ddim, eta: 0.5}", "{type: sde_dpm_solver}",
                                               "{type: ancestral, variance: posterior}"};
        const double times[] = {3, 0};
        for (size_t i = 0; i < sizeof samplers / sizeof *samplers; i++)
                for (size_t p = 0; p < 3; p++) {
                        struct diffusion_lab *lab = diffusion_lab_open(GAUSSIAN, NULL, samplers[i], lab_processes[p],
                                                                       times, 2, LANES);
                        diffusion_lab_draw(lab, 0, 1);
                        double x[2 * LANES];
                        memcpy(x, lab->population->x, sizeof x);
                        diffusion_lab_go(lab);
                        for (size_t k = 0; k < 2 * LANES; k++) {
                                const double d = k < LANES ? 0.25 : 4, mean = k < LANES ? 1 : -1;
                                const double clean = mean + d / (d + 9) * (x[k] / lab->grid->point[0].scale - mean);
                                assert_true(fabs(lab->population->x[k] - clean) < 1e-13);
                        }
                        diffusion_lab_close(lab);
                }
}

/* What a checkpoint holds, x and history, in a new run. */
static void test_a_run_may_be_cut_and_gone_on_with_anywhere(void **state)
{
        (void)state;
        for (size_t m = 0; m < METHODS; m++)
                for (int64_t cut = 1; cut < 6; cut += 2) {
                        size_t p = 0;
                        while (!method_runs(&methods[m], p))
                                p++;
                        struct diffusion_lab *lab[3];
                        for (int i = 0; i < 3; i++) {
                                lab[i] = diffusion_lab_open(GAUSSIAN, NULL, methods[m].text, lab_processes[p], TIMES,
                                                            n_points(&methods[m]), 2 * LANES);
                                diffusion_lab_draw(lab[i], 0, 10);
                        }
                        const size_t bytes = 2 * lab[0]->population->tile_size * sizeof(double);
                        const int64_t end = diffusion_lab_steps(lab[0]);
                        assert_false(diffusion_lab_try(lab[0], 0, end).found);
                        assert_false(diffusion_lab_try(lab[1], 0, cut).found);
                        memcpy(lab[2]->population->x, lab[1]->population->x, bytes);
                        for (size_t k = 0; k < lab[0]->sampler->scheme->n_history; k++)
                                memcpy(lab[2]->population->history[k], lab[1]->population->history[k], bytes);
                        assert_false(diffusion_lab_try(lab[2], cut, end).found);
                        assert_memory_equal(lab[0]->population->x, lab[2]->population->x, bytes);
                        for (int i = 0; i < 3; i++)
                                diffusion_lab_close(lab[i]);
                }
}

/* ---- costs ---- */

static void test_evaluations_are_as_predicted(void **state)
{
        (void)state;
        enum { N = LANES + 10 };
        for (size_t m = 0; m < METHODS; m++)
                for (size_t n = POINTS - 1; n <= n_points(&methods[m]); n++) {
                        size_t p = 0;
                        while (!method_runs(&methods[m], p))
                                p++;
                        struct diffusion_lab *lab = diffusion_lab_open(GAUSSIAN, NULL, methods[m].text,
                                                                       lab_processes[p], TIMES, n, N);
                        diffusion_lab_draw(lab, 0, 10);
                        diffusion_lab_go(lab);
                        const struct scheme *scheme = lab->sampler->scheme;
                        const void *settings = lab->sampler->scheme_settings;
                        int64_t each = diffusion_lab_steps(lab);
                        if (scheme->evaluations_per_step)
                                each *= scheme->evaluations_per_step(settings);
                        if (scheme->evaluations_saved)
                                each -= scheme->evaluations_saved(settings, lab->grid);
                        assert_int_equal(lab->tally.evaluations, N * each);
                        /* one a step, and each corrector's where the step ends with noise */
                        assert_int_equal(each, diffusion_lab_steps(lab) + methods[m].correctors * (POINTS - 2));
                        diffusion_lab_close(lab);
                }
}

/* ---- refusals ---- */

static const char *refusal(const char *sampler, const struct process_type *process, size_t n)
{
        struct diffusion_lab *lab = diffusion_lab_open(GAUSSIAN, NULL, sampler, process, TIMES, n, LANES);
        const struct scheme *scheme = lab->sampler->scheme;
        const char *why = scheme->unfit ? scheme->unfit(lab->sampler->scheme_settings, lab->grid, lab->score) : NULL;
        diffusion_lab_close(lab);
        return why; /* text that stays */
}

static void test_what_a_scheme_cannot_do_is_refused_with_advice(void **state)
{
        (void)state;
        assert_non_null(strstr(refusal("{type: euler_maruyama}", &lab_ve, POINTS), "denoise: true"));
        assert_null(refusal("{type: euler_maruyama}", &lab_ve, POINTS - 1));
        assert_null(refusal("{type: euler_maruyama}", &lab_edm, POINTS));
        assert_null(refusal("{type: euler_maruyama}", &lab_vp, POINTS));
        assert_null(refusal("{type: euler_maruyama}", &lab_subvp, POINTS));
        assert_non_null(strstr(refusal("{type: ancestral}", &lab_subvp, POINTS), "reverse_diffusion"));
        assert_null(refusal("{type: ancestral}", &lab_vp, POINTS));
        assert_null(refusal("{type: ancestral}", &lab_ve, POINTS));
        assert_non_null(refusal("{type: predictor_corrector, predictor: ancestral}", &lab_subvp, POINTS));
        assert_non_null(refusal("{type: predictor_corrector, predictor: euler_maruyama}", &lab_ve, POINTS));
        assert_null(refusal("{type: predictor_corrector}", &lab_subvp, POINTS));
}

/* ---- a score that breaks ---- */

enum { BROKEN = LANES + 6 };
static const double BREAKS_AT = 1.5;

static int64_t one_dimension(const void *settings)
{
        (void)settings;
        return 1;
}

static void *nothing(const void *settings)
{
        (void)settings;
        return allocate(1, sizeof(double));
}

static void *trap_level(const void *model, double sigma)
{
        (void)model;
        double *level = allocate(1, sizeof *level);
        *level = sigma;
        return level;
}

/* N(0, 1), and no number far out from some level on. */
static void trap_eval(const void *level, const double *restrict x, double *restrict s)
{
        const double sigma = *(const double *)level;
        for (int lane = 0; lane < LANES; lane++)
                s[lane] = sigma <= BREAKS_AT && fabs(x[lane]) > 1e3 ? NAN : -x[lane] / (1 + sigma * sigma);
}

static const struct score_type trap = {.name = "trap", .dimension = one_dimension, .create = nothing, .free = free,
                                       .create_level = trap_level, .free_level = free, .eval = trap_eval};

static void test_the_step_and_the_particle_that_break_are_named(void **state)
{
        (void)state;
        static const struct {
                const char *text;
                bool corrects;
        } samplers[] = {
                {"{type: reverse_diffusion}", false},
                {"{type: sde_dpm_solver}", false},
                {"{type: ddim}", false},
                {"{type: predictor_corrector, corrector_steps: 2}", true},
                {"{type: predictor_corrector, norm: particle}", true},
                {"{type: predictor_corrector, corrector_step_size: 0.1}", true},
        };
        for (size_t i = 0; i < sizeof samplers / sizeof *samplers; i++) {
                struct score *score = score_create(&trap, NULL);
                struct diffusion_lab *lab = diffusion_lab_open(NULL, score, samplers[i].text, &lab_edm, TIMES, POINTS,
                                                               3 * LANES);
                diffusion_lab_draw(lab, 0, 10);
                lab->population->x[BROKEN] = 1e9;
                const struct breakdown breakdown = diffusion_lab_try(lab, 0, POINTS - 1);
                assert_true(breakdown.found);
                assert_int_equal(breakdown.particle, BROKEN);
                /* TIMES[3] is where it breaks: where step 2 ends, and 3 begins */
                assert_int_equal(breakdown.step, samplers[i].corrects ? 2 : 3);
                diffusion_lab_close(lab);
                score_free(score);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_schemes_that_are_the_same_agree),
                cmocka_unit_test(test_one_step_is_enough),
                cmocka_unit_test(test_a_step_to_sigma_0_of_schemes_without_noise_is_the_mean_of_the_clean_target),
                cmocka_unit_test(test_a_run_may_be_cut_and_gone_on_with_anywhere),
                cmocka_unit_test(test_evaluations_are_as_predicted),
                cmocka_unit_test(test_what_a_scheme_cannot_do_is_refused_with_advice),
                cmocka_unit_test(test_the_step_and_the_particle_that_break_are_named),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
